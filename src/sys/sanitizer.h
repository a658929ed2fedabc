/* SPDX-License-Identifier: MIT */
/*
 * What AddressSanitizer, ThreadSanitizer and Valgrind must be told of stacks and memory that they
 * cannot see by themselves. In ordinary builds everything here is empty.
 *
 *  - AddressSanitizer keeps the bounds of the current stack, and puts some locals on a "fake" stack
 *    of its own. Both change at a switch: tug_fiber_leave() before it, tug_fiber_arrive() after.
 *  - ThreadSanitizer follows threads; a coroutine is a "fiber" that it knows by a handle. A switch
 *    orders what was before it before what comes after it, as it does in truth.
 *  - Valgrind guesses from the distance that the stack pointer jumps, unless it knows the stacks.
 */
#ifndef TUG_SYS_SANITIZER_H
#define TUG_SYS_SANITIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef __has_feature
#define __has_feature(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define TUG_ASAN 1
#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else
#define TUG_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define TUG_TSAN 1
#include <sanitizer/tsan_interface.h>
#else
#define TUG_TSAN 0
#endif

/* Whether a context carries a struct tug_fiber. */
#define TUG_FIBERS (TUG_ASAN || TUG_TSAN)

/* The requests to Valgrind cost some ns outside of it: define TUG_VALGRIND as 0 or 1 to choose,
 * else they are there in builds with assertions. */
#ifndef TUG_VALGRIND
#ifdef NDEBUG
#define TUG_VALGRIND 0
#else
#define TUG_VALGRIND 1
#endif
#endif
#if TUG_VALGRIND && defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/memcheck.h>
#include <valgrind/valgrind.h>
#define TUG_VALGRIND_REQUESTS 1
#endif
#endif
#ifndef TUG_VALGRIND_REQUESTS
#define TUG_VALGRIND_REQUESTS 0
#endif

/* ---- Memory that may not be touched: AddressSanitizer reports whoever does. ---- */

static inline void tug_memory_poison(const void *memory, size_t size)
{
#if TUG_ASAN
    __asan_poison_memory_region(memory, size);
#else
    (void)memory, (void)size;
#endif
}

static inline void tug_memory_unpoison(const void *memory, size_t size)
{
#if TUG_ASAN
    __asan_unpoison_memory_region(memory, size);
#else
    (void)memory, (void)size;
#endif
}

/* ---- Addresses that the kernel gives to somebody else: what was done to them before comes before
 * what is done to them then. Only for mappings made and ended past the C library's functions. ----
 */

static inline void tug_thread_sanitizer_release(void *address)
{
#if TUG_TSAN
    __tsan_release(address);
#else
    (void)address;
#endif
}

static inline void tug_thread_sanitizer_acquire(void *address)
{
#if TUG_TSAN
    __tsan_acquire(address);
#else
    (void)address;
#endif
}

/* ---- Stacks, for Valgrind. Registering returns the number that the other function takes. ---- */

static inline bool tug_valgrind_is_running(void)
{
#if TUG_VALGRIND_REQUESTS
    return RUNNING_ON_VALGRIND != 0;
#else
    return false;
#endif
}

static inline unsigned tug_valgrind_stack_register(void *low, void *top)
{
#if TUG_VALGRIND_REQUESTS
    return VALGRIND_STACK_REGISTER(low, top);
#else
    (void)low, (void)top;
    return 0;
#endif
}

static inline void tug_valgrind_stack_deregister(unsigned number)
{
#if TUG_VALGRIND_REQUESTS
    VALGRIND_STACK_DEREGISTER(number);
#else
    (void)number;
#endif
}

/* Memcheck takes what lies below a stack pointer for gone; somebody is going to look nevertheless.
 */
static inline void tug_valgrind_make_defined(const void *memory, size_t size)
{
#if TUG_VALGRIND_REQUESTS
    VALGRIND_MAKE_MEM_DEFINED(memory, size);
#else
    (void)memory, (void)size;
#endif
}

#if TUG_FIBERS

/* ---- The part of a context that belongs to the sanitizers ---- */

struct tug_fiber {
    void *low; /* of the stack */
    size_t size;
#if TUG_ASAN
    void *fake_stack; /* of a suspended context */
#endif
#if TUG_TSAN
    void *handle;
#endif
};

static inline void tug_fiber_init(struct tug_fiber *fiber, void *low, size_t size)
{
    fiber->low = low;
    fiber->size = size;
#if TUG_ASAN
    fiber->fake_stack = NULL;
#endif
#if TUG_TSAN
    fiber->handle = __tsan_create_fiber(0);
#endif
}

/* Of the calling thread, on its own stack. Without its bounds (which asks the C library, and fails
 * when memory is short) AddressSanitizer would report errors that are none. */
static inline void tug_fiber_init_thread(struct tug_fiber *fiber)
{
    fiber->low = NULL;
    fiber->size = 0;
#if TUG_ASAN
    fiber->fake_stack = NULL;
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        __builtin_trap();
    pthread_attr_getstack(&attributes, &fiber->low, &fiber->size);
    pthread_attr_destroy(&attributes);
#endif
#if TUG_TSAN
    fiber->handle = __tsan_get_current_fiber();
#endif
}

/* The last thing before a switch. `final`: `from` never runs again, so its fake stack is freed. */
static inline __attribute__((always_inline)) void
tug_fiber_leave(struct tug_fiber *from, const struct tug_fiber *to, bool final)
{
    (void)from, (void) final;
#if TUG_ASAN
    __sanitizer_start_switch_fiber(final ? NULL : &from->fake_stack, to->low, to->size);
#endif
#if TUG_TSAN
    __tsan_switch_to_fiber(to->handle, 0);
#endif
}

/* The first thing on the stack of `self` after a switch to it. */
static inline __attribute__((always_inline)) void tug_fiber_arrive(const struct tug_fiber *self)
{
    (void)self;
#if TUG_ASAN
    __sanitizer_finish_switch_fiber(self->fake_stack, NULL, NULL);
#endif
}

/* After the last switch away from `fiber`, whose stack pointer was `stack_pointer` then (or below
 * that). Frames that never returned have left their marks above it, which the next user of the
 * stack must not find. */
static inline void tug_fiber_destroy(struct tug_fiber *fiber, void *stack_pointer)
{
    (void)stack_pointer;
#if TUG_ASAN
    char *top = (char *)fiber->low + fiber->size;
    tug_memory_unpoison(stack_pointer, (size_t)(top - (char *)stack_pointer));
#endif
#if TUG_TSAN
    __tsan_destroy_fiber(fiber->handle);
    fiber->handle = NULL;
#endif
    fiber->low = NULL;
}

#endif

#endif
