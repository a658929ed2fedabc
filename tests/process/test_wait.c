/* SPDX-License-Identifier: MIT */
/*
 * Waiting for children and for their status: with pidfds, and as if the kernel had none.
 */
#include "children.h"

#include <sys/syscall.h>
#include <sys/wait.h>

static bool kernel_has_pidfds(void)
{
    int fd = (int)syscall(SYS_pidfd_open, getpid(), 0); /* Valgrind 3.19 does not know it */
    if (fd >= 0)
        close(fd);
    return fd >= 0 && !children_without_pidfds;
}

static void let_end(struct tug_process *process)
{
    CHECK_EQUAL(tug_process_wait(process, NULL), 0);
    tug_process_close(process);
    expect_no_children();
}

/* ---- How it has ended ---- */

static int64_t exit_status(void *unused)
{
    (void)unused;
    struct tug_process process;
    struct tug_process_status status;
    children_set_kernel();
    start_shell(&process, "read line; exit 250");
    CHECK((process.pidfd >= 0) == kernel_has_pidfds());
    pid_t id = tug_process_id(&process);
    CHECK(is_child(id));
    CHECK_EQUAL(tug_process_try_wait(&process, &status), -EAGAIN);
    for (int i = 0; i < 2; i++) { /* the same answer again */
        memset(&status, 1, sizeof(status));
        CHECK_EQUAL(tug_process_wait(&process, &status), 0);
        CHECK(status.code == 250 && status.signal == 0 && !status.core_dumped);
    }
    CHECK_EQUAL(tug_process_try_wait(&process, &status), 0);
    CHECK(!is_child(id));
    CHECK_EQUAL(tug_process_id(&process), -ESRCH);
    CHECK_EQUAL(tug_process_kill(&process, SIGTERM), -ESRCH);
    tug_process_close(&process);
    CHECK_EQUAL(tug_process_kill(&process, SIGTERM), -ESRCH);
    CHECK_EQUAL(tug_process_wait(&process, NULL), -ECHILD);
    return 0;
}

static int64_t killed(void *unused)
{
    (void)unused;
    static const int numbers[] = {SIGTERM, SIGKILL, SIGUSR1};
    struct tug_process process;
    struct tug_process_status status;
    children_set_kernel();
    for (int i = 0; i < 3; i++) {
        start_shell(&process, "read line");
        int input = process.input;
        process.input = -1; /* so that it does not end by itself */
        CHECK_EQUAL(tug_process_kill(&process, 0), 0);
        CHECK_EQUAL(tug_process_kill(&process, 1000), -EINVAL);
        CHECK_EQUAL(tug_process_kill(&process, numbers[i]), 0);
        CHECK_EQUAL(tug_process_wait(&process, &status), 0);
        CHECK(status.signal == numbers[i] && status.code == 0);
        tug_process_close(&process);
        close(input);
    }
    return 0;
}

static int64_t try_until_ended(void *unused)
{
    (void)unused;
    struct tug_process process;
    struct tug_process_status status;
    children_set_kernel();
    start_shell(&process, "exit 7");
    int result;
    AWAIT((result = tug_process_try_wait(&process, &status)) != -EAGAIN);
    CHECK_EQUAL(result, 0);
    CHECK_EQUAL(status.code, 7);
    tug_process_close(&process);
    return 0;
}

enum { MANY = 30 };

static int64_t run_one(void *argument)
{
    char script[32];
    struct tug_process process;
    struct tug_process_status status;
    char *arguments[] = {"sh", "-c", script, NULL};
    struct tug_process_options options;
    tug_process_options_init(&options, arguments);
    snprintf(script, sizeof(script), "exit %d", (int)fixture_number(argument));
    CHECK_EQUAL(tug_process_spawn(&process, &options), 0);
    CHECK_EQUAL(tug_process_wait(&process, &status), 0);
    tug_process_close(&process);
    return status.code;
}

static int64_t many(void *unused)
{
    (void)unused;
    struct tug_task *tasks[MANY];
    children_set_kernel();
    for (int i = 0; i < MANY; i++)
        tasks[i] = fixture_spawn(run_one, fixture_argument(i));
    for (int i = 0; i < MANY; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), i);
    expect_no_children();
    return 0;
}

static int64_t run_some_outside(void *unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++)
        CHECK_EQUAL(run_one(fixture_argument(i)), i);
    return 0;
}

static int64_t outside_of_a_runtime(void *unused)
{
    (void)unused;
    children_set_kernel();
    CHECK_EQUAL(fixture_on_thread(run_some_outside, NULL), 0);
    return 0;
}

/* Another part of the program has reaped it. */
static int64_t status_is_lost(void *unused)
{
    (void)unused;
    struct tug_process process;
    children_set_kernel();
    start_shell(&process, ":");
    CHECK_EQUAL(waitpid(tug_process_id(&process), NULL, 0), tug_process_id(&process));
    CHECK_EQUAL(tug_process_wait(&process, NULL), -ECHILD);
    CHECK_EQUAL(tug_process_wait(&process, NULL), -ECHILD);
    CHECK_EQUAL(tug_process_kill(&process, SIGKILL), -ESRCH);
    tug_process_close(&process);
    return 0;
}

/* Who ignores SIGCHLD is told nothing by the kernel. A listener for it, which is needed where there
 * are no pidfds, has it no longer ignored, perhaps in time. */
static int64_t children_ignored(void *unused)
{
    (void)unused;
    struct tug_process process;
    children_set_kernel();
    CHECK_EQUAL(tug_signal_restore(SIGCHLD), 0);
    signal(SIGCHLD, SIG_IGN);
    start_shell(&process, "read line");
    int result = tug_process_wait(&process, NULL);
    CHECK(result == -ECHILD || (result == 0 && children_without_pidfds));
    tug_process_close(&process);
    CHECK_EQUAL(tug_signal_restore(SIGCHLD), 0);
    signal(SIGCHLD, SIG_DFL);
    expect_no_children();
    return 0;
}

/* ---- Together with others ---- */

static int64_t selected(void *unused)
{
    (void)unused;
    struct tug_process one, other;
    struct tug_process_status status;
    struct tug_process_future waits[2];
    struct tug_future *both[] = {&waits[0].future, &waits[1].future};
    children_set_kernel();
    start_shell(&one, "read line; exit 1");
    start_shell(&other, "read line; exit 2");
    for (int i = 0; i < 5; i++) {
        tug_process_future_init(&waits[0], &one);
        struct tug_sleep_future sleep;
        tug_sleep_future_init(&sleep, tug_deadline_after(TUG_MILLISECOND));
        struct tug_future *with_sleep[] = {&waits[0].future, &sleep.future};
        CHECK_EQUAL(tug_select(with_sleep, 2), 1);
        CHECK_EQUAL(waits[0].future.result, -ECANCELED);
    }
    tug_process_future_init(&waits[0], &one);
    tug_process_future_init(&waits[1], &other);
    CHECK_EQUAL(write(other.input, "\n", 1), 1);
    CHECK_EQUAL(tug_select(both, 2), 1);
    CHECK_EQUAL(waits[1].future.result, 0);
    CHECK_EQUAL(tug_process_try_wait(&other, &status), 0);
    CHECK_EQUAL(status.code, 2);
    let_end(&one);
    tug_process_close(&other);
    return 0;
}

/* ---- Cancelled ---- */

static int64_t cancelled(void *unused)
{
    (void)unused;
    struct tug_process process;
    struct tug_process_status status;
    children_set_kernel();
    start_shell(&process, "read line; exit 9");
    int input = process.input;
    process.input = -1;
    for (int i = 0; i < 5; i++)
        CHECK_EQUAL(wait_for_child_within(&process, TUG_MILLISECOND), -ETIMEDOUT);
    CHECK(is_child(tug_process_id(&process)));
    close(input);
    CHECK_EQUAL(tug_process_wait(&process, &status), 0);
    CHECK_EQUAL(status.code, 9);
    tug_process_close(&process);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(exit_status),      IN_EACH(killed),
        IN_EACH(try_until_ended),  IN_EACH(many),
        IN_EACH(status_is_lost),   IN_EACH(outside_of_a_runtime),
        IN_EACH(children_ignored), IN_EACH(selected),
        IN_EACH(cancelled),
    };
    return RUN_ON_BOTH_KERNELS(tests);
}
