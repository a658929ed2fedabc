/* SPDX-License-Identifier: MIT */
/*
 * Jobs that count what becomes of them, and a gate that they wait at.
 */
#ifndef TESTS_DRIVER_JOBS_H
#define TESTS_DRIVER_JOBS_H

#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka.h needs four of these. */
#include <cmocka.h>

#include "driver/pool.h"

#define MILLISECOND UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

struct test_job {
    struct tug_job job;
    void (*fn)(void *argument);
    void *argument;
    int runs, drops;
    pthread_t thread;
    sem_t *done; /* posted at the end, unless NULL */
};

void make_job(struct test_job *job, void (*fn)(void *), void *argument, sem_t *done);

/* Whether threads of the pools that are made spin before they sleep. */
extern bool pools_spin;

struct tug_pool *make_pool(unsigned threads, uint64_t keep_alive);

/* Shuts down and destroys; fails if a job is left. */
void end_pool(struct tug_pool *pool);

struct tug_pool_metrics metrics_of(struct tug_pool *pool);

/* Waits until `count` threads are idle, and nobody works. */
void wait_until_idle(struct tug_pool *pool, unsigned count);

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int entered;
    bool open;
};

#define GATE                                                                                       \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                     \
    }

void pass_gate(void *gate);
void wait_for_entered(struct gate *gate, int count);
void open_gate(struct gate *gate);

#endif
