/* SPDX-License-Identifier: MIT */
/*
 * Starting a child: posix_spawn(3), whose child shares the parent's memory until it has its program
 * (clone(2) with CLONE_VM and CLONE_VFORK), so that the time does not depend on the size of the
 * parent, and the error of an exec is the result. The calling thread is stopped meanwhile, which
 * may take as long as a file system does: the blocking pool's, not a worker's.
 *
 * Descriptors: those for the child are close-on-exec here and lose that in the child, by dup2(2).
 * As none of them is below 3, unless it is in its place already, no dup2 hits one that is still
 * needed.
 */
#include <tug/process.h>

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>

#include <tug/blocking.h>

#include "process/orphan.h"
#include "sys/call.h"

#define STREAMS 3

struct stream {
    enum tug_stdio_kind kind;
    int child;     /* for the child, or -1 */
    bool to_close; /* `child` is ours */
    int parent;    /* the other end of a pipe, or -1 */
};

struct spawn {
    struct tug_process *process;
    const struct tug_process_options *options;
    struct stream streams[STREAMS];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
};

void tug_process_options_init(struct tug_process_options *options, char *const *arguments)
{
    *options = (struct tug_process_options){.arguments = arguments};
}

/* ---- Standard descriptors ---- */

static void close_child_end(struct stream *stream)
{
    if (stream->to_close)
        tug_sys_close(stream->child);
    stream->to_close = false;
}

/* Moves the child's descriptor out of the way of the standard ones. */
static int lift(struct stream *stream, int target)
{
    if (stream->child >= STREAMS || (stream->child == target && !stream->to_close))
        return 0;
    int fd = tug_sys_fcntl(stream->child, F_DUPFD_CLOEXEC, STREAMS);
    if (fd < 0)
        return fd;
    close_child_end(stream);
    stream->child = fd;
    stream->to_close = true;
    return 0;
}

static int open_stream(struct stream *stream, const struct tug_stdio *wish, int target)
{
    int ends[2];
    stream->kind = wish->kind;
    if (wish->kind == TUG_STDIO_FD)
        stream->child = wish->fd;
    if (wish->kind == TUG_STDIO_PIPE) {
        int error = tug_sys_pipe2(ends, O_CLOEXEC);
        if (error != 0)
            return error;
        stream->child = ends[target == STDIN_FILENO ? 0 : 1];
        stream->parent = ends[target == STDIN_FILENO ? 1 : 0];
        stream->to_close = true;
    }
    if (wish->kind == TUG_STDIO_INHERIT || wish->kind == TUG_STDIO_NULL)
        return 0;
    return stream->child < 0 ? -EBADF : lift(stream, target);
}

static int open_streams(struct spawn *spawn)
{
    const struct tug_stdio *wishes[STREAMS] = {&spawn->options->input, &spawn->options->output,
                                               &spawn->options->error};
    int error = 0;
    for (int i = 0; i < STREAMS; i++)
        spawn->streams[i] = (struct stream){.child = -1, .parent = -1};
    for (int i = 0; error == 0 && i < STREAMS; i++)
        error = open_stream(&spawn->streams[i], wishes[i], i);
    return error;
}

/* Hands over the parent's ends, or closes them. */
static void settle_streams(struct spawn *spawn, bool keep)
{
    int *places[STREAMS] = {&spawn->process->input, &spawn->process->output,
                            &spawn->process->error};
    for (int i = 0; i < STREAMS; i++) {
        close_child_end(&spawn->streams[i]);
        if (keep)
            *places[i] = spawn->streams[i].parent;
        else if (spawn->streams[i].parent >= 0)
            tug_sys_close(spawn->streams[i].parent);
    }
}

/* ---- What the child does before it has its program ---- */

static int add_stream(struct spawn *spawn, int target)
{
    const struct stream *stream = &spawn->streams[target];
    if (stream->kind == TUG_STDIO_NULL)
        return -posix_spawn_file_actions_addopen(&spawn->actions, target, "/dev/null",
                                                 target == STDIN_FILENO ? O_RDONLY : O_WRONLY, 0);
    if (stream->child >= 0)
        return -posix_spawn_file_actions_adddup2(&spawn->actions, stream->child, target);
    return 0;
}

static int add_actions(struct spawn *spawn)
{
    int error = 0;
    for (int i = 0; error == 0 && i < STREAMS; i++)
        error = add_stream(spawn, i);
    if (error == 0 && spawn->options->directory != NULL)
        error = -posix_spawn_file_actions_addchdir_np(&spawn->actions, spawn->options->directory);
    return error;
}

/* Handlers are gone with the exec; blocked and ignored signals would stay. */
static int set_attributes(struct spawn *spawn)
{
    const struct tug_process_options *options = spawn->options;
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigset_t none, reset;
    sigemptyset(&none);
    sigfillset(&reset);
    if (options->inherit_ignored) {
        sigemptyset(&reset);
        sigaddset(&reset, SIGPIPE);
    }
    if (options->new_session)
        flags |= POSIX_SPAWN_SETSID;
    if (options->group != 0)
        flags |= POSIX_SPAWN_SETPGROUP;
    int error = -posix_spawnattr_setsigmask(&spawn->attributes, &none);
    if (error == 0)
        error = -posix_spawnattr_setsigdefault(&spawn->attributes, &reset);
    if (error == 0)
        error = -posix_spawnattr_setpgroup(
            &spawn->attributes, options->group == TUG_PROCESS_NEW_GROUP ? 0 : options->group);
    return error == 0 ? -posix_spawnattr_setflags(&spawn->attributes, flags) : error;
}

/* ---- The start ---- */

/* On a thread that may block. A child without a pidfd is waited for in another way. */
static int64_t start(void *argument)
{
    struct spawn *spawn = argument;
    const struct tug_process_options *options = spawn->options;
    const char *program = options->program != NULL ? options->program : options->arguments[0];
    int error = tug_sys_posix_spawnp(&spawn->process->id, program, &spawn->actions,
                                     &spawn->attributes, options->arguments, options->environment);
    if (error != 0)
        return error;
    spawn->process->pidfd = tug_sys_pidfd_open(spawn->process->id);
    if (spawn->process->pidfd < 0)
        spawn->process->pidfd = -1;
    return 0;
}

static int prepare_and_start(struct spawn *spawn)
{
    int error = -posix_spawn_file_actions_init(&spawn->actions);
    if (error != 0)
        return error;
    error = -posix_spawnattr_init(&spawn->attributes);
    if (error == 0) {
        error = add_actions(spawn);
        if (error == 0)
            error = set_attributes(spawn);
        if (error == 0)
            error = (int)tug_block_in_place(start, spawn);
        posix_spawnattr_destroy(&spawn->attributes);
    }
    posix_spawn_file_actions_destroy(&spawn->actions);
    return error;
}

int tug_process_spawn(struct tug_process *process, const struct tug_process_options *options)
{
    struct spawn spawn = {.process = process, .options = options};
    if (options->arguments == NULL || options->arguments[0] == NULL)
        return -EINVAL;
    if (options->group < TUG_PROCESS_NEW_GROUP || (options->new_session && options->group != 0))
        return -EINVAL;
    tug_process_reap_orphans();
    *process = (struct tug_process){
        .input = -1,
        .output = -1,
        .error = -1,
        .pidfd = -1,
        .kill_on_cancel = options->kill_on_cancel,
        .kill_on_close = options->kill_on_close,
        .orphan = tug_orphan_new(),
    };
    if (process->orphan == NULL)
        return -ENOMEM;
    int error = open_streams(&spawn);
    if (error == 0)
        error = prepare_and_start(&spawn);
    settle_streams(&spawn, error == 0);
    if (error != 0) {
        tug_orphan_free(process->orphan);
        process->orphan = NULL;
    }
    return error;
}
