/*
 * termination: why a cluster ended, and whether trying again can help.
 *
 * A table of the API's termination codes to classes; codes that are not in it are judged by their
 * type. Facts: databricks-api.md, section 4.
 */
#ifndef CLUSTERKEEPER_TERMINATION_H
#define CLUSTERKEEPER_TERMINATION_H

#include "buf.h"
#include "model.h"

enum termination_class {
    TERMINATION_NORMAL,   /* asked for, idle, job finished */
    TERMINATION_IMAGE,    /* the container image: not again until it changes */
    TERMINATION_SCRIPT,   /* an init script: not again until it changes */
    TERMINATION_SPEC,     /* the definition cannot work: not again until it changes */
    TERMINATION_CAPACITY, /* no machines, quota: later */
    TERMINATION_THROTTLE, /* too many requests: later */
    TERMINATION_PLATFORM, /* the platform's own trouble: later */
    TERMINATION_HALT,     /* workspace closed, trial expired: a person has to act */
};

enum termination_class termination_classify(const char *code, const char *type,
                                            const char *message);
/* IMAGE, SCRIPT, SPEC and HALT: the same manifest is not launched again by itself. */
bool termination_is_final(enum termination_class klass);
const char *termination_class_name(enum termination_class klass); /* "image" */

/*
 * In plain words, one line: what it means, the code and type, the parameters, the message; with
 * control characters made harmless. "the container image could not be pulled
 * (DOCKER_IMAGE_PULL_FAILURE, CLIENT_ERROR; instance_id=i-0ab): ..."
 */
void termination_explain(const struct observed *observed, struct buf *out);

#endif
