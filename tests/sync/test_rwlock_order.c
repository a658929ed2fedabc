/* SPDX-License-Identifier: MIT */
/*
 * The read-write lock: in which order those who wait have their turn.
 */
#include <errno.h>

#include "../runtime/fixture.h"

enum { MOST = 6 };

struct turns {
    struct tug_rwlock lock;
    char order[MOST + 1]; /* who has had the lock, R or W */
    int count;            /* atomic */
};

struct turn {
    struct turns *turns;
    bool writes;
};

/* Readers that follow each other may be there at the same time, hence the counter is atomic. */
static int64_t take_turn(void *argument)
{
    struct turn *turn = argument;
    struct turns *turns = turn->turns;
    int error =
        turn->writes ? tug_rwlock_write_lock(&turns->lock) : tug_rwlock_read_lock(&turns->lock);
    if (error != 0)
        return error;
    int place = __atomic_fetch_add(&turns->count, 1, __ATOMIC_ACQ_REL);
    turns->order[place] = turn->writes ? 'W' : 'R';
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    if (turn->writes)
        tug_rwlock_write_unlock(&turns->lock);
    else
        tug_rwlock_read_unlock(&turns->lock);
    return 0;
}

/* Has so many wait behind a writer, in that order, and lets them go. */
static void expect_order(const char *order)
{
    struct turns turns = {.count = 0};
    struct turn each[MOST];
    struct tug_task *tasks[MOST];
    size_t count = strlen(order);
    tug_rwlock_init(&turns.lock);
    CHECK_EQUAL(tug_rwlock_write_lock(&turns.lock), 0);
    for (size_t i = 0; i < count; i++) {
        each[i] = (struct turn){&turns, order[i] == 'W'};
        tasks[i] = fixture_spawn(take_turn, &each[i]);
        CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    }
    CHECK_EQUAL(__atomic_load_n(&turns.count, __ATOMIC_ACQUIRE), 0);
    tug_rwlock_write_unlock(&turns.lock);
    for (size_t i = 0; i < count; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    CHECK_EQUAL(strcmp(turns.order, order), 0);
}

static int64_t who_came_first_is_served_first(void *argument)
{
    (void)argument;
    expect_order("WRRW");
    expect_order("RWRWRW");
    expect_order("RRWWRR");
    return 0;
}

/* ---- no room for one more reader ---- */

static int64_t one_reader_too_many_waits(void *argument)
{
    (void)argument;
    struct turns turns = {.count = 0};
    struct turn reader = {&turns, false}, writer = {&turns, true};
    CHECK_EQUAL(tug_rwlock_init_with_readers(&turns.lock, 2), 0);
    CHECK_EQUAL(tug_rwlock_read_lock(&turns.lock), 0);
    CHECK_EQUAL(tug_rwlock_read_lock(&turns.lock), 0);
    struct tug_task *reading = fixture_spawn(take_turn, &reader);
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    struct tug_task *writing = fixture_spawn(take_turn, &writer);
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    CHECK_EQUAL(__atomic_load_n(&turns.count, __ATOMIC_ACQUIRE), 0);
    /* One goes: there is room for a reader, and none for a writer. */
    tug_rwlock_read_unlock(&turns.lock);
    CHECK_EQUAL(fixture_join(reading), 0);
    CHECK(!tug_task_is_finished(writing));
    tug_rwlock_read_unlock(&turns.lock);
    CHECK_EQUAL(fixture_join(writing), 0);
    CHECK_EQUAL(strcmp(turns.order, "RW"), 0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(who_came_first_is_served_first),
        IN_EACH(one_reader_too_many_waits),
    };
    return cmocka_run_group_tests_name("sync/rwlock_order", tests, NULL, NULL);
}
