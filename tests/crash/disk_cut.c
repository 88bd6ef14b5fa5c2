#include "disk_cut.h"

#include <assert.h>
#include <stdio.h>

/* A write or a truncation that may still be lost. */
struct change {
    bool is_write;
    size_t at, len; /* of a truncation `len` alone */
    unsigned char *bytes;
};

struct cut_file {
    char *path;
    unsigned char *bytes; /* as synced */
    size_t len, cap;
    struct change *changes; /* since then */
    size_t changes_len, changes_cap;
    bool syncs_name;      /* with its first sync */
    bool is_name_durable; /* the directory that bears its name is synced */
    bool is_deleted;      /* and that is not */
    struct cut_file *next;
};

/* What becomes of a change; a file draws how likely each is. */
struct odds {
    uint64_t keep, garble; /* of 100; what is left is dropped */
};

/* ---- files ---- */

static void file_destroy(struct cut_file *file)
{
    for (size_t i = 0; i < file->changes_len; i++) {
        xfree(file->changes[i].bytes);
    }
    xfree(file->changes);
    xfree(file->bytes);
    xfree(file->path);
    xfree(file);
}

/* The file that bears this name now. */
static struct cut_file *file_find(const struct disk_cut *cut, const char *path)
{
    struct cut_file *file = cut->files;
    while (file != NULL && (file->is_deleted || strcmp(file->path, path) != 0)) {
        file = file->next;
    }
    return file;
}

static struct cut_file *file_make(struct disk_cut *cut, const char *path)
{
    struct cut_file *file = xcalloc(1, sizeof(*file));
    file->path = xstrdup(path);
    file->next = cut->files;
    cut->files = file;
    return file;
}

static void resize(struct cut_file *file, size_t len)
{
    if (len > file->cap) {
        file->cap = 2 * len;
        file->bytes = xrealloc(file->bytes, file->cap);
    }
    if (len > file->len) memset(file->bytes + file->len, 0, len - file->len);
    file->len = len;
}

static void put(struct cut_file *file, size_t at, const unsigned char *bytes, size_t len)
{
    if (at + len > file->len) resize(file, at + len);
    memcpy(file->bytes + at, bytes, len);
}

static void add_change(struct cut_file *file, const struct disk_event *event)
{
    struct change change = {
        .is_write = event->deed == DISK_WRITE,
        .at = event->at,
        .len = event->len,
    };
    if (change.is_write) {
        change.bytes = xmalloc(event->len);
        memcpy(change.bytes, event->bytes, event->len);
    }
    ARR_PUSH(file->changes, file->changes_len, file->changes_cap, change);
}

static void forget_changes(struct cut_file *file)
{
    for (size_t i = 0; i < file->changes_len; i++) {
        xfree(file->changes[i].bytes);
    }
    file->changes_len = 0;
}

/* All of it is on the disk. */
static void settle(struct cut_file *file)
{
    for (size_t i = 0; i < file->changes_len; i++) {
        const struct change *change = &file->changes[i];
        if (change->is_write) {
            put(file, change->at, change->bytes, change->len);
        } else if (change->len < file->len) {
            resize(file, change->len);
        }
    }
    forget_changes(file);
}

/* The directory is synced: what was deleted is gone, what was made is there. */
static void settle_names(struct disk_cut *cut)
{
    struct cut_file **at = &cut->files;
    while (*at != NULL) {
        struct cut_file *file = *at;
        file->is_name_durable = true;
        if (!file->is_deleted) {
            at = &file->next;
            continue;
        }
        *at = file->next;
        file_destroy(file);
    }
}

/* ---- what is done while there is power ---- */

static void take_note(struct disk_cut *cut, const struct disk_event *event)
{
    struct cut_file *file = file_find(cut, event->path);
    assert((file == NULL) == (event->deed == DISK_MAKE));
    switch (event->deed) {
    case DISK_MAKE:
        file = file_make(cut, event->path);
        file->syncs_name = event->is_synced;
        file->is_name_durable = !event->is_synced;
        break;
    case DISK_WRITE:
    case DISK_TRUNCATE:
        add_change(file, event);
        break;
    case DISK_SYNC:
        if (cut->ignores_sync) break;
        settle(file);
        if (file->syncs_name) settle_names(cut);
        file->syncs_name = false;
        break;
    case DISK_DELETE:
        file->is_deleted = true;
        if (event->is_synced && !cut->ignores_sync) settle_names(cut);
        break;
    case DISK_DEED_COUNT:
        assert(false);
    }
}

static bool counts(const struct cut_aim *aim, const char *path)
{
    bool is_meant = aim->only == NULL || strcmp(aim->only, path) == 0;
    bool is_except = aim->except != NULL && strstr(path, aim->except) != NULL;
    return aim->deeds >= 0 && is_meant && !is_except;
}

static enum disk_verdict before(void *ctx, const struct disk_event *event)
{
    struct disk_cut *cut = ctx;
    cut->deeds++;
    bool is_near = counts(&cut->aim, event->path);
    if (is_near && cut->aim.deeds == 0) {
        cut->deed = event->deed;
        (void)snprintf(cut->path, sizeof(cut->path), "%s", event->path);
        cut->disk->is_dead = true;
        return DISK_FAILS;
    }
    if (is_near) cut->aim.deeds--;
    take_note(cut, event);
    return DISK_GOES_ON;
}

void disk_cut_init(struct disk_cut *cut, struct disk *disk, uint64_t seed)
{
    assert(disk->files == NULL);
    *cut = (struct disk_cut){ .disk = disk, .aim.deeds = -1 };
    cut->watch = (struct disk_watch){ before, cut };
    prng_init(&cut->prng, seed);
    disk->watch = &cut->watch;
}

void disk_cut_release(struct disk_cut *cut)
{
    while (cut->files != NULL) {
        struct cut_file *next = cut->files->next;
        file_destroy(cut->files);
        cut->files = next;
    }
    cut->disk->watch = NULL;
}

void disk_cut_arm(struct disk_cut *cut, struct cut_aim aim)
{
    cut->aim = aim;
}

bool disk_cut_is_armed(const struct disk_cut *cut)
{
    return cut->aim.deeds >= 0 && !cut->disk->is_dead;
}

void disk_cut_strike(struct disk_cut *cut)
{
    cut->path[0] = '\0';
    cut->disk->is_dead = true;
}

bool disk_cut_has_struck(const struct disk_cut *cut)
{
    return cut->disk->is_dead;
}

void disk_cut_spare(struct disk_cut *cut)
{
    cut->disk->is_dead = false;
    cut->aim.deeds = -1;
}

/* ---- what is found when it comes back ---- */

static void garble(struct prng *prng, struct cut_file *file, size_t at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        file->bytes[at + i] = (unsigned char)prng_next(prng);
    }
}

static void lose_write(struct prng *prng, struct cut_file *file, const struct change *change,
                       struct odds odds)
{
    size_t done = 0;
    while (done < change->len) {
        size_t at = change->at + done;
        size_t len = CUT_SECTOR - at % CUT_SECTOR;
        if (len > change->len - done) len = change->len - done;
        uint64_t drawn = prng_below(prng, 100);
        if (drawn < odds.keep + odds.garble) put(file, at, change->bytes + done, len);
        if (drawn >= odds.keep && drawn < odds.keep + odds.garble) garble(prng, file, at, len);
        done += len;
    }
}

static void lose(struct prng *prng, struct cut_file *file)
{
    static const struct odds rows[] = { { 100, 0 }, { 0, 0 },  { 50, 0 }, { 50, 25 },
                                        { 90, 5 },  { 10, 5 }, { 97, 3 } };
    struct odds odds = rows[prng_below(prng, COUNT_OF(rows))];
    for (size_t i = 0; i < file->changes_len; i++) {
        const struct change *change = &file->changes[i];
        if (change->is_write) {
            lose_write(prng, file, change, odds);
        } else if (prng_below(prng, 100) < odds.keep && change->len < file->len) {
            resize(file, change->len);
        }
    }
    forget_changes(file);
}

/*
 * Of those that bear one name, the one that is found under it; NULL: none. The names of a directory
 * change in their order: any state since its last sync may be the one that is found.
 */
static struct cut_file *choose(struct disk_cut *cut, const char *path)
{
    size_t bearers = 0;
    bool may_be_none = true; /* as long as no name of the chain is known to be there */
    struct cut_file *chosen = NULL;
    for (struct cut_file *file = cut->files; file != NULL; file = file->next) {
        if (strcmp(file->path, path) != 0) continue;
        if (file->is_name_durable && !file->is_deleted) may_be_none = false;
        if (prng_below(&cut->prng, ++bearers) == 0) chosen = file;
    }
    if (may_be_none && prng_below(&cut->prng, bearers + 1) == 0) return NULL;
    return chosen;
}

/* Takes all files out, and puts those back that are found. */
void disk_cut_mend(struct disk_cut *cut)
{
    assert(cut->disk->is_dead);
    struct cut_file *kept = NULL;
    while (cut->files != NULL) {
        char *path = xstrdup(cut->files->path);
        struct cut_file *chosen = choose(cut, path);
        struct cut_file **at = &cut->files;
        while (*at != NULL) {
            struct cut_file *file = *at;
            if (strcmp(file->path, path) != 0) {
                at = &file->next;
                continue;
            }
            *at = file->next;
            if (file != chosen) {
                file_destroy(file);
                continue;
            }
            file->next = kept;
            kept = file;
        }
        disk_remove(cut->disk, path);
        xfree(path);
    }
    cut->files = kept;
    for (struct cut_file *file = kept; file != NULL; file = file->next) {
        lose(&cut->prng, file);
        file->is_deleted = file->syncs_name = false;
        file->is_name_durable = true;
        disk_put(cut->disk, file->path, file->bytes, file->len);
    }
    disk_cut_spare(cut);
}
