/*
 * Questions about images: one for each image and login, remembered for all clusters that ask. The
 * CPUs of the node types come first, once; a workspace that does not tell them has amd64 alone.
 */
#include "driver_private.h"

#include "text.h"

enum {
    NODES_REPLY_MAX = 8 * 1024 * 1024,
    IMAGE_AGE_MAX_MS = 5 * 60 * 1000,
    LOGIN_MAX = 64 * 1024,
};

/* One question under way. */
struct check {
    struct registry_query query;
    struct arena arena; /* of the reference */
    struct digest key;
    struct flight *flight;
};

/* ---- CPUs ---- */

static void on_nodes(struct client_call *call)
{
    struct driver *driver = call->ctx;
    driver->nodes.is_done = true;
    driver->nodes.ok = call->ok;
    if (call->ok) (void)buf_add(&driver->nodes.reply, call->reply, call->reply_len);
}

/* True once it is known, or known not to be had. */
static bool ask_nodes(struct driver *driver)
{
    struct nodes *nodes = &driver->nodes;
    if (nodes->is_known) return true;
    if (nodes->is_asked) return false;
    nodes->is_asked = true;
    nodes->reply = BUF_INIT(NODES_REPLY_MAX);
    nodes->call = (struct client_call){
        .api = API_NODE_TYPES, .body = BUF_INIT(0), .done = on_nodes, .ctx = driver
    };
    client_submit(driver->parts.client, &nodes->call);
    return false;
}

void driver_nodes_turn(struct driver *driver)
{
    struct nodes *nodes = &driver->nodes;
    if (!nodes->is_done) return;
    nodes->is_done = false;
    nodes->is_known = true;
    struct err err;
    size_t len = buf_ok(&nodes->reply, "the list of node types", &err) ? nodes->reply.len : 0;
    if (nodes->ok &&
        !codec_arm_nodes(&nodes->arena, buf_text(&nodes->reply), len, &nodes->arm, &err)) {
        driver_trouble(driver, NULL, &err);
    }
    buf_release(&nodes->reply);
    for (struct cluster *c = fleet_first(driver->fleet); c != NULL; c = fleet_next(c)) {
        if (c->waits_for_nodes) c->due_ms = driver->now_ms;
        c->waits_for_nodes = false;
    }
}

bool driver_nodes_pending(const struct driver *driver)
{
    return driver->nodes.is_asked && !driver->nodes.is_known;
}

void driver_nodes_release(struct driver *driver)
{
    buf_release(&driver->nodes.reply);
    arena_release(&driver->nodes.arena);
}

static bool is_arm(const struct driver *driver, const char *node_type)
{
    const struct value *arm = driver->nodes.arm;
    return node_type != NULL && arm != NULL && value_get(arm, node_type) != NULL;
}

static enum image_cpu cpu_of(const struct driver *driver, const struct value *spec)
{
    bool arm = is_arm(driver, value_get_text(spec, "node_type_id")) ||
               is_arm(driver, value_get_text(spec, "driver_node_type_id"));
    return arm ? IMAGE_ARM64 : IMAGE_AMD64;
}

/* ---- what is known ---- */

/* A service looks at a tag as often as at the workspace. */
static int64_t age_max_ms(const struct driver *driver)
{
    bool is_service = driver->config.mode == DRIVER_RUN;
    bool is_shorter = is_service && driver->config.interval_ms < IMAGE_AGE_MAX_MS;
    return is_shorter ? driver->config.interval_ms : IMAGE_AGE_MAX_MS;
}

bool driver_image(const struct driver *driver, const struct manifest *desired,
                  struct image_facts *ret_facts)
{
    struct digest key;
    if (driver->parts.registry == NULL || desired == NULL) return false;
    if (!images_key(desired->spec, cpu_of(driver, desired->spec), &key)) return false;
    int64_t left_ms = 0;
    *ret_facts = images_get(driver->images, &key, driver->now_ms, age_max_ms(driver), &left_ms);
    ret_facts->ask_again_ms = driver->wall_ms + left_ms;
    return true;
}

/* What its tag points to matters also when nothing else is to be done. */
static bool follows(const struct manifest *desired, const struct record *record)
{
    bool is_set_aside = record != NULL && record->failed_image != NULL;
    return desired->keep.follow_tag || desired->keep.pin_digest || is_set_aside;
}

bool driver_follow(struct driver *driver, struct cluster *cluster, const struct manifest *desired,
                   const struct record *record)
{
    struct image_facts facts;
    cluster->follows_image = driver_image(driver, desired, &facts) && follows(desired, record);
    if (!cluster->follows_image) return false;
    if (facts.verdict == IMAGE_UNASKED) {
        driver_check(driver, cluster, desired);
        return true;
    }
    cluster->image_due_ms = driver->now_ms + age_max_ms(driver);
    return false;
}

void driver_forget_images(struct driver *driver)
{
    if (driver->parts.registry == NULL) return;
    registry_forget(driver->parts.registry);
    images_forget(driver->images);
    int64_t now_ms = driver->parts.port->now_ms(driver->parts.port->ctx);
    for (struct cluster *c = fleet_first(driver->fleet); c != NULL; c = fleet_next(c)) {
        bool waits = c->held == HOLD_BLOCKED || c->held == HOLD_BACKOFF;
        if (!waits && !c->follows_image) continue;
        c->image_due_ms = 0;
        driver_due(c, now_ms);
    }
}

/* ---- a question ---- */

static void on_checked(struct registry_query *query)
{
    struct flight *flight = query->ctx;
    struct driver *driver = flight->driver;
    images_put(driver->images, &flight->check->key, &query->facts, driver->now_ms);
    flight->is_done = true;
}

/* Text of the manifest's login. False with a verdict where it cannot be had from here. */
static bool reveal_login(struct driver *driver, const struct value *secret, struct buf *out,
                         struct image_facts *facts)
{
    struct err err;
    if (secret == NULL) return true;
    const char *why = "its login is a Databricks secret, which only the workspace can read";
    if (secret->kind == VALUE_SECRET) {
        if (!secrets_reveal(driver->parts.secrets, secret, out, &err)) why = err.text;
    } else {
        buf_adds(out, secret->text);
    }
    if (out->len > 0 && !text_starts(buf_text(out), "{{")) return true;
    facts->verdict = IMAGE_UNCHECKED;
    facts->text = arena_printf(&driver->scratch, "the image was not checked: %s", why);
    return false;
}

static bool make_query(struct driver *driver, const struct manifest *desired, struct check *check)
{
    const struct value *image = value_get(desired->spec, "docker_image");
    const struct value *login = value_get(image, "basic_auth");
    const char *url = value_get_text(image, "url");
    struct registry_query *query = &check->query;
    struct image_facts *facts = &query->facts;
    struct err err;
    query->username = BUF_INIT(LOGIN_MAX);
    query->password = BUF_INIT(LOGIN_MAX);
    query->cpu = cpu_of(driver, desired->spec);
    query->written = arena_strdup(&check->arena, url);
    if (!image_ref_parse(&check->arena, query->written, &query->ref, &err)) {
        facts->verdict = IMAGE_UNCHECKED; /* the rules of manifests let no such thing through */
        facts->text = arena_printf(&driver->scratch, "the image was not checked: %s", err.text);
        return false;
    }
    return reveal_login(driver, value_get(login, "username"), &query->username, facts) &&
           reveal_login(driver, value_get(login, "password"), &query->password, facts);
}

void driver_check(struct driver *driver, struct cluster *cluster, const struct manifest *desired)
{
    if (driver->parts.client != NULL && !ask_nodes(driver)) {
        cluster->waits_for_nodes = true;
        cluster->due_ms = INT64_MAX;
        return;
    }
    struct check *check = xcalloc(1, sizeof(*check));
    (void)images_key(desired->spec, cpu_of(driver, desired->spec), &check->key);
    if (!make_query(driver, desired, check)) {
        check->query.facts.asked_ms = driver->wall_ms;
        check->query.facts.ask_again_ms = driver->wall_ms + IMAGE_AGE_MAX_MS;
        images_put(driver->images, &check->key, &check->query.facts, driver->now_ms);
        driver_check_destroy(check);
        cluster->due_ms = driver->now_ms;
        return;
    }
    struct flight *flight = driver_flight(driver, cluster, FLIGHT_CHECK);
    flight->check = check;
    check->query.done = on_checked;
    check->query.ctx = flight;
    cluster->due_ms = INT64_MAX;
    registry_ask(driver->parts.registry, &check->query);
}

void driver_check_destroy(struct check *check)
{
    if (check == NULL) return;
    buf_wipe(&check->query.username);
    buf_wipe(&check->query.password);
    arena_release(&check->arena);
    xfree(check);
}
