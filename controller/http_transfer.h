/*
 * http_transfer: one call as libcurl's easy handle: its options before, its outcome after.
 *
 * Knows libcurl and no loop. Private to http.c.
 */
#ifndef CLUSTERKEEPER_HTTP_TRANSFER_H
#define CLUSTERKEEPER_HTTP_TRANSFER_H

#include "http.h"

#include <curl/curl.h>

/* A ring of list members and their head, which is one of them. */
struct ring {
    struct ring *prev, *next;
};

enum { TRANSFER_PLACE_MAX = 300 }; /* a host name has 253 characters at most */

struct transfer {
    struct ring ring; /* http.running or http.ended */
    struct http *http;
    struct http_call *call;
    CURL *easy; /* NULL: could not begin */
    struct curl_slist *headers;
    bool is_read; /* asks only, so that libcurl may send it again */
    bool begun;   /* a byte of the request may have left */
    bool ended;
    char place[TRANSFER_PLACE_MAX]; /* host:port, for errors */
    char reason[CURL_ERROR_SIZE];
};

/* For `call`, whose results are reset. The transfer stays where it is: libcurl points to it. */
struct transfer *transfer_create(struct http *http, struct http_call *call);
void transfer_destroy(struct transfer *transfer); /* not while a multi has it; NULL is fine */

/* False, with the call's error set, where the call may not or cannot be made. */
MUST_CHECK bool transfer_prepare(struct transfer *transfer, const struct http_config *config);
/* Fill the call's results in from what libcurl says. */
void transfer_record(struct transfer *transfer, CURLcode result);

#endif
