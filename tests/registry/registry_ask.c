/*
 * registry_ask: asks registries about images, as the controller does, and prints what it heard.
 *
 *   registry_ask [--arm64] [--ca FILE] [--aws-endpoint URL] IMAGE...
 *
 * A line for each image, in their order: verdict, digest or "-", text; parted by tabs. A login is
 * taken from REGISTRY_ASK_USERNAME and REGISTRY_ASK_PASSWORD, else from Docker's configuration.
 * Exit status 0 when each image was found, 1 when not, 64 for wrong usage.
 */
#include "loop.h"
#include "registry/registry.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum { EXIT_USAGE = 64, LOGIN_MAX = 4096 };

struct asked {
    struct registry_query query;
    enum image_verdict verdict;
    char *digest, *text;
};

struct session {
    struct loop *loop;
    struct registry *registry;
    struct arena arena;
    struct registry_config config;
    enum image_cpu cpu;
    struct asked *asked;
    size_t asked_len, done;
};

static const char *env(void *ctx, const char *name)
{
    (void)ctx;
    /* There is one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
    return getenv(name);
}

static void on_done(struct registry_query *query)
{
    struct asked *asked = CONTAINER_OF(query, struct asked, query);
    struct session *session = query->ctx;
    asked->verdict = query->facts.verdict;
    asked->text = arena_strdup(&session->arena, query->facts.text);
    asked->digest = arena_strdup(&session->arena, query->facts.digest);
    session->done++;
}

static void turn(void *ctx, unsigned signals)
{
    struct session *session = ctx;
    const struct port *port = loop_port(session->loop);
    if ((signals & LOOP_STOP) != 0) {
        registry_cancel_all(session->registry);
        loop_stop(session->loop);
    }
    int64_t at_ms = registry_turn(session->registry);
    if (session->done == session->asked_len && registry_pending(session->registry) == 0) {
        loop_stop(session->loop);
    }
    port->wake_at(port->ctx, at_ms);
}

static struct buf from_env(const char *name)
{
    struct buf value = BUF_INIT(LOGIN_MAX);
    const char *text = env(NULL, name);
    if (text != NULL) buf_adds(&value, text);
    return value;
}

/* The images are checked before any is asked for. */
static bool read_images(struct session *session, char **images, struct err *err)
{
    for (size_t i = 0; i < session->asked_len; i++) {
        struct asked *asked = &session->asked[i];
        asked->query = (struct registry_query){
            .written = images[i], .cpu = session->cpu, .done = on_done, .ctx = session
        };
        if (!image_ref_parse(&session->arena, images[i], &asked->query.ref, err)) {
            return err_wrap(err, "%s", images[i]);
        }
    }
    return true;
}

static bool ask_all(struct session *session, struct err *err)
{
    const struct http_config http = { .user_agent = "clusterkeeper-test", .connections_max = 16 };
    if (!loop_create(&http, turn, session, &session->loop, err)) return false;
    session->registry = registry_create(loop_port(session->loop), &session->config);
    for (size_t i = 0; i < session->asked_len; i++) {
        struct registry_query *query = &session->asked[i].query;
        query->username = from_env("REGISTRY_ASK_USERNAME");
        query->password = from_env("REGISTRY_ASK_PASSWORD");
        registry_ask(session->registry, query);
    }
    loop_wake(session->loop);
    loop_run(session->loop);
    loop_destroy(session->loop);
    registry_destroy(session->registry);
    return true;
}

/* The exit status. */
static int print_all(const struct session *session)
{
    int status = 0;
    for (size_t i = 0; i < session->asked_len; i++) {
        const struct asked *asked = &session->asked[i];
        (void)printf("%s\t%s\t%s\n", image_verdict_name(asked->verdict),
                     asked->digest == NULL ? "-" : asked->digest,
                     asked->text == NULL ? "" : asked->text);
        if (asked->verdict != IMAGE_FOUND) status = 1;
    }
    return status;
}

static bool read_options(struct session *session, int argc, char **argv)
{
    static const struct option options[] = {
        { "arm64", no_argument, NULL, 'a' },
        { "ca", required_argument, NULL, 'c' },
        { "aws-endpoint", required_argument, NULL, 'e' },
        { NULL, 0, NULL, 0 },
    };
    for (;;) {
        /* There is one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
        int option = getopt_long(argc, argv, "", options, NULL);
        if (option < 0) break;
        if (option == '?') return false;
        if (option == 'a') session->cpu = IMAGE_ARM64;
        if (option == 'c') session->config.ca_file = optarg;
        if (option == 'e') session->config.aws_endpoint = optarg;
    }
    return optind < argc;
}

int main(int argc, char **argv)
{
    struct session session = { .cpu = IMAGE_AMD64 };
    struct err err;
    registry_config_defaults(&session.config);
    session.config.files = files_posix();
    session.config.env = env;
    if (!read_options(&session, argc, argv)) {
        (void)fprintf(stderr,
                      "usage: registry_ask [--arm64] [--ca FILE] [--aws-endpoint URL] IMAGE...\n");
        return EXIT_USAGE;
    }
    docker_config_places(&session.arena, env, NULL, &session.config.places);
    session.asked_len = (size_t)(argc - optind);
    session.asked = xcalloc(session.asked_len, sizeof(*session.asked));
    int status = EXIT_USAGE;
    if (!read_images(&session, argv + optind, &err) || !ask_all(&session, &err)) {
        (void)fprintf(stderr, "registry_ask: %s\n", err.text);
    } else {
        status = print_all(&session);
    }
    xfree(session.asked);
    arena_release(&session.arena);
    return status;
}
