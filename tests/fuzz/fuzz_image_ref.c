/*
 * Image references: what is taken is printed and taken again, as the same; the limits of the
 * grammar hold for whatever comes out.
 */
#include "fuzz.h"

#include "image_ref.h"
#include "text.h"

/* In full, so that nothing is left to a default. */
static const char *print(struct arena *arena, const struct image_ref *ref)
{
    return arena_printf(arena, "%s/%s%s%s%s%s", ref->host, ref->repository,
                        ref->tag == NULL ? "" : ":", ref->tag == NULL ? "" : ref->tag,
                        ref->digest == NULL ? "" : "@", ref->digest == NULL ? "" : ref->digest);
}

static void expect_limits(const struct image_ref *ref)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789._-/";
    const char *path = ref->repository;
    FUZZ_EXPECT(ref->host[0] != '\0', "a reference without a host");
    FUZZ_EXPECT(strpbrk(ref->host, "/@ \t\r\n") == NULL, "no host: %s", ref->host);
    FUZZ_EXPECT(strlen(path) <= IMAGE_PATH_MAX, "a path of %zu bytes", strlen(path));
    FUZZ_EXPECT(path[0] != '\0' && path[strspn(path, letters)] == '\0', "no path: %s", path);
    FUZZ_EXPECT(ref->tag != NULL || ref->digest != NULL, "neither tag nor digest");
    FUZZ_EXPECT(!ref->tag_written || ref->tag != NULL, "a tag that was written is lost");
    if (ref->tag != NULL) {
        size_t len = strlen(ref->tag);
        FUZZ_EXPECT(len > 0 && len <= IMAGE_TAG_MAX, "a tag of %zu bytes", len);
        FUZZ_EXPECT(strpbrk(ref->tag, "/@: +") == NULL, "no tag: %s", ref->tag);
    }
    FUZZ_EXPECT(ref->digest == NULL || strchr(ref->digest, ':') != NULL, "no digest");
    FUZZ_EXPECT(registry_kind_name(ref->kind) != NULL, "a registry without a name");
}

static void expect_same(const struct image_ref *a, const struct image_ref *b, const char *text)
{
    bool is_same = a->kind == b->kind && text_equal(a->host, b->host) &&
                   text_equal(a->repository, b->repository) && text_equal(a->tag, b->tag) &&
                   text_equal(a->digest, b->digest);
    FUZZ_EXPECT(is_same, "%s is another reference when it is read again", text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct image_ref ref, again;
    struct err err;
    const char *text = arena_strndup(&arena, (const char *)data, size);
    if (!image_ref_parse(&arena, text, &ref, &err)) {
        fuzz_expect_message("a refusal", err.text);
        FUZZ_EXPECT(err.code == ERR_REJECTED, "refused as %s", err_code_name(err.code));
        return 0;
    }
    expect_limits(&ref);
    const char *printed = print(&arena, &ref);
    FUZZ_EXPECT(image_ref_parse(&arena, printed, &again, &err), "%s is taken, and %s is not: %s",
                text, printed, err.text);
    expect_same(&ref, &again, printed);
    return 0;
}
