/* SPDX-License-Identifier: MIT */
/*
 * The value that is set once, in all orders.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "instrument.h"

#include "sync/notify.c"
#include "sync/wait_queue.c"

/* Functions of these names are in several of the files. */
#define of_future of_acquisition
#define settle_waiters settle_acquisitions
#define take_or_queue take_permits_or_queue
#include "sync/semaphore.c"
#undef of_future

#define of_future of_once
#include "sync/once.c"

static struct tug_once once;
static struct tug_once_future prepared;
static int failures, making, makes;

static void begin(int fail)
{
    tug_once_init(&once);
    tug_once_future_init(&prepared, &once);
    failures = fail;
    making = makes = 0;
}

static void begin_anew(void)
{
    begin(0);
}

static void begin_with_a_failure(void)
{
    begin(1);
}

static void it_was_made_once(void)
{
    int64_t value;
    INTERLEAVE_CHECK(tug_once_get(&once, &value) == 0 && value == 42);
    INTERLEAVE_CHECK(makes == 1 && once.notify.queue.first == NULL);
}

/* One at a time, and never again after it has succeeded. */
static int make_42(void *unused, int64_t *value)
{
    (void)unused;
    INTERLEAVE_CHECK(making++ == 0 && makes == 0);
    interleave_step(NULL);
    making--;
    if (failures-- > 0)
        return -EIO;
    *value = 42;
    makes++;
    return 0;
}

static void get_or_make(void)
{
    int64_t value = 0;
    int result = tug_once_get_or_make(&once, make_42, NULL, &value);
    INTERLEAVE_CHECK(result == 0 ? value == 42 : result == -EIO);
}

static void set_or_not(void)
{
    int result = tug_once_set(&once, 42);
    INTERLEAVE_CHECK(result == 0 || result == -EALREADY || result == -EBUSY);
    makes += result == 0;
}

/* Somebody sets it in the end. */
static void set_for_sure(void)
{
    while (tug_once_set(&once, 42) != 0) {
        int64_t value;
        if (tug_once_get(&once, &value) == 0)
            return;
        interleave_yield();
    }
    makes++;
}

static void wait_for_it(void)
{
    int64_t value = 0;
    INTERLEAVE_CHECK(tug_once_wait(&once, &value) == 0 && value == 42);
}

static void wait_as_prepared(void)
{
    INTERLEAVE_CHECK(interleave_await(&prepared.future) == 0);
    INTERLEAVE_CHECK(once.value == 42);
}

static void give_up_waiting(void)
{
    const struct tug_waker waker = interleave_waker();
    if (prepared.future.vtable->poll(&prepared.future, &waker) == TUG_PENDING) {
        prepared.future.vtable->cancel(&prepared.future);
        int64_t result = interleave_await(&prepared.future);
        INTERLEAVE_CHECK(result == -ECANCELED || (result == 0 && once.value == 42));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INTERLEAVE_MODEL("three make it", 2, begin_anew, it_was_made_once, get_or_make, get_or_make,
                         get_or_make),
        INTERLEAVE_MODEL("one fails", 2, begin_with_a_failure, it_was_made_once, get_or_make,
                         set_for_sure, get_or_make),
        INTERLEAVE_MODEL("setting it", 3, begin_anew, it_was_made_once, set_or_not, wait_for_it,
                         set_for_sure),
        INTERLEAVE_MODEL("waiting for it", 3, begin_anew, it_was_made_once, wait_as_prepared,
                         wait_for_it, get_or_make),
        INTERLEAVE_MODEL("giving up", 3, begin_anew, it_was_made_once, give_up_waiting, wait_for_it,
                         set_or_not),
    };
    return cmocka_run_group_tests_name("interleave/once", tests, NULL, NULL);
}
