/* SPDX-License-Identifier: MIT */
/*
 * The read-write lock: who excludes whom, who waits for whom.
 */
#include <errno.h>

#include "../runtime/fixture.h"

static void test_readers_share_and_writers_do_not(void **state)
{
    (void)state;
    struct tug_rwlock lock;
    tug_rwlock_init(&lock);
    assert_int_equal(tug_rwlock_read_lock(&lock), 0);
    assert_int_equal(tug_rwlock_try_read_lock(&lock), 0);
    assert_int_equal(tug_rwlock_try_write_lock(&lock), -EBUSY);
    tug_rwlock_read_unlock(&lock);
    assert_int_equal(tug_rwlock_try_write_lock(&lock), -EBUSY);
    tug_rwlock_read_unlock(&lock);
    assert_int_equal(tug_rwlock_try_write_lock(&lock), 0);
    assert_int_equal(tug_rwlock_try_write_lock(&lock), -EBUSY);
    assert_int_equal(tug_rwlock_try_read_lock(&lock), -EBUSY);
    tug_rwlock_write_unlock(&lock);
    assert_int_equal(tug_rwlock_write_lock(&lock), 0);
    tug_rwlock_downgrade(&lock);
    assert_int_equal(tug_rwlock_try_write_lock(&lock), -EBUSY);
    assert_int_equal(tug_rwlock_try_read_lock(&lock), 0);
    tug_rwlock_read_unlock(&lock);
    tug_rwlock_read_unlock(&lock);
    assert_int_equal(tug_rwlock_try_write_lock(&lock), 0);

    static struct tug_rwlock constant = TUG_RWLOCK_INIT;
    assert_int_equal(tug_rwlock_try_write_lock(&constant), 0);
    tug_rwlock_write_unlock(&constant);
    assert_int_equal(tug_rwlock_try_read_lock(&constant), 0);
}

static void test_readers_may_be_few(void **state)
{
    (void)state;
    struct tug_rwlock lock;
    assert_int_equal(tug_rwlock_init_with_readers(&lock, 0), -EINVAL);
    assert_int_equal(tug_rwlock_init_with_readers(&lock, TUG_RWLOCK_READERS_MAX + 1), -EINVAL);
    assert_int_equal(tug_rwlock_init_with_readers(&lock, TUG_RWLOCK_READERS_MAX), 0);
    assert_int_equal(tug_rwlock_init_with_readers(&lock, 2), 0);
    assert_int_equal(tug_rwlock_try_read_lock(&lock), 0);
    assert_int_equal(tug_rwlock_try_read_lock(&lock), 0);
    assert_int_equal(tug_rwlock_try_read_lock(&lock), -EBUSY);
    tug_rwlock_read_unlock(&lock);
    tug_rwlock_read_unlock(&lock);
    assert_int_equal(tug_rwlock_try_write_lock(&lock), 0);
    tug_rwlock_downgrade(&lock);
    assert_int_equal(tug_rwlock_try_read_lock(&lock), 0);
    assert_int_equal(tug_rwlock_try_read_lock(&lock), -EBUSY);
}

/* ---- waiting ---- */

struct queued {
    struct tug_rwlock *lock;
    bool writes;
    struct tug_token *leave; /* holds the lock until then */
    bool has_it;             /* atomic */
};

static int64_t hold_until_told(void *argument)
{
    struct queued *queued = argument;
    int result =
        queued->writes ? tug_rwlock_write_lock(queued->lock) : tug_rwlock_read_lock(queued->lock);
    if (result != 0)
        return result;
    __atomic_store_n(&queued->has_it, true, __ATOMIC_RELEASE);
    struct tug_token_future wait;
    tug_token_future_init(&wait, queued->leave);
    CHECK_EQUAL(tug_await(&wait.future), 0);
    if (queued->writes)
        tug_rwlock_write_unlock(queued->lock);
    else
        tug_rwlock_read_unlock(queued->lock);
    return 0;
}

static struct tug_task *queue_up(struct queued *queued)
{
    struct tug_task *task = fixture_spawn(hold_until_told, queued);
    CHECK_EQUAL(tug_sleep(3 * TUG_MILLISECOND), 0);
    return task;
}

static bool has_it(struct queued *queued)
{
    return __atomic_load_n(&queued->has_it, __ATOMIC_ACQUIRE);
}

/* A reader that comes after a writer waits for it, though others read. */
static int64_t a_writer_is_not_passed_over(void *argument)
{
    (void)argument;
    struct tug_rwlock lock = TUG_RWLOCK_INIT;
    struct tug_token leave;
    tug_token_init(&leave, NULL);
    struct queued writer = {&lock, true, &leave, false}, reader = {&lock, false, &leave, false};
    CHECK_EQUAL(tug_rwlock_read_lock(&lock), 0);
    struct tug_task *writing = queue_up(&writer), *reading = queue_up(&reader);
    CHECK(!has_it(&writer) && !has_it(&reader));
    CHECK_EQUAL(tug_rwlock_try_read_lock(&lock), -EBUSY);
    tug_rwlock_read_unlock(&lock);
    AWAIT(has_it(&writer));
    CHECK_EQUAL(tug_sleep(TUG_MILLISECOND), 0);
    CHECK(!has_it(&reader));
    tug_token_cancel(&leave);
    CHECK_EQUAL(fixture_join(writing), 0);
    CHECK_EQUAL(fixture_join(reading), 0);
    CHECK(has_it(&reader));
    tug_token_destroy(&leave);
    return 0;
}

/* Nor do readers behind it wait for longer than it does: here it gives up. */
static int64_t a_writer_that_gives_up_lets_readers_in(void *argument)
{
    (void)argument;
    struct tug_rwlock lock = TUG_RWLOCK_INIT;
    struct tug_token leave;
    tug_token_init(&leave, NULL);
    struct queued writer = {&lock, true, &leave, false};
    struct queued readers[2] = {{&lock, false, &leave, false}, {&lock, false, &leave, false}};
    CHECK_EQUAL(tug_rwlock_read_lock(&lock), 0);
    struct tug_task *writing = queue_up(&writer);
    struct tug_task *reading[2] = {queue_up(&readers[0]), queue_up(&readers[1])};
    CHECK(!has_it(&readers[0]) && !has_it(&readers[1]));
    tug_task_abort(writing);
    CHECK_EQUAL(fixture_join(writing), -ECANCELED);
    AWAIT(has_it(&readers[0]) && has_it(&readers[1]));
    tug_token_cancel(&leave);
    for (int i = 0; i < 2; i++)
        CHECK_EQUAL(fixture_join(reading[i]), 0);
    CHECK_EQUAL(tug_rwlock_try_write_lock(&lock), -EBUSY);
    tug_rwlock_read_unlock(&lock);
    CHECK_EQUAL(tug_rwlock_try_write_lock(&lock), 0);
    tug_token_destroy(&leave);
    return 0;
}

static int64_t a_downgrade_lets_readers_in(void *argument)
{
    (void)argument;
    struct tug_rwlock lock = TUG_RWLOCK_INIT;
    struct tug_token leave;
    tug_token_init(&leave, NULL);
    struct queued reader = {&lock, false, &leave, false}, writer = {&lock, true, &leave, false};
    CHECK_EQUAL(tug_rwlock_write_lock(&lock), 0);
    struct tug_task *reading = queue_up(&reader), *writing = queue_up(&writer);
    CHECK(!has_it(&reader));
    tug_rwlock_downgrade(&lock);
    AWAIT(has_it(&reader));
    CHECK(!has_it(&writer));
    tug_token_cancel(&leave);
    CHECK_EQUAL(fixture_join(reading), 0);
    CHECK(!has_it(&writer)); /* we still read */
    tug_rwlock_read_unlock(&lock);
    CHECK_EQUAL(fixture_join(writing), 0);
    tug_token_destroy(&leave);
    return 0;
}

static int64_t futures_read_and_write(void *argument)
{
    (void)argument;
    struct tug_rwlock lock = TUG_RWLOCK_INIT;
    struct tug_semaphore_future read, another, write;
    tug_rwlock_read_future_init(&read, &lock);
    tug_rwlock_read_future_init(&another, &lock);
    struct tug_future *readers[] = {&read.future, &another.future};
    CHECK_EQUAL(tug_join_all(readers, 2), 0);
    tug_rwlock_write_future_init(&write, &lock);
    CHECK_EQUAL(TUG_TIMEOUT(TUG_MILLISECOND, tug_await(&write.future)), -ETIMEDOUT);
    tug_rwlock_read_unlock(&lock);
    tug_rwlock_read_unlock(&lock);
    tug_rwlock_write_future_init(&write, &lock);
    CHECK_EQUAL(tug_await(&write.future), 0);
    CHECK_EQUAL(tug_rwlock_try_read_lock(&lock), -EBUSY);
    return 0;
}

/* ---- exclusion ---- */

enum { CROWD = 9, ROUNDS = 200 };

struct shared {
    struct tug_rwlock lock;
    uint32_t readers, writers; /* atomic */
    int left, right;           /* plain: equal whenever nobody writes */
};

static int64_t read_and_write(void *argument)
{
    struct shared *shared = argument;
    for (int round = 0; round < ROUNDS; round++) {
        if (round % 4 != 0) {
            CHECK_EQUAL(tug_rwlock_read_lock(&shared->lock), 0);
            __atomic_add_fetch(&shared->readers, 1, __ATOMIC_RELAXED);
            CHECK_EQUAL(__atomic_load_n(&shared->writers, __ATOMIC_RELAXED), 0);
            CHECK_EQUAL(shared->left, shared->right);
        } else {
            CHECK_EQUAL(tug_rwlock_write_lock(&shared->lock), 0);
            CHECK_EQUAL(__atomic_add_fetch(&shared->writers, 1, __ATOMIC_RELAXED), 1);
            CHECK_EQUAL(__atomic_load_n(&shared->readers, __ATOMIC_RELAXED), 0);
            shared->left++;
            if (round % 8 == 0)
                tug_yield();
            shared->right++;
            __atomic_sub_fetch(&shared->writers, 1, __ATOMIC_RELAXED);
            __atomic_add_fetch(&shared->readers, 1, __ATOMIC_RELAXED);
            tug_rwlock_downgrade(&shared->lock);
            CHECK_EQUAL(shared->left, shared->right);
        }
        __atomic_sub_fetch(&shared->readers, 1, __ATOMIC_RELAXED);
        tug_rwlock_read_unlock(&shared->lock);
    }
    return 0;
}

static int64_t writers_exclude_everybody(void *argument)
{
    (void)argument;
    struct shared shared = {.lock = TUG_RWLOCK_INIT};
    struct tug_task *tasks[CROWD];
    for (int i = 0; i < CROWD; i++)
        tasks[i] = fixture_spawn(read_and_write, &shared);
    for (int i = 0; i < CROWD; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    CHECK_EQUAL(shared.left, CROWD * ROUNDS / 4);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers_share_and_writers_do_not),
        cmocka_unit_test(test_readers_may_be_few),
        IN_EACH(a_writer_is_not_passed_over),
        IN_EACH(a_writer_that_gives_up_lets_readers_in),
        IN_EACH(a_downgrade_lets_readers_in),
        IN_EACH(futures_read_and_write),
        IN_EACH(writers_exclude_everybody),
    };
    return cmocka_run_group_tests_name("sync/rwlock", tests, NULL, NULL);
}
