/*
 * What the name of an ECR registry says, and what its API answers. Pure.
 */
#include "ecr.h"

#include "json.h"
#include "text.h"

enum { LIFE_MAX_MS = 12 * 3600 * 1000, BASIC_MAX = 16 * 1024 };

/* Ways to write one (container-registry.md 9.2): what stands between account and region. */
static const struct form {
    const char *infix, *suffix, *domain;
    bool is_fips;
} forms[] = {
    { ".dkr.ecr.", ".amazonaws.com", "amazonaws.com", false },
    { ".dkr.ecr.", ".amazonaws.com.cn", "amazonaws.com.cn", false },
    { ".dkr.ecr-fips.", ".amazonaws.com", "amazonaws.com", true },
    { ".dkr-ecr.", ".on.aws", "amazonaws.com", false },
    { ".dkr-ecr-fips.", ".on.aws", "amazonaws.com", true },
};

static bool read_form(struct arena *arena, const char *host, const struct form *form,
                      struct ecr_place *ret_place)
{
    enum { ACCOUNT_DIGITS = 12, REGION_MAX = 32 };
    size_t digits = strspn(host, "0123456789");
    const char *rest = host + digits;
    if (digits != ACCOUNT_DIGITS || !text_starts(rest, form->infix)) return false;
    const char *region = rest + strlen(form->infix);
    size_t len = strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (len == 0 || len > REGION_MAX || strcmp(region + len, form->suffix) != 0) return false;
    *ret_place = (struct ecr_place){
        .account = arena_strndup(arena, host, digits),
        .region = arena_strndup(arena, region, len),
        .domain = form->domain,
        .is_fips = form->is_fips,
    };
    return true;
}

bool ecr_place_parse(struct arena *arena, const char *host, struct ecr_place *ret_place)
{
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        if (read_form(arena, host, &forms[i], ret_place)) return true;
    }
    return false;
}

const char *ecr_api_url(struct arena *arena, const struct ecr_place *place)
{
    const char *name = place->is_fips ? "ecr-fips" : "api.ecr";
    return arena_printf(arena, "https://%s.%s.%s/", name, place->region, place->domain);
}

/* Unix seconds with a fraction, or without. */
static int64_t life_ms(const struct value *entry, int64_t wall_ms)
{
    const struct value *at = value_get(entry, "expiresAt");
    double seconds = -1;
    if (at != NULL && at->kind == VALUE_INT) seconds = (double)at->u.integer;
    if (at != NULL && at->kind == VALUE_REAL) seconds = at->u.real;
    double left_ms = seconds * 1000 - (double)wall_ms;
    if (seconds < 0 || left_ms > LIFE_MAX_MS) return LIFE_MAX_MS;
    return left_ms < 0 ? 0 : (int64_t)left_ms;
}

static bool is_base64(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=");
    return len > 0 && len <= BASIC_MAX && text[len] == '\0';
}

bool ecr_read_answer(struct arena *arena, const struct buf *text, int64_t wall_ms,
                     struct ecr_answer *ret_answer, struct err *err)
{
    AUTO_ARENA struct arena scratch = ARENA_INIT;
    const struct value *json = NULL;
    if (!json_read(&scratch, buf_text(text), text->len, &json, err)) return false;
    const struct value *list =
        json->kind == VALUE_MAP ? value_get(json, "authorizationData") : NULL;
    bool has_entry = list != NULL && list->kind == VALUE_LIST && list->len > 0 &&
                     list->u.items[0]->kind == VALUE_MAP;
    const char *basic = has_entry ? value_get_text(list->u.items[0], "authorizationToken") : NULL;
    if (basic == NULL || !is_base64(basic)) {
        return err_set(err, ERR_PROTOCOL, "AWS answered without an authorization token");
    }
    ret_answer->basic = arena_strdup(arena, basic);
    ret_answer->life_ms = life_ms(list->u.items[0], wall_ms);
    return true;
}
