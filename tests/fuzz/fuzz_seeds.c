/*
 * fuzz_seeds: what a fuzzer begins with, made from the tables of the program: a new row of
 * fields.def or of the options is in it without a line here.
 *
 *   fuzz_seeds DIRECTORY
 *
 * writes DIRECTORY/TARGET.dict, the words of the target, and DIRECTORY/TARGET/..., inputs.
 */
#include "fuzz.h"

#include "field.h"
#include "json.h"
#include "manifest.h"
#include "options.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { PATH_SIZE = 4096, TEXT_MAX = 1 << 20 };

static const struct pos nowhere;

/* Words that no table holds. */
static const char *const yaml_words[] = {
    ("apiVersion: " MANIFEST_API_VERSION "\n"),
    "kind: Cluster\n",
    "kind: Defaults\n",
    "metadata: {name: etl}\n",
    "spec:\n",
    "{fromEnv: REGISTRY_PASSWORD}",
    "{fromFile: /m/password}",
    "{{secrets/scope/key}}",
    "l1teral-s3cret",
    "local: {source: setup.sh}",
    "---\n",
    "\x1c",
    "<<: *a",
    "&a ",
    "*a",
    "|\n  ",
    "!!str ",
    "null",
    "acme/etl:1.4.2",
};
static const char *const answer_words[] = {
    "\"cluster_id\":\"1125-a\"",
    "\"clusters\":[",
    "\"next_page_token\":\"x\"",
    "\"spec\":{",
    "\"state\":\"RUNNING\"",
    "\"state\":\"TERMINATED\"",
    "\"termination_reason\":{",
    "\"code\":\"DOCKER_IMAGE_PULL_FAILURE\"",
    "\"type\":\"CLIENT_ERROR\"",
    "\"parameters\":{",
    "\"error_code\":\"INVALID_STATE\"",
    "\"message\":\"",
    "\"details\":[{\"request_id\":\"",
    "\"userName\":\"",
    "<html><title>",
    "<pre>",
    "dapi0123456789abcdef",
    "\"clusterkeeper-owner\":\"main\"",
    "\"clusterkeeper-name\":\"etl\"",
    "\\u202e",
    "1e999",
};
static const char *const image_words[] = {
    "sha256:",          "sha512:",    "@",         "localhost/",      ".azurecr.io/",
    "index.docker.io/", "docker.io/", ".dkr.ecr.", ".amazonaws.com/", "ghcr.io/",
    "[::1]:5000/",      "__",         "https://",
};
static const char *const host_words[] = {
    "https://",
    "http://",
    "localhost",
    "127.0.0.1",
    "[::1]",
    ":443",
    "user:password@",
    "1h30m",
    "\n$",
    "\n--",
    "=",
    "HOME=/",
    "STATE_DIRECTORY=/a:/b",
};

/* ---- files ---- */

static FILE *open_file(const char *path)
{
    FILE *file = fopen(path, "wb");
    if (file != NULL) return file;
    perror(path);
    exit(EXIT_FAILURE); /* NOLINT(concurrency-mt-unsafe): one thread */
}

static void close_file(FILE *file, const char *path)
{
    bool ok = ferror(file) == 0;
    if (fclose(file) == 0 && ok) return;
    (void)fprintf(stderr, "%s cannot be written\n", path);
    exit(EXIT_FAILURE); /* NOLINT(concurrency-mt-unsafe): one thread */
}

static void make_directory(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return;
    perror(path);
    exit(EXIT_FAILURE); /* NOLINT(concurrency-mt-unsafe): one thread */
}

struct target {
    const char *directory, *name;
    FILE *words;
    char words_path[PATH_SIZE];
};

static void target_open(struct target *target, const char *directory, const char *name)
{
    char path[PATH_SIZE];
    *target = (struct target){ .directory = directory, .name = name };
    (void)snprintf(path, sizeof(path), "%s/%s", directory, name);
    make_directory(path);
    (void)snprintf(target->words_path, sizeof(target->words_path), "%s/%s.dict", directory, name);
    target->words = open_file(target->words_path);
}

static void target_close(struct target *target)
{
    close_file(target->words, target->words_path);
}

static void add_word(struct target *target, const char *word)
{
    (void)fputc('"', target->words);
    for (const char *at = word; *at != '\0'; at++) {
        unsigned char c = (unsigned char)*at;
        bool is_plain = c >= ' ' && c <= '~' && c != '"' && c != '\\';
        (void)fprintf(target->words, is_plain ? "%c" : "\\x%02x", c);
    }
    (void)fputs("\"\n", target->words);
}

static void add_words(struct target *target, const char *const *words, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        add_word(target, words[i]);
    }
}

static void add_seed(const struct target *target, const char *name, const char *text)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof(path), "%s/%s/table-%s", target->directory, target->name, name);
    FILE *file = open_file(path);
    (void)fputs(text, file);
    close_file(file, path);
}

/* ---- the table of fields ---- */

static const char *sample_text(const struct field *field)
{
    static const struct {
        const char *path, *text;
    } texts[] = {
        { "spark_version", "15.4.x-scala2.12" },
        { "docker_image.url", "acme/etl:1.4.2" },
        { "init_scripts[].local.source", "setup.sh" },
        { "init_scripts[].workspace.destination", "/Workspace/Shared/init.sh" },
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        if (text_equal(texts[i].path, field->path)) return texts[i].text;
    }
    return "i3.xlarge";
}

/* The first name of the first choice. */
static const char *sample_choice(struct arena *arena, const struct field *field)
{
    return arena_strndup(arena, field->choices, strcspn(field->choices, "|="));
}

static const struct value *sample(struct arena *arena, const struct field *field, bool is_answer);

/* All members; of ONE_OF the one of that number. */
static const struct value *sample_members(struct arena *arena, const struct field *field,
                                          size_t only, bool is_answer)
{
    struct value_builder map = value_build_map(arena, nowhere);
    for (size_t i = 0; i < field->children_len; i++) {
        const struct field *child = &field->children[i];
        if (field->type == FIELD_ONE_OF && i != only) continue;
        if (is_answer && (child->flags & FIELD_MANIFEST_ONLY) != 0) continue;
        value_put_new(&map, child->name, nowhere, sample(arena, child, is_answer));
    }
    return map.value;
}

/* An item for each kind that there is. */
static const struct value *sample_list(struct arena *arena, const struct field *field,
                                       bool is_answer)
{
    struct value_builder list = value_build_list(arena, nowhere);
    const struct field *element = field->children;
    size_t kinds = element->type == FIELD_ONE_OF ? element->children_len : 1;
    for (size_t i = 0; i < kinds; i++) {
        value_push(&list, sample_members(arena, element, i, is_answer));
    }
    return list.value;
}

static const struct value *sample_secret(struct arena *arena, bool is_answer)
{
    if (is_answer) return value_text(arena, nowhere, "echoed-passw0rd");
    struct value_builder map = value_build_map(arena, nowhere);
    value_put_new(&map, "fromEnv", nowhere, value_text(arena, nowhere, "REGISTRY_PASSWORD"));
    return map.value;
}

static const struct value *sample(struct arena *arena, const struct field *field, bool is_answer)
{
    struct value_builder built;
    if ((field->flags & FIELD_SECRET) != 0) return sample_secret(arena, is_answer);
    switch (field->type) {
    case FIELD_TEXT:
        break;
    case FIELD_BOOL:
        return value_bool(arena, nowhere, true);
    case FIELD_INT:
        return value_int(arena, nowhere, field->min > 2 ? field->min : 2);
    case FIELD_REAL:
        return value_real(arena, nowhere, 0.5);
    case FIELD_ENUM:
        return value_text(arena, nowhere, sample_choice(arena, field));
    case FIELD_TEXTS:
        built = value_build_list(arena, nowhere);
        value_push(&built, value_text(arena, nowhere, sample_text(field)));
        return built.value;
    case FIELD_MAP:
    case FIELD_CONF:
        built = value_build_map(arena, nowhere);
        value_put_new(&built, "spark.a", nowhere, value_text(arena, nowhere, "True"));
        return built.value;
    case FIELD_OBJECT:
    case FIELD_ONE_OF:
        return sample_members(arena, field, 0, is_answer);
    case FIELD_LIST:
        return sample_list(arena, field, is_answer);
    }
    return value_text(arena, nowhere, sample_text(field));
}

/* ---- manifests and answers ---- */

/* Every name, and every choice with its aliases. */
static void add_field_words(struct target *target, const struct field *fields, size_t len,
                            const char *pattern)
{
    for (size_t i = 0; i < len; i++) {
        AUTO_BUF struct buf word = BUF_INIT(TEXT_MAX);
        if (!text_equal(fields[i].name, "[]")) {
            buf_adds(&word, pattern[0] == '"' ? "\"" : "");
            buf_addf(&word, "%s%s", fields[i].name, pattern);
            add_word(target, buf_text(&word));
        }
        for (const char *at = fields[i].choices; at != NULL && *at != '\0';) {
            size_t used = strcspn(at, "|=");
            buf_clear(&word);
            buf_add(&word, at, used);
            add_word(target, buf_text(&word));
            at += used + (at[used] == '\0' ? 0 : 1);
        }
        add_field_words(target, fields[i].children, fields[i].children_len, pattern);
    }
}

/* A plain spec and, over it, `patch`. */
static const struct value *make_spec(struct arena *arena, const struct value *patch)
{
    static const char *const names[] = { "spark_version", "node_type_id", "num_workers" };
    struct value_builder spec = value_build_map(arena, nowhere);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        const struct field *field = field_child(NULL, names[i]);
        value_put_new(&spec, names[i], nowhere, sample(arena, field, false));
    }
    return value_merge(arena, spec.value, patch);
}

static const struct value *one_member(struct arena *arena, const char *key,
                                      const struct value *value)
{
    struct value_builder map = value_build_map(arena, nowhere);
    value_put_new(&map, key, nowhere, value);
    return map.value;
}

static void add_json(const struct target *target, const char *name, const char *prefix,
                     const struct value *value)
{
    AUTO_BUF struct buf out = BUF_INIT(TEXT_MAX);
    buf_adds(&out, prefix);
    json_write(value, &out);
    add_seed(target, name, buf_text(&out));
}

/* A row beside `spec`, or the row of a spec, in a document that is whole. */
static void add_manifest(struct arena *arena, const struct target *target,
                         const struct field *field, bool is_of_spec)
{
    struct value_builder document = value_build_map(arena, nowhere);
    const struct value *row = one_member(arena, field->name, sample(arena, field, false));
    const struct value *name = value_text(arena, nowhere, "etl");
    value_put(&document, "apiVersion", nowhere, value_text(arena, nowhere, MANIFEST_API_VERSION));
    value_put(&document, "kind", nowhere, value_text(arena, nowhere, "Cluster"));
    value_put(&document, "metadata", nowhere, one_member(arena, "name", name));
    value_put(&document, "spec", nowhere, make_spec(arena, is_of_spec ? row : NULL));
    if (!is_of_spec) value_put(&document, field->name, nowhere, row->u.members[0].value);
    add_json(target, field->name, "", document.value);
}

/* As clusters/get tells it: in effect, and as submitted. */
static void add_answer(struct arena *arena, const struct target *target, const struct field *field)
{
    const struct value *row = one_member(arena, field->name, sample(arena, field, true));
    const struct value *spec = make_spec(arena, row);
    struct value_builder answer = value_build_map(arena, nowhere);
    value_put(&answer, "cluster_id", nowhere, value_text(arena, nowhere, "1125-080000-etl00001"));
    value_put(&answer, "state", nowhere, value_text(arena, nowhere, "RUNNING"));
    value_put(&answer, "spec", nowhere, spec);
    add_json(target, field->name, "g", value_merge(arena, spec, answer.value));
}

static void write_fields(const char *directory)
{
    AUTO_ARENA struct arena arena = ARENA_INIT;
    struct target manifest, answers;
    const struct field *document = field_document();
    size_t len = 0;
    const struct field *top = field_top(&len);
    target_open(&manifest, directory, "manifest");
    target_open(&answers, directory, "answers");
    add_words(&manifest, yaml_words, COUNT_OF(yaml_words));
    add_words(&answers, answer_words, COUNT_OF(answer_words));
    add_field_words(&manifest, document->children, document->children_len, ": ");
    add_field_words(&answers, top, len, "\":");
    for (size_t i = 0; i < document->children_len; i++) {
        const struct field *field = &document->children[i];
        bool is_extra = field->type == FIELD_LIST || text_equal(field->name, "keep");
        if (is_extra) add_manifest(&arena, &manifest, field, false);
    }
    for (size_t i = 0; i < len; i++) {
        add_manifest(&arena, &manifest, &top[i], true);
        add_answer(&arena, &answers, &top[i]);
    }
    target_close(&manifest);
    target_close(&answers);
}

/* ---- the table of options, as --help tells it ---- */

/* "  --timeout DURATION  ...": a word, and a seed in which it has a value. */
static void add_option(struct target *target, const char *line)
{
    static const char *const values[] = { "1h", "365d", "7", "json", "x" };
    size_t len = strcspn(line, " ");
    AUTO_BUF struct buf name = BUF_INIT(PATH_SIZE);
    AUTO_BUF struct buf seed = BUF_INIT(TEXT_MAX);
    buf_add(&name, line, len);
    add_word(target, buf_text(&name));
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        buf_clear(&seed);
        buf_addf(&seed, "\x01manifests\n%s=%s", buf_text(&name), values[i]);
        AUTO_BUF struct buf file = BUF_INIT(PATH_SIZE);
        buf_addf(&file, "%s-%zu", buf_text(&name) + 2, i);
        add_seed(target, buf_text(&file), buf_text(&seed));
    }
}

static void write_options(const char *directory)
{
    static const char environment[] = "(environment: ";
    const struct command command = {
        .name = "all", .arguments = "DIR", .summary = "all", .details = "", .mask = UINT32_MAX
    };
    AUTO_BUF struct buf help = BUF_INIT(TEXT_MAX);
    struct target config;
    options_help(&command, &help);
    target_open(&config, directory, "config");
    add_words(&config, host_words, COUNT_OF(host_words));
    for (const char *line = buf_text(&help); line != NULL; line = strchr(line, '\n')) {
        if (*line == '\n') line++;
        size_t blanks = strspn(line, " ");
        const char *text = line + blanks;
        if (blanks == 2 && text_starts(text, "--")) add_option(&config, text);
        if (!text_starts(text, environment)) continue;
        AUTO_BUF struct buf word = BUF_INIT(PATH_SIZE);
        const char *name = text + strlen(environment);
        buf_addf(&word, "\n$%.*s=", (int)strcspn(name, ")"), name);
        add_word(&config, buf_text(&word));
    }
    target_close(&config);
}

static void write_images(const char *directory)
{
    struct target images;
    target_open(&images, directory, "image_ref");
    add_words(&images, image_words, COUNT_OF(image_words));
    add_seed(&images, "tag", "acme/etl:1.4.2");
    add_seed(&images, "port", "reg.example:5000/team/etl@sha256:0123");
    target_close(&images);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        (void)fprintf(stderr, "usage: fuzz_seeds DIRECTORY\n");
        return 64;
    }
    make_directory(argv[1]);
    write_fields(argv[1]);
    write_options(argv[1]);
    write_images(argv[1]);
    return EXIT_SUCCESS;
}
