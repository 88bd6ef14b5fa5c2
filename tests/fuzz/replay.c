/*
 * replay: a target on the inputs that are kept, without libFuzzer.
 *
 *   replay_TARGET [--cut] PATH...   files, and all files of directories, in the order of names
 *
 * --cut runs each file also without its end, cut at many places: what a file that was written half,
 * or an answer that broke off, looks like.
 */
#include "fuzz.h"

#include "buf.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { INPUT_MAX = 1 << 20, CUTS = 16 };

struct replay {
    bool cuts;
    size_t runs;
};

/* In a block of its own size, so that a read behind its end is seen. */
static void run(struct replay *replay, const char *bytes, size_t len)
{
    uint8_t *copy = xmalloc(len);
    if (len != 0) memcpy(copy, bytes, len);
    (void)LLVMFuzzerTestOneInput(copy, len);
    xfree(copy);
    replay->runs++;
}

static bool run_file(struct replay *replay, const char *path)
{
    char block[4096];
    AUTO_BUF struct buf bytes = BUF_INIT(INPUT_MAX);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        return false;
    }
    for (size_t got = 0; (got = fread(block, 1, sizeof(block), file)) > 0;) {
        buf_add(&bytes, block, got);
    }
    bool is_whole = ferror(file) == 0 && !bytes.overflowed;
    (void)fclose(file);
    if (!is_whole) {
        (void)fprintf(stderr, "%s: cannot be read, or is larger than %d bytes\n", path, INPUT_MAX);
        return false;
    }
    (void)fprintf(stderr, "%s\n", path); /* the last one said is the one that failed */
    run(replay, buf_text(&bytes), bytes.len);
    for (size_t i = 1; replay->cuts && i < CUTS; i++) {
        run(replay, buf_text(&bytes), bytes.len * i / CUTS);
    }
    return true;
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool run_directory(struct replay *replay, const char *path)
{
    struct dirent **entries = NULL;
    int len = scandir(path, &entries, is_visible, alphasort);
    bool ok = len > 0; /* an empty one shows nothing */
    if (!ok) (void)fprintf(stderr, "%s: no files\n", path);
    for (int i = 0; i < len; i++) {
        AUTO_BUF struct buf file = BUF_INIT(4096);
        buf_addf(&file, "%s/%s", path, entries[i]->d_name);
        ok = run_file(replay, buf_text(&file)) && ok;
        free(entries[i]);
    }
    free(entries);
    return ok;
}

static bool run_path(struct replay *replay, const char *path)
{
    struct stat about;
    if (stat(path, &about) != 0) {
        perror(path);
        return false;
    }
    return S_ISDIR(about.st_mode) ? run_directory(replay, path) : run_file(replay, path);
}

int main(int argc, char **argv)
{
    bool cuts = argc > 1 && strcmp(argv[1], "--cut") == 0;
    int first = cuts ? 2 : 1;
    if (argc <= first) {
        (void)fprintf(stderr, "usage: %s [--cut] PATH...\n", argv[0]);
        return 64;
    }
    struct replay replay = { .cuts = cuts };
    bool ok = true;
    run(&replay, "", 0);
    for (int i = first; i < argc; i++) {
        ok = run_path(&replay, argv[i]) && ok;
    }
    (void)printf("%zu runs\n", replay.runs);
    return ok ? EXIT_SUCCESS : EXIT_FAILURE;
}
