/*
 * fake_port: a port on a virtual clock, for tests of what runs in time.
 *
 * Time passes only in fake_port_run, which goes from one event to the next. Each request is
 * answered after `latency_ms` by the oldest scripted reply that is meant for it, else by
 * `otherwise`. Every request is written down.
 */
#ifndef CLUSTERKEEPER_FAKE_PORT_H
#define CLUSTERKEEPER_FAKE_PORT_H

#include "port.h"
#include "prng.h"

struct fake_reply {
    int status; /* 0: no answer, and `err` says why */
    enum err_code err;
    const char *body;      /* borrowed; NULL: "{}" */
    int64_t retry_after_s; /* 0: no such header */
    int64_t delay_ms;      /* beside latency_ms */
};

struct fake_request {
    char *method, *url, *body, *authorization, *content_type; /* "" for what was not there */
    int64_t at_ms;
};

struct fake_port {
    struct port port; /* hand out &fake->port */
    int64_t now_ms, wall_offset_ms, wake_at_ms, latency_ms;
    struct prng prng;
    struct fake_reply otherwise;
    bool is_cancel_late; /* http_cancel changes nothing: the answer was on its way already */
    struct fake_request *requests;
    size_t requests_len, requests_cap;
    size_t in_flight, in_flight_peak;
    struct fake_script *scripts;
    size_t scripts_len, scripts_cap;
    struct fake_flight *flights;
};

void fake_port_init(struct fake_port *fake);
/* Asserts that nothing is in flight. */
void fake_port_release(struct fake_port *fake);

/* The next request with `part` in "METHOD url" that finds no older script is answered so. */
void fake_port_script(struct fake_port *fake, const char *part, struct fake_reply reply);
size_t fake_port_scripts_left(const struct fake_port *fake);

/*
 * Calls `turn`, then goes to the next event, until nothing is to come or the clock would pass
 * `until_ms`. `turn` returns when it wants to be called next (INT64_MAX: at the next event); what
 * was asked for with wake_at counts too.
 */
typedef int64_t (*fake_turn_fn)(void *ctx);
void fake_port_run(struct fake_port *fake, fake_turn_fn turn, void *ctx, int64_t until_ms);

/* Requests whose "METHOD url" has `part` in it. */
size_t fake_port_count(const struct fake_port *fake, const char *part);

#endif
