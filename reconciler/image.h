/*
 * image: what a registry says of the image that a cluster is to run, in the reconciler's words.
 *
 * A verdict is evidence, not proof: the controller's way to the registry, and its credentials, may
 * differ from the cluster's. Facts: container-registry.md 1, 7.
 */
#ifndef CLUSTERKEEPER_IMAGE_H
#define CLUSTERKEEPER_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

enum image_verdict {
    IMAGE_UNASKED,        /* nobody has looked yet */
    IMAGE_FOUND,          /* it exists, may be pulled, and has a variant for the CPU */
    IMAGE_ABSENT,         /* the repository may be read, and has no such tag or digest */
    IMAGE_NO_ACCESS,      /* not allowed, or no such repository: registries do not tell which */
    IMAGE_LOGIN_REFUSED,  /* the registry does not take these credentials */
    IMAGE_OTHER_PLATFORM, /* it exists, for other CPUs only */
    IMAGE_NOT_RUNNABLE,   /* it exists and is no image that can be run: a chart, a signature */
    IMAGE_UNCHECKED,      /* cannot be looked at from here: credentials in a Databricks secret */
    IMAGE_THROTTLED,      /* the registry asks to come back later */
    IMAGE_UNREACHABLE,    /* no answer, or one that says nothing about the image */
    IMAGE_VERDICT_COUNT,
};

/* What follows from a verdict. */
enum image_class {
    IMAGE_CLASS_ASK,   /* not known yet: ask */
    IMAGE_CLASS_GOOD,  /* go on */
    IMAGE_CLASS_BAD,   /* a definite no: nothing may be taken down for it */
    IMAGE_CLASS_LATER, /* not known, and may be soon: wait */
    IMAGE_CLASS_BLIND, /* not known, and will not be: say so, and go on */
};

/* CPUs of node types, by the registries' names (container-registry.md 6). */
enum image_cpu { IMAGE_AMD64, IMAGE_ARM64 };

/* What is known of one image, as of `asked_ms`. Strings are borrowed from whoever made it. */
struct image_facts {
    enum image_verdict verdict;
    const char *text;     /* in words, with what to do; never NULL unless IMAGE_UNASKED */
    const char *digest;   /* "sha256:..." of what the tag points to (an index counts as one);
                             NULL: not known */
    int64_t asked_ms;     /* wall clock */
    int64_t ask_again_ms; /* wall clock: not before; 0: at any time */
};

enum image_class image_class_of(enum image_verdict verdict);
const char *image_verdict_name(enum image_verdict verdict); /* "no access" */
const char *image_cpu_name(enum image_cpu cpu);             /* "amd64" */

#endif
