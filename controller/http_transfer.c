/*
 * A request that changes something leaves the process once. libcurl by itself sends a request
 * again when a connection that it reuses dies without a byte of answer, although the server may
 * have acted: a second cluster. So a call that is not a read gets a connection of its own, which
 * is not stale and which no other request can join, and on_request_begins refuses a second sending.
 */
#include "http_transfer.h"

#include "text.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <time.h>

enum { AUTHORIZATION_MAX = 16384, RETRY_AFTER_MS_MAX = 24 * 3600 * 1000 };

struct transfer *transfer_create(struct http *http, struct http_call *call)
{
    struct transfer *transfer = xcalloc(1, sizeof(*transfer));
    transfer->http = http;
    transfer->call = call;
    transfer->is_read = strcmp(call->method, "GET") == 0 || strcmp(call->method, "HEAD") == 0;
    call->impl = transfer;
    call->answered = false;
    call->status = 0;
    call->retry_after_ms = -1;
    call->content_type_reply[0] = '\0';
    call->reply = BUF_INIT(call->reply_max);
    call->headers = BUF_INIT(HTTP_HEADERS_MAX);
    return transfer;
}

void transfer_destroy(struct transfer *transfer)
{
    if (transfer == NULL) return;
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    xfree(transfer);
}

/* Before */

static size_t on_data(char *data, size_t size, size_t count, void *ctx)
{
    struct transfer *transfer = ctx;
    return buf_add(&transfer->call->reply, data, size * count) ? size * count : 0;
}

/* The type is libcurl's. NOLINTNEXTLINE(readability-non-const-parameter) */
static int on_request_begins(void *ctx, char *peer, char *local, int peer_port, int local_port)
{
    struct transfer *transfer = ctx;
    (void)peer, (void)local, (void)peer_port, (void)local_port;
    bool again = transfer->begun;
    transfer->begun = true;
    return again && !transfer->is_read ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    if (text_equal_nocase(host, "localhost")) return true; /* libcurl never asks the DNS for it */
    if (strcmp(host, "[::1]") == 0) return true;
    return inet_pton(AF_INET, host, &v4) == 1 && ntohl(v4.s_addr) >> 24 == 127;
}

/* Where a machine of AWS, or a container on it, gets its credentials: link-local, http by design.
 */
static bool is_metadata(const char *host)
{
    static const char *const hosts[] = { "169.254.169.254", "169.254.170.2", "169.254.170.23" };
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        if (strcmp(host, hosts[i]) == 0) return true;
    }
    return false;
}

/* The URL is not shown: it came from a setting, and may hold what people should not put there. */
static bool read_url(CURLU *parsed, const char *url, struct transfer *transfer, bool *ret_is_plain,
                     struct err *err)
{
    char *scheme = NULL, *host = NULL, *port = NULL;
    bool ok = curl_url_set(parsed, CURLUPART_URL, url, CURLU_DISALLOW_USER) == CURLUE_OK &&
              curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
              curl_url_get(parsed, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
              curl_url_get(parsed, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK;
    if (!ok) {
        (void)err_set(err, ERR_USAGE, "the address is not of the form https://host/path");
    } else {
        (void)snprintf(transfer->place, sizeof(transfer->place), "%s:%s", host, port);
        *ret_is_plain = strcmp(scheme, "http") == 0;
        if (!*ret_is_plain && strcmp(scheme, "https") != 0) {
            ok = err_set(err, ERR_USAGE, "%s: only https is spoken", transfer->place);
        } else if (*ret_is_plain && !is_loopback(host) && !is_metadata(host)) {
            ok = err_set(err, ERR_USAGE,
                         "%s: plain http would show the credentials to the network; use https",
                         transfer->place);
        }
    }
    curl_free(scheme);
    curl_free(host);
    curl_free(port);
    return ok;
}

static bool check_url(struct transfer *transfer, bool *ret_is_plain, struct err *err)
{
    CURLU *parsed = curl_url();
    bool ok = read_url(parsed, transfer->call->url, transfer, ret_is_plain, err);
    curl_url_cleanup(parsed);
    return ok;
}

/* "name: value", where `what` is the name or stands for it in the error. */
static bool add_line(struct transfer *transfer, const char *what, const char *line, struct err *err)
{
    for (const char *c = line; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            return err_set(err, ERR_USAGE, "the value of %s holds a control character", what);
        }
    }
    transfer->headers = curl_slist_append(transfer->headers, line);
    return true;
}

static bool add_header(struct transfer *transfer, const char *name, const char *value,
                       struct err *err)
{
    AUTO_BUF struct buf line = BUF_INIT(AUTHORIZATION_MAX);
    buf_addf(&line, "%s: %s", name, value);
    return buf_ok(&line, name, err) && add_line(transfer, name, buf_text(&line), err);
}

/* What libcurl signs beside host, date and body (container-registry.md 9.2). */
static bool add_signed_headers(struct transfer *transfer, const struct http_signer *signer,
                               struct err *err)
{
    if (signer->target != NULL && !add_header(transfer, "X-Amz-Target", signer->target, err)) {
        return false;
    }
    return signer->session_token == NULL ||
           add_header(transfer, "X-Amz-Security-Token", signer->session_token, err);
}

static bool add_headers(struct transfer *transfer, struct err *err)
{
    const struct http_call *call = transfer->call;
    const char *type = call->content_type != NULL ? call->content_type : "application/json";
    const char *accept = call->accept != NULL ? call->accept : "application/json";
    /*
     * "Expect:" with nothing behind it: do not wait for "100 Continue" before a body. libcurl would
     * sign it, although it does not send it; what is signed is small, and is sent without waiting.
     */
    if (call->signer == NULL) transfer->headers = curl_slist_append(NULL, "Expect:");
    if (!add_header(transfer, "Accept", accept, err)) return false;
    if (call->header != NULL && !add_line(transfer, "a header", call->header, err)) return false;
    if (call->signer != NULL && !add_signed_headers(transfer, call->signer, err)) return false;
    if (call->body != NULL && !add_header(transfer, "Content-Type", type, err)) return false;
    return call->authorization == NULL ||
           add_header(transfer, "Authorization", call->authorization, err);
}

/* An option fails only where memory ran out or this libcurl cannot verify TLS: neither goes on. */
static void must(CURLcode result)
{
    assert(result == CURLE_OK);
}

static void set_method(struct transfer *transfer)
{
    const struct http_call *call = transfer->call;
    CURL *easy = transfer->easy;
    if (strcmp(call->method, "HEAD") == 0) {
        must(curl_easy_setopt(easy, CURLOPT_NOBODY, 1L));
    } else if (call->body != NULL || !transfer->is_read) {
        must(curl_easy_setopt(easy, CURLOPT_POST, 1L));
        must(curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len));
        must(curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body != NULL ? call->body : ""));
        must(curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, call->method));
    }
    /* An old or odd libcurl may be without HTTP/2: then it stays with 1.1. */
    (void)curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
                           transfer->is_read ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1);
    must(curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, transfer->is_read ? 0L : 1L));
    must(curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, transfer->is_read ? 0L : 1L));
}

static void set_safety(struct transfer *transfer, const struct http_config *config, bool is_plain)
{
    CURL *easy = transfer->easy;
    must(curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, is_plain ? "http" : "https"));
    must(curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L));
    must(curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED));
    must(curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L));
    must(curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L));
    must(curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2));
    const char *ca_file = transfer->call->ca_file;
    if (ca_file == NULL) ca_file = config->ca_file;
    if (ca_file != NULL) must(curl_easy_setopt(easy, CURLOPT_CAINFO, ca_file));
    if (config->ca_file != NULL) {
        must(curl_easy_setopt(easy, CURLOPT_PROXY_CAINFO, config->ca_file));
    }
    /* A plain request must not leave the machine by way of a proxy of the environment. */
    const char *proxy = is_plain ? "" : config->proxy;
    if (proxy != NULL) must(curl_easy_setopt(easy, CURLOPT_PROXY, proxy));
}

static void set_limits(struct transfer *transfer)
{
    const struct http_call *call = transfer->call;
    CURL *easy = transfer->easy;
    must(curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)call->connect_timeout_ms));
    must(curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms));
    must(curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L));
    must(curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
                          (long)(call->stall_timeout_ms + 999) / 1000));
    must(curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L));
    must(curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L));
    /* The cap counts what comes out of the decoder, so that a small answer cannot blow up. */
    if (!call->wants_bytes) must(curl_easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, ""));
}

/* libcurl makes the signature of each sending anew, with the time that it has then. */
static void set_signer(struct transfer *transfer)
{
    const struct http_signer *signer = transfer->call->signer;
    if (signer == NULL) return;
    assert(transfer->call->authorization == NULL);
    must(curl_easy_setopt(transfer->easy, CURLOPT_AWS_SIGV4, signer->scope));
    must(curl_easy_setopt(transfer->easy, CURLOPT_USERNAME, signer->key_id));
    must(curl_easy_setopt(transfer->easy, CURLOPT_PASSWORD, signer->secret));
}

bool transfer_prepare(struct transfer *transfer, const struct http_config *config)
{
    struct err *err = &transfer->call->err;
    bool is_plain = false;
    if (!check_url(transfer, &is_plain, err)) return false;
    if (!add_headers(transfer, err)) return false;
    CURL *easy = curl_easy_init();
    assert(easy != NULL);
    transfer->easy = easy;
    must(curl_easy_setopt(easy, CURLOPT_URL, transfer->call->url));
    must(curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer));
    must(curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->reason));
    must(curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers));
    must(curl_easy_setopt(easy, CURLOPT_USERAGENT, config->user_agent));
    must(curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data));
    must(curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer));
    must(curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_request_begins));
    must(curl_easy_setopt(easy, CURLOPT_PREREQDATA, transfer));
    set_method(transfer);
    set_safety(transfer, config, is_plain);
    set_limits(transfer);
    set_signer(transfer);
    return true;
}

/* After */

static const struct advice_row {
    CURLcode result;
    const char *advice;
} advices[] = {
    { CURLE_COULDNT_RESOLVE_HOST, "check the host's name and the name server" },
    { CURLE_COULDNT_RESOLVE_PROXY, "check https_proxy" },
    { CURLE_COULDNT_CONNECT, "check the address, firewalls and https_proxy" },
    { CURLE_PEER_FAILED_VERIFICATION,
      "where a private authority signs certificates, name its file with --ca-file" },
    { CURLE_SSL_CACERT_BADFILE, "check that the file of --ca-file holds PEM certificates" },
    { CURLE_SSL_CONNECT_ERROR, "check that it speaks TLS 1.2 or newer, and https_proxy" },
};

static const char *advice_for(CURLcode result, bool begun)
{
    for (size_t i = 0; i < COUNT_OF(advices); i++) {
        if (advices[i].result == result) return advices[i].advice;
    }
    return begun ? "whether it was carried out is not known"
                 : "nothing was sent; check the network and https_proxy";
}

/* For what the other side sent, such as the name on a certificate in libcurl's reason. */
static const char *printable(char *text)
{
    for (char *c = text; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~') *c = '?';
    }
    return text;
}

/*
 * The one question that matters is whether the request left: nothing sent, nothing done. Time-outs
 * and resets while connecting are therefore the same as a refused connection.
 */
static void record_failure(struct transfer *transfer, CURLcode result)
{
    struct http_call *call = transfer->call;
    if (call->reply.overflowed) {
        (void)err_set(&call->err, ERR_LIMIT, "%s: the answer is longer than %zu bytes",
                      transfer->place, call->reply_max);
        return;
    }
    enum err_code code = result == CURLE_OPERATION_TIMEDOUT ? ERR_TIMEOUT : ERR_NETWORK;
    if (!transfer->begun) code = ERR_REFUSED;
    const char *reason = printable(transfer->reason);
    if (reason[0] == '\0') reason = curl_easy_strerror(result);
    if (result == CURLE_ABORTED_BY_CALLBACK) reason = "the connection died before an answer came";
    (void)err_set(&call->err, code, "%s: %s; %s", transfer->place, reason,
                  advice_for(result, transfer->begun));
}

/* Seconds, or a date as HTTP writes it (RFC 9110, 10.2.3). Anything else is no header. */
static int64_t parse_retry_after(const char *value)
{
    int64_t seconds = 0;
    if (!text_to_i64(value, 0, INT64_MAX, &seconds)) {
        time_t at = curl_getdate(value, NULL);
        if (at < 0) return -1;
        seconds = (int64_t)at - (int64_t)time(NULL);
    }
    if (seconds < 0) return 0;
    return seconds > RETRY_AFTER_MS_MAX / 1000 ? RETRY_AFTER_MS_MAX : seconds * 1000;
}

static const char *header_of(CURL *easy, const char *name)
{
    struct curl_header *header = NULL;
    CURLHcode result = curl_easy_header(easy, name, 0, CURLH_HEADER, -1, &header);
    return result == CURLHE_OK ? header->value : NULL;
}

/* Of the last request only: neither those of a proxy's CONNECT nor of "100 Continue". */
static void record_headers(struct transfer *transfer)
{
    struct buf *out = &transfer->call->headers;
    struct curl_header *header = NULL;
    while ((header = curl_easy_nextheader(transfer->easy, CURLH_HEADER, -1, header)) != NULL) {
        size_t len_before = out->len;
        for (const char *c = header->name; *c != '\0'; c++) {
            buf_addc(out, text_lower(*c));
        }
        size_t value_len = strlen(header->value);
        while (value_len > 0 && (unsigned char)header->value[value_len - 1] <= ' ') {
            value_len--; /* an empty one comes with the end of its line */
        }
        buf_adds(out, ": ");
        buf_add(out, header->value, value_len);
        if (out->len > len_before) (void)printable(out->data + len_before);
        buf_addc(out, '\n');
    }
}

static void record_answer(struct transfer *transfer)
{
    struct http_call *call = transfer->call;
    long status = 0;
    (void)curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    call->answered = true;
    call->status = (int)status;
    const char *retry_after = header_of(transfer->easy, "Retry-After");
    if (retry_after != NULL) call->retry_after_ms = parse_retry_after(retry_after);
    if (call->wants_headers) record_headers(transfer);
    const char *type = header_of(transfer->easy, "Content-Type");
    if (type == NULL) return;
    size_t len = strnlen(type, sizeof(call->content_type_reply) - 1);
    memcpy(call->content_type_reply, type, len);
    call->content_type_reply[len] = '\0';
    (void)printable(call->content_type_reply);
}

void transfer_record(struct transfer *transfer, CURLcode result)
{
    if (result == CURLE_OK) {
        record_answer(transfer);
    } else {
        record_failure(transfer, result);
    }
}
