/*
 * control: the back door of workspace-sim, for tests and for people who try things out.
 *
 * Paths under /control/ take and give JSON; README.md lists them. They need no token, are no part
 * of the API, and meet no faults.
 */
#ifndef CLUSTERKEEPER_WORKSPACE_CONTROL_H
#define CLUSTERKEEPER_WORKSPACE_CONTROL_H

#include "model.h"

enum { CONTROL_DUMP_BYTES_MAX = 256 * 1024 * 1024 };

/* Virtual time as a function of real time. */
struct control_clock {
    int64_t virtual_ms; /* at `real_ms` */
    int64_t real_ms;
    int64_t speed; /* virtual milliseconds for each real one; 0: it stands still */
};
int64_t control_clock_now(const struct control_clock *clock, int64_t real_ms);

bool control_is_for(const char *path); /* begins with /control/ */
/* Act and answer. `ret_response` is made anew, as by model_handle. */
void control_handle(struct workspace_model *model, struct control_clock *clock, int64_t real_ms,
                    const struct model_request *request, struct model_response *ret_response);
/* control_settings.c: the delays and switches. NULL: past the end; no such setting. */
const char *control_setting_name(size_t index);
int64_t *control_setting(struct workspace_model *model, const char *name);
/* The answer of GET /control/clusters. */
void control_write_clusters(struct workspace_model *model, struct buf *out);

#endif
