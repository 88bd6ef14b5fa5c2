#include "images.h"

#include "hash.h"
#include "json.h"
#include "text.h"

struct image {
    struct digest key;
    struct image_facts facts; /* its strings are ours */
    int64_t put_ms;           /* monotonic */
    UT_hash_handle hh;
};

struct images {
    struct image *all; /* in the order in which they were asked for */
};

struct images *images_create(void)
{
    return xcalloc(1, sizeof(struct images));
}

/* uthash's macros count as this code. NOLINTBEGIN(readability-function-size) */

static void image_drop(struct images *images, struct image *image)
{
    HASH_DEL(images->all, image);
    xfree((char *)(uintptr_t)image->facts.text);
    xfree((char *)(uintptr_t)image->facts.digest);
    xfree(image);
}

void images_forget(struct images *images)
{
    while (images->all != NULL) {
        image_drop(images, images->all);
    }
}

void images_destroy(struct images *images)
{
    if (images == NULL) return;
    images_forget(images);
    xfree(images);
}

bool images_key(const struct value *spec, enum image_cpu cpu, struct digest *ret_key)
{
    enum { KEY_MAX = 1 << 20 };
    const struct value *image = value_get(spec, "docker_image");
    if (value_get_text(image, "url") == NULL) return false;
    AUTO_BUF struct buf json = BUF_INIT(KEY_MAX);
    json_write(image, &json); /* secrets by their hashes */
    buf_addf(&json, " %s", image_cpu_name(cpu));
    *ret_key = digest_of(buf_text(&json), json.len);
    return true;
}

static struct image *find(const struct images *images, const struct digest *key)
{
    struct image *image = NULL;
    HASH_FIND(hh, images->all, key->bytes, DIGEST_BYTES, image);
    return image;
}

struct image_facts images_get(const struct images *images, const struct digest *key, int64_t now_ms,
                              int64_t age_max_ms, int64_t *ret_left_ms)
{
    const struct image *image = find(images, key);
    struct image_facts nothing = { .verdict = IMAGE_UNASKED };
    *ret_left_ms = 0;
    if (image == NULL) return nothing;
    const struct image_facts *facts = &image->facts;
    bool is_good = image_class_of(facts->verdict) == IMAGE_CLASS_GOOD;
    int64_t wait_ms = facts->ask_again_ms - facts->asked_ms;
    if (wait_ms < IMAGES_AGAIN_MIN_MS) wait_ms = IMAGES_AGAIN_MIN_MS;
    *ret_left_ms = image->put_ms + (is_good ? age_max_ms : wait_ms) - now_ms;
    return *ret_left_ms > 0 ? *facts : nothing;
}

void images_put(struct images *images, const struct digest *key, const struct image_facts *facts,
                int64_t now_ms)
{
    struct image *before = find(images, key);
    if (before != NULL) image_drop(images, before);
    if (HASH_COUNT(images->all) >= IMAGES_MAX) image_drop(images, images->all);
    struct image *image = xcalloc(1, sizeof(*image));
    image->key = *key;
    image->put_ms = now_ms;
    image->facts = *facts;
    image->facts.text = facts->text == NULL ? NULL : xstrdup(facts->text);
    image->facts.digest = facts->digest == NULL ? NULL : xstrdup(facts->digest);
    HASH_ADD(hh, images->all, key.bytes, DIGEST_BYTES, image);
}

/* NOLINTEND(readability-function-size) */
