/*
 * Answers of the workspace: the first byte is the letter of a decoder, the rest is what came.
 *
 *   l  a page of clusters/list        m  the calling user
 *   g  clusters/get                   e  any exchange: the next two bytes are call and status
 *   c  clusters/create
 *
 * A cluster that is taken is kept in the cache and read back as the same, does not differ from
 * itself, and makes a good request. A refusal is one harmless line that shows no token.
 */
#include "fuzz.h"

#include "databricks/codec.h"
#include "diff.h"
#include "oneline.h"
#include "tags.h"
#include "termination.h"
#include "text.h"

enum { OUT_MAX = 16 << 20, SECRET_LEN_MIN = 8 };

/* The one that the call was made with; an answer may echo it. */
#define TOKEN "dapi0123456789abcdef"

/* ---- what is shown ---- */

/* No mark that turns the direction of writing, or begins a new line. */
static void expect_straight(const char *what, const char *text)
{
    static const char *const marks[] = { "\u202A", "\u202B", "\u202C", "\u202D", "\u202E",
                                         "\u2066", "\u2067", "\u2068", "\u2069", "\u2028",
                                         "\u2029", "\u200E", "\u200F" };
    for (size_t i = 0; i < COUNT_OF(marks); i++) {
        FUZZ_EXPECT(strstr(text, marks[i]) == NULL, "%s turns the writing: %s", what, text);
    }
}

static void expect_refusal(const struct err *err)
{
    fuzz_expect_message("a refusal", err->text);
    expect_straight("a refusal", err->text);
    FUZZ_EXPECT(err->code != ERR_NONE, "a refusal without a code: %s", err->text);
}

static void expect_id(const char *id)
{
    size_t len = strlen(id);
    AUTO_BUF struct buf path = BUF_INIT(4096);
    FUZZ_EXPECT(len > 0 && len <= 128, "a cluster_id of %zu bytes", len);
    api_path(API_GET, id, NULL, &path);
    FUZZ_EXPECT(!path.overflowed, "the path of '%s' is too long", id);
    for (const char *at = buf_text(&path); *at != '\0'; at++) {
        FUZZ_EXPECT(*at > ' ' && *at <= '~' && *at != '"', "a path with the byte %02x", *at);
    }
}

/* ---- one cluster ---- */

static bool reveal(void *ctx, const struct value *secret, struct buf *out, struct err *err)
{
    (void)ctx;
    (void)err;
    return buf_adds(out, secret->text);
}

/* A password that the workspace echoes is in no copy that is kept, unless it stands elsewhere. */
static void expect_no_secret(const struct value *value, struct choices input, const char *kept)
{
    if (value == NULL) return;
    if (value->kind == VALUE_SECRET && value->len >= SECRET_LEN_MIN &&
        fuzz_count(input.at, input.len, value->text) == 1) {
        FUZZ_EXPECT(strstr(kept, value->text) == NULL, "kept in the cache: %s", value->text);
    }
    for (size_t i = 0; value->kind == VALUE_MAP && i < value->len; i++) {
        expect_no_secret(value->u.members[i].value, input, kept);
    }
    for (size_t i = 0; value->kind == VALUE_LIST && i < value->len; i++) {
        expect_no_secret(value->u.items[i], input, kept);
    }
}

/* As the cache keeps it, and back. */
static void expect_kept(struct arena *arena, const struct observed *cluster, struct choices input)
{
    AUTO_BUF struct buf kept = BUF_INIT(OUT_MAX);
    AUTO_BUF struct buf again = BUF_INIT(OUT_MAX);
    struct observed back;
    struct err err;
    codec_observed_write(cluster, &kept);
    const char *text = arena_strdup(arena, buf_text(&kept));
    if (!codec_cluster(arena, text, kept.len, &back, &err)) {
        fuzz_fail("what was kept is refused: %s: %s", err.text, text);
    }
    codec_observed_write(&back, &again);
    FUZZ_EXPECT(strcmp(text, buf_text(&again)) == 0, "kept, it changes:\n%s\n%s", text,
                buf_text(&again));
    struct digest digest = codec_observed_digest(cluster);
    struct digest digest_back = codec_observed_digest(&back);
    FUZZ_EXPECT(digest_equal(&digest, &digest_back), "kept, its digest changes: %s", text);
    FUZZ_EXPECT(back.state == cluster->state && back.pinned == cluster->pinned &&
                    back.started_ms == cluster->started_ms &&
                    text_equal(back.owner, cluster->owner) && text_equal(back.name, cluster->name),
                "kept, it is another: %s", text);
    expect_no_secret(cluster->effective, input, text);
    expect_no_secret(cluster->submitted, input, text);
}

static void expect_no_difference(struct arena *arena, const struct observed *cluster,
                                 const struct value *applied, const struct value *submitted)
{
    struct observed same = *cluster;
    struct diff diff;
    same.submitted = submitted;
    diff_compute(arena, cluster->effective, applied, &same, &diff);
    FUZZ_EXPECT(diff.len == 0, "it differs from itself in %s", diff.differences[0].path);
    FUZZ_EXPECT(!diff.needs_look && diff.change == CHANGE_NONE, "nothing differs, and something");
}

static void expect_request(struct arena *arena, const struct observed *cluster)
{
    const struct value *submitted = cluster->submitted;
    const struct value *spec = diff_edit_spec(arena, submitted, submitted, submitted);
    struct manifest named = { .name = "etl", .spec = spec };
    AUTO_BUF struct buf body = BUF_INIT(OUT_MAX);
    const struct value *back = NULL;
    struct err err;
    spec = tags_add(arena, spec, "main", &named, "0123456789abcdefghij");
    if (!codec_body_spec(cluster->id, spec, reveal, NULL, &body, &err) ||
        !json_read(arena, buf_text(&body), body.len, &back, &err)) {
        fuzz_fail("no request: %s: %s", err.text, buf_text(&body));
    }
    FUZZ_EXPECT(text_equal(value_get_text(back, "cluster_id"), cluster->id), "a request for '%s'",
                value_get_text(back, "cluster_id"));
}

static void expect_cluster(struct arena *arena, const struct observed *cluster,
                           struct choices input)
{
    AUTO_BUF struct buf why = BUF_INIT(OUT_MAX);
    expect_id(cluster->id);
    FUZZ_EXPECT(cluster->state < CLUSTER_STATE_COUNT && cluster->started_ms >= 0, "no state");
    FUZZ_EXPECT(strlen(cluster->state_message) <= OBSERVED_MESSAGE_MAX, "a long message");
    FUZZ_EXPECT(cluster->effective != NULL, "nothing is in effect");
    termination_explain(cluster, &why);
    fuzz_expect_message("a termination", buf_text(&why));
    expect_kept(arena, cluster, input);
    expect_no_difference(arena, cluster, cluster->effective, NULL);
    expect_no_difference(arena, cluster, cluster->effective, cluster->effective);
    expect_no_difference(arena, cluster, NULL, cluster->effective);
    if (cluster->submitted != NULL) expect_request(arena, cluster);
}

/* ---- decoders ---- */

static void decode_page(struct arena *arena, const char *text, struct choices input)
{
    struct page page;
    struct err err;
    if (!codec_page(arena, text, input.len, &page, &err)) {
        expect_refusal(&err);
        return;
    }
    FUZZ_EXPECT(page.next_token == NULL || page.next_token[0] != '\0', "an empty token");
    for (size_t i = 0; i < page.len; i++) {
        expect_cluster(arena, &page.clusters[i], input);
    }
}

static void decode_cluster(struct arena *arena, const char *text, struct choices input)
{
    struct observed cluster;
    struct err err;
    if (codec_cluster(arena, text, input.len, &cluster, &err)) {
        expect_cluster(arena, &cluster, input);
    } else {
        expect_refusal(&err);
    }
}

static void decode_created(struct arena *arena, const char *text, struct choices input)
{
    const char *id = NULL;
    struct err err;
    if (codec_created(arena, text, input.len, &id, &err)) {
        expect_id(id);
    } else {
        expect_refusal(&err);
    }
}

static void decode_me(struct arena *arena, const char *text, struct choices input)
{
    const char *name = NULL;
    const struct value *back = NULL;
    struct err err;
    AUTO_BUF struct buf body = BUF_INIT(OUT_MAX);
    if (!codec_me(arena, text, input.len, &name, &err)) {
        expect_refusal(&err);
        return;
    }
    FUZZ_EXPECT(name[0] != '\0' && strlen(name) <= 512, "a name of %zu bytes", strlen(name));
    codec_body_permissions(NULL, name, &body);
    if (!json_read(arena, buf_text(&body), body.len, &back, &err)) {
        fuzz_fail("no request: %s: %s", err.text, buf_text(&body));
    }
}

static void decode_exchange(struct arena *arena, const char *text, struct choices input)
{
    static const int statuses[] = { 200, 400, 404, 429, 401, 403, 409, 500, 503, 201, 204,
                                    301, 302, 307, 408, 413, 499, 504, 99,  0,   600, -1 };
    (void)arena;
    (void)text;
    enum api api = (enum api)choose(&input, API_COUNT);
    int status = statuses[choose(&input, COUNT_OF(statuses))];
    struct http_call call = { .answered = true,
                              .status = status,
                              .retry_after_ms = -1,
                              .authorization = "Bearer " TOKEN,
                              .reply = BUF_INIT(OUT_MAX) };
    struct err err;
    if (input.len != 0) buf_add(&call.reply, (const char *)input.at, input.len);
    if (codec_check(api, &call, &err)) {
        FUZZ_EXPECT(status >= 200 && status < 300, "%d is taken for good", status);
    } else {
        expect_refusal(&err);
        FUZZ_EXPECT(text_starts(err.text, api_name(api)), "which call? %s", err.text);
        FUZZ_EXPECT(strstr(err.text, TOKEN) == NULL, "the token is shown: %s", err.text);
    }
    buf_release(&call.reply);
}

static const struct decoder {
    char letter;
    void (*decode)(struct arena *arena, const char *text, struct choices input);
} decoders[] = {
    { 'l', decode_page }, { 'g', decode_cluster },  { 'c', decode_created },
    { 'm', decode_me },   { 'e', decode_exchange },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct choices input = { data + 1, size - 1 };
    size_t chosen = data[0] % COUNT_OF(decoders);
    for (size_t i = 0; i < COUNT_OF(decoders); i++) {
        if (decoders[i].letter == (char)data[0]) chosen = i;
    }
    /* NUL-terminated, as a reply is in its buffer. */
    char *text = arena_alloc(&arena, input.len + 1);
    if (input.len != 0) memcpy(text, input.at, input.len);
    decoders[chosen].decode(&arena, text, input);
    return 0;
}
