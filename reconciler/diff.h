/*
 * diff: what differs between desired, last applied and observed, field by field.
 *
 * Compared is each field that the manifest states, and each that it stated when last applied and
 * no longer does; a field on which it is and was silent belongs to the backend. Maps are compared
 * key by key, lists as a whole. The tags of clusterkeeper itself are not compared. See design.md,
 * section 7; what an exact comparison gets wrong: databricks-api.md, section 9.
 */
#ifndef CLUSTERKEEPER_DIFF_H
#define CLUSTERKEEPER_DIFF_H

#include "field.h"
#include "model.h"

enum difference_cause {
    CAUSE_MANIFEST, /* the manifest states something else than was last applied */
    CAUSE_DRIFT,    /* the manifest is as applied; the workspace has something else */
    CAUSE_IMAGE,    /* the image's tag points to another image than at the start */
};

struct difference {
    const char *path; /* "spark_conf[spark.sql.shuffle.partitions]", "num_workers" */
    const struct field *field;
    const struct value *before; /* observed; NULL: absent */
    const struct value *after;  /* desired; NULL: no longer stated */
    enum difference_cause cause;
    enum change_class change;
    struct pos pos;  /* of the desired value; file NULL when it was removed */
    bool needs_look; /* the backend may have resolved it: only `submitted` can tell */
};

struct diff {
    const struct difference *differences; /* in the order of the table */
    size_t len;
    enum change_class change; /* the highest of all */
    bool has_manifest;        /* at least one with CAUSE_MANIFEST */
    bool has_drift;
    bool needs_look; /* at least one has needs_look: not a difference before a look */
};

/*
 * Compare. `applied` NULL: not known, every difference is the manifest's. `observed->submitted`
 * NULL: from a listing; then FIELD_RESOLVED fields that are not equal have needs_look. With
 * `submitted`, such a field differs only if `submitted` differs too. A secret differs when its
 * hash differs from the one in `applied`; with `applied` NULL it does not.
 */
void diff_compute(struct arena *arena, const struct value *desired, const struct value *applied,
                  const struct observed *observed, struct diff *ret_diff);

/*
 * The whole spec to submit with an edit: `submitted` (as clusters/get returns it) with the wanted
 * values laid over, what the manifest stated and no longer does left out, and the rest sent back
 * as it was. num_workers replaces autoscale and the other way round; a pool's clusters carry no
 * node types. No tags of ours yet: see tags_add.
 */
const struct value *diff_edit_spec(struct arena *arena, const struct value *desired,
                                   const struct value *applied, const struct value *submitted);

#endif
