#include "registry_private.h"

#include "http_headers.h"
#include "text.h"

#include <assert.h>
#include <stdio.h>

void inquiry_end(struct inquiry *inquiry, enum image_verdict verdict, const char *fmt, ...)
{
    char text[REGISTRY_TEXT_MAX];
    assert(!inquiry->is_over);
    if (inquiry->task == TASK_TOKEN) token_give_up(inquiry);
    va_list args;
    va_start(args, fmt);
    /* As in err.c. NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized) */
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    inquiry->is_over = true;
    inquiry->verdict = verdict;
    inquiry->text = arena_strdup(&inquiry->arena, text);
}

/* ---- answers ---- */

const char *inquiry_header(struct inquiry *inquiry, const char *name)
{
    return http_header(&inquiry->arena, &inquiry->http.headers, name);
}

static void read_error(struct inquiry *inquiry, struct oci_error *ret_error)
{
    const struct buf *reply = &inquiry->http.reply;
    oci_read_error(&inquiry->arena, buf_text(reply), reply->len, ret_error);
}

const char *inquiry_code(struct inquiry *inquiry)
{
    struct oci_error error;
    read_error(inquiry, &error);
    return error.code == NULL ? "" : error.code;
}

/* Whether `text` repeats a secret of ours, as some servers do with what they do not like. */
static bool holds(const char *text, const struct buf *secret)
{
    enum { SECRET_LEN_MIN = 4 };
    return secret->len >= SECRET_LEN_MIN && strstr(text, buf_text(secret)) != NULL;
}

static bool holds_value(const char *text, const struct buf *authorization)
{
    const char *space = strchr(buf_text(authorization), ' ');
    return space != NULL && space[1] != '\0' && strstr(text, space + 1) != NULL;
}

const char *inquiry_said(struct inquiry *inquiry)
{
    struct oci_error error;
    read_error(inquiry, &error);
    const char *message = error.message;
    bool is_shown = !holds(message, &inquiry->login.secret) &&
                    !holds(message, &inquiry->login.username) &&
                    !holds_value(message, &inquiry->authorization);
    if (!is_shown || message[0] == '\0') message = error.code;
    if (message == NULL) return "";
    return arena_printf(&inquiry->arena, " (it says: %s)", message);
}

/* ---- logins ---- */

const char *inquiry_login_name(const struct inquiry *inquiry)
{
    static const char *const names[] = {
        [FROM_NOBODY] = "no login",
        [FROM_MANIFEST] = "the login of docker_image.basic_auth",
        [FROM_DOCKER] = "the login of Docker's own configuration",
        [FROM_AWS] = "the controller's AWS credentials",
    };
    return names[inquiry->login.from];
}

/* Names that stand for a password of hours (container-registry.md 1.11). */
static bool is_short_lived(const char *username)
{
    static const char *const names[] = { "AWS", "oauth2accesstoken", "_token",
                                         "00000000-0000-0000-0000-000000000000" };
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(username, names[i]) == 0) return true;
    }
    return false;
}

const char *inquiry_notes(struct inquiry *inquiry)
{
    switch (inquiry->login.from) {
    case FROM_MANIFEST:
        if (!is_short_lived(buf_text(&inquiry->login.username))) return "";
        return "; warning: the password in docker_image.basic_auth is one that ends within hours, "
               "and a later start of the cluster could not pull the image: use a login that lasts";
    case FROM_DOCKER:
        return "; seen with the login of Docker's own configuration: the cluster, whose manifest "
               "has no docker_image.basic_auth, asks without it";
    case FROM_AWS:
        return "; seen with the controller's AWS credentials: the cluster asks with those of its "
               "instance profile";
    case FROM_NOBODY:
        break;
    }
    return "";
}
