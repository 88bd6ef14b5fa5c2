#include "termination.h"

#include "oneline.h"
#include "text.h"

#include <stdlib.h>

/* Of untrusted text. All of it together stays under 4096 bytes. */
enum { WORD_MAX = 80, PARAMETER_MAX = 160, PARAMETERS_MAX = 8, MESSAGE_MAX = 1000 };
enum { TELLING_MIN = 4 }; /* a shorter parameter is in any message by chance */

static const struct row {
    const char *code;
    enum termination_class klass;
    const char *words;
} rows[] = {
#define TERMINATION(code_, klass_, words_) { #code_, TERMINATION_##klass_, words_ },
#include "termination.def"
#undef TERMINATION
};

static const char *const classes[] = {
    [TERMINATION_NORMAL] = "normal",     [TERMINATION_IMAGE] = "image",
    [TERMINATION_SCRIPT] = "script",     [TERMINATION_SPEC] = "spec",
    [TERMINATION_CAPACITY] = "capacity", [TERMINATION_THROTTLE] = "throttle",
    [TERMINATION_PLATFORM] = "platform", [TERMINATION_HALT] = "halt",
};

/* Families of codes, by a part of their name (databricks-api.md 4.2). */
static const struct {
    const char *part;
    enum termination_class klass;
} families[] = {
    { "_DUE_TO_MISCONFIG", TERMINATION_SPEC },
    { "_KMS_KEY_", TERMINATION_SPEC },
    { "NETWORK_CHECK_", TERMINATION_PLATFORM },
};

/*
 * Texts, for codes that say little: those of databricks-api.md 4.1 that were seen, and what a
 * registry says when it is asked too often (container-registry.md). The first that fits counts.
 */
static const struct {
    const char *part;
    enum termination_class klass;
    const char *words;
} texts[] = {
    { "Container setup has timed out", TERMINATION_PLATFORM,
      "the container was not set up in time: a large image, or a slow registry" },
    { "toomanyrequests", TERMINATION_THROTTLE, "the registry was asked for images too often" },
    { "Too Many Requests", TERMINATION_THROTTLE, "the registry was asked for images too often" },
    { "Image doesn't exist or invalid credential", TERMINATION_IMAGE,
      "the image does not exist, or the credentials for it are wrong" },
    { "Cluster scoped init script", TERMINATION_SCRIPT,
      "an init script is missing, unreadable, or ended with an error" },
};

/* Codes whose text knows better than they do. */
static const char *const vague_codes[] = { "CONTAINER_LAUNCH_FAILURE",
                                           "DOCKER_IMAGE_PULL_FAILURE" };

static const struct {
    const char *type;
    enum termination_class klass;
} types[] = {
    { "SUCCESS", TERMINATION_NORMAL },
    { "CLIENT_ERROR", TERMINATION_SPEC },
    { "CLOUD_FAILURE", TERMINATION_CAPACITY },
    { "SERVICE_FAULT", TERMINATION_PLATFORM },
};

static const struct row *find(const char *code)
{
    for (size_t i = 0; code != NULL && i < COUNT_OF(rows); i++) {
        if (strcmp(rows[i].code, code) == 0) return &rows[i];
    }
    return NULL;
}

static bool is_vague(const char *code)
{
    for (size_t i = 0; i < COUNT_OF(vague_codes); i++) {
        if (text_equal(vague_codes[i], code)) return true;
    }
    return find(code) == NULL;
}

/* What is known of it, by code, then text, then the code's family, then its type. */
static struct row judge(const char *code, const char *type, const char *message)
{
    bool reads_text = is_vague(code) && message != NULL;
    for (size_t i = 0; reads_text && i < COUNT_OF(texts); i++) {
        if (strstr(message, texts[i].part) == NULL) continue;
        return (struct row){ code, texts[i].klass, texts[i].words };
    }
    const struct row *row = find(code);
    if (row != NULL) return *row;
    struct row unknown = { code, TERMINATION_PLATFORM, "it ended for a reason that is not known" };
    for (size_t i = 0; code != NULL && i < COUNT_OF(families); i++) {
        if (strstr(code, families[i].part) == NULL) continue;
        unknown.klass = families[i].klass;
        return unknown;
    }
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (text_equal(types[i].type, type)) unknown.klass = types[i].klass;
    }
    return unknown;
}

enum termination_class termination_classify(const char *code, const char *type, const char *message)
{
    return judge(code, type, message).klass;
}

bool termination_is_final(enum termination_class klass)
{
    return klass == TERMINATION_IMAGE || klass == TERMINATION_SCRIPT || klass == TERMINATION_SPEC ||
           klass == TERMINATION_HALT;
}

const char *termination_class_name(enum termination_class klass)
{
    return classes[klass];
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

/* Sorted, so that one failure always reads the same; what the message says is not said twice. */
static void add_parameters(const struct value *parameters, const char *message, struct buf *out)
{
    if (parameters == NULL || parameters->kind != VALUE_MAP || parameters->len == 0) return;
    struct member *order = xcalloc(parameters->len, sizeof(*order));
    size_t len = 0;
    for (size_t i = 0; i < parameters->len; i++) {
        const struct value *value = parameters->u.members[i].value;
        if (value->kind != VALUE_TEXT || value->len == 0) continue;
        if (value->len >= TELLING_MIN && strstr(message, value->text) != NULL) continue;
        order[len++] = parameters->u.members[i];
    }
    qsort(order, len, sizeof(*order), by_key);
    for (size_t i = 0; i < len && i < PARAMETERS_MAX; i++) {
        buf_adds(out, i == 0 ? "; " : ", ");
        oneline_add(out, order[i].key, WORD_MAX);
        buf_addc(out, '=');
        oneline_add(out, order[i].value->text, PARAMETER_MAX);
    }
    if (len > PARAMETERS_MAX) buf_addf(out, ", and %zu more", len - PARAMETERS_MAX);
    xfree(order);
}

void termination_explain(const struct observed *observed, struct buf *out)
{
    const char *message = observed->state_message == NULL ? "" : observed->state_message;
    buf_adds(out, judge(observed->reason_code, observed->reason_type, message).words);
    buf_adds(out, " (");
    oneline_add(out, observed->reason_code == NULL ? "no code" : observed->reason_code, WORD_MAX);
    if (observed->reason_type != NULL) {
        buf_adds(out, ", ");
        oneline_add(out, observed->reason_type, WORD_MAX);
    }
    add_parameters(observed->reason_parameters, message, out);
    buf_addc(out, ')');
    if (message[0] == '\0') return;
    buf_adds(out, ": ");
    oneline_add(out, message, MESSAGE_MAX);
}
