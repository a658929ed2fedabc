/* SPDX-License-Identifier: MIT */
/*
 * The blocking pool. One mutex guards everything but `outstanding`.
 *
 * Wake-ups are exact: who queues a job takes one thread off the stack of idle threads and wakes
 * that one. A thread that is not on the stack looks at the queue before it sleeps again, so a job
 * is never left behind, and a thread that sleeps was not asked for, so nobody is woken for nothing.
 * The stack is last in, first out: the thread that has worked last works next, those below run into
 * their keep-alive.
 *
 * Where jobs come one at a time, to a thread that has nobody at work beside it, and `spin` was
 * asked for, the thread spins for a moment before it sleeps. It is on the stack meanwhile, and who
 * takes it off has no wake to make. One thread at a time spins.
 *
 * A thread has the records of the pool (struct pool_thread) until the pool is destroyed; a wake
 * that comes late finds memory that is still a futex word. Threads are joined: one that ends leaves
 * its handle to the next that ends, the last one's is left to tug_pool_shutdown(). Where nobody
 * will call that any more they are detached instead.
 */
#include "driver/pool.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>

#include "sys/call.h"
#include "sys/clock.h"
#include "sys/futex.h"
#include "sys/list.h"
#include "sys/mutex.h"
#include "sys/spin.h"
#include "sys/thread.h"

/* Values of pool_thread.wake_word. */
enum { ASLEEP, WOKEN, SPINNING };

struct pool_thread {
    struct tug_pool *pool;
    struct tug_list_node idle_link;
    struct pool_thread *next_free;
    struct tug_thread handle; /* set by the thread itself */
    uint32_t wake_word;
};

struct tug_pool {
    struct tug_pool_options options;
    uint64_t outstanding;
    struct tug_sys_mutex lock;
    bool closed;
    bool left_behind;              /* nobody joins threads any more */
    struct tug_job *first, **last; /* the queue */
    uint64_t queue_depth, jobs;
    struct tug_list idle; /* the one that worked last is first */
    unsigned idle_count;
    bool lone;     /* the last job came when one thread at most was at work */
    bool spinning; /* atomic: a thread is, and has `spin` to itself; set under the lock */
    struct tug_spin spin;
    bool lone_is_new;          /* atomic: nobody has asked since that job came */
    unsigned thread_count;     /* those that will look at the queue again */
    unsigned present_count;    /* those that have not left yet */
    struct pool_thread *free;  /* records without a thread */
    struct pool_thread *ended; /* a thread that waits to be joined */
    uint32_t end_count;        /* futex word: changes when a thread leaves */
};

int tug_pool_create(struct tug_pool **result, const struct tug_pool_options *options)
{
    struct tug_pool *pool = tug_sys_calloc(1, sizeof(*pool));
    if (pool == NULL)
        return -ENOMEM;
    pool->options = *options;
    if (pool->options.max_threads == 0)
        pool->options.max_threads = 1;
    pool->last = &pool->first;
    tug_list_init(&pool->idle);
    *result = pool;
    return 0;
}

/* ---- The queue, under the lock ---- */

static void enqueue(struct tug_pool *pool, struct tug_job *job)
{
    job->next = NULL;
    job->previous = pool->last;
    *pool->last = job;
    pool->last = &job->next;
    pool->queue_depth++;
}

static void take_out(struct tug_pool *pool, struct tug_job *job)
{
    *job->previous = job->next;
    if (job->next != NULL)
        job->next->previous = job->previous;
    else
        pool->last = job->previous;
    job->previous = NULL;
    pool->queue_depth--;
}

static void add_outstanding(struct tug_pool *pool)
{
    __atomic_fetch_add(&pool->outstanding, 1, __ATOMIC_RELAXED);
}

static void subtract_outstanding(struct tug_pool *pool)
{
    __atomic_fetch_sub(&pool->outstanding, 1, __ATOMIC_RELEASE);
}

/* ---- A thread ---- */

/* Runs the first job of the queue with the lock released; returns with the lock held. */
static void run_first(struct tug_pool *pool)
{
    struct tug_job *job = pool->first;
    take_out(pool, job);
    pool->jobs++;
    tug_sys_mutex_unlock(&pool->lock);
    job->run(job, 0);
    subtract_outstanding(pool);
    tug_sys_mutex_lock(&pool->lock);
}

/* Joins a thread that has left, and keeps its record for the next. */
static void reclaim(struct pool_thread *thread)
{
    struct tug_pool *pool = thread->pool;
    tug_thread_join(&thread->handle);
    tug_sys_mutex_lock(&pool->lock);
    thread->next_free = pool->free;
    pool->free = thread;
    tug_sys_mutex_unlock(&pool->lock);
}

static bool is_taken(const void *thread)
{
    const struct pool_thread *self = thread;
    return __atomic_load_n(&self->wake_word, __ATOMIC_ACQUIRE) == WOKEN;
}

static bool should_spin(struct tug_pool *pool)
{
    return pool->options.spin && pool->lone &&
           !__atomic_load_n(&pool->spinning, __ATOMIC_ACQUIRE) &&
           pool->idle_count + 1 == pool->thread_count && tug_spin_is_due(&pool->spin);
}

/* Spins in the place of a sleep, or before it. */
static void spin(struct pool_thread *thread)
{
    uint32_t expected = SPINNING;
    if (!tug_spin_until(&thread->pool->spin, is_taken, thread))
        __atomic_compare_exchange_n(&thread->wake_word, &expected, ASLEEP, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE);
    __atomic_store_n(&thread->pool->spinning, false, __ATOMIC_RELEASE);
}

/* Sleeps until somebody takes the thread off the idle stack (true) or the keep-alive is over. */
static bool sleep_idle(struct pool_thread *thread)
{
    struct tug_pool *pool = thread->pool;
    uint64_t deadline = tug_clock_deadline(tug_clock_now(), pool->options.keep_alive);
    const bool spins = should_spin(pool);
    if (spins)
        __atomic_store_n(&pool->spinning, true, __ATOMIC_RELAXED);
    thread->wake_word = spins ? SPINNING : ASLEEP;
    tug_list_push_front(&pool->idle, &thread->idle_link);
    pool->idle_count++;
    tug_sys_mutex_unlock(&pool->lock);
    if (spins)
        spin(thread);
    int result = 0;
    while (result != -ETIMEDOUT && __atomic_load_n(&thread->wake_word, __ATOMIC_ACQUIRE) == ASLEEP)
        result = tug_futex_wait(&thread->wake_word, ASLEEP, deadline);
    tug_sys_mutex_lock(&pool->lock);
    if (!tug_list_is_linked(&thread->idle_link))
        return true;
    tug_list_remove(&thread->idle_link);
    pool->idle_count--;
    return false;
}

/* Runs jobs until there is no more work for this thread; returns with the lock held. From then on
 * it is not counted among those who look at the queue. */
static void work(struct pool_thread *thread)
{
    struct tug_pool *pool = thread->pool;
    tug_sys_mutex_lock(&pool->lock);
    do {
        while (pool->first != NULL)
            run_first(pool);
    } while (!pool->closed && (sleep_idle(thread) || pool->first != NULL));
    pool->thread_count--;
}

/* The end of a thread: leaves its handle to be joined, and joins the one that ended before it. */
static void leave(struct pool_thread *thread)
{
    struct tug_pool *pool = thread->pool;
    tug_sys_mutex_lock(&pool->lock);
    struct pool_thread *previous = pool->ended;
    pool->ended = pool->left_behind ? NULL : thread;
    if (pool->left_behind) {
        tug_thread_detach(&thread->handle);
        thread->next_free = pool->free;
        pool->free = thread;
    }
    pool->present_count--;
    pool->end_count++;
    tug_sys_mutex_unlock(&pool->lock);
    tug_futex_wake(&pool->end_count, INT_MAX);
    if (previous != NULL)
        reclaim(previous);
}

static void thread_main(void *argument)
{
    struct pool_thread *thread = argument;
    struct tug_pool_options *options = &thread->pool->options;
    thread->handle.handle = pthread_self();
    if (options->on_thread_start != NULL)
        options->on_thread_start(options->argument);
    work(thread);
    tug_sys_mutex_unlock(&thread->pool->lock);
    if (options->on_thread_stop != NULL)
        options->on_thread_stop(options->argument);
    leave(thread);
}

/* Starts a thread. Under the lock, so that a job is not left to a thread that another caller fails
 * to start. Returns 0 or -errno. */
static int start_thread(struct tug_pool *pool)
{
    struct pool_thread *thread = pool->free;
    if (thread != NULL)
        pool->free = thread->next_free;
    else if ((thread = tug_sys_calloc(1, sizeof(*thread))) == NULL)
        return -ENOMEM;
    thread->pool = pool;
    tug_list_node_init(&thread->idle_link);
    struct tug_thread handle;
    int result = tug_thread_create(&handle, pool->options.thread_name, pool->options.stack_size,
                                   true, thread_main, thread);
    if (result < 0) {
        thread->next_free = pool->free;
        pool->free = thread;
        return result;
    }
    pool->thread_count++;
    pool->present_count++;
    return 0;
}

/* ---- For everybody ---- */

/* Takes the thread that worked last off the idle stack; NULL: nobody is idle. `*asleep`: it is to
 * be woken. */
static struct pool_thread *pop_idle(struct tug_pool *pool, bool *asleep)
{
    struct tug_list_node *node = tug_list_pop_front(&pool->idle);
    if (node == NULL)
        return NULL;
    pool->idle_count--;
    struct pool_thread *thread = TUG_CONTAINER_OF(node, struct pool_thread, idle_link);
    *asleep = __atomic_exchange_n(&thread->wake_word, WOKEN, __ATOMIC_ACQ_REL) == ASLEEP;
    return thread;
}

int tug_pool_submit(struct tug_pool *pool, struct tug_job *job)
{
    tug_sys_mutex_lock(&pool->lock);
    if (pool->closed) {
        tug_sys_mutex_unlock(&pool->lock);
        return -ECANCELED;
    }
    pool->lone = pool->first == NULL && pool->thread_count - pool->idle_count <= 1;
    __atomic_store_n(&pool->lone_is_new, pool->lone, __ATOMIC_RELAXED);
    enqueue(pool, job);
    add_outstanding(pool);
    bool asleep = false;
    struct pool_thread *idle = pop_idle(pool, &asleep);
    if (idle == NULL && pool->thread_count < pool->options.max_threads && start_thread(pool) < 0 &&
        pool->thread_count == 0) {
        take_out(pool, job);
        subtract_outstanding(pool);
        tug_sys_mutex_unlock(&pool->lock);
        return -EAGAIN;
    }
    tug_sys_mutex_unlock(&pool->lock);
    if (asleep)
        tug_futex_wake(&idle->wake_word, 1);
    return 0;
}

bool tug_pool_withdraw(struct tug_pool *pool, struct tug_job *job)
{
    tug_sys_mutex_lock(&pool->lock);
    bool queued = job->previous != NULL;
    if (queued)
        take_out(pool, job);
    tug_sys_mutex_unlock(&pool->lock);
    if (queued)
        subtract_outstanding(pool);
    return queued;
}

uint64_t tug_pool_outstanding(struct tug_pool *pool)
{
    return __atomic_load_n(&pool->outstanding, __ATOMIC_ACQUIRE);
}

bool tug_pool_is_new_job_alone(struct tug_pool *pool)
{
    bool alone = pool->options.spin && __atomic_load_n(&pool->lone_is_new, __ATOMIC_RELAXED);
    if (alone)
        __atomic_store_n(&pool->lone_is_new, false, __ATOMIC_RELAXED);
    return alone;
}

void tug_pool_metrics(struct tug_pool *pool, struct tug_pool_metrics *metrics)
{
    tug_sys_mutex_lock(&pool->lock);
    *metrics = (struct tug_pool_metrics){
        .threads = pool->thread_count,
        .idle_threads = pool->idle_count,
        .queue_depth = pool->queue_depth,
        .jobs = pool->jobs,
    };
    tug_sys_mutex_unlock(&pool->lock);
}

/* ---- The end ---- */

/* Takes all jobs out of the queue and lets them go without having run. */
static void drop_queue(struct tug_pool *pool)
{
    tug_sys_mutex_lock(&pool->lock);
    while (pool->first != NULL) {
        struct tug_job *job = pool->first;
        take_out(pool, job);
        tug_sys_mutex_unlock(&pool->lock);
        job->run(job, 1);
        subtract_outstanding(pool);
        tug_sys_mutex_lock(&pool->lock);
    }
    tug_sys_mutex_unlock(&pool->lock);
}

static void close_pool(struct tug_pool *pool)
{
    tug_sys_mutex_lock(&pool->lock);
    pool->closed = true;
    struct pool_thread *thread;
    bool asleep;
    while ((thread = pop_idle(pool, &asleep)) != NULL)
        if (asleep)
            tug_futex_wake(&thread->wake_word, 1);
    tug_sys_mutex_unlock(&pool->lock);
}

int tug_pool_shutdown(struct tug_pool *pool, uint64_t deadline)
{
    close_pool(pool);
    drop_queue(pool);
    int result = 0;
    for (;;) {
        tug_sys_mutex_lock(&pool->lock);
        uint32_t end_count = pool->end_count;
        unsigned present = pool->present_count;
        struct pool_thread *last = present == 0 ? pool->ended : NULL;
        if (last != NULL)
            pool->ended = NULL;
        tug_sys_mutex_unlock(&pool->lock);
        if (last != NULL)
            reclaim(last);
        if (present == 0)
            return 0;
        if (result == -ETIMEDOUT)
            return result;
        result = tug_futex_wait(&pool->end_count, end_count, deadline);
    }
}

void tug_pool_leave_behind(struct tug_pool *pool)
{
    tug_sys_mutex_lock(&pool->lock);
    struct pool_thread *ended = pool->ended;
    pool->ended = NULL;
    pool->left_behind = true;
    tug_sys_mutex_unlock(&pool->lock);
    if (ended != NULL)
        reclaim(ended);
}

void tug_pool_destroy(struct tug_pool *pool)
{
    struct pool_thread *thread;
    while ((thread = pool->free) != NULL) {
        pool->free = thread->next_free;
        tug_sys_free(thread);
    }
    tug_sys_free(pool);
}
