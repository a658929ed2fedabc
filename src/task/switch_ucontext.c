/* SPDX-License-Identifier: MIT */
/*
 * The switch by the C library, for machines without one of our own. Each switch sets the signal
 * mask, which is a system call.
 */
#include "task/switch.h"

#if TUG_SWITCH_UCONTEXT

#include <stdint.h>

/* makecontext() passes ints only: the address comes in two halves. */
static void enter(unsigned high, unsigned low)
{
    struct tug_context *context = (struct tug_context *)(uintptr_t)((uint64_t)high << 32 | low);
#if TUG_FIBERS
    tug_fiber_arrive(&context->fiber);
#endif
    context->entry(context->argument);
}

void tug_context_init(struct tug_context *context, void *stack_base, size_t stack_size,
                      void (*entry)(void *argument), void *argument)
{
#if TUG_FIBERS
    tug_fiber_init(&context->fiber, stack_base, stack_size);
#endif
    context->entry = entry;
    context->argument = argument;
    getcontext(&context->machine);
    context->machine.uc_stack.ss_sp = stack_base;
    context->machine.uc_stack.ss_size = stack_size;
    context->machine.uc_link = NULL;
    uint64_t address = (uint64_t)(uintptr_t)context;
    makecontext(&context->machine, (void (*)(void))enter, 2, (unsigned)(address >> 32),
                (unsigned)address);
}

void tug_context_jump(struct tug_context *from, struct tug_context *to)
{
    swapcontext(&from->machine, &to->machine);
}

#endif
