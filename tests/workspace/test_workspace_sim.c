/*
 * workspace-sim as a process: that what the model says about connections is what a client sees.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "buf.h"
#include "text.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct sim {
    pid_t pid;
    FILE *out;
    char base[64];
    CURL *curl;
    struct buf body;
    char retry_after[16], org_id[32], length[16], digest[80], challenge[160];
};

static size_t on_body(char *data, size_t size, size_t count, void *ctx)
{
    return buf_add(ctx, data, size * count) ? size * count : 0;
}

static void keep_header(const char *line, size_t len, const char *name, char *out, size_t room)
{
    size_t name_len = strlen(name);
    if (len < name_len || strncmp(line, name, name_len) != 0) return;
    (void)snprintf(out, room, "%.*s", (int)strcspn(line + name_len, "\r\n"), line + name_len);
}

static size_t on_header(char *line, size_t size, size_t count, void *ctx)
{
    struct sim *sim = ctx;
    keep_header(line, size * count, "Retry-After: ", sim->retry_after, sizeof(sim->retry_after));
    keep_header(line, size * count, "X-Databricks-Org-Id: ", sim->org_id, sizeof(sim->org_id));
    keep_header(line, size * count, "Content-Length: ", sim->length, sizeof(sim->length));
    keep_header(line, size * count, "docker-content-digest: ", sim->digest, sizeof(sim->digest));
    keep_header(line, size * count, "www-authenticate: ", sim->challenge, sizeof(sim->challenge));
    return size * count;
}

static int start(void **state)
{
    static struct sim sim; /* one test program, one server */
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    sim = (struct sim){ .pid = fork(), .body = BUF_INIT(1 << 22) };
    if (sim.pid == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        (void)execl(SIM_PATH, "workspace-sim", "--token=t1", "--speed", "0", "--clusters=5",
                    (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    sim.out = fdopen(ends[0], "r");
    char line[160] = "";
    assert_non_null(fgets(line, sizeof(line), sim.out));
    assert_true(text_starts(line, "workspace-sim: http://127.0.0.1:"));
    assert_non_null(strstr(line, " token=t1\n"));
    (void)snprintf(sim.base, sizeof(sim.base), "%.*s", (int)strcspn(line + 15, " "), line + 15);
    sim.curl = curl_easy_init();
    *state = &sim;
    return 0;
}

static int stop(void **state)
{
    struct sim *sim = *state;
    int status = 0;
    curl_easy_cleanup(sim->curl);
    assert_int_equal(kill(sim->pid, SIGTERM), 0);
    assert_int_equal(waitpid(sim->pid, &status, 0), sim->pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0); /* no leak either, when built to look for them */
    (void)fclose(sim->out);
    buf_release(&sim->body);
    return 0;
}

/* libcurl's verdict; `ret_status` is the status, 0 when there was none. */
static CURLcode ask(struct sim *sim, const char *method, const char *path, const char *body,
                    long *ret_status)
{
    char url[256];
    (void)snprintf(url, sizeof(url), "%s%s", sim->base, path);
    buf_clear(&sim->body);
    sim->retry_after[0] = sim->length[0] = sim->digest[0] = sim->challenge[0] = '\0';
    curl_easy_reset(sim->curl);
    struct curl_slist *headers = curl_slist_append(NULL, "Authorization: Bearer t1");
    headers = curl_slist_append(headers, "Accept: application/vnd.oci.image.manifest.v1+json");
    headers = curl_slist_append(headers, "Accept: application/vnd.oci.image.index.v1+json");
    (void)curl_easy_setopt(sim->curl, CURLOPT_URL, url);
    (void)curl_easy_setopt(sim->curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(sim->curl, CURLOPT_WRITEFUNCTION, on_body);
    (void)curl_easy_setopt(sim->curl, CURLOPT_WRITEDATA, &sim->body);
    (void)curl_easy_setopt(sim->curl, CURLOPT_HEADERFUNCTION, on_header);
    (void)curl_easy_setopt(sim->curl, CURLOPT_HEADERDATA, sim);
    /* A connection of its own each time: libcurl repeats by itself what a reused one loses. */
    (void)curl_easy_setopt(sim->curl, CURLOPT_FRESH_CONNECT, 1L);
    (void)curl_easy_setopt(sim->curl, CURLOPT_TIMEOUT_MS, 10000L);
    if (body != NULL) (void)curl_easy_setopt(sim->curl, CURLOPT_POSTFIELDS, body);
    (void)curl_easy_setopt(sim->curl, CURLOPT_CUSTOMREQUEST, method);
    if (strcmp(method, "HEAD") == 0) (void)curl_easy_setopt(sim->curl, CURLOPT_NOBODY, 1L);
    CURLcode code = curl_easy_perform(sim->curl);
    *ret_status = 0;
    (void)curl_easy_getinfo(sim->curl, CURLINFO_RESPONSE_CODE, ret_status);
    curl_slist_free_all(headers);
    return code;
}

static void expect(struct sim *sim, const char *method, const char *path, const char *body,
                   long wanted, const char *words)
{
    long status = 0;
    CURLcode code = ask(sim, method, path, body, &status);
    if (code != CURLE_OK || status != wanted || strstr(buf_text(&sim->body), words) == NULL) {
        print_error("%s %s: %s, %ld, %s\n", method, path, curl_easy_strerror(code), status,
                    buf_text(&sim->body));
        fail();
    }
}

#define CREATE "/api/2.1/clusters/create"
#define LIST   "/api/2.1/clusters/list"
#define SPEC \
    "{\"spark_version\":\"15.4.x-scala2.12\",\"node_type_id\":\"i3.xlarge\",\"num_workers\":1}"

static void test_calls(void **state)
{
    struct sim *sim = *state;
    expect(sim, "GET", LIST "?page_size=100", NULL, 200, "\"cluster_source\":\"JOB\"");
    assert_string_equal(sim->org_id, "6051921418418893");
    expect(sim, "POST", CREATE, SPEC, 200, "cluster_id");
    expect(sim, "POST", "/control/advance", "{\"ms\":600000}", 200, "now_ms");
    expect(sim, "GET", LIST "?filter_by.cluster_sources=API", NULL, 200, "\"state\":\"RUNNING\"");
    expect(sim, "POST", "/api/2.0/workspace-files/import-file/%2FShared%2Fa.sh?overwrite=true",
           "echo", 200, "{}");
    expect(sim, "GET", "/api/2.0/workspace/export?path=/Shared/a.sh&direct_download=true", NULL,
           200, "echo");
    expect(sim, "GET", "/api/2.1/clusters/none", NULL, 404, "ENDPOINT_NOT_FOUND");
    expect(sim, "GET", "/control/requests", NULL, 200, "\"clusters/create\":1");
}

/* However many there are, live or not. */
static size_t count_clusters(struct sim *sim)
{
    size_t count = 0;
    expect(sim, "GET", "/control/clusters", NULL, 200, "\"clusters\":");
    for (const char *at = buf_text(&sim->body); (at = strstr(at, "\"launches\":")) != NULL; at++) {
        count++;
    }
    return count;
}

static void test_connections(void **state)
{
    struct sim *sim = *state;
    static const struct {
        const char *fault;
        CURLcode code, other; /* a reset may be seen in two ways */
        unsigned made;        /* clusters afterwards */
    } rows[] = {
        { "{\"kind\":\"lost\",\"times\":1,\"path\":\"clusters/create\"}", CURLE_GOT_NOTHING,
          CURLE_GOT_NOTHING, 1 },
        { "{\"kind\":\"reset\",\"times\":1,\"path\":\"clusters/create\"}", CURLE_RECV_ERROR,
          CURLE_GOT_NOTHING, 0 },
        { "{\"kind\":\"cut\",\"times\":1,\"path\":\"clusters/create\"}", CURLE_PARTIAL_FILE,
          CURLE_PARTIAL_FILE, 1 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        long status = 0;
        expect(sim, "POST", "/control/advance", "{\"ms\":600000}", 200, "");
        size_t before = count_clusters(sim);
        expect(sim, "POST", "/control/fault", rows[i].fault, 200, "");
        CURLcode code = ask(sim, "POST", CREATE, SPEC, &status);
        if (code != rows[i].code && code != rows[i].other) {
            print_error("%s: %s\n", rows[i].fault, curl_easy_strerror(code));
            fail();
        }
        assert_int_equal(count_clusters(sim) - before, rows[i].made);
    }
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void test_answers_come_late(void **state)
{
    struct sim *sim = *state;
    expect(sim, "POST", "/control/fault",
           "{\"kind\":\"delay\",\"delay_ms\":150,\"times\":1,\"path\":\"clusters/list\"}", 200, "");
    int64_t before = now_ms();
    expect(sim, "GET", LIST, NULL, 200, "clusters");
    assert_in_range(now_ms() - before, 150, 5000);
    expect(sim, "POST", "/control/fault",
           "{\"kind\":\"status\",\"status\":429,\"retry_after\":3,\"times\":1}", 200, "");
    expect(sim, "GET", LIST, NULL, 429, "RESOURCE_EXHAUSTED");
    assert_string_equal(sim->retry_after, "3");
}

static void test_big_bodies(void **state)
{
    struct sim *sim = *state;
    long status = 0;
    size_t size = (size_t)12 * 1024 * 1024;
    char *body = xmalloc(size + 1);
    memset(body, ' ', size);
    body[size] = '\0';
    assert_int_equal(ask(sim, "POST", CREATE, body, &status) == CURLE_OK && status == 200, 0);
    body[size - size / 8] = '\0';
    expect(sim, "POST", CREATE, body, 413, "MALFORMED_REQUEST");
    xfree(body);
    expect(sim, "GET", LIST, NULL, 200, "clusters");
}

static void test_registry(void **state)
{
    struct sim *sim = *state;
    char wanted[160];
    expect(sim, "GET", "/v2/acme/etl/manifests/1", NULL, 200, "attestation-manifest");
    expect(sim, "GET", "/v2/acme/odds/manifests/1", NULL, 200, "layers"); /* the other Accept */
    expect(sim, "GET", "/v2/acme/etl/manifests/1", NULL, 200, "");
    (void)snprintf(wanted, sizeof(wanted), "%zu %s", sim->body.len, sim->digest);
    expect(sim, "HEAD", "/v2/acme/etl/manifests/1", NULL, 200, "");
    char seen[160];
    (void)snprintf(seen, sizeof(seen), "%s %s", sim->length, sim->digest);
    assert_string_equal(seen, wanted);
    assert_int_equal(sim->body.len, 0);

    expect(sim, "POST", "/control/push", "{\"url\":\"acme/etl:1\"}", 200, "sha256:");
    expect(sim, "HEAD", "/v2/acme/etl/manifests/1", NULL, 200, "");
    assert_null(strstr(wanted, sim->digest));

    expect(sim, "POST", "/control/image", "{\"url\":\"acme/etl:1\",\"behaviour\":\"private\"}", 200,
           "");
    expect(sim, "GET", "/v2/acme/etl/manifests/1", NULL, 401, "UNAUTHORIZED");
    (void)snprintf(wanted, sizeof(wanted), "Bearer realm=\"%s/v2/token\"", sim->base);
    assert_true(text_starts(sim->challenge, wanted));
    expect(sim, "GET", "/control/requests", NULL, 200, "\"registry/manifest\":6");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),       cmocka_unit_test(test_registry),
        cmocka_unit_test(test_connections), cmocka_unit_test(test_answers_come_late),
        cmocka_unit_test(test_big_bodies),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
