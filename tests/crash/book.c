#include "book.h"

#include "text.h"

#include <stdio.h>

enum { ROW_LEN_MAX = 64 * 1024, HISTORY_MAX = 1000000, SHOWN_LEN_MAX = 200 };

/* ---- lines ---- */

static void line_release(struct line *line)
{
    /* NOLINTBEGIN(clang-diagnostic-cast-qual): its own copies */
    xfree((char *)(uintptr_t)line->intent.name);
    xfree((char *)(uintptr_t)line->intent.cluster_id);
    xfree((char *)(uintptr_t)line->intent.operation);
    xfree((char *)(uintptr_t)line->intent.why);
    /* NOLINTEND(clang-diagnostic-cast-qual) */
    xfree(line->key);
    xfree(line->text);
}

static const char *copy_of(const char *text)
{
    return text == NULL ? NULL : xstrdup(text);
}

static struct intent intent_copy(const struct intent *intent)
{
    struct intent copy = *intent;
    copy.name = copy_of(intent->name);
    copy.cluster_id = copy_of(intent->cluster_id);
    copy.operation = copy_of(intent->operation);
    copy.why = copy_of(intent->why);
    return copy;
}

void book_release(struct book *book)
{
    for (size_t i = 0; i < book->len; i++) {
        line_release(&book->lines[i]);
    }
    xfree(book->lines);
    *book = (struct book){ .len = 0 };
}

void book_copy(const struct book *from, struct book *ret_book)
{
    *ret_book = *from;
    ret_book->lines = NULL;
    ret_book->len = ret_book->cap = 0;
    for (size_t i = 0; i < from->len; i++) {
        struct line copy = {
            .key = xstrdup(from->lines[i].key),
            .text = xstrdup(from->lines[i].text),
            .intent = intent_copy(&from->lines[i].intent),
        };
        ARR_PUSH(ret_book->lines, ret_book->len, ret_book->cap, copy);
    }
}

static struct line *find(const struct book *book, const char *key)
{
    for (size_t i = 0; i < book->len; i++) {
        if (strcmp(book->lines[i].key, key) == 0) return &book->lines[i];
    }
    return NULL;
}

static void drop(struct book *book, const char *key)
{
    struct line *line = find(book, key);
    if (line == NULL) return;
    line_release(line);
    *line = book->lines[--book->len];
}

/* ---- rows as text ---- */

/* Of a long text its beginning, its length and its digest stand for it. */
static void add_text(struct buf *out, const char *text)
{
    enum { WHOLE_LEN_MAX = 120, SHOWN = 24 };
    if (text == NULL) {
        buf_adds(out, " -");
        return;
    }
    size_t len = strlen(text);
    if (len <= WHOLE_LEN_MAX) {
        buf_addf(out, " '%s'", text);
        return;
    }
    char hex[DIGEST_HEX_SIZE];
    struct digest digest = digest_of(text, len);
    digest_hex(&digest, hex);
    buf_addf(out, " '%.*s...' (%zu, %s)", SHOWN, text, len, hex);
}

static void add_number(struct buf *out, int64_t number)
{
    buf_addf(out, " %lld", (long long)number);
}

static void write_record(const struct record *record, struct buf *key, struct buf *text)
{
    const char *const texts[] = {
        record->source,        record->cluster_id,     record->predecessor_id,
        record->operation,     record->pending_digest, record->applied_digest,
        record->libraries,     record->permissions,    record->image,
        record->failed_digest, record->error,          record->applied_spec,
        record->pending_spec,
    };
    const int64_t numbers[] = {
        record->phase_since_ms, record->pinned,   record->prune,       record->adopted,
        record->clean_listings, record->failures, record->retry_at_ms, record->updated_ms,
    };
    buf_addf(key, "record/%s", record->name);
    buf_adds(text, phase_name(record->phase));
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        add_text(text, texts[i]);
    }
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        add_number(text, numbers[i]);
    }
}

static void write_intent(const struct intent *intent, struct buf *key, struct buf *text)
{
    buf_addf(key, "intent/%lld", (long long)intent->id);
    buf_adds(text, step_name(intent->step));
    add_text(text, intent->name);
    add_text(text, intent->cluster_id);
    add_text(text, intent->operation);
    add_text(text, intent->why);
    add_number(text, intent->at_ms);
}

static void write_event(const struct event *event, struct buf *key, struct buf *text)
{
    buf_addf(key, "event/%lld", (long long)event->id);
    buf_adds(text, event->what);
    add_text(text, event->name);
    add_text(text, event->cluster_id);
    add_text(text, event->detail);
    add_text(text, event->error);
    add_number(text, event->at_ms);
}

static void add_line(struct book *book, struct buf *key, struct buf *text,
                     const struct intent *intent)
{
    drop(book, buf_text(key));
    struct line line = { .key = buf_take(key), .text = buf_take(text) };
    if (intent != NULL) line.intent = intent_copy(intent);
    ARR_PUSH(book->lines, book->len, book->cap, line);
}

/* ---- what is done in a turn ---- */

void book_put(struct book *book, const struct record *record)
{
    AUTO_BUF struct buf key = BUF_INIT(ROW_LEN_MAX);
    AUTO_BUF struct buf text = BUF_INIT(ROW_LEN_MAX);
    write_record(record, &key, &text);
    add_line(book, &key, &text, NULL);
    book->has_touched = true;
}

void book_drop(struct book *book, const char *name)
{
    AUTO_BUF struct buf key = BUF_INIT(ROW_LEN_MAX);
    buf_addf(&key, "record/%s", name);
    if (find(book, buf_text(&key)) == NULL) return;
    drop(book, buf_text(&key));
    book->has_touched = true;
}

void book_intend(struct book *book, const struct intent *intent)
{
    AUTO_BUF struct buf key = BUF_INIT(ROW_LEN_MAX);
    AUTO_BUF struct buf text = BUF_INIT(ROW_LEN_MAX);
    write_intent(intent, &key, &text);
    add_line(book, &key, &text, intent);
}

void book_note(struct book *book, const struct event *event)
{
    AUTO_BUF struct buf key = BUF_INIT(ROW_LEN_MAX);
    AUTO_BUF struct buf text = BUF_INIT(ROW_LEN_MAX);
    struct event numbered = *event;
    numbered.id = ++book->last_event;
    write_event(&numbered, &key, &text);
    add_line(book, &key, &text, NULL);
}

void book_conclude(struct book *book, int64_t intent_id, int64_t at_ms, const char *cluster_id,
                   const char *error)
{
    char key[64];
    (void)snprintf(key, sizeof(key), "intent/%lld", (long long)intent_id);
    const struct intent *intent = &find(book, key)->intent;
    book_note(book, &(struct event){
                        .at_ms = at_ms,
                        .name = intent->name,
                        .cluster_id = cluster_id != NULL ? cluster_id : intent->cluster_id,
                        .what = step_name(intent->step),
                        .detail = intent->why,
                        .error = error,
                    });
    drop(book, key);
}

void book_script(struct book *book, const char *destination)
{
    AUTO_BUF struct buf key = BUF_INIT(ROW_LEN_MAX);
    AUTO_BUF struct buf text = BUF_INIT(ROW_LEN_MAX);
    buf_addf(&key, "script/%s", destination);
    buf_adds(&text, "known");
    add_line(book, &key, &text, NULL);
}

void book_commit(struct book *book)
{
    if (book->has_touched) book->generation++;
    book->has_touched = false;
}

const struct line *book_pick(const struct book *book, const char *prefix, struct prng *prng)
{
    const struct line *chosen = NULL;
    uint64_t seen = 0;
    for (size_t i = 0; i < book->len; i++) {
        if (!text_starts(book->lines[i].key, prefix)) continue;
        if (prng_below(prng, ++seen) == 0) chosen = &book->lines[i];
    }
    return chosen;
}

/* ---- comparing ---- */

struct reading {
    struct store *store;
    struct book found;
};

static bool read_record(void *ctx, const struct record *record)
{
    struct reading *reading = ctx;
    AUTO_BUF struct buf key = BUF_INIT(ROW_LEN_MAX);
    AUTO_BUF struct buf text = BUF_INIT(ROW_LEN_MAX);
    write_record(record, &key, &text); /* without its specs, which are asked for later */
    add_line(&reading->found, &key, &text, NULL);
    return true;
}

static bool read_intent(void *ctx, const struct intent *intent)
{
    book_intend(&((struct reading *)ctx)->found, intent);
    return true;
}

static bool read_event(void *ctx, const struct event *event)
{
    struct reading *reading = ctx;
    AUTO_BUF struct buf key = BUF_INIT(ROW_LEN_MAX);
    AUTO_BUF struct buf text = BUF_INIT(ROW_LEN_MAX);
    write_event(event, &key, &text);
    add_line(&reading->found, &key, &text, NULL);
    return true;
}

/* The records once more, one by one, with their specs. */
static bool read_specs(struct reading *reading, struct err *err)
{
    for (size_t i = 0; i < reading->found.len; i++) {
        static const char prefix[] = "record/";
        struct line *line = &reading->found.lines[i];
        struct record record;
        bool is_found = false;
        if (!text_starts(line->key, prefix)) continue;
        AUTO_ARENA struct arena arena = ARENA_INIT;
        if (!store_record_get(reading->store, line->key + sizeof(prefix) - 1, &arena, &record,
                              &is_found, err)) {
            return false;
        }
        AUTO_BUF struct buf key = BUF_INIT(ROW_LEN_MAX);
        AUTO_BUF struct buf text = BUF_INIT(ROW_LEN_MAX);
        if (is_found) write_record(&record, &key, &text);
        xfree(line->text);
        line->text = buf_take(&text);
    }
    return true;
}

/* Of the scripts the store answers only whether one is known. */
static bool read_scripts(const struct book *book, struct reading *reading, struct err *err)
{
    for (size_t i = 0; i < book->len; i++) {
        static const char prefix[] = "script/";
        if (!text_starts(book->lines[i].key, prefix)) continue;
        const char *destination = book->lines[i].key + sizeof(prefix) - 1;
        bool is_known = false;
        if (!store_script_known(reading->store, destination, &is_known, err)) return false;
        if (is_known) book_script(&reading->found, destination);
    }
    return true;
}

static bool read_all(const struct book *book, struct reading *reading, struct err *err)
{
    struct store *store = reading->store;
    return store_record_each(store, read_record, reading, err) && read_specs(reading, err) &&
           store_unfinished(store, read_intent, reading, err) &&
           store_history(store, NULL, HISTORY_MAX, read_event, reading, err) &&
           read_scripts(book, reading, err) &&
           store_generation(store, &reading->found.generation, err);
}

static bool is_within(const struct book *inner, const struct book *outer, const char *what,
                      struct buf *why)
{
    for (size_t i = 0; i < inner->len; i++) {
        const struct line *line = &inner->lines[i];
        const struct line *other = find(outer, line->key);
        if (other != NULL && strcmp(other->text, line->text) == 0) continue;
        buf_addf(why, "%s %s: %.*s", what, line->key, SHOWN_LEN_MAX, line->text);
        if (other != NULL) buf_addf(why, ", but %.*s", SHOWN_LEN_MAX, other->text);
        return false;
    }
    return true;
}

bool book_agrees(const struct book *book, struct store *store, struct buf *why)
{
    struct reading reading = { .store = store };
    struct err err;
    bool agrees = false;
    if (!read_all(book, &reading, &err)) {
        buf_addf(why, "it cannot be read: %s", err.text);
    } else if (is_within(book, &reading.found, "it lacks", why) &&
               is_within(&reading.found, book, "it has", why)) {
        agrees = reading.found.generation == book->generation;
    }
    if (!agrees && buf_text(why)[0] == '\0') {
        buf_addf(why, "its generation is %lld, not %lld", (long long)reading.found.generation,
                 (long long)book->generation);
    }
    book_release(&reading.found);
    return agrees;
}
