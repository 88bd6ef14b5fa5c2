#include "record_words.h"

#include "buf.h"
#include "text.h"

#include <stddef.h>
#include <stdlib.h>

enum { WORDS_MAX = 16384 };

enum kind { TEXT, NUMBER, TIME, PHASE };

#define MEMBER(kind_, name_)                          \
    {                                                 \
#name_, kind_, offsetof(struct record, name_) \
    }

static const struct member_of_record {
    const char *name;
    enum kind kind;
    size_t offset;
} members[] = {
    MEMBER(PHASE, phase),         MEMBER(TEXT, name),
    MEMBER(TEXT, source),         MEMBER(TEXT, cluster_id),
    MEMBER(TEXT, predecessor_id), MEMBER(TEXT, operation),
    MEMBER(TEXT, pending_spec),   MEMBER(TEXT, pending_digest),
    MEMBER(TEXT, applied_spec),   MEMBER(TEXT, applied_digest),
    MEMBER(TEXT, libraries),      MEMBER(TEXT, permissions),
    MEMBER(TEXT, image),          MEMBER(TEXT, failed_digest),
    MEMBER(TEXT, error),          MEMBER(TIME, phase_since_ms),
    MEMBER(TEXT, failed_id),      MEMBER(TEXT, failed_why),
    MEMBER(TEXT, failed_image),   MEMBER(TEXT, image_digest),
    MEMBER(TEXT, pending_image),  MEMBER(TEXT, good_spec),
    MEMBER(TEXT, good_digest),    MEMBER(TEXT, good_image),
    MEMBER(TEXT, good_libraries), MEMBER(TEXT, good_permissions),
    MEMBER(NUMBER, ran),          MEMBER(NUMBER, rollback),
    MEMBER(NUMBER, pinned),       MEMBER(NUMBER, prune),
    MEMBER(NUMBER, adopted),      MEMBER(NUMBER, clean_listings),
    MEMBER(NUMBER, failures),     MEMBER(TIME, retry_at_ms),
    MEMBER(TIME, updated_ms),
};

/* A member in words, as it is told and compared. */
static const char *told(struct arena *arena, const struct record *record,
                        const struct member_of_record *member)
{
    const char *at = (const char *)record + member->offset;
    switch (member->kind) {
    case TEXT: {
        const char *text = *(const char *const *)(const void *)at;
        return text == NULL ? "-" : text;
    }
    case NUMBER:
        return arena_printf(arena, "%d", *(const int *)(const void *)at);
    case TIME:
        return arena_printf(arena, "%lld", (long long)*(const int64_t *)(const void *)at);
    case PHASE:
        return phase_name(record->phase);
    }
    return "";
}

const char *record_changes(struct arena *arena, const struct record *before,
                           const struct record *after)
{
    AUTO_BUF struct buf out = BUF_INIT(WORDS_MAX);
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        const char *value = told(arena, after, &members[i]);
        if (text_equal(told(arena, before, &members[i]), value)) continue;
        buf_addf(&out, "%s%s=%s", out.len == 0 ? "" : " ", members[i].name, value);
    }
    return arena_strdup(arena, buf_text(&out));
}

static bool set(struct record *record, const struct member_of_record *member, const char *value)
{
    char *at = (char *)record + member->offset;
    switch (member->kind) {
    case TEXT:
        *(const char **)(void *)at = text_equal(value, "-") ? NULL : value;
        return true;
    case NUMBER:
        *(int *)(void *)at = (int)strtol(value, NULL, 10);
        return true;
    case TIME:
        *(int64_t *)(void *)at = strtoll(value, NULL, 10);
        return true;
    case PHASE:
        return phase_from_name(value, &record->phase);
    }
    return false;
}

bool record_set(struct record *record, const char *name, const char *value)
{
    for (size_t i = 0; i < COUNT_OF(members); i++) {
        if (text_equal(members[i].name, name)) return set(record, &members[i], value);
    }
    return false;
}
