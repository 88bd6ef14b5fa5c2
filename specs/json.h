/*
 * json: values to JSON and back. The only file that knows cJSON.
 *
 * The canonical form has no blanks, maps sorted by key (bytes), numbers in the shortest form that
 * reads back the same, text escaped only where JSON demands it. Two values that are value_equal
 * have one canonical form.
 */
#ifndef CLUSTERKEEPER_JSON_H
#define CLUSTERKEEPER_JSON_H

#include "buf.h"
#include "digest.h"
#include "value.h"

enum { JSON_DEPTH_MAX = 64 };

/*
 * Read one JSON text, the whole of it. Refused: trailing bytes, NUL inside, bad UTF-8, nesting
 * beyond JSON_DEPTH_MAX. Integers within 2^53 are VALUE_INT, other numbers VALUE_REAL. Of members
 * with one key the last counts. {"$secret":"<hash>"} becomes a VALUE_SECRET that knows its hash.
 * On failure ERR_PROTOCOL, with what was found instead ("an HTML page", "cut after 512 bytes").
 */
MUST_CHECK bool json_read(struct arena *arena, const char *text, size_t len,
                          const struct value **ret_value, struct err *err);

/*
 * Canonical form. A secret becomes {"$secret":"<hash>"}; one that was never sealed becomes
 * {"$secret":{"env":NAME}} or {"$secret":{"file":PATH}}, and a literal that was never sealed
 * {"$secret":"unsealed"}: never its text.
 */
void json_write(const struct value *value, struct buf *out);
/* The canonical form with two blanks of indentation, for people and for golden files. */
void json_write_pretty(const struct value *value, unsigned indent, struct buf *out);
/* One JSON string with its quotes. */
void json_write_text(const char *text, struct buf *out);

/*
 * The body of a request: as json_write, but each secret is replaced by its text, which `reveal`
 * finds. The only way in which a secret leaves the process. The caller wipes and frees `out`.
 */
typedef bool (*json_reveal_fn)(void *ctx, const struct value *secret, struct buf *out,
                               struct err *err);
MUST_CHECK bool json_write_revealed(const struct value *value, json_reveal_fn reveal, void *ctx,
                                    struct buf *out, struct err *err);

/* SHA-256 of the canonical form. */
struct digest json_digest(const struct value *value);

#endif
