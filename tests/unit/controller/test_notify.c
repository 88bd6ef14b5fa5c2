/* The datagrams that a service manager gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* One thread, so variables may be set. NOLINTBEGIN(concurrency-mt-unsafe) */

enum { STATE_SIZE = 2048 };

static char last_state[STATE_SIZE];

/* A manager that listens at an abstract address; NOTIFY_SOCKET says where. */
static int manager_open(void)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    char name[64];
    int len = snprintf(name, sizeof(name), "@clusterkeeper-test-%ld", (long)getpid());
    memcpy(address.sun_path, name, (size_t)len);
    address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", name, 1), 0);
    return fd;
}

static const char *take_state(int fd)
{
    ssize_t len = recv(fd, last_state, sizeof(last_state) - 1, 0);
    last_state[len > 0 ? len : 0] = '\0';
    return last_state;
}

static void test_states_arrive(void **state)
{
    int fd = manager_open();
    (void)state;
    notify_ready();
    assert_string_equal(take_state(fd), "READY=1");
    notify_stopping();
    assert_string_equal(take_state(fd), "STOPPING=1");
    notify_watchdog();
    assert_string_equal(take_state(fd), "WATCHDOG=1");
    notify_reloading();
    assert_non_null(strstr(take_state(fd), "RELOADING=1\nMONOTONIC_USEC="));
    notify_status("%d clusters\nREADY=1", 7);
    assert_string_equal(take_state(fd), "STATUS=7 clusters READY=1");
    (void)close(fd);
}

static void test_nobody_listening_is_no_harm(void **state)
{
    static const char *const addresses[] = { "", "@", "relative", "/nonexistent/socket",
                                             "@nobody" };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(addresses); i++) {
        (void)setenv("NOTIFY_SOCKET", addresses[i], 1);
        notify_ready();
    }
    char longer[200];
    memset(longer, 'x', sizeof(longer) - 1);
    longer[0] = '/';
    longer[sizeof(longer) - 1] = '\0';
    (void)setenv("NOTIFY_SOCKET", longer, 1);
    notify_ready();
    (void)unsetenv("NOTIFY_SOCKET");
    notify_ready();
}

static void test_the_watchdog_is_fed_twice_a_period(void **state)
{
    static const struct {
        const char *usec, *pid; /* pid "me": ours */
        int64_t ms;
    } rows[] = {
        { NULL, NULL, 0 },      { "30000000", NULL, 15000 }, { "30000000", "me", 15000 },
        { "30000000", "1", 0 }, { "soon", NULL, 0 },         { "1", NULL, 1 },
    };
    char me[32];
    (void)state;
    (void)snprintf(me, sizeof(me), "%ld", (long)getpid());
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        (void)unsetenv("WATCHDOG_USEC");
        (void)unsetenv("WATCHDOG_PID");
        if (rows[i].usec != NULL) (void)setenv("WATCHDOG_USEC", rows[i].usec, 1);
        if (rows[i].pid != NULL) {
            (void)setenv("WATCHDOG_PID", strcmp(rows[i].pid, "me") == 0 ? me : rows[i].pid, 1);
        }
        assert_int_equal(notify_watchdog_ms(), rows[i].ms);
    }
}

/* NOLINTEND(concurrency-mt-unsafe) */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_arrive),
        cmocka_unit_test(test_nobody_listening_is_no_harm),
        cmocka_unit_test(test_the_watchdog_is_fed_twice_a_period),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
