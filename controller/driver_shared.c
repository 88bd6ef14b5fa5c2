/*
 * What the other files of the driver stand on: notices, the transaction of the turn, the end.
 */
#include "driver_private.h"

void driver_notice(struct driver *driver, const struct notice *notice)
{
    if (driver->config.noticed == NULL) return;
    struct notice full = *notice;
    fleet_count(driver->fleet, &full.total, &full.settled);
    driver->config.noticed(driver->config.ctx, &full);
}

void driver_due(struct cluster *cluster, int64_t at_ms)
{
    if (at_ms < cluster->due_ms) cluster->due_ms = at_ms;
}

void driver_trouble(struct driver *driver, const char *name, const struct err *err)
{
    driver_notice(driver,
                  &(struct notice){ .kind = NOTICE_TROUBLE, .name = name, .text = err->text });
}

static void summarise(const struct driver *driver, struct driver_summary *ret_summary)
{
    struct driver_summary sum = { .steps = driver->steps_done };
    for (struct cluster *c = fleet_first(driver->fleet); c != NULL; c = fleet_next(c)) {
        if (!c->is_desired && !c->is_recorded) continue;
        sum.clusters++;
        if (c->is_settled) {
            sum.settled++;
        } else if (c->held == HOLD_WAIT || c->held == HOLD_BACKOFF || c->held == HOLD_NONE) {
            sum.waiting++;
        } else if (c->held != HOLD_SUSPENDED && c->held != HOLD_DRIFT) {
            sum.failed++;
        }
    }
    sum.manifests_bad = !catalogue_is_complete(driver->parts.catalogue);
    *ret_summary = sum;
}

void driver_finish(struct driver *driver, const struct err *err)
{
    if (driver->config.mode == DRIVER_RUN || driver->is_finished) return;
    driver->is_finished = true;
    driver->is_stopping = true;
    struct driver_summary summary;
    summarise(driver, &summary);
    driver->config.finished(driver->config.ctx, &summary, err);
}

void driver_store_failed(struct driver *driver, const struct err *err)
{
    driver->store_failed = true;
    driver_trouble(driver, NULL, err);
    driver_finish(driver, err);
}

bool driver_write(struct driver *driver)
{
    if (driver->store_failed) return false;
    if (driver->in_transaction) return true;
    struct err err;
    if (!store_begin(driver->parts.store, &err)) {
        driver_store_failed(driver, &err);
        return false;
    }
    driver->in_transaction = true;
    return true;
}

bool driver_record(struct driver *driver, const char *name, struct arena *arena,
                   struct record *ret_record, bool *ret_found)
{
    *ret_found = false;
    if (driver->parts.store == NULL) return true;
    struct err err;
    if (store_record_get(driver->parts.store, name, arena, ret_record, ret_found, &err)) {
        return true;
    }
    driver_store_failed(driver, &err);
    return false;
}
