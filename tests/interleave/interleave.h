/* SPDX-License-Identifier: MIT */
/*
 * The interleaving checker: runs two or three threads through all orders in which their atomic
 * steps can happen, up to a number of pre-emptions, and says in which order something went wrong.
 *
 * The threads are coroutines on one thread. The source under test is compiled into the model, after
 * "instrument.h", so that before every atomic access it comes here, where another thread may be
 * chosen to go on. A run is made of such choices; the next run makes the same ones up to the last
 * that has an alternative left, and takes that (depth first). A thread that blocks, or ends, lets
 * another go on for free; any other change of threads is a pre-emption. Most faults need no more
 * than two of them: M. Musuvathi and S. Qadeer, "Iterative context bounding for systematic testing
 * of multithreaded programs" (PLDI 2007).
 *
 * What it finds: a check of the model that fails, threads that wait for ever, memory that is
 * touched or given up after it was given up, wakers that are not balanced, loops without an end.
 * What it does not find: faults of weak memory orders. All accesses have one order here;
 * ThreadSanitizer, and the tests that use real threads, look for the rest.
 */
#ifndef TUG_TESTS_INTERLEAVE_H
#define TUG_TESTS_INTERLEAVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/future.h>

#define INTERLEAVE_THREADS 3

struct interleave_model {
    const char *name;
    void (*set_up)(void); /* before each run */
    void (*threads[INTERLEAVE_THREADS])(void);
    void (*check)(void);  /* after each run, when all threads have ended; may be NULL */
    unsigned preemptions; /* at most so many in a run */
};

struct interleave_result {
    uint64_t runs;
    bool complete;       /* all orders were tried */
    const char *failure; /* what went wrong in the last run, or NULL */
};

/* Runs a model until it fails or there is no order left. */
struct interleave_result interleave_explore(const struct interleave_model *model);

/* A cmocka test: the model must not fail. Its initial state is the model. */
void interleave_must_hold(void **state);

/* An entry of the table of tests: threads at the end. */
#define INTERLEAVE_MODEL(title, preemptions, set_up, check, ...)                                   \
    {                                                                                              \
        title, interleave_must_hold, NULL, NULL, &(struct interleave_model)                        \
        {                                                                                          \
            title, set_up, {__VA_ARGS__}, check, preemptions                                       \
        }                                                                                          \
    }

/* ---- for models and instrumented code: each may change threads before it does anything ---- */

/* A step that touches `address`. */
void interleave_step(const void *address);

/* Lets others go on first, as in a loop that waits. */
void interleave_yield(void);

/* Which of the threads runs. */
int interleave_self(void);

/* Blocks until an unpark since the last park; unblocks a thread. */
void interleave_park(void);
void interleave_unpark(int thread);

/* As futex(2). A deadline never passes. */
int interleave_futex_wait(const uint32_t *word, uint32_t expected);
int interleave_futex_wake(const uint32_t *word, int count);

/* A lock without spinning: one step each. */
void interleave_lock(uint32_t *word);
bool interleave_try_lock(uint32_t *word);
void interleave_unlock(uint32_t *word);

/* From now on nobody may touch the memory, nor give it up once more. It is there again in the next
 * run. */
void interleave_give_up(const void *memory, size_t size);

/* The waker of the running thread, borrowed: park() and unpark(). Clones are counted, and must all
 * have been given up at the end of the run. */
struct tug_waker interleave_waker(void);

/* Polls a future, parking in between, until it is ready. Returns its result. */
int64_t interleave_await(struct tug_future *future);

/* For the search: before each run; and whether all clones were given up, after it. */
void interleave_wakers_begin(void);
bool interleave_wakers_balanced(void);

/* Ends the run as failed. */
_Noreturn void interleave_fail(const char *what);

#define INTERLEAVE_TEXT(value) #value
#define INTERLEAVE_LINE(line) INTERLEAVE_TEXT(line)
#define INTERLEAVE_CHECK(condition)                                                                \
    do {                                                                                           \
        if (!(condition))                                                                          \
            interleave_fail(__FILE__ ":" INTERLEAVE_LINE(__LINE__) ": " #condition);               \
    } while (0)

#endif
