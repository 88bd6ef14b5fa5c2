#include "url.h"

#include "text.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdint.h>

enum { HOST_MAX = 253, PORT_HTTP = 80, PORT_HTTPS = 443, PORT_MAX = 65535 };

/* ---- parsing ---- */

static bool refuse(struct err *err, const char *what)
{
    return err_set(err, ERR_REJECTED, "the address %s", what);
}

static bool check_bytes(const char *text, struct err *err)
{
    if (strlen(text) > URL_TEXT_MAX) return refuse(err, "is too long");
    for (const char *at = text; *at != '\0'; at++) {
        if (*at <= ' ' || *at > '~' || *at == '\\') {
            return refuse(err, "has a character that no address has");
        }
    }
    return true;
}

static bool check_host(const char *host, struct err *err)
{
    static const char names[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
    size_t len = strlen(host);
    if (len == 0 || len > HOST_MAX) return refuse(err, "has no host, or too long a one");
    if (host[0] == '[') {
        size_t inside = strspn(host + 1, "0123456789abcdef:.");
        if (inside > 1 && text_equal(host + 1 + inside, "]")) return true;
    } else if (strspn(host, names) == len) {
        return true;
    }
    return refuse(err, "has a host that is no name and no address");
}

/* host[:port] from `authority`, which ends at the path. */
static bool read_authority(struct arena *arena, const char *authority, struct url *url,
                           struct err *err)
{
    if (strchr(authority, '@') != NULL) return refuse(err, "holds a user");
    const char *after = authority[0] == '[' ? strchr(authority, ']') : authority;
    const char *colon = after == NULL ? NULL : strchr(after, ':');
    size_t host_len = colon == NULL ? strlen(authority) : (size_t)(colon - authority);
    char *host = arena_strndup(arena, authority, host_len);
    for (char *c = host; *c != '\0'; c++) {
        *c = text_lower(*c);
    }
    if (host_len > 1 && host[host_len - 1] == '.') host[host_len - 1] = '\0';
    int64_t port = url->is_https ? PORT_HTTPS : PORT_HTTP;
    if (colon != NULL && colon[1] != '\0' && !text_to_i64(colon + 1, 1, PORT_MAX, &port)) {
        return refuse(err, "has a port that is none");
    }
    url->host = host;
    url->port = (unsigned)port;
    return check_host(host, err);
}

bool url_parse(struct arena *arena, const char *text, struct url *ret_url, struct err *err)
{
    struct url url = { 0 };
    if (!check_bytes(text, err)) return false;
    char *copy = arena_strdup(arena, text);
    copy[strcspn(copy, "#")] = '\0';
    char *rest = strstr(copy, "://");
    if (rest == NULL) return refuse(err, "is not of the form https://host/path");
    *rest = '\0';
    rest += strlen("://");
    url.is_https = text_equal_nocase(copy, "https");
    if (!url.is_https && !text_equal_nocase(copy, "http")) {
        return refuse(err, "is neither https nor http");
    }
    size_t authority_len = strcspn(rest, "/?");
    const char *authority = arena_strndup(arena, rest, authority_len);
    const char *path = rest + authority_len;
    url.path = path[0] == '/' ? path : arena_printf(arena, "/%s", path);
    if (!read_authority(arena, authority, &url, err)) return false;
    *ret_url = url;
    return true;
}

static const char *origin_of(struct arena *arena, const struct url *url)
{
    unsigned usual = url->is_https ? PORT_HTTPS : PORT_HTTP;
    const char *scheme = url->is_https ? "https" : "http";
    if (url->port == usual) return arena_printf(arena, "%s://%s", scheme, url->host);
    return arena_printf(arena, "%s://%s:%u", scheme, url->host, url->port);
}

/* "scheme:" at the start, as RFC 3986, 3.1 has it. */
static bool has_scheme(const char *text)
{
    size_t len = strcspn(text, ":/?#");
    return text[len] == ':';
}

const char *url_resolve(struct arena *arena, const char *base, const char *location)
{
    struct url parsed;
    struct err ignored;
    if (location[0] == '\0' || !url_parse(arena, base, &parsed, &ignored)) return NULL;
    const char *whole = NULL;
    if (has_scheme(location)) {
        whole = location;
    } else if (text_starts(location, "//")) {
        whole = arena_printf(arena, "%s:%s", parsed.is_https ? "https" : "http", location);
    } else if (location[0] == '/') {
        whole = arena_printf(arena, "%s%s", origin_of(arena, &parsed), location);
    } else {
        char *folder = arena_strdup(arena, parsed.path);
        folder[strcspn(folder, "?")] = '\0';
        if (location[0] != '?') strrchr(folder, '/')[1] = '\0';
        whole = arena_printf(arena, "%s%s%s", origin_of(arena, &parsed), folder, location);
    }
    if (!url_parse(arena, whole, &parsed, &ignored)) return NULL;
    return arena_printf(arena, "%s%s", origin_of(arena, &parsed), parsed.path);
}

static bool is_same_place(const struct url *a, const struct url *b)
{
    return a->port == b->port && text_equal(a->host, b->host);
}

bool url_same_origin(const char *a, const char *b)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct url one = { .host = "" }, two = { .host = "" };
    struct err ignored;
    return url_parse(&arena, a, &one, &ignored) && url_parse(&arena, b, &two, &ignored) &&
           one.is_https == two.is_https && is_same_place(&one, &two);
}

/* ---- addresses that are not for strangers to name ---- */

/* Networks of this machine and around it; no public service is there. */
static const struct {
    uint32_t network;
    unsigned bits;
} inner_networks[] = {
    { 0x00000000, 8 },  /* this network, unspecified */
    { 0x0A000000, 8 },  /* private */
    { 0x64400000, 10 }, /* carrier's private */
    { 0x7F000000, 8 },  /* loopback */
    { 0xA9FE0000, 16 }, /* link-local: the clouds' metadata */
    { 0xAC100000, 12 }, /* private */
    { 0xC0A80000, 16 }, /* private */
    { 0xE0000000, 3 },  /* multicast, reserved, broadcast */
};

static bool is_inner_v4(uint32_t address)
{
    for (size_t i = 0; i < COUNT_OF(inner_networks); i++) {
        unsigned shift = 32 - inner_networks[i].bits;
        if (address >> shift == inner_networks[i].network >> shift) return true;
    }
    return false;
}

static uint32_t v4_at(const uint8_t *bytes)
{
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Unspecified, loopback, mapped and embedded IPv4, unique local, link-local, multicast. */
static bool is_inner_v6(const uint8_t bytes[16])
{
    static const uint8_t zeros[12], nat64[12] = { 0, 0x64, 0xFF, 0x9B };
    static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF };
    if (memcmp(bytes, zeros, 12) == 0) return true;
    bool holds_v4 = memcmp(bytes, mapped, 12) == 0 || memcmp(bytes, nat64, 12) == 0;
    if (holds_v4) return is_inner_v4(v4_at(bytes + 12));
    bool is_link_local = bytes[0] == 0xFE && (bytes[1] & 0x80) == 0x80;
    return is_link_local || (bytes[0] & 0xFE) == 0xFC || bytes[0] == 0xFF;
}

static bool read_v6(const char *host, uint8_t ret_bytes[16])
{
    char text[INET6_ADDRSTRLEN];
    size_t len = strlen(host);
    if (len < 2 || host[0] != '[' || host[len - 1] != ']' || len - 2 >= sizeof(text)) return false;
    memcpy(text, host + 1, len - 2);
    text[len - 2] = '\0';
    return inet_pton(AF_INET6, text, ret_bytes) == 1;
}

/* The last label is a number: an IPv4 address, in whatever way it is written ("127.1", "0x7f.1").
 */
static bool is_number(const char *host)
{
    const char *dot = strrchr(host, '.');
    const char *label = dot == NULL ? host : dot + 1;
    bool is_hex = label[0] == '0' && label[1] == 'x';
    return label[0] != '\0' && (is_hex || label[strspn(label, "0123456789")] == '\0');
}

static bool is_inner(const char *host)
{
    static const char *const names[] = { "localhost", "metadata", "metadata.google.internal",
                                         "instance-data" };
    uint8_t v6[16];
    uint8_t v4[4];
    if (host[0] == '[') return !read_v6(host, v6) || is_inner_v6(v6);
    if (is_number(host)) return inet_pton(AF_INET, host, v4) != 1 || is_inner_v4(v4_at(v4));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(host, names[i]) == 0) return true;
    }
    return text_ends(host, ".localhost");
}

bool url_is_loopback(const char *host)
{
    char name[HOST_MAX + 1];
    uint8_t v4[4];
    assert(host != NULL);
    size_t len = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
    if (len > strlen(host) || len >= sizeof(name)) return false;
    memcpy(name, host, len);
    name[len] = '\0';
    if (text_equal_nocase(name, "localhost") || strcmp(name, "[::1]") == 0) return true;
    return inet_pton(AF_INET, name, v4) == 1 && v4[0] == 127;
}

bool url_check_target(const char *target, const char *registry_url, struct err *err)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct url to = { .host = "" }, registry = { .host = "" };
    if (!url_parse(&arena, registry_url, &registry, err)) return false;
    if (!url_parse(&arena, target, &to, err)) {
        err->code = ERR_DENIED;
        return false;
    }
    if (!to.is_https && registry.is_https) {
        return err_set(err, ERR_DENIED, "%s is plain http, which would show the login", to.host);
    }
    bool is_own = is_same_place(&to, &registry);
    bool is_at_home = url_is_loopback(registry.host) && url_is_loopback(to.host);
    if (is_inner(to.host) && !is_own && !is_at_home) {
        return err_set(err, ERR_DENIED,
                       "%s is an address inside of a network, where a registry has no business",
                       to.host);
    }
    /* The port speaks plain http to loopback addresses only. */
    if (!to.is_https && !url_is_loopback(to.host)) {
        return err_set(err, ERR_DENIED, "%s is plain http; only https is spoken", to.host);
    }
    return true;
}

void url_encode(const char *text, struct buf *out)
{
    static const char hex[] = "0123456789ABCDEF";
    static const char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    for (const char *at = text; *at != '\0'; at++) {
        unsigned char byte = (unsigned char)*at;
        if (strchr(plain, *at) != NULL) {
            buf_addc(out, *at);
        } else {
            char escape[3] = { '%', hex[byte >> 4], hex[byte & 15] };
            buf_add(out, escape, sizeof(escape));
        }
    }
}
