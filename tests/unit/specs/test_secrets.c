#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_files.h"
#include "json.h"
#include "secrets.h"

static const uint8_t key[DIGEST_KEY_BYTES] = { 1, 2, 3 };
static const uint8_t other_key[DIGEST_KEY_BYTES] = { 4, 5, 6 };
static const struct pos place = { "etl/a.yaml", 7, 19 };

struct fixture {
    struct fake_files *fake;
    struct secrets *secrets;
    struct arena arena;
    const char *user; /* $REGISTRY_USER */
    unsigned lookups;
};

static const char *fake_env(void *ctx, const char *name)
{
    struct fixture *fixture = ctx;
    fixture->lookups++;
    if (strcmp(name, "REGISTRY_USER") == 0) return fixture->user;
    return strcmp(name, "EMPTY") == 0 ? "" : NULL;
}

static int set_up(void **state)
{
    struct fixture *fixture = xcalloc(1, sizeof(*fixture));
    fixture->fake = fake_files_create();
    fixture->user = "robot";
    fixture->secrets = secrets_create(key, fake_files_port(fixture->fake), fake_env, fixture);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    secrets_destroy(fixture->secrets);
    fake_files_destroy(fixture->fake);
    arena_release(&fixture->arena);
    xfree(fixture);
    return 0;
}

/* --- hashes --- */

static struct digest hash(struct fixture *fixture, enum secret_source source, const char *text)
{
    struct digest digest = { { 0 } };
    struct err err = { 0 };
    if (!secrets_hash(fixture->secrets, source, text, &digest, &err)) fail_msg("%s", err.text);
    return digest;
}

static void test_one_text_has_one_hash(void **state)
{
    struct fixture *fixture = *state;
    fake_files_put(fixture->fake, "/run/user", "robot\n");
    struct digest want = digest_keyed(key, "robot", 5);
    struct digest literal = hash(fixture, SECRET_LITERAL, "robot");
    struct digest env = hash(fixture, SECRET_ENV, "REGISTRY_USER");
    struct digest file = hash(fixture, SECRET_FILE, "/run/user");
    assert_memory_equal(&literal, &want, sizeof(want));
    assert_memory_equal(&env, &want, sizeof(want));
    assert_memory_equal(&file, &want, sizeof(want));
}

static void test_hashes_are_kept_until_forgotten(void **state)
{
    struct fixture *fixture = *state;
    fake_files_put(fixture->fake, "/run/password", "one");
    struct digest first = hash(fixture, SECRET_ENV, "REGISTRY_USER");
    struct digest file = hash(fixture, SECRET_FILE, "/run/password");
    fixture->user = "somebody-else";
    fake_files_put(fixture->fake, "/run/password", "two");
    struct digest again = hash(fixture, SECRET_ENV, "REGISTRY_USER");
    assert_true(digest_equal(&first, &again));
    assert_int_equal(fixture->lookups, 1);
    (void)hash(fixture, SECRET_FILE, "/run/password");
    assert_int_equal(fake_files_counts(fixture->fake).reads, 1);

    secrets_forget(fixture->secrets);
    again = hash(fixture, SECRET_ENV, "REGISTRY_USER");
    assert_false(digest_equal(&first, &again));
    again = hash(fixture, SECRET_FILE, "/run/password");
    assert_false(digest_equal(&file, &again));
}

static void test_newlines(void **state)
{
    static const struct {
        const char *content, *secret;
    } rows[] = {
        { "word", "word" },       { "word\n", "word" },   { "word\r\n", "word" },
        { "word\n\n", "word\n" }, { " word ", " word " }, { "two\nlines\n", "two\nlines" },
    };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct err err;
        AUTO_BUF struct buf out = BUF_INIT(100);
        const struct value *secret = value_secret(&fixture->arena, place, SECRET_FILE, "/run/word");
        fake_files_put(fixture->fake, "/run/word", rows[i].content);
        assert_true(secrets_reveal(fixture->secrets, secret, &out, &err));
        assert_string_equal(buf_text(&out), rows[i].secret);
    }
}

/* --- failures --- */

static void test_failures(void **state)
{
    struct fixture *fixture = *state;
    char *big = xmalloc(SECRET_BYTES_MAX + 2);
    memset(big, 'x', SECRET_BYTES_MAX + 1);
    big[SECRET_BYTES_MAX + 1] = '\0';
    fake_files_put(fixture->fake, "/run/big", big);
    fake_files_put(fixture->fake, "/run/empty", "\n");
    fake_files_put_bytes(fixture->fake, "/run/nul", "a\0b", 3);
    fake_files_put(fixture->fake, "/run/latin1", "caf\xe9");
    const struct {
        enum secret_source source;
        const char *text, *want;
    } rows[] = {
        { SECRET_ENV, "NOT_THERE", "environment variable NOT_THERE is not set" },
        { SECRET_ENV, "EMPTY", "environment variable EMPTY is empty" },
        { SECRET_FILE, "/run/gone", "cannot open '/run/gone'" },
        { SECRET_FILE, "/run/big", "65536 bytes" },
        { SECRET_FILE, "/run/empty", "secret file '/run/empty' is empty" },
        { SECRET_FILE, "/run/nul", "holds a NUL byte" },
        { SECRET_FILE, "/run/latin1", "is not UTF-8" },
        { SECRET_HASHED, "", "only the hash is known" },
        { SECRET_LITERAL, big, "65536 bytes" },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int twice = 0; twice < 2; twice++) { /* a failure is kept, as a hash is */
            struct err err = { 0 };
            const struct value *sealed = NULL;
            const struct value *secret =
                value_secret(&fixture->arena, place, rows[i].source, rows[i].text);
            assert_false(secrets_seal(fixture->secrets, &fixture->arena, secret, &sealed, &err));
            assert_int_equal(err.code, ERR_MANIFEST);
            assert_string_equal(err.pos.file, place.file);
            assert_int_equal(err.pos.line, place.line);
            if (strstr(err.text, rows[i].want) == NULL) fail_msg("row %zu: %s", i, err.text);
            assert_null(sealed);
        }
    }
    xfree(big);
}

static void test_the_largest_secret_is_taken(void **state)
{
    struct fixture *fixture = *state;
    char *text = xmalloc(SECRET_BYTES_MAX + 1);
    memset(text, 'x', SECRET_BYTES_MAX);
    text[SECRET_BYTES_MAX] = '\0';
    struct digest want = digest_keyed(key, text, SECRET_BYTES_MAX);
    struct digest got = hash(fixture, SECRET_LITERAL, text);
    assert_memory_equal(&got, &want, sizeof(want));
    xfree(text);
}

/* --- trees --- */

static const struct value *auth_map(struct arena *arena, const struct value *password)
{
    struct value_builder list = value_build_list(arena, place);
    value_push(&list, value_text(arena, place, "x"));
    struct value_builder auth = value_build_map(arena, place);
    value_put(&auth, "note", place, value_text(arena, place, "no secret"));
    value_put(&auth, "list", place, list.value);
    value_put(&auth, "password", place, password);
    value_put(&auth, "user", place, value_secret(arena, place, SECRET_ENV, "REGISTRY_USER"));
    struct value_builder top = value_build_map(arena, place);
    value_put(&top, "auth", place, auth.value);
    value_put(&top, "workers", place, value_int(arena, place, 4));
    return top.value;
}

static void promise_7_seal_hashes_each_secret_and_nothing_else(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    const struct value *tree =
        auth_map(&fixture->arena, value_secret(&fixture->arena, place, SECRET_LITERAL, "hunter2"));
    const struct value *sealed = NULL;
    assert_true(secrets_seal(fixture->secrets, &fixture->arena, tree, &sealed, &err));

    char hex[DIGEST_HEX_SIZE];
    struct digest password = digest_keyed(key, "hunter2", 7);
    digest_hex(&password, hex);
    assert_string_equal(value_at(sealed, "auth.password")->hash, hex);
    assert_non_null(value_at(sealed, "auth.user")->hash);
    assert_string_equal(value_get_text(value_get(sealed, "auth"), "note"), "no secret");
    assert_ptr_equal(value_at(sealed, "auth.list"), value_at(tree, "auth.list"));
    assert_null(value_at(tree, "auth.password")->hash); /* the tree itself is as it was */

    AUTO_BUF struct buf json = BUF_INIT(4096);
    json_write(sealed, &json);
    assert_null(strstr(buf_text(&json), "hunter2"));
    assert_null(strstr(buf_text(&json), "robot"));
    assert_non_null(strstr(buf_text(&json), hex));
}

static void test_what_holds_no_secret_is_not_copied(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    struct value_builder map = value_build_map(&fixture->arena, place);
    value_put(&map, "workers", place, value_int(&fixture->arena, place, 4));
    const struct value *sealed = NULL;
    assert_true(secrets_seal(fixture->secrets, &fixture->arena, map.value, &sealed, &err));
    assert_ptr_equal(sealed, map.value);
    assert_true(secrets_seal(fixture->secrets, &fixture->arena, NULL, &sealed, &err));
    assert_null(sealed);
}

static void test_without_secrets_nothing_is_sealed(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    const struct value *secret = value_secret(&fixture->arena, place, SECRET_ENV, "NOT_THERE");
    const struct value *sealed = NULL;
    assert_true(secrets_seal(NULL, &fixture->arena, secret, &sealed, &err));
    assert_ptr_equal(sealed, secret);
}

static void test_reveal_in_a_request(void **state)
{
    struct fixture *fixture = *state;
    struct err err;
    fake_files_put(fixture->fake, "/run/password", "pass\"word\n");
    const struct value *tree = auth_map(
        &fixture->arena, value_secret(&fixture->arena, place, SECRET_FILE, "/run/password"));
    struct buf body = BUF_INIT(4096);
    assert_true(json_write_revealed(tree, secrets_reveal, fixture->secrets, &body, &err));
    assert_non_null(strstr(buf_text(&body), "\"password\":\"pass\\\"word\""));
    assert_non_null(strstr(buf_text(&body), "\"user\":\"robot\""));
    buf_wipe(&body);
    assert_null(body.data);
    assert_int_equal(body.len, 0);
}

static void test_fingerprint_tells_keys_apart(void **state)
{
    struct fixture *fixture = *state;
    const struct files *files = fake_files_port(fixture->fake);
    AUTO(secrets_destroy)
    struct secrets *same = secrets_create(key, files, fake_env, fixture);
    AUTO(secrets_destroy)
    struct secrets *other = secrets_create(other_key, files, fake_env, fixture);
    struct digest a = secrets_fingerprint(fixture->secrets);
    struct digest b = secrets_fingerprint(same);
    struct digest c = secrets_fingerprint(other);
    assert_true(digest_equal(&a, &b));
    assert_false(digest_equal(&a, &c));
}

static void promise_7_wipe(void **state)
{
    (void)state;
    char text[] = "hunter2";
    memory_wipe(text, sizeof(text));
    for (size_t i = 0; i < sizeof(text); i++) {
        assert_int_equal(text[i], 0);
    }
    memory_wipe(NULL, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_one_text_has_one_hash),
        TEST(test_hashes_are_kept_until_forgotten),
        TEST(test_newlines),
        TEST(test_failures),
        TEST(test_the_largest_secret_is_taken),
        TEST(promise_7_seal_hashes_each_secret_and_nothing_else),
        TEST(test_what_holds_no_secret_is_not_copied),
        TEST(test_without_secrets_nothing_is_sealed),
        TEST(test_reveal_in_a_request),
        TEST(test_fingerprint_tells_keys_apart),
        TEST(promise_7_wipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
