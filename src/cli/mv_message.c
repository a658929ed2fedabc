/* SPDX-License-Identifier: MIT */
/* One template per step and kind: see tug_cli_phrase(). */
#include "mv_message.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "message.h"
#include "quote.h"

static const char *const templates[] = {
    [TUG_MOVE_STEP_TARGET] = "target %S",
    [TUG_MOVE_STEP_STAT] = "cannot stat %S",
    [TUG_MOVE_STEP_STAT_DESTINATION] = "cannot stat %D",
    [TUG_MOVE_STEP_RENAME] = "cannot move %S to %D",
    [TUG_MOVE_STEP_EXCHANGE] = "cannot exchange %S and %D",
    [TUG_MOVE_STEP_REPLACE] = "inter-device move failed: %S to %D; unable to remove target",
    [TUG_MOVE_STEP_BACKUP] = "cannot backup %D",
    [TUG_MOVE_STEP_SYNC] = "cannot write %D to disk",
    [TUG_MOVE_STEP_REMOVE] = "cannot remove %S",
    [TUG_MOVE_STEP_CLEAN] = "cannot remove temporary copy %D",
    [TUG_MOVE_STEP_MEMORY] = "cannot move %S",
    [TUG_MOVE_STEP_INTO_ITSELF] = "cannot move %S to a subdirectory of itself, %D",
    [TUG_MOVE_STEP_SAME_FILE] = "%S and %D are the same file",
    [TUG_MOVE_STEP_OVER_DIRECTORY] = "cannot overwrite directory %D with non-directory",
    [TUG_MOVE_STEP_OVER_FILE] = "cannot overwrite non-directory %D with directory %S",
    [TUG_MOVE_STEP_JUST_CREATED] = "will not overwrite just-created %D with %S",
    [TUG_MOVE_STEP_BACKUP_DESTROYS] = "backing up %D might destroy source;  %S not moved",
    [TUG_MOVE_STEP_REFUSED] = "not replacing %D",
    [TUG_MOVE_STEP_CHANGED] = "not removing %S, as it changed while being moved",
};

static char *failure(const struct tug_move_event *event, enum tug_copy_target target)
{
    if (event->step == TUG_MOVE_STEP_COPY) {
        const struct tug_copy_event copy = {
            .kind = event->kind == TUG_MOVE_WARNING ? TUG_COPY_WARNING : TUG_COPY_FAILED,
            .step = event->copy_step,
            .error = event->error,
            .type = event->type,
            .attribute = event->attribute,
            .source = event->source,
            .destination = event->destination,
        };
        return tug_cli_message(&copy, target);
    }
    const char *template = "cannot move %S";
    if (event->step == TUG_MOVE_STEP_TARGET && target == TUG_COPY_TARGET_DIRECTORY)
        template = "target directory %S";
    else if ((size_t)event->step < sizeof(templates) / sizeof(templates[0]) &&
             templates[event->step] != NULL)
        template = templates[event->step];
    return tug_cli_phrase(template, event->source, event->destination, event->error);
}

static char *verbose(const struct tug_move_event *event)
{
    switch (event->kind) {
    case TUG_MOVE_RENAMED:
        return tug_cli_phrase("renamed %S -> %D", event->source, event->destination, 0);
    case TUG_MOVE_EXCHANGED:
        return tug_cli_phrase("exchanged %S <-> %D", event->source, event->destination, 0);
    case TUG_MOVE_CREATED:
        return tug_cli_phrase("created directory %D", NULL, event->destination, 0);
    case TUG_MOVE_COPIED:
        return tug_cli_phrase("copied %S -> %D", event->source, event->destination, 0);
    default:
        return tug_cli_phrase(S_ISDIR(event->type) ? "removed directory %S" : "removed %S",
                              event->source, NULL, 0);
    }
}

/* "text (backup: 'name')" */
static char *add_backup(char *text, const char *backup)
{
    char *longer = NULL, *quoted = tug_cli_quote(backup);
    if (text == NULL || quoted == NULL || asprintf(&longer, "%s (backup: %s)", text, quoted) < 0)
        longer = NULL;
    free(quoted);
    free(text);
    return longer;
}

char *tug_cli_mv_message(const struct tug_move_event *event, enum tug_copy_target target)
{
    if (event->kind == TUG_MOVE_FAILED || event->kind == TUG_MOVE_WARNING)
        return failure(event, target);
    char *text = verbose(event);
    return event->backup != NULL ? add_backup(text, event->backup) : text;
}

bool tug_cli_mv_is_silent(const struct tug_move_event *event)
{
    /* Who has said no knows. */
    if (event->kind == TUG_MOVE_FAILED)
        return event->step == TUG_MOVE_STEP_DECLINED;
    return false;
}

char *tug_cli_mv_question(const char *path, unsigned mode, bool writable)
{
    char *quoted = tug_cli_quote(path), *text = NULL, letters[10];
    int length = -1;
    tug_cli_mode_letters(letters, mode);
    if (quoted != NULL && writable)
        length = asprintf(&text, "overwrite %s?", quoted);
    else if (quoted != NULL)
        length = asprintf(&text, "replace %s, overriding mode %04o (%s)?", quoted, mode & 07777,
                          letters);
    free(quoted);
    return length < 0 ? NULL : text;
}
