#include "fake_files.h"

#include <assert.h>

struct node {
    char *path;
    char *text; /* NULL for a link */
    size_t len;
    char *target; /* NULL for a file */
    struct file_stamp stamp;
};

struct failure {
    char *path;
    enum err_code code;
};

struct fake_files {
    struct files port;
    struct node *nodes;
    size_t nodes_len, nodes_cap;
    struct failure *failures;
    size_t failures_len, failures_cap;
    int64_t clock;
    struct fake_counts counts;
};

static bool fake_list(void *ctx, const char *path, files_visit_fn visit, void *visit_ctx,
                      struct err *err);
static bool fake_read(void *ctx, const char *path, struct buf *out, struct file_stamp *ret_stamp,
                      struct err *err);
static bool fake_look(void *ctx, const char *path, struct file_stamp *ret_stamp, struct err *err);

struct fake_files *fake_files_create(void)
{
    struct fake_files *fake = xcalloc(1, sizeof(*fake));
    fake->port = (struct files){ fake, fake_list, fake_read, fake_look, NULL };
    fake->clock = 1000;
    return fake;
}

static void node_release(struct node *node)
{
    xfree(node->path);
    xfree(node->text);
    xfree(node->target);
}

void fake_files_destroy(struct fake_files *fake)
{
    for (size_t i = 0; i < fake->nodes_len; i++) {
        node_release(&fake->nodes[i]);
    }
    for (size_t i = 0; i < fake->failures_len; i++) {
        xfree(fake->failures[i].path);
    }
    xfree(fake->nodes);
    xfree(fake->failures);
    xfree(fake);
}

const struct files *fake_files_port(struct fake_files *fake)
{
    return &fake->port;
}

static struct node *node_find(const struct fake_files *fake, const char *path)
{
    for (size_t i = 0; i < fake->nodes_len; i++) {
        if (strcmp(fake->nodes[i].path, path) == 0) return &fake->nodes[i];
    }
    return NULL;
}

static uint64_t name_number(const char *text)
{
    uint64_t number = UINT64_C(0xcbf29ce484222325);
    for (; *text != '\0'; text++) {
        number = (number ^ (unsigned char)*text) * 0x100000001b3;
    }
    return number;
}

static struct node *node_make(struct fake_files *fake, const char *path)
{
    struct node *node = node_find(fake, path);
    if (node == NULL) {
        ARR_PUSH(fake->nodes, fake->nodes_len, fake->nodes_cap, (struct node){ 0 });
        node = &fake->nodes[fake->nodes_len - 1];
        node->path = xstrdup(path);
    }
    int64_t now = ++fake->clock;
    node->stamp = (struct file_stamp){ 1, name_number(path), node->len, now, now };
    return node;
}

void fake_files_put_bytes(struct fake_files *fake, const char *path, const char *bytes, size_t len)
{
    struct node *node = node_make(fake, path);
    xfree(node->text);
    node->text = xmalloc(len + 1);
    memcpy(node->text, bytes, len);
    node->len = len;
    node->stamp.size = len;
}

void fake_files_put(struct fake_files *fake, const char *path, const char *text)
{
    fake_files_put_bytes(fake, path, text, strlen(text));
}

void fake_files_touch(struct fake_files *fake, const char *path)
{
    assert(node_find(fake, path) != NULL);
    (void)node_make(fake, path);
}

void fake_files_remove(struct fake_files *fake, const char *path)
{
    struct node *node = node_find(fake, path);
    assert(node != NULL);
    node_release(node);
    *node = fake->nodes[--fake->nodes_len];
}

void fake_files_link(struct fake_files *fake, const char *path, const char *target)
{
    struct node *node = node_make(fake, path);
    xfree(node->target);
    node->target = xstrdup(target == NULL ? "/nowhere" : target);
}

void fake_files_fail(struct fake_files *fake, const char *path, enum err_code code)
{
    struct failure failure = { xstrdup(path), code };
    ARR_PUSH(fake->failures, fake->failures_len, fake->failures_cap, failure);
}

struct fake_counts fake_files_counts(struct fake_files *fake)
{
    struct fake_counts counts = fake->counts;
    fake->counts = (struct fake_counts){ 0 };
    return counts;
}

static bool fails(const struct fake_files *fake, const char *path, struct err *err)
{
    enum err_code code = ERR_NONE;
    for (size_t i = 0; i < fake->failures_len; i++) {
        if (strcmp(fake->failures[i].path, path) == 0) code = fake->failures[i].code;
    }
    if (code == ERR_NONE) return false;
    (void)err_set(err, code, "cannot read '%s': the test says so", path);
    return true;
}

/* Is `path` below `directory`? What of it is below, then. */
static const char *below(const char *path, const char *directory)
{
    size_t len = strlen(directory);
    if (strncmp(path, directory, len) != 0 || path[len] != '/') return NULL;
    return path + len + 1;
}

/* `path` with links followed, into `out`. */
static void follow(const struct fake_files *fake, const char *path, struct buf *out)
{
    buf_clear(out);
    (void)buf_adds(out, path);
    for (size_t i = 0; i < fake->nodes_len; i++) {
        const struct node *node = &fake->nodes[i];
        if (node->target == NULL) continue;
        const char *rest = below(buf_text(out), node->path);
        if (rest == NULL && strcmp(buf_text(out), node->path) != 0) continue;
        char *kept = rest == NULL ? NULL : xstrdup(rest);
        buf_clear(out);
        (void)buf_addf(out, "%s%s%s", node->target, kept == NULL ? "" : "/",
                       kept == NULL ? "" : kept);
        xfree(kept);
        i = (size_t)-1; /* from the start: the target may lead through another link */
    }
}

static bool is_directory(const struct fake_files *fake, const char *path)
{
    for (size_t i = 0; i < fake->nodes_len; i++) {
        if (below(fake->nodes[i].path, path) != NULL) return true;
    }
    return false;
}

static struct file_stamp directory_stamp(const char *path)
{
    return (struct file_stamp){ 1, name_number(path), 0, 1, 1 };
}

static void visit_node(const struct fake_files *fake, const struct node *node, const char *name,
                       files_visit_fn visit, void *ctx)
{
    static const struct file_stamp nowhere;
    AUTO_BUF struct buf real = BUF_INIT(4096);
    if (node->target == NULL) {
        visit(ctx, name, FILE_REGULAR, &node->stamp);
        return;
    }
    follow(fake, node->path, &real);
    if (is_directory(fake, buf_text(&real))) {
        struct file_stamp stamp = directory_stamp(buf_text(&real));
        visit(ctx, name, FILE_DIRECTORY, &stamp);
        return;
    }
    visit(ctx, name, FILE_OTHER, &nowhere);
}

/* Is this the first node below the directory `name` of `path`? */
static bool is_first(const struct fake_files *fake, const char *path, const char *name, size_t len,
                     size_t at)
{
    for (size_t i = 0; i < at; i++) {
        const char *rest = below(fake->nodes[i].path, path);
        if (rest != NULL && strncmp(rest, name, len) == 0 && rest[len] == '/') return false;
    }
    return true;
}

static bool fake_list(void *ctx, const char *path, files_visit_fn visit, void *visit_ctx,
                      struct err *err)
{
    struct fake_files *fake = ctx;
    AUTO_BUF struct buf real = BUF_INIT(4096);
    AUTO_BUF struct buf name = BUF_INIT(4096);
    fake->counts.lists++;
    follow(fake, path, &real);
    if (fails(fake, buf_text(&real), err)) return false;
    if (!is_directory(fake, buf_text(&real))) {
        return err_set(err, ERR_NOT_FOUND, "cannot open directory '%s'", path);
    }
    for (size_t i = 0; i < fake->nodes_len; i++) {
        const char *rest = below(fake->nodes[i].path, buf_text(&real));
        if (rest == NULL) continue;
        size_t len = strcspn(rest, "/");
        if (rest[len] == '\0') {
            visit_node(fake, &fake->nodes[i], rest, visit, visit_ctx);
        } else if (is_first(fake, buf_text(&real), rest, len, i)) {
            buf_clear(&name);
            (void)buf_addf(&name, "%s/%.*s", buf_text(&real), (int)len, rest);
            struct file_stamp stamp = directory_stamp(buf_text(&name));
            visit(visit_ctx, buf_text(&name) + real.len + 1, FILE_DIRECTORY, &stamp);
        }
    }
    return true;
}

static bool fake_read(void *ctx, const char *path, struct buf *out, struct file_stamp *ret_stamp,
                      struct err *err)
{
    struct fake_files *fake = ctx;
    AUTO_BUF struct buf real = BUF_INIT(4096);
    fake->counts.reads++;
    follow(fake, path, &real);
    if (fails(fake, buf_text(&real), err)) return false;
    const struct node *node = node_find(fake, buf_text(&real));
    if (node == NULL) return err_set(err, ERR_NOT_FOUND, "cannot open '%s': no such file", path);
    (void)buf_add(out, node->text, node->len);
    if (ret_stamp != NULL) *ret_stamp = node->stamp;
    return buf_ok(out, path, err);
}

static bool fake_look(void *ctx, const char *path, struct file_stamp *ret_stamp, struct err *err)
{
    struct fake_files *fake = ctx;
    AUTO_BUF struct buf real = BUF_INIT(4096);
    fake->counts.looks++;
    follow(fake, path, &real);
    const struct node *node = node_find(fake, buf_text(&real));
    if (node != NULL) {
        *ret_stamp = node->stamp;
        return true;
    }
    if (!is_directory(fake, buf_text(&real))) {
        return err_set(err, ERR_NOT_FOUND, "cannot look at '%s': no such file", path);
    }
    *ret_stamp = directory_stamp(buf_text(&real));
    return true;
}
