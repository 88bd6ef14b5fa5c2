/*
 * A plan for people. What comes from the workspace is untrusted and goes through oneline_add.
 */
#include "plan.h"

#include "json.h"
#include "oneline.h"
#include "text.h"

enum {
    PATH_SHOWN_MAX = 200,
    ENTRY_SHOWN_MAX = 300, /* a map's path and a key of it */
    VALUE_SHOWN_MAX = 120,
    WHY_SHOWN_MAX = 600,
    ITEMS_SHOWN_MAX = 50, /* of a list, each side */
    SAME_SHOWN_MAX = 40,  /* of what two long values begin with both */
    VALUE_JSON_MAX = 16 * 1024 * 1024,
};

#define RED     "\033[31m"
#define GREEN   "\033[32m"
#define YELLOW  "\033[33m"
#define MAGENTA "\033[35m"
#define CYAN    "\033[36m"
#define BOLD    "\033[1m"
#define DIM     "\033[2m"
#define PLAIN   "\033[0m"

static const struct look {
    const char *sign, *colour;
    const char *counted; /* "2 to replace" */
} looks[ACTION_COUNT] = {
    [ACTION_NONE] = { "", PLAIN, "" },
    [ACTION_CREATE] = { "+", GREEN, "to create" },
    [ACTION_REPLACE] = { "-/+", MAGENTA, "to replace" },
    [ACTION_EDIT] = { "~", YELLOW, "to edit" },
    [ACTION_RESIZE] = { "~", YELLOW, "to resize" },
    [ACTION_START] = { ">", GREEN, "to start" },
    [ACTION_STOP] = { "-", RED, "to stop" },
    [ACTION_ADOPT] = { "=", CYAN, "to adopt" },
    [ACTION_RECORD] = { "=", CYAN, "to record" },
    [ACTION_SETTLE] = { "~", YELLOW, "to settle" },
    [ACTION_PRUNE] = { "-", RED, "to prune" },
    [ACTION_DEDUPE] = { "-", RED, "to deduplicate" },
    [ACTION_ROLLBACK] = { "<", MAGENTA, "to roll back" },
};

struct writer {
    const struct plan_style *style;
    struct buf *out;
    int word_width; /* of the column of actions and holds */
};

static void add_tinted(const struct writer *w, const char *colour, const char *text)
{
    bool tints = w->style->colour;
    buf_addf(w->out, "%s%s%s", tints ? colour : "", text, tints ? PLAIN : "");
}

/* ---- values ---- */

static const char *json_of(const struct value *value, struct buf *scratch)
{
    json_write(value, scratch);
    return buf_text(scratch);
}

static void add_value(struct writer *w, const struct value *value)
{
    if (value == NULL) {
        buf_adds(w->out, "(not set)");
        return;
    }
    AUTO_BUF struct buf json = BUF_INIT(VALUE_JSON_MAX);
    oneline_add(w->out, json_of(value, &json), VALUE_SHOWN_MAX);
}

/* Where to begin showing two long values, so that one sees where they part. */
static size_t shared_start(const char *a, const char *b)
{
    if (strlen(a) <= VALUE_SHOWN_MAX && strlen(b) <= VALUE_SHOWN_MAX) return 0;
    size_t same = 0;
    while (a[same] != '\0' && a[same] == b[same]) {
        same++;
    }
    if (same / 2 <= SAME_SHOWN_MAX) return 0;
    size_t from = same - SAME_SHOWN_MAX;
    while (from > 0 && ((unsigned char)a[from] & 0xc0) == 0x80) {
        from--;
    }
    return from;
}

static void add_before_after(struct writer *w, const struct value *before,
                             const struct value *after)
{
    if (before == NULL || after == NULL) {
        add_value(w, before);
        buf_adds(w->out, " -> ");
        add_value(w, after);
        return;
    }
    AUTO_BUF struct buf before_json = BUF_INIT(VALUE_JSON_MAX);
    AUTO_BUF struct buf after_json = BUF_INIT(VALUE_JSON_MAX);
    const char *a = json_of(before, &before_json);
    const char *b = json_of(after, &after_json);
    size_t from = shared_start(a, b);
    const char *dots = from > 0 ? "..." : "";
    buf_adds(w->out, dots);
    oneline_add(w->out, a + from, VALUE_SHOWN_MAX);
    buf_addf(w->out, " -> %s", dots);
    oneline_add(w->out, b + from, VALUE_SHOWN_MAX);
}

/* ---- lists ---- */

static bool is_list(const struct value *value)
{
    return value != NULL && value->kind == VALUE_LIST;
}

static const struct value *or_empty(const struct value *value)
{
    static const struct value empty = { .kind = VALUE_LIST };
    return is_list(value) ? value : &empty;
}

/* An element with one key, as scripts are: workspace: "/Shared/init.sh". */
static void add_element(struct writer *w, const struct value *element)
{
    if (element->kind == VALUE_MAP && element->len == 1) {
        const struct member *kind = &element->u.members[0];
        oneline_add(w->out, kind->key, PATH_SHOWN_MAX);
        buf_adds(w->out, ": ");
        element = kind->value;
        if (element->kind == VALUE_MAP && element->len == 1) element = element->u.members[0].value;
    }
    add_value(w, element);
}

static void add_elements(struct writer *w, const struct value *list, size_t from, size_t to,
                         char sign)
{
    const char *colour = sign == '+' ? GREEN : sign == '-' ? RED : DIM;
    for (size_t i = from; i < to; i++) {
        if (i - from == ITEMS_SHOWN_MAX) {
            buf_addf(w->out, "          %c ... and %zu more\n", sign, to - i);
            return;
        }
        buf_adds(w->out, "          ");
        add_tinted(w, colour, (char[]){ sign, '\0' });
        buf_addc(w->out, ' ');
        add_element(w, list->u.items[i]);
        buf_addc(w->out, '\n');
    }
}

/*
 * Their order counts, so both are shown from the first element in which they differ to the last:
 * linear in their length, and for the few scripts of a cluster as good as the shortest way.
 */
static void add_lists(struct writer *w, const struct value *before, const struct value *after)
{
    before = or_empty(before);
    after = or_empty(after);
    size_t before_len = before->len;
    size_t after_len = after->len;
    size_t len = before_len < after_len ? before_len : after_len;
    size_t head = 0;
    while (head < len && value_equal(before->u.items[head], after->u.items[head])) {
        head++;
    }
    size_t tail = 0;
    while (tail < len - head && value_equal(before->u.items[before_len - tail - 1],
                                            after->u.items[after_len - tail - 1])) {
        tail++;
    }
    add_elements(w, after, 0, head, ' ');
    add_elements(w, before, head, before_len - tail, '-');
    add_elements(w, after, head, after_len - tail, '+');
    add_elements(w, after, after_len - tail, after_len, ' ');
}

/* ---- fields ---- */

static void add_path(struct writer *w, const char *path)
{
    buf_adds(w->out, "        ");
    oneline_add(w->out, path, PATH_SHOWN_MAX);
    buf_addc(w->out, ':');
}

static void add_secret(struct writer *w, const struct difference *difference)
{
    const char *what = difference->after == NULL    ? "removed"
                       : difference->before == NULL ? "added"
                                                    : "changed";
    buf_addf(w->out, PLAN_SECRET " %s", what);
}

static void add_difference(struct writer *w, const struct difference *difference)
{
    const struct value *before = difference->before;
    const struct value *after = difference->after;
    bool is_secret = (difference->field->flags & FIELD_SECRET) != 0;
    bool has_list = is_list(before) || is_list(after);
    add_path(w, difference->path);
    if (is_secret) {
        buf_addc(w->out, ' ');
        add_secret(w, difference);
    } else if (!has_list) {
        buf_addc(w->out, ' ');
        add_before_after(w, before, after);
    }
    if (difference->cause == CAUSE_DRIFT) {
        buf_addc(w->out, ' ');
        add_tinted(w, YELLOW, "(drift)");
    }
    if (difference->needs_look) buf_adds(w->out, " (or what the workspace made of it)");
    buf_addc(w->out, '\n');
    if (has_list && !is_secret) add_lists(w, before, after);
}

static void add_entries(struct writer *w, const struct field *field, const struct value *map)
{
    for (size_t i = 0; i < map->len; i++) {
        const struct member *member = &map->u.members[i];
        AUTO_BUF struct buf path = BUF_INIT(ENTRY_SHOWN_MAX);
        buf_addf(&path, "%s[", field->path);
        oneline_add(&path, member->key, PATH_SHOWN_MAX);
        buf_addc(&path, ']');
        add_path(w, buf_text(&path));
        buf_addc(w->out, ' ');
        add_value(w, member->value);
        buf_addc(w->out, '\n');
    }
}

/* What a new cluster is asked to be, a line a field. */
static void add_fields(struct writer *w, const struct field *fields, size_t len,
                       const struct value *spec)
{
    for (size_t i = 0; i < len; i++) {
        const struct field *field = &fields[i];
        const struct value *value = value_get(spec, field->name);
        if (value == NULL) continue;
        if (value->kind == VALUE_MAP && field->type == FIELD_OBJECT) {
            add_fields(w, field->children, field->children_len, value);
        } else if (value->kind == VALUE_MAP && field->type != FIELD_ONE_OF) {
            add_entries(w, field, value);
        } else if (is_list(value)) {
            add_path(w, field->path);
            buf_addc(w->out, '\n');
            add_lists(w, NULL, value);
        } else {
            bool is_secret = (field->flags & FIELD_SECRET) != 0;
            add_path(w, field->path);
            buf_addc(w->out, ' ');
            if (is_secret) {
                buf_adds(w->out, PLAN_SECRET);
            } else {
                add_value(w, value);
            }
            buf_addc(w->out, '\n');
        }
    }
}

/* ---- clusters ---- */

static const char *word_of(const struct plan_item *item)
{
    return plan_item_is_held(item) ? hold_name(item->hold) : action_name(item->action);
}

/* When or by what it goes on. */
static void add_outlook(struct writer *w, const struct plan_item *item)
{
    char time[TEXT_TIME_SIZE];
    if (item->hold == HOLD_BACKOFF && item->wake_at_ms != 0) {
        buf_addf(w->out, "; tried again at %s", text_from_wall_ms(item->wake_at_ms, time));
    }
    if (item->hold == HOLD_FAILED) {
        buf_adds(w->out, "; not tried again until the manifest changes");
    }
    if (item->hold == HOLD_DRIFT) buf_adds(w->out, "; left as it is: keep.drift is report");
}

static void add_item(struct writer *w, const struct plan_item *item)
{
    const struct look *look = &looks[item->action];
    bool is_held = plan_item_is_held(item);
    const char *sign = is_held ? "!" : look->sign;
    const char *word = word_of(item);
    buf_addf(w->out, "%*s", (int)(3 - strlen(sign)), "");
    add_tinted(w, is_held ? YELLOW : look->colour, sign);
    buf_addf(w->out, " %-*s ", w->word_width, word);
    add_tinted(w, BOLD, item->name);
    buf_adds(w->out, ": ");
    if (is_held && item->action != ACTION_NONE) buf_addf(w->out, "%s: ", look->counted);
    oneline_add(w->out, item->why, WHY_SHOWN_MAX);
    add_outlook(w, item);
    bool has_effect = item->cost != COST_NONE || item->action != ACTION_START;
    if (!is_held && has_effect) buf_addf(w->out, " (%s)", cost_text(item->cost));
    buf_addc(w->out, '\n');
    if (item->caution != NULL) {
        buf_adds(w->out, "      ");
        add_tinted(w, YELLOW, "note: ");
        oneline_add(w->out, item->caution, WHY_SHOWN_MAX);
        buf_addc(w->out, '\n');
    }
    for (size_t i = 0; i < item->differences_len; i++) {
        add_difference(w, &item->differences[i]);
    }
    if (is_held) return;
    size_t len = 0;
    const struct field *fields = field_top(&len);
    add_fields(w, fields, len, item->spec);
}

/* ---- summary ---- */

struct counts {
    size_t actions[ACTION_COUNT];
    size_t waiting, blocked;
    bool acts;
};

static struct counts count(const struct plan *plan)
{
    struct counts counts = { 0 };
    for (size_t i = 0; i < plan->len; i++) {
        const struct plan_item *item = &plan->items[i];
        if (!plan_item_is_held(item)) {
            counts.actions[item->action]++;
            counts.acts = true;
        } else if (plan_item_is_waiting(item)) {
            counts.waiting++;
        } else {
            counts.blocked++;
        }
    }
    return counts;
}

static void add_summary(struct writer *w, const struct plan *plan)
{
    if (plan->len == 0) {
        add_tinted(w, BOLD, "No changes.");
        buf_addf(w->out, " %zu %s as desired.\n", plan->unchanged,
                 plan->unchanged == 1 ? "cluster is" : "clusters are");
        return;
    }
    struct counts counts = count(plan);
    add_tinted(w, BOLD, counts.acts ? "Plan:" : "Plan: nothing to do now");
    const char *separator = " ";
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        if (counts.actions[i] == 0) continue;
        buf_addf(w->out, "%s%zu %s", separator, counts.actions[i], looks[i].counted);
        separator = ", ";
    }
    buf_addf(w->out, "; %zu unchanged", plan->unchanged);
    if (counts.blocked > 0) buf_addf(w->out, ", %zu blocked", counts.blocked);
    if (counts.waiting > 0) buf_addf(w->out, ", %zu waiting", counts.waiting);
    buf_adds(w->out, ".\n");
}

static void add_offline(struct writer *w, const struct plan *plan)
{
    char time[TEXT_TIME_SIZE];
    buf_adds(w->out, "The workspace was not asked: compared with what it was last seen to hold");
    if (plan->observed_at_ms != 0) {
        buf_addf(w->out, ", at %s", text_from_wall_ms(plan->observed_at_ms, time));
    }
    buf_adds(w->out, ".\n\n");
}

void plan_write_text(const struct plan *plan, const struct plan_style *style, struct buf *out)
{
    struct writer w = { .style = style, .out = out };
    for (size_t i = 0; i < plan->len; i++) {
        int width = (int)strlen(word_of(&plan->items[i]));
        if (width > w.word_width) w.word_width = width;
    }
    if (style->offline) add_offline(&w, plan);
    for (size_t i = 0; i < plan->len; i++) {
        add_item(&w, &plan->items[i]);
    }
    if (plan->len > 0) buf_addc(out, '\n');
    add_summary(&w, plan);
}
