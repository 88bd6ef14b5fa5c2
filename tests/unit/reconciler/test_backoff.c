#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "backoff.h"
#include "mem.h"
#include "prng.h"

/* With this random number a wait is the longest that is possible. */
static int64_t longest(int attempt, int64_t base_ms, int64_t max_ms)
{
    int64_t limit = 0;
    for (uint64_t random = 0; random < 4096; random++) {
        int64_t wait = backoff_ms(attempt, base_ms, max_ms, 0, random);
        if (wait > limit) limit = wait;
    }
    return limit;
}

static void test_the_limit_doubles_up_to_its_maximum(void **state)
{
    (void)state;
    static const struct {
        int attempt;
        int64_t limit;
    } rows[] = {
        { 1, 100 }, { 2, 200 }, { 3, 400 }, { 4, 800 }, { 5, 1000 }, { 6, 1000 }, { 99, 1000 },
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(longest(rows[i].attempt, 100, 1000), rows[i].limit);
    }
}

static void test_no_attempt_overflows(void **state)
{
    (void)state;
    static const int attempts[] = { INT32_MIN, -1, 0, 1, 62, 63, 64, 65, 1000, INT32_MAX };
    static const uint64_t randoms[] = { 0, 1, INT64_MAX, UINT64_MAX };
    for (size_t i = 0; i < COUNT_OF(attempts); i++) {
        for (size_t j = 0; j < COUNT_OF(randoms); j++) {
            int64_t wait = backoff_ms(attempts[i], INT64_MAX / 3, INT64_MAX, 0, randoms[j]);
            assert_true(wait >= 0);
            assert_int_equal(backoff_ms(attempts[i], 0, 0, 0, randoms[j]), 0);
            assert_int_equal(backoff_ms(attempts[i], 100, 1000, 5000, randoms[j]), 5000);
        }
    }
}

static void test_waits_are_spread(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 7);
    size_t quarters[4] = { 0 };
    for (size_t i = 0; i < 4000; i++) {
        int64_t wait = backoff_ms(3, 1000, 60000, 0, prng_next(&prng));
        assert_in_range(wait, 0, 4000);
        quarters[wait == 4000 ? 3 : wait / 1000]++;
    }
    for (size_t i = 0; i < COUNT_OF(quarters); i++) {
        assert_in_range(quarters[i], 800, 1200);
    }
}

static void test_what_the_server_asked_for_is_kept(void **state)
{
    (void)state;
    for (uint64_t random = 0; random < 500; random++) {
        assert_true(backoff_ms(1, 100, 1000, 90, random) >= 90);
    }
}

/* A random number of the limit itself, and one of it and 1: the first comes back, the second is 0.
 */
static void test_the_limit_is_exact(void **state)
{
    (void)state;
    static const struct {
        int attempt;
        int64_t base_ms, max_ms, limit_ms;
    } rows[] = {
        { 1, 10, 5, 5 },                                /* never over the maximum */
        { 1, 1, 9, 1 },                                 /* the shortest there is */
        { 2, 1, 9, 2 },                                 /* doubles it all the same */
        { 2, 2, 4, 4 },                                 /* doubles to the maximum */
        { 2, 2, 5, 4 },                                 /* and to one below it */
        { 3, 2, 5, 5 },                                 /* half of an odd one */
        { 2, 5, INT64_MAX, 10 },                        /* without a maximum */
        { 2, INT64_MAX / 2 + 1, INT64_MAX, INT64_MAX }, /* twice would overflow */
        { 3, INT64_MAX / 4 + 1, INT64_MAX, INT64_MAX }, /* in the second step */
        { 2, INT64_MAX / 2, INT64_MAX, INT64_MAX - 1 }, /* twice just does not */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (uint64_t more = 0; more < 2; more++) {
            int64_t wait = backoff_ms(rows[i].attempt, rows[i].base_ms, rows[i].max_ms, 0,
                                      (uint64_t)rows[i].limit_ms + more);
            if (wait != (more == 0 ? rows[i].limit_ms : 0)) fail_msg("row %zu", i);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_limit_doubles_up_to_its_maximum),
        cmocka_unit_test(test_the_limit_is_exact),
        cmocka_unit_test(test_no_attempt_overflows),
        cmocka_unit_test(test_waits_are_spread),
        cmocka_unit_test(test_what_the_server_asked_for_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
