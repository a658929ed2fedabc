/* SPDX-License-Identifier: MIT */
/*
 * The workers' ring in all orders: every task is taken once, whoever takes it. The ring has four
 * places here, so that it overflows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "instrument.h"

#define TUG_QUEUE_CAPACITY 4u

#include "runtime/queue.c"

enum { TASKS = 6 };

static struct tug_run_queue queues[INTERLEAVE_THREADS];
static struct tug_inject global;
static struct tug_task tasks[TASKS];
static int taken[TASKS];

static void begin_at(uint32_t index)
{
    tug_inject_init(&global);
    for (int i = 0; i < INTERLEAVE_THREADS; i++) {
        tug_run_queue_init(&queues[i]);
        queues[i].head = pack(index, index);
        queues[i].tail = index;
    }
    memset(taken, 0, sizeof taken);
}

static void begin(void)
{
    begin_at(0);
}

static void begin_before_the_indices_wrap(void)
{
    begin_at(UINT32_MAX - 2);
}

static void take(struct tug_task *task)
{
    if (task != NULL)
        INTERLEAVE_CHECK(++taken[task - tasks] == 1);
}

static void push(int first, int count)
{
    for (int i = first; i < first + count; i++)
        tug_run_queue_push(&queues[0], &tasks[i], &global);
}

static void pop_all(struct tug_run_queue *queue)
{
    struct tug_task *task;
    while ((task = tug_run_queue_pop(queue)) != NULL)
        take(task);
}

/* ---- threads ---- */

static void push_and_pop(void)
{
    push(0, 3);
    take(tug_run_queue_pop(&queues[0]));
    push(3, 3); /* into the places that a thief may still be reading */
    pop_all(&queues[0]);
}

static void overflow(void)
{
    push(0, TASKS);
    pop_all(&queues[0]);
}

static void steal_once(void)
{
    struct tug_run_queue *mine = &queues[interleave_self()];
    unsigned stolen;
    take(tug_run_queue_steal(&queues[0], mine, &stolen));
    pop_all(mine);
}

static void steal_twice(void)
{
    steal_once();
    steal_once();
}

/* ---- checks ---- */

static void all_were_taken(void)
{
    struct tug_fifo rest;
    tug_fifo_init(&rest);
    tug_inject_pop(&global, &rest, TASKS);
    struct tug_fifo_node *node;
    while ((node = tug_fifo_pop(&rest)) != NULL)
        take(tug_task_of_link(node));
    for (int i = 0; i < INTERLEAVE_THREADS; i++)
        pop_all(&queues[i]);
    for (int i = 0; i < TASKS; i++)
        INTERLEAVE_CHECK(taken[i] == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INTERLEAVE_MODEL("owner and thief", 4, begin, all_were_taken, push_and_pop, steal_twice),
        INTERLEAVE_MODEL("two thieves", 2, begin, all_were_taken, push_and_pop, steal_once,
                         steal_once),
        INTERLEAVE_MODEL("overflow", 4, begin, all_were_taken, overflow, steal_twice),
        INTERLEAVE_MODEL("overflow and two thieves", 2, begin, all_were_taken, overflow, steal_once,
                         steal_once),
        INTERLEAVE_MODEL("indices that wrap", 3, begin_before_the_indices_wrap, all_were_taken,
                         overflow, steal_twice),
    };
    return cmocka_run_group_tests_name("interleave/run_queue", tests, NULL, NULL);
}
