/*
 * life_private: what the files of a life share. life.c goes through it, life_turn.c writes to the
 * store, life_cache.c to the cache, life_check.c looks at what is found, life_settings.c meddles
 * with the connections.
 */
#ifndef CLUSTERKEEPER_LIFE_PRIVATE_H
#define CLUSTERKEEPER_LIFE_PRIVATE_H

#include "book.h"
#include "cache.h"
#include "disk_cut.h"
#include "life.h"

#define LIFE_WORKSPACE "https://adb-1.example"

enum { BOOKS_MAX = 8, SEEN_MAX = 4096 };

struct life {
    const struct life_order *order;
    struct life_result *result;
    struct prng prng;
    struct disk disk;
    struct disk_cut cut;
    struct store *store; /* NULL: closed */
    struct cache *cache;
    enum moment doing;
    enum moment aim; /* where it is going to end; MOMENT_COUNT: nowhere */
    uint64_t aim_skips;
    int64_t aim_deeds;
    /*
     * What the file may hold after a cut: the last acknowledged state first, then each that may
     * have come to the disk since without our knowing. The process goes on from the last.
     */
    struct book books[BOOKS_MAX];
    size_t books_len;
    bool has_key;
    uint8_t key[DIGEST_KEY_BYTES];
    char *seen[SEEN_MAX]; /* whatever was put into the cache, as "ID json" or "blob bytes" */
    size_t seen_len;
    int64_t clock;
};

/* life.c */
void life_tell(const struct life *life, const char *fmt, ...) PRINTF(2, 3);
void life_fail(struct life *life, const char *fmt, ...) PRINTF(2, 3);
uint64_t life_draw(struct life *life, uint64_t bound);
/* From now on this is what it does; the end may be meant to come in the midst of it. */
void life_begins(struct life *life, enum moment moment);
bool life_aims_at(const struct life *life, enum moment moment);

/* life_settings.c: what each connection from now on has beside what state/ sets. */
void life_settings(enum weakness weakness, int checkpoint_pages);
/* life_turn.c: a turn, to its commit or its rollback. */
void life_turn(struct life *life);
/* life_cache.c */
void life_cache_use(struct life *life);
void life_cache_check(struct life *life);
/* life_check.c: after a death. Of the books those stay that the file may still hold. */
void life_check(struct life *life, bool was_power);

#endif
