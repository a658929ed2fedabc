/* SPDX-License-Identifier: MIT */
/*
 * Waiting for children, ending them, and giving them up: with pidfds, and as if the kernel had
 * none.
 */
#include "children.h"

#include <sys/syscall.h>
#include <sys/wait.h>

#include "../signal/signals.h"
#include "sys/fault.h"

/* The tests are run a second time as on a kernel without pidfds. */
static bool without_pidfds;

static void set_kernel(void)
{
#if TUG_FAULT_INJECTION
    tug_fault_reset();
    if (without_pidfds)
        CHECK_EQUAL(tug_fault_fail("pidfd_open", 1, TUG_FAULT_ALWAYS, ENOSYS), 0);
#endif
}

static bool kernel_has_pidfds(void)
{
    int fd = (int)syscall(SYS_pidfd_open, getpid(), 0); /* Valgrind 3.19 does not know it */
    if (fd >= 0)
        close(fd);
    return fd >= 0 && !without_pidfds;
}

static int64_t wait_within(struct tug_process *process, uint64_t time)
{
    struct tug_scope scope;
    tug_scope_begin(&scope, tug_deadline_after(time), NULL);
    return tug_scope_end(&scope, tug_process_wait(process, NULL));
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
    set_kernel();
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
    set_kernel();
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
    set_kernel();
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
    set_kernel();
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
    set_kernel();
    CHECK_EQUAL(fixture_on_thread(run_some_outside, NULL), 0);
    return 0;
}

/* Another part of the program has reaped it. */
static int64_t status_is_lost(void *unused)
{
    (void)unused;
    struct tug_process process;
    set_kernel();
    start_shell(&process, ":");
    CHECK_EQUAL(waitpid(tug_process_id(&process), NULL, 0), tug_process_id(&process));
    CHECK_EQUAL(tug_process_wait(&process, NULL), -ECHILD);
    CHECK_EQUAL(tug_process_wait(&process, NULL), -ECHILD);
    CHECK_EQUAL(tug_process_kill(&process, SIGKILL), -ESRCH);
    tug_process_close(&process);
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
    set_kernel();
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
    CHECK_EQUAL(tug_write(other.input, "\n", 1), 1);
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
    set_kernel();
    start_shell(&process, "read line; exit 9");
    int input = process.input;
    process.input = -1;
    for (int i = 0; i < 5; i++)
        CHECK_EQUAL(wait_within(&process, TUG_MILLISECOND), -ETIMEDOUT);
    CHECK(is_child(tug_process_id(&process)));
    close(input);
    CHECK_EQUAL(tug_process_wait(&process, &status), 0);
    CHECK_EQUAL(status.code, 9);
    tug_process_close(&process);
    return 0;
}

static int64_t kill_on_cancel(void *unused)
{
    (void)unused;
    struct tug_process process;
    struct tug_process_status status;
    struct tug_process_options options = shell("trap '' TERM; exec sleep 1000");
    set_kernel();
    options.kill_on_cancel = true;
    for (uint64_t i = 0; i < 3; i++) {
        CHECK_EQUAL(tug_process_spawn(&process, &options), 0);
        pid_t id = tug_process_id(&process);
        CHECK_EQUAL(wait_within(&process, i * TUG_MILLISECOND), -ETIMEDOUT);
        CHECK(!is_child(id));
        CHECK_EQUAL(tug_process_wait(&process, &status), 0);
        CHECK_EQUAL(status.signal, SIGKILL);
        tug_process_close(&process);
    }
    return 0;
}

static int64_t wait_for_long(void *process)
{
    return tug_process_wait(process, NULL);
}

/* The task that waits is aborted. */
static int64_t kill_on_abort(void *unused)
{
    (void)unused;
    struct tug_process process;
    struct tug_process_options options = shell("exec sleep 1000");
    set_kernel();
    options.kill_on_cancel = true;
    CHECK_EQUAL(tug_process_spawn(&process, &options), 0);
    pid_t id = tug_process_id(&process);
    struct tug_task *task = fixture_spawn(wait_for_long, &process);
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    tug_task_abort(task);
    CHECK_EQUAL(fixture_join(task), -ECANCELED);
    CHECK(!is_child(id));
    tug_process_close(&process);
    return 0;
}

static int64_t kill_on_close(void *unused)
{
    (void)unused;
    struct tug_process process;
    struct tug_process_options options = shell("exec sleep 1000");
    set_kernel();
    options.kill_on_close = true;
    CHECK_EQUAL(tug_process_spawn(&process, &options), 0);
    pid_t id = tug_process_id(&process);
    struct tug_scope scope; /* which is no reason to leave it alone */
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    tug_scope_cancel(&scope);
    tug_process_close(&process);
    tug_scope_end(&scope, 0);
    CHECK(!is_child(id));
    return 0;
}

/* From another thread, while the task waits. */
static int64_t kill_it(void *process)
{
    usleep(2000);
    return tug_process_kill(process, SIGTERM);
}

static int64_t killed_meanwhile(void *unused)
{
    (void)unused;
    struct tug_process process;
    struct tug_process_status status;
    struct fixture_thread thread;
    struct tug_process_options options = shell("exec sleep 1000");
    set_kernel();
    CHECK_EQUAL(tug_process_spawn(&process, &options), 0);
    fixture_thread_start(&thread, kill_it, &process);
    CHECK_EQUAL(tug_process_wait(&process, &status), 0);
    CHECK_EQUAL(status.signal, SIGTERM);
    CHECK_EQUAL(fixture_thread_await(&thread), 0);
    tug_process_close(&process);
    return 0;
}

/* ---- Given up ---- */

/* The runtime reaps them, without another call. */
static int64_t orphans(void *unused)
{
    (void)unused;
    pid_t ids[5];
    int inputs[5];
    struct tug_process process;
    set_kernel();
    for (int i = 0; i < 5; i++) {
        start_shell(&process, "read line");
        ids[i] = tug_process_id(&process);
        inputs[i] = process.input;
        process.input = -1;
        tug_process_close(&process);
        CHECK(is_child(ids[i]));
    }
    for (int i = 0; i < 5; i++)
        close(inputs[i]);
    for (int i = 0; i < 5; i++)
        AWAIT(!is_child(ids[i]));
    return 0;
}

struct given_up {
    pid_t id;
    int input;
};

static int64_t give_up_one(void *argument)
{
    struct given_up *child = argument;
    struct tug_process process;
    start_shell(&process, "read line");
    child->id = tug_process_id(&process);
    child->input = process.input;
    process.input = -1;
    tug_process_close(&process);
    return 0;
}

/* The runtime ends before them, or there was none. */
static void without_a_runtime(unsigned workers)
{
    struct given_up children[3];
    struct tug_runtime_options options = fixture_options(workers);
    set_kernel();
    for (int i = 0; i < 2; i++)
        CHECK_EQUAL(fixture_run(&options, give_up_one, &children[i]), 0);
    give_up_one(&children[2]);
    CHECK_EQUAL(tug_process_reap_orphans(), 3);
    for (int i = 0; i < 3; i++) {
        CHECK(is_child(children[i].id));
        close(children[i].input);
    }
    AWAIT_ON_THREAD(tug_process_reap_orphans() == 0);
    for (int i = 0; i < 3; i++)
        CHECK(!is_child(children[i].id));
}

#if TUG_FAULT_INJECTION
static int use_no_pidfds(void **state)
{
    (void)state;
    without_pidfds = true;
    return 0;
}

static int use_pidfds(void **state)
{
    (void)state;
    without_pidfds = false;
    set_kernel();
    return 0;
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(exit_status),     IN_EACH(killed),
        IN_EACH(try_until_ended), IN_EACH(many),
        IN_EACH(status_is_lost),  IN_EACH(outside_of_a_runtime),
        IN_EACH(selected),        IN_EACH(cancelled),
        IN_EACH(kill_on_cancel),  IN_EACH(kill_on_abort),
        IN_EACH(kill_on_close),   IN_EACH(killed_meanwhile),
        IN_EACH(orphans),         ALONE_EACH(without_a_runtime),
    };
    int failed = cmocka_run_group_tests_name("as it is", tests, start_taking_signals, NULL);
#if TUG_FAULT_INJECTION
    failed += cmocka_run_group_tests_name("without pidfds", tests, use_no_pidfds, use_pidfds);
#endif
    return failed;
}
