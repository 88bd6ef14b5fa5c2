/*
 * err: a failure as a value that travels up and ends in a message.
 *
 * A fallible function returns bool and takes `struct err *err` last, never NULL; `err` is written
 * on failure only. err_set and err_at return false, so that `return err_set(...)` is the idiom;
 * err_wrap puts context in front on the way up. Making an error cannot fail and frees nothing.
 */
#ifndef CLUSTERKEEPER_ERR_H
#define CLUSTERKEEPER_ERR_H

#include "mem.h"

#include <stdbool.h>

enum { ERR_TEXT_MAX = 1024 };

/* Where a manifest says something. `file` is borrowed; NULL means "no place". 1-based. */
struct pos {
    const char *file;
    unsigned line;
    unsigned column;
};

enum err_code {
    ERR_NONE,
    ERR_USAGE,     /* the command line or a setting is wrong */
    ERR_MANIFEST,  /* a manifest is wrong; `pos` says where */
    ERR_LIMIT,     /* a named limit was reached */
    ERR_IO,        /* a file or a disk failed */
    ERR_FULL,      /* no space left */
    ERR_READONLY,  /* the file or the file system does not take writes */
    ERR_LOCKED,    /* somebody else holds the state file */
    ERR_CORRUPT,   /* the state file is damaged or is not ours */
    ERR_NEWER,     /* the state file was written by a newer version */
    ERR_REFUSED,   /* no connection was made: nothing can have happened */
    ERR_NETWORK,   /* a connection failed under way: anything can have happened */
    ERR_TIMEOUT,   /* no answer in time: anything can have happened */
    ERR_THROTTLED, /* 429: asked too often, come back later */
    ERR_QUOTA,     /* 429 or 400 for a resource limit: more of this is not allowed now */
    ERR_BUSY,      /* 503: not now; nothing was done */
    ERR_SERVER,    /* 5xx otherwise: anything can have happened */
    ERR_PROTOCOL,  /* an answer that is not what the API returns: a proxy's page, a cut body */
    ERR_AUTH,      /* 401: the credentials are wrong or have expired */
    ERR_DENIED,    /* 403: the credentials are good and do not suffice */
    ERR_REJECTED,  /* 400: the request itself is wrong and stays so */
    ERR_STATE,     /* INVALID_STATE: not in the state that the cluster is in */
    ERR_NOT_FOUND, /* what was asked for does not exist */
    ERR_CANCELLED, /* given up by us, at shutdown */
};

/* What repeating the same thing can bring. */
enum err_retry {
    RETRY_NEVER, /* the same request fails again until a person changes something */
    RETRY_LATER, /* back off, then try again */
    RETRY_LOOK,  /* the effect is unknown: look before trying again */
};

struct err {
    enum err_code code;
    struct pos pos;          /* of a manifest, where one is to blame */
    unsigned retry_after_ms; /* what the server asked for; 0: nothing */
    char text[ERR_TEXT_MAX]; /* one line, no trailing full stop or newline */
};

/* Set `err`; always false. The text is cut at ERR_TEXT_MAX - 1 bytes. */
bool err_set(struct err *err, enum err_code code, const char *fmt, ...) PRINTF(3, 4);
/* As err_set with ERR_MANIFEST and a position. */
bool err_at(struct err *err, struct pos pos, const char *fmt, ...) PRINTF(3, 4);
/* Put "context: " in front of the text that is there; always false. */
bool err_wrap(struct err *err, const char *fmt, ...) PRINTF(2, 3);

/* The word for a code in JSON and in logs: "throttled". Static. */
const char *err_code_name(enum err_code code);
enum err_retry err_code_retry(enum err_code code);

#endif
