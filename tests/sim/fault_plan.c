#include "fault_plan.h"

#include "scenario.h"

const struct fault_kind fault_kinds[] = {
    { "disk: error", POINT_DISK, WAY_FAIL, 0 },
    { "disk: no room", POINT_DISK, WAY_FULL, 0 },
    { "disk: killed there", POINT_DISK, WAY_KILL, 0 },
    { "call: refused", POINT_CALL, WAY_TROUBLE, TROUBLE_REFUSED },
    { "call: reset, no effect", POINT_CALL, WAY_TROUBLE, TROUBLE_RESET },
    { "call: done, answer lost", POINT_CALL, WAY_TROUBLE, TROUBLE_LOST },
    { "call: hangs", POINT_CALL, WAY_TROUBLE, TROUBLE_HANG },
    { "call: 429", POINT_CALL, WAY_TROUBLE, TROUBLE_THROTTLE },
    { "call: 503", POINT_CALL, WAY_TROUBLE, TROUBLE_BUSY },
    { "call: 500, no effect", POINT_CALL, WAY_TROUBLE, TROUBLE_SERVER },
    { "call: done, 500", POINT_CALL, WAY_TROUBLE, TROUBLE_LATE },
    { "call: done, page with 502", POINT_CALL, WAY_TROUBLE, TROUBLE_GATEWAY },
    { "call: done, answer cut", POINT_CALL, WAY_TROUBLE, TROUBLE_CUT },
    { "call: done, garbage", POINT_CALL, WAY_TROUBLE, TROUBLE_GARBAGE },
    { "call: killed before", POINT_CALL, WAY_KILL, 0 },
    { "answer: killed before", POINT_ANSWER, WAY_KILL, 0 },
    { "file: unreadable once", POINT_FILE, WAY_FAIL, 0 },
    { "file: killed there", POINT_FILE, WAY_KILL, 0 },
    { "event: lost", POINT_EVENT, WAY_FAIL, 0 },
    { "event: killed there", POINT_EVENT, WAY_KILL, 0 },
};
const size_t fault_kinds_len = COUNT_OF(fault_kinds);

const struct fault_kind *fault_plan_at(struct fault_plan *plan, enum fault_point point)
{
    if (plan == NULL || plan->is_over || plan->disk->is_dead) return NULL;
    uint64_t number = plan->passed[point]++;
    bool strikes = plan->kind != NULL && plan->kind->point == point && plan->number == number;
    if (!strikes) return NULL;
    plan->has_struck = true;
    if (plan->kind->way == WAY_KILL) plan->disk->is_dead = true;
    return plan->kind;
}

static enum disk_verdict before(void *ctx, const struct disk_event *event)
{
    (void)event;
    const struct fault_kind *kind = fault_plan_at(ctx, POINT_DISK);
    if (kind == NULL) return DISK_GOES_ON;
    return kind->way == WAY_FULL ? DISK_HAS_NO_ROOM : DISK_FAILS;
}

void fault_plan_begin(struct fault_plan *plan, struct disk *disk)
{
    plan->disk = disk;
    plan->watch = (struct disk_watch){ before, plan };
    disk->watch = &plan->watch;
}
