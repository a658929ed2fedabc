/* SPDX-License-Identifier: MIT */
/*
 * Included before the source under test: each atomic access becomes a step of the checker. (A macro
 * is not expanded within itself, so the builtins keep their names.)
 *
 * The library's mutex of threads is replaced by one that takes a step to lock and one to unlock:
 * its own steps would only multiply the orders. A model of that mutex itself defines
 * INTERLEAVE_REAL_MUTEX.
 */
#ifndef TUG_TESTS_INTERLEAVE_INSTRUMENT_H
#define TUG_TESTS_INTERLEAVE_INSTRUMENT_H

#include "interleave.h"

#include "sys/cpu.h"

#define __atomic_load_n(p, o) (interleave_step(p), __atomic_load_n(p, o))
#define __atomic_store_n(p, v, o) (interleave_step(p), __atomic_store_n(p, v, o))
#define __atomic_exchange_n(p, v, o) (interleave_step(p), __atomic_exchange_n(p, v, o))
#define __atomic_compare_exchange_n(p, e, d, w, s, f)                                              \
    (interleave_step(p), __atomic_compare_exchange_n(p, e, d, w, s, f))
#define __atomic_fetch_add(p, v, o) (interleave_step(p), __atomic_fetch_add(p, v, o))
#define __atomic_fetch_sub(p, v, o) (interleave_step(p), __atomic_fetch_sub(p, v, o))
#define __atomic_fetch_and(p, v, o) (interleave_step(p), __atomic_fetch_and(p, v, o))
#define __atomic_fetch_or(p, v, o) (interleave_step(p), __atomic_fetch_or(p, v, o))
#define __atomic_fetch_xor(p, v, o) (interleave_step(p), __atomic_fetch_xor(p, v, o))
#define __atomic_or_fetch(p, v, o) (interleave_step(p), __atomic_or_fetch(p, v, o))
#define __atomic_add_fetch(p, v, o) (interleave_step(p), __atomic_add_fetch(p, v, o))
#define __atomic_sub_fetch(p, v, o) (interleave_step(p), __atomic_sub_fetch(p, v, o))
#define __atomic_thread_fence(o) interleave_step(NULL)

#define tug_cpu_relax() interleave_yield()

#ifndef INTERLEAVE_REAL_MUTEX
#define TUG_SYS_MUTEX_H

struct tug_sys_mutex {
    uint32_t word;
};

static inline void tug_sys_mutex_init(struct tug_sys_mutex *mutex)
{
    mutex->word = 0;
}

static inline struct tug_sys_mutex *tug_sys_mutex_of_word(uint32_t *word)
{
    return (struct tug_sys_mutex *)(void *)word;
}

static inline bool tug_sys_mutex_try_lock(struct tug_sys_mutex *mutex)
{
    return interleave_try_lock(&mutex->word);
}

static inline void tug_sys_mutex_lock(struct tug_sys_mutex *mutex)
{
    interleave_lock(&mutex->word);
}

static inline void tug_sys_mutex_unlock(struct tug_sys_mutex *mutex)
{
    interleave_unlock(&mutex->word);
}
#endif

/* Calls in direct style. */
#include "task/thread_waker.h"
#define tug_await_anywhere(future) interleave_await(future)

#endif
