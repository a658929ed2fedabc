/* SPDX-License-Identifier: MIT */
/*
 * Ending children, by a cancellation or otherwise, and giving them up: with pidfds, and as if the
 * kernel had none.
 */
#include "children.h"

/* ---- Ended ---- */

static int64_t kill_on_cancel(void *unused)
{
    (void)unused;
    struct tug_process process;
    struct tug_process_status status;
    struct tug_process_options options = shell("trap '' TERM; exec sleep 1000");
    children_set_kernel();
    options.kill_on_cancel = true;
    for (uint64_t i = 0; i < 3; i++) {
        CHECK_EQUAL(tug_process_spawn(&process, &options), 0);
        pid_t id = tug_process_id(&process);
        CHECK_EQUAL(wait_for_child_within(&process, i * TUG_MILLISECOND), -ETIMEDOUT);
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
    children_set_kernel();
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
    children_set_kernel();
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
    children_set_kernel();
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
    children_set_kernel();
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
    children_set_kernel();
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(kill_on_cancel),   IN_EACH(kill_on_abort), IN_EACH(kill_on_close),
        IN_EACH(killed_meanwhile), IN_EACH(orphans),       ALONE_EACH(without_a_runtime),
    };
    return RUN_ON_BOTH_KERNELS(tests);
}
