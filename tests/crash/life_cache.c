/*
 * The cache beside the store. It is written without syncs and may lose anything; but it always
 * opens, and what it gives back was put into it once.
 */
#include "life_private.h"

#include <stdio.h>

enum { CLUSTERS = 8, TEXT_MAX = 64 * 1024 };

static void remember(struct life *life, const char *text)
{
    if (life->seen_len < SEEN_MAX) life->seen[life->seen_len++] = xstrdup(text);
}

static bool was_put(const struct life *life, const char *text)
{
    for (size_t i = 0; i < life->seen_len; i++) {
        if (strcmp(life->seen[i], text) == 0) return true;
    }
    return false;
}

static void make_text(struct life *life, const char *key, struct buf *out)
{
    static const uint64_t sizes[] = { 100, 1000, 9000 };
    uint64_t words = 1 + life_draw(life, sizes[life_draw(life, COUNT_OF(sizes))]) / 16;
    char word[17];
    buf_addf(out, "%s ", key);
    prng_text(&life->prng, word, 16);
    for (uint64_t i = 0; i < words; i++) {
        buf_addf(out, "%s%llu,", word, (unsigned long long)i);
    }
}

static bool put_sighting(struct life *life, struct err *err)
{
    AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX);
    char id[32];
    (void)snprintf(id, sizeof(id), "1125-%llu", (unsigned long long)life_draw(life, CLUSTERS));
    make_text(life, id, &text);
    struct sighting sighting = { .cluster_id = id, .json = buf_text(&text) + strlen(id) + 1 };
    sighting.digest = digest_of(sighting.json, strlen(sighting.json));
    remember(life, buf_text(&text));
    return cache_put(life->cache, &sighting, err);
}

static bool put_blob(struct life *life, struct err *err)
{
    AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX);
    make_text(life, "catalogue", &text);
    remember(life, buf_text(&text));
    const char *bytes = buf_text(&text) + strlen("catalogue ");
    return cache_blob_put(life->cache, "catalogue", bytes, strlen(bytes), err);
}

static bool write_cache(struct life *life, struct err *err)
{
    uint64_t rows = 1 + life_draw(life, CLUSTERS);
    if (life_draw(life, 3) == 0) return put_blob(life, err);
    if (!cache_listing_begin(life->cache, err)) return false;
    for (uint64_t i = 0; i < rows; i++) {
        if (!put_sighting(life, err)) return false;
    }
    return cache_listing_end(life->cache, life_draw(life, 2) == 0, ++life->clock, err);
}

void life_cache_use(struct life *life)
{
    struct err err;
    life_begins(life, MOMENT_CACHE);
    bool is_written = write_cache(life, &err) || disk_cut_has_struck(&life->cut);
    if (!is_written && life->order->checks_cache) {
        life_fail(life, "the cache cannot be written: %s", err.text);
    }
}

static bool check_sighting(void *ctx, const struct sighting *sighting)
{
    struct life *life = ctx;
    AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX);
    buf_addf(&text, "%s %s", sighting->cluster_id, sighting->json);
    if (was_put(life, buf_text(&text))) return true;
    life_fail(life, "the cache gives back what was never put into it: %.60s", buf_text(&text));
    return false;
}

void life_cache_check(struct life *life)
{
    if (!life->order->checks_cache) return;
    AUTO_ARENA struct arena arena = ARENA_INIT;
    const char *bytes = NULL;
    size_t len = 0;
    struct err err;
    if (!cache_each(life->cache, check_sighting, life, &err)) {
        life_tell(life, "the cache is damaged: %s", err.text);
    }
    if (!cache_blob_get(life->cache, "catalogue", &arena, &bytes, &len, &err)) {
        life_tell(life, "the cache is damaged: %s", err.text);
        return;
    }
    if (bytes == NULL) return;
    AUTO_BUF struct buf text = BUF_INIT(TEXT_MAX);
    buf_addf(&text, "catalogue %.*s", (int)len, bytes);
    if (!was_put(life, buf_text(&text))) life_fail(life, "the cache gives back another blob");
}
