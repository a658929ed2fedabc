/* SPDX-License-Identifier: MIT */
/*
 * Locks: taken and given back by a task alone, and by six tasks that all want the same.
 */
#include "../../runtime/ours/bench.h"

enum { TASKS = 6 };

/* Runs a body in six tasks, which share `n` operations. */
static void run_six(size_t n, tug_task_fn body)
{
    struct tug_task *tasks[TASKS];
    size_t each = n / TASKS;
    for (int i = 0; i < TASKS; i++)
        tasks[i] = bench_check_pointer(tug_spawn(body, &each), "tug_spawn");
    for (int i = 0; i < TASKS; i++)
        bench_check(tug_join(tasks[i], NULL), "tug_join");
}

static struct tug_mutex mutex;
static size_t counter;

static int64_t lock_mutex(void *argument)
{
    for (size_t left = *(size_t *)argument; left > 0; left--) {
        bench_check(tug_mutex_lock(&mutex), "tug_mutex_lock");
        counter++;
        tug_mutex_unlock(&mutex);
    }
    return 0;
}

void bench_mutex_alone(size_t n)
{
    tug_mutex_init(&mutex);
    lock_mutex(&n);
}

void bench_mutex_6(size_t n)
{
    tug_mutex_init(&mutex);
    run_six(n, lock_mutex);
}

static struct tug_rwlock rwlock;

static int64_t lock_to_read(void *argument)
{
    for (size_t left = *(size_t *)argument; left > 0; left--) {
        bench_check(tug_rwlock_read_lock(&rwlock), "tug_rwlock_read_lock");
        tug_rwlock_read_unlock(&rwlock);
    }
    return 0;
}

void bench_rwlock_alone(size_t n)
{
    tug_rwlock_init(&rwlock);
    lock_to_read(&n);
}

void bench_rwlock_6(size_t n)
{
    tug_rwlock_init(&rwlock);
    run_six(n, lock_to_read);
}

static int64_t lock_to_read_once(void *unused)
{
    (void)unused;
    bench_check(tug_rwlock_read_lock(&rwlock), "tug_rwlock_read_lock");
    tug_rwlock_read_unlock(&rwlock);
    return 0;
}

/* Six readers come while somebody writes. */
void bench_rwlock_written(size_t n)
{
    tug_rwlock_init(&rwlock);
    for (size_t round = 0; round < n / TASKS; round++) {
        struct tug_task *tasks[TASKS];
        bench_check(tug_rwlock_write_lock(&rwlock), "tug_rwlock_write_lock");
        for (int i = 0; i < TASKS; i++)
            tasks[i] = bench_check_pointer(tug_spawn(lock_to_read_once, NULL), "tug_spawn");
        bench_check(tug_yield(), "tug_yield");
        tug_rwlock_write_unlock(&rwlock);
        for (int i = 0; i < TASKS; i++)
            bench_check(tug_join(tasks[i], NULL), "tug_join");
    }
}

static struct tug_semaphore semaphore;

static int64_t take_permit(void *argument)
{
    for (size_t left = *(size_t *)argument; left > 0; left--) {
        bench_check(tug_semaphore_acquire(&semaphore, 1), "tug_semaphore_acquire");
        bench_check(tug_semaphore_release(&semaphore, 1), "tug_semaphore_release");
    }
    return 0;
}

/* Permits for all. */
void bench_semaphore_10(size_t n)
{
    bench_check(tug_semaphore_init(&semaphore, 10), "tug_semaphore_init");
    run_six(n, take_permit);
}

/* Each keeps its permit while the others run, and one of them has to wait. */
static int64_t keep_permit(void *argument)
{
    for (size_t left = *(size_t *)argument; left > 0; left--) {
        bench_check(tug_semaphore_acquire(&semaphore, 1), "tug_semaphore_acquire");
        bench_check(tug_yield(), "tug_yield");
        bench_check(tug_semaphore_release(&semaphore, 1), "tug_semaphore_release");
    }
    return 0;
}

void bench_semaphore_5(size_t n)
{
    bench_check(tug_semaphore_init(&semaphore, 5), "tug_semaphore_init");
    run_six(n, keep_permit);
}
