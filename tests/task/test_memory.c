/* SPDX-License-Identifier: MIT */
/*
 * What a great many tasks cost in resident memory, and that it comes back: 100,000 coroutines
 * asleep at once, a million idle poll tasks, a million tasks spawned and joined.
 *
 * Not with sanitizers or under Valgrind, which have their own ideas of memory.
 */
#include <errno.h>
#include <sys/mman.h>

#include "../runtime/fixture.h"
#include "sys/sanitizer.h"

enum { COROUTINES = 100000, MILLION = 1000000 };

/* Bytes that may stay: a hundredth of what 100,000 coroutines need are the few hundred stacks that
 * are always kept; the rest is for caches of workers. */
enum { KEPT = 16 * 1024 * 1024 };

/* Bytes of this process in memory, those of its page tables included. */
static int64_t resident(void)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long long sum = 0, kib;
    CHECK(file != NULL);
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "VmRSS: %lld kB", &kib) == 1 || sscanf(line, "VmPTE: %lld kB", &kib) == 1)
            sum += kib;
    fclose(file);
    CHECK(sum > 0);
    return sum * 1024;
}

/* Waits until no more than `limit` bytes are resident: memory is kept for a while, in case that it
 * is needed again, and given back by a worker that sleeps. */
static void await_resident(const char *what, int64_t limit)
{
    int64_t last = resident();
    for (int tries = 0; tries < 100 && last > limit; tries++) {
        CHECK_EQUAL(tug_sleep(200 * TUG_MILLISECOND), 0);
        last = resident();
    }
    printf("%s: %lld KiB resident afterwards, limit %lld\n", what, (long long)last / 1024,
           (long long)limit / 1024);
    CHECK(last <= limit);
}

/* Memory for the test itself, which goes back to the system for sure. All of it is touched. */
static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    memset(memory, 0, size);
    return memory;
}

static struct tug_runtime_metrics read_metrics(void)
{
    struct tug_runtime_metrics metrics;
    tug_runtime_metrics(tug_runtime_current(), &metrics);
    return metrics;
}

/* ---- coroutines ---- */

static int asleep; /* atomic */

static int64_t sleep_for_long(void *argument)
{
    (void)argument;
    __atomic_fetch_add(&asleep, 1, __ATOMIC_RELAXED);
    return tug_sleep(1000 * TUG_SECOND);
}

static int64_t coroutines_asleep(void *argument)
{
    (void)argument;
    __atomic_store_n(&asleep, 0, __ATOMIC_RELAXED);
    struct tug_task **tasks = map(COROUTINES * sizeof *tasks);
    int64_t before = resident();
    for (int i = 0; i < COROUTINES; i++)
        tasks[i] = fixture_spawn(sleep_for_long, NULL);
    AWAIT(__atomic_load_n(&asleep, __ATOMIC_RELAXED) == COROUTINES);
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    int64_t each = (resident() - before) / COROUTINES;
    printf("a coroutine asleep: %lld bytes\n", (long long)each);
    CHECK_RANGE(each, 1, 5 * 1024);
    CHECK_EQUAL(read_metrics().alive_tasks, COROUTINES + 1);

    for (int i = 0; i < COROUTINES; i++)
        tug_task_abort(tasks[i]);
    for (int i = 0; i < COROUTINES; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), -ECANCELED);
    await_resident("coroutines", before + KEPT);
    munmap(tasks, COROUTINES * sizeof *tasks);
    return 0;
}

/* ---- poll tasks ---- */

/* 32 bytes, with nothing but what a future needs. */
struct idle_future {
    struct tug_future future;
    int64_t state;
    int64_t unused;
};

static int idle_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct idle_future *idle = (struct idle_future *)self;
    (void)waker;
    if (idle->state == 2) {
        self->result = -ECANCELED;
        return TUG_READY;
    }
    idle->state = 1;
    return TUG_PENDING;
}

static void idle_cancel(struct tug_future *self)
{
    ((struct idle_future *)self)->state = 2;
}

static const struct tug_future_vtable idle_vtable = {.poll = idle_poll, .cancel = idle_cancel};

static int64_t idle_poll_tasks(void *argument)
{
    (void)argument;
    _Static_assert(sizeof(struct idle_future) == 32, "the size that the limit is for");
    struct tug_task **tasks = map(MILLION * sizeof *tasks);
    int64_t before = resident();
    struct idle_future *futures = map(MILLION * sizeof *futures);
    for (int i = 0; i < MILLION; i++) {
        futures[i] = (struct idle_future){.future = {&idle_vtable, 0}};
        CHECK_EQUAL(tug_spawn_future(&tasks[i], NULL, &futures[i].future), 0);
    }
    for (int i = 0; i < MILLION; i++)
        AWAIT(__atomic_load_n(&futures[i].state, __ATOMIC_RELAXED) == 1);
    int64_t each = (resident() - before) / MILLION;
    printf("an idle poll task with a future of 32 bytes: %lld bytes\n", (long long)each);
    CHECK_RANGE(each, 1, 256);

    for (int i = 0; i < MILLION; i++)
        tug_task_abort(tasks[i]);
    for (int i = 0; i < MILLION; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), -ECANCELED);
    munmap(futures, MILLION * sizeof *futures);
    await_resident("poll tasks", before + KEPT);
    munmap(tasks, MILLION * sizeof *tasks);
    return 0;
}

/* ---- spawned and joined ---- */

static int64_t a_million_in_batches(void *argument)
{
    (void)argument;
    enum { BATCH = 1000 };
    struct tug_task *tasks[BATCH];
    int64_t before = resident();
    for (int batch = 0; batch < MILLION / BATCH; batch++) {
        for (int i = 0; i < BATCH; i++)
            tasks[i] = fixture_spawn(fixture_return, fixture_argument(i));
        for (int i = 0; i < BATCH; i++)
            CHECK_EQUAL(fixture_join(tasks[i]), i);
    }
    CHECK(read_metrics().spawned_tasks >= MILLION);
    await_resident("a million in batches", before + KEPT);
    return 0;
}

static int64_t a_million_at_once(void *argument)
{
    (void)argument;
    struct tug_task **tasks = map(MILLION * sizeof *tasks);
    int64_t before = resident();
    for (int i = 0; i < MILLION; i++)
        tasks[i] = fixture_spawn(fixture_return, fixture_argument(i));
    for (int i = 0; i < MILLION; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), i);
    await_resident("a million at once", before + KEPT);
    munmap(tasks, MILLION * sizeof *tasks);
    return 0;
}

/* ---- runtimes ---- */

static void runtimes_leave_nothing(unsigned workers)
{
    int64_t before = 0;
    for (int i = 0; i < 210; i++) {
        struct tug_runtime *runtime = fixture_create_with(workers);
        int64_t result;
        assert_int_equal(
            tug_runtime_block_on(runtime, fixture_return, fixture_argument(i), &result), 0);
        assert_int_equal(result, i);
        fixture_shutdown(runtime);
        if (i == 9)
            before = resident();
    }
    int64_t more = resident() - before;
    printf("200 runtimes: %lld KiB more\n", (long long)more / 1024);
    assert_true(more < 4 * 1024 * 1024);
}

int main(void)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (TUG_ASAN || TUG_TSAN || tug_valgrind_is_running()) {
        fputs("skipped: memory cannot be measured with this tool\n", stderr);
        return 77;
    }
    const struct CMUnitTest tests[] = {
        IN_EACH(coroutines_asleep),         IN_EACH(idle_poll_tasks),
        IN_EACH(a_million_in_batches),      IN_EACH(a_million_at_once),
        ALONE_EACH(runtimes_leave_nothing),
    };
    return cmocka_run_group_tests_name("task/memory", tests, NULL, NULL);
}
