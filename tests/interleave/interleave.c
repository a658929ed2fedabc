/* SPDX-License-Identifier: MIT */
/*
 * The scheduler of the interleaving checker, and the search. What it is for is in interleave.h.
 *
 * Each thread is a coroutine that runs one body after another, so that a run needs no new ones. A
 * run that fails is left where it is: its coroutines are made anew for the next exploration.
 */
#include "interleave.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "task/switch.h"

enum {
    STACK_SIZE = 64 * 1024,
    DEPTH_MAX = 4096,  /* choices in a run */
    STEPS_MAX = 20000, /* more in a run is a loop without an end */
    GIVEN_UP_MAX = 16,
    /* With a sanitizer, or by system calls, a switch of coroutines is slow: then not all orders are
     * tried. Other builds do. */
    SLOW = TUG_FIBERS || TUG_SWITCH_UCONTEXT,
    RUNS_MAX = SLOW ? 3000 : 5000000,
};

enum activity { RUNNING, PARKED, AT_ADDRESS, ENDED };

struct thread {
    struct tug_context context;
    char *stack;
    void (*body)(void);
    enum activity activity;
    const void *address; /* AT_ADDRESS */
    bool unparked;
    bool gave_way; /* not chosen again before another has made a step */
};

static struct thread threads[INTERLEAVE_THREADS];
static struct tug_context home;
static int current, thread_count;
static unsigned preemptions, steps;
static const struct interleave_model *model;
static const char *failure;
static jmp_buf alone_failed;

static struct {
    uint8_t taken[DEPTH_MAX], count[DEPTH_MAX];
    size_t depth, recorded;
} choices;

static struct {
    const char *begin;
    size_t size;
} given_up[GIVEN_UP_MAX];
static int given_up_count;

/* ---- choices ---- */

static int choose(int count)
{
    if (count == 1)
        return 0;
    if (choices.depth == DEPTH_MAX)
        interleave_fail("too many choices in one run");
    if (choices.depth == choices.recorded) {
        choices.taken[choices.depth] = 0;
        choices.count[choices.depth] = (uint8_t)count;
        choices.recorded++;
    } else if (choices.count[choices.depth] != count) {
        interleave_fail("the model is not deterministic");
    }
    return choices.taken[choices.depth++];
}

/* The next order to try. False: there is none. */
static bool next_order(void)
{
    while (choices.recorded > 0) {
        size_t last = choices.recorded - 1;
        if (++choices.taken[last] < choices.count[last])
            return true;
        choices.recorded = last;
    }
    return false;
}

/* ---- switching ---- */

static void go_home(void)
{
    tug_context_switch(&threads[current].context, &home);
}

_Noreturn void interleave_fail(const char *what)
{
    failure = what;
    if (current < 0)
        longjmp(alone_failed, 1); /* in set_up() or check() */
    for (;;)
        go_home();
}

static void go_on_with(int thread)
{
    int from = current;
    current = thread;
    if (from != thread)
        tug_context_switch(&threads[from].context, &threads[thread].context);
}

/* Chooses who goes on. The running thread comes first if it can go on itself; to leave it then is a
 * pre-emption, unless it gave way. */
static void schedule(void)
{
    int candidates[INTERLEAVE_THREADS], count = 0;
    struct thread *self = &threads[current];
    bool can_go_on = self->activity == RUNNING && !self->gave_way;
    if (++steps > STEPS_MAX)
        interleave_fail("a loop without an end");
    if (can_go_on)
        candidates[count++] = current;
    if (!can_go_on || preemptions < model->preemptions)
        for (int i = 0; i < thread_count; i++)
            if (i != current && threads[i].activity == RUNNING)
                candidates[count++] = i;
    if (count == 0) {
        if (self->activity != RUNNING) {
            bool all_ended = true;
            for (int i = 0; i < thread_count; i++)
                all_ended = all_ended && threads[i].activity == ENDED;
            if (!all_ended)
                failure = "all threads wait";
            go_home();
            return;
        }
        candidates[count++] = current; /* nobody else is there to give way to */
    }
    int thread = candidates[choose(count)];
    if (thread != current && can_go_on)
        preemptions++;
    self->gave_way = false;
    go_on_with(thread);
}

static void thread_main(void *argument)
{
    struct thread *self = argument;
    for (;;) {
        self->body();
        self->activity = ENDED;
        schedule();
    }
}

/* ---- what instrumented code calls ---- */

static void look_at(const void *address)
{
    for (int i = 0; i < given_up_count; i++)
        if ((const char *)address >= given_up[i].begin &&
            (const char *)address < given_up[i].begin + given_up[i].size)
            interleave_fail("memory was touched after it had been given up");
}

/* In set_up() and check() there is nobody to change to. */
static bool alone(void)
{
    return current < 0;
}

void interleave_step(const void *address)
{
    if (alone())
        return;
    schedule();
    look_at(address);
}

void interleave_yield(void)
{
    threads[current].gave_way = true;
    schedule();
}

int interleave_self(void)
{
    return current;
}

void interleave_park(void)
{
    struct thread *self = &threads[current];
    /* Who has been woken already goes to the end of some queue. */
    if (self->unparked)
        self->gave_way = true;
    else
        self->activity = PARKED;
    schedule();
    self->unparked = false;
}

void interleave_unpark(int thread)
{
    interleave_step(NULL);
    threads[thread].unparked = true;
    if (threads[thread].activity == PARKED)
        threads[thread].activity = RUNNING;
}

int interleave_futex_wait(const uint32_t *word, uint32_t expected)
{
    interleave_step(word);
    if (*word != expected)
        return -EAGAIN;
    threads[current].activity = AT_ADDRESS;
    threads[current].address = word;
    schedule();
    return 0;
}

/* The address is only compared: the memory may be gone. */
int interleave_futex_wake(const uint32_t *word, int count)
{
    int woken = 0;
    interleave_step(NULL);
    for (int i = 0; i < thread_count && woken < count; i++) {
        if (threads[i].activity != AT_ADDRESS || threads[i].address != word)
            continue;
        threads[i].activity = RUNNING;
        woken++;
    }
    return woken;
}

bool interleave_try_lock(uint32_t *word)
{
    interleave_step(word);
    if (*word != 0)
        return false;
    *word = 1;
    return true;
}

void interleave_lock(uint32_t *word)
{
    while (!interleave_try_lock(word)) {
        threads[current].activity = AT_ADDRESS;
        threads[current].address = word;
        schedule();
    }
}

void interleave_unlock(uint32_t *word)
{
    interleave_step(word);
    if (*word != 1)
        interleave_fail("a lock was unlocked that was not locked");
    *word = 0;
    for (int i = 0; i < thread_count; i++)
        if (threads[i].activity == AT_ADDRESS && threads[i].address == word)
            threads[i].activity = RUNNING;
}

void interleave_give_up(const void *memory, size_t size)
{
    interleave_step(NULL);
    look_at(memory);
    if (given_up_count == GIVEN_UP_MAX)
        interleave_fail("too much memory was given up");
    given_up[given_up_count].begin = memory;
    given_up[given_up_count++].size = size;
}

/* ---- exploring ---- */

static void make_threads(void)
{
    thread_count = 0;
    while (thread_count < INTERLEAVE_THREADS && model->threads[thread_count] != NULL)
        thread_count++;
    for (int i = 0; i < thread_count; i++) {
        struct thread *thread = &threads[i];
        *thread = (struct thread){.body = model->threads[i]};
        thread->stack = malloc(STACK_SIZE);
        if (thread->stack == NULL)
            abort();
        tug_context_init(&thread->context, thread->stack, STACK_SIZE, thread_main, thread);
    }
}

static void free_threads(void)
{
    for (int i = 0; i < thread_count; i++) {
        tug_context_destroy(&threads[i].context);
        free(threads[i].stack);
    }
}

static void run_once(void)
{
    for (int i = 0; i < thread_count; i++) {
        threads[i].activity = RUNNING;
        threads[i].unparked = threads[i].gave_way = false;
    }
    interleave_wakers_begin();
    current = -1;
    given_up_count = 0;
    preemptions = steps = 0;
    choices.depth = 0;
    if (setjmp(alone_failed) != 0)
        return;
    model->set_up();
    current = choose(thread_count);
    tug_context_switch(&home, &threads[current].context);
    current = -1;
    if (failure == NULL && !interleave_wakers_balanced())
        failure = "a waker was not given up";
    if (failure == NULL && model->check != NULL)
        model->check();
}

struct interleave_result interleave_explore(const struct interleave_model *to_explore)
{
    struct interleave_result result = {0, false, NULL};
    model = to_explore;
    failure = NULL;
    choices.recorded = 0;
    tug_context_init_thread(&home);
    make_threads();
    do {
        run_once();
        result.runs++;
        result.complete = failure == NULL && !next_order();
    } while (failure == NULL && !result.complete && result.runs < RUNS_MAX);
    free_threads();
    result.failure = failure;
    return result;
}

void interleave_must_hold(void **state)
{
    const struct interleave_model *held = *state;
    struct interleave_result result = interleave_explore(held);
    print_message("%s: %llu orders\n", held->name, (unsigned long long)result.runs);
    if (result.failure != NULL)
        fail_msg("%s: %s", held->name, result.failure);
    assert_true(result.complete || SLOW);
}
