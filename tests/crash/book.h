/*
 * book: what a store has to hold, kept beside it by whoever writes to it.
 *
 * Each row is a line of text under a key, made from the values that were handed to the store; what
 * the store gives back is written in the same way and compared. It is copied at the beginning of a
 * turn, so that there is one of before and one of after.
 */
#ifndef CLUSTERKEEPER_BOOK_H
#define CLUSTERKEEPER_BOOK_H

#include "buf.h"
#include "prng.h"
#include "store.h"

/* "record/etl", "intent/12", "event/7", "script//Shared/x". */
struct line {
    char *key, *text;
    struct intent intent; /* of an intent; the strings are its own */
};

struct book {
    struct line *lines;
    size_t len, cap;
    int64_t generation;
    int64_t last_event;
    bool has_touched; /* a record, in the turn under way */
};

void book_release(struct book *book);
/* A deep copy into an empty one. */
void book_copy(const struct book *from, struct book *ret_book);

/* What is done in a turn. */
void book_put(struct book *book, const struct record *record);
void book_drop(struct book *book, const char *name);
void book_intend(struct book *book, const struct intent *intent);
void book_conclude(struct book *book, int64_t intent_id, int64_t at_ms, const char *cluster_id,
                   const char *error);
void book_note(struct book *book, const struct event *event);
void book_script(struct book *book, const char *destination);
/* Its end. */
void book_commit(struct book *book);

/* One of the lines whose key begins so; NULL: there is none. */
const struct line *book_pick(const struct book *book, const char *prefix, struct prng *prng);

/* The store holds just this; else `why` tells what is not so. */
bool book_agrees(const struct book *book, struct store *store, struct buf *why);

#endif
