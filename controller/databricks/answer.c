/*
 * answer: an exchange that ended, judged. The shapes of an error: databricks-api.md 5.1; its
 * codes: 5.2.
 */
#include "codec.h"

#include "answer_text.h"
#include "text.h"

#include <limits.h>

/* Where `error_code` decides, whatever the status (databricks-api.md 5.2, 5.4). */
static const struct code_row {
    const char *code;
    enum err_code err;
} codes[] = {
    { "ABORTED", ERR_STATE },
    { "ALREADY_EXISTS", ERR_REJECTED },
    { "ENDPOINT_NOT_FOUND", ERR_REJECTED },
    { "FEATURE_DISABLED", ERR_REJECTED },
    { "INVALID_PARAMETER_VALUE", ERR_REJECTED },
    { "INVALID_STATE", ERR_STATE },
    { "PERMISSION_DENIED", ERR_DENIED },
    { "QUOTA_EXCEEDED", ERR_QUOTA },
    { "REQUEST_LIMIT_EXCEEDED", ERR_QUOTA },
    { "RESOURCE_ALREADY_EXISTS", ERR_REJECTED },
    { "RESOURCE_DOES_NOT_EXIST", ERR_NOT_FOUND },
    { "RESOURCE_EXHAUSTED", ERR_THROTTLED },
    { "RESOURCE_LIMIT_EXCEEDED", ERR_QUOTA },
    { "UNAUTHENTICATED", ERR_AUTH },
};

/*
 * Statuses: what they mean by themselves, and the reason phrase for an answer without words. A 404
 * without the API's own code says that the address is wrong, not that a cluster is gone.
 */
static const struct status_row {
    int status;
    enum err_code err;
    const char *phrase;
} statuses[] = {
    { 400, ERR_REJECTED, "Bad Request" },
    { 401, ERR_AUTH, "Unauthorized" },
    { 403, ERR_DENIED, "Forbidden" },
    { 404, ERR_REJECTED, "Not Found" },
    { 405, ERR_REJECTED, "Method Not Allowed" },
    { 407, ERR_DENIED, "Proxy Authentication Required" },
    { 408, ERR_TIMEOUT, "Request Timeout" },
    { 409, ERR_STATE, "Conflict" },
    { 413, ERR_REJECTED, "Content Too Large" },
    { 429, ERR_THROTTLED, "Too Many Requests" },
    { 499, ERR_SERVER, "Client Closed Request" },
    { 500, ERR_SERVER, "Internal Server Error" },
    { 501, ERR_SERVER, "Not Implemented" },
    { 502, ERR_SERVER, "Bad Gateway" },
    { 503, ERR_BUSY, "Service Unavailable" },
    { 504, ERR_SERVER, "Gateway Timeout" },
};

/* What to do about it, where the message of the API does not say. */
static const char *const advice[] = {
    [ERR_AUTH] = "check the token: it is wrong or has expired",
    [ERR_DENIED] = "the token is known and is not allowed to do this",
    [ERR_QUOTA] = "a limit of the workspace is reached; raise it or wait",
    [ERR_PROTOCOL] = "this is not the API's own answer: check the host, and proxies on the way",
};

#define ENDPOINT_ADVICE "check that the host is a Databricks workspace"
#define LOGIN_TEXT                                                              \
    "the workspace sends to another address, as it does to log in: the token, " \
    "the host, or a private link that refuses this network is to blame"

/* ---- refinements: what the code alone does not tell ---- */

/* "Cluster <id> does not exist", and not "Cluster policy 7 does not exist" (1.2, 1.3). */
static bool says_cluster_is_unknown(const char *message)
{
    const char *at = strstr(message, "Cluster ");
    if (at == NULL) return false;
    const char *id = at + strlen("Cluster ");
    size_t len = strcspn(id, " ");
    return len > 0 && text_starts(id + len, " does not exist");
}

/* The spec of these names other things too, which may be missing while the cluster is there. */
static bool has_spec(enum api api)
{
    return api == API_CREATE || api == API_EDIT;
}

/* Calls that launch nodes: what REQUEST_LIMIT_EXCEEDED is about (5.4). */
static bool launches(enum api api)
{
    return api == API_CREATE || api == API_EDIT || api == API_RESIZE || api == API_START;
}

/* `code` is what the table or the status said. A cluster is taken for gone only on these words. */
static enum err_code refine(enum api api, const struct answer *answer, enum err_code code)
{
    const char *message = answer->message;
    bool is_request = code == ERR_REJECTED || code == ERR_STATE || code == ERR_NOT_FOUND;
    if (code == ERR_DENIED && strstr(message, "Invalid access token") != NULL) return ERR_AUTH;
    if (text_equal(answer->code, "REQUEST_LIMIT_EXCEEDED") && !launches(api)) return ERR_THROTTLED;
    if (!is_request) return code;
    if (api != API_CREATE && says_cluster_is_unknown(message)) return ERR_NOT_FOUND;
    if (strstr(message, "terminated or unpinned more than 30 days ago") != NULL) {
        return ERR_NOT_FOUND;
    }
    if (strstr(message, "unpin the cluster first") != NULL) return ERR_STATE;
    if (code == ERR_STATE && api == API_GET) return ERR_NOT_FOUND; /* 1.3: whatever it says */
    return code == ERR_NOT_FOUND && has_spec(api) ? ERR_REJECTED : code;
}

/* A gateway's words for these say nothing about our request. */
static bool is_strangers(const struct answer *answer, int status, enum err_code code)
{
    bool is_request = code == ERR_REJECTED || code == ERR_STATE;
    if (!is_request || answer->code[0] != '\0') return false;
    switch (answer->shape) {
    case ANSWER_JSON:
        return false;
    case ANSWER_TEXT:
        return status == 404;
    case ANSWER_EMPTY:
    case ANSWER_HTML:
    case ANSWER_BROKEN:
    case ANSWER_BYTES:
        return true;
    }
    return true;
}

static const struct status_row *find_status(int status)
{
    static const struct status_row client_error = { 400, ERR_REJECTED, "Client Error" };
    static const struct status_row server_error = { 500, ERR_SERVER, "Server Error" };
    static const struct status_row nonsense = { 0, ERR_PROTOCOL, "not a status of an answer" };
    for (size_t i = 0; i < COUNT_OF(statuses); i++) {
        if (statuses[i].status == status) return &statuses[i];
    }
    if (status >= 400 && status < 500) return &client_error;
    return status >= 500 && status < 600 ? &server_error : &nonsense;
}

static enum err_code classify(enum api api, const struct answer *answer, int status)
{
    enum err_code code = find_status(status)->err;
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        if (text_equal(codes[i].code, answer->code)) code = codes[i].err;
    }
    return is_strangers(answer, status, code) ? ERR_PROTOCOL : refine(api, answer, code);
}

/* ---- the error's text ---- */

static const char *find_advice(const struct answer *answer, enum err_code code)
{
    if (text_equal(answer->code, "ENDPOINT_NOT_FOUND")) return ENDPOINT_ADVICE;
    return (size_t)code < COUNT_OF(advice) ? advice[code] : NULL;
}

/* A shorter one is no token, and would make stars of ordinary words. */
enum { TOKEN_HIDDEN_MIN = 8 };

/* An echo of our token, wherever it is in the answer, becomes stars. */
static void hide_token(const char *authorization, char *text, size_t len)
{
    const char *space = authorization == NULL ? NULL : strchr(authorization, ' ');
    const char *token = space == NULL ? "" : space + 1;
    size_t token_len = strlen(token);
    if (token_len < TOKEN_HIDDEN_MIN) return;
    for (size_t at = 0; at + token_len <= len; at++) {
        if (memcmp(text + at, token, token_len) == 0) memset(text + at, '*', token_len);
    }
}

/* What the answer says, read from a copy in which the token is hidden before anything is cut. */
static void read_reply(const struct http_call *call, struct answer *ret_answer)
{
    AUTO_BUF struct buf copy = BUF_INIT(ANSWER_READ_MAX);
    size_t len = call->reply.len < ANSWER_READ_MAX ? call->reply.len : ANSWER_READ_MAX;
    if (len != 0) {
        buf_add(&copy, call->reply.data, len);
        hide_token(call->authorization, copy.data, len);
    }
    answer_read(buf_text(&copy), len, ret_answer);
}

/* "clusters/edit: INVALID_STATE: Cluster ... (HTTP 400, request 5ca1); advice" */
static bool set_failure(enum api api, const struct http_call *call, const struct answer *answer,
                        struct err *err)
{
    enum err_code code = classify(api, answer, call->status);
    const char *hint = find_advice(answer, code);
    bool has_message = answer->message[0] != '\0';
    (void)err_set(err, code, "%s: %s%s%s (HTTP %d%s%s)%s%s", api_name(api), answer->code,
                  answer->code[0] == '\0' ? "" : ": ",
                  has_message ? answer->message : find_status(call->status)->phrase, call->status,
                  answer->request_id[0] == '\0' ? "" : ", request ", answer->request_id,
                  hint == NULL ? "" : "; ", hint == NULL ? "" : hint);
    if (call->retry_after_ms > 0) {
        err->retry_after_ms =
            call->retry_after_ms < UINT_MAX ? (unsigned)call->retry_after_ms : UINT_MAX;
    }
    return false;
}

/* ---- good answers ---- */

/*
 * An upload answers as the file service likes (databricks-api.md 1.7), all others with an object:
 * whole, since one that was cut on the way must not be taken for an empty listing.
 */
static bool is_good_body(enum api api, const struct http_call *call)
{
    if (api == API_IMPORT_FILE && call->reply.len == 0) return true;
    return answer_is_whole_object(buf_text(&call->reply), call->reply.len);
}

bool codec_check(enum api api, const struct http_call *call, struct err *err)
{
    if (!call->answered) {
        *err = call->err;
        return err_wrap(err, "%s", api_name(api));
    }
    bool is_good = call->status >= 200 && call->status < 300;
    if (is_good && is_good_body(api, call)) return true;
    if (call->status >= 300 && call->status < 400) {
        return err_set(err, ERR_DENIED, "%s: " LOGIN_TEXT " (HTTP %d)", api_name(api),
                       call->status);
    }
    struct answer answer;
    read_reply(call, &answer);
    if (!is_good) return set_failure(api, call, &answer, err);
    return err_set(err, ERR_PROTOCOL, "%s: expected a JSON object, found %s%s%s (HTTP %d); %s",
                   api_name(api), answer_shape_name(answer.shape),
                   answer.message[0] == '\0' ? "" : ": ", answer.message, call->status,
                   advice[ERR_PROTOCOL]);
}
