#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "image.h"
#include "mem.h"

static void test_verdicts(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum image_verdict verdict;
        enum image_class class;
    } rows[] = {
        { "unasked", IMAGE_UNASKED, IMAGE_CLASS_ASK },
        { "found", IMAGE_FOUND, IMAGE_CLASS_GOOD },
        { "absent", IMAGE_ABSENT, IMAGE_CLASS_BAD },
        { "no access", IMAGE_NO_ACCESS, IMAGE_CLASS_BAD },
        { "login refused", IMAGE_LOGIN_REFUSED, IMAGE_CLASS_BAD },
        { "other platform", IMAGE_OTHER_PLATFORM, IMAGE_CLASS_BAD },
        { "not runnable", IMAGE_NOT_RUNNABLE, IMAGE_CLASS_BAD },
        { "unchecked", IMAGE_UNCHECKED, IMAGE_CLASS_BLIND },
        { "throttled", IMAGE_THROTTLED, IMAGE_CLASS_LATER },
        { "unreachable", IMAGE_UNREACHABLE, IMAGE_CLASS_LATER },
    };
    assert_int_equal(COUNT_OF(rows), IMAGE_VERDICT_COUNT);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_string_equal(image_verdict_name(rows[i].verdict), rows[i].name);
        assert_int_equal(image_class_of(rows[i].verdict), rows[i].class);
    }
}

static void test_cpus(void **state)
{
    (void)state;
    assert_string_equal(image_cpu_name(IMAGE_AMD64), "amd64");
    assert_string_equal(image_cpu_name(IMAGE_ARM64), "arm64");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_cpus),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
