/*
 * store: what is recorded, in one SQLite file.
 *
 * Invariant: an intent is committed here before its call leaves the process, and stays unfinished
 * until its result is committed. Losing a row can mean a cluster that nobody keeps; that is why
 * the file is written with synchronous=FULL.
 *
 * One connection, one thread. One writer at a time: the lock file beside the state file
 * (FILE.lock) is held for the life of a writer and says who holds it. Readers need no lock and are
 * never blocked (WAL). The file's mode is 0600, its directory is made with 0700.
 */
#ifndef CLUSTERKEEPER_STORE_H
#define CLUSTERKEEPER_STORE_H

#include "arena.h"
#include "digest.h"
#include "record.h"

struct store; /* opaque */

enum store_mode {
    STORE_READ,  /* an existing file, for plan and status; the file is not changed */
    STORE_WRITE, /* makes and migrates the file; takes the lock */
};

/*
 * Open `path`. ERR_NOT_FOUND when STORE_READ finds no file, ERR_LOCKED with pid, command and start
 * time of the holder, ERR_NEWER, ERR_CORRUPT (not SQLite, another program's file, failed check),
 * ERR_READONLY, ERR_FULL, ERR_IO; each text names the path and what to do.
 * `workspace` (the host) is written into a new file and checked in an old one: a state file
 * belongs to one workspace. NULL skips the check. `command` is shown to others that want the lock.
 */
MUST_CHECK bool store_open(const char *path, enum store_mode mode, const char *workspace,
                           const char *command, struct store **ret_store, struct err *err);
/* Releases the lock. A transaction that is open is rolled back. NULL is fine. */
void store_close(struct store *store);
DEFINE_AUTO(struct store, store_close)

/* A random key made once for each file: for the hashes of secrets. */
void store_secret_key(const struct store *store, uint8_t ret_key[DIGEST_KEY_BYTES]);
/* Goes up with every commit that changed a record: equal numbers, equal records. */
MUST_CHECK bool store_generation(struct store *store, int64_t *ret_generation, struct err *err);

/*
 * A turn: everything between begin and commit becomes durable together, or not at all. After a
 * failed commit the turn is rolled back, and nothing of it must be acted upon. Whatever changes
 * the file (put, drop, intend, conclude, note) belongs into a turn; once one of them has failed,
 * the turn is lost: the later ones and the commit fail with the same error. Reading needs no turn.
 */
MUST_CHECK bool store_begin(struct store *store, struct err *err);
MUST_CHECK bool store_commit(struct store *store, struct err *err);
void store_rollback(struct store *store);

/* Records. Strings of a loaded record live in `arena`. */
MUST_CHECK bool store_record_get(struct store *store, const char *name, struct arena *arena,
                                 struct record *ret_record, bool *ret_found, struct err *err);
MUST_CHECK bool store_record_put(struct store *store, const struct record *record, struct err *err);
MUST_CHECK bool store_record_drop(struct store *store, const char *name, struct err *err);
/*
 * Each record by name. The record and its strings are borrowed for the call; applied_spec,
 * pending_spec and good_spec are NULL here, since a walk over a fleet has no need of them. False
 * from `visit` ends the walk.
 */
typedef bool (*store_record_fn)(void *ctx, const struct record *record);
MUST_CHECK bool store_record_each(struct store *store, store_record_fn visit, void *ctx,
                                  struct err *err);

/* The journal: intents and their results. */
struct intent {
    int64_t id; /* set by store_intend */
    const char *name;
    enum step step;
    const char *cluster_id; /* NULL for a create */
    const char *operation;  /* NULL where the call carries none */
    const char *why;        /* for people: "docker_image.url changed" */
    int64_t at_ms;
};
MUST_CHECK bool store_intend(struct store *store, struct intent *intent, struct err *err);
/* The result of an intent; moves it into the history. `error` NULL: it worked. */
MUST_CHECK bool store_conclude(struct store *store, int64_t intent_id, int64_t at_ms,
                               const char *cluster_id, const char *error, struct err *err);
/* Intents without a result, oldest first: what a crash has left. Borrowed for the call. */
typedef bool (*store_intent_fn)(void *ctx, const struct intent *intent);
MUST_CHECK bool store_unfinished(struct store *store, store_intent_fn visit, void *ctx,
                                 struct err *err);

/* The history: every step with its result, and what was noticed beside (phases, failed launches).
 */
struct event {
    int64_t id, at_ms;
    const char *name;
    const char *cluster_id;
    const char *what;   /* a step's name, or a fact: "launched", "launch-failed", "adopted" */
    const char *detail; /* in words; NULL: none */
    const char *error;  /* NULL: it worked */
};
MUST_CHECK bool store_note(struct store *store, const struct event *event, struct err *err);
/* Newest first, at most `limit`; `name` NULL for all clusters. Borrowed for the call. */
typedef bool (*store_event_fn)(void *ctx, const struct event *event);
MUST_CHECK bool store_history(struct store *store, const char *name, int limit,
                              store_event_fn visit, void *ctx, struct err *err);
enum { STORE_HISTORY_ROWS_MAX = 100000 }; /* the oldest go when a commit finds more */

/* Local scripts that are known to be in the workspace, by destination. */
MUST_CHECK bool store_script_known(struct store *store, const char *destination, bool *ret_known,
                                   struct err *err);
MUST_CHECK bool store_script_put(struct store *store, const char *destination, int64_t at_ms,
                                 struct err *err);
enum { STORE_SCRIPTS_MAX = 100000 }; /* the longest unused are forgotten: uploaded once more */

#endif
