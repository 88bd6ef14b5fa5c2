#include "challenge.h"

#include "text.h"
#include "url.h"

/* A place in the header's text, which ends at `end`. */
struct cursor {
    struct arena *arena;
    const char *at, *end;
};

/* Of a token (RFC 9110, 5.6.2). */
static bool is_token_byte(char c)
{
    static const char bytes[] =
        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    return c != '\0' && strchr(bytes, c) != NULL;
}

static void skip(struct cursor *cursor, const char *set)
{
    while (cursor->at < cursor->end && *cursor->at != '\0' && strchr(set, *cursor->at) != NULL) {
        cursor->at++;
    }
}

/* NULL where there is none. */
static const char *read_token(struct cursor *cursor)
{
    const char *start = cursor->at;
    while (cursor->at < cursor->end && is_token_byte(*cursor->at)) {
        cursor->at++;
    }
    if (cursor->at == start) return NULL;
    return arena_strndup(cursor->arena, start, (size_t)(cursor->at - start));
}

/* NULL where the closing quote is missing. */
static const char *read_quoted(struct cursor *cursor)
{
    char *text = arena_alloc(cursor->arena, (size_t)(cursor->end - cursor->at) + 1);
    size_t len = 0;
    for (cursor->at++; cursor->at < cursor->end; cursor->at++) {
        if (*cursor->at == '"') {
            cursor->at++;
            return text;
        }
        if (*cursor->at == '\\' && cursor->at + 1 < cursor->end) cursor->at++;
        text[len++] = *cursor->at;
    }
    return NULL;
}

/* A quoted text, or, more than the grammar allows, whatever comes before a comma or a blank. */
static const char *read_value(struct cursor *cursor)
{
    if (cursor->at < cursor->end && *cursor->at == '"') return read_quoted(cursor);
    const char *start = cursor->at;
    while (cursor->at < cursor->end && strchr(", \t\"", *cursor->at) == NULL) {
        cursor->at++;
    }
    return arena_strndup(cursor->arena, start, (size_t)(cursor->at - start));
}

/* What comes first counts. */
static void keep_value(struct challenge *challenge, const char *name, const char *value)
{
    const struct {
        const char *name;
        const char **at;
    } places[] = { { "realm", &challenge->realm },
                   { "service", &challenge->service },
                   { "scope", &challenge->scope },
                   { "error", &challenge->error } };
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        if (text_equal_nocase(name, places[i].name) && *places[i].at == NULL) *places[i].at = value;
    }
}

static enum challenge_scheme scheme_of(const char *name)
{
    if (text_equal_nocase(name, "bearer")) return CHALLENGE_BEARER;
    return text_equal_nocase(name, "basic") ? CHALLENGE_BASIC : CHALLENGE_NONE;
}

/* The first of the better scheme stays. A Bearer challenge without a realm serves nobody. */
static void keep_better(struct challenge *best, const struct challenge *found)
{
    if (found->scheme == CHALLENGE_BEARER && found->realm == NULL) return;
    if (found->scheme > best->scheme) *best = *found;
}

/*
 * One header: words that stand alone are schemes, words with '=' and a value are parameters of the
 * scheme before. A word with '=' and nothing behind it is a token68, of which we know none.
 */
static void read_line(struct cursor *cursor, struct challenge *best)
{
    struct challenge found = { 0 };
    for (;;) {
        skip(cursor, ", \t");
        const char *word = read_token(cursor);
        if (word == NULL) break;
        skip(cursor, " \t");
        bool is_parameter = cursor->at < cursor->end && *cursor->at == '=';
        if (!is_parameter) {
            keep_better(best, &found);
            found = (struct challenge){ .scheme = scheme_of(word) };
            continue;
        }
        cursor->at++;
        skip(cursor, " \t=");
        const char *value = read_value(cursor);
        if (value == NULL) break;
        keep_value(&found, word, value);
    }
    keep_better(best, &found);
}

void challenge_parse(struct arena *arena, const char *values, struct challenge *ret_challenge)
{
    struct challenge best = { 0 };
    for (const char *line = values; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        struct cursor cursor = { arena, line, line + len };
        read_line(&cursor, &best);
        line += len;
        if (*line == '\n') line++;
    }
    *ret_challenge = best;
}

bool challenge_check_realm(const char *realm, const char *registry_url, struct err *err)
{
    if (url_check_target(realm, registry_url, err)) return true;
    return err_wrap(err, "the token server that the registry names is not asked");
}
