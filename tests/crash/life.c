#include "life_private.h"

#include "text.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

const char *moment_name(enum moment moment)
{
    static const char *const names[MOMENT_COUNT] = {
        [MOMENT_MAKE] = "make and migrate",
        [MOMENT_OPEN] = "open and recover",
        [MOMENT_TURN] = "turn",
        [MOMENT_COMMIT] = "commit",
        [MOMENT_CHECKPOINT] = "checkpoint",
        [MOMENT_CLOSE] = "close",
        [MOMENT_CACHE] = "cache",
        [MOMENT_IDLE] = "idle",
    };
    return names[moment];
}

void life_tell(const struct life *life, const char *fmt, ...)
{
    if (!life->order->is_traced) return;
    va_list args;
    va_start(args, fmt);
    (void)printf("[%6llu] ", (unsigned long long)life->cut.deeds);
    (void)vprintf(fmt, args);
    (void)putchar('\n');
    va_end(args);
}

void life_fail(struct life *life, const char *fmt, ...)
{
    struct life_result *result = life->result;
    if (result->has_failed) return;
    result->has_failed = true;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(result->failure, sizeof(result->failure), fmt, args);
    va_end(args);
    life_tell(life, "FAILED: %s", result->failure);
}

uint64_t life_draw(struct life *life, uint64_t bound)
{
    return prng_below(&life->prng, bound);
}

/* ---- how it dies ---- */

/* What the end is aimed at: the moment, and within how many deeds of it. */
static const struct aim {
    uint64_t weight; /* of 100 */
    enum moment moment;
    uint64_t span, skip; /* so many deeds, so many such moments later, at most */
} aims[] = {
    { 14, MOMENT_OPEN, 2, 1 },        { 14, MOMENT_TURN, 900, 2 }, { 25, MOMENT_COMMIT, 20, 6 },
    { 20, MOMENT_CHECKPOINT, 16, 6 }, { 14, MOMENT_CLOSE, 6, 1 },  { 6, MOMENT_CACHE, 30, 3 },
    { 7, MOMENT_IDLE, 1, 1 },
};

static void aim_at(struct life *life, const struct aim *aim)
{
    life->aim = aim->moment;
    life->aim_skips = life_draw(life, aim->skip);
    life->aim_deeds = (int64_t)life_draw(life, aim->span);
    life_tell(life, "the end comes at %s, after %llu such, in %lld deeds", moment_name(aim->moment),
              (unsigned long long)life->aim_skips, (long long)life->aim_deeds);
}

static void draw_aim(struct life *life)
{
    uint64_t drawn = life_draw(life, 100);
    size_t at = 0;
    if (!life->has_key && drawn < 70) drawn = 0; /* while there is no file: in its making */
    while (drawn >= aims[at].weight) {
        drawn -= aims[at++].weight;
    }
    aim_at(life, &aims[at]);
}

void life_begins(struct life *life, enum moment moment)
{
    life->doing = moment;
    bool is_made = moment == MOMENT_MAKE && life->aim == MOMENT_OPEN;
    bool is_carried = moment == MOMENT_COMMIT && life->aim == MOMENT_CHECKPOINT;
    if (life->aim != moment && !is_made && !is_carried) return;
    if (life->aim_skips-- > 0) return;
    struct cut_aim aim = {
        .deeds = is_made ? (int64_t)life_draw(life, 60) : life->aim_deeds,
        .only = is_carried ? life->order->path : NULL,
        .except = moment == MOMENT_CACHE ? NULL : ".cache",
    };
    disk_cut_arm(&life->cut, aim);
    life->aim = MOMENT_COUNT;
}

/* What was meant to end in the midst of it has come to its end: then just after. */
static void ends(struct life *life)
{
    if (disk_cut_is_armed(&life->cut)) disk_cut_strike(&life->cut);
}

bool life_aims_at(const struct life *life, enum moment moment)
{
    return life->aim == moment;
}

static bool is_dead(const struct life *life)
{
    return disk_cut_has_struck(&life->cut);
}

/* The file that was written to tells what SQLite was at. */
static enum moment moment_of(const struct life *life)
{
    const char *path = life->cut.path;
    bool is_cache = text_ends(path, ".cache") || strstr(path, ".cache-") != NULL;
    bool is_file = strcmp(path, life->order->path) == 0;
    bool is_settled = life->doing != MOMENT_MAKE && life->doing != MOMENT_OPEN;
    if (path[0] == '\0') return MOMENT_IDLE;
    if (is_cache) return MOMENT_CACHE;
    return is_file && is_settled ? MOMENT_CHECKPOINT : life->doing;
}

static void leave(struct life *life)
{
    cache_close(life->cache);
    store_close(life->store);
    life->cache = NULL;
    life->store = NULL;
}

/* The process is gone; of the machine's power it depends what is found. */
static void die(struct life *life, bool was_power)
{
    if (!is_dead(life)) disk_cut_strike(&life->cut);
    enum moment moment = moment_of(life);
    leave(life);
    if (was_power) {
        life->result->cuts[moment]++;
        disk_cut_mend(&life->cut);
    } else {
        life->result->kills++;
        disk_cut_spare(&life->cut);
    }
    life_tell(life, "%s: %s %s", was_power ? "power cut" : "killed", moment_name(moment),
              life->cut.path);
}

/* ---- what it does ---- */

static bool come_up(struct life *life)
{
    struct err err;
    life_begins(life, life->has_key ? MOMENT_OPEN : MOMENT_MAKE);
    if (!store_open(life->order->path, STORE_WRITE, LIFE_WORKSPACE, "run", &life->store, &err)) {
        if (!is_dead(life)) life_fail(life, "it does not open: %s", err.text);
        return false;
    }
    if (is_dead(life)) return false;
    if (!life->has_key) store_secret_key(life->store, life->key);
    life->has_key = true;
    ends(life);
    if (!cache_open(life->order->path, &life->cache, &err) && !is_dead(life)) {
        life_fail(life, "the cache does not open: %s", err.text);
    }
    return !is_dead(life) && !life->result->has_failed;
}

static void go_on(struct life *life)
{
    enum { TURNS_LEAST = 3, TURNS_DRAWN = 10 };
    bool is_fresh = life_aims_at(life, MOMENT_OPEN) && life->store != NULL;
    if (is_fresh) {
        life_begins(life, MOMENT_CLOSE);
        leave(life);
        ends(life);
    }
    if (life->store == NULL && !come_up(life)) return;
    uint64_t turns = TURNS_LEAST + life_draw(life, TURNS_DRAWN);
    for (uint64_t i = 0; i < turns && !is_dead(life) && !life->result->has_failed; i++) {
        life_turn(life);
        if (!is_dead(life) && life_draw(life, 3) == 0) life_cache_use(life);
    }
    bool closes = life_aims_at(life, MOMENT_CLOSE) || life_draw(life, 3) == 0;
    if (is_dead(life) || life->result->has_failed || !closes) return;
    life_begins(life, MOMENT_CLOSE);
    leave(life);
    ends(life);
}

/* On a disk with power again; it may go once more before all is up. */
static void come_back(struct life *life, bool was_power)
{
    life->aim = MOMENT_COUNT;
    while (life_draw(life, 4) == 0 && !life->result->has_failed) {
        aim_at(life, &aims[0]);
        if (come_up(life)) {
            disk_cut_spare(&life->cut);
            break;
        }
        if (life->result->has_failed) return;
        bool is_power = life_draw(life, 4) != 0;
        die(life, is_power);
        was_power = was_power || is_power;
    }
    life->aim = MOMENT_COUNT;
    if (life->result->has_failed || (life->store == NULL && !come_up(life))) return;
    life_check(life, was_power);
    if (!life->result->has_failed) life_cache_check(life);
}

static unsigned cuts_of(const struct life_result *result)
{
    unsigned cuts = 0;
    for (size_t i = 0; i < MOMENT_COUNT; i++) {
        cuts += result->cuts[i];
    }
    return cuts;
}

void life_run(const struct life_order *order, struct life_result *ret_result)
{
    struct life *life = xcalloc(1, sizeof(*life));
    *ret_result = (struct life_result){ .has_failed = false };
    life->order = order;
    life->result = ret_result;
    life->disk.writes_left = -1;
    life->books_len = 1;
    prng_init(&life->prng, order->seed);
    life_settings(order->weakness, (int)(1 + life_draw(life, 3) * life_draw(life, 60)));
    disk_use(&life->disk);
    disk_cut_init(&life->cut, &life->disk, prng_next(&life->prng));
    life->cut.ignores_sync = order->weakness == WEAK_NOSYNC;
    while (!ret_result->has_failed && cuts_of(ret_result) < order->cuts_max) {
        draw_aim(life);
        go_on(life);
        if (ret_result->has_failed) break;
        bool was_power = life_draw(life, 5) != 0;
        die(life, was_power);
        come_back(life, was_power);
    }
    leave(life);
    for (size_t i = 0; i < life->books_len; i++) {
        book_release(&life->books[i]);
    }
    for (size_t i = 0; i < life->seen_len; i++) {
        xfree(life->seen[i]);
    }
    disk_cut_release(&life->cut);
    disk_release(&life->disk);
    xfree(life);
}
