/* SPDX-License-Identifier: MIT */
/*
 * One template per step: %S stands for the quoted source, %D for the quoted destination, %d for the
 * destination with quotes only if it needs them. The errno's description follows where there is
 * one.
 */
#include "message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "quote.h"

static const char *const templates[] = {
    [TUG_COPY_STEP_NONE] = "cannot copy %S",
    [TUG_COPY_STEP_TARGET] = "target %S",
    [TUG_COPY_STEP_STAT] = "cannot stat %S",
    [TUG_COPY_STEP_STAT_DESTINATION] = "cannot stat %D",
    [TUG_COPY_STEP_OPEN] = "cannot open %S for reading",
    [TUG_COPY_STEP_READ] = "error reading %S",
    [TUG_COPY_STEP_ACCESS] = "cannot access %S",
    [TUG_COPY_STEP_READ_LINK] = "cannot read symbolic link %S",
    [TUG_COPY_STEP_CREATE] = "cannot create regular file %D",
    [TUG_COPY_STEP_WRITE] = "error writing %D",
    [TUG_COPY_STEP_CLONE] = "failed to clone %D from %S",
    [TUG_COPY_STEP_CREATE_DIR] = "cannot create directory %D",
    [TUG_COPY_STEP_CREATE_LINK] = "cannot create symbolic link %D",
    [TUG_COPY_STEP_CREATE_HARD_LINK] = "cannot create hard link %D to %S",
    [TUG_COPY_STEP_CREATE_SYMBOLIC_LINK] = "cannot create symbolic link %D to %S",
    [TUG_COPY_STEP_CREATE_SPECIAL] = "cannot create special file %D",
    [TUG_COPY_STEP_REMOVE] = "cannot remove %D",
    [TUG_COPY_STEP_SET_MODE] = "setting permissions for %D",
    [TUG_COPY_STEP_PRESERVE_TIMES] = "preserving times for %D",
    [TUG_COPY_STEP_PRESERVE_OWNER] = "failed to preserve ownership for %D",
    [TUG_COPY_STEP_READ_XATTR] = "getting attributes of %S",
    [TUG_COPY_STEP_PRESERVE_XATTR] = "setting attributes for %D",
    [TUG_COPY_STEP_PRESERVE_MODE] = "preserving permissions for %D",
    [TUG_COPY_STEP_BACKUP] = "cannot backup %D",
    [TUG_COPY_STEP_RESTORE] = "cannot un-backup %D",
    [TUG_COPY_STEP_REFUSED] = "not replacing %D",
    [TUG_COPY_STEP_BACKUP_DESTROYS] = "backing up %D might destroy source;  %S not copied",
    [TUG_COPY_STEP_RELATIVE_LINK] =
        "%d: can make relative symbolic links only in current directory",
    [TUG_COPY_STEP_MEMORY] = "cannot copy %S",
    [TUG_COPY_STEP_OMITTED] = "-r not specified; omitting directory %S",
    [TUG_COPY_STEP_SAME_FILE] = "%S and %D are the same file",
    [TUG_COPY_STEP_INTO_ITSELF] = "cannot copy a directory, %S, into itself, %D",
    [TUG_COPY_STEP_OVER_DIRECTORY] = "cannot overwrite directory %D with non-directory",
    [TUG_COPY_STEP_OVER_FILE] = "cannot overwrite non-directory %D with directory %S",
    [TUG_COPY_STEP_DANGLING_LINK] = "not writing through dangling symlink %D",
    [TUG_COPY_STEP_JUST_CREATED] = "will not overwrite just-created %D with %S",
    [TUG_COPY_STEP_REPLACED] = "skipping file %S, as it was replaced while being copied",
    [TUG_COPY_STEP_LOOP] = "cannot copy cyclic symbolic link %S",
    [TUG_COPY_STEP_TWICE] = "warning: source file %S specified more than once",
    [TUG_COPY_STEP_VERIFY_MISSING] = "verification failed: cannot find %D",
    [TUG_COPY_STEP_VERIFY_TYPE] = "verification failed: %D is not of the same type as %S",
    [TUG_COPY_STEP_VERIFY_CONTENT] = "verification failed: contents of %D differ from %S",
    [TUG_COPY_STEP_VERIFY_MODE] = "verification failed: permissions of %D differ from %S",
    [TUG_COPY_STEP_VERIFY_READ] = "verification failed: error reading %D",
    [TUG_COPY_STEP_VERIFY_OWNER] = "verification failed: owner or group of %D differs from %S",
    [TUG_COPY_STEP_VERIFY_TIME] = "verification failed: time of %D differs from %S",
    [TUG_COPY_STEP_VERIFY_XATTR] = "verification failed: attributes of %D differ from %S",
    [TUG_COPY_STEP_VERIFY_LINKS] = "verification failed: hard links of %D are not those of %S",
};

static const char *find_template(const struct tug_copy_event *event, enum tug_copy_target target)
{
    if (event->step == TUG_COPY_STEP_TARGET && target == TUG_COPY_TARGET_DIRECTORY)
        return "target directory %S";
    if (event->step == TUG_COPY_STEP_TWICE && event->type == S_IFDIR)
        return "warning: source directory %S specified more than once";
    if ((size_t)event->step < sizeof(templates) / sizeof(templates[0]))
        return templates[event->step];
    return templates[TUG_COPY_STEP_NONE];
}

/* Without its quotes, if it means the same then. */
static void put_plainly(FILE *stream, const char *quoted)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "%+,-./:@_";
    size_t length = strlen(quoted);
    if (length > 2 && strspn(quoted + 1, plain) == length - 2)
        fprintf(stream, "%.*s", (int)length - 2, quoted + 1);
    else
        fputs(quoted, stream);
}

/* Fills a template in. */
static char *fill_in(const char *template, const char *source, const char *destination,
                     const char *reason)
{
    char *text = NULL;
    size_t size;
    FILE *stream = open_memstream(&text, &size);
    if (stream == NULL)
        return NULL;
    for (const char *c = template; *c != '\0'; c++) {
        if (*c != '%') {
            fputc(*c, stream);
            continue;
        }
        c++;
        if (*c == 'd')
            put_plainly(stream, destination);
        else
            fputs(*c == 'S' ? source : destination, stream);
    }
    if (reason != NULL)
        fprintf(stream, ": %s", reason);
    if (fclose(stream) != 0) {
        free(text);
        return NULL;
    }
    return text;
}

char *tug_cli_phrase(const char *template, const char *source, const char *destination, int error)
{
    char *quoted_source = tug_cli_quote(source != NULL ? source : "");
    char *quoted_destination = tug_cli_quote(destination != NULL ? destination : "");
    char *text = NULL;
    if (quoted_source != NULL && quoted_destination != NULL)
        text = fill_in(template, quoted_source, quoted_destination,
                       error < 0 ? strerror(-error) : NULL);
    free(quoted_source);
    free(quoted_destination);
    return text;
}

char *tug_cli_message(const struct tug_copy_event *event, enum tug_copy_target target)
{
    char *longer = NULL, *quoted = NULL;
    char *text = tug_cli_phrase(find_template(event, target), event->source, event->destination,
                                event->error);
    if (event->attribute == NULL || text == NULL)
        return text;
    quoted = tug_cli_quote(event->attribute);
    if (quoted == NULL || asprintf(&longer, "%s: %s", text, quoted) < 0)
        longer = NULL;
    free(quoted);
    free(text);
    return longer;
}

char *tug_cli_started(const struct tug_copy_event *event)
{
    return tug_cli_phrase("%S -> %D", event->source, event->destination, 0);
}

char *tug_cli_explained(const struct tug_copy_event *event)
{
    char *quoted = tug_cli_quote(event->destination);
    char *text = NULL;
    if (quoted == NULL ||
        asprintf(&text, "%s: %s, because %s", quoted, event->method, event->reason) < 0)
        text = NULL;
    free(quoted);
    return text;
}

void tug_cli_mode_letters(char text[10], unsigned mode)
{
    static const char letters[] = "rwxrwxrwx";
    for (int i = 0; i < 9; i++)
        text[i] = (mode & (0400u >> i)) != 0 ? letters[i] : '-';
    if ((mode & S_ISUID) != 0)
        text[2] = text[2] == 'x' ? 's' : 'S';
    if ((mode & S_ISGID) != 0)
        text[5] = text[5] == 'x' ? 's' : 'S';
    if ((mode & S_ISVTX) != 0)
        text[8] = text[8] == 'x' ? 't' : 'T';
    text[9] = '\0';
}
