#include "image_ref.h"

#include "text.h"

/* container-registry.md 2; the grammar is that of distribution/reference. */

#define DEFAULT_HOST "docker.io"
#define DEFAULT_TAG  "latest"

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define HEX    "0123456789abcdef"

/* A piece of the reference, and the whole, so that a message can say where. */
struct piece {
    const char *whole;
    const char *at;
    size_t len;
};

static struct piece piece_of(const char *whole, const char *at, const char *end)
{
    return (struct piece){ whole, at, (size_t)(end - at) };
}

/* How many bytes at the start of the piece are in `set`. */
static size_t span(struct piece piece, const char *set)
{
    size_t len = strspn(piece.at, set);
    return len < piece.len ? len : piece.len;
}

/* "tag has a '+' at character 12"; bytes that cannot be shown come as a number. */
static bool refuse_byte(const char *part, struct piece piece, size_t index, struct err *err)
{
    unsigned char c = (unsigned char)piece.at[index];
    size_t place = (size_t)(piece.at - piece.whole) + index + 1;
    if (c > 0x20 && c < 0x7F) {
        return err_set(err, ERR_REJECTED, "%s has a '%c' at character %zu", part, c, place);
    }
    if (c == ' ') return err_set(err, ERR_REJECTED, "%s has a blank at character %zu", part, place);
    return err_set(err, ERR_REJECTED, "%s has the byte 0x%02x at character %zu", part, c, place);
}

/* ---- Host ----------------------------------------------------------------------------------- */

/* Only what cannot be a component of a path is a host: a dot, a port, an upper-case letter. */
static bool is_host(const char *at, size_t len)
{
    static const char local[] = "localhost";
    if (len == sizeof(local) - 1 && memcmp(at, local, len) == 0) return true;
    size_t plain = strcspn(at, ".:" UPPER "/");
    return plain < len;
}

static bool check_port(struct piece port, struct err *err)
{
    enum { PORT_DIGITS_MAX = 5 };
    size_t digits = span(port, DIGITS);
    if (digits < port.len) return refuse_byte("port", port, digits, err);
    if (digits == 0) return err_set(err, ERR_REJECTED, "the host ends in ':' without a port");
    if (digits > PORT_DIGITS_MAX) return err_set(err, ERR_REJECTED, "the port is too long");
    return true;
}

static bool check_labels(struct piece host, struct err *err)
{
    for (size_t start = 0; start <= host.len;) {
        struct piece label = { host.whole, host.at + start, host.len - start };
        size_t len = span(label, LOWER UPPER DIGITS "-");
        if (len < label.len && label.at[len] != '.') return refuse_byte("host", label, len, err);
        if (len == 0) return err_set(err, ERR_REJECTED, "the host has an empty part");
        if (label.at[0] == '-') return refuse_byte("host", label, 0, err);
        if (label.at[len - 1] == '-') return refuse_byte("host", label, len - 1, err);
        start += len + 1;
    }
    return true;
}

static bool check_host(struct piece host, struct err *err)
{
    const char *end = host.at + host.len;
    if (host.at[0] == '[') {
        struct piece address = { host.whole, host.at + 1, host.len - 1 };
        size_t len = span(address, HEX "ABCDEF:.");
        if (len == address.len) return err_set(err, ERR_REJECTED, "the host has a '[' without ']'");
        if (address.at[len] != ']') return refuse_byte("host", address, len, err);
        if (len < 2) {
            return err_set(err, ERR_REJECTED, "the host has no address between '[' and ']'");
        }
        const char *after = address.at + len + 1;
        if (after == end) return true;
        if (*after != ':') return refuse_byte("host", piece_of(host.whole, after, end), 0, err);
        return check_port(piece_of(host.whole, after + 1, end), err);
    }
    const char *colon = memchr(host.at, ':', host.len);
    if (colon == NULL) return check_labels(host, err);
    if (!check_labels(piece_of(host.whole, host.at, colon), err)) return false;
    return check_port(piece_of(host.whole, colon + 1, end), err);
}

/* ---- Path, tag, digest ---------------------------------------------------------------------- */

/* One of . _ __ or any number of dashes between two runs of letters and digits. */
static size_t separator_len(struct piece rest)
{
    size_t dashes = span(rest, "-");
    if (dashes > 0) return dashes;
    if (rest.len >= 2 && rest.at[0] == '_' && rest.at[1] == '_') return 2;
    return rest.len > 0 && (rest.at[0] == '_' || rest.at[0] == '.') ? 1 : 0;
}

static bool check_component(struct piece part, struct err *err)
{
    if (part.len == 0) return err_set(err, ERR_REJECTED, "the path has an empty part");
    for (size_t at = 0;;) {
        struct piece rest = { part.whole, part.at + at, part.len - at };
        size_t run = span(rest, LOWER DIGITS);
        if (run == 0) {
            /* The byte to blame is this one, or the separator that nothing follows. */
            return refuse_byte("path", part, at < part.len ? at : at - 1, err);
        }
        at += run;
        if (at == part.len) return true;
        rest = (struct piece){ part.whole, part.at + at, part.len - at };
        size_t separator = separator_len(rest);
        if (separator == 0) return refuse_byte("path", part, at, err);
        at += separator;
    }
}

static bool check_path_len(size_t len, struct err *err)
{
    if (len <= IMAGE_PATH_MAX) return true;
    return err_set(err, ERR_REJECTED, "the path has %zu characters; %d at most", len,
                   IMAGE_PATH_MAX);
}

static bool check_path(struct piece path, struct err *err)
{
    const char *end = path.at + path.len;
    if (path.len == 0) return err_set(err, ERR_REJECTED, "there is no repository");
    if (!check_path_len(path.len, err)) return false;
    for (const char *at = path.at;;) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        if (!check_component(piece_of(path.whole, at, slash ? slash : end), err)) return false;
        if (slash == NULL) return true;
        at = slash + 1;
    }
}

static bool check_tag(struct piece tag, struct err *err)
{
    if (tag.len == 0) return err_set(err, ERR_REJECTED, "there is no tag behind the ':'");
    if (span(tag, LOWER UPPER DIGITS "_") == 0) return refuse_byte("tag", tag, 0, err);
    size_t good = span(tag, LOWER UPPER DIGITS "_.-");
    if (good < tag.len) return refuse_byte("tag", tag, good, err);
    if (tag.len <= IMAGE_TAG_MAX) return true;
    return err_set(err, ERR_REJECTED, "the tag has %zu characters; %d at most", tag.len,
                   IMAGE_TAG_MAX);
}

static bool check_digest(struct piece digest, struct err *err)
{
    static const struct {
        const char *prefix;
        size_t hex_len;
    } algorithms[] = { { "sha256:", 64 }, { "sha512:", 128 }, { "blake3:", 64 } };
    for (size_t i = 0; i < COUNT_OF(algorithms); i++) {
        if (!text_starts(digest.at, algorithms[i].prefix)) continue;
        size_t prefix_len = strlen(algorithms[i].prefix);
        struct piece hex = { digest.whole, digest.at + prefix_len, digest.len - prefix_len };
        size_t good = span(hex, HEX);
        if (good < hex.len) return refuse_byte("digest", hex, good, err);
        if (hex.len == algorithms[i].hex_len) return true;
        return err_set(err, ERR_REJECTED, "the digest has %zu hexadecimal digits instead of %zu",
                       hex.len, algorithms[i].hex_len);
    }
    return err_set(err, ERR_REJECTED, "the digest is none of sha256:, sha512:, blake3:");
}

/* ---- Kinds of registries -------------------------------------------------------------------- */

/* container-registry.md 9.2: <account>.dkr.ecr[-fips].<region>.amazonaws.com[.cn], or dual stack.
 */
static bool is_ecr(const char *host)
{
    const char *rest = host + strspn(host, DIGITS);
    if (rest == host) return false;
    if (text_starts(rest, ".dkr-ecr")) return text_ends(host, ".on.aws");
    bool is_aws = text_ends(host, ".amazonaws.com") || text_ends(host, ".amazonaws.com.cn");
    return is_aws && (text_starts(rest, ".dkr.ecr.") || text_starts(rest, ".dkr.ecr-fips."));
}

static enum registry_kind registry_kind(const char *host)
{
    static const struct {
        const char *suffix; /* with a dot in front: a suffix; else the whole host */
        enum registry_kind kind;
    } hosts[] = {
        { "docker.io", REGISTRY_DOCKER_HUB },
        { "registry-1.docker.io", REGISTRY_DOCKER_HUB },
        { "public.ecr.aws", REGISTRY_ECR_PUBLIC },
        { ".azurecr.io", REGISTRY_ACR },
        { ".azurecr.us", REGISTRY_ACR },
        { ".azurecr.cn", REGISTRY_ACR },
        { "ghcr.io", REGISTRY_GHCR },
        { ".pkg.dev", REGISTRY_GOOGLE },
        { "gcr.io", REGISTRY_GOOGLE },
        { ".gcr.io", REGISTRY_GOOGLE },
        { "quay.io", REGISTRY_QUAY },
    };
    if (is_ecr(host)) return REGISTRY_ECR;
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        const char *suffix = hosts[i].suffix;
        bool is_match = suffix[0] == '.' ? text_ends(host, suffix) : strcmp(host, suffix) == 0;
        if (is_match) return hosts[i].kind;
    }
    return REGISTRY_OTHER;
}

const char *registry_kind_name(enum registry_kind kind)
{
    static const char *const names[] = {
        [REGISTRY_DOCKER_HUB] = "Docker Hub",
        [REGISTRY_ECR] = "Amazon ECR",
        [REGISTRY_ECR_PUBLIC] = "Amazon ECR Public",
        [REGISTRY_ACR] = "Azure Container Registry",
        [REGISTRY_GHCR] = "GitHub Container Registry",
        [REGISTRY_GOOGLE] = "Google Artifact Registry",
        [REGISTRY_QUAY] = "Quay",
        [REGISTRY_OTHER] = "another registry",
    };
    return names[kind];
}

/* ---- The whole ------------------------------------------------------------------------------ */

/* The parts as they were written; `at` NULL: not written. */
struct parts {
    struct piece host, path, tag, digest;
};

static void split(const char *text, struct parts *ret_parts)
{
    const char *end = text + strlen(text);
    const char *at_sign = strchr(text, '@');
    struct parts parts = { { 0 }, { 0 }, { 0 }, { 0 } };
    if (at_sign != NULL) {
        parts.digest = piece_of(text, at_sign + 1, end);
        end = at_sign;
    }
    const char *path = text;
    const char *slash = memchr(text, '/', (size_t)(end - text));
    if (slash != NULL && is_host(text, (size_t)(slash - text))) {
        parts.host = piece_of(text, text, slash);
        path = slash + 1;
    }
    const char *colon = memchr(path, ':', (size_t)(end - path));
    if (colon != NULL) {
        parts.tag = piece_of(text, colon + 1, end);
        end = colon;
    }
    parts.path = piece_of(text, path, end);
    *ret_parts = parts;
}

static bool check_parts(const struct parts *parts, struct err *err)
{
    if (parts->host.at != NULL && !check_host(parts->host, err)) return false;
    if (!check_path(parts->path, err)) return false;
    if (parts->tag.at != NULL && !check_tag(parts->tag, err)) return false;
    return parts->digest.at == NULL || check_digest(parts->digest, err);
}

static char *copy(struct arena *arena, struct piece piece)
{
    return piece.at == NULL ? NULL : arena_strndup(arena, piece.at, piece.len);
}

bool image_ref_parse(struct arena *arena, const char *text, struct image_ref *ret_ref,
                     struct err *err)
{
    enum { BARE_DIGEST_LEN = 64 };
    struct parts parts;
    if (text[0] == '\0') return err_set(err, ERR_REJECTED, "the image reference is empty");
    if (strstr(text, "://") != NULL) {
        return err_set(err, ERR_REJECTED,
                       "there is no scheme in an image reference; write "
                       "registry/repository:tag without 'https://'");
    }
    if (strlen(text) == BARE_DIGEST_LEN && strspn(text, HEX) == BARE_DIGEST_LEN) {
        return err_set(err, ERR_REJECTED, "64 hexadecimal digits alone name no repository");
    }
    split(text, &parts);
    if (!check_parts(&parts, err)) return false;

    struct image_ref ref = {
        .host = parts.host.at == NULL ? DEFAULT_HOST : copy(arena, parts.host),
        .repository = copy(arena, parts.path),
        .tag = copy(arena, parts.tag),
        .digest = copy(arena, parts.digest),
        .tag_written = parts.tag.at != NULL,
    };
    if (strcmp(ref.host, "index.docker.io") == 0) ref.host = DEFAULT_HOST;
    if (strcmp(ref.host, DEFAULT_HOST) == 0 && strchr(ref.repository, '/') == NULL) {
        ref.repository = arena_printf(arena, "library/%s", ref.repository);
        if (!check_path_len(strlen(ref.repository), err)) return false;
    }
    if (ref.tag == NULL && ref.digest == NULL) ref.tag = DEFAULT_TAG;
    ref.kind = registry_kind(ref.host);
    *ret_ref = ref;
    return true;
}
