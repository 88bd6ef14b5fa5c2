#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "text_map.h"

#include <stdio.h>

enum { NAMES = 5000, NAME_SIZE = 16 };

static void name_write(char *name, unsigned number)
{
    assert_true(snprintf(name, NAME_SIZE, "name-%u", number) > 0);
}

static void test_each_text_finds_its_object(void **state)
{
    (void)state;
    struct text_map map = { 0 };
    char *names = xmalloc((size_t)NAMES * NAME_SIZE);
    char copy[NAME_SIZE];
    for (unsigned i = 0; i < NAMES; i++) {
        char *name = names + (size_t)i * NAME_SIZE;
        name_write(name, i);
        assert_null(text_map_get(&map, name));
        text_map_put(&map, name, name);
        name_write(copy, i / 2); /* found by its text, through all growth */
        assert_ptr_equal(text_map_get(&map, copy), names + (size_t)(i / 2) * NAME_SIZE);
    }
    assert_int_equal(map.len, NAMES);
    assert_null(text_map_get(&map, "name-5000"));
    assert_null(text_map_get(&map, ""));
    text_map_release(&map);
    assert_null(text_map_get(&map, "name-0"));
    text_map_put(&map, "name-0", copy);
    assert_ptr_equal(text_map_get(&map, "name-0"), copy);
    text_map_release(&map);
    xfree(names);
}

static void test_an_empty_text_is_a_text(void **state)
{
    (void)state;
    struct text_map map = { 0 };
    int object = 0;
    text_map_put(&map, "", &object);
    assert_ptr_equal(text_map_get(&map, ""), &object);
    text_map_release(&map);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_text_finds_its_object),
        cmocka_unit_test(test_an_empty_text_is_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
