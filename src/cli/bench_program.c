/* SPDX-License-Identifier: MIT */
/*
 * Commands are written as a user would type them, %s for the source and %d for the destination;
 * they are split at spaces and no shell takes part. The options are those that do the same work as
 * `cp -r`, or the least that the tool offers beyond it.
 */
#include "bench_program.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <tug/sys.h>

/* The one executable of uutils that has all of its commands. */
#define MANY "coreutils"

struct row {
    const char *name;
    const char *commands[TUG_BENCH_OPERATIONS];
    bool loses_modes;
    /* What its version begins with where something else has the same name; else NULL. */
    const char *known_by;
};

#define COPIES(tree, file)                                                                         \
    [TUG_BENCH_COPY_FILES] = (tree), [TUG_BENCH_COPY_DEEP] = (tree),                               \
    [TUG_BENCH_COPY_MANY] = (tree), [TUG_BENCH_COPY_LARGE] = (file)
#define MOVES(command) [TUG_BENCH_MOVE_WITHIN] = (command), [TUG_BENCH_MOVE_ACROSS] = (command)

static const struct row rows[TUG_BENCH_PROGRAMS] = {
    [TUG_BENCH_SEQUENTIAL] = {"sequential", {0}, false, NULL},
    /* This very executable; the walk and the reads are done by the library. */
    [TUG_BENCH_TUG] = {"tug",
                       {COPIES("tug cp -r %s %d", "tug cp %s %d"),
                        MOVES("tug mv %s %d"), [TUG_BENCH_DELETE] = "tug rm -r %s"},
                       false,
                       NULL},
    [2] = {"cp, mv, rm, find",
           {COPIES("cp -r %s %d", "cp %s %d"),
            MOVES("mv %s %d"), [TUG_BENCH_WALK] = "find %s", [TUG_BENCH_DELETE] = "rm -r %s"},
           false,
           NULL},
    [3] = {"rsync", {COPIES("rsync -a %s/ %d/", "rsync -a %s %d")}, false, NULL},
    [4] = {"cpz, rmz",
           {COPIES("cpz %s %d", "cpz %s %d"), [TUG_BENCH_DELETE] = "rmz %s"},
           false,
           NULL},
    [5] = {"fcp", {COPIES("fcp %s %d", "fcp %s %d")}, false, NULL},
    [6] = {"xcp", {COPIES("xcp -r --no-progress %s %d", "xcp --no-progress %s %d")}, false, NULL},
    [7] = {"rclone", {COPIES("rclone copy %s %d", "rclone copyto %s %d")}, true, NULL},
    [8] = {"uutils",
           {COPIES("coreutils cp -r %s %d", "coreutils cp %s %d"),
            MOVES("coreutils mv %s %d"), [TUG_BENCH_DELETE] = "coreutils rm -r %s"},
           false,
           NULL},
    /* The name is also that of a command for copies to other machines. */
    [9] = {"rcp", {COPIES("rcp %s %d", "rcp %s %d")}, false, "rcp "},
    [10] = {"fd", {[TUG_BENCH_WALK] = "fd -u . %s"}, false, NULL},
};

const char *tug_cli_bench_program_name(unsigned program)
{
    return rows[program].name;
}

bool tug_cli_bench_program_keeps_modes(unsigned program)
{
    return !rows[program].loses_modes;
}

/* The words before the first operand. */
void tug_cli_bench_program_command(char *command, size_t size, unsigned program,
                                   enum tug_bench_operation operation)
{
    const char *text = rows[program].commands[operation];
    int length = text != NULL ? (int)strcspn(text, "%") : 0;
    while (length > 0 && text[length - 1] == ' ')
        length--;
    snprintf(command, size, "%.*s", length, text != NULL ? text : "");
}

void tug_cli_bench_program_file(char *file, size_t size, unsigned program,
                                enum tug_bench_operation operation)
{
    const char *text = rows[program].commands[operation];
    snprintf(file, size, "%.*s", text != NULL ? (int)strcspn(text, " ") : 0,
             text != NULL ? text : "");
}

/* ---- Finding ---- */

/* The first executable of that name in $PATH, to be freed; NULL: there is none. */
static char *search(const char *name)
{
    const char *path = getenv("PATH");
    if (path == NULL)
        path = "/usr/local/bin:/usr/bin:/bin";
    for (;;) {
        char *candidate;
        int length = (int)strcspn(path, ":");
        /* A relative directory would mean another one after a change of the working directory. */
        if (path[0] == '/') {
            if (asprintf(&candidate, "%.*s/%s", length, path, name) < 0)
                return NULL;
            if (access(candidate, X_OK) == 0)
                return candidate;
            free(candidate);
        }
        if (path[length] == '\0')
            return NULL;
        path += length + 1;
    }
}

/* As some distributions call it, and where they put what has the name of something else. */
static char *search_elsewhere(const char *name, const char *word)
{
    char *text, *path = NULL;
    if (strcmp(name, "fd") == 0)
        return search("fdfind");
    if (strcmp(name, MANY) != 0 || asprintf(&text, "uu-%s", word) < 0)
        return NULL;
    path = search(text);
    free(text);
    if (path != NULL || asprintf(&path, "/usr/lib/cargo/bin/coreutils/%s", word) < 0)
        return path;
    if (access(path, X_OK) == 0)
        return path;
    free(path);
    return NULL;
}

/* Whether it has a file of its own instead of being a command of MANY. */
static bool is_alone(const char *path, const char *command)
{
    const char *slash = strrchr(path, '/');
    return strncmp(command, MANY " ", sizeof(MANY)) == 0 &&
           strcmp(slash != NULL ? slash + 1 : path, MANY) != 0;
}

/* Runs `path` with up to two arguments and keeps the first line that it prints. Returns 0: it
 * succeeded. */
static int ask(const char *path, char *name, char *first, char *second, char *line, size_t size)
{
    char *arguments[] = {name, first, second, NULL};
    struct tug_bench_child child = {.path = path, .arguments = arguments};
    child.output = memfd_create("version", MFD_CLOEXEC);
    int result = tug_cli_bench_child_run(&child);
    int64_t length = 0;
    if (child.output >= 0) {
        length = tug_sys_pread(child.output, line, size - 1, 0);
        tug_sys_close(child.output);
    }
    line[length > 0 ? length : 0] = '\0';
    line[strcspn(line, "\n")] = '\0';
    return result;
}

static void leave_out(struct tug_bench_programs *programs, unsigned program)
{
    for (unsigned i = 0; i < TUG_BENCH_OPERATIONS; i++)
        programs->available[program][i] = false;
    programs->versions[program][0] = '\0';
}

static int find_program(struct tug_bench_programs *programs, unsigned program)
{
    char file[32], word[16], version[] = "--version";
    const char *known_by = rows[program].known_by;
    for (unsigned i = 0; i < TUG_BENCH_OPERATIONS; i++) {
        tug_cli_bench_program_file(file, sizeof(file), program, i);
        if (file[0] == '\0')
            continue;
        bool many = sscanf(rows[program].commands[i], MANY " %15[a-z]", word) == 1;
        char *path = search(file);
        if (path == NULL)
            path = search_elsewhere(file, many ? word : "");
        if (path == NULL)
            continue;
        programs->paths[program][i] = path;
        programs->available[program][i] = true;
        if (programs->versions[program][0] != '\0')
            continue;
        /* One executable with many commands tells its version after one of them only. */
        programs->version_of[program] = i;
        many = many && !is_alone(path, rows[program].commands[i]);
        if (ask(path, file, many ? word : version, many ? version : NULL,
                programs->versions[program], sizeof(programs->versions[program])) == -ECANCELED)
            return -ECANCELED;
    }
    if (known_by != NULL && strncmp(programs->versions[program], known_by, strlen(known_by)) != 0)
        leave_out(programs, program);
    return 0;
}

/* A build of tug may lack a command. */
static int find_tug(struct tug_bench_programs *programs)
{
    char command[32], line[128], name[] = "tug", help[] = "--help", version[] = "--version";
    static const char self[] = "/proc/self/exe";
    for (unsigned i = 0; i < TUG_BENCH_OPERATIONS; i++) {
        tug_cli_bench_program_command(command, sizeof(command), TUG_BENCH_TUG, i);
        if (command[0] == '\0') {
            programs->available[TUG_BENCH_TUG][i] = true;
            continue;
        }
        char *word = command + sizeof("tug");
        word[strcspn(word, " ")] = '\0';
        int result = ask(self, name, word, help, line, sizeof(line));
        if (result == -ECANCELED)
            return result;
        if (result == 0 && (programs->paths[TUG_BENCH_TUG][i] = strdup(self)) != NULL)
            programs->available[TUG_BENCH_TUG][i] = true;
    }
    return ask(self, name, version, NULL, programs->versions[TUG_BENCH_TUG],
               sizeof(programs->versions[TUG_BENCH_TUG])) == -ECANCELED
               ? -ECANCELED
               : 0;
}

int tug_cli_bench_find_programs(struct tug_bench_programs *programs)
{
    memset(programs, 0, sizeof(*programs));
    for (unsigned i = 0; i < TUG_BENCH_OPERATIONS; i++)
        programs->available[TUG_BENCH_SEQUENTIAL][i] = true;
    int result = find_tug(programs);
    for (unsigned i = TUG_BENCH_TUG + 1; i < TUG_BENCH_PROGRAMS && result == 0; i++)
        result = find_program(programs, i);
    return result;
}

void tug_cli_bench_forget_programs(struct tug_bench_programs *programs)
{
    for (unsigned i = 0; i < TUG_BENCH_PROGRAMS; i++)
        for (unsigned k = 0; k < TUG_BENCH_OPERATIONS; k++)
            free(programs->paths[i][k]);
}

/* ---- Running ---- */

/* One word with its %s or %d replaced, to be freed. */
static char *expand(const char *word, int length, const char *source, const char *destination)
{
    char *text;
    int before = (int)strcspn(word, "%");
    if (before >= length)
        return strndup(word, (size_t)length);
    const char *operand = word[before + 1] == 's' ? source : destination;
    if (asprintf(&text, "%.*s%s%.*s", before, word, operand, length - before - 2,
                 word + before + 2) < 0)
        return NULL;
    return text;
}

int tug_cli_bench_program_run(const struct tug_bench_programs *programs, unsigned program,
                              enum tug_bench_operation operation, const char *source,
                              const char *destination, struct tug_bench_child *child)
{
    char *arguments[8] = {NULL};
    unsigned count = 0;
    bool complete = true;
    const char *command = rows[program].commands[operation];
    if (is_alone(programs->paths[program][operation], command))
        command += sizeof(MANY);
    for (const char *word = command; *word != '\0' && count < 7;) {
        int length = (int)strcspn(word, " ");
        arguments[count] = expand(word, length, source, destination);
        complete &= arguments[count++] != NULL;
        word += length + (word[length] == ' ');
    }
    child->path = programs->paths[program][operation];
    child->arguments = arguments;
    child->output = -1;
    int result = -EIO;
    if (complete)
        result = tug_cli_bench_child_run(child);
    else
        snprintf(child->message, sizeof(child->message), "%s", strerror(ENOMEM));
    for (unsigned i = 0; i < count; i++)
        free(arguments[i]);
    return result;
}
