#include "fleet.h"

#include "hash.h"
#include "text.h"

#include <assert.h>

/* Kept out of struct cluster, so that only this file knows the hash table. */
struct fleet_links {
    struct cluster *cluster;
    UT_hash_handle hh; /* fleet.by_name */
};

/* A cluster ID, and whose it is. */
struct id_link {
    char *id;
    struct cluster *cluster;
    UT_hash_handle hh; /* fleet.by_id */
};

struct fleet {
    struct fleet_links *by_name;
    struct id_link *by_id;
    size_t desired, settled; /* counted, since each notice tells them */
};

struct fleet *fleet_create(void)
{
    return xcalloc(1, sizeof(struct fleet));
}

/* uthash's macros count as this code. NOLINTBEGIN(readability-function-size) */
static void unlink_id(struct fleet *fleet, const struct cluster *cluster, const char *id)
{
    struct id_link *link = NULL;
    HASH_FIND_STR(fleet->by_id, id, link);
    if (link == NULL || link->cluster != cluster) return;
    HASH_DEL(fleet->by_id, link);
    xfree(link->id);
    xfree(link);
}

static void link_id(struct fleet *fleet, struct cluster *cluster, const char *id)
{
    struct id_link *link = NULL;
    HASH_FIND_STR(fleet->by_id, id, link);
    if (link != NULL) {
        link->cluster = cluster;
        return;
    }
    link = xcalloc(1, sizeof(*link));
    link->id = xstrdup(id);
    link->cluster = cluster;
    HASH_ADD_KEYPTR(hh, fleet->by_id, link->id, strlen(link->id), link);
}

static void cluster_destroy(struct fleet *fleet, struct cluster *cluster)
{
    if (cluster->cluster_id != NULL) unlink_id(fleet, cluster, cluster->cluster_id);
    if (cluster->predecessor_id != NULL) unlink_id(fleet, cluster, cluster->predecessor_id);
    for (size_t i = 0; i < cluster->sighted_len; i++) {
        unlink_id(fleet, cluster, cluster->sighted[i].cluster_id);
        xfree(cluster->sighted[i].cluster_id);
    }
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the last one has no neighbours */
    HASH_DEL(fleet->by_name, cluster->links);
    xfree(cluster->links);
    xfree(cluster->sighted);
    xfree(cluster->cluster_id);
    xfree(cluster->predecessor_id);
    xfree(cluster->stale_id);
    xfree(cluster->name);
    xfree(cluster);
}

void fleet_destroy(struct fleet *fleet)
{
    if (fleet == NULL) return;
    struct fleet_links *links = fleet->by_name;
    while (links != NULL) {
        struct cluster *cluster = links->cluster;
        links = links->hh.next;
        cluster_destroy(fleet, cluster);
    }
    assert(fleet->by_id == NULL);
    xfree(fleet);
}

struct cluster *fleet_find(const struct fleet *fleet, const char *name)
{
    struct fleet_links *links = NULL;
    HASH_FIND_STR(fleet->by_name, name, links);
    return links == NULL ? NULL : links->cluster;
}

struct cluster *fleet_find_id(const struct fleet *fleet, const char *cluster_id)
{
    struct id_link *link = NULL;
    HASH_FIND_STR(fleet->by_id, cluster_id, link);
    return link == NULL ? NULL : link->cluster;
}

struct cluster *fleet_get(struct fleet *fleet, const char *name)
{
    struct cluster *cluster = fleet_find(fleet, name);
    if (cluster != NULL) return cluster;
    cluster = xcalloc(1, sizeof(*cluster));
    cluster->name = xstrdup(name);
    cluster->links = xcalloc(1, sizeof(*cluster->links));
    cluster->links->cluster = cluster;
    HASH_ADD_KEYPTR(hh, fleet->by_name, cluster->name, strlen(cluster->name), cluster->links);
    return cluster;
}

/* NOLINTEND(readability-function-size) */

bool fleet_forget(struct fleet *fleet, struct cluster *cluster)
{
    if (cluster->is_desired || cluster->is_recorded || cluster->sighted_len > 0 ||
        cluster->flight != NULL) {
        return false;
    }
    cluster_destroy(fleet, cluster);
    return true;
}

size_t fleet_len(const struct fleet *fleet)
{
    return HASH_COUNT(fleet->by_name);
}

struct cluster *fleet_first(const struct fleet *fleet)
{
    return fleet->by_name == NULL ? NULL : fleet->by_name->cluster;
}

struct cluster *fleet_next(const struct cluster *cluster)
{
    const struct fleet_links *next = cluster->links->hh.next;
    return next == NULL ? NULL : next->cluster;
}

void fleet_count(const struct fleet *fleet, size_t *ret_desired, size_t *ret_settled)
{
    *ret_desired = fleet->desired;
    *ret_settled = fleet->settled;
}

void fleet_settle(struct fleet *fleet, struct cluster *cluster, bool is_settled)
{
    if (cluster->is_desired && cluster->is_settled) fleet->settled--;
    cluster->is_settled = is_settled;
    if (cluster->is_desired && cluster->is_settled) fleet->settled++;
}

static void set_desired(struct fleet *fleet, struct cluster *cluster, bool is_desired)
{
    if (cluster->is_desired == is_desired) return;
    bool is_settled = cluster->is_settled;
    fleet_settle(fleet, cluster, false);
    cluster->is_desired = is_desired;
    fleet->desired += is_desired ? 1 : (size_t)-1;
    fleet_settle(fleet, cluster, is_settled);
}

void fleet_take_entry(struct fleet *fleet, struct cluster *cluster, const struct entry *entry,
                      int64_t now_ms)
{
    bool same = cluster->is_desired && digest_equal(&cluster->desired, &entry->whole);
    set_desired(fleet, cluster, true);
    cluster->desired = entry->whole;
    if (!same) cluster->due_ms = now_ms;
}

void fleet_take_catalogue(struct fleet *fleet, struct catalogue *catalogue, int64_t now_ms)
{
    size_t len = 0;
    const struct entry *entries = catalogue_entries(catalogue, &len);
    for (size_t i = 0; i < len; i++) {
        fleet_take_entry(fleet, fleet_get(fleet, entries[i].name), &entries[i], now_ms);
    }
    for (struct cluster *cluster = fleet_first(fleet); cluster != NULL;
         cluster = fleet_next(cluster)) {
        if (!cluster->is_desired || catalogue_find(catalogue, cluster->name) != NULL) continue;
        set_desired(fleet, cluster, false);
        cluster->due_ms = now_ms;
    }
}

static bool is_sighted(const struct cluster *cluster, const char *cluster_id)
{
    for (size_t i = 0; i < cluster->sighted_len; i++) {
        if (strcmp(cluster->sighted[i].cluster_id, cluster_id) == 0) return true;
    }
    return false;
}

/* An ID is linked as long as the record names it or the workspace shows it. */
static void unlink_unused(struct fleet *fleet, const struct cluster *cluster, const char *id)
{
    if (text_equal(cluster->cluster_id, id) || text_equal(cluster->predecessor_id, id)) return;
    if (!is_sighted(cluster, id)) unlink_id(fleet, cluster, id);
}

static void set_id(struct fleet *fleet, struct cluster *cluster, char **slot, const char *id)
{
    if (text_equal(*slot, id)) return;
    AUTO(xfree) char *old = *slot;
    *slot = id == NULL ? NULL : xstrdup(id);
    if (id != NULL) link_id(fleet, cluster, id);
    if (old != NULL) unlink_unused(fleet, cluster, old);
}

/* The parts of a record that a decision looks at. */
static struct digest record_digest(const struct record *record)
{
    const char *const texts[] = { record->failed_id,      record->good_digest,
                                  record->image_digest,   record->failed_image,
                                  record->cluster_id,     record->predecessor_id,
                                  record->applied_digest, record->pending_digest,
                                  record->failed_digest,  record->operation,
                                  record->libraries,      record->permissions };
    const int64_t numbers[] = { record->phase,          record->pinned,
                                record->prune,          record->adopted,
                                record->clean_listings, record->failures,
                                record->retry_at_ms,    record->ran,
                                record->rollback };
    AUTO(hasher_destroy) struct hasher *hasher = hasher_create();
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const char *text = texts[i] == NULL ? "" : texts[i];
        hasher_add(hasher, text, strlen(text) + 1);
    }
    hasher_add(hasher, numbers, sizeof(numbers));
    return hasher_take(hasher);
}

void fleet_take_record(struct fleet *fleet, struct cluster *cluster, const struct record *record)
{
    cluster->is_recorded = record != NULL;
    set_id(fleet, cluster, &cluster->cluster_id, record == NULL ? NULL : record->cluster_id);
    set_id(fleet, cluster, &cluster->predecessor_id,
           record == NULL ? NULL : record->predecessor_id);
    cluster->phase = record == NULL ? PHASE_NONE : record->phase;
    cluster->recorded = (struct digest){ 0 };
    if (record != NULL) cluster->recorded = record_digest(record);
}

bool fleet_take_sighting(struct fleet *fleet, struct cluster *cluster, const char *cluster_id,
                         const struct digest *digest, uint64_t listing)
{
    for (size_t i = 0; i < cluster->sighted_len; i++) {
        struct sighted *sighted = &cluster->sighted[i];
        if (strcmp(sighted->cluster_id, cluster_id) != 0) continue;
        bool same = digest_equal(&sighted->digest, digest);
        sighted->digest = *digest;
        sighted->listing = listing;
        return !same;
    }
    struct sighted sighted = { xstrdup(cluster_id), *digest, listing };
    /* One, nearly always: room for more would be most of what a cluster costs. */
    cluster->sighted =
        xrealloc(cluster->sighted, (cluster->sighted_len + 1) * sizeof(cluster->sighted[0]));
    cluster->sighted[cluster->sighted_len++] = sighted;
    link_id(fleet, cluster, cluster_id);
    return true;
}

void fleet_mark_stale(struct cluster *cluster, const char *cluster_id)
{
    xfree(cluster->stale_id);
    cluster->stale_id = cluster_id == NULL ? NULL : xstrdup(cluster_id);
    cluster->is_stale = true;
}

const char *fleet_stale_id(const struct cluster *cluster)
{
    return cluster->stale_id != NULL ? cluster->stale_id : cluster->cluster_id;
}

void fleet_drop_sighting(struct fleet *fleet, const char *cluster_id)
{
    struct cluster *cluster = fleet_find_id(fleet, cluster_id);
    if (cluster == NULL) return;
    for (size_t i = 0; i < cluster->sighted_len; i++) {
        if (strcmp(cluster->sighted[i].cluster_id, cluster_id) != 0) continue;
        AUTO(xfree) char *id = cluster->sighted[i].cluster_id;
        cluster->sighted[i] = cluster->sighted[--cluster->sighted_len];
        unlink_unused(fleet, cluster, id);
        return;
    }
}

struct digest fleet_inputs_digest(const struct cluster *cluster, const void *policy,
                                  size_t policy_len)
{
    AUTO(hasher_destroy) struct hasher *hasher = hasher_create();
    hasher_add(hasher, policy, policy_len);
    hasher_add(hasher, cluster->desired.bytes, cluster->is_desired ? DIGEST_BYTES : 0);
    hasher_add(hasher, cluster->recorded.bytes, cluster->is_recorded ? DIGEST_BYTES : 0);
    for (size_t i = 0; i < cluster->sighted_len; i++) {
        const struct sighted *sighted = &cluster->sighted[i];
        hasher_add(hasher, sighted->cluster_id, strlen(sighted->cluster_id) + 1);
        hasher_add(hasher, sighted->digest.bytes, DIGEST_BYTES);
    }
    return hasher_take(hasher);
}
