/*
 * yaml_map: the keys of a YAML map, which are unique and may come from other maps by `<<`.
 *
 * A part of yaml_tree.c that does not know libyaml.
 */
#ifndef CLUSTERKEEPER_YAML_MAP_H
#define CLUSTERKEEPER_YAML_MAP_H

#include "diag.h"
#include "value.h"

/* Storage that is used for one map after the other. Start from zeroes. */
struct yaml_map_scratch {
    const struct member **order;
    size_t cap;
};
void yaml_map_scratch_release(struct yaml_map_scratch *scratch);

/*
 * Puts the members of `from`, a map or a list of maps, behind those that `map` has. False when it
 * is neither, and `diag` says so at `pos`.
 */
bool yaml_map_merge(struct value_builder *map, const struct value *from, struct pos pos,
                    struct diag *diag);

/*
 * Makes the keys unique. Of the first `own` members, those that the map states itself, each key
 * may be there once: else false, and `diag` says so. Of merged members the first counts.
 */
bool yaml_map_settle(struct yaml_map_scratch *scratch, struct value_builder *map, size_t own,
                     struct diag *diag);

#endif
