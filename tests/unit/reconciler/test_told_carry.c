/* Libraries, permissions and pin: a decision each. */
#include "decide_told.h"
#include "decide_words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SAME      WANTS(V1, "2", "")
#define FURNISHED WANTS(V1, "2", EXTRAS)
#define PINNED    WANTS(V1, "2", "keep: {pinned: true}\n")
#define UNPINNED  WANTS(V1, "2", "keep: {pinned: false}\n")
#define POLARS    "{\"pypi\":{\"package\":\"polars\"}}"
#define JAR       "{\"jar\":\"dbfs:/x.jar\"}"
#define EIGHT_STATED \
    "{jar: a}, {jar: b}, {jar: c}, {jar: d}, {jar: e}, {jar: f}, {jar: g}, {jar: h}"
#define EIGHT                                                                                   \
    "{\"jar\":\"a\"},{\"jar\":\"b\"},{\"jar\":\"c\"},{\"jar\":\"d\"},{\"jar\":\"e\"},{\"jar\":" \
    "\"f\"},{\"jar\":\"g\"},{\"jar\":\"h\"}"
#define LIBRARIES "libraries=[" POLARS "] "
#define PERMITTED \
    "permissions=[{\"group_name\":\"analysts\",\"permission_level\":\"CAN_RESTART\"}] "

static void test_permissions(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { FURNISHED, LIBRARIES, "a RUNNING",
          "settle, permit a, with "
          "[{\"group_name\":\"analysts\",\"permission_level\":\"CAN_RESTART\"}], carried "
          "[{\"group_name\":\"analysts\",\"permission_level\":\"CAN_RESTART\"}], keeps a, "
          "since permissions changed; record pending_digest=@ applied_digest=@" },
        { FURNISHED, LIBRARIES "permissions=[]", "a RUNNING",
          "settle, permit a, with "
          "[{\"group_name\":\"analysts\",\"permission_level\":\"CAN_RESTART\"}], carried "
          "[{\"group_name\":\"analysts\",\"permission_level\":\"CAN_RESTART\"}], keeps a, "
          "since permissions changed; record pending_digest=@ applied_digest=@" },
        { FURNISHED, LIBRARIES PERMITTED, "a RUNNING",
          "keeps a, since as desired; record applied_digest=@" },
        { SAME, PERMITTED, "a RUNNING", "keeps a, since as desired" },
        { FURNISHED, LIBRARIES "failed_digest=@", "a RUNNING",
          "held failed, keeps a, since the last try failed" },
        { FURNISHED, LIBRARIES "retry_at_ms=5000001", "a RUNNING",
          "keeps a, since as desired; record applied_digest=@ retry_at_ms=0" },
        { FURNISHED, LIBRARIES, "a TERMINATED",
          "settle, permit a, with "
          "[{\"group_name\":\"analysts\",\"permission_level\":\"CAN_RESTART\"}], carried "
          "[{\"group_name\":\"analysts\",\"permission_level\":\"CAN_RESTART\"}], keeps a, "
          "since permissions changed; record pending_digest=@ applied_digest=@" },
    };
    told_check(rows, COUNT_OF(rows));
}

/* Only what was installed from the manifest is taken away again. */
static void test_libraries(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { FURNISHED, PERMITTED, "a RUNNING",
          "settle, install a, with [{\"pypi\":{\"package\":\"polars\"}}], carried "
          "[{\"pypi\":{\"package\":\"polars\"}}], keeps a, since libraries stated; record "
          "pending_digest=@ applied_digest=@" },
        { FURNISHED, PERMITTED "libraries=[" JAR "]", "a RUNNING",
          "settle, uninstall a, with [{\"jar\":\"dbfs:/x.jar\"}], carried [], keeps a, since "
          "libraries no longer stated; record pending_digest=@ applied_digest=@" },
        { FURNISHED, PERMITTED "libraries=[" JAR "," POLARS "]", "a RUNNING",
          "settle, uninstall a, with [{\"jar\":\"dbfs:/x.jar\"}], carried "
          "[{\"pypi\":{\"package\":\"polars\"}}], keeps a, since libraries no longer stated; "
          "record pending_digest=@ applied_digest=@" },
        { FURNISHED, PERMITTED "libraries=[" POLARS "," JAR "]", "a RUNNING",
          "settle, uninstall a, with [{\"jar\":\"dbfs:/x.jar\"}], carried "
          "[{\"pypi\":{\"package\":\"polars\"}}], keeps a, since libraries no longer stated; "
          "record pending_digest=@ applied_digest=@" },
        { SAME, LIBRARIES, "a RUNNING",
          "settle, uninstall a, with [{\"pypi\":{\"package\":\"polars\"}}], carried [], keeps "
          "a, since libraries no longer stated; record pending_digest=@" },
        { SAME, "libraries=[]", "a RUNNING", "keeps a, since as desired" },
        { SAME, "libraries=[" POLARS "," JAR "]", "a RUNNING",
          "settle, uninstall a, with "
          "[{\"pypi\":{\"package\":\"polars\"}},{\"jar\":\"dbfs:/x.jar\"}], carried [], keeps "
          "a, since libraries no longer stated; record pending_digest=@" },
        /* A record that cannot be read is one that is not there. */
        { FURNISHED, PERMITTED "libraries=[", "a RUNNING",
          "settle, install a, with [{\"pypi\":{\"package\":\"polars\"}}], carried "
          "[{\"pypi\":{\"package\":\"polars\"}}], keeps a, since libraries stated; record "
          "pending_digest=@ applied_digest=@" },
        { FURNISHED, PERMITTED "libraries={}", "a RUNNING",
          "settle, install a, with [{\"pypi\":{\"package\":\"polars\"}}], carried "
          "[{\"pypi\":{\"package\":\"polars\"}}], keeps a, since libraries stated; record "
          "pending_digest=@ applied_digest=@" },
        { WANTS(V1, "2", "libraries: [{jar: dbfs:/x.jar}, {pypi: {package: polars}}]\n"), LIBRARIES,
          "a RUNNING",
          "settle, install a, with [{\"jar\":\"dbfs:/x.jar\"}], carried "
          "[{\"jar\":\"dbfs:/x.jar\"},{\"pypi\":{\"package\":\"polars\"}}], keeps a, since "
          "libraries stated; record pending_digest=@ applied_digest=@" },
        { PINNED, LIBRARIES, "a RUNNING",
          "settle, uninstall a, with [{\"pypi\":{\"package\":\"polars\"}}], carried [], keeps "
          "a, since libraries no longer stated; record pending_digest=@" },
        { WANTS(V1, "2", "libraries: [" EIGHT_STATED ", {jar: x}]\n"), "libraries=[" EIGHT "]",
          "a RUNNING",
          "settle, install a, with [{\"jar\":\"x\"}], carried "
          "[{\"jar\":\"a\"},{\"jar\":\"b\"},{\"jar\":\"c\"},{\"jar\":\"d\"},{\"jar\":\"e\"},{"
          "\"jar\":\"f\"},{\"jar\":\"g\"},{\"jar\":\"h\"},{\"jar\":\"x\"}], "
          "keeps a, since libraries stated; record pending_digest=@ applied_digest=@" },
    };
    told_check(rows, COUNT_OF(rows));
}

static void test_pin(void **state)
{
    (void)state;
    static const struct told rows[] = {
        { PINNED, "", "a RUNNING",
          "settle, pin a, keeps a, since to be pinned; record pending_digest=@" },
        { PINNED, "", "a RUNNING pinned", "keeps a, since as desired" },
        { PINNED, "pinned=1", "a RUNNING", "keeps a, since as desired" },
        { PINNED, "pinned=0", "a RUNNING",
          "settle, pin a, keeps a, since to be pinned; record pending_digest=@" },
        { UNPINNED, "", "a RUNNING", "keeps a, since as desired" },
        { UNPINNED, "", "a RUNNING pinned",
          "settle, unpin a, keeps a, since not to be pinned; record pending_digest=@" },
        { UNPINNED, "pinned=1", "a RUNNING",
          "settle, unpin a, keeps a, since not to be pinned; record pending_digest=@" },
        { UNPINNED, "pinned=0", "a RUNNING", "keeps a, since as desired" },
        { SAME, "", "a RUNNING pinned", "keeps a, since as desired" },
        { SAME, "pinned=1", "a RUNNING", "keeps a, since as desired" },
        /* The pin of the one that was replaced is carried over. */
        { SAME, "predecessor_id=p", "a RUNNING, p TERMINATED pinned",
          "settle, pin a, keeps a, since to be pinned; record pending_digest=@" },
        { SAME, "predecessor_id=p pinned=1", "a RUNNING, p TERMINATED pinned",
          "settle, look p, keeps a, since replaced by its successor" },
        { UNPINNED, "predecessor_id=p", "a RUNNING, p TERMINATED pinned",
          "settle, look p, keeps a, since replaced by its successor" },
    };
    told_check(rows, COUNT_OF(rows));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permissions),
        cmocka_unit_test(test_libraries),
        cmocka_unit_test(test_pin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
