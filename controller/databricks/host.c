#include "client.h"

#include "text.h"

#include <stdio.h>

enum { HOST_MAX = 253, PORT_MAX = 65535 };

#define EXAMPLE "write it as https://adb-1.azuredatabricks.net"

/* The parts of "scheme://name:port", lower case. */
struct host {
    const char *scheme;
    char name[HOST_MAX + 1];
    int64_t port; /* 0: not written */
};

/*
 * Quoted only when it holds nothing that could be a password or a query: of a URL that people
 * paste, those are the parts that must not be shown.
 */
static bool refuse(const char *text, const char *what, struct err *err)
{
    bool is_shown = strlen(text) <= HOST_MAX && text[strcspn(text, "@?#\\")] == '\0';
    for (const char *at = text; *at != '\0'; at++) {
        if (*at < ' ' || *at > '~') is_shown = false;
    }
    return err_set(err, ERR_USAGE, "workspace host%s%s%s %s; " EXAMPLE, is_shown ? " '" : "",
                   is_shown ? text : "", is_shown ? "'" : "", what);
}

/* Past "https://", "http://" or nothing; NULL for another scheme. */
static const char *read_scheme(const char *text, struct host *host)
{
    const char *colon = strstr(text, "://");
    char scheme[sizeof("https")] = "https";
    if (colon != NULL) {
        if ((size_t)(colon - text) >= sizeof(scheme)) return NULL;
        (void)snprintf(scheme, sizeof(scheme), "%.*s", (int)(colon - text), text);
    }
    bool is_http = text_equal_nocase(scheme, "http");
    if (!is_http && !text_equal_nocase(scheme, "https")) return NULL;
    host->scheme = is_http ? "http" : "https";
    return colon == NULL ? text : colon + strlen("://");
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name_character(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '.';
}

/* A name of labels, none empty; "[::1]" is the one IPv6 address that is of use. */
static bool is_name(const char *name)
{
    if (text_equal(name, "[::1]")) return true;
    char before = '.';
    for (const char *at = name; *at != '\0'; at++) {
        if (!is_name_character(*at) || (*at == '.' && before == '.')) return false;
        before = *at;
    }
    return before != '.';
}

static bool is_loopback(const char *name)
{
    static const char net[] = "127.";
    if (text_equal(name, "localhost") || text_equal(name, "[::1]")) return true;
    if (!text_starts(name, net)) return false;
    return name[strspn(name, "0123456789.")] == '\0';
}

static char lower(char c)
{
    static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    static const char small[] = "abcdefghijklmnopqrstuvwxyz";
    const char *at = c == '\0' ? NULL : strchr(capitals, c);
    if (at == NULL) return c;
    return small[at - capitals];
}

/* The name, in lower case, and where it ends. */
static bool read_name(const char *text, struct host *host, const char **ret_rest)
{
    size_t len = text[0] == '[' ? strcspn(text, "]") + 1 : strcspn(text, ":/");
    if (len == 0 || len > HOST_MAX || len > strlen(text)) return false;
    for (size_t i = 0; i < len; i++) {
        host->name[i] = lower(text[i]);
    }
    host->name[len] = '\0';
    *ret_rest = text + len;
    return is_name(host->name);
}

static bool read_port(const char *text, struct host *host, const char **ret_rest)
{
    char digits[sizeof("65535")];
    size_t len = strspn(text, "0123456789");
    if (len == 0 || len >= sizeof(digits)) return false;
    (void)snprintf(digits, sizeof(digits), "%.*s", (int)len, text);
    *ret_rest = text + len;
    return text_to_i64(digits, 1, PORT_MAX, &host->port);
}

bool client_host_normalise(const char *text, struct buf *out, struct err *err)
{
    struct host host = { 0 };
    if (text[0] == '\0') return err_set(err, ERR_USAGE, "workspace host is empty; " EXAMPLE);
    const char *rest = read_scheme(text, &host);
    if (rest == NULL) return refuse(text, "is not an https address", err);
    if (!read_name(rest, &host, &rest)) return refuse(text, "is not a host name", err);
    if (rest[0] == ':' && !read_port(rest + 1, &host, &rest)) {
        return refuse(text, "has a port that is not 1 to 65535", err);
    }
    if (!text_equal(rest, "") && !text_equal(rest, "/")) {
        return refuse(text, "has something behind the host name", err);
    }
    bool is_http = text_equal(host.scheme, "http");
    if (is_http && !is_loopback(host.name)) {
        return refuse(text, "is plain http, which would show the token to the network", err);
    }
    buf_addf(out, "%s://%s", host.scheme, host.name);
    if (host.port != 0 && host.port != (is_http ? 80 : 443)) {
        buf_addf(out, ":%d", (int)host.port);
    }
    return buf_ok(out, "the workspace host", err);
}
