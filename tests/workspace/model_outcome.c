/*
 * How a launch ends: machines, image, init scripts, container, in the order of
 * databricks-api.md 8.3; codes, parameters and texts of section 4.
 */
#include "inside.h"

#include "text.h"

enum { MESSAGE_MAX = 8192, PARAMETERS_MAX = 65536 };

/*
 * Which code a wrong image yields is unverified (11, item 5): `code` is the probable one, `exact`
 * the one that its name suggests, chosen by a switch.
 */
static const struct image_row {
    const char *name;
    const char *code, *exact, *type;
    const char *message; /* %s: the image */
} images[MODEL_IMAGE_COUNT] = {
#define NO_IMAGE                                                                            \
    "Container setup failed because of an invalid request: Image doesn't exist or invalid " \
    "credential to pull image from %s. Error: "
    [MODEL_IMAGE_OK] = { .name = "ok" },
    [MODEL_IMAGE_MISSING] = { "missing", "CONTAINER_LAUNCH_FAILURE", "DOCKER_IMAGE_PULL_FAILURE",
                              "CLIENT_ERROR", NO_IMAGE "manifest unknown" },
    [MODEL_IMAGE_DENIED] = { "denied", "CONTAINER_LAUNCH_FAILURE", "IMAGE_PULL_PERMISSION_DENIED",
                             "CLIENT_ERROR", NO_IMAGE "unauthorized: authentication required" },
    [MODEL_IMAGE_PRIVATE] = { "private", "CONTAINER_LAUNCH_FAILURE", "IMAGE_PULL_PERMISSION_DENIED",
                              "CLIENT_ERROR", NO_IMAGE "unauthorized: authentication required" },
    [MODEL_IMAGE_SLOW] = { .name = "slow" },
    [MODEL_IMAGE_TIMEOUT] = { "timeout", "CONTAINER_LAUNCH_FAILURE", "SLOW_IMAGE_DOWNLOAD",
                              "SERVICE_FAULT",
                              "Failed to launch spark container for %s. Exception: Container setup "
                              "has timed out" },
    [MODEL_IMAGE_TOO_LARGE] = { "too-large", "CONTAINER_LAUNCH_FAILURE",
                                "DOCKER_IMAGE_TOO_LARGE_FOR_INSTANCE_EXCEPTION", "CLIENT_ERROR",
                                "Image %s does not fit on the disk of the instance" },
    [MODEL_IMAGE_WRONG_OS] = { "wrong-os", "CONTAINER_LAUNCH_FAILURE",
                               "DOCKER_INVALID_OS_EXCEPTION", "CLIENT_ERROR",
                               "Image %s is not of linux/amd64" },
    [MODEL_IMAGE_BROKEN] = { "broken", "SPARK_ERROR", "SPARK_STARTUP_FAILURE", "CLIENT_ERROR",
                             "Spark encountered an error during startup in %s. "
                             "databricks_error_message: Spark error: Driver down" },
};

static const char *const script_names[MODEL_SCRIPT_COUNT] = {
    [MODEL_SCRIPT_DEFAULT] = "default",
    [MODEL_SCRIPT_OK] = "ok",
    [MODEL_SCRIPT_MISSING] = "missing",
    [MODEL_SCRIPT_FAILS] = "fails",
};

const char *model_image_name(enum model_image image)
{
    return images[image].name;
}

const char *model_script_name(enum model_script script)
{
    return script_names[script];
}

void model_set_script(struct workspace_model *model, const char *destination,
                      enum model_script script)
{
    size_t at = 0;
    while (at < model->scripts_len && strcmp(model->scripts[at].destination, destination) != 0) {
        at++;
    }
    if (at == model->scripts_len) {
        struct ws_script entry = { .destination = xstrdup(destination) };
        ARR_PUSH(model->scripts, model->scripts_len, model->scripts_cap, entry);
    }
    model->scripts[at].script = script;
}

void model_set_stockout(struct workspace_model *model, unsigned launches)
{
    model->stockouts = launches;
}

/* {"instance_id":...,"databricks_error_message":<message>} */
static const char *make_parameters(struct workspace_model *model, const struct ws_cluster *cluster,
                                   const char *message)
{
    AUTO_BUF struct buf out = BUF_INIT(PARAMETERS_MAX);
    emit_open(&out, '{');
    emit_key(&out, "instance_id");
    buf_addf(&out, "\"i-0%s%u\",", cluster->id + 12, cluster->launches);
    emit_text(&out, "databricks_error_message", message);
    emit_close(&out, '}');
    emit_end(&out);
    return arena_strdup(&model->scratch, buf_text(&out));
}

bool ws_check_machines(struct workspace_model *model, const struct ws_cluster *cluster,
                       struct ws_ending *ret_ending)
{
    const char *objection = ws_dcs_objection(model, cluster->effective);
    if (objection != NULL) {
        *ret_ending = (struct ws_ending){ "INVALID_ARGUMENT", "CLIENT_ERROR",
                                          make_parameters(model, cluster, objection), objection };
        return false;
    }
    if (model->stockouts == 0) return true;
    model->stockouts--;
    *ret_ending = (struct ws_ending){
        "CLOUD_PROVIDER_RESOURCE_STOCKOUT", "CLOUD_FAILURE",
        "{\"aws_api_error_code\":\"InsufficientInstanceCapacity\"}",
        "The cloud provider has no capacity for the requested instance type at this time"
    };
    return false;
}

static const char *image_url(const struct ws_cluster *cluster)
{
    return value_get_text(value_get(cluster->effective, "docker_image"), "url");
}

bool ws_image_is_slow(struct workspace_model *model, const struct ws_cluster *cluster)
{
    struct ws_pull pull;
    const char *url = image_url(cluster);
    return url != NULL && ws_image_find_url(model, url, &pull) &&
           pull.version->kind == MODEL_IMAGE_SLOW;
}

/* A secret reference is taken to hold the right password (8.2). */
static bool has_login(const struct ws_image *image, const struct ws_cluster *cluster)
{
    const char *password =
        value_get_text(value_at(cluster->effective, "docker_image.basic_auth"), "password");
    if (password == NULL) return false;
    if (image->password == NULL || text_starts(password, "{{secrets/")) return true;
    return strcmp(image->password, password) == 0;
}

static void fill_ending(struct workspace_model *model, const struct ws_cluster *cluster,
                        enum model_image kind, struct ws_ending *ret_ending)
{
    const struct image_row *row = &images[kind];
    const char *gap = strstr(row->message, "%s");
    const char *message = arena_printf(&model->scratch, "%.*s%.*s%s", (int)(gap - row->message),
                                       row->message, MESSAGE_MAX / 2, image_url(cluster), gap + 2);
    *ret_ending =
        (struct ws_ending){ model->switches.image_codes_exact ? row->exact : row->code, row->type,
                            make_parameters(model, cluster, message), message };
}

/* Whether the image comes to the machine; one that is broken is seen only when Spark starts. */
static bool is_pulled(const struct ws_pull *pull, const struct ws_cluster *cluster)
{
    enum model_image kind = pull->version->kind;
    if (kind == MODEL_IMAGE_PRIVATE) return has_login(pull->image, cluster);
    return kind == MODEL_IMAGE_BROKEN || images[kind].code == NULL;
}

bool ws_check_image(struct workspace_model *model, struct ws_cluster *cluster,
                    struct ws_ending *ret_ending)
{
    struct ws_pull pull;
    const char *url = image_url(cluster);
    if (url == NULL) return true;
    bool is_there = ws_image_find_url(model, url, &pull);
    if (is_there && is_pulled(&pull, cluster)) {
        memcpy(cluster->image_digest, pull.version->digest, MODEL_DIGEST_SIZE);
        return true;
    }
    fill_ending(model, cluster, is_there ? pull.version->kind : MODEL_IMAGE_MISSING, ret_ending);
    return false;
}

bool ws_check_container(struct workspace_model *model, const struct ws_cluster *cluster,
                        struct ws_ending *ret_ending)
{
    struct ws_pull pull;
    if (cluster->image_digest[0] == '\0') return true;
    /* What was pulled, though the tag may have moved since. */
    if (!ws_image_find_pulled(model, image_url(cluster), cluster->image_digest, &pull)) return true;
    if (pull.version->kind != MODEL_IMAGE_BROKEN) return true;
    fill_ending(model, cluster, MODEL_IMAGE_BROKEN, ret_ending);
    return false;
}

/* The last line that is not blank says "exit N", N not 0. */
static bool ends_badly(const struct ws_file *file)
{
    size_t end = file->len;
    while (end > 0 && strchr(" \t\r\n", file->content[end - 1]) != NULL) {
        end--;
    }
    size_t start = end;
    while (start > 0 && file->content[start - 1] != '\n') {
        start--;
    }
    const char *line = file->content + start;
    return end - start > 5 && strncmp(line, "exit ", 5) == 0 && line[5] != '0';
}

static enum model_script script_outcome(const struct workspace_model *model, const char *kind,
                                        const char *destination)
{
    for (size_t i = 0; i < model->scripts_len; i++) {
        if (strcmp(model->scripts[i].destination, destination) != 0) continue;
        if (model->scripts[i].script != MODEL_SCRIPT_DEFAULT) return model->scripts[i].script;
    }
    if (strcmp(kind, "workspace") != 0) return MODEL_SCRIPT_OK;
    const struct ws_file *file = ws_file_find(model, destination);
    if (file == NULL || file->content == NULL) {
        return model->switches.scripts_checked ? MODEL_SCRIPT_MISSING : MODEL_SCRIPT_OK;
    }
    return ends_badly(file) ? MODEL_SCRIPT_FAILS : MODEL_SCRIPT_OK;
}

/* One element of details.init_scripts (4.4). */
static void emit_outcome(struct buf *out, const struct member *script, const char *status,
                         const char *error)
{
    emit_open(out, '{');
    emit_value(out, script->key, script->value);
    emit_text(out, "status", status);
    emit_int(out, "execution_duration_seconds", 1);
    if (error != NULL) emit_text(out, "error_message", error);
    emit_close(out, '}');
}

bool ws_check_scripts(struct workspace_model *model, struct ws_cluster *cluster,
                      struct ws_ending *ret_ending)
{
    static const struct outcome_row {
        const char *status, *error;
    } outcomes[MODEL_SCRIPT_COUNT] = {
        [MODEL_SCRIPT_OK] = { "SUCCEEDED", NULL },
        [MODEL_SCRIPT_MISSING] = { "FAILED_FETCH", "Script could not be fetched" },
        [MODEL_SCRIPT_FAILS] = { "FAILED_EXECUTION", "Script exit status is non-zero" },
    };
    const struct value *scripts = value_get(cluster->effective, "init_scripts");
    if (scripts == NULL) return true;
    const char *failure = NULL;
    AUTO_BUF struct buf out = BUF_INIT(WS_ROW_BYTES_MAX);
    buf_addf(&out, "{\"init_scripts\":{\"reported_for_node\":\"10.0.0.4\",\"cluster\":[");
    for (size_t i = 0; i < scripts->len; i++) {
        const struct member *script = &scripts->u.items[i]->u.members[0];
        if (failure != NULL) { /* the ones behind a failed one do not run */
            emit_outcome(&out, script, "NOT_EXECUTED", NULL);
            continue;
        }
        const char *destination = value_get_text(script->value, "destination");
        const struct outcome_row *row = &outcomes[script_outcome(model, script->key, destination)];
        emit_outcome(&out, script, row->status, row->error);
        if (row->error != NULL) {
            failure = arena_printf(&model->scratch, "Cluster scoped init script %s failed: %s",
                                   destination, row->error);
        }
    }
    emit_close(&out, ']');
    emit_close(&out, '}');
    emit_close(&out, '}');
    emit_end(&out);
    ws_event_add(model, cluster, "INIT_SCRIPTS_FINISHED", buf_text(&out));
    if (failure == NULL) return true;
    *ret_ending = (struct ws_ending){
        "INIT_SCRIPT_FAILURE", "CLIENT_ERROR", make_parameters(model, cluster, failure),
        arena_printf(&model->scratch, "Init scripts failed. databricks_error_message: %s", failure)
    };
    return false;
}
