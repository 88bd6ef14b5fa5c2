#include "catalogue_private.h"

#include "text.h"

#include <assert.h>

/*
 * The tables as they are in memory, strings by their place in one block at the end. Bytes are in
 * the order of this machine: they are a cache beside the state file, and go nowhere else.
 */
static const char magic[8] = { 'C', 'K', 'I', 'N', 'D', 'E', 'X', '1' };

struct saved_head {
    char magic[sizeof(magic)];
    struct digest identity; /* whose index this is */
    uint64_t checksum;      /* of all that follows the head */
    uint32_t rows, entries, scopes, refs, ref_ids, strings;
};

struct saved_row {
    struct file_stamp stamp;
    uint32_t path, scope, refs_at, refs_len, flags, unused;
};

struct saved_entry {
    struct digest digest, whole;
    uint32_t name, line, column, file, document;
};

struct saved_scope {
    struct digest digest;
    uint32_t path, document, above;
};

struct saved_ref {
    struct file_stamp stamp;
    struct digest hash;
    uint32_t text;
    uint16_t kind, is_known;
};

/* --- whose it is --- */

/* Another version reads manifests otherwise; another root, key or directory gives other digests. */
static struct digest identity(const struct catalogue *catalogue)
{
    static const uint32_t order = 0x01020304;
    struct hasher *hasher = catalogue->hasher;
    struct digest key = { { 0 } };
    if (catalogue->secrets != NULL) key = secrets_fingerprint(catalogue->secrets);
    hasher_add(hasher, CLUSTERKEEPER_VERSION, sizeof(CLUSTERKEEPER_VERSION));
    hasher_add(hasher, &order, sizeof(order));
    hasher_add(hasher, key.bytes, sizeof(key.bytes));
    hasher_add(hasher, catalogue->root, strlen(catalogue->root) + 1);
    hasher_add(hasher, catalogue->script_dir, strlen(catalogue->script_dir) + 1);
    return hasher_take(hasher);
}

/* Against damage, not against malice: the file is the user's own. Eight bytes at a time. */
static uint64_t checksum(const char *bytes, size_t len)
{
    uint64_t sum = UINT64_C(0xcbf29ce484222325) ^ len;
    for (size_t at = 0; at < len; at += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + at, len - at < 8 ? len - at : 8);
        sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        sum ^= sum >> 29;
    }
    return sum;
}

/* --- save --- */

/* A string at the end of the block; its place. */
static uint32_t string_add(struct buf *strings, const char *text)
{
    uint32_t at = (uint32_t)strings->len;
    (void)buf_add(strings, text, strlen(text) + 1);
    return at;
}

static void add(struct buf *out, const void *bytes, size_t len)
{
    (void)buf_add(out, bytes, len);
}

static void rows_save(const struct index *index, struct buf *out, struct buf *strings)
{
    for (size_t i = 0; i < index->rows_len; i++) {
        const struct row *row = &index->rows[i];
        struct saved_row saved = { row->stamp,
                                   string_add(strings, row->path),
                                   row->scope,
                                   row->refs_at,
                                   row->refs_len,
                                   row->flags,
                                   0 };
        add(out, &saved, sizeof(saved));
    }
}

static void entries_save(const struct index *index, struct buf *out, struct buf *strings)
{
    for (size_t i = 0; i < index->entries_len; i++) {
        const struct entry *entry = &index->entries[i];
        struct saved_entry saved = {
            entry->digest,   entry->whole,      string_add(strings, entry->name),
            entry->pos.line, entry->pos.column, entry->file,
            entry->document
        };
        add(out, &saved, sizeof(saved));
    }
}

static void rest_save(const struct index *index, struct buf *out, struct buf *strings)
{
    for (size_t i = 0; i < index->scopes_len; i++) {
        const struct scope *scope = &index->scopes[i];
        struct saved_scope saved = { scope->digest, string_add(strings, scope->path),
                                     scope->document, scope->above };
        add(out, &saved, sizeof(saved));
    }
    for (size_t i = 0; i < index->refs_len; i++) {
        const struct ref *ref = index->refs[i];
        struct saved_ref saved = { ref->stamp, ref->hash, string_add(strings, ref->text),
                                   (uint16_t)ref->kind, (uint16_t)ref->is_known };
        add(out, &saved, sizeof(saved));
    }
    add(out, index->ref_ids, index->ref_ids_len * sizeof(index->ref_ids[0]));
}

void catalogue_save(const struct catalogue *catalogue, struct buf *out)
{
    const struct index *index = &catalogue->index;
    AUTO_BUF struct buf strings = BUF_INIT(UINT32_MAX);
    struct saved_head head = { .identity = identity(catalogue),
                               .rows = (uint32_t)index->rows_len,
                               .entries = (uint32_t)index->entries_len,
                               .scopes = (uint32_t)index->scopes_len,
                               .refs = (uint32_t)index->refs_len,
                               .ref_ids = (uint32_t)index->ref_ids_len };
    size_t begin = out->len;
    memcpy(head.magic, magic, sizeof(magic));
    add(out, &head, sizeof(head));
    rows_save(index, out, &strings);
    entries_save(index, out, &strings);
    rest_save(index, out, &strings);
    (void)buf_addc(&strings, '\0');
    add(out, strings.data, strings.len);
    if (out->overflowed || strings.overflowed) return; /* no checksum: it will not be taken back */
    head.strings = (uint32_t)strings.len;
    size_t body = begin + sizeof(head);
    head.checksum = checksum(out->data + body, out->len - body);
    memcpy(out->data + begin, &head, sizeof(head));
}

/* --- restore --- */

/* The saved tables: nothing in them is believed before it was checked. */
struct saved {
    struct saved_head head;
    const char *rows, *entries, *scopes, *refs, *ref_ids;
    const char *strings; /* copied into the index's arena, NUL at the end */
};

static bool is_text(const struct saved *saved, uint32_t at)
{
    return at < saved->head.strings;
}

static bool rows_restore(struct index *index, const struct saved *saved)
{
    const struct saved_head *head = &saved->head;
    index->rows = xmalloc((head->rows + 1) * sizeof(index->rows[0]));
    index->rows_cap = head->rows + 1;
    for (size_t i = 0; i < head->rows; i++) {
        struct saved_row from;
        memcpy(&from, saved->rows + i * sizeof(from), sizeof(from));
        bool is_scope = from.scope < head->scopes;
        bool has_no_scope = from.scope == INDEX_NONE &&
                            (from.flags == ROW_FLAGS || (from.flags & ROW_DEFAULTS) == 0);
        if (!is_text(saved, from.path) || !(is_scope || has_no_scope) ||
            (from.flags & ~(uint32_t)ROW_FLAGS) != 0 || from.refs_at > head->ref_ids ||
            from.refs_len > head->ref_ids - from.refs_at) {
            return false;
        }
        index->rows[index->rows_len++] = (struct row){ saved->strings + from.path,
                                                       from.stamp,
                                                       from.scope,
                                                       from.refs_at,
                                                       from.refs_len,
                                                       from.flags };
    }
    return true;
}

static bool entries_restore(struct index *index, const struct saved *saved)
{
    const struct saved_head *head = &saved->head;
    index->entries = xmalloc((head->entries + 1) * sizeof(index->entries[0]));
    index->entries_cap = head->entries + 1;
    for (size_t i = 0; i < head->entries; i++) {
        struct saved_entry from;
        memcpy(&from, saved->entries + i * sizeof(from), sizeof(from));
        if (!is_text(saved, from.name) || from.file >= head->rows) return false;
        index->entries[index->entries_len++] = (struct entry){
            .name = saved->strings + from.name,
            .pos = { index->rows[from.file].path, from.line, from.column },
            .digest = from.digest,
            .whole = from.whole,
            .file = from.file,
            .document = from.document,
        };
    }
    return true;
}

/* How many scopes lie above this one; they come before it, so that there is no circle. */
static size_t scope_depth(const struct index *index, uint32_t above)
{
    size_t depth = 0;
    for (; above != INDEX_NONE; above = index->scopes[above].above) {
        depth++;
    }
    return depth;
}

static bool scopes_restore(struct index *index, const struct saved *saved)
{
    for (size_t i = 0; i < saved->head.scopes; i++) {
        struct saved_scope from;
        memcpy(&from, saved->scopes + i * sizeof(from), sizeof(from));
        bool is_above = from.above == INDEX_NONE || from.above < i;
        if (!is_text(saved, from.path) || !is_above ||
            scope_depth(index, from.above) > CATALOGUE_DEPTH_MAX) {
            return false;
        }
        struct scope scope = {
            saved->strings + from.path, from.document, from.above, from.digest, NULL, NULL
        };
        ARR_PUSH(index->scopes, index->scopes_len, index->scopes_cap, scope);
    }
    return true;
}

static bool refs_restore(struct index *index, const struct saved *saved)
{
    const struct saved_head *head = &saved->head;
    for (size_t i = 0; i < head->refs; i++) {
        struct saved_ref from;
        memcpy(&from, saved->refs + i * sizeof(from), sizeof(from));
        if (!is_text(saved, from.text) || from.kind >= REF_KIND_COUNT || from.is_known > 1) {
            return false;
        }
        struct ref *ref = index_ref(index, (enum ref_kind)from.kind, saved->strings + from.text);
        if (ref->id != i) return false; /* twice the same */
        ref->stamp = from.stamp;
        ref->hash = from.hash;
        ref->is_known = from.is_known == 1;
        /* Only those in use are looked at; whether this one is, the rows tell. */
    }
    index->ref_ids = xmalloc((head->ref_ids + 1) * sizeof(index->ref_ids[0]));
    index->ref_ids_cap = head->ref_ids + 1;
    index->ref_ids_len = head->ref_ids;
    memcpy(index->ref_ids, saved->ref_ids, head->ref_ids * sizeof(index->ref_ids[0]));
    for (size_t i = 0; i < index->ref_ids_len; i++) {
        if (index->ref_ids[i] >= index->refs_len) return false;
        index->refs[index->ref_ids[i]]->is_used = true;
    }
    return true;
}

/* Where the tables begin. False when they do not fill the bytes exactly, or are damaged. */
static bool tables_find(const struct catalogue *catalogue, const char *bytes, size_t len,
                        struct saved *ret_saved)
{
    struct saved saved = { 0 };
    if (len < sizeof(saved.head)) return false;
    memcpy(&saved.head, bytes, sizeof(saved.head));
    const struct saved_head *head = &saved.head;
    struct digest own = identity(catalogue);
    uint64_t sizes[] = { (uint64_t)head->rows * sizeof(struct saved_row),
                         (uint64_t)head->entries * sizeof(struct saved_entry),
                         (uint64_t)head->scopes * sizeof(struct saved_scope),
                         (uint64_t)head->refs * sizeof(struct saved_ref),
                         (uint64_t)head->ref_ids * sizeof(uint32_t),
                         head->strings };
    const char **tables[] = { &saved.rows, &saved.entries, &saved.scopes,
                              &saved.refs, &saved.ref_ids, &saved.strings };
    const char *at = bytes + sizeof(saved.head);
    uint64_t left = len - sizeof(saved.head);
    if (memcmp(head->magic, magic, sizeof(magic)) != 0 || !digest_equal(&head->identity, &own) ||
        head->rows > CATALOGUE_FILES_MAX || head->entries > CATALOGUE_MANIFESTS_MAX ||
        checksum(at, left) != head->checksum) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(tables); i++) {
        if (sizes[i] > left) return false;
        *tables[i] = at;
        at += sizes[i];
        left -= sizes[i];
    }
    if (left != 0 || head->strings == 0 || at[-1] != '\0') return false;
    *ret_saved = saved;
    return true;
}

bool catalogue_restore(struct catalogue *catalogue, const char *bytes, size_t len)
{
    struct index *index = &catalogue->index;
    struct saved saved;
    index_release(index);
    catalogue->is_complete = false;
    catalogue->has_changes = false;
    if (!tables_find(catalogue, bytes, len, &saved)) return false;
    char *strings = arena_alloc(&index->arena, saved.head.strings);
    memcpy(strings, saved.strings, saved.head.strings);
    saved.strings = strings;
    if (rows_restore(index, &saved) && entries_restore(index, &saved) &&
        scopes_restore(index, &saved) && refs_restore(index, &saved)) {
        return true;
    }
    index_release(index);
    return false;
}
