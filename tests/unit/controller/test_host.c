#include "databricks/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_host(void **state)
{
    (void)state;
    static const struct {
        const char *text, *wanted; /* NULL: refused */
    } cases[] = {
        { "adb-1.azuredatabricks.net", "https://adb-1.azuredatabricks.net" },
        { "https://adb-1.azuredatabricks.net/", "https://adb-1.azuredatabricks.net" },
        { "HTTPS://ADB-1.AzureDatabricks.net:443/", "https://adb-1.azuredatabricks.net" },
        { "https://h.example:8443", "https://h.example:8443" },
        { "http://localhost:8080", "http://localhost:8080" },
        { "http://127.0.0.1:80", "http://127.0.0.1" },
        { "http://[::1]:9", "http://[::1]:9" },
        { "", NULL },
        { "https://", NULL },
        { "http://adb-1.azuredatabricks.net", NULL },
        { "http://127.0.0.1.example.com", NULL },
        { "http://localhost.example.com", NULL },
        { "ftp://h.example", NULL },
        { "file:///etc/passwd", NULL },
        { "https://user:hunter2@h.example", NULL },
        { "https://h.example/?o=1", NULL },
        { "https://h.example/path", NULL },
        { "https://h.example?token=hunter2", NULL },
        { "https://h.example:0", NULL },
        { "https://h.example:65536", NULL },
        { "https://h.example:99999999999999999999", NULL },
        { "https://h.example:", NULL },
        { "https://h.example:443x", NULL },
        { "https://h..example", NULL },
        { "https://.example", NULL },
        { "https://h example", NULL },
        { "https://h.example\r\nX: y", NULL },
        { "https://h\xc3\xa9.example", NULL },
        { "https://[::2]", NULL },
        { "https://[::1", NULL },
        { "https://https://h.example", NULL },
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        AUTO_BUF struct buf out = BUF_INIT(1000);
        struct err err;
        bool is_good = client_host_normalise(cases[i].text, &out, &err);
        if (is_good != (cases[i].wanted != NULL)) fail_msg("'%s'", cases[i].text);
        if (is_good) assert_string_equal(buf_text(&out), cases[i].wanted);
        if (is_good) continue;
        assert_int_equal(err.code, ERR_USAGE);
        assert_null(strstr(err.text, "hunter2"));
        assert_null(strchr(err.text, '\n'));
        assert_int_equal(out.len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_host) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
