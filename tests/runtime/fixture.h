/* SPDX-License-Identifier: MIT */
/*
 * What tests of the runtime share: a body is run as a coroutine in a fresh runtime of each flavour
 * (current-thread, and multi-thread with 1 and with 4 workers), under the driver of $TUG_DRIVER.
 * When the runtime has shut down, no thread and no descriptor of it may be left.
 *
 * cmocka's assertions leave by longjmp(), which is not possible from the stack of a coroutine or
 * from another thread. There, and in what may run there, CHECK() is used: it says what was wrong
 * and ends the program.
 */
#ifndef TUG_TESTS_FIXTURE_H
#define TUG_TESTS_FIXTURE_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <tug/tug.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fixture_fail(__FILE__, __LINE__, #condition);                                          \
    } while (0)

#define CHECK_EQUAL(left, right)                                                                   \
    fixture_check_equal(__FILE__, __LINE__, #left, (int64_t)(left), #right, (int64_t)(right))

#define CHECK_RANGE(value, low, high)                                                              \
    fixture_check_range(__FILE__, __LINE__, #value, (int64_t)(value), (int64_t)(low),              \
                        (int64_t)(high))

_Noreturn void fixture_fail(const char *file, int line, const char *what);
void fixture_check_equal(const char *file, int line, const char *left_text, int64_t left,
                         const char *right_text, int64_t right);
void fixture_check_range(const char *file, int line, const char *text, int64_t value, int64_t low,
                         int64_t high);

/* One of the things that may take a while, but will happen: in a coroutine, which sleeps; on a
 * thread. After half a minute the test has failed. */
#define AWAIT(condition)                                                                           \
    do {                                                                                           \
        for (int fixture_tries = 0; !(condition); fixture_tries++) {                               \
            CHECK(fixture_tries < 30000);                                                          \
            CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);                                            \
        }                                                                                          \
    } while (0)

#define AWAIT_ON_THREAD(condition)                                                                 \
    do {                                                                                           \
        for (int fixture_tries = 0; !(condition); fixture_tries++) {                               \
            CHECK(fixture_tries < 30000);                                                          \
            usleep(1000);                                                                          \
        }                                                                                          \
    } while (0)

struct fixture_case {
    unsigned workers; /* 0: current-thread */
    tug_task_fn inside;
    void (*outside)(struct tug_runtime *runtime);
    void (*alone)(unsigned workers);
};

/* The options of a runtime with so many workers, 0 for the current-thread flavour. */
struct tug_runtime_options fixture_options(unsigned workers);

/* Makes a runtime, which must succeed; shuts one down, which must succeed without limit. */
struct tug_runtime *fixture_create(const struct tug_runtime_options *options);
struct tug_runtime *fixture_create_with(unsigned workers);
void fixture_shutdown(struct tug_runtime *runtime);

/* Runs a body, whose result is handed back, in a runtime of its own. */
int64_t fixture_run(const struct tug_runtime_options *options, tug_task_fn body, void *argument);

/* A cmocka test whose initial state is a struct fixture_case. The body gets the case as its
 * argument and returns 0; `outside` is called on the plain thread instead; `alone` makes and ends
 * its runtimes itself. */
void fixture_run_case(void **state);

#define FIXTURE_CASE(name, worker_count, member, function)                                         \
    {                                                                                              \
        name, fixture_run_case, NULL, NULL, &(struct fixture_case)                                 \
        {                                                                                          \
            .workers = (worker_count), .member = (function)                                        \
        }                                                                                          \
    }

#define IN_CURRENT_THREAD(body) FIXTURE_CASE(#body " (current-thread)", 0, inside, body)
#define IN_WORKERS(body, count) FIXTURE_CASE(#body " (" #count " workers)", count, inside, body)
#define IN_MULTI_THREAD(body) IN_WORKERS(body, 1), IN_WORKERS(body, 4)
#define IN_EACH(body) IN_CURRENT_THREAD(body), IN_MULTI_THREAD(body)

#define OUTSIDE_CURRENT_THREAD(fn) FIXTURE_CASE(#fn " (current-thread)", 0, outside, fn)
#define OUTSIDE_WORKERS(fn, count) FIXTURE_CASE(#fn " (" #count " workers)", count, outside, fn)
#define OUTSIDE_MULTI_THREAD(fn) OUTSIDE_WORKERS(fn, 1), OUTSIDE_WORKERS(fn, 4)
#define OUTSIDE_EACH(fn) OUTSIDE_CURRENT_THREAD(fn), OUTSIDE_MULTI_THREAD(fn)

#define ALONE_CURRENT_THREAD(fn) FIXTURE_CASE(#fn " (current-thread)", 0, alone, fn)
#define ALONE_WORKERS(fn, count) FIXTURE_CASE(#fn " (" #count " workers)", count, alone, fn)
#define ALONE_MULTI_THREAD(fn) ALONE_WORKERS(fn, 1), ALONE_WORKERS(fn, 4)
#define ALONE_EACH(fn) ALONE_CURRENT_THREAD(fn), ALONE_MULTI_THREAD(fn)

/* The case that the current test runs. */
const struct fixture_case *fixture_current(void);

/* Of this process, now. */
int fixture_count_threads(void);
int fixture_count_descriptors(void);

/* Waits until there are at most so many threads and exactly so many descriptors. The kernel takes
 * its time to remove a thread that was joined. */
void fixture_expect_left(int threads, int descriptors);

/* A thread outside of any runtime that runs fn(argument). */
struct fixture_thread {
    pthread_t handle;
    tug_task_fn fn;
    void *argument;
    int64_t result;
    bool ended; /* atomic */
};

void fixture_thread_start(struct fixture_thread *thread, tug_task_fn fn, void *argument);

/* Waits for its end and returns what fn returned: in a coroutine, which sleeps; on a thread. */
int64_t fixture_thread_await(struct fixture_thread *thread);
int64_t fixture_thread_join(struct fixture_thread *thread);

/* start and await in one: fn runs outside while the calling coroutine waits. */
int64_t fixture_on_thread(tug_task_fn fn, void *argument);

/* Bodies that many tests need: returns its argument; sleeps until cancelled, and returns what the
 * sleep did. */
int64_t fixture_return(void *argument);
int64_t fixture_sleep_forever(void *argument);

/* Spawns on the current runtime; must succeed. */
struct tug_task *fixture_spawn(tug_task_fn fn, void *argument);

/* Joins a task, which must succeed, and returns its result. */
int64_t fixture_join(struct tug_task *task);

/* How often tasks of the current runtime's first worker ran out of budget. */
uint64_t fixture_budget_exhausted(void);

/* A number as the argument of a body, and back. */
static inline void *fixture_argument(int64_t number)
{
    return (void *)(intptr_t)number;
}

static inline int64_t fixture_number(void *argument)
{
    return (intptr_t)argument;
}

#endif
