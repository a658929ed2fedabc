/* SPDX-License-Identifier: MIT */
/*
 * The slow paths of the mutex: waiting for it, and waking one who waits. The states and the
 * invariant are in mutex.h.
 */
#include "sys/mutex.h"

#include "sys/clock.h"
#include "sys/cpu.h"
#include "sys/futex.h"

/* About the time of one or two short critical sections (1 to 2 us). More is lost on machines with
 * few cores, where the holder may be waiting for the very core that spins. (A model of all orders
 * needs fewer.) */
#ifndef TUG_SYS_MUTEX_SPINS
#define TUG_SYS_MUTEX_SPINS 32
#endif

__attribute__((noinline, cold)) void tug_sys_mutex_lock_slow(struct tug_sys_mutex *mutex)
{
    for (int i = 0; i < TUG_SYS_MUTEX_SPINS; i++) {
        uint32_t word = __atomic_load_n(&mutex->word, __ATOMIC_RELAXED);
        if (word == TUG_SYS_MUTEX_FREE && tug_sys_mutex_try_lock(mutex))
            return;
        if (word == TUG_SYS_MUTEX_CONTENDED)
            break; /* others sleep already: the wait will not be short */
        tug_cpu_relax();
    }
    /* Taken as CONTENDED even if this was the last waiter: one wake too many is harmless, one too
     * few is a thread asleep for ever. */
    while (__atomic_exchange_n(&mutex->word, TUG_SYS_MUTEX_CONTENDED, __ATOMIC_ACQUIRE) !=
           TUG_SYS_MUTEX_FREE)
        tug_futex_wait(&mutex->word, TUG_SYS_MUTEX_CONTENDED, TUG_NO_DEADLINE);
}

__attribute__((noinline, cold)) void tug_sys_mutex_unlock_slow(struct tug_sys_mutex *mutex)
{
    tug_futex_wake(&mutex->word, 1);
}
