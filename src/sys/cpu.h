/* SPDX-License-Identifier: MIT */
/*
 * What code must know of the processor: the size of a cache line, and how to wait in a loop.
 */
#ifndef TUG_SYS_CPU_H
#define TUG_SYS_CPU_H

/* Fields written by different threads are kept this many bytes apart. */
#define TUG_CACHE_LINE 64

/* For a function that does nothing but prefetch: gcc takes it for one without effects, and where it
 * has not inlined it by then, leaves the call out. */
#define TUG_FETCHES inline __attribute__((always_inline))

/* In each turn of a spin loop: leaves the core to its sibling and saves the pipeline flush that
 * leaving the loop would cost. */
static inline void tug_cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

#endif
