/* What follows from the options: where the state file is, and whether there is colour. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "options.h"

#include <stdlib.h>

/* NOLINTBEGIN(concurrency-mt-unsafe): one thread */
static void set_env(const char *name, const char *text)
{
    assert_int_equal(text == NULL ? unsetenv(name) : setenv(name, text, 1), 0);
}
/* NOLINTEND(concurrency-mt-unsafe) */

static void test_where_the_state_is(void **state)
{
    static const char host[] = "https://adb-1.azuredatabricks.net";
    static const struct {
        const char *state, *directory, *xdg, *home;
        const char *path;
    } places[] = {
        { "f", "/d", "/x", "/h", "f" },
        { NULL, "/d", "/x", "/h", "/d/adb-1.azuredatabricks.net.db" },
        { NULL, "/d:/e:/f", "/x", "/h", "/d/adb-1.azuredatabricks.net.db" },
        { NULL, ":/e", "/x", "/h", "/x/clusterkeeper/adb-1.azuredatabricks.net.db" },
        { NULL, "", "/x:y", "/h", "/x:y/clusterkeeper/adb-1.azuredatabricks.net.db" },
        { NULL, "d", "x", "/h", "/h/.local/state/clusterkeeper/adb-1.azuredatabricks.net.db" },
        { NULL, NULL, "", "/h", "/h/.local/state/clusterkeeper/adb-1.azuredatabricks.net.db" },
        { NULL, NULL, NULL, "h", NULL },
        { NULL, NULL, NULL, NULL, NULL },
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        AUTO_BUF struct buf out = BUF_INIT(4096);
        const struct options options = { .state = places[i].state };
        struct err err;
        set_env("STATE_DIRECTORY", places[i].directory);
        set_env("XDG_STATE_HOME", places[i].xdg);
        set_env("HOME", places[i].home);
        bool ok = options_state_path(&options, host, &out, &err);
        assert_int_equal(ok, places[i].path != NULL);
        if (ok) assert_string_equal(buf_text(&out), places[i].path);
        if (!ok) assert_non_null(strstr(err.text, "--state"));
    }
}

static void test_a_state_file_for_each_workspace(void **state)
{
    static const struct {
        const char *host, *file;
    } hosts[] = {
        { "https://adb-1.azuredatabricks.net", "/h/adb-1.azuredatabricks.net.db" },
        { "http://127.0.0.1:8080", "/h/127.0.0.1_8080.db" },
        { "http://[::1]:80", "/h/___1__80.db" },
        { "adb/../../etc/passwd", "/h/adb_.._.._etc_passwd.db" },
        { "a b\n\xff", "/h/a_b__.db" },
    };
    const struct options options = { 0 };
    struct err err;
    (void)state;
    set_env("STATE_DIRECTORY", "/h");
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        AUTO_BUF struct buf out = BUF_INIT(4096);
        assert_true(options_state_path(&options, hosts[i].host, &out, &err));
        assert_string_equal(buf_text(&out), hosts[i].file);
    }
    AUTO_BUF struct buf none = BUF_INIT(4096);
    assert_false(options_state_path(&options, NULL, &none, &err));
    assert_int_equal(err.code, ERR_USAGE);
    assert_non_null(strstr(err.text, "DATABRICKS_HOST"));
    AUTO_BUF struct buf small = BUF_INIT(8);
    assert_false(options_state_path(&options, hosts[0].host, &small, &err));
    assert_int_equal(err.code, ERR_LIMIT);
}

static void test_colour(void **state)
{
    static const struct {
        const char *no_color;
        enum color color;
        bool on_terminal, on_file;
    } cases[] = {
        { NULL, COLOR_AUTO, true, false },  { "", COLOR_AUTO, true, false },
        { "1", COLOR_AUTO, false, false },  { "1", COLOR_ALWAYS, true, true },
        { NULL, COLOR_ALWAYS, true, true }, { NULL, COLOR_NEVER, false, false },
    };
    (void)state;
    FILE *file = tmpfile();
    FILE *terminal = fopen("/dev/ptmx", "r+");
    assert_non_null(file);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct options options = { .color = cases[i].color };
        set_env("NO_COLOR", cases[i].no_color);
        assert_int_equal(options_colour(&options, file), cases[i].on_file);
        if (terminal == NULL) continue; /* a sandbox without terminals */
        assert_int_equal(options_colour(&options, terminal), cases[i].on_terminal);
    }
    if (terminal != NULL) (void)fclose(terminal);
    (void)fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_the_state_is),
        cmocka_unit_test(test_a_state_file_for_each_workspace),
        cmocka_unit_test(test_colour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
