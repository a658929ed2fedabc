/* SPDX-License-Identifier: MIT */
/*
 * Pools of stacks, one for each size in use. The default size has its pool from the start; another
 * is made when a task with that size first runs.
 */
#include "sys/call.h"
#include "sys/stack.h"
#include "task/task.h"

/* Few tasks have a size of their own: their stacks are given back to the system at once. */
#define HOT_LIMIT_OTHER_SIZES 4

static struct tug_stack_pool *make_pool(struct tug_domain *domain, unsigned order)
{
    struct tug_stack_pool *pool = tug_sys_malloc(sizeof *pool);
    if (pool == NULL)
        return NULL;
    unsigned hot =
        order == domain->stack_order ? TUG_STACK_HOT_LIMIT_DEFAULT : HOT_LIMIT_OTHER_SIZES;
    if (tug_stack_pool_init(pool, (size_t)1 << order, hot, 0) != 0) {
        tug_sys_free(pool);
        return NULL;
    }
    __atomic_store_n(&domain->stacks[order], pool, __ATOMIC_RELEASE);
    return pool;
}

struct tug_stack_pool *tug_domain_stack_pool(struct tug_domain *domain, unsigned order)
{
    struct tug_stack_pool *pool = __atomic_load_n(&domain->stacks[order], __ATOMIC_ACQUIRE);
    if (__builtin_expect(pool != NULL, 1))
        return pool;
    tug_sys_mutex_lock(&domain->stacks_lock);
    pool = domain->stacks[order];
    if (pool == NULL)
        pool = make_pool(domain, order);
    tug_sys_mutex_unlock(&domain->stacks_lock);
    return pool;
}

void tug_domain_stack_pools_destroy(struct tug_domain *domain)
{
    for (unsigned order = 0; order <= TUG_STACK_ORDER_MAX; order++) {
        if (domain->stacks[order] == NULL)
            continue;
        tug_stack_pool_destroy(domain->stacks[order]);
        tug_sys_free(domain->stacks[order]);
        domain->stacks[order] = NULL;
    }
}
