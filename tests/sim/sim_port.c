#include "sim_port.h"

#include "sim.h"

#include <assert.h>
#include <stdio.h>

#define DRAW(bound)          ((int64_t)world_draw(&sim->world, CONCERN_NETWORK, (bound)))
#define BETWEEN(least, most) world_draw_between(&sim->world, CONCERN_NETWORK, (least), (most))

/* One request on its way. */
struct exchange {
    struct sim *sim;
    struct http_call *call; /* NULL: nobody waits (any more) */
    char *method, *path, *origin, *accept, *authorization, *body;
    size_t body_len;
    int trouble; /* enum trouble; -1: none */
    int status;  /* of a trouble that has one */
    int retry_after_s;
    int64_t back_ms;    /* how long the answer takes */
    enum err_code code; /* when there is no answer */
    bool is_answered;
    struct model_response response;
    struct exchange *next; /* net.waiting */
};

struct given_up {
    struct http_call *call;
};

static const int64_t wall_start_ms = INT64_C(1795608000000); /* 2026-11-25 */

int64_t sim_workspace_ms(const struct sim *sim)
{
    return wall_start_ms + sim->world.now_ms;
}

int64_t sim_wall_ms(const struct sim *sim)
{
    return sim_workspace_ms(sim) + sim->scenario.wall_offset_ms;
}

static int64_t now_ms(void *ctx)
{
    return ((const struct sim *)ctx)->world.now_ms;
}

static int64_t wall_ms(void *ctx)
{
    return sim_wall_ms(ctx);
}

static uint64_t random_number(void *ctx)
{
    return prng_next(&((struct sim *)ctx)->world.prngs[CONCERN_PORT]);
}

static void wake_at(void *ctx, int64_t at_ms)
{
    ((struct sim *)ctx)->net.wake_at_ms = at_ms;
}

/* ---- exchanges ---- */

static void unlink_waiting(struct exchange *exchange)
{
    struct net *net = &exchange->sim->net;
    struct exchange **at = &net->waiting;
    while (*at != exchange) {
        at = &(*at)->next;
    }
    *at = exchange->next;
    exchange->call = NULL;
    net->in_flight--;
}

static void exchange_destroy(void *arg)
{
    struct exchange *exchange = arg;
    exchange->sim->net.under_way--;
    model_response_release(&exchange->response);
    xfree(exchange->method);
    xfree(exchange->path);
    xfree(exchange->origin);
    xfree(exchange->accept);
    xfree(exchange->authorization);
    xfree(exchange->body);
    xfree(exchange);
}

static void give_up(struct net *net, struct http_call *call)
{
    ARR_PUSH(net->given_up, net->given_up_len, net->given_up_cap, ((struct given_up){ call }));
}

void net_end_given_up(struct net *net)
{
    while (net->given_up_len > 0) {
        struct http_call *call = net->given_up[--net->given_up_len].call;
        call->answered = false;
        (void)err_set(&call->err, ERR_CANCELLED, "given up before an answer came");
        call->done(call);
    }
}

const char *net_path(const char *url)
{
    const char *host = strstr(url, "://") + 3;
    const char *path = strchr(host, '/');
    return path == NULL ? url + strlen(url) : path;
}

char *net_origin(const char *url)
{
    size_t len = (size_t)(net_path(url) - url);
    char *origin = xmalloc(len + 1);
    memcpy(origin, url, len);
    origin[len] = '\0';
    return origin;
}

void net_answer(const struct model_response *response, struct http_call *call)
{
    const char *type = response->content_type == NULL ? "" : response->content_type;
    (void)snprintf(call->content_type_reply, sizeof(call->content_type_reply), "%s", type);
    call->headers = BUF_INIT(HTTP_HEADERS_MAX);
    if (call->wants_headers) (void)buf_adds(&call->headers, buf_text(&response->headers));
    if (call->reply.max == 0) call->reply = BUF_INIT(call->reply_max);
    (void)buf_adds(&call->reply, buf_text(&response->body));
    call->answered = buf_ok(&call->reply, "an answer", &call->err);
}

/* The caller hears how it ended. */
static void deliver(struct sim *sim, void *arg)
{
    struct exchange *exchange = arg;
    if (exchange->call != NULL && fault_plan_at(sim->faults, POINT_ANSWER) != NULL) {
        process_kill(sim);
    }
    struct http_call *call = exchange->call;
    if (call != NULL) {
        unlink_waiting(exchange);
        call->answered = exchange->is_answered;
        if (exchange->is_answered) {
            call->status = exchange->response.status;
            call->retry_after_ms =
                exchange->retry_after_s < 0 ? -1 : (int64_t)exchange->retry_after_s * 1000;
            net_answer(&exchange->response, call);
        } else {
            (void)err_set(&call->err, exchange->code, "simulated: %s",
                          err_code_name(exchange->code));
        }
        sim->process.needs_turn = true;
        call->done(call);
    }
    exchange_destroy(exchange);
}

/* What the way back makes of the answer. */
static void spoil(struct exchange *exchange)
{
    exchange->retry_after_s = exchange->response.retry_after_s;
    exchange->is_answered = exchange->response.transport == MODEL_ANSWER;
    exchange->code = ERR_NETWORK;
}

static void add_fault(struct exchange *exchange)
{
    static const struct {
        enum model_fault_kind kind;
        int status;
        bool acts;
    } rows[TROUBLE_COUNT] = {
        [TROUBLE_LOST] = { MODEL_FAULT_LOST, 0, true },
        [TROUBLE_RESET] = { MODEL_FAULT_RESET, 0, false },
        [TROUBLE_SLOW] = { MODEL_FAULT_DELAY, 0, true },
        [TROUBLE_THROTTLE] = { MODEL_FAULT_STATUS, 429, false },
        [TROUBLE_BUSY] = { MODEL_FAULT_STATUS, 503, false },
        [TROUBLE_SERVER] = { MODEL_FAULT_STATUS, 500, false },
        [TROUBLE_LATE] = { MODEL_FAULT_STATUS, 500, true },
        [TROUBLE_GATEWAY] = { MODEL_FAULT_HTML, 502, true },
        [TROUBLE_EMPTY] = { MODEL_FAULT_EMPTY, 502, true },
        [TROUBLE_CUT] = { MODEL_FAULT_CUT, 0, true },
        [TROUBLE_GARBAGE] = { MODEL_FAULT_GARBAGE, 0, true },
    };
    struct model_fault fault = {
        .kind = rows[exchange->trouble].kind,
        .status = rows[exchange->trouble].status,
        .acts = rows[exchange->trouble].acts,
        .retry_after_s = exchange->retry_after_s,
        .delay_ms = exchange->trouble == TROUBLE_SLOW ? 5 * exchange->back_ms : 0,
        .times = 1,
    };
    bool added = model_fault_add(exchange->sim->model, &fault);
    assert(added);
    (void)added;
}

static bool strikes_here(const struct exchange *exchange)
{
    return exchange->trouble >= 0 && exchange->trouble != TROUBLE_REFUSED &&
           exchange->trouble != TROUBLE_HANG;
}

/* The request reaches the workspace, which acts and answers. */
static void arrive(struct sim *sim, void *arg)
{
    struct exchange *exchange = arg;
    struct model_request request = {
        .method = exchange->method,
        .path = exchange->path,
        .accept = exchange->accept,
        .origin = exchange->origin,
        .authorization = exchange->authorization,
        .body = exchange->body,
        .body_len = exchange->body_len,
    };
    judge_arrives(sim, &request);
    if (strikes_here(exchange)) add_fault(exchange);
    size_t clusters = model_cluster_count(sim->model);
    model_handle(sim->model, &request, &exchange->response);
    bool is_made = model_cluster_count(sim->model) > clusters;
    if (is_made && sim->faults != NULL) sim->faults->clusters_made++;
    if (strikes_here(exchange)) model_faults_clear(sim->model);
    judge_arrived(sim, &request, &exchange->response);
    spoil(exchange);
    world_at(&sim->world, sim->world.now_ms + exchange->back_ms + exchange->response.delay_ms,
             (struct occasion){ .happen = deliver, .drop = exchange_destroy, .arg = exchange });
}

static struct exchange *exchange_make(struct sim *sim, struct http_call *call)
{
    struct exchange *exchange = xcalloc(1, sizeof(*exchange));
    exchange->sim = sim;
    sim->net.under_way++;
    exchange->response.body = BUF_INIT(0);
    exchange->method = xstrdup(call->method);
    exchange->path = xstrdup(net_path(call->url));
    exchange->origin = net_origin(call->url);
    exchange->accept = call->accept == NULL ? NULL : xstrdup(call->accept);
    exchange->authorization = call->authorization == NULL ? NULL : xstrdup(call->authorization);
    exchange->body_len = call->body_len;
    if (call->body != NULL) {
        exchange->body = xmalloc(call->body_len + 1);
        memcpy(exchange->body, call->body, call->body_len);
        exchange->body[call->body_len] = '\0';
    }
    exchange->trouble = -1;
    return exchange;
}

/* Draws what goes wrong; the draws are the same whether it is let through or not. */
static void draw_trouble(struct sim *sim, struct exchange *exchange)
{
    for (int i = 0; i < TROUBLE_COUNT; i++) {
        unsigned permille = sim->scenario.trouble_permille[i];
        if (permille == 0 || DRAW(1000) >= permille || exchange->trouble >= 0) continue;
        if (sim->net.is_calm) continue;
        if (!world_happens(&sim->world, "%s: %s %.60s", trouble_name((enum trouble)i),
                           exchange->method, exchange->path)) {
            continue;
        }
        exchange->trouble = i;
    }
    int64_t retry_after_s = DRAW(3) * DRAW(40);
    bool says_when = exchange->trouble == TROUBLE_THROTTLE || exchange->trouble == TROUBLE_BUSY;
    exchange->retry_after_s = says_when ? (int)retry_after_s : 0;
}

static void wait_for(struct exchange *exchange, struct http_call *call)
{
    struct net *net = &exchange->sim->net;
    exchange->call = call;
    exchange->next = net->waiting;
    net->waiting = exchange;
    net->in_flight++;
}

/* Nobody will hear of it, but it may arrive all the same. */
static void hang(struct sim *sim, struct exchange *exchange, struct http_call *call)
{
    struct exchange *waits = exchange_make(sim, call);
    waits->code = ERR_TIMEOUT;
    wait_for(waits, call);
    world_at(&sim->world, sim->world.now_ms + call->stall_timeout_ms,
             (struct occasion){ .happen = deliver, .drop = exchange_destroy, .arg = waits });
    int64_t arrives_ms = BETWEEN(1, 100000);
    world_at(&sim->world, sim->world.now_ms + arrives_ms,
             (struct occasion){ .happen = arrive, .drop = exchange_destroy, .arg = exchange });
}

static void http_send(void *ctx, struct http_call *call)
{
    struct sim *sim = ctx;
    const struct fault_kind *fault = fault_plan_at(sim->faults, POINT_CALL);
    if (process_dies_here(sim)) {
        give_up(&sim->net, call);
        return;
    }
    struct exchange *exchange = exchange_make(sim, call);
    int64_t out_ms = BETWEEN(sim->scenario.latency_least_ms, sim->scenario.latency_most_ms);
    exchange->back_ms = BETWEEN(sim->scenario.latency_least_ms, sim->scenario.latency_most_ms);
    draw_trouble(sim, exchange);
    if (fault != NULL) exchange->trouble = fault->trouble;
    judge_sent(sim, call, exchange->path);
    if (exchange->trouble == TROUBLE_HANG) {
        hang(sim, exchange, call);
        return;
    }
    wait_for(exchange, call);
    bool is_refused = exchange->trouble == TROUBLE_REFUSED;
    exchange->code = ERR_REFUSED;
    world_at(&sim->world, sim->world.now_ms + out_ms,
             (struct occasion){ .happen = is_refused ? deliver : arrive,
                                .drop = exchange_destroy,
                                .arg = exchange });
}

static void end_given_up(struct sim *sim, void *arg)
{
    (void)arg;
    net_end_given_up(&sim->net);
    sim->process.needs_turn = true;
}

static void http_cancel(void *ctx, struct http_call *call)
{
    struct sim *sim = ctx;
    struct exchange *exchange = sim->net.waiting;
    while (exchange != NULL && exchange->call != call) {
        exchange = exchange->next;
    }
    if (exchange == NULL) return; /* sent by a process that was dying: given up already */
    unlink_waiting(exchange);
    give_up(&sim->net, call);
    if (sim->process.is_dying) return; /* ended at once, by whoever kills it */
    world_at(&sim->world, sim->world.now_ms, (struct occasion){ .happen = end_given_up });
}

void net_init(struct sim *sim)
{
    sim->net = (struct net){ .wake_at_ms = NEVER };
    sim->net.port = (struct port){
        .ctx = sim,
        .now_ms = now_ms,
        .wall_ms = wall_ms,
        .random = random_number,
        .wake_at = wake_at,
        .http_send = http_send,
        .http_cancel = http_cancel,
    };
}

void net_release(struct net *net)
{
    assert(net->waiting == NULL && net->given_up_len == 0);
    xfree(net->given_up);
}
