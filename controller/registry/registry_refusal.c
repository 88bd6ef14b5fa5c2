/*
 * What answers that are no good mean (container-registry.md 7). The rule behind all of it: that
 * there is no image is said only where the registry says so to somebody who may look.
 */
#include "registry_private.h"

#include "text.h"

/* ---- what is said of access ---- */

/* Docker Hub is meant by every name whose first part is no host: a frequent mistake. */
static const char *hub_hint(struct inquiry *inquiry)
{
    const char *slash = strchr(inquiry->ref.repository, '/');
    if (inquiry->ref.kind != REGISTRY_DOCKER_HUB || slash == NULL) return "";
    if (text_starts(inquiry->ref.repository, "library/")) return "";
    if (text_starts(inquiry->written, "docker.io/")) return "";
    return arena_printf(&inquiry->arena,
                        "; if '%.*s' was meant to be a registry: a host has a dot or a port",
                        (int)(slash - inquiry->ref.repository), inquiry->ref.repository);
}

/* What the controller's own AWS credentials may not is no evidence of what the cluster may. */
static bool end_for_aws(struct inquiry *inquiry)
{
    if (inquiry->login.from != FROM_AWS) return false;
    inquiry_end(inquiry, IMAGE_UNCHECKED,
                "%s cannot be checked from here: the controller's AWS credentials may not read "
                "it%s; the cluster's instance profile may. To have it checked, allow "
                "ecr:BatchGetImage and ecr:GetDownloadUrlForLayer",
                inquiry->name, inquiry_said(inquiry));
    return true;
}

static const char *short_lived_hint(struct inquiry *inquiry)
{
    return inquiry->login.from == FROM_MANIFEST ? inquiry_notes(inquiry) : "";
}

static void end_no_access(struct inquiry *inquiry)
{
    const struct image_ref *ref = &inquiry->ref;
    if (end_for_aws(inquiry)) return;
    bool has_login = inquiry->login.kind != LOGIN_NONE;
    inquiry_end(inquiry, IMAGE_NO_ACCESS,
                "%s/%s: access refused, or no such repository (%s does not tell which)%s; correct "
                "docker_image.url, or %s%s%s",
                ref->host, ref->repository,
                ref->kind == REGISTRY_OTHER ? "the registry" : registry_kind_name(ref->kind),
                inquiry_said(inquiry),
                has_login ? arena_printf(&inquiry->arena, "allow %s to pull it",
                                         inquiry_login_name(inquiry))
                          : "give a login in docker_image.basic_auth",
                hub_hint(inquiry), short_lived_hint(inquiry));
}

static void end_login_refused(struct inquiry *inquiry)
{
    static const char *const advice[] = {
        [FROM_NOBODY] = "give one in docker_image.basic_auth",
        [FROM_MANIFEST] = "correct its username or password",
        [FROM_DOCKER] = "log in anew, or out",
    };
    if (end_for_aws(inquiry)) return;
    inquiry_end(inquiry, IMAGE_LOGIN_REFUSED, "%s cannot be pulled: %s does not take %s%s; %s%s",
                inquiry->name, inquiry->ref.host, inquiry_login_name(inquiry),
                inquiry_said(inquiry), advice[inquiry->login.from], short_lived_hint(inquiry));
}

/* ---- 401 ---- */

static void try_with(struct inquiry *inquiry, const struct challenge *challenge)
{
    inquiry->challenge = *challenge;
    inquiry->is_recalled = false;
    host_remember_challenge(inquiry->host, challenge);
    exchange_begin_task(inquiry, inquiry->task);
}

/* Nothing was sent yet, or another scheme is wanted than the one that was tried. */
static void answer_challenge(struct inquiry *inquiry, struct challenge *challenge)
{
    bool has_password = inquiry->login.kind == LOGIN_PASSWORD;
    if (challenge->scheme == CHALLENGE_NONE && has_password) challenge->scheme = CHALLENGE_BASIC;
    if (challenge->scheme == CHALLENGE_BEARER || has_password) {
        try_with(inquiry, challenge);
    } else if (inquiry->login.kind == LOGIN_IDENTITY) {
        end_login_refused(inquiry);
    } else {
        end_no_access(inquiry);
    }
}

/*
 * A token that was kept may be stale, and one for another image's challenge wrong: they are renewed
 * once. A new one says that it is not enough.
 */
static void answer_to_token(struct inquiry *inquiry, const struct challenge *challenge)
{
    bool is_stale = !inquiry->token_is_new || inquiry->is_recalled ||
                    text_equal(challenge->error, "invalid_token");
    if (!is_stale || inquiry->renewals > 0) {
        end_no_access(inquiry);
        return;
    }
    inquiry->renewals++;
    token_drop(inquiry);
    if (challenge->scheme == CHALLENGE_BEARER) {
        try_with(inquiry, challenge);
    } else {
        exchange_begin_task(inquiry, inquiry->task);
    }
}

static void answer_to_value(struct inquiry *inquiry)
{
    if (inquiry->login.from != FROM_AWS || inquiry->renewals > 0) {
        end_login_refused(inquiry);
        return;
    }
    inquiry->renewals++;
    ecr_drop(inquiry->registry->ecr, inquiry->ref.host);
    exchange_begin_task(inquiry, TASK_LOGIN);
}

void refusal_challenge(struct inquiry *inquiry)
{
    struct challenge challenge = { 0 };
    const char *values = inquiry_header(inquiry, "www-authenticate");
    if (values != NULL) challenge_parse(&inquiry->arena, values, &challenge);
    switch (inquiry->sent) {
    case SENT_NOTHING:
        answer_challenge(inquiry, &challenge);
        break;
    case SENT_LOGIN:
        if (challenge.scheme == CHALLENGE_BEARER) {
            try_with(inquiry, &challenge);
        } else {
            end_login_refused(inquiry);
        }
        break;
    case SENT_TOKEN:
        answer_to_token(inquiry, &challenge);
        break;
    case SENT_VALUE:
        answer_to_value(inquiry);
        break;
    }
}

/* ---- the token server (container-registry.md 8.2) ---- */

void refusal_token(struct inquiry *inquiry)
{
    int status = inquiry->http.status;
    bool has_login = inquiry->login.kind != LOGIN_NONE;
    if (inquiry->is_recalled) { /* ask for this image's own challenge */
        inquiry->is_recalled = false;
        inquiry->challenge = (struct challenge){ 0 };
        exchange_begin_task(inquiry, inquiry->after_token);
        return;
    }
    bool is_no_grant = status == 400 && inquiry->login.kind == LOGIN_IDENTITY;
    if ((status == 401 && has_login) || is_no_grant) {
        end_login_refused(inquiry);
    } else if (status == 401 || status == 403) {
        end_no_access(inquiry); /* GHCR and Google refuse here, whatever the reason */
    } else {
        host_remember_challenge(inquiry->host, NULL);
        inquiry_end(inquiry, IMAGE_UNREACHABLE,
                    "%s cannot be looked at: the token server of %s answered with status %d%s",
                    inquiry->name, inquiry->ref.host, status, inquiry_said(inquiry));
    }
}

void refusal_login(struct inquiry *inquiry, const struct err *err)
{
    if (inquiry->login.from == FROM_AWS && err->code == ERR_NOT_FOUND) {
        inquiry_end(inquiry, IMAGE_UNCHECKED,
                    "%s cannot be checked from here: %s; the cluster reaches Amazon ECR through "
                    "its instance profile",
                    inquiry->name, err->text);
    } else if (inquiry->login.from == FROM_AWS && err->code == ERR_AUTH) {
        inquiry_end(inquiry, IMAGE_UNCHECKED,
                    "%s cannot be checked from here: %s; check the controller's AWS credentials",
                    inquiry->name, err->text);
    } else {
        inquiry_end(inquiry, IMAGE_UNREACHABLE, "%s cannot be looked at: %s", inquiry->name,
                    err->text);
    }
}

/* ---- the rest ---- */

static void end_absent(struct inquiry *inquiry)
{
    const struct image_ref *ref = &inquiry->ref;
    if (strcmp(inquiry_code(inquiry), "NAME_UNKNOWN") == 0) {
        inquiry_end(inquiry, IMAGE_ABSENT,
                    "%s does not exist: there is no repository %s at %s; push it, or correct "
                    "docker_image.url",
                    inquiry->name, ref->repository, ref->host);
    } else {
        bool is_digest = ref->digest != NULL;
        inquiry_end(inquiry, IMAGE_ABSENT,
                    "%s does not exist: the repository has no %s '%s'; push it, or correct "
                    "docker_image.url",
                    inquiry->name, is_digest ? "manifest" : "tag",
                    is_digest ? ref->digest : ref->tag);
    }
}

/* A page of a web server, of a proxy, or of a registry that misses its route. */
static bool is_registry_answer(struct inquiry *inquiry)
{
    const char *type = inquiry_header(inquiry, "content-type");
    if (inquiry_header(inquiry, "docker-distribution-api-version") != NULL) return true;
    return type == NULL || !text_starts(type, "text/") || inquiry_code(inquiry)[0] != '\0';
}

static void end_not_a_registry(struct inquiry *inquiry)
{
    inquiry_end(inquiry, IMAGE_UNREACHABLE,
                "%s cannot be looked at: what answers at %s is no container registry (status %d, "
                "%s); check host and path of docker_image.url",
                inquiry->name, inquiry->ref.host, inquiry->http.status,
                inquiry->http.content_type_reply);
}

static void take_404(struct inquiry *inquiry)
{
    if (inquiry->task == TASK_CONFIG || inquiry->depth > 0) {
        inquiry_end(inquiry, IMAGE_NOT_RUNNABLE,
                    "%s is broken: its manifest is there, and %s that it names is not; push it "
                    "again",
                    inquiry->name,
                    inquiry->task == TASK_CONFIG ? "the configuration" : "a manifest");
    } else if (is_registry_answer(inquiry)) {
        end_absent(inquiry);
    } else {
        end_not_a_registry(inquiry);
    }
}

/* Wrong in itself, so that it cannot be there; or a proxy, or a registry with a broken back end. */
static void take_400(struct inquiry *inquiry)
{
    static const char *const codes[] = { "NAME_INVALID", "TAG_INVALID", "DIGEST_INVALID",
                                         "MANIFEST_INVALID" };
    const char *code = inquiry_code(inquiry);
    for (size_t i = 0; i < COUNT_OF(codes); i++) {
        if (strcmp(code, codes[i]) != 0) continue;
        inquiry_end(inquiry, IMAGE_ABSENT,
                    "%s cannot exist: %s does not take the name%s; correct docker_image.url",
                    inquiry->name, inquiry->ref.host, inquiry_said(inquiry));
        return;
    }
    inquiry_end(inquiry, IMAGE_UNREACHABLE,
                "%s cannot be looked at: %s answered with status 400%s; look at the registry, or "
                "at the proxy before it",
                inquiry->name, inquiry->ref.host, inquiry_said(inquiry));
}

static void take_403(struct inquiry *inquiry)
{
    if (strcmp(inquiry_code(inquiry), "TOOMANYREQUESTS") != 0) {
        end_no_access(inquiry);
        return;
    }
    inquiry->again_ms = host_pause(inquiry->registry, inquiry->host, -1);
    inquiry_end(inquiry, IMAGE_THROTTLED, "%s cannot be looked at now: %s is asked too often%s",
                inquiry->name, inquiry->ref.host, inquiry_said(inquiry));
}

static void take_other(struct inquiry *inquiry)
{
    const struct http_call *http = &inquiry->http;
    if (http->retry_after_ms > 0) inquiry->again_ms = http->retry_after_ms;
    inquiry_end(inquiry, IMAGE_UNREACHABLE, "%s cannot be looked at: %s answered with status %d%s",
                inquiry->name, inquiry->ref.host, http->status, inquiry_said(inquiry));
}

/* Where a redirect led: storage of which the registry's rules say nothing. */
static void end_at_hop(struct inquiry *inquiry)
{
    inquiry_end(inquiry, IMAGE_UNREACHABLE,
                "%s cannot be looked at: %s redirects to a server that answered with status %d",
                inquiry->name, inquiry->ref.host, inquiry->http.status);
}

void refusal_answer(struct inquiry *inquiry)
{
    static const struct {
        int status;
        bool is_head_to_blame; /* HEAD tells too little, or is not known: GET once */
        void (*take)(struct inquiry *inquiry);
    } rows[] = {
        { 400, true, take_400 },   { 403, true, take_403 },   { 404, true, take_404 },
        { 405, true, take_other }, { 501, true, take_other },
    };
    void (*take)(struct inquiry * inquiry) = take_other;
    bool is_head_to_blame = false;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].status != inquiry->http.status) continue;
        take = rows[i].take;
        is_head_to_blame = rows[i].is_head_to_blame;
    }
    bool is_elsewhere = exchange_is_elsewhere(inquiry);
    if (inquiry->task == TASK_HEAD && (is_head_to_blame || is_elsewhere)) {
        exchange_begin_task(inquiry, TASK_GET);
    } else if (is_elsewhere) {
        end_at_hop(inquiry);
    } else {
        take(inquiry);
    }
}
