/* SPDX-License-Identifier: MIT */
/*
 * How a context begins. What the first switch to it does:
 *
 *     tug_context_jump() -> tug_context_begin [assembly] -> entry
 *
 * and, for the sanitizers, enter() before `entry`, because a fiber must announce its arrival on its
 * own stack.
 */
#include "task/switch.h"

#include <stdint.h>

#if TUG_FIBERS && !TUG_SWITCH_UCONTEXT
static void enter(void *argument)
{
    struct tug_context *context = argument;
    tug_fiber_arrive(&context->fiber);
    context->entry(context->argument);
}
#endif

#if !TUG_SWITCH_UCONTEXT

/* Calls what the frame pointer holds, with what the base pointer holds as its argument. */
__attribute__((visibility("hidden"))) void tug_context_begin(void);

void tug_context_init(struct tug_context *context, void *stack_base, size_t stack_size,
                      void (*entry)(void *argument), void *argument)
{
#if TUG_FIBERS
    tug_fiber_init(&context->fiber, stack_base, stack_size);
    context->entry = entry;
    context->argument = argument;
    entry = enter;
    argument = context;
#endif
    context->stack_pointer = (void *)(((uintptr_t)stack_base + stack_size) & ~(uintptr_t)15);
    context->resume_at = (void *)(uintptr_t)tug_context_begin;
    context->frame_pointer = (void *)(uintptr_t)entry;
    context->base_pointer = argument;
}

#endif

void tug_context_init_thread(struct tug_context *context)
{
    (void)context;
#if TUG_FIBERS
    tug_fiber_init_thread(&context->fiber);
#endif
}
