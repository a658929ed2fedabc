/* SPDX-License-Identifier: MIT */
/*
 * Numbers and names of tasks, and the list of those there are.
 */
#include <errno.h>

#include "../runtime/fixture.h"
#include "sys/fault.h"

static int64_t own_id(void *argument)
{
    (void)argument;
    uint64_t id = tug_task_id(tug_task_current());
    CHECK_EQUAL(tug_yield(), 0);
    CHECK_EQUAL(tug_task_id(tug_task_current()), id);
    return (int64_t)id;
}

static int64_t numbers_are_never_the_same(void *argument)
{
    (void)argument;
    enum { COUNT = 200 };
    int64_t ids[COUNT];
    for (int i = 0; i < COUNT; i++) {
        struct tug_task *task = fixture_spawn(own_id, NULL);
        int64_t before = i % 2 == 0 ? (int64_t)tug_task_id(task) : 0;
        ids[i] = fixture_join(task);
        CHECK_RANGE(ids[i], 1, INT64_MAX);
        CHECK(i % 2 != 0 || before == ids[i]);
        for (int j = 0; j < i; j++)
            CHECK(ids[j] != ids[i]);
    }
    return 0;
}

/* Several ask for the number of one task at the same moment. */
static int64_t ask(void *task)
{
    return (int64_t)tug_task_id(task);
}

static int64_t a_number_is_drawn_once(void *argument)
{
    (void)argument;
    for (int round = 0; round < 20; round++) {
        struct fixture_thread threads[3];
        struct tug_task *task = fixture_spawn(fixture_sleep_forever, NULL);
        for (int i = 0; i < 3; i++)
            fixture_thread_start(&threads[i], ask, task);
        int64_t id = (int64_t)tug_task_id(task);
        for (int i = 0; i < 3; i++)
            CHECK_EQUAL(fixture_thread_await(&threads[i]), id);
        tug_task_abort(task);
        CHECK_EQUAL(fixture_join(task), -ECANCELED);
    }
    return 0;
}

static struct tug_task *spawn_named(const char *name, tug_task_fn fn)
{
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    struct tug_task *task = NULL;
    options.name = name;
    CHECK_EQUAL(tug_spawn_with(&task, &options, fn, NULL), 0);
    return task;
}

static int64_t compare_own_name(void *argument)
{
    (void)argument;
    return strcmp(tug_task_name(tug_task_current()), "reader 7");
}

static int64_t names_are_copied(void *argument)
{
    (void)argument;
    char name[] = "reader 7";
    struct tug_task *task = spawn_named(name, compare_own_name);
    name[0] = 'x';
    CHECK(strcmp(tug_task_name(task), "reader 7") == 0);
    CHECK(tug_task_id(task) != 0 && tug_task_id(task) == tug_task_id(task));
    CHECK_EQUAL(fixture_join(task), 0);
    CHECK(tug_task_name(tug_task_current()) == NULL);
    tug_task_detach(spawn_named("nobody's", fixture_return));
    return 0;
}

/* ---- the list ---- */

struct seen {
    int all, named, waiting, aborted, blocking;
};

static void look(const struct tug_task_info *task, void *argument)
{
    struct seen *seen = argument;
    CHECK(task->id != 0);
    seen->all++;
    seen->named += task->name != NULL && strcmp(task->name, "sleeper") == 0;
    seen->waiting += !task->runnable;
    seen->aborted += task->aborted;
    seen->blocking += task->blocking;
}

static struct seen list(void)
{
    struct seen seen = {0};
    int64_t told = tug_runtime_tasks(tug_runtime_current(), look, &seen);
    CHECK_EQUAL(told, seen.all);
    return seen;
}

static int64_t block(void *argument)
{
    while (!__atomic_load_n((bool *)argument, __ATOMIC_ACQUIRE))
        usleep(1000);
    return 0;
}

static int64_t ask_from_outside(void *runtime)
{
    struct seen seen = {0};
    return tug_runtime_tasks(runtime, look, &seen);
}

static int64_t all_tasks_are_told_of(void *argument)
{
    (void)argument;
    enum { COUNT = 300 };
    static bool go_on;
    struct tug_task *tasks[COUNT], *job;
    __atomic_store_n(&go_on, false, __ATOMIC_RELEASE);
    CHECK_EQUAL(list().all, 1);
    for (int i = 0; i < COUNT; i++)
        tasks[i] = i % 3 == 0 ? spawn_named("sleeper", fixture_sleep_forever)
                              : fixture_spawn(fixture_sleep_forever, NULL);
    CHECK_EQUAL(tug_spawn_blocking(&job, NULL, block, &go_on), 0);
    AWAIT(list().waiting >= COUNT);
    struct seen seen = list();
    CHECK_EQUAL(seen.all, COUNT + 2);
    CHECK_EQUAL(seen.named, COUNT / 3);
    CHECK_EQUAL(seen.aborted, 0);
    CHECK_EQUAL(seen.blocking, 1);
    CHECK_EQUAL(fixture_on_thread(ask_from_outside, tug_runtime_current()),
                fixture_current()->workers == 0 ? -EPERM : COUNT + 2);
    __atomic_store_n(&go_on, true, __ATOMIC_RELEASE);
    CHECK_EQUAL(fixture_join(job), 0);
    for (int i = 0; i < COUNT; i++)
        tug_task_abort(tasks[i]);
    for (int i = 0; i < COUNT; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), -ECANCELED);
    AWAIT(list().all == 1);
    return 0;
}

#if TUG_FAULT_INJECTION

static int64_t no_memory_for_a_name(void *argument)
{
    (void)argument;
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    struct tug_task *task;
    options.name = "nameless";
    CHECK_EQUAL(tug_fault_fail("malloc", 1, TUG_FAULT_ALWAYS, ENOMEM), 0);
    CHECK_EQUAL(tug_spawn_with(&task, &options, fixture_return, NULL), -ENOMEM);
    tug_fault_reset();
    CHECK_EQUAL(list().all, 1);
    return 0;
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(numbers_are_never_the_same),
        IN_EACH(a_number_is_drawn_once),
        IN_EACH(names_are_copied),
        IN_EACH(all_tasks_are_told_of),
#if TUG_FAULT_INJECTION
        IN_EACH(no_memory_for_a_name),
#endif
    };
    return cmocka_run_group_tests_name("task/names", tests, NULL, NULL);
}
