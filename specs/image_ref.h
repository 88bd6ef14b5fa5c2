/*
 * image_ref: the grammar of container image references. Facts: container-registry.md, section 2.
 */
#ifndef CLUSTERKEEPER_IMAGE_REF_H
#define CLUSTERKEEPER_IMAGE_REF_H

#include "arena.h"
#include "err.h"

enum { IMAGE_TAG_MAX = 128, IMAGE_PATH_MAX = 255 };

enum registry_kind {
    REGISTRY_DOCKER_HUB,
    REGISTRY_ECR,        /* <account>.dkr.ecr[-fips].<region>.amazonaws.com[.cn] */
    REGISTRY_ECR_PUBLIC, /* public.ecr.aws */
    REGISTRY_ACR,        /* <name>.azurecr.io, .us, .cn */
    REGISTRY_GHCR,
    REGISTRY_GOOGLE, /* *.pkg.dev, gcr.io, *.gcr.io */
    REGISTRY_QUAY,
    REGISTRY_OTHER,
};

struct image_ref {
    enum registry_kind kind;
    const char *host;       /* with its port: "docker.io", "reg.example:5000" */
    const char *repository; /* "library/ubuntu" */
    const char
        *tag; /* "latest" when neither tag nor digest was written; NULL beside a digest alone */
    const char *digest; /* "sha256:..."; NULL when not written */
    bool tag_written;
};

/*
 * Parse as Docker does. On failure ERR_REJECTED with what is wrong and where in the text ("tag has
 * a '+' at character 12"), without quoting the whole; the caller adds the position.
 */
MUST_CHECK bool image_ref_parse(struct arena *arena, const char *text, struct image_ref *ret_ref,
                                struct err *err);

const char *registry_kind_name(enum registry_kind kind); /* "Amazon ECR" */

#endif
