/*
 * inside: what the files of the model share. Not for its users.
 */
#ifndef CLUSTERKEEPER_WORKSPACE_INSIDE_H
#define CLUSTERKEEPER_WORKSPACE_INSIDE_H

#include "emit.h"
#include "image_ref.h"
#include "model.h"
#include "prng.h"

enum {
    WS_REQUEST_BYTES_MAX = 10 * 1024 * 1024, /* databricks-api.md 1.1 */
    WS_ANSWER_BYTES_MAX = 64 * 1024 * 1024,
    WS_HEADERS_BYTES_MAX = 16 * 1024,
    WS_ROW_BYTES_MAX = 12 * 1024 * 1024,
    WS_PARAMS_MAX = 32,
    WS_EVENTS_MAX = 2000, /* of one cluster; the older half goes first */
    WS_LIBRARIES_MAX = 1000,
    WS_GRANTS_MAX = 200,
    WS_FILES_MAX = 20000,
    WS_PAGE_MAX = 100, /* 5.4 */
};
#define WS_RETENTION_MS ((int64_t)30 * 24 * 3600 * 1000)

/* What happens to a cluster by itself when its time comes. */
enum ws_turn {
    TURN_NONE,
    TURN_ACQUIRED, /* the machines are there, or are not */
    TURN_PULLED,   /* the image was pulled, or was not */
    TURN_SCRIPTED, /* the init scripts ended */
    TURN_RUNNING,  /* Spark is up, or is not */
    TURN_RESIZED,
    TURN_TERMINATED,
    TURN_IDLE,    /* autotermination */
    TURN_EXPIRED, /* retention */
};

struct ws_event {
    int64_t at_ms;
    const char *type;
    char *details; /* JSON object; NULL: none */
};

struct ws_library {
    char *json; /* the library's one-key object */
    int64_t ready_ms;
    bool leaving; /* UNINSTALL_ON_RESTART */
};

struct ws_grant {
    const char *kind;  /* "user_name", "group_name", "service_principal_name" */
    const char *level; /* "CAN_MANAGE" */
    char *principal;
};

struct ws_cluster {
    char id[MODEL_ID_SIZE];
    struct arena arena;            /* of spec and effective: a new one at each edit */
    const struct value *spec;      /* as submitted, credentials in clear */
    const struct value *effective; /* as decorated, credentials in clear */
    const char *name;              /* in effective */
    const char *source;            /* static */
    const char *creator;           /* of the model */
    char *token;                   /* idempotency token; NULL: none */
    enum model_state state;
    bool doomed; /* permanently deleted as soon as it is terminated */
    bool pinned;
    enum ws_turn turn;
    int64_t due_ms;
    size_t heap_at; /* its place in the queue, when turn is not TURN_NONE */
    uint64_t number;
    uint64_t spark_context_id;
    int64_t created_ms, terminated_ms, restarted_ms, activity_ms;
    int64_t launch_ms; /* how long the launch under way takes */
    unsigned launches;
    uint64_t nodes_launched;
    char image_digest[MODEL_DIGEST_SIZE]; /* of what the last launch pulled; "": nothing */
    char *state_message;                  /* NULL: "" */
    const char *reason_code;              /* static; NULL: never ended */
    const char *reason_type;
    char *reason_parameters; /* JSON object; NULL: none */
    struct ws_event *events;
    size_t events_len, events_cap;
    struct ws_library *libraries;
    size_t libraries_len, libraries_cap;
    bool are_grants_set; /* until the first PUT the creator manages it */
    struct ws_grant *grants;
    size_t grants_len, grants_cap;
    struct buf row; /* the answer as `list` gives it, without the last brace */
    bool row_fresh;
    struct ws_cluster *chain; /* the next of the same hash */
};

struct ws_sorted { /* the order of a listing */
    uint64_t key;  /* state, pin and the beginning of the name */
    struct ws_cluster *cluster;
};

struct ws_version { /* what was pushed under a tag */
    unsigned number;
    enum model_image kind; /* what becomes of a launch with it */
    bool is_arm;
    char digest[MODEL_DIGEST_SIZE];
};
struct ws_image { /* a tag of a repository, whatever the host */
    char *repository, *tag;
    char *password;              /* of MODEL_IMAGE_PRIVATE; NULL: any will do */
    struct ws_version *versions; /* the tag points to the last one */
    size_t versions_len, versions_cap;
};
struct ws_script {
    char *destination;
    enum model_script script;
};
struct ws_fixed { /* a policy's rule */
    const char *policy_id, *path;
    const struct value *value;
};
struct ws_fault {
    struct model_fault rule;
    char *texts[4]; /* method, path, code, message */
    uint64_t seen, struck;
    double level; /* of the bucket */
    int64_t level_ms;
};
struct ws_file {
    char *path;
    char *content; /* NULL: a directory */
    size_t len;
    int64_t object_id, created_ms, modified_ms;
};

struct workspace_model {
    struct arena arena;   /* lives as long as the model */
    struct arena scratch; /* of the call under way */
    struct model_delays delays;
    struct model_switches switches;
    enum model_cloud cloud;
    const char *user_name, *token;
    struct model_tag *workspace_tags;
    size_t workspace_tags_len;
    int64_t now_ms;
    struct prng prng;             /* of what the workspace draws */
    struct prng fault_prng;       /* of faults, so that one more of them shifts nothing else */
    struct ws_cluster **clusters; /* not deleted ones, in order of creation */
    size_t clusters_len, clusters_cap;
    uint64_t clusters_made;
    struct ws_cluster **buckets; /* by ID */
    size_t buckets_len;
    struct ws_cluster **queue; /* a binary heap by due_ms, then number */
    size_t queue_len, queue_cap;
    struct ws_sorted *sorted;
    size_t sorted_len, sorted_cap;
    bool sorted_fresh;
    size_t pins;
    unsigned stockouts;
    double nodes_level;
    int64_t nodes_level_ms;
    struct ws_image *images;
    size_t images_len, images_cap;
    struct ws_script *scripts;
    size_t scripts_len, scripts_cap;
    struct ws_fixed *policies;
    size_t policies_len, policies_cap;
    struct ws_fault *faults;
    size_t faults_len, faults_cap;
    struct ws_file *files;
    size_t files_len, files_cap;
    int64_t object_ids;
    struct model_call *calls; /* a ring once it is full */
    size_t calls_len, calls_cap, calls_first;
    uint64_t *counts; /* by route, the last for paths that are not served */
    uint64_t writes;
};

struct ws_param {
    const char *key, *value;
};

/* One request under way. */
struct ws_call {
    struct workspace_model *model;
    struct arena *arena; /* of the call */
    const struct model_request *request;
    const char *path; /* without the query */
    const char *tail; /* what the `*` of its route stands for, decoded */
    struct ws_param params[WS_PARAMS_MAX];
    size_t params_len;
    const struct value *body; /* of calls that take one: a map */
    const char *user;         /* who acts */
    const char *source;       /* "API", or "UI" for an actor */
    char id[MODEL_ID_SIZE];   /* for the log */
    struct model_response *response;
};

/* Answers its call and returns true, or refuses it. */
typedef bool (*ws_handler_fn)(struct ws_call *call);

/* router.c */
/* Make `call` fail with an error of the API; always false. */
bool ws_refuse(struct ws_call *call, int status, const char *code, const char *fmt, ...)
    PRINTF(4, 5);
/* The value of a query parameter; NULL: not given. */
const char *ws_param(const struct ws_call *call, const char *key);
void ws_answer_empty(struct ws_call *call);  /* {} */
struct buf *ws_answer(struct ws_call *call); /* where the body goes */
/* One more header of the answer; `name` in lower case. */
void ws_header(struct model_response *response, const char *name, const char *value);
size_t ws_routes_count(void);
void ws_fail_response(struct model_response *response, int status, const char *code,
                      const char *message);

/* model.c */
struct ws_cluster *ws_find(const struct workspace_model *model, const char *id);
struct ws_cluster *ws_cluster_add(struct workspace_model *model, const char *source,
                                  const char *creator);
void ws_cluster_remove(struct workspace_model *model, struct ws_cluster *cluster);
/* Something that an answer shows has changed; `order` when its place in a listing may have. */
void ws_touch(struct workspace_model *model, struct ws_cluster *cluster, bool order);
void ws_schedule(struct workspace_model *model, struct ws_cluster *cluster, enum ws_turn turn,
                 int64_t in_ms);
void ws_unschedule(struct workspace_model *model, struct ws_cluster *cluster);
/* Takes the definition over; both are copied. */
void ws_define(struct workspace_model *model, struct ws_cluster *cluster, const struct value *spec,
               const struct value *effective);
const char *ws_state_title(enum model_state state); /* "Pending", as error texts spell it */

/* model_launch.c: what happens by itself */
void ws_launch(struct workspace_model *model, struct ws_cluster *cluster, bool restart);
struct ws_ending {
    const char *code, *type; /* static */
    const char *parameters;  /* JSON; NULL: none */
    const char *message;
};
void ws_terminate(struct workspace_model *model, struct ws_cluster *cluster,
                  const struct ws_ending *ending);
void ws_take_turn(struct workspace_model *model, struct ws_cluster *cluster);
/* When a terminated cluster that is not pinned goes. */
void ws_schedule_expiry(struct workspace_model *model, struct ws_cluster *cluster);

/* model_outcome.c: how a launch ends; each false with `ret_ending` filled, texts in the scratch */
bool ws_check_machines(struct workspace_model *model, const struct ws_cluster *cluster,
                       struct ws_ending *ret_ending);
/* Notes what was pulled. */
bool ws_check_image(struct workspace_model *model, struct ws_cluster *cluster,
                    struct ws_ending *ret_ending);
/* Also writes the event INIT_SCRIPTS_FINISHED. */
bool ws_check_scripts(struct workspace_model *model, struct ws_cluster *cluster,
                      struct ws_ending *ret_ending);
bool ws_check_container(struct workspace_model *model, const struct ws_cluster *cluster,
                        struct ws_ending *ret_ending);
bool ws_image_is_slow(struct workspace_model *model, const struct ws_cluster *cluster);

/* model_images.c */
struct ws_pull { /* valid until an image is set, pushed or looked for */
    const struct ws_image *image;
    const struct ws_version *version;
};
/* An image that nobody spoke of is made, and is OK. False: the digest was never pushed. */
bool ws_image_find(struct workspace_model *model, const struct image_ref *ref,
                   struct ws_pull *ret_pull);
bool ws_image_find_url(struct workspace_model *model, const char *url, struct ws_pull *ret_pull);
/* As if `url` had that digest. */
bool ws_image_find_pulled(struct workspace_model *model, const char *url, const char *digest,
                          struct ws_pull *ret_pull);
void ws_images_free(struct workspace_model *model);

/* model_content.c */
enum { WS_DOCUMENTS_MAX = 7 };
struct ws_document {
    const char *media_type;
    const char *data;
    size_t len;
    bool is_blob; /* else a manifest or an index */
    char digest[MODEL_DIGEST_SIZE];
};
struct ws_content {
    struct ws_document documents[WS_DOCUMENTS_MAX]; /* the last is what the tag points to */
    size_t len;
};
void ws_content_make(struct arena *arena, const struct ws_image *image,
                     const struct ws_version *version, struct ws_content *ret_content);
void ws_content_digest(const struct ws_image *image, const struct ws_version *version,
                       char ret_digest[MODEL_DIGEST_SIZE]);
const char *ws_version_cpu(const struct ws_version *version); /* "amd64" */

/* model_registry.c: what is served under /v2/ */
bool ws_registry_is_for(const char *path);
/* The name of its route: "registry/manifest"; "" for a path of no registry. */
const char *ws_registry_name(const char *path);
/* A path or method that is not served; always false. */
bool ws_registry_lost(struct ws_call *call);
/* {"errors":[...]}; always false. */
bool ws_registry_refuse(struct ws_call *call, int status, const char *code, const char *message);

/* model_registry_login.c: each answers the call itself when it returns false */
bool ws_registry_admits(struct ws_call *call, const struct ws_pull *pull);
bool ws_registry_admits_ping(struct ws_call *call);

/* model_shape.c, model_spec.c */
bool ws_check_shape(struct ws_call *call, const struct value *spec);
bool ws_is_known_field(const char *key);
bool ws_check_spec(struct ws_call *call, const struct value *spec);
bool ws_check_size(struct ws_call *call, const struct value *size);
/* Why DCS does not go with the spec; NULL: it does. */
const char *ws_dcs_objection(const struct workspace_model *model, const struct value *spec);

/* model_decorate.c */
const struct value *ws_decorate(struct workspace_model *model, struct arena *arena,
                                const struct value *spec, const char *creator);
/* The driver and the desired number of workers (the smallest, with autoscale). */
int64_t ws_nodes(const struct value *spec);

/* model_render.c */
void ws_render_row(struct workspace_model *model, struct ws_cluster *cluster, struct buf *out);
void ws_render_full(struct workspace_model *model, struct ws_cluster *cluster, struct buf *out);
void ws_render_definition(const struct workspace_model *model, const struct value *spec,
                          struct buf *out); /* members, each with its comma */

/* model_catalogue.c */
struct ws_node_type {
    const char *id;
    enum model_cloud cloud;
    int cores;
    int memory_mb;
    int local_disks;
    bool graviton;
};
const struct ws_node_type *ws_node_type(enum model_cloud cloud, const char *id); /* NULL: none */
bool ws_spark_version_exists(const char *key);

/* model_events.c */
/* `details` is a JSON object, copied; NULL: none. */
void ws_event_add(struct workspace_model *model, struct ws_cluster *cluster, const char *type,
                  const char *details);

/* model_files.c */
/* NULL: not base64. */
char *ws_from_base64(struct arena *arena, const char *text, size_t *ret_len);
const struct ws_file *ws_file_find(const struct workspace_model *model, const char *path);

/* model_faults.c */
/* Before the call: true when `response` is final and nothing is to be done. */
bool ws_faults_before(struct ws_call *call, const char *name, const struct ws_fault **ret_after);
void ws_fault_after(struct ws_call *call, const struct ws_fault *fault);

/* Handlers, by the file that they are in. */
bool ws_create(struct ws_call *call); /* model_clusters.c */
bool ws_edit(struct ws_call *call);
bool ws_update(struct ws_call *call);
bool ws_get(struct ws_call *call);
bool ws_start(struct ws_call *call); /* model_lifecycle.c */
bool ws_restart(struct ws_call *call);
bool ws_resize(struct ws_call *call);
bool ws_delete(struct ws_call *call);
bool ws_permanent_delete(struct ws_call *call);
bool ws_pin(struct ws_call *call);
bool ws_unpin(struct ws_call *call);
bool ws_change_owner(struct ws_call *call);
bool ws_list(struct ws_call *call);    /* model_list.c */
bool ws_events(struct ws_call *call);  /* model_events.c */
bool ws_install(struct ws_call *call); /* model_libraries.c */
bool ws_uninstall(struct ws_call *call);
bool ws_cluster_status(struct ws_call *call);
bool ws_all_statuses(struct ws_call *call);
bool ws_permissions_get(struct ws_call *call); /* model_permissions.c */
bool ws_permissions_put(struct ws_call *call);
bool ws_permissions_patch(struct ws_call *call);
bool ws_mkdirs(struct ws_call *call); /* model_files.c */
bool ws_import(struct ws_call *call);
bool ws_import_file(struct ws_call *call);
bool ws_get_status(struct ws_call *call);
bool ws_export(struct ws_call *call);
bool ws_delete_path(struct ws_call *call);
bool ws_list_path(struct ws_call *call);
bool ws_spark_versions(struct ws_call *call); /* model_catalogue.c */
bool ws_node_types(struct ws_call *call);
bool ws_zones(struct ws_call *call);
bool ws_me(struct ws_call *call);
bool ws_host_config(struct ws_call *call);
bool ws_conf_get(struct ws_call *call);
bool ws_conf_patch(struct ws_call *call);
bool ws_registry_ping(struct ws_call *call); /* model_registry.c */
bool ws_registry_manifest(struct ws_call *call);
bool ws_registry_blob(struct ws_call *call);
bool ws_registry_tags(struct ws_call *call);
bool ws_registry_token(struct ws_call *call); /* model_registry_login.c */

/* model_clusters.c, for the other handlers: the cluster that the body names. NULL: it was
   refused, and the answer says why. */
struct ws_cluster *ws_need_cluster(struct ws_call *call);
struct ws_cluster *ws_need_cluster_id(struct ws_call *call, const char *id);
/* The launch fits into the bucket of nodes, or a refusal (5.4). */
bool ws_take_nodes(struct ws_call *call, int64_t nodes);
/* 400 INVALID_STATE, with the words of 3.2. */
bool ws_refuse_state(struct ws_call *call, const struct ws_cluster *cluster);

/* model_libraries.c */
void ws_libraries_launch(struct workspace_model *model, struct ws_cluster *cluster);
void ws_libraries_end(struct ws_cluster *cluster);
void ws_library_add(struct workspace_model *model, struct ws_cluster *cluster, const char *json);
void ws_cluster_free(struct ws_cluster *cluster); /* model.c */

#endif
