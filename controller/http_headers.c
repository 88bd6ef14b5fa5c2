#include "http_headers.h"

/* The value in the line of `len` bytes; NULL when it is of another header. */
static const char *value_in(const char *line, size_t len, const char *name)
{
    size_t name_len = strlen(name);
    bool is_it = len > name_len + 1 && memcmp(line, name, name_len) == 0 && line[name_len] == ':' &&
                 line[name_len + 1] == ' ';
    return is_it ? line + name_len + 2 : NULL;
}

const char *http_header(struct arena *arena, const struct buf *headers, const char *name)
{
    const char *found = NULL;
    for (const char *line = buf_text(headers); *line != '\0';) {
        size_t len = strcspn(line, "\n");
        const char *at = value_in(line, len, name);
        if (at != NULL) {
            size_t value_len = len - (size_t)(at - line);
            const char *value = arena_strndup(arena, at, value_len);
            found = found == NULL ? value : arena_printf(arena, "%s\n%s", found, value);
        }
        line += len;
        if (*line == '\n') line++;
    }
    return found;
}
