/* SPDX-License-Identifier: MIT */
/*
 * Reading the clock, and stopping it for tests.
 */
#include "time/clock.h"

#include <errno.h>

#include <tug/time.h>

#include "task/coroutine.h"
#include "task/executor.h"

uint64_t tug_now(void)
{
    struct tug_domain *domain = tug_domain_current();
    return domain != NULL ? tug_domain_now(domain) : tug_clock_now();
}

uint64_t tug_deadline_after(uint64_t duration)
{
    return tug_clock_deadline(tug_now(), duration);
}

void tug_clock_jump(struct tug_domain *domain, uint64_t ticks)
{
    uint64_t target = tug_ticks_to_time(domain->clock_start, ticks);
    if (target > domain->paused_now)
        __atomic_store_n(&domain->paused_now, target, __ATOMIC_RELAXED);
}

/* The domain whose clock the caller may stop. */
static int stoppable_domain(struct tug_domain **domain)
{
    struct tug_executor *executor = tug_executor_current();
    if (executor == NULL)
        return -EPERM;
    *domain = executor->domain;
    return (*domain)->local ? 0 : -ENOTSUP;
}

int tug_time_pause(void)
{
    struct tug_domain *domain;
    int error = stoppable_domain(&domain);
    if (error != 0)
        return error;
    if (domain->paused_now != 0)
        return -EBUSY;
    __atomic_store_n(&domain->paused_now, tug_domain_now(domain), __ATOMIC_RELAXED);
    return 0;
}

int tug_time_resume(void)
{
    struct tug_domain *domain;
    int error = stoppable_domain(&domain);
    if (error != 0)
        return error;
    if (domain->paused_now == 0)
        return -EBUSY;
    /* Goes on from where it stood, so that time never jumps under a timer that waits. */
    __atomic_store_n(&domain->clock_offset, domain->paused_now - tug_clock_now(), __ATOMIC_RELAXED);
    __atomic_store_n(&domain->paused_now, 0, __ATOMIC_RELAXED);
    return 0;
}

int tug_time_advance(uint64_t duration)
{
    struct tug_domain *domain;
    int error = stoppable_domain(&domain);
    if (error != 0)
        return error;
    if (domain->paused_now == 0)
        return -EBUSY;
    __atomic_store_n(&domain->paused_now, tug_clock_deadline(domain->paused_now, duration),
                     __ATOMIC_RELAXED);
    /* Timers fire when the driver is polled, which comes before the end of a yield. */
    return tug_yield();
}
