/*
 * sim_port: the controller's door to the world, with the workspace model behind it.
 *
 * A request takes a while to the workspace and its answer a while back; on both ways things go
 * wrong. A request that is on its way arrives also when the one that sent it has died, or has given
 * up waiting.
 */
#ifndef CLUSTERKEEPER_SIM_PORT_H
#define CLUSTERKEEPER_SIM_PORT_H

#include "port.h"
#include "scenario.h"

#define SIM_HOST "https://sim.azuredatabricks.net"

struct net {
    struct port port;          /* hand out &net->port */
    struct exchange *waiting;  /* those whose caller waits */
    struct given_up *given_up; /* calls that are ended without an answer */
    size_t given_up_len, given_up_cap;
    size_t in_flight;
    size_t under_way; /* requests and answers, also those nobody waits for */
    int64_t wake_at_ms;
    bool is_calm; /* nothing goes wrong any more */
};

void net_init(struct sim *sim);
void net_release(struct net *net);
int64_t sim_wall_ms(const struct sim *sim); /* as the controller sees it */
int64_t sim_workspace_ms(const struct sim *sim);

/* Ends what was cancelled, and what a dying process has sent. */
void net_end_given_up(struct net *net);

/* The path of a URL, its query too. */
const char *net_path(const char *url);
/* Its scheme and host; release it with xfree. */
char *net_origin(const char *url);
/* What an answered call brings back. */
void net_answer(const struct model_response *response, struct http_call *call);

#endif
