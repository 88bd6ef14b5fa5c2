/*
 * What the workspace has to offer: runtimes, machines, zones; who is calling; the workspace's
 * switches (databricks-api.md 1.3, 1.8, 7.3).
 */
#include "inside.h"

static const struct version_row {
    const char *key, *name;
} versions[] = {
    { "13.3.x-scala2.12", "13.3 LTS (includes Apache Spark 3.4.1, Scala 2.12)" },
    { "14.3.x-scala2.12", "14.3 LTS (includes Apache Spark 3.5.0, Scala 2.12)" },
    { "14.3.x-cpu-ml-scala2.12", "14.3 LTS ML (includes Apache Spark 3.5.0, Scala 2.12)" },
    { "15.4.x-scala2.12", "15.4 LTS (includes Apache Spark 3.5.0, Scala 2.12)" },
    { "15.4.x-photon-scala2.12", "15.4 LTS Photon (includes Apache Spark 3.5.0, Scala 2.12)" },
    { "15.4.x-cpu-ml-scala2.12", "15.4 LTS ML (includes Apache Spark 3.5.0, Scala 2.12)" },
    { "15.4.x-gpu-ml-scala2.12", "15.4 LTS ML (includes Apache Spark 3.5.0, GPU, Scala 2.12)" },
    { "16.4.x-scala2.12", "16.4 LTS (includes Apache Spark 3.5.2, Scala 2.12)" },
    { "16.4.x-scala2.13", "16.4 LTS (includes Apache Spark 3.5.2, Scala 2.13)" },
    { "17.3.x-scala2.13", "17.3 LTS (includes Apache Spark 4.0.0, Scala 2.13)" },
    { "18.0.x-scala2.13", "18.0 (includes Apache Spark 4.0.0, Scala 2.13)" },
    { "19.0.x-scala2.13", "19.0 (includes Apache Spark 4.1.0, Scala 2.13)" },
};

static const struct ws_node_type node_types[] = {
    { "i3.xlarge", MODEL_AWS, 4, 31232, 1, false },
    { "i3.2xlarge", MODEL_AWS, 8, 62464, 1, false },
    { "i3.4xlarge", MODEL_AWS, 16, 124928, 2, false },
    { "i3.8xlarge", MODEL_AWS, 32, 249856, 4, false },
    { "m5d.large", MODEL_AWS, 2, 8192, 1, false },
    { "m5d.xlarge", MODEL_AWS, 4, 16384, 1, false },
    { "m5d.2xlarge", MODEL_AWS, 8, 32768, 1, false },
    { "r5d.xlarge", MODEL_AWS, 4, 32768, 1, false },
    { "r5d.2xlarge", MODEL_AWS, 8, 65536, 1, false },
    { "c5d.xlarge", MODEL_AWS, 4, 8192, 1, false },
    { "m5.large", MODEL_AWS, 2, 8192, 0, false },
    { "m5.xlarge", MODEL_AWS, 4, 16384, 0, false },
    { "m5.2xlarge", MODEL_AWS, 8, 32768, 0, false },
    { "r5.xlarge", MODEL_AWS, 4, 32768, 0, false },
    { "c5.xlarge", MODEL_AWS, 4, 8192, 0, false },
    { "g4dn.xlarge", MODEL_AWS, 4, 16384, 1, false },
    { "m6gd.large", MODEL_AWS, 2, 8192, 1, true },
    { "m6gd.xlarge", MODEL_AWS, 4, 16384, 1, true },
    { "r6gd.xlarge", MODEL_AWS, 4, 32768, 1, true },
    { "Standard_DS3_v2", MODEL_AZURE, 4, 14336, 1, false },
    { "Standard_DS4_v2", MODEL_AZURE, 8, 28672, 1, false },
    { "Standard_D4ds_v5", MODEL_AZURE, 4, 16384, 1, false },
    { "Standard_D8ds_v5", MODEL_AZURE, 8, 32768, 1, false },
    { "Standard_E4ds_v5", MODEL_AZURE, 4, 32768, 1, false },
    { "Standard_F4s", MODEL_AZURE, 4, 8192, 0, false },
    { "n1-standard-4", MODEL_GCP, 4, 15360, 0, false },
    { "n2-standard-4", MODEL_GCP, 4, 16384, 0, false },
    { "n2-highmem-4", MODEL_GCP, 4, 32768, 0, false },
    { "n2-highmem-8", MODEL_GCP, 8, 65536, 0, false },
};

bool ws_spark_version_exists(const char *key)
{
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        if (strcmp(versions[i].key, key) == 0) return true;
    }
    return false;
}

const struct ws_node_type *ws_node_type(enum model_cloud cloud, const char *id)
{
    for (size_t i = 0; i < COUNT_OF(node_types); i++) {
        if (node_types[i].cloud == cloud && strcmp(node_types[i].id, id) == 0) {
            return &node_types[i];
        }
    }
    return NULL;
}

bool ws_spark_versions(struct ws_call *call)
{
    struct buf *out = ws_answer(call);
    emit_open(out, '{');
    emit_key(out, "versions");
    emit_open(out, '[');
    for (size_t i = 0; i < COUNT_OF(versions); i++) {
        emit_open(out, '{');
        emit_text(out, "key", versions[i].key);
        emit_text(out, "name", versions[i].name);
        emit_close(out, '}');
    }
    emit_close(out, ']');
    emit_close(out, '}');
    emit_end(out);
    return true;
}

bool ws_node_types(struct ws_call *call)
{
    struct buf *out = ws_answer(call);
    emit_open(out, '{');
    emit_key(out, "node_types");
    emit_open(out, '[');
    for (size_t i = 0; i < COUNT_OF(node_types); i++) {
        const struct ws_node_type *type = &node_types[i];
        if (type->cloud != call->model->cloud) continue;
        emit_open(out, '{');
        emit_text(out, "node_type_id", type->id);
        emit_int(out, "memory_mb", type->memory_mb);
        emit_key(out, "num_cores");
        buf_addf(out, "%d.0,", type->cores); /* may be fractional, and looks it */
        emit_text(out, "description", type->id);
        emit_text(out, "instance_type_id", type->id);
        emit_text(out, "category", "General Purpose");
        emit_bool(out, "is_deprecated", false);
        emit_bool(out, "is_hidden", false);
        emit_bool(out, "is_graviton", type->graviton);
        emit_bool(out, "support_ebs_volumes", type->cloud == MODEL_AWS);
        emit_bool(out, "support_cluster_tags", true);
        emit_key(out, "node_instance_type");
        emit_open(out, '{');
        emit_text(out, "instance_type_id", type->id);
        emit_int(out, "local_disks", type->local_disks);
        emit_close(out, '}');
        emit_close(out, '}');
    }
    emit_close(out, ']');
    emit_close(out, '}');
    emit_end(out);
    return true;
}

bool ws_zones(struct ws_call *call)
{
    if (call->model->cloud != MODEL_AWS) {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE", "Zones are not supported here.");
    }
    buf_adds(ws_answer(call), "{\"zones\":[\"us-east-1a\",\"us-east-1b\",\"us-east-1c\"],"
                              "\"default_zone\":\"us-east-1c\"}");
    return true;
}

bool ws_me(struct ws_call *call)
{
    struct buf *out = ws_answer(call);
    emit_open(out, '{');
    emit_text(out, "id", "8312474716237915");
    emit_text(out, "userName", call->user);
    emit_text(out, "displayName", call->user);
    emit_bool(out, "active", true);
    emit_json(out, "groups",
              call->model->switches.admin ? "[{\"display\":\"admins\"}]"
                                          : "[{\"display\":\"users\"}]");
    emit_close(out, '}');
    emit_end(out);
    return true;
}

/* What a client asks a host for before it signs in (7.3). There is no OAuth here to point to. */
bool ws_host_config(struct ws_call *call)
{
    static const char *const clouds[] = {
        [MODEL_AWS] = "AWS", [MODEL_AZURE] = "AZURE", [MODEL_GCP] = "GCP"
    };
    struct buf *out = ws_answer(call);
    emit_open(out, '{');
    emit_text(out, "workspace_id", MODEL_ORG_ID);
    emit_text(out, "cloud", clouds[call->model->cloud]);
    emit_text(out, "host_type", "workspace");
    emit_close(out, '}');
    emit_end(out);
    return true;
}

bool ws_conf_get(struct ws_call *call)
{
    const char *keys = ws_param(call, "keys");
    if (keys == NULL) {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE", "Missing required field: keys");
    }
    struct buf *out = ws_answer(call);
    emit_open(out, '{');
    for (const char *at = keys; *at != '\0';) {
        size_t len = strcspn(at, ",");
        const char *key = arena_strndup(call->arena, at, len);
        if (strcmp(key, "enableDcs") == 0) {
            emit_text(out, key, call->model->switches.dcs_enabled ? "true" : "false");
        } else if (len != 0) {
            emit_json(out, key, "null");
        }
        at += at[len] == ',' ? len + 1 : len;
    }
    emit_close(out, '}');
    emit_end(out);
    return true;
}

bool ws_conf_patch(struct ws_call *call)
{
    if (!call->model->switches.admin) {
        return ws_refuse(call, 403, "PERMISSION_DENIED", "Only admins can change the settings.");
    }
    const char *enabled = value_get_text(call->body, "enableDcs");
    if (enabled != NULL) call->model->switches.dcs_enabled = strcmp(enabled, "true") == 0;
    call->response->status = 204;
    return true;
}
