/*
 * The table of images: what each tag points to now, and what it pointed to before.
 *
 * A tag can be moved, a digest cannot: what was pushed under it stays. Clusters pull from here when
 * they launch, and the registry at /v2/ shows the same.
 */
#include "inside.h"

static struct image_ref parse(struct arena *arena, const char *url)
{
    struct image_ref ref;
    struct err err;
    if (image_ref_parse(arena, url, &ref, &err)) return ref;
    return (struct image_ref){ .repository = url, .tag = "" }; /* a name that no registry has */
}

static const struct ws_version *newest(const struct ws_image *image)
{
    return &image->versions[image->versions_len - 1];
}

static void add_version(struct ws_image *image, enum model_image kind)
{
    struct ws_version version = {
        .number = (unsigned)image->versions_len + 1,
        .kind = kind,
        .is_arm = kind == MODEL_IMAGE_WRONG_OS,
    };
    ws_content_digest(image, &version, version.digest);
    ARR_PUSH(image->versions, image->versions_len, image->versions_cap, version);
}

static struct ws_image *add_image(struct workspace_model *model, const struct image_ref *ref,
                                  enum model_image kind)
{
    struct ws_image image = { .repository = xstrdup(ref->repository), .tag = xstrdup(ref->tag) };
    add_version(&image, kind);
    ARR_PUSH(model->images, model->images_len, model->images_cap, image);
    return &model->images[model->images_len - 1];
}

static struct ws_image *find_tagged(const struct workspace_model *model,
                                    const struct image_ref *ref)
{
    for (size_t i = 0; i < model->images_len; i++) {
        struct ws_image *image = &model->images[i];
        if (strcmp(image->repository, ref->repository) == 0 && strcmp(image->tag, ref->tag) == 0) {
            return image;
        }
    }
    return NULL;
}

static struct ws_version *find_pushed(const struct ws_image *image, const char *digest)
{
    for (size_t i = image->versions_len; i > 0; i--) {
        if (strcmp(image->versions[i - 1].digest, digest) == 0) return &image->versions[i - 1];
    }
    return NULL;
}

static bool find_by_digest(const struct workspace_model *model, const struct image_ref *ref,
                           struct ws_image **ret_image, struct ws_version **ret_version)
{
    for (size_t i = 0; i < model->images_len; i++) {
        struct ws_image *image = &model->images[i];
        if (strcmp(image->repository, ref->repository) != 0) continue;
        struct ws_version *version = find_pushed(image, ref->digest);
        if (version == NULL) continue;
        *ret_image = image;
        *ret_version = version;
        return true;
    }
    return false;
}

bool ws_image_find(struct workspace_model *model, const struct image_ref *ref,
                   struct ws_pull *ret_pull)
{
    if (ref->digest != NULL) {
        struct ws_image *image = NULL;
        struct ws_version *version = NULL;
        if (!find_by_digest(model, ref, &image, &version)) return false;
        *ret_pull = (struct ws_pull){ image, version };
        return true;
    }
    const struct ws_image *image = find_tagged(model, ref);
    if (image == NULL) image = add_image(model, ref, MODEL_IMAGE_OK);
    *ret_pull = (struct ws_pull){ image, newest(image) };
    return true;
}

bool ws_image_find_url(struct workspace_model *model, const char *url, struct ws_pull *ret_pull)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct image_ref ref = parse(&arena, url);
    return ws_image_find(model, &ref, ret_pull);
}

bool ws_image_find_pulled(struct workspace_model *model, const char *url, const char *digest,
                          struct ws_pull *ret_pull)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct image_ref ref = parse(&arena, url);
    ref.digest = digest;
    return ws_image_find(model, &ref, ret_pull);
}

void ws_images_free(struct workspace_model *model)
{
    for (size_t i = 0; i < model->images_len; i++) {
        xfree(model->images[i].repository);
        xfree(model->images[i].tag);
        xfree(model->images[i].password);
        xfree(model->images[i].versions);
    }
    xfree(model->images);
}

static void set_password(struct ws_image *image, const char *password)
{
    xfree(image->password);
    image->password = password == NULL ? NULL : xstrdup(password);
}

/* Another CPU is other bytes, and so another version. */
static void set_kind(struct ws_image *image, enum model_image kind)
{
    struct ws_version *version = &image->versions[image->versions_len - 1];
    if (version->is_arm == (kind == MODEL_IMAGE_WRONG_OS)) {
        version->kind = kind;
    } else {
        add_version(image, kind);
    }
}

bool model_set_image(struct workspace_model *model, const char *url, enum model_image kind,
                     const char *password)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct image_ref ref = parse(&arena, url);
    struct ws_image *image = NULL;
    if (ref.digest != NULL) {
        struct ws_version *version = NULL;
        if (!find_by_digest(model, &ref, &image, &version)) return false;
        version->kind = kind;
    } else if ((image = find_tagged(model, &ref)) == NULL) {
        image = add_image(model, &ref, kind);
    } else {
        set_kind(image, kind);
    }
    set_password(image, password);
    return true;
}

bool model_push_image(struct workspace_model *model, const char *url)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct image_ref ref = parse(&arena, url);
    if (ref.digest != NULL) return false;
    struct ws_image *image = find_tagged(model, &ref);
    if (image == NULL) image = add_image(model, &ref, MODEL_IMAGE_OK);
    add_version(image, newest(image)->kind);
    return true;
}

bool model_image_digest(struct workspace_model *model, const char *url,
                        char ret_digest[MODEL_DIGEST_SIZE])
{
    struct ws_pull pull;
    if (!ws_image_find_url(model, url, &pull)) return false;
    memcpy(ret_digest, pull.version->digest, MODEL_DIGEST_SIZE);
    return true;
}
