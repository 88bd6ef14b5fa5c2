/*
 * model: a Databricks workspace that is a value: its clusters, and what surrounds them, behind the
 * REST API.
 *
 * One module with two faces: linked into a test, where time is an argument; and over HTTP as
 * `workspace-sim`. It is written from databricks-api.md alone (section 10.2 is its list of
 * requirements) and shares no code with the controller but values and JSON, so that the two do not
 * agree by making the same mistake.
 *
 * Deterministic: the same seed, times and requests give the same answers, byte for byte. One
 * thread. All times are milliseconds of the virtual wall clock. Users write #include
 * "workspace/model.h".
 */
#ifndef CLUSTERKEEPER_WORKSPACE_MODEL_H
#define CLUSTERKEEPER_WORKSPACE_MODEL_H

#include "buf.h"
#include "value.h"

struct workspace_model; /* opaque */

/* databricks-api.md 3.1; MODEL_EXPIRED: removed by retention, answers INVALID_STATE (1.3). */
enum model_state {
    MODEL_PENDING,
    MODEL_RUNNING,
    MODEL_RESTARTING,
    MODEL_RESIZING,
    MODEL_TERMINATING,
    MODEL_TERMINATED,
    MODEL_EXPIRED,
};

enum model_cloud { MODEL_AWS, MODEL_AZURE, MODEL_GCP };

/* How long things take, in virtual milliseconds. */
struct model_delays {
    int64_t pending_ms;    /* create or start to RUNNING: 4 minutes */
    int64_t restart_ms;    /* RESTARTING to RUNNING: 2 minutes */
    int64_t resize_ms;     /* 1 minute */
    int64_t terminate_ms;  /* TERMINATING to TERMINATED: 30 seconds */
    int64_t list_lag_ms;   /* until a new cluster is listed: 0 */
    int64_t get_lag_ms;    /* until a new cluster can be got: 0 */
    int64_t slow_image_ms; /* what a slow image adds: 15 minutes */
    int64_t library_ms;    /* to install a library: 20 seconds */
    int64_t jitter_pct;    /* each launch takes up to so much longer: 0 */
};

/*
 * What the reference marks as unverified (10.2 item 7, 11), and a few of the workspace's own
 * settings. A controller has to be right under each. The comment says what the default is.
 */
struct model_switches {
    int64_t credentials;        /* docker basic_auth in answers: 0 absent (default), 1 masked,
                                   2 in clear */
    int64_t idempotency;        /* token in create: 0 ignored (default), 1 honoured, 2 refused */
    int64_t tag_edit_restarts;  /* 1: an update of tags or autotermination alone restarts too */
    int64_t unknown_refused;    /* 0: unknown request fields are ignored */
    int64_t delete_unknown_ok;  /* 0: permanent-delete of an unknown ID is 400 */
    int64_t restart_ended_ok;   /* 0: restart outside RUNNING is 400; 1: no-op */
    int64_t start_live_ok;      /* 0: start outside TERMINATED is 400 (seen); 1: no-op (text) */
    int64_t resize_refreshes;   /* 1: resize changes `spec` too */
    int64_t edit_clears_reason; /* 0: edit keeps the termination_reason of a terminated cluster */
    int64_t image_codes_exact;  /* 0: CONTAINER_LAUNCH_FAILURE; 1: DOCKER_IMAGE_PULL_FAILURE ... */
    int64_t dcs_enabled;        /* 1: workspace-conf enableDcs */
    int64_t dcs_at_launch;      /* 0: a forbidden combination with DCS is refused by create */
    int64_t ebs_checked;        /* 1: AWS nodes without a local disk need an EBS volume */
    int64_t scripts_checked;    /* 0: a workspace script is taken to exist; 1: looked for */
    int64_t autoterminate;      /* 0: nobody is ever idle */
    int64_t admin;              /* 1: the caller may pin and change owners */
    int64_t pins_max;           /* 100 */
    int64_t nodes_burst;        /* nodes that may be launched at once; 0: no limit (default) */
    int64_t nodes_per_min;      /* refill of that bucket */
    int64_t registry_auth;      /* at /v2/: 0 nobody is asked, 1 Basic and 2 (default) Bearer for
                                   private images, 3 Bearer for all, as Docker Hub does */
    int64_t registry_forbids;   /* 0: a denied image is 401, whatever the token; 1: it is 403 */
    int64_t registry_no_digest; /* 0: answers bear Docker-Content-Digest */
};

struct model_tag {
    const char *key;
    const char *value;
};

struct model_config {
    uint64_t seed;
    int64_t start_ms; /* where the wall clock begins; 2026-11-25 by default */
    enum model_cloud cloud;
    const char *user_name; /* who calls; copied, as are the next three */
    const char *token;     /* NULL: requests are not checked for one */
    /* Tags that the workspace puts on every cluster: a custom tag with such a key is renamed. */
    const struct model_tag *workspace_tags;
    size_t workspace_tags_len;
    struct model_delays delays;
    struct model_switches switches;
};

void model_config_defaults(struct model_config *config);
struct workspace_model *model_create(const struct model_config *config);
void model_destroy(struct workspace_model *model); /* NULL is fine */
DEFINE_AUTO(struct workspace_model, model_destroy)

/* May be changed at any time; what is under way keeps its time. */
struct model_delays *model_delays(struct workspace_model *model);
struct model_switches *model_switches(struct workspace_model *model);

/* Time. Never goes back: an earlier `now_ms` is ignored. Transitions happen in order of time. */
void model_set_time(struct workspace_model *model, int64_t now_ms);
int64_t model_now_ms(const struct workspace_model *model);
/* When the next transition is due; INT64_MAX: nothing is under way. */
int64_t model_next_event_ms(const struct workspace_model *model);

/* One exchange. */
enum model_transport {
    MODEL_ANSWER,
    MODEL_LOST,  /* it was acted upon (or not: see the rule), and the connection ends unanswered */
    MODEL_RESET, /* the connection was reset before anything was done */
    MODEL_CUT,   /* the body ends after half of what Content-Length promises */
};

struct model_request {
    const char *method;
    const char *path;          /* with the query, as in the request line */
    const char *authorization; /* value of the header; NULL: none */
    const char *accept;        /* likewise; several with commas; only the registry looks at it */
    const char *origin;        /* as the caller knows us, "http://127.0.0.1:8080"; NULL:
                                  MODEL_ORIGIN */
    const char *body;          /* NULL: none */
    size_t body_len;
};

struct model_response {
    enum model_transport transport;
    int status;
    int retry_after_s; /* -1: no such header */
    const char *content_type;
    int64_t delay_ms; /* before the answer, or the end of the connection, reaches the caller */
    struct buf body;
    size_t content_length; /* of the body; of an answer to HEAD, of the body that GET would have */
    struct buf headers;    /* more of them: "name: value" a line, names in lower case */
};

/* Act and answer. `ret_response` is made anew; release it. Answers bear MODEL_ORG_ID. */
void model_handle(struct workspace_model *model, const struct model_request *request,
                  struct model_response *ret_response);
void model_response_release(struct model_response *response);
#define MODEL_ORG_ID "6051921418418893"
#define MODEL_ORIGIN "https://registry.example"

/* Faults: the first rule that matches and is not used up applies; delays add up. */
enum model_fault_kind {
    MODEL_FAULT_STATUS,  /* status, code, message, retry_after_s */
    MODEL_FAULT_DELAY,   /* delay_ms, then the true answer */
    MODEL_FAULT_LOST,    /* acted upon; then no answer */
    MODEL_FAULT_RESET,   /* not acted upon; no answer */
    MODEL_FAULT_GARBAGE, /* acted upon; 200 with bytes that are no JSON */
    MODEL_FAULT_CUT,     /* acted upon; half an answer */
    MODEL_FAULT_HTML,    /* a gateway's page with `status` */
    MODEL_FAULT_EMPTY,   /* `status` without a body */
    MODEL_FAULT_RATE,    /* a bucket of `burst` requests, `per_min` more each minute; else 429 */
    MODEL_FAULT_COUNT,
};

struct model_fault {
    const char *method; /* NULL: any */
    const char *path;   /* "clusters/create" or "/api/2.1/..."; a star at the end: any rest;
                           NULL: any */
    enum model_fault_kind kind;
    unsigned skip;     /* let the first so many pass */
    unsigned times;    /* then strike so often; 0: for ever */
    unsigned permille; /* strike so many of a thousand, drawn from the seed; 0: all */
    bool acts;         /* STATUS, HTML, EMPTY: the effect happens all the same */
    int status;        /* 0: 503, with RATE 429 */
    const char *code;  /* error_code; NULL: one that fits the status */
    const char *message;
    int retry_after_s; /* 0: no header */
    int64_t delay_ms;
    unsigned burst;
    unsigned per_min;
};

enum { MODEL_FAULTS_MAX = 256 };
const char *model_fault_kind_name(enum model_fault_kind kind); /* "status" */
/* Texts are copied. False beyond MODEL_FAULTS_MAX rules. */
bool model_fault_add(struct workspace_model *model, const struct model_fault *fault);
void model_faults_clear(struct workspace_model *model);
size_t model_faults_count(const struct workspace_model *model);
/* Borrowed until the faults are cleared. NULL past the end. `ret_struck`: how often it applied. */
const struct model_fault *model_fault_at(const struct workspace_model *model, size_t index,
                                         uint64_t *ret_struck);

/* What becomes of a launch. */
enum model_image {
    MODEL_IMAGE_OK,
    MODEL_IMAGE_MISSING,
    MODEL_IMAGE_DENIED,  /* whatever the credentials */
    MODEL_IMAGE_PRIVATE, /* denied without credentials, or with another password than `password` */
    MODEL_IMAGE_SLOW,    /* starts, slow_image_ms later */
    MODEL_IMAGE_TIMEOUT, /* container set-up times out */
    MODEL_IMAGE_TOO_LARGE,
    MODEL_IMAGE_WRONG_OS,
    MODEL_IMAGE_BROKEN, /* the container starts, Spark in it does not */
    MODEL_IMAGE_COUNT,
};
enum model_script {
    MODEL_SCRIPT_DEFAULT, /* an uploaded file that ends in "exit N" fails, all else succeeds */
    MODEL_SCRIPT_OK,
    MODEL_SCRIPT_MISSING,
    MODEL_SCRIPT_FAILS, /* ends with a non-zero status */
    MODEL_SCRIPT_COUNT,
};
const char *model_image_name(enum model_image image);
const char *model_script_name(enum model_script script);
/*
 * `url` as in docker_image.url; its host is of no account: one table for all registries, which is
 * also served under /v2/. `password`: of MODEL_IMAGE_PRIVATE; NULL: any will do. By a digest it is
 * what was pushed under it; false: that never was. A change to or from WRONG_OS is a push.
 */
bool model_set_image(struct workspace_model *model, const char *url, enum model_image kind,
                     const char *password);
/*
 * The tag points to new bytes of the same kind from now on. The old ones stay, under their digest
 * and with the kind that they have. False: `url` has a digest, which cannot be moved.
 */
bool model_push_image(struct workspace_model *model, const char *url);
/* What `url` stands for now. False: a digest that was never pushed. */
enum { MODEL_DIGEST_SIZE = sizeof("sha256:") + 64 };
bool model_image_digest(struct workspace_model *model, const char *url,
                        char ret_digest[MODEL_DIGEST_SIZE]);
void model_set_script(struct workspace_model *model, const char *destination,
                      enum model_script script);
/* The next `launches` launches find no machines. */
void model_set_stockout(struct workspace_model *model, unsigned launches);
/* Clusters of the policy have `value` at the dotted `path`, whoever says otherwise is refused. */
void model_set_policy(struct workspace_model *model, const char *policy_id, const char *path,
                      const struct value *value);

/* Other people, and the platform itself. They act at once, by the rules of the API. */
enum model_actor {
    MODEL_ACTOR_EDIT, /* `body` is merged (RFC 7386) over the submitted spec */
    MODEL_ACTOR_START,
    MODEL_ACTOR_RESTART,
    MODEL_ACTOR_RESIZE, /* `body`: {"num_workers":..} or {"autoscale":..} */
    MODEL_ACTOR_TERMINATE,
    MODEL_ACTOR_DELETE, /* for good */
    MODEL_ACTOR_PIN,
    MODEL_ACTOR_UNPIN,
    MODEL_ACTOR_COPY,   /* clone in the UI, tags and all; `body` merged over it */
    MODEL_ACTOR_CREATE, /* in the UI; `body` is the spec */
    MODEL_ACTOR_JOB,    /* a job cluster; `body` is the spec, NULL: a small one */
    MODEL_ACTOR_LOSE,   /* the cloud takes the machines: COMMUNICATION_LOST */
    MODEL_ACTOR_COUNT,
};
const char *model_actor_name(enum model_actor actor);
/*
 * `id` of the cluster; not for CREATE and JOB. False with the API's own words when it is refused.
 * The ID of a new cluster goes to `ret_id` unless that is NULL.
 */
enum { MODEL_ID_SIZE = 24 };
MUST_CHECK bool model_act(struct workspace_model *model, enum model_actor actor, const char *id,
                          const struct value *body, char ret_id[MODEL_ID_SIZE], struct err *err);
/* `count` job clusters of the past, most of them terminated: rows that a listing has to carry. */
void model_add_job_clusters(struct workspace_model *model, size_t count);

/* Looking in from outside; nothing of this is a call to the API. */
struct model_view {
    const char *id;
    const char *name;
    const char *source; /* "API" */
    enum model_state state;
    const char *state_message;
    const char *reason_code;       /* NULL: none */
    const struct value *spec;      /* as submitted */
    const struct value *effective; /* as decorated */
    bool pinned;
    int64_t created_ms;
    unsigned launches; /* creations, starts and restarts */
    size_t libraries;  /* installed or to be installed */
    /* Every node that was ever launched for it: what it costs. */
    uint64_t nodes_launched;
    const char *image_digest; /* of what the last launch pulled; NULL: nothing, or not yet */
};
const char *model_state_name(enum model_state state);
bool model_is_live(enum model_state state); /* costs money: not TERMINATING, TERMINATED, EXPIRED */
/* Every cluster that is not deleted for good, oldest first. Valid until the next change. */
size_t model_cluster_count(const struct workspace_model *model);
bool model_view_at(const struct workspace_model *model, size_t index, struct model_view *ret_view);
bool model_view_find(const struct workspace_model *model, const char *id,
                     struct model_view *ret_view);
/* The first cluster of that name, live ones first. */
bool model_view_named(const struct workspace_model *model, const char *name,
                      struct model_view *ret_view);
/* Live clusters that bear the tag, under `key` or x_`key`; any value when `value` is NULL. */
size_t model_count_live(const struct workspace_model *model, const char *key, const char *value);
size_t model_count_all_live(const struct workspace_model *model);
/* The cluster's answer of clusters/get, for a dump. False: no such cluster. */
bool model_write_cluster(struct workspace_model *model, const char *id, struct buf *out);

/* A file of the workspace; NULL: not there. */
const char *model_file(const struct workspace_model *model, const char *path, size_t *ret_len);

/* What was called. */
struct model_call {
    int64_t at_ms;
    const char *method;
    const char *name;       /* "clusters/create", "registry/manifest"; "" for a path that is not
                               served */
    char id[MODEL_ID_SIZE]; /* the cluster it was about, or was made; "" */
    int status;             /* as answered; 0 when no answer went out */
    bool write;
};
enum { MODEL_CALLS_MAX = 65536 };
/* Of the last MODEL_CALLS_MAX ones since the reset; index 0 is the oldest kept. */
size_t model_calls_kept(const struct workspace_model *model);
const struct model_call *model_call_at(const struct workspace_model *model, size_t index);
/* Since the reset; `name` as in model_call; NULL: all. Faulted calls count. */
uint64_t model_calls_count(const struct workspace_model *model, const char *name);
/* The names of what is served, in order; the same name twice in a row for two methods. NULL: past
   the end. */
const char *model_route_name(size_t index);
uint64_t model_writes_count(const struct workspace_model *model);
void model_calls_reset(struct workspace_model *model);

#endif
