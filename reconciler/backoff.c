#include "backoff.h"

int64_t backoff_ms(int attempt, int64_t base_ms, int64_t max_ms, int64_t at_least_ms,
                   uint64_t random)
{
    int64_t limit_ms = base_ms;
    for (int i = 1; i < attempt && limit_ms > 0 && limit_ms < max_ms; i++) {
        limit_ms = limit_ms > max_ms / 2 ? max_ms : limit_ms * 2;
    }
    if (limit_ms > max_ms) limit_ms = max_ms;
    int64_t wait_ms = limit_ms <= 0 ? 0 : (int64_t)(random % ((uint64_t)limit_ms + 1));
    return wait_ms < at_least_ms ? at_least_ms : wait_ms;
}
