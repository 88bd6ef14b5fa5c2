/*
 * oneline: text of strangers made fit to stand in one line of a terminal or a log.
 *
 * What the workspace returns is untrusted: it may hold escape sequences, line breaks, characters
 * that turn the reading direction, bytes that are not UTF-8, and any length of them.
 */
#ifndef CLUSTERKEEPER_ONELINE_H
#define CLUSTERKEEPER_ONELINE_H

#include "buf.h"

/*
 * Appends `text`: a line break or tab becomes a blank, other invisible characters their number
 * ("\u001b"), bytes that are not UTF-8 a replacement character. Cut with "..." before it exceeds
 * `max` bytes, which is at least 8.
 */
void oneline_add(struct buf *out, const char *text, size_t max);

#endif
