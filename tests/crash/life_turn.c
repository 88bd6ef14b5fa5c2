/*
 * Turns: rows of every kind, put, changed and dropped; small ones as a day brings them, and large
 * ones that do not fit into SQLite's memory.
 */
#include "life_private.h"

#include <assert.h>
#include <stdio.h>

enum { NAMES = 12, WORDS_SIZE = 48, SPEC_MAX = 1 << 20 };

/* The book that the turn writes into. */
static struct book *book_of(struct life *life)
{
    return &life->books[life->books_len - 1];
}

static const char *words(struct life *life, char ret_words[WORDS_SIZE])
{
    prng_text(&life->prng, ret_words, (unsigned)(1 + life_draw(life, WORDS_SIZE - 2)));
    return life_draw(life, 4) == 0 ? NULL : ret_words;
}

/* Mostly small; now and then as large as a spec can become. */
static char *spec(struct life *life, bool is_fat)
{
    static const uint64_t sizes[] = { 40, 400, 5000, 20000 };
    if (life_draw(life, 5) == 0) return NULL;
    size_t size = (size_t)life_draw(life, is_fat ? SPEC_MAX : sizes[life_draw(life, 4)]) + 1;
    char *text = xmalloc(size + 1);
    char word[17];
    prng_text(&life->prng, word, 16);
    for (size_t i = 0; i < size; i++) {
        text[i] = word[(i + i / 16) % 16];
    }
    text[size] = '\0';
    return text;
}

static bool put_record(struct life *life, bool is_fat, struct err *err)
{
    char name[16];
    char text[8][WORDS_SIZE];
    AUTO(xfree) char *applied = spec(life, is_fat);
    AUTO(xfree) char *pending = spec(life, false);
    (void)snprintf(name, sizeof(name), "c%llu", (unsigned long long)life_draw(life, NAMES));
    struct record record = {
        .name = name,
        .source = words(life, text[0]),
        .cluster_id = words(life, text[1]),
        .predecessor_id = words(life, text[2]),
        .phase = (enum phase)life_draw(life, PHASE_COUNT),
        .phase_since_ms = ++life->clock,
        .operation = words(life, text[3]),
        .pending_spec = pending,
        .applied_spec = applied,
        .applied_digest = words(life, text[4]),
        .libraries = words(life, text[5]),
        .image = words(life, text[6]),
        .pinned = (int)life_draw(life, 3) - 1,
        .failures = (int)life_draw(life, 9),
        .error = words(life, text[7]),
        .updated_ms = life->clock,
    };
    book_put(book_of(life), &record);
    return store_record_put(life->store, &record, err);
}

static bool drop_record(struct life *life, struct err *err)
{
    const struct line *line = book_pick(book_of(life), "record/", &life->prng);
    if (line == NULL) return true;
    char name[16];
    (void)snprintf(name, sizeof(name), "%s", line->key + strlen("record/"));
    book_drop(book_of(life), name);
    return store_record_drop(life->store, name, err);
}

static bool intend(struct life *life, struct err *err)
{
    char text[3][WORDS_SIZE];
    struct intent intent = {
        .name = "c1",
        .step = (enum step)(STEP_UPLOAD + life_draw(life, STEP_COUNT - STEP_UPLOAD)),
        .cluster_id = words(life, text[0]),
        .operation = words(life, text[1]),
        .why = words(life, text[2]),
        .at_ms = ++life->clock,
    };
    if (!store_intend(life->store, &intent, err)) return false;
    book_intend(book_of(life), &intent);
    return true;
}

static bool conclude(struct life *life, struct err *err)
{
    char text[2][WORDS_SIZE];
    const struct line *line = book_pick(book_of(life), "intent/", &life->prng);
    if (line == NULL) return true;
    int64_t id = line->intent.id;
    const char *cluster_id = words(life, text[0]);
    const char *error = words(life, text[1]);
    book_conclude(book_of(life), id, ++life->clock, cluster_id, error);
    return store_conclude(life->store, id, life->clock, cluster_id, error, err);
}

static bool note(struct life *life, struct err *err)
{
    char text[3][WORDS_SIZE];
    struct event event = {
        .at_ms = ++life->clock,
        .name = words(life, text[0]),
        .cluster_id = words(life, text[1]),
        .what = "launched",
        .detail = words(life, text[2]),
    };
    book_note(book_of(life), &event);
    return store_note(life->store, &event, err);
}

static bool put_script(struct life *life, struct err *err)
{
    char destination[WORDS_SIZE];
    (void)snprintf(destination, sizeof(destination), "/Shared/clusterkeeper/%llu.sh",
                   (unsigned long long)life_draw(life, 20));
    book_script(book_of(life), destination);
    return store_script_put(life->store, destination, ++life->clock, err);
}

static bool write_row(struct life *life, bool is_fat, struct err *err)
{
    switch (life_draw(life, is_fat ? 20 : 9)) {
    case 0:
        return drop_record(life, err);
    case 1:
    case 2:
        return intend(life, err);
    case 3:
    case 4:
        return conclude(life, err);
    case 5:
        return note(life, err);
    case 6:
        return put_script(life, err);
    default:
        return put_record(life, is_fat, err);
    }
}

/* A wrong program: what is one turn comes to the disk as two. */
static bool split(struct life *life, struct err *err)
{
    if (life->order->weakness != WEAK_SPLIT) return true;
    book_commit(book_of(life));
    return store_commit(life->store, err) && store_begin(life->store, err);
}

static bool write_rows(struct life *life, bool is_fat, struct err *err)
{
    uint64_t rows = 1 + life_draw(life, is_fat ? 12 : 6);
    if (!store_begin(life->store, err)) return false;
    for (uint64_t i = 0; i < rows; i++) {
        if (!write_row(life, is_fat, err)) return false;
        if (i == rows / 2 && !split(life, err)) return false;
    }
    return true;
}

/* What was acknowledged is all that the file may hold. */
static void acknowledge(struct life *life)
{
    struct book last = *book_of(life);
    for (size_t i = 0; i + 1 < life->books_len; i++) {
        book_release(&life->books[i]);
    }
    life->books[0] = last;
    life->books_len = 1;
    life->result->turns++;
}

static void give_up(struct life *life)
{
    book_release(book_of(life));
    life->books_len--;
}

void life_turn(struct life *life)
{
    struct err err;
    assert(life->books_len < BOOKS_MAX);
    life->books_len++;
    *book_of(life) = (struct book){ .len = 0 };
    book_copy(&life->books[life->books_len - 2], book_of(life));
    bool is_fat = life_draw(life, 40) == 0 || life_aims_at(life, MOMENT_TURN);
    life_begins(life, MOMENT_TURN);
    bool ok = write_rows(life, is_fat, &err);
    if (ok && life_draw(life, 10) == 0) {
        store_rollback(life->store);
        give_up(life);
        life_tell(life, "rolled back");
        return;
    }
    bool is_committing = ok && !disk_cut_has_struck(&life->cut);
    if (is_committing) {
        life_begins(life, MOMENT_COMMIT);
        book_commit(book_of(life));
        ok = store_commit(life->store, &err);
    }
    if (ok && is_committing) {
        acknowledge(life);
        life_tell(life, "committed, %zu rows", book_of(life)->len);
        return;
    }
    if (!is_committing) give_up(life);
    if (!disk_cut_has_struck(&life->cut)) life_fail(life, "a turn failed: %s", err.text);
}
