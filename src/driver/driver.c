/* SPDX-License-Identifier: MIT */
/*
 * What all kinds of driver have in common: falling asleep and being woken, and the inbox of
 * cancellations.
 *
 * Sleep. All changes of sleep_state are read-modify-writes, so they have one order, and each sees
 * what was written before those ahead of it. If a wake comes before the owner's announcement, the
 * owner sees in its second look what the waker had written before; if it comes after, the waker
 * sees ASLEEP and interrupts. No fence is needed, and no wake is lost.
 */
#include "driver/buffer.h"
#include "driver/op_flight.h"
#include "sys/clock.h"

/* ns between two looks at the inbox by a driver that is about to be freed. */
#define SETTLE_INTERVAL 10000

void tug_driver_init(struct tug_driver *driver, const struct tug_driver_vtable *vtable,
                     struct tug_pool *pool)
{
    *driver = (struct tug_driver){.vtable = vtable, .pool = pool};
}

bool tug_driver_prepare_park(struct tug_driver *driver)
{
    uint32_t expected = TUG_DRIVER_AWAKE;
    if (__atomic_compare_exchange_n(&driver->sleep_state, &expected, TUG_DRIVER_ASLEEP, false,
                                    __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        return true;
    __atomic_exchange_n(&driver->sleep_state, TUG_DRIVER_AWAKE, __ATOMIC_ACQ_REL);
    return false;
}

void tug_driver_cancel_park(struct tug_driver *driver)
{
    __atomic_exchange_n(&driver->sleep_state, TUG_DRIVER_AWAKE, __ATOMIC_ACQ_REL);
}

int tug_driver_park(struct tug_driver *driver, int64_t timeout, bool *notified)
{
    int completions = driver->vtable->poll(driver, timeout);
    uint32_t state = __atomic_exchange_n(&driver->sleep_state, TUG_DRIVER_AWAKE, __ATOMIC_ACQ_REL);
    *notified = (state & TUG_DRIVER_NOTIFIED) != 0;
    return completions;
}

bool tug_driver_wake(struct tug_driver *driver)
{
    uint32_t state = __atomic_fetch_or(&driver->sleep_state, TUG_DRIVER_NOTIFIED, __ATOMIC_ACQ_REL);
    if (state != TUG_DRIVER_ASLEEP)
        return false;
    driver->vtable->interrupt(driver);
    return true;
}

void tug_driver_serve_inbox(struct tug_driver *driver)
{
    struct tug_op *op = __atomic_exchange_n(&driver->cancel_inbox, NULL, __ATOMIC_ACQUIRE);
    while (op != NULL) {
        struct tug_op *next = op->cancel_next;
        uint32_t state = __atomic_fetch_and(&op->state, ~TUG_OP_CANCEL_QUEUED, __ATOMIC_ACQ_REL);
        if ((state & TUG_OP_COMPLETED) == 0) {
            driver->vtable->cancel(driver, op);
        } else {
            driver->cancels_owed--;
            if ((state & TUG_OP_REGISTERING) == 0)
                tug_op_publish(op);
        }
        op = next;
    }
}

void tug_driver_settle(struct tug_driver *driver)
{
    for (;;) {
        tug_driver_serve_inbox(driver);
        if (driver->cancels_owed == 0 &&
            __atomic_load_n(&driver->cancellers, __ATOMIC_ACQUIRE) == 0)
            break;
        tug_clock_sleep(SETTLE_INTERVAL);
    }
    tug_buffer_free_kept(driver);
}
