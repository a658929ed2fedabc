/* SPDX-License-Identifier: MIT */
#include "jobs.h"

#include "sys/clock.h"
#include "sys/list.h"

static void run(struct tug_job *job, int dropped)
{
    struct test_job *self = TUG_CONTAINER_OF(job, struct test_job, job);
    sem_t *done = self->done;
    self->thread = pthread_self();
    if (dropped) {
        __atomic_fetch_add(&self->drops, 1, __ATOMIC_RELAXED);
    } else {
        if (self->fn != NULL)
            self->fn(self->argument);
        __atomic_fetch_add(&self->runs, 1, __ATOMIC_RELAXED);
    }
    if (done != NULL)
        sem_post(done);
}

void make_job(struct test_job *job, void (*fn)(void *), void *argument, sem_t *done)
{
    *job = (struct test_job){.job = {.run = run}, .fn = fn, .argument = argument, .done = done};
}

bool pools_spin;

struct tug_pool *make_pool(unsigned threads, uint64_t keep_alive)
{
    struct tug_pool_options options = {.max_threads = threads,
                                       .keep_alive = keep_alive,
                                       .thread_name = "test-blocking",
                                       .spin = pools_spin};
    struct tug_pool *pool;
    assert_int_equal(tug_pool_create(&pool, &options), 0);
    return pool;
}

void end_pool(struct tug_pool *pool)
{
    assert_int_equal(tug_pool_shutdown(pool, UINT64_MAX), 0);
    assert_int_equal(tug_pool_outstanding(pool), 0);
    tug_pool_destroy(pool);
}

struct tug_pool_metrics metrics_of(struct tug_pool *pool)
{
    struct tug_pool_metrics metrics;
    tug_pool_metrics(pool, &metrics);
    return metrics;
}

void wait_until_idle(struct tug_pool *pool, unsigned count)
{
    uint64_t deadline = tug_clock_now() + 20 * SECOND;
    for (;;) {
        struct tug_pool_metrics metrics = metrics_of(pool);
        if (metrics.idle_threads == count && metrics.threads == count)
            return;
        assert_true(tug_clock_now() < deadline);
        tug_clock_sleep(100000);
    }
}

#define GATE                                                                                       \
    {                                                                                              \
        .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER                     \
    }

void pass_gate(void *argument)
{
    struct gate *gate = argument;
    pthread_mutex_lock(&gate->lock);
    gate->entered++;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->open)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

void wait_for_entered(struct gate *gate, int count)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->entered < count)
        pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

void open_gate(struct gate *gate)
{
    pthread_mutex_lock(&gate->lock);
    gate->open = true;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}
