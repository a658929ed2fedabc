/* SPDX-License-Identifier: MIT */
/* Each line names both sides, then says what is different about them. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "cmp.h"
#include "quote.h"

static const char *name_of_type(unsigned mode)
{
    switch (mode & S_IFMT) {
    case S_IFREG:
        return "regular file";
    case S_IFDIR:
        return "directory";
    case S_IFLNK:
        return "symbolic link";
    case S_IFIFO:
        return "FIFO";
    case S_IFSOCK:
        return "socket";
    case S_IFCHR:
        return "character device";
    case S_IFBLK:
        return "block device";
    default:
        return "unknown";
    }
}

static void put_content(FILE *stream, const struct tug_compare_event *event)
{
    if (!S_ISREG(event->mode_a))
        fputs(S_ISLNK(event->mode_a) ? "targets" : "device numbers", stream);
    else if (event->offset == TUG_COMPARE_NO_OFFSET)
        fprintf(stream, "sizes %" PRIu64 " and %" PRIu64, event->size_a, event->size_b);
    else if (event->offset == event->size_a && event->size_a < event->size_b)
        fprintf(stream, "the first ends after byte %" PRIu64, event->offset);
    else if (event->offset == event->size_b && event->size_b < event->size_a)
        fprintf(stream, "the second ends after byte %" PRIu64, event->offset);
    else
        fprintf(stream, "byte %" PRIu64, event->offset + 1);
}

static void put_time(FILE *stream, int64_t seconds, uint32_t nanoseconds)
{
    struct tm parts;
    char text[64];
    time_t time = (time_t)seconds;
    if (localtime_r(&time, &parts) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts) == 0)
        fprintf(stream, "%" PRId64 ".%09" PRIu32, seconds, nanoseconds);
    else
        fprintf(stream, "%s.%09" PRIu32, text, nanoseconds);
}

/* Which name the same file has on one side, and another file on the other. */
static void put_links(FILE *stream, const struct tug_compare_event *event)
{
    bool first = event->linked_a != NULL;
    char *quoted = tug_cli_quote(first ? event->linked_a : event->linked_b);
    fprintf(stream, "only the %s is the same file as %s", first ? "first" : "second",
            quoted != NULL ? quoted : "");
    free(quoted);
}

static void put_attribute(FILE *stream, const char *name)
{
    char *quoted = tug_cli_quote(name);
    fprintf(stream, "extended attribute %s", quoted != NULL ? quoted : "");
    free(quoted);
}

/* What differs, in one word. */
static const char *name_of_kind(enum tug_compare_kind kind)
{
    switch (kind) {
    case TUG_COMPARE_ONLY_IN_A:
        return "only the first exists";
    case TUG_COMPARE_ONLY_IN_B:
        return "only the second exists";
    case TUG_COMPARE_TYPE:
        return "types";
    case TUG_COMPARE_CONTENT:
        return "contents";
    case TUG_COMPARE_MODE:
        return "modes";
    case TUG_COMPARE_OWNER:
        return "owners";
    case TUG_COMPARE_TIME:
        return "times";
    case TUG_COMPARE_LINKS:
        return "hard links";
    default:
        return "extended attributes";
    }
}

static void put_reason(FILE *stream, const struct tug_compare_event *event)
{
    switch (event->kind) {
    case TUG_COMPARE_TYPE:
        fprintf(stream, "%s and %s", name_of_type(event->mode_a), name_of_type(event->mode_b));
        break;
    case TUG_COMPARE_CONTENT:
        put_content(stream, event);
        break;
    case TUG_COMPARE_MODE:
        fprintf(stream, "modes %04o and %04o", event->mode_a & 07777, event->mode_b & 07777);
        break;
    case TUG_COMPARE_OWNER:
        fprintf(stream, "owners %" PRIu32 ":%" PRIu32 " and %" PRIu32 ":%" PRIu32, event->user_a,
                event->group_a, event->user_b, event->group_b);
        break;
    case TUG_COMPARE_TIME:
        fputs("modified ", stream);
        put_time(stream, event->seconds_a, event->nanoseconds_a);
        fputs(" and ", stream);
        put_time(stream, event->seconds_b, event->nanoseconds_b);
        break;
    case TUG_COMPARE_LINKS:
        put_links(stream, event);
        break;
    case TUG_COMPARE_XATTR:
        put_attribute(stream, event->attribute);
        break;
    default:
        fputs(name_of_kind(event->kind), stream);
        break;
    }
}

static void put_line(FILE *stream, const struct tug_compare_event *event, bool brief, const char *a,
                     const char *b)
{
    if (event->kind == TUG_COMPARE_FAILED) {
        fprintf(stream, "cannot compare %s with %s: %s: %s", a, b, event->side == 0 ? a : b,
                strerror(-event->error));
        return;
    }
    fprintf(stream, "%s and %s differ: ", a, b);
    if (brief)
        fputs(name_of_kind(event->kind), stream);
    else
        put_reason(stream, event);
}

char *tug_cli_cmp_message(const struct tug_compare_event *event, bool brief)
{
    char *text = NULL;
    size_t size;
    char *a = tug_cli_quote(event->a), *b = tug_cli_quote(event->b);
    FILE *stream = a != NULL && b != NULL ? open_memstream(&text, &size) : NULL;
    if (stream != NULL) {
        put_line(stream, event, brief, a, b);
        if (fclose(stream) != 0) {
            free(text);
            text = NULL;
        }
    }
    free(a);
    free(b);
    return text;
}
