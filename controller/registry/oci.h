/*
 * oci: the documents of a registry: index, manifest, configuration, token, error, list of tags.
 * Pure: bytes in, values out; untrusted: capped, checked in shape, unknown members passed over.
 * Facts: container-registry.md 4-7, 12, 14.
 */
#ifndef CLUSTERKEEPER_OCI_H
#define CLUSTERKEEPER_OCI_H

#include "arena.h"
#include "err.h"
#include "image.h"

/* All four types: with one missing a registry answers 404, or another digest (section 4). */
#define OCI_ACCEPT                                                \
    "application/vnd.oci.image.index.v1+json, "                   \
    "application/vnd.docker.distribution.manifest.list.v2+json, " \
    "application/vnd.oci.image.manifest.v1+json, "                \
    "application/vnd.docker.distribution.manifest.v2+json"

enum {
    OCI_MANIFEST_MAX = 4 * 1024 * 1024,
    OCI_TOKEN_MAX = 64 * 1024,
    OCI_ENTRIES_MAX = 1000, /* of an index, layers of a manifest */
    OCI_TAGS_MAX = 100000,
};

enum oci_kind { OCI_INDEX, OCI_MANIFEST, OCI_SCHEMA1, OCI_ARTIFACT };

struct oci_descriptor {
    const char *media_type, *digest;
    int64_t size;
    const char *os, *architecture, *variant; /* of an index entry; NULL: not said */
};

struct oci_document {
    enum oci_kind kind;
    struct oci_descriptor config;        /* of a manifest */
    const struct oci_descriptor *layers; /* of a manifest */
    size_t layers_len;
    const struct oci_descriptor *entries; /* of an index; attestations left out */
    size_t entries_len;
};

/* What a media type stands for, its parameters aside; false: nothing of ours. NULL is fine. */
bool oci_kind_of(const char *media_type, enum oci_kind *ret_kind);
/* "sha256:" and 64 digits, or one of the other algorithms that a reference may have. */
bool oci_is_digest(const char *text);
/* A manifest or index. `content_type`: of the answer; a mediaType inside that says otherwise is
 * refused (ERR_REJECTED). */
MUST_CHECK bool oci_read(struct arena *arena, const char *text, size_t len,
                         const char *content_type, struct oci_document *ret_document,
                         struct err *err);
/* The first entry for linux on this CPU; NULL: there is none. An entry without a platform counts as
 * linux/amd64. */
const struct oci_descriptor *oci_choose(const struct oci_document *index, enum image_cpu cpu);
/* "linux/amd64, linux/arm64", for people. */
const char *oci_platforms(struct arena *arena, const struct oci_document *index);

/* "linux/arm64/v7", or '?' for what is not fit to be shown. */
const char *oci_platform_name(struct arena *arena, const char *os, const char *architecture,
                              const char *variant);

/* The configuration of an image: what is said of it to people and compared with the CPU. */
struct oci_config {
    const char *os, *architecture, *variant;
    bool has_cmd, has_entrypoint;
    const char *user; /* NULL: root */
    const char *path; /* PATH of its Env; NULL: not set */
};
MUST_CHECK bool oci_read_config(struct arena *arena, const char *text, size_t len,
                                struct oci_config *ret_config, struct err *err);
/* "amd64", "x86_64" and "x86-64" are one; "arm64" and "aarch64" are one. */
bool oci_architecture_is(const char *architecture, enum image_cpu cpu);

struct oci_token {
    const char *token;
    int64_t expires_in_s; /* 60 when it is not said */
};
MUST_CHECK bool oci_read_token(struct arena *arena, const char *text, size_t len,
                               struct oci_token *ret_token, struct err *err);

/* `code` NULL where it is not JSON of the shape; `message` cut and made harmless, never NULL. */
struct oci_error {
    const char *code, *message;
};
void oci_read_error(struct arena *arena, const char *text, size_t len, struct oci_error *ret_error);

/* A page of a list of tags; `tags` may be absent or null. */
MUST_CHECK bool oci_read_tags(struct arena *arena, const char *text, size_t len,
                              const char *const **ret_tags, size_t *ret_len, struct err *err);

#endif
