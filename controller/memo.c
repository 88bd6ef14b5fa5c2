#include "memo.h"

#include <stdint.h>

/*
 * The bytes: magic, fingerprint, a digest of all that follows; two counts, then the rows: name,
 * NUL, digest for a quiet one; name and NUL for the others.
 */
static const char magic[8] = { 'c', 'k', 'm', 'e', 'm', 'o', '2', '\0' };

enum {
    FINGERPRINT_AT = sizeof(magic),
    CHECK_AT = FINGERPRINT_AT + DIGEST_BYTES,
    HEAD_LEN = CHECK_AT + DIGEST_BYTES,
    QUIET_ROW_MIN = 2 + DIGEST_BYTES, /* a name has a letter at the least */
    RESTLESS_ROW_MIN = 2,
    MEMO_BYTES_MAX = 64 << 20,
};

struct row {
    const char *name;
    const char *digest; /* DIGEST_BYTES of them */
    bool is_asked;
};

struct memo {
    struct row *quiet;
    size_t quiet_len;
    size_t cursor; /* where the next name is expected */
    const char **restless;
    size_t restless_len;
};

struct memo *memo_create(void)
{
    return xcalloc(1, sizeof(struct memo));
}

static void memo_clear(struct memo *memo)
{
    xfree(memo->quiet);
    xfree(memo->restless);
    *memo = (struct memo){ 0 };
}

void memo_destroy(struct memo *memo)
{
    if (memo == NULL) return;
    memo_clear(memo);
    xfree(memo);
}

/* ---- reading ---- */

struct cursor {
    const char *at, *end;
};

static const char *take_name(struct cursor *cursor)
{
    const char *name = cursor->at;
    const char *nul = memchr(name, '\0', (size_t)(cursor->end - name));
    if (nul == NULL) return NULL;
    cursor->at = nul + 1;
    return name;
}

static const char *take_bytes(struct cursor *cursor, size_t len)
{
    if (len > (size_t)(cursor->end - cursor->at)) return NULL;
    const char *bytes = cursor->at;
    cursor->at += len;
    return bytes;
}

static bool read_rows(struct memo *memo, struct cursor *cursor)
{
    uint32_t counts[2];
    const char *at = take_bytes(cursor, sizeof(counts));
    if (at == NULL) return false;
    memcpy(counts, at, sizeof(counts));
    uint32_t quiet = counts[0];
    uint32_t restless = counts[1];
    size_t left = (size_t)(cursor->end - cursor->at);
    /* Counts beyond what the bytes can hold are damage, not memory to ask for. */
    if (quiet > left / QUIET_ROW_MIN || restless > left / RESTLESS_ROW_MIN) return false;
    memo->quiet = xcalloc(quiet + 1U, sizeof(memo->quiet[0]));
    memo->restless = xcalloc(restless + 1U, sizeof(memo->restless[0]));
    for (; memo->quiet_len < quiet; memo->quiet_len++) {
        struct row *row = &memo->quiet[memo->quiet_len];
        row->name = take_name(cursor);
        row->digest = row->name == NULL ? NULL : take_bytes(cursor, DIGEST_BYTES);
        if (row->digest == NULL) return false;
    }
    for (; memo->restless_len < restless; memo->restless_len++) {
        memo->restless[memo->restless_len] = take_name(cursor);
        if (memo->restless[memo->restless_len] == NULL) return false;
    }
    return cursor->at == cursor->end;
}

bool memo_restore(struct memo *memo, const struct digest *fingerprint, const char *bytes,
                  size_t len)
{
    memo_clear(memo);
    struct cursor cursor = { bytes, bytes + len };
    const char *head = take_bytes(&cursor, HEAD_LEN);
    if (head == NULL || memcmp(head, magic, sizeof(magic)) != 0) return false;
    if (memcmp(head + FINGERPRINT_AT, fingerprint->bytes, DIGEST_BYTES) != 0) return false;
    struct digest check = digest_of(cursor.at, (size_t)(cursor.end - cursor.at));
    if (memcmp(head + CHECK_AT, check.bytes, DIGEST_BYTES) != 0) return false;
    if (read_rows(memo, &cursor)) return true;
    memo_clear(memo);
    return false;
}

/* ---- asking ---- */

static struct row *find(struct memo *memo, const char *name)
{
    size_t low = 0;
    size_t high = memo->quiet_len;
    if (memo->cursor < memo->quiet_len) {
        int order = strcmp(memo->quiet[memo->cursor].name, name);
        if (order == 0) return &memo->quiet[memo->cursor++];
        if (order < 0) low = memo->cursor + 1;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(memo->quiet[middle].name, name);
        if (order == 0) {
            memo->cursor = middle + 1;
            return &memo->quiet[middle];
        }
        if (order < 0) low = middle + 1;
        if (order > 0) high = middle;
    }
    memo->cursor = low;
    return NULL;
}

bool memo_is_quiet(struct memo *memo, const char *name, const struct digest *manifest)
{
    struct row *row = find(memo, name);
    if (row == NULL) return false;
    row->is_asked = true;
    return memcmp(row->digest, manifest->bytes, DIGEST_BYTES) == 0;
}

const char *memo_restless(const struct memo *memo, size_t index)
{
    return index < memo->restless_len ? memo->restless[index] : NULL;
}

const char *memo_vanished(const struct memo *memo, size_t *at)
{
    while (*at < memo->quiet_len) {
        const struct row *row = &memo->quiet[(*at)++];
        if (!row->is_asked) return row->name;
    }
    return NULL;
}

/* ---- writing ---- */

void memo_begin(struct memo_writer *writer)
{
    *writer = (struct memo_writer){ .quiet = BUF_INIT(MEMO_BYTES_MAX),
                                    .restless = BUF_INIT(MEMO_BYTES_MAX) };
}

void memo_add_quiet(struct memo_writer *writer, const char *name, const struct digest *manifest)
{
    buf_add(&writer->quiet, name, strlen(name) + 1);
    buf_add(&writer->quiet, (const char *)manifest->bytes, DIGEST_BYTES);
    writer->quiet_len++;
}

void memo_add_restless(struct memo_writer *writer, const char *name)
{
    buf_add(&writer->restless, name, strlen(name) + 1);
    writer->restless_len++;
}

void memo_finish(struct memo_writer *writer, const struct digest *fingerprint, struct buf *out)
{
    uint32_t counts[2] = { (uint32_t)writer->quiet_len, (uint32_t)writer->restless_len };
    const struct {
        const void *bytes;
        size_t len;
    } parts[] = { { counts, sizeof(counts) },
                  { buf_text(&writer->quiet), writer->quiet.len },
                  { buf_text(&writer->restless), writer->restless.len } };
    AUTO(hasher_destroy) struct hasher *hasher = hasher_create();
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        hasher_add(hasher, parts[i].bytes, parts[i].len);
    }
    struct digest check = hasher_take(hasher);
    buf_add(out, magic, sizeof(magic));
    buf_add(out, (const char *)fingerprint->bytes, DIGEST_BYTES);
    buf_add(out, (const char *)check.bytes, DIGEST_BYTES);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        buf_add(out, parts[i].bytes, parts[i].len);
    }
    buf_release(&writer->quiet);
    buf_release(&writer->restless);
}
