/* SPDX-License-Identifier: MIT */
/*
 * The read-write lock in all orders.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "instrument.h"

#include "sync/rwlock.c"
#include "sync/wait_queue.c"

static struct tug_semaphore_future futures[INTERLEAVE_THREADS];
static struct tug_rwlock lock;
static int reading, writing, users; /* who has the lock; who has yet to have it */

/* ---- how a model begins ---- */

static void begin(void)
{
    tug_rwlock_init(&lock);
    reading = writing = 0;
    users = INTERLEAVE_THREADS;
}

static void begin_read(void)
{
    begin();
    INTERLEAVE_CHECK(tug_rwlock_try_read_lock(&lock) == 0);
    reading = 1;
}

static void begin_written(void)
{
    begin();
    INTERLEAVE_CHECK(tug_rwlock_try_write_lock(&lock) == 0);
    writing = 1;
}

/* The writer has been waited for, so that the lock is GUARDED. */
static void begin_guarded(void)
{
    begin();
    guard(&lock);
}

static void begin_with_room_for_one(void)
{
    begin();
    INTERLEAVE_CHECK(tug_rwlock_init_with_readers(&lock, 1) == 0);
}

static void begin_with_room_for_two(void)
{
    begin();
    INTERLEAVE_CHECK(tug_rwlock_init_with_readers(&lock, 2) == 0);
}

/* Of all the readers that there may be, but one. */
static void begin_almost_full(void)
{
    begin();
    reading = TUG_RWLOCK_READERS_MAX - 1;
    lock.state = (TUG_RWLOCK_READERS_MAX - 1) * ARRIVAL;
}

/* So many have come and gone that the counts are lowered after the next. */
static void begin_with_many_departures(void)
{
    begin();
    lock.state = (MANY_DEPARTURES - 1) * (ARRIVAL + DEPARTURE);
}

/* One departure more would be taken for a writer. */
static void begin_with_most_departures(void)
{
    begin();
    lock.state = COUNT_MASK * (ARRIVAL + DEPARTURE);
}

static void begin_with_most_departures_and_room_for_one(void)
{
    begin_with_room_for_one();
    lock.state |= COUNT_MASK * (ARRIVAL + DEPARTURE);
    lock.departed = COUNT_MASK;
}

/* ---- what is left ---- */

static void expect_present(uint32_t readers)
{
    const uint64_t state = lock.state;
    INTERLEAVE_CHECK(lock.queue.first == NULL && lock.queue.last == NULL);
    INTERLEAVE_CHECK((state & WRITER) == 0 && present(state) == readers);
    INTERLEAVE_CHECK(lock.adopted == 0);
    if ((state & GUARDED) != 0)
        INTERLEAVE_CHECK(lock.inside == readers && lock.departed == departures(state));
}

/* Whoever gets it next clears GUARDED. */
static void it_is_free(void)
{
    const uint64_t guarded = lock.readers_max < TUG_RWLOCK_READERS_MAX ? GUARDED : 0;
    expect_present(0);
    INTERLEAVE_CHECK(tug_rwlock_try_read_lock(&lock) == 0);
    INTERLEAVE_CHECK((lock.state & GUARDED) == guarded);
    INTERLEAVE_CHECK(tug_rwlock_try_write_lock(&lock) == -EBUSY);
    tug_rwlock_read_unlock(&lock);
    guard(&lock);
    INTERLEAVE_CHECK(tug_rwlock_try_write_lock(&lock) == 0);
    INTERLEAVE_CHECK((lock.state & GUARDED) == guarded);
}

static void it_is_free_and_counts_are_low(void)
{
    INTERLEAVE_CHECK(departures(lock.state) < MANY_DEPARTURES);
    it_is_free();
}

static void it_is_read(void)
{
    expect_present(1);
    INTERLEAVE_CHECK(tug_rwlock_try_write_lock(&lock) == -EBUSY);
}

static void all_but_two_are_there(void)
{
    expect_present(TUG_RWLOCK_READERS_MAX - 2);
}

/* ---- having it ---- */

static int64_t await_lock(bool writes)
{
    struct tug_semaphore_future *acquisition = &futures[interleave_self()];
    tug_rwlock_read_future_init(acquisition, &lock);
    acquisition->writes = writes;
    return interleave_await(&acquisition->future);
}

static void be_a_reader(void)
{
    reading++;
    INTERLEAVE_CHECK(writing == 0 && reading <= (int)lock.readers_max);
    interleave_step(NULL);
    INTERLEAVE_CHECK(writing == 0);
    reading--;
}

static void be_the_writer(void)
{
    writing++;
    INTERLEAVE_CHECK(writing == 1 && reading == 0);
    interleave_step(NULL);
    INTERLEAVE_CHECK(writing == 1 && reading == 0);
    writing--;
}

static void read_it(void)
{
    INTERLEAVE_CHECK(tug_rwlock_read_lock(&lock) == 0);
    be_a_reader();
    tug_rwlock_read_unlock(&lock);
}

static void read_twice(void)
{
    read_it();
    read_it();
}

static void read_by_future(void)
{
    INTERLEAVE_CHECK(await_lock(false) == 0);
    be_a_reader();
    tug_rwlock_read_unlock(&lock);
}

static void write_it(void)
{
    INTERLEAVE_CHECK(tug_rwlock_write_lock(&lock) == 0);
    be_the_writer();
    tug_rwlock_write_unlock(&lock);
}

static void write_by_future(void)
{
    INTERLEAVE_CHECK(await_lock(true) == 0);
    be_the_writer();
    tug_rwlock_write_unlock(&lock);
}

static void write_and_read(void)
{
    INTERLEAVE_CHECK(tug_rwlock_write_lock(&lock) == 0);
    be_the_writer();
    tug_rwlock_downgrade(&lock);
    be_a_reader();
    tug_rwlock_read_unlock(&lock);
}

static void try_to_read(void)
{
    if (tug_rwlock_try_read_lock(&lock) != 0)
        return;
    be_a_reader();
    tug_rwlock_read_unlock(&lock);
}

static void try_to_write(void)
{
    if (tug_rwlock_try_write_lock(&lock) != 0)
        return;
    be_the_writer();
    tug_rwlock_write_unlock(&lock);
}

static void unlock_reader(void)
{
    reading--;
    tug_rwlock_read_unlock(&lock);
}

static void unlock_writer(void)
{
    writing--;
    tug_rwlock_write_unlock(&lock);
}

/* ---- giving up ---- */

/* Polls once and cancels: it has the lock from the start, or by chance, or not at all. */
static void give_up(bool writes)
{
    struct tug_semaphore_future *acquisition = &futures[interleave_self()];
    const struct tug_waker waker = interleave_waker();
    tug_rwlock_read_future_init(acquisition, &lock);
    acquisition->writes = writes;
    if (acquisition->future.vtable->poll(&acquisition->future, &waker) == TUG_READY) {
        if (writes)
            tug_rwlock_write_unlock(&lock);
        else
            tug_rwlock_read_unlock(&lock);
        return;
    }
    acquisition->future.vtable->cancel(&acquisition->future);
    INTERLEAVE_CHECK(interleave_await(&acquisition->future) == -ECANCELED);
}

static void give_up_reading(void)
{
    give_up(false);
}

static void give_up_writing(void)
{
    give_up(true);
}

/* ---- who has the lock last gives up its memory ---- */

static void write_and_drop(void)
{
    INTERLEAVE_CHECK(tug_rwlock_write_lock(&lock) == 0);
    bool last = --users == 0;
    tug_rwlock_write_unlock(&lock);
    if (last)
        interleave_give_up(&lock, sizeof lock);
}

/* Beside writers alone. */
static void read_and_drop(void)
{
    INTERLEAVE_CHECK(tug_rwlock_read_lock(&lock) == 0);
    bool last = --users == 0;
    tug_rwlock_read_unlock(&lock);
    if (last)
        interleave_give_up(&lock, sizeof lock);
}

static void read_and_leave(void)
{
    INTERLEAVE_CHECK(tug_rwlock_read_lock(&lock) == 0);
    users--;
    tug_rwlock_read_unlock(&lock);
}

/* Beside readers. */
static void write_and_drop_after_all(void)
{
    INTERLEAVE_CHECK(tug_rwlock_write_lock(&lock) == 0);
    if (users == 1)
        interleave_give_up(&lock, sizeof lock);
    else
        tug_rwlock_write_unlock(&lock);
}

static void try_to_write_and_drop_after_all(void)
{
    if (tug_rwlock_try_write_lock(&lock) != 0)
        return;
    if (users == 1)
        interleave_give_up(&lock, sizeof lock);
    else
        tug_rwlock_write_unlock(&lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INTERLEAVE_MODEL("readers and a writer", 3, begin, it_is_free, read_it, read_it, write_it),
        INTERLEAVE_MODEL("a reader and writers", 3, begin, it_is_free, read_it, write_it, write_it),
        INTERLEAVE_MODEL("reading again", 2, begin, it_is_free, read_twice, read_twice, write_it),
        INTERLEAVE_MODEL("by future", 2, begin, it_is_free, read_by_future, read_by_future,
                         write_by_future),
        INTERLEAVE_MODEL("guarded", 2, begin_guarded, it_is_free, read_twice, read_it, write_it),
        INTERLEAVE_MODEL("trying to read", 3, begin, it_is_free, try_to_read, try_to_read,
                         write_it),
        INTERLEAVE_MODEL("trying to write", 3, begin, it_is_free, read_it, read_it, try_to_write),
        INTERLEAVE_MODEL("trying, guarded", 3, begin_guarded, it_is_free, try_to_read, read_it,
                         try_to_write),
        INTERLEAVE_MODEL("trying beside a writer, guarded", 3, begin_guarded, it_is_free, write_it,
                         read_it, try_to_write),
        INTERLEAVE_MODEL("a writer becomes a reader", 3, begin, it_is_free, write_and_read,
                         write_it, read_it),
        INTERLEAVE_MODEL("writers become readers", 3, begin, it_is_free, write_and_read,
                         write_and_read, try_to_read),
        INTERLEAVE_MODEL("a reader gives up", 3, begin_written, it_is_free, give_up_reading,
                         unlock_writer, read_it),
        INTERLEAVE_MODEL("a writer gives up", 3, begin_read, it_is_free, give_up_writing,
                         unlock_reader, read_it),
        INTERLEAVE_MODEL("a writer gives up, another does not", 3, begin_read, it_is_free,
                         give_up_writing, unlock_reader, write_it),
        INTERLEAVE_MODEL("a writer gives up, readers do not", 3, begin_read, it_is_read,
                         give_up_writing, read_it, read_it),
        INTERLEAVE_MODEL("all who wait give up", 3, begin_read, it_is_read, give_up_writing,
                         give_up_reading, try_to_write),
        INTERLEAVE_MODEL("the last writer frees", 3, begin, NULL, write_and_drop, write_and_drop,
                         read_and_drop),
        INTERLEAVE_MODEL("the writer frees", 3, begin, NULL, read_and_leave, read_and_leave,
                         write_and_drop_after_all),
        INTERLEAVE_MODEL("who tries frees", 3, begin, NULL, read_and_leave, read_and_leave,
                         try_to_write_and_drop_after_all),
        INTERLEAVE_MODEL("the writer frees, guarded", 3, begin_guarded, NULL, read_and_leave,
                         read_and_leave, write_and_drop_after_all),
        INTERLEAVE_MODEL("one reader at a time", 2, begin_with_room_for_one, it_is_free, read_it,
                         read_it, write_it),
        INTERLEAVE_MODEL("two readers at a time", 2, begin_with_room_for_two, it_is_free, read_it,
                         read_it, read_it),
        INTERLEAVE_MODEL("one reader too many", 3, begin_almost_full, all_but_two_are_there,
                         read_it, read_it, unlock_reader),
        INTERLEAVE_MODEL("many departures", 2, begin_with_many_departures,
                         it_is_free_and_counts_are_low, read_twice, read_twice, write_it),
        INTERLEAVE_MODEL("many departures, and a writer waits", 3, begin_with_many_departures,
                         it_is_free_and_counts_are_low, read_twice, write_it, write_it),
        INTERLEAVE_MODEL("most departures, writers become readers", 3, begin_with_most_departures,
                         it_is_free, write_and_read, write_and_read),
        INTERLEAVE_MODEL("most departures, one reader at a time, by future", 3,
                         begin_with_most_departures_and_room_for_one, it_is_free, read_by_future,
                         read_by_future),
    };
    return cmocka_run_group_tests_name("interleave/rwlock", tests, NULL, NULL);
}
