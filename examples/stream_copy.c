/* SPDX-License-Identifier: MIT */
/*
 * stream_copy SOURCE TARGET: copies a directory as a pipeline: a walk, a filter, and up to 32 files
 * in the works at once. Regular files and the directories they are in; nothing else. The first
 * error stops it, as does Ctrl-C: no file in TARGET is incomplete then.
 *
 *     ./stream_copy photos /mnt/backup/photos
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include <tug/tug.h>

static bool is_file(void *unused, const void *item)
{
    (void)unused;
    return ((const struct tug_walk_entry *)item)->type == DT_REG;
}

/* A path that is cut off here is still too long for the kernel, which says so. */
static int64_t copy_file(void *target, void *item)
{
    const struct tug_walk_entry *file = item;
    int directory = (int)(file->name - file->relative);
    char path[PATH_MAX + 1];
    snprintf(path, sizeof path, "%s/%.*s", (char *)target, directory, file->relative);
    int64_t result = tug_fs_create_dir_all(path, 0777);
    snprintf(path, sizeof path, "%s/%s", (char *)target, file->relative);
    return result < 0 ? result : tug_fs_copy(file->path, path);
}

static int64_t copy_tree(char *from, char *target)
{
    struct tug_walk walk;
    struct tug_stream_filter filter;
    struct tug_stream *files = tug_stream_filter(&filter, tug_walk(&walk, from, 0), is_file, NULL);
    int64_t result = tug_stream_try_for_each_concurrent(files, 32, copy_file, target);
    tug_stream_close(files);
    return result;
}

static int64_t copy(void *argument)
{
    char **words = argument;
    int error = tug_fs_create_dir_all(words[2], 0777);
    return error == 0 ? copy_tree(words[1], words[2]) : error;
}

static int64_t run(void *words)
{
    struct tug_signal ctrl_c;
    struct tug_signal_future interrupt;
    struct tug_join_future end;
    struct tug_future *both[] = {&end.future, &interrupt.future};
    int64_t result = tug_signal_open(&ctrl_c, SIGINT);
    if (result < 0)
        return result;
    struct tug_task *task = tug_spawn(copy, words);
    result = -ENOMEM;
    if (task != NULL) {
        tug_join_future_init(&end, task);
        tug_signal_future_init(&interrupt, &ctrl_c);
        if (tug_select_biased(both, 2) == 0) {
            result = end.future.result;
        } else {
            tug_task_abort(task);
            tug_join(task, &result);
        }
    }
    tug_signal_close(&ctrl_c);
    return result;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: stream_copy SOURCE TARGET\n");
        return 2;
    }
    int64_t result = tug_run(run, argv);
    if (result < 0)
        fprintf(stderr, "stream_copy %s %s: %s\n", argv[1], argv[2], strerror((int)-result));
    return result < 0;
}
