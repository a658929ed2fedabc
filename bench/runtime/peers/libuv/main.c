/* SPDX-License-Identifier: MIT */
/*
 * The micro-benchmarks of the suite "runtime", for libuv: bench-libuv CASE ct [N].
 *
 * libuv has callbacks and no tasks, so only what it has a counterpart for is here: a sleeping task
 * is a timer on the heap, a blocking call is uv_queue_work(). One loop, one thread, hence `ct`
 * only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

static void check(int result)
{
    if (result < 0) {
        fprintf(stderr, "bench-libuv: %s\n", uv_strerror(result));
        exit(1);
    }
}

static void *allocate(size_t size)
{
    void *memory = malloc(size);
    if (!memory)
        check(UV_ENOMEM);
    return memory;
}

/* --- Sleepers: n timers at once, for 1 to 100 ms each ------------------------------------------
 */

static void timer_closed(uv_handle_t *timer)
{
    free(timer);
}

static void timer_fired(uv_timer_t *timer)
{
    uv_close((uv_handle_t *)timer, timer_closed);
}

static void sleepers(size_t n)
{
    uv_loop_t *loop = uv_default_loop();
    for (size_t i = 0; i < n; i++) {
        /* Timers count from the loop's cached time; keep it fresh, at a negligible cost. */
        if (i % 1000 == 0)
            uv_update_time(loop);
        uv_timer_t *timer = allocate(sizeof *timer);
        check(uv_timer_init(loop, timer));
        check(uv_timer_start(timer, timer_fired, 1 + i % 100, 0));
    }
    check(uv_run(loop, UV_RUN_DEFAULT));
}

/* --- Blocking calls: a function that does nothing, `batch` at a time ----------------------------
 */

struct jobs {
    uv_work_t *work;
    size_t batch, pending, batches_left;
};

static void queue_batch(struct jobs *jobs);

static void work(uv_work_t *work)
{
    (void)work;
}

static void after_work(uv_work_t *work, int status)
{
    struct jobs *jobs = work->data;
    check(status);
    if (--jobs->pending == 0 && --jobs->batches_left > 0)
        queue_batch(jobs);
}

static void queue_batch(struct jobs *jobs)
{
    jobs->pending = jobs->batch;
    for (size_t i = 0; i < jobs->batch; i++) {
        jobs->work[i].data = jobs;
        check(uv_queue_work(uv_default_loop(), &jobs->work[i], work, after_work));
    }
}

static void blocking(size_t n, size_t batch)
{
    struct jobs jobs = {.batch = batch, .batches_left = n / batch ? n / batch : 1};
    jobs.work = allocate(batch * sizeof *jobs.work);
    queue_batch(&jobs);
    check(uv_run(uv_default_loop(), UV_RUN_DEFAULT));
    free(jobs.work);
}

static void blocking_1(size_t n)
{
    blocking(n, 1);
}

static void blocking_16(size_t n)
{
    blocking(n, 16);
}

/* --- One line per sample -----------------------------------------------------------------------
 */

struct bench_case {
    const char *name;
    void (*run)(size_t n);
    size_t n; /* operations per sample */
    int samples;
    const char *unit;
};

static const struct bench_case cases[] = {
    {"sleepers", sleepers, 1000000, 1, "s"},
    {"blocking_1", blocking_1, 10000, 3, "ns"},
    {"blocking_16", blocking_16, 48000, 3, "ns"},
};

static void measure(const struct bench_case *chosen, size_t n)
{
    chosen->run(n >= 10 ? n / 10 : 1);
    for (int i = 0; i < chosen->samples; i++) {
        uint64_t start = uv_hrtime();
        chosen->run(n);
        double elapsed = (double)(uv_hrtime() - start);
        printf("%s ct %.6f %s\n", chosen->name,
               strcmp(chosen->unit, "s") == 0 ? elapsed / 1e9 : elapsed / (double)n, chosen->unit);
    }
}

int main(int count, char **arguments)
{
    if (count == 2 && strcmp(arguments[1], "version") == 0) {
        printf("libuv %s\n", uv_version_string());
        return 0;
    }
    if (count < 3 || strcmp(arguments[2], "ct") != 0) {
        fprintf(stderr, "usage: bench-libuv CASE ct [N]\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (strcmp(cases[i].name, arguments[1]) == 0) {
            size_t n = count > 3 ? strtoul(arguments[3], NULL, 10) : cases[i].n;
            if (n == 0) {
                fprintf(stderr, "bench-libuv: not a number of operations: %s\n", arguments[3]);
                return 2;
            }
            measure(&cases[i], n);
            return 0;
        }
    }
    fprintf(stderr, "bench-libuv: no such case: %s\n", arguments[1]);
    return 2;
}
