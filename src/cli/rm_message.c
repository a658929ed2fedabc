/* SPDX-License-Identifier: MIT */
/* One sentence per step, with the quoted name in it. */
#include "rm_message.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "quote.h"

/* As asprintf(3). NULL: no memory. */
__attribute__((format(printf, 1, 2))) static char *format(const char *template, ...)
{
    char *text;
    va_list arguments;
    va_start(arguments, template);
    int length = vasprintf(&text, template, arguments);
    va_end(arguments);
    return length < 0 ? NULL : text;
}

static char *failure_text(const struct tug_remove_event *event, const char *path)
{
    switch (event->step) {
    case TUG_REMOVE_STEP_DOT:
        return format("refusing to remove '.' or '..' directory: skipping %s", path);
    case TUG_REMOVE_STEP_ROOT:
        return format("it is dangerous to operate recursively on %s%s", path,
                      strcmp(event->path, "/") != 0 ? " (same as '/')" : "");
    case TUG_REMOVE_STEP_OTHER_DEVICE:
    case TUG_REMOVE_STEP_MOUNT_POINT:
        return format("skipping %s, since it's on a different device", path);
    case TUG_REMOVE_STEP_PARENT:
        return format("failed to stat the parent of %s: skipping it", path);
    default:
        return format("cannot remove %s: %s", path, strerror(-event->error));
    }
}

char *tug_cli_rm_failure(const struct tug_remove_event *event)
{
    char *path = tug_cli_quote(event->path);
    char *text = path != NULL ? failure_text(event, path) : NULL;
    free(path);
    return text;
}

const char *tug_cli_rm_advice(const struct tug_remove_event *event)
{
    if (event->step == TUG_REMOVE_STEP_ROOT)
        return "use --no-preserve-root to override this failsafe";
    if (event->step == TUG_REMOVE_STEP_MOUNT_POINT)
        return "and --preserve-root=all is in effect";
    return NULL;
}

char *tug_cli_rm_removed(const struct tug_remove_event *event)
{
    char *path = tug_cli_quote(event->path);
    if (path == NULL)
        return NULL;
    char *text = format("removed %s%s", event->type == S_IFDIR ? "directory " : "", path);
    free(path);
    return text;
}

static const char *type_name(const struct tug_remove_question *question)
{
    switch (question->type) {
    case S_IFREG:
        return question->size == 0 ? "regular empty file" : "regular file";
    case S_IFDIR:
        return "directory";
    case S_IFLNK:
        return "symbolic link";
    case S_IFIFO:
        return "fifo";
    case S_IFSOCK:
        return "socket";
    case S_IFBLK:
        return "block special file";
    case S_IFCHR:
        return "character special file";
    default:
        return "weird file";
    }
}

char *tug_cli_rm_question(const struct tug_remove_question *question)
{
    char *path = tug_cli_quote(question->path);
    if (path == NULL)
        return NULL;
    char *text =
        format("%s %s%s %s", question->action == TUG_REMOVE_DESCEND ? "descend into" : "remove",
               question->write_protected ? "write-protected " : "", type_name(question), path);
    free(path);
    return text;
}
