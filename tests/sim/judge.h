/*
 * judge: looks after every step, and knows what may not happen.
 *
 * It stands outside: it sees what is sent, what arrives, what is told to the operator, what is on
 * the disk, the workspace as it is, and what the authors of the manifests meant. It never asks the
 * controller.
 */
#ifndef CLUSTERKEEPER_SIM_JUDGE_H
#define CLUSTERKEEPER_SIM_JUDGE_H

#include "driver.h"
#include "scenario.h"

enum { JUDGE_TOKEN_LEN = 32, JUDGE_WHY_MAX = 2048 };

/* What is known of a cluster of the workspace. */
struct known {
    char id[MODEL_ID_SIZE];
    bool is_copy;       /* somebody made it from one of ours, tags and all */
    int64_t touched_ms; /* by a person; 0: never */
};

/* What is known of a manifest, beside the manifest: in the order of authors.plots. */
struct docket {
    bool is_scanned;   /* it was there when the directory was read last, readable or not */
    int64_t absent_ms; /* when a scan missed it last */
    int64_t read_ms;   /* when a scan read it last */
    int64_t write_ms;  /* the last write that reached the workspace for it */
    unsigned writes;   /* in the calm */
    unsigned launches; /* of them, those that were to launch a cluster and were taken */
    enum hold hold;    /* what the operator was told last */
    bool is_adopted;   /* he was told so */
    char good_id[MODEL_ID_SIZE]; /* the last one that he was told runs as it should */
    bool is_found;               /* its record was made again from its tags */
};

struct judge {
    char token[JUDGE_TOKEN_LEN + 1];
    struct docket *dockets;
    struct known *known;
    size_t known_len, known_cap;
    bool is_scan_whole; /* the last scan saw a directory in which nothing is wrong */
    bool has_forgotten; /* the state file was lost */
    int64_t turn_ms;
    unsigned turns_here; /* at that instant */
    int64_t minute_ms, hour_ms, span_ms;
    unsigned turns_minute, notices_hour, requests_span;
    int64_t bucket; /* of requests, in thousandths */
    int64_t bucket_ms;
    int64_t write_ms;
    uint64_t requests, writes;
    int64_t intent_on_disk; /* the last one that was known to be there when a turn began */
};

void judge_begin(struct sim *sim);
void judge_release(struct judge *judge);

/* Of the process. */
void judge_started(struct sim *sim);
void judge_ended(struct sim *sim);
void judge_turn(struct sim *sim);
void judge_noticed(void *ctx, const struct notice *notice);
void judge_sent(struct sim *sim, const struct http_call *call, const char *path);
/* Of the workspace: before and after it acts. */
void judge_arrives(struct sim *sim, const struct model_request *request);
void judge_arrived(struct sim *sim, const struct model_request *request,
                   const struct model_response *response);
void judge_touched(struct sim *sim, const char *id, bool is_copy);
/* No secret is on the disk. */
void judge_disk(struct sim *sim);

struct known *judge_known(struct judge *judge, const char *id);

/* judge_end.c: the calm. Everything is as the authors want it; else `why` tells one thing. */
bool judge_is_converged(struct sim *sim, struct buf *why);
/* As judge_is_converged, but for clusters that were stopped for being idle since. */
bool judge_stays_so(struct sim *sim, struct buf *why);
/* Since `since_ms` nothing was written for a cluster that is as desired. */
bool judge_is_silent(const struct sim *sim, int64_t since_ms, struct buf *why);
/* What cannot be pulled was not launched again and again. */
bool judge_is_harmless(const struct sim *sim, struct buf *why);
/* With no call under way, the journal knows of none. */
bool judge_journal_is_done(struct sim *sim, struct buf *why);
/* The owner's name on a cluster, or its name for us; NULL: none. */
const char *judge_tag(const struct model_view *view, const char *key);

#endif
