/* SPDX-License-Identifier: MIT */
#include "in_runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <tug/cancel.h>
#include <tug/runtime.h>
#include <tug/sys.h>

#include "interrupt.h"
#include "progress.h"
#include "terminal.h"

/* As many threads as a pool has by default. */
#define USUAL_THREADS 512

/* As many descriptors as are seldom in use at once. */
#define USUAL_DESCRIPTORS 512

/* Makes the table of descriptors grow while the process has one thread. Later each growth waits
 * until all processors have passed a quiet state: 20 ms of the 700 that 74,000 files take. */
static void grow_descriptor_table(void)
{
    int fd = tug_sys_fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, USUAL_DESCRIPTORS - 1);
    if (fd >= 0)
        tug_sys_close(fd);
}

int64_t tug_cli_in_runtime(tug_task_fn fn, void *argument, unsigned jobs)
{
    struct tug_runtime_options options;
    struct tug_runtime *runtime;
    int64_t result;
    grow_descriptor_table();
    tug_runtime_options_init(&options);
    options.flavour = TUG_CURRENT_THREAD;
    if (jobs >= USUAL_THREADS)
        options.max_blocking_threads = jobs + 1;
    int error = tug_runtime_create(&runtime, &options);
    if (error != 0)
        return error;
    error = tug_runtime_block_on(runtime, fn, argument, &result);
    tug_runtime_shutdown(runtime, TUG_FOREVER);
    return error != 0 ? error : result;
}

static void end_task(struct tug_task *task)
{
    if (task == NULL)
        return;
    tug_task_abort(task);
    tug_join(task, NULL);
}

int64_t tug_cli_interruptible(tug_task_fn fn, void *argument)
{
    struct tug_token token;
    struct tug_scope scope;
    tug_token_init(&token, NULL);
    struct tug_task *watcher = tug_spawn(tug_cli_interrupt_watch, &token);
    tug_scope_begin(&scope, TUG_FOREVER, &token);
    int64_t result = watcher == NULL ? -ENOMEM : fn(argument);
    result = tug_scope_end(&scope, result);
    end_task(watcher);
    tug_token_destroy(&token);
    return result;
}

int64_t tug_cli_interruptible_with_progress(tug_task_fn fn, void *argument,
                                            struct tug_cli_progress *progress)
{
    struct tug_task *drawer = NULL;
    if (tug_cli_has_terminal())
        drawer = tug_spawn(tug_cli_progress_run, progress);
    int64_t result = tug_cli_interruptible(fn, argument);
    end_task(drawer);
    return result;
}

void tug_cli_explain_start(int64_t result)
{
    char text[256];
    snprintf(text, sizeof(text), "cannot start: %s", strerror((int)-result));
    tug_cli_complain(text);
}
