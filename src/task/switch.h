/* SPDX-License-Identifier: MIT */
/*
 * The coroutine switch: suspends one flow of control and resumes another on its own stack.
 *
 * The switch is inline assembly that declares every register as changed, so that the compiler saves
 * what is live, and nothing else, in the function that suspends. Two things are gained over a
 * function that pushes all registers the ABI preserves. Only live values are saved. And there is no
 * call and no return: processors predict returns with a stack of their own, and a return that goes
 * where no call came from costs a pipeline flush, which is more than all the rest of a switch.
 * (Measured on x86-64: 1.4 ns per switch, against 9.2 for push, pop and ret.)
 *
 * The same holds for the frames around it. Calls and returns stay paired in the processor's eyes if
 * the loop that resumes coroutines contains the switch itself: what a coroutine called in order to
 * suspend, the next one returns from. Each function between the loop and the switch costs two
 * returns not predicted (measured: 3 ns for a switch there and back; with one such function 20,
 * with two 38). On the coroutine's side functions are free.
 *
 * Saved by hand, in the context, are the stack pointer, the address to go on at, and the two
 * registers that compilers do not let assembly change: the frame pointer, and the one that
 * addresses locals when a frame has variable size.
 *
 * Invariants:
 *  - A context is either running (what it holds means nothing) or suspended. It is written by the
 *    switch away from it only, and read by the switch to it. Whoever resumes it must have seen
 *    that write: publish a suspended context only after the switch, from the other side.
 *  - Nothing that lies in the thread (the address of a thread-local variable, of errno) may be kept
 *    over a switch: the coroutine may go on in another thread.
 *
 * Not switched: the floating-point environment (rounding mode, exception flags and masks), which
 * would triple the cost. It belongs to the thread: a coroutine that changes it must restore it
 * before it suspends. Nor is the signal mask. (The fallback switches both; do not count on it.)
 * Shadow stacks (x86-64 CET, aarch64 GCS) are not supported: the objects written in assembly are
 * not marked as fit for them, so the linker does not mark a program that contains them.
 *
 * Built for x86-64 and aarch64; elsewhere, or with TUG_SWITCH_UCONTEXT, the switch is swapcontext()
 * of the C library, which is about a hundred times slower (each is a system call).
 */
#ifndef TUG_TASK_SWITCH_H
#define TUG_TASK_SWITCH_H

#include <stdbool.h>
#include <stddef.h>

#include "sys/sanitizer.h"

/* Which implementation: 1 is the fallback. */
#if !defined(__LP64__) || !(defined(__x86_64__) || defined(__aarch64__))
#undef TUG_SWITCH_UCONTEXT
#define TUG_SWITCH_UCONTEXT 1
#elif !defined(TUG_SWITCH_UCONTEXT)
#define TUG_SWITCH_UCONTEXT 0
#endif

#if TUG_SWITCH_UCONTEXT
#include <ucontext.h>
#endif

struct tug_context {
#if TUG_SWITCH_UCONTEXT
    ucontext_t machine;
#else
    void *stack_pointer;
    void *resume_at;
    void *frame_pointer;
    void *base_pointer;
#endif
#if TUG_SWITCH_UCONTEXT || TUG_FIBERS
    void (*entry)(void *argument);
    void *argument;
#endif
#if TUG_FIBERS
    struct tug_fiber fiber;
#endif
};

/*
 * Prepares a coroutine: the first switch to `context` calls entry(argument) on the given stack.
 * `entry` never returns; it ends by tug_context_switch_final(). The memory of the stack is not
 * touched, except by the fallback. `stack_base` is its lowest address that may be used,
 * `stack_size` its bytes from there upwards, of which the last few may stay unused for alignment. A
 * debugger's or profiler's backtrace ends below `entry`.
 */
void tug_context_init(struct tug_context *context, void *stack_base, size_t stack_size,
                      void (*entry)(void *argument), void *argument);

/* Prepares the context of the calling thread itself, to switch away from. Call it on the thread's
 * own stack. */
void tug_context_init_thread(struct tug_context *context);

/* Frees what the sanitizers hold for a coroutine that will not run again (not that of a thread).
 * The stack must still be there, and another context be running. */
static inline void tug_context_destroy(struct tug_context *context);

/* Suspends the caller in `from` and resumes `to`. Returns when something switches to `from`,
 * perhaps on another thread. */
static inline void tug_context_switch(struct tug_context *from, struct tug_context *to);

/* Resumes `to` and never returns: the last switch of a coroutine. `from` is dead, but is still
 * written to by this; its stack may be reused as soon as `to` runs. */
static inline void tug_context_switch_final(struct tug_context *from, struct tug_context *to)
    __attribute__((noreturn));

/* The stack pointer of a suspended context, or NULL where that is not known. */
static inline void *tug_context_stack_pointer(const struct tug_context *context);

/* ---- The machine's part: from here on, private to this file ---- */

#define TUG_SWITCH_INLINE static inline __attribute__((always_inline))

#if TUG_SWITCH_UCONTEXT

void tug_context_jump(struct tug_context *from, struct tug_context *to);

#elif defined(__x86_64__)

#if defined(__AVX512F__)
#define TUG_SWITCH_CLOBBERS_AVX512                                                                 \
    , "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25",    \
        "xmm26", "xmm27", "xmm28", "xmm29", "xmm30", "xmm31", "k0", "k1", "k2", "k3", "k4", "k5",  \
        "k6", "k7"
#else
#define TUG_SWITCH_CLOBBERS_AVX512
#endif

/* endbr64 makes label 1 a legal target of an indirect jump where the processor checks that. */
TUG_SWITCH_INLINE void tug_context_jump(struct tug_context *from, struct tug_context *to)
{
    __asm__ volatile("leaq 1f(%%rip), %%rax\n\t"
                     "movq %%rsp, 0(%0)\n\t"
                     "movq %%rax, 8(%0)\n\t"
                     "movq %%rbp, 16(%0)\n\t"
                     "movq %%rbx, 24(%0)\n\t"
                     "movq 8(%1), %%rax\n\t"
                     "movq 16(%1), %%rbp\n\t"
                     "movq 24(%1), %%rbx\n\t"
                     "movq 0(%1), %%rsp\n\t"
                     "jmpq *%%rax\n"
                     "1:\n\t"
                     "endbr64"
                     : "+D"(from), "+S"(to)
                     :
                     : "rax", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                       "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
                       "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "st", "st(1)",
                       "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)", "memory",
                       "cc" TUG_SWITCH_CLOBBERS_AVX512);
}

#elif defined(__aarch64__)

#if defined(__ARM_FEATURE_SVE)
#define TUG_SWITCH_CLOBBERS_SVE                                                                    \
    , "p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9", "p10", "p11", "p12", "p13",      \
        "p14", "p15"
#else
#define TUG_SWITCH_CLOBBERS_SVE
#endif

/* x18 belongs to the platform, if that reserves it (for the shadow call stack of Android); on other
 * systems it is a register as any. */
#if defined(__ANDROID__) || defined(__APPLE__)
#define TUG_SWITCH_CLOBBERS_X18
#else
#define TUG_SWITCH_CLOBBERS_X18 "x18",
#endif

TUG_SWITCH_INLINE void tug_context_jump(struct tug_context *from, struct tug_context *to)
{
    register struct tug_context *from_register __asm__("x0") = from;
    register struct tug_context *to_register __asm__("x1") = to;
    __asm__ volatile("adr x16, 1f\n\t"
                     "mov x17, sp\n\t"
                     "stp x17, x16, [%0]\n\t"
                     "stp x29, x19, [%0, #16]\n\t"
                     "ldp x17, x16, [%1]\n\t"
                     "ldp x29, x19, [%1, #16]\n\t"
                     "mov sp, x17\n\t"
                     "br x16\n"
                     "1:\n\t"
                     "hint #36" /* bti j */
                     : "+r"(from_register), "+r"(to_register)
                     :
                     : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13",
                       "x14", "x15", "x16", "x17", TUG_SWITCH_CLOBBERS_X18 "x20", "x21", "x22",
                       "x23", "x24", "x25", "x26", "x27", "x28", "x30", "v0", "v1", "v2", "v3",
                       "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15",
                       "v16", "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26",
                       "v27", "v28", "v29", "v30", "v31", "memory", "cc" TUG_SWITCH_CLOBBERS_SVE);
}

#endif

TUG_SWITCH_INLINE void tug_context_switch(struct tug_context *from, struct tug_context *to)
{
#if TUG_FIBERS
    tug_fiber_leave(&from->fiber, &to->fiber, false);
#endif
    tug_context_jump(from, to);
#if TUG_FIBERS
    tug_fiber_arrive(&from->fiber);
#endif
}

TUG_SWITCH_INLINE void tug_context_switch_final(struct tug_context *from, struct tug_context *to)
{
#if TUG_FIBERS
    tug_fiber_leave(&from->fiber, &to->fiber, true);
#endif
    tug_context_jump(from, to);
    __builtin_unreachable();
}

static inline void *tug_context_stack_pointer(const struct tug_context *context)
{
#if TUG_SWITCH_UCONTEXT
    (void)context;
    return NULL;
#else
    return context->stack_pointer;
#endif
}

static inline void tug_context_destroy(struct tug_context *context)
{
#if TUG_FIBERS && !TUG_SWITCH_UCONTEXT
    tug_fiber_destroy(&context->fiber, context->stack_pointer);
#elif TUG_FIBERS
    tug_fiber_destroy(&context->fiber, context->fiber.low);
#else
    (void)context;
#endif
}

#endif
