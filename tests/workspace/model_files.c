/*
 * The workspace's tree of files, where init scripts live (databricks-api.md 1.7).
 */
#include "inside.h"

#include "text.h"

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* "/Workspace/Shared/x" and "/Shared/x" are one object. */
static const char *strip(const char *path)
{
    static const char prefix[] = "/Workspace/";
    return text_starts(path, prefix) ? path + sizeof(prefix) - 2 : path;
}

static struct ws_file *find(const struct workspace_model *model, const char *path)
{
    for (size_t i = 0; i < model->files_len; i++) {
        if (strcmp(model->files[i].path, path) == 0) return &model->files[i];
    }
    return NULL;
}

const struct ws_file *ws_file_find(const struct workspace_model *model, const char *path)
{
    return find(model, strip(path));
}

const char *model_file(const struct workspace_model *model, const char *path, size_t *ret_len)
{
    const struct ws_file *file = ws_file_find(model, path);
    if (file == NULL || file->content == NULL) return NULL;
    *ret_len = file->len;
    return file->content;
}

/* These are there in every workspace. */
static bool is_root(const char *path)
{
    static const char *const roots[] = { "/", "/Shared", "/Users", "/Repos" };
    for (size_t i = 0; i < COUNT_OF(roots); i++) {
        if (strcmp(roots[i], path) == 0) return true;
    }
    return false;
}

static bool is_directory(const struct workspace_model *model, const char *path)
{
    if (is_root(path)) return true;
    const struct ws_file *file = find(model, path);
    return file != NULL && file->content == NULL;
}

static bool refuse_missing(struct ws_call *call, const char *path)
{
    return ws_refuse(call, 404, "RESOURCE_DOES_NOT_EXIST", "Path (%.500s) doesn't exist.", path);
}

/* Absolute, without empty, "." or ".." parts, at most 1,000 characters. NULL: refused. */
static const char *need_path(struct ws_call *call, const char *path)
{
    bool is_good = path != NULL && path[0] == '/' && strlen(path) <= 1000;
    for (const char *at = path; is_good && *at != '\0';) {
        size_t len = strcspn(at + 1, "/");
        bool is_dots = (len == 1 && at[1] == '.') || (len == 2 && at[1] == '.' && at[2] == '.');
        is_good = !is_dots && (len != 0 || path[1] == '\0');
        at += len + 1;
    }
    if (!is_good) {
        ws_refuse(call, 400, "INVALID_PARAMETER_VALUE", "Path (%.200s) is not valid.",
                  path == NULL ? "" : path);
        return NULL;
    }
    return strip(path);
}

static struct ws_file *add_node(struct workspace_model *model, const char *path)
{
    struct ws_file file = {
        .path = xstrdup(path),
        .object_id = ++model->object_ids,
        .created_ms = model->now_ms,
        .modified_ms = model->now_ms,
    };
    ARR_PUSH(model->files, model->files_len, model->files_cap, file);
    return &model->files[model->files_len - 1];
}

bool ws_mkdirs(struct ws_call *call)
{
    struct workspace_model *model = call->model;
    const char *path = need_path(call, value_get_text(call->body, "path"));
    if (path == NULL) return false;
    for (const char *at = path; *at != '\0';) {
        at += 1 + strcspn(at + 1, "/");
        const char *prefix = arena_strndup(call->arena, path, (size_t)(at - path));
        if (is_directory(model, prefix)) continue;
        if (find(model, prefix) != NULL) {
            return ws_refuse(call, 400, "RESOURCE_ALREADY_EXISTS",
                             "Cannot create directory: %.500s is a file.", prefix);
        }
        if (model->files_len >= WS_FILES_MAX) {
            return ws_refuse(call, 400, "QUOTA_EXCEEDED", "The workspace holds %d files.",
                             WS_FILES_MAX);
        }
        add_node(model, prefix);
    }
    ws_answer_empty(call);
    return true;
}

struct upload {
    const char *path, *content;
    size_t len;
    bool overwrite;
    int status_exists; /* the two endpoints differ in how they say it */
};

static bool store(struct ws_call *call, const struct upload *upload)
{
    struct workspace_model *model = call->model;
    const char *slash = strrchr(upload->path, '/');
    size_t parent_len = slash == upload->path ? 1 : (size_t)(slash - upload->path);
    const char *parent = arena_strndup(call->arena, upload->path, parent_len);
    if (!is_directory(model, parent)) {
        return ws_refuse(call, 404, "RESOURCE_DOES_NOT_EXIST",
                         "The parent folder (%.500s) does not exist.", parent);
    }
    struct ws_file *file = find(model, upload->path);
    bool is_taken = is_directory(model, upload->path) || (file != NULL && !upload->overwrite);
    if (is_taken) {
        return ws_refuse(call, upload->status_exists, "RESOURCE_ALREADY_EXISTS",
                         "Path (%.500s) already exists.", upload->path);
    }
    if (file == NULL && model->files_len >= WS_FILES_MAX) {
        return ws_refuse(call, 400, "QUOTA_EXCEEDED", "The workspace holds %d files.",
                         WS_FILES_MAX);
    }
    if (file == NULL) file = add_node(model, upload->path);
    xfree(file->content);
    file->content = xmalloc(upload->len + 1);
    if (upload->len != 0) memcpy(file->content, upload->content, upload->len);
    file->content[upload->len] = '\0';
    file->len = upload->len;
    file->modified_ms = model->now_ms;
    ws_answer_empty(call);
    return true;
}

char *ws_from_base64(struct arena *arena, const char *text, size_t *ret_len)
{
    char *out = arena_alloc(arena, strlen(text) / 4 * 3 + 4);
    size_t len = 0;
    unsigned bits = 0;
    unsigned held = 0;
    for (; *text != '\0' && *text != '='; text++) {
        if (*text == '\n' || *text == '\r') continue;
        const char *digit = strchr(base64_digits, *text);
        if (digit == NULL) return NULL;
        held = (held << 6 | (unsigned)(digit - base64_digits)) & 0xffffffU;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        out[len++] = (char)(held >> bits & 0xffU);
    }
    if (strspn(text, "=\r\n") != strlen(text)) return NULL;
    *ret_len = len;
    return out;
}

static void emit_base64(struct buf *out, const char *data, size_t len)
{
    buf_addc(out, '"');
    for (size_t i = 0; i < len; i += 3) {
        size_t left = len - i;
        unsigned held = (unsigned)(unsigned char)data[i] << 16;
        if (left > 1) held |= (unsigned)(unsigned char)data[i + 1] << 8;
        if (left > 2) held |= (unsigned)(unsigned char)data[i + 2];
        char group[4] = { base64_digits[held >> 18 & 63], base64_digits[held >> 12 & 63],
                          base64_digits[held >> 6 & 63], base64_digits[held & 63] };
        if (left < 2) group[2] = '=';
        if (left < 3) group[3] = '=';
        buf_add(out, group, sizeof(group));
    }
    buf_adds(out, "\",");
}

bool ws_import(struct ws_call *call)
{
    static const char *const formats[] = { "AUTO", "RAW" };
    const char *content = value_get_text(call->body, "content");
    const char *format = value_get_text(call->body, "format");
    const struct value *overwrite = value_get(call->body, "overwrite");
    struct upload upload = { .status_exists = 400 };
    upload.path = need_path(call, value_get_text(call->body, "path"));
    if (upload.path == NULL) return false;
    if (format == NULL || (strcmp(format, formats[0]) != 0 && strcmp(format, formats[1]) != 0)) {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE",
                         "Only the formats AUTO and RAW make a file; this workspace keeps no "
                         "notebooks.");
    }
    upload.content = ws_from_base64(call->arena, content == NULL ? "" : content, &upload.len);
    if (upload.content == NULL) {
        return ws_refuse(call, 400, "INVALID_PARAMETER_VALUE", "content is not base64.");
    }
    upload.overwrite = overwrite != NULL && overwrite->kind == VALUE_BOOL && overwrite->u.boolean;
    return store(call, &upload);
}

bool ws_import_file(struct ws_call *call)
{
    const char *overwrite = ws_param(call, "overwrite");
    const char *tail = call->tail;
    if (tail[0] != '/') tail = arena_printf(call->arena, "/%s", tail);
    struct upload upload = {
        .path = need_path(call, tail),
        .content = call->request->body,
        .len = call->request->body_len,
        .overwrite = overwrite != NULL && text_equal_nocase(overwrite, "true"),
        .status_exists = 409,
    };
    return upload.path != NULL && store(call, &upload);
}

static void emit_status(struct buf *out, const char *path, const struct ws_file *file)
{
    emit_open(out, '{');
    emit_text(out, "object_type", file == NULL || file->content == NULL ? "DIRECTORY" : "FILE");
    emit_text(out, "path", path);
    if (file != NULL) {
        emit_int(out, "object_id", file->object_id);
        emit_int(out, "created_at", file->created_ms);
        emit_int(out, "modified_at", file->modified_ms);
        if (file->content != NULL) emit_int(out, "size", (int64_t)file->len);
    }
    emit_close(out, '}');
}

bool ws_get_status(struct ws_call *call)
{
    const char *path = need_path(call, ws_param(call, "path"));
    if (path == NULL) return false;
    const struct ws_file *file = find(call->model, path);
    if (file == NULL && !is_root(path)) return refuse_missing(call, path);
    emit_status(ws_answer(call), path, file);
    emit_end(ws_answer(call));
    return true;
}

bool ws_export(struct ws_call *call)
{
    const char *path = need_path(call, ws_param(call, "path"));
    if (path == NULL) return false;
    const struct ws_file *file = find(call->model, path);
    if (file == NULL || file->content == NULL) return refuse_missing(call, path);
    struct buf *out = ws_answer(call);
    const char *direct = ws_param(call, "direct_download");
    if (direct != NULL && text_equal_nocase(direct, "true")) {
        call->response->content_type = "application/octet-stream";
        buf_add(out, file->content, file->len);
        return true;
    }
    emit_open(out, '{');
    emit_key(out, "content");
    emit_base64(out, file->content, file->len);
    emit_text(out, "file_type", "file");
    emit_close(out, '}');
    emit_end(out);
    return true;
}

/* `path` lies in `directory`; below it at any depth, unless only its own entries are wanted. */
static bool is_below(const char *path, const char *directory, bool any_depth)
{
    size_t len = strcmp(directory, "/") == 0 ? 0 : strlen(directory);
    if (strncmp(path, directory, len) != 0 || path[len] != '/' || path[len + 1] == '\0') {
        return false;
    }
    return any_depth || strchr(path + len + 1, '/') == NULL;
}

bool ws_list_path(struct ws_call *call)
{
    const struct workspace_model *model = call->model;
    const char *path = need_path(call, ws_param(call, "path"));
    if (path == NULL) return false;
    if (!is_directory(model, path)) return refuse_missing(call, path);
    struct buf *out = ws_answer(call);
    emit_open(out, '{');
    emit_key(out, "objects");
    emit_open(out, '[');
    for (size_t i = 0; i < model->files_len; i++) {
        const struct ws_file *file = &model->files[i];
        if (is_below(file->path, path, false)) emit_status(out, file->path, file);
    }
    emit_close(out, ']');
    emit_close(out, '}');
    emit_end(out);
    return true;
}

bool ws_delete_path(struct ws_call *call)
{
    struct workspace_model *model = call->model;
    const struct value *recursive = value_get(call->body, "recursive");
    const char *path = need_path(call, value_get_text(call->body, "path"));
    if (path == NULL) return false;
    if (find(model, path) == NULL) return refuse_missing(call, path);
    bool all = recursive != NULL && recursive->kind == VALUE_BOOL && recursive->u.boolean;
    for (size_t i = 0; !all && i < model->files_len; i++) {
        if (!is_below(model->files[i].path, path, true)) continue;
        return ws_refuse(call, 400, "DIRECTORY_NOT_EMPTY", "Folder (%.500s) is not empty.", path);
    }
    size_t kept = 0;
    for (size_t i = 0; i < model->files_len; i++) {
        struct ws_file *file = &model->files[i];
        if (strcmp(file->path, path) == 0 || is_below(file->path, path, true)) {
            xfree(file->path);
            xfree(file->content);
        } else {
            model->files[kept++] = *file;
        }
    }
    model->files_len = kept;
    ws_answer_empty(call);
    return true;
}
