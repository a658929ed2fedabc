/* SPDX-License-Identifier: MIT */
/*
 * A mutex of 4 bytes. The word has three states, after U. Drepper, "Futexes are tricky" (2011),
 * mutex 2:
 *
 *   FREE      nobody holds it
 *   LOCKED    held, and nobody sleeps on it
 *   CONTENDED held, and somebody may sleep on it: unlock must wake one
 *
 * Invariant: a thread sleeps only after it has seen or made the word CONTENDED, and whoever gets
 * the lock after having waited takes it as CONTENDED, since it cannot know whether others wait.
 *
 * Not recursive and not fair. A zeroed struct is a free mutex. It may not be held over a
 * suspension: the coroutine could go on in another thread while its old thread waits for the lock.
 */
#ifndef TUG_SYS_MUTEX_H
#define TUG_SYS_MUTEX_H

#include <stdbool.h>
#include <stdint.h>

enum {
    TUG_SYS_MUTEX_FREE,
    TUG_SYS_MUTEX_LOCKED,
    TUG_SYS_MUTEX_CONTENDED,
};

struct tug_sys_mutex {
    uint32_t word;
};

#define TUG_SYS_MUTEX_INITIALIZER                                                                  \
    {                                                                                              \
        TUG_SYS_MUTEX_FREE                                                                         \
    }

void tug_sys_mutex_lock_slow(struct tug_sys_mutex *mutex);
void tug_sys_mutex_unlock_slow(struct tug_sys_mutex *mutex);

/* A public struct has a word in the place of the mutex, whose type is not public; 0 is free. */
static inline struct tug_sys_mutex *tug_sys_mutex_of_word(uint32_t *word)
{
    return (struct tug_sys_mutex *)(void *)word;
}

static inline void tug_sys_mutex_init(struct tug_sys_mutex *mutex)
{
    mutex->word = TUG_SYS_MUTEX_FREE;
}

static inline bool tug_sys_mutex_try_lock(struct tug_sys_mutex *mutex)
{
    uint32_t expected = TUG_SYS_MUTEX_FREE;
    return __atomic_compare_exchange_n(&mutex->word, &expected, TUG_SYS_MUTEX_LOCKED, false,
                                       __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void tug_sys_mutex_lock(struct tug_sys_mutex *mutex)
{
    if (__builtin_expect(!tug_sys_mutex_try_lock(mutex), 0))
        tug_sys_mutex_lock_slow(mutex);
}

static inline void tug_sys_mutex_unlock(struct tug_sys_mutex *mutex)
{
    uint32_t old = __atomic_exchange_n(&mutex->word, TUG_SYS_MUTEX_FREE, __ATOMIC_RELEASE);
    if (__builtin_expect(old == TUG_SYS_MUTEX_CONTENDED, 0))
        tug_sys_mutex_unlock_slow(mutex);
}

#endif
