/* SPDX-License-Identifier: MIT */
/*
 * The thread-local variables of the task layer, and nothing else (see executor.h for why).
 */
#include "task/executor.h"

static __thread struct tug_executor *current_executor;
static __thread struct tug_domain *current_domain;

__attribute__((noinline)) struct tug_executor *tug_executor_current(void)
{
    return current_executor;
}

__attribute__((noinline)) void tug_executor_set_current(struct tug_executor *executor)
{
    current_executor = executor;
    current_domain = executor != NULL ? executor->domain : NULL;
}

__attribute__((noinline)) struct tug_domain *tug_domain_current(void)
{
    return current_domain;
}

__attribute__((noinline)) void tug_domain_set_current(struct tug_domain *domain)
{
    current_domain = domain;
}
