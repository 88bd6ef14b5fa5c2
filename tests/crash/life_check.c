/*
 * What is found when there is power again.
 */
#include "life_private.h"

#include <sqlite3.h>
#include <stdio.h>

enum { WHY_MAX = 64 * 1024 };

/* The one answer of a PRAGMA, by a reader beside the store. */
static void ask(const struct life *life, const char *text, char ret_answer[128])
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    (void)snprintf(ret_answer, 128, "no answer");
    if (sqlite3_open_v2(life->order->path, &db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(db, text, -1, &statement, NULL) == SQLITE_OK) {
        int rc = sqlite3_step(statement);
        const char *answer =
            rc == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
        if (answer != NULL) (void)snprintf(ret_answer, 128, "%s", answer);
        if (rc == SQLITE_DONE) (void)snprintf(ret_answer, 128, "nothing");
        if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
            (void)snprintf(ret_answer, 128, "%s", sqlite3_errmsg(db));
        }
    }
    (void)sqlite3_finalize(statement);
    (void)sqlite3_close(db);
}

static void check_structure(struct life *life)
{
    static const struct {
        const char *pragma, *wanted;
    } rows[] = {
        { "PRAGMA integrity_check", "ok" },
        { "PRAGMA foreign_key_check", "nothing" },
        { "PRAGMA journal_mode", "wal" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char answer[128];
        ask(life, rows[i].pragma, answer);
        if (strcmp(answer, rows[i].wanted) == 0) continue;
        life_fail(life, "%s: %s", rows[i].pragma, answer);
    }
}

static void check_key(struct life *life)
{
    uint8_t key[DIGEST_KEY_BYTES];
    store_secret_key(life->store, key);
    if (memcmp(key, life->key, sizeof(key)) != 0) life_fail(life, "another secret key is found");
}

/* After a power cut only the book that agrees stays: what is found is on the disk. */
static void keep_books(struct life *life, size_t at, bool was_power)
{
    for (size_t i = 0; i < life->books_len; i++) {
        bool stays = i == at || (i < at && !was_power);
        if (!stays) book_release(&life->books[i]);
    }
    if (was_power) life->books[0] = life->books[at];
    life->books_len = was_power ? 1 : at + 1;
}

void life_check(struct life *life, bool was_power)
{
    AUTO_BUF struct buf first = BUF_INIT(WHY_MAX);
    check_structure(life);
    check_key(life);
    for (size_t i = life->books_len; i > 0; i--) {
        AUTO_BUF struct buf why = BUF_INIT(WHY_MAX);
        if (book_agrees(&life->books[i - 1], life->store, &why)) {
            life_tell(life, "found: %s", i == 1 ? "what was acknowledged" : "a turn beyond it");
            keep_books(life, i - 1, was_power);
            return;
        }
        buf_clear(&first);
        buf_adds(&first, buf_text(&why));
    }
    life_fail(life, "of %zu states that may be found it is none: %s", life->books_len,
              buf_text(&first));
}
