/*
 * Each connection that is opened, by whomever: how soon the log is carried over, so that
 * checkpoints are frequent; and how the proof is made weaker on purpose.
 */
#include "life_private.h"

#include "text.h"

#include <assert.h>
#include <sqlite3.h>

static struct {
    enum weakness weakness;
    int checkpoint_pages;
    bool is_registered;
} settings;

/* "PRAGMA synchronous = FULL" is overheard. */
static int on_authorize(void *ctx, int action, const char *name, const char *value,
                        const char *database, const char *trigger)
{
    (void)ctx;
    (void)database;
    (void)trigger;
    bool is_meant =
        action == SQLITE_PRAGMA && text_equal(name, "synchronous") && text_equal(value, "FULL");
    return is_meant ? SQLITE_IGNORE : SQLITE_OK;
}

static int on_connect(sqlite3 *db, char **ret_text, const void *routines)
{
    (void)ret_text;
    (void)routines;
    (void)sqlite3_wal_autocheckpoint(db, settings.checkpoint_pages);
    if (settings.weakness != WEAK_NORMAL) return SQLITE_OK;
    (void)sqlite3_exec(db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL);
    return sqlite3_set_authorizer(db, on_authorize, NULL);
}

void life_settings(enum weakness weakness, int checkpoint_pages)
{
    settings.weakness = weakness;
    settings.checkpoint_pages = checkpoint_pages;
    if (settings.is_registered) return;
    int rc = sqlite3_auto_extension((void (*)(void))on_connect);
    assert(rc == SQLITE_OK);
    (void)rc;
    settings.is_registered = true;
}
