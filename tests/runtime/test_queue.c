/* SPDX-License-Identifier: MIT */
/*
 * The run queue of a worker: what fits, what overflows and where it goes, what a thief gets; at the
 * end, an owner and thieves at the same time, where every task must be taken exactly once.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/inject.h"
#include "runtime/queue.h"
#include "sys/list.h"
#include "sys/sanitizer.h"

enum { CAPACITY = TUG_QUEUE_CAPACITY, HALF = CAPACITY / 2, TASKS = 20000 };

static struct tug_task tasks[TASKS];
static struct tug_run_queue queue, other;
static struct tug_inject overflow;

/* The indices run freely: the tests start them at several places, one just before they wrap. */
static const uint32_t starts[] = {0, 1, 100, CAPACITY - 1, UINT32_MAX - 10, UINT32_MAX};
enum { STARTS = sizeof starts / sizeof starts[0] };

static void start_at(struct tug_run_queue *at, uint32_t index)
{
    tug_run_queue_init(at);
    at->head = (uint64_t)index << 32 | index;
    at->tail = index;
}

static void start(uint32_t index)
{
    start_at(&queue, index);
    start_at(&other, index / 3);
    tug_inject_init(&overflow);
}

static int number(const struct tug_task *task)
{
    return task != NULL ? (int)(task - tasks) : -1;
}

static int pop(struct tug_run_queue *from)
{
    return number(tug_run_queue_pop(from));
}

static int pop_overflow(void)
{
    struct tug_fifo batch;
    tug_fifo_init(&batch);
    if (tug_inject_pop(&overflow, &batch, 1) == 0)
        return -1;
    return number(tug_task_of_link(tug_fifo_pop(&batch)));
}

/* Pushes the tasks from `first` to `end` - 1. Returns how often that overflowed. */
static int push(int first, int end)
{
    int overflows = 0;
    for (int i = first; i < end; i++)
        overflows += tug_run_queue_push(&queue, &tasks[i], &overflow);
    return overflows;
}

/* ---- one thread ---- */

static void test_fits_256_all_at_once(void **state)
{
    (void)state;
    for (int s = 0; s < STARTS; s++) {
        start(starts[s]);
        assert_int_equal(pop(&queue), -1);
        assert_int_equal(tug_run_queue_room(&queue), CAPACITY);
        assert_int_equal(push(0, CAPACITY), 0);
        assert_int_equal(tug_run_queue_room(&queue), 0);
        assert_int_equal(tug_run_queue_length(&queue), CAPACITY);
        assert_int_equal(tug_inject_length(&overflow), 0);
        for (int i = 0; i < CAPACITY; i++)
            assert_int_equal(pop(&queue), i);
        assert_int_equal(pop(&queue), -1);
        assert_int_equal(tug_run_queue_length(&queue), 0);
    }
}

static void test_fits_256_one_at_a_time(void **state)
{
    (void)state;
    for (int s = 0; s < STARTS; s++) {
        start(starts[s]);
        for (int i = 0; i < 3 * CAPACITY; i++) {
            assert_int_equal(push(i, i + 1), 0);
            assert_int_equal(pop(&queue), i);
            assert_int_equal(pop(&queue), -1);
        }
        assert_int_equal(tug_inject_length(&overflow), 0);
    }
}

static void test_fits_256_in_chunks(void **state)
{
    (void)state;
    for (int s = 0; s < STARTS; s++)
        for (int chunk = 2; chunk <= CAPACITY; chunk += 1 + chunk / 4) {
            start(starts[s]);
            int pushed = 0, popped = 0;
            while (pushed + chunk <= 4 * CAPACITY) {
                while (pushed - popped + chunk > CAPACITY)
                    assert_int_equal(pop(&queue), popped++);
                assert_int_equal(push(pushed, pushed + chunk), 0);
                pushed += chunk;
            }
            while (popped < pushed)
                assert_int_equal(pop(&queue), popped++);
            assert_int_equal(pop(&queue), -1);
            assert_int_equal(tug_inject_length(&overflow), 0);
        }
}

/* The older half stays, the newer half goes, and the new task behind it. */
static void test_overflow_sends_half_away(void **state)
{
    (void)state;
    for (int s = 0; s < STARTS; s++) {
        start(starts[s]);
        assert_int_equal(push(0, CAPACITY + 1), 1);
        assert_int_equal(tug_run_queue_length(&queue), HALF);
        assert_int_equal(tug_inject_length(&overflow), HALF + 1);
        for (int i = 0; i < HALF; i++)
            assert_int_equal(pop(&queue), i);
        assert_int_equal(pop(&queue), -1);
        for (int i = HALF; i <= CAPACITY; i++)
            assert_int_equal(pop_overflow(), i);
        assert_int_equal(pop_overflow(), -1);
    }
}

static void test_overflow_again_and_again(void **state)
{
    (void)state;
    for (int s = 0; s < STARTS; s++) {
        start(starts[s]);
        int overflows = push(0, TASKS);
        assert_int_equal(overflows, 1 + (TASKS - CAPACITY - 1) / (HALF + 1));
        assert_int_equal(tug_run_queue_length(&queue) + tug_inject_length(&overflow), TASKS);
        /* Nothing is lost, and what stayed from the start is still first. */
        static bool seen[TASKS];
        memset(seen, 0, sizeof seen);
        for (int i = 0; i < HALF; i++)
            assert_int_equal(pop(&queue), i);
        for (int i = 0; i < HALF; i++)
            seen[i] = true;
        for (int i; (i = pop(&queue)) >= 0;) {
            assert_false(seen[i]);
            seen[i] = true;
        }
        for (int i; (i = pop_overflow()) >= 0;) {
            assert_false(seen[i]);
            seen[i] = true;
        }
        for (int i = 0; i < TASKS; i++)
            assert_true(seen[i]);
    }
}

/* Half, rounded up; the last of them is handed out, the others are in the thief's queue. */
static void test_steal_batch(void **state)
{
    (void)state;
    for (int s = 0; s < STARTS; s++)
        for (int count = 0; count <= CAPACITY; count++) {
            unsigned stolen = 99;
            int expected = count - count / 2;
            start(starts[s]);
            push(0, count);
            int last = number(tug_run_queue_steal(&queue, &other, &stolen));
            assert_int_equal(stolen, expected);
            assert_int_equal(last, expected - 1);
            for (int i = 0; i + 1 < expected; i++)
                assert_int_equal(pop(&other), i);
            assert_int_equal(pop(&other), -1);
            for (int i = expected; i < count; i++)
                assert_int_equal(pop(&queue), i);
            assert_int_equal(pop(&queue), -1);
        }
}

static void test_a_thief_that_has_enough_gets_nothing(void **state)
{
    (void)state;
    for (int have = 0; have <= CAPACITY; have++) {
        unsigned stolen = 99;
        start(starts[have % STARTS]);
        push(0, CAPACITY);
        for (int i = 0; i < have; i++)
            tug_run_queue_push(&other, &tasks[CAPACITY + i], &overflow);
        struct tug_task *task = tug_run_queue_steal(&queue, &other, &stolen);
        if (have > HALF) {
            assert_null(task);
            assert_int_equal(tug_run_queue_length(&queue), CAPACITY);
            assert_int_equal(tug_run_queue_length(&other), have);
        } else {
            assert_int_equal(number(task), HALF - 1);
            assert_int_equal(tug_run_queue_length(&other), have + HALF - 1);
            for (int i = 0; i < have; i++)
                assert_int_equal(pop(&other), CAPACITY + i);
        }
    }
}

/* While a thief is at work (its mark lags behind), the owner goes on, another thief gets nothing,
 * and a full ring sends single tasks away. */
static void test_a_thief_at_work(void **state)
{
    (void)state;
    for (int s = 0; s < STARTS; s++) {
        unsigned stolen;
        start(starts[s]);
        push(0, CAPACITY);
        queue.head = (uint64_t)starts[s] << 32 | (uint32_t)(starts[s] + HALF); /* it has claimed */
        assert_null(tug_run_queue_steal(&queue, &other, &stolen));
        assert_int_equal(tug_run_queue_length(&queue), HALF);
        assert_int_equal(tug_run_queue_room(&queue), 0);
        assert_int_equal(push(CAPACITY, CAPACITY + 3), 3);
        assert_int_equal(tug_inject_length(&overflow), 3);
        assert_int_equal(pop(&queue), HALF);
        assert_int_equal(pop(&queue), HALF + 1);
        assert_int_equal(push(CAPACITY + 3, CAPACITY + 4), 1); /* the slots are not free yet */
        uint32_t real = starts[s] + HALF + 2;
        queue.head = (uint64_t)real << 32 | real; /* it has finished */
        assert_int_equal(tug_run_queue_room(&queue), HALF + 2);
        assert_int_equal(push(CAPACITY + 4, CAPACITY + 5), 0);
        for (int i = HALF + 2; i < CAPACITY; i++)
            assert_int_equal(pop(&queue), i);
        assert_int_equal(pop(&queue), CAPACITY + 4);
        assert_int_equal(pop(&queue), -1);
    }
}

static void test_global_queue(void **state)
{
    (void)state;
    struct tug_fifo batch;
    start(0);
    tug_fifo_init(&batch);
    assert_int_equal(tug_inject_pop(&overflow, &batch, 10), 0);
    for (int i = 0; i < 10; i++)
        tug_inject_push(&overflow, &tasks[i]);
    struct tug_fifo more;
    tug_fifo_init(&more);
    for (int i = 10; i < 20; i++)
        tug_fifo_push(&more, &tasks[i].link);
    tug_inject_push_batch(&overflow, &more, 10);
    assert_int_equal(tug_inject_length(&overflow), 20);
    assert_int_equal(tug_inject_pop(&overflow, &batch, 15), 15);
    assert_int_equal(tug_inject_length(&overflow), 5);
    for (int i = 0; i < 15; i++)
        assert_int_equal(number(tug_task_of_link(tug_fifo_pop(&batch))), i);
    assert_null(tug_fifo_pop(&batch));
    assert_int_equal(tug_inject_pop(&overflow, &batch, 100), 5);
    for (int i = 15; i < 20; i++)
        assert_int_equal(number(tug_task_of_link(tug_fifo_pop(&batch))), i);
    assert_int_equal(tug_inject_length(&overflow), 0);
}

/* ---- threads ---- */

enum { THIEVES_MAX = 3 };

static uint8_t taken[TASKS]; /* atomic */
static bool owner_done;      /* atomic */

static void take(struct tug_task *task)
{
    __atomic_fetch_add(&taken[number(task)], 1, __ATOMIC_RELAXED);
}

struct thief {
    pthread_t handle;
    struct tug_run_queue queue;
    uint64_t stolen;
};

static void *thief_main(void *argument)
{
    struct thief *thief = argument;
    bool last_round = false;
    while (!last_round) {
        last_round = __atomic_load_n(&owner_done, __ATOMIC_ACQUIRE);
        unsigned stolen;
        struct tug_task *task = tug_run_queue_steal(&queue, &thief->queue, &stolen);
        if (task == NULL)
            continue;
        last_round = false;
        thief->stolen += stolen;
        take(task);
        while ((task = tug_run_queue_pop(&thief->queue)) != NULL)
            take(task);
    }
    return NULL;
}

/* Pushes `burst` tasks and pops `keep` of them, again and again. */
static void own(int burst, int keep)
{
    for (int next = 0; next < TASKS;) {
        for (int i = 0; i < burst && next < TASKS; i++)
            tug_run_queue_push(&queue, &tasks[next++], &overflow);
        for (int i = 0; i < keep; i++) {
            struct tug_task *task = tug_run_queue_pop(&queue);
            if (task == NULL)
                break;
            take(task);
        }
        for (int number; (number = pop_overflow()) >= 0;)
            take(&tasks[number]);
    }
    for (struct tug_task *task; (task = tug_run_queue_pop(&queue)) != NULL;)
        take(task);
    for (int number; (number = pop_overflow()) >= 0;)
        take(&tasks[number]);
}

static void stress(int thieves, int burst, int keep)
{
    static struct thief all[THIEVES_MAX];
    start(UINT32_MAX - TASKS / 2); /* the indices wrap on the way */
    memset(taken, 0, sizeof taken);
    __atomic_store_n(&owner_done, false, __ATOMIC_RELEASE);
    for (int i = 0; i < thieves; i++) {
        start_at(&all[i].queue, (uint32_t)i * 1000);
        all[i].stolen = 0;
        assert_int_equal(pthread_create(&all[i].handle, NULL, thief_main, &all[i]), 0);
    }
    own(burst, keep);
    __atomic_store_n(&owner_done, true, __ATOMIC_RELEASE);
    for (int i = 0; i < thieves; i++)
        pthread_join(all[i].handle, NULL);
    for (int i = 0; i < TASKS; i++)
        assert_int_equal(taken[i], 1);
}

static void test_stress_with_one_thief(void **state)
{
    (void)state;
    for (int round = 0; round < (TUG_TSAN ? 3 : 20); round++) {
        stress(1, 4, 2);
        stress(1, 200, 20);
    }
}

static void test_stress_with_thieves_and_overflow(void **state)
{
    (void)state;
    for (int round = 0; round < (TUG_TSAN ? 3 : 20); round++) {
        stress(THIEVES_MAX, 1, 1);
        stress(THIEVES_MAX, 600, 100);
        stress(THIEVES_MAX, 300, 300);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fits_256_all_at_once),
        cmocka_unit_test(test_fits_256_one_at_a_time),
        cmocka_unit_test(test_fits_256_in_chunks),
        cmocka_unit_test(test_overflow_sends_half_away),
        cmocka_unit_test(test_overflow_again_and_again),
        cmocka_unit_test(test_steal_batch),
        cmocka_unit_test(test_a_thief_that_has_enough_gets_nothing),
        cmocka_unit_test(test_a_thief_at_work),
        cmocka_unit_test(test_global_queue),
        cmocka_unit_test(test_stress_with_one_thief),
        cmocka_unit_test(test_stress_with_thieves_and_overflow),
    };
    return cmocka_run_group_tests_name("runtime/queue", tests, NULL, NULL);
}
