/* SPDX-License-Identifier: MIT */
/*
 * The semaphore between threads: permits that come while somebody gives up, crowds of tasks and
 * threads, and memory that is freed the moment it may be.
 */
#include <errno.h>
#include <inttypes.h>

#include "../runtime/fixture.h"

static uint64_t seed;

/* xorshift64 (Marsaglia 2003, "Xorshift RNGs"). */
static unsigned draw(uint64_t *random, unsigned bound)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (unsigned)(*random >> 33) % bound;
}

/* ---- a permit against a cancellation ---- */

struct duel {
    struct tug_semaphore semaphore;
    struct tug_token token;
};

static int64_t acquire_until_cancelled(void *argument)
{
    struct duel *duel = argument;
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, &duel->token);
    return tug_scope_end(&scope, tug_semaphore_acquire(&duel->semaphore, 1));
}

static int64_t cancel_it(void *argument)
{
    struct duel *duel = argument;
    tug_token_cancel(&duel->token);
    return 0;
}

static int64_t a_permit_is_taken_or_there(void *argument)
{
    (void)argument;
    uint64_t random = seed;
    for (int round = 0; round < 200; round++) {
        struct duel duel = {.semaphore = TUG_SEMAPHORE_INIT(0)};
        struct fixture_thread thread;
        tug_token_init(&duel.token, NULL);
        struct tug_task *task = fixture_spawn(acquire_until_cancelled, &duel);
        if (draw(&random, 2) == 0)
            tug_yield();
        fixture_thread_start(&thread, cancel_it, &duel);
        for (unsigned i = draw(&random, 2000); i > 0; i--)
            __asm__ volatile("" ::: "memory");
        CHECK_EQUAL(tug_semaphore_release(&duel.semaphore, 1), 0);
        int64_t result = fixture_join(task);
        CHECK(result == 0 || result == -ECANCELED);
        CHECK_EQUAL(tug_semaphore_available(&duel.semaphore), result == 0 ? 0 : 1);
        fixture_thread_join(&thread);
        tug_token_destroy(&duel.token);
    }
    return 0;
}

/* ---- crowds ---- */

enum { PERMITS = 5, CROWD = 12, THREADS = 3, ROUNDS = 60 };

struct crowd {
    struct tug_semaphore semaphore;
    uint32_t held;
    uint64_t next_seed;
};

static void hold(struct crowd *crowd, uint32_t permits)
{
    uint32_t held = __atomic_add_fetch(&crowd->held, permits, __ATOMIC_RELAXED);
    CHECK(held <= PERMITS);
}

static void let_go(struct crowd *crowd, uint32_t permits)
{
    __atomic_sub_fetch(&crowd->held, permits, __ATOMIC_RELAXED);
    CHECK_EQUAL(tug_semaphore_release(&crowd->semaphore, permits), 0);
}

static int64_t one_of_the_tasks(void *argument)
{
    struct crowd *crowd = argument;
    uint64_t random = __atomic_add_fetch(&crowd->next_seed, 1, __ATOMIC_RELAXED) * 0x9e3779b9u;
    for (int round = 0; round < ROUNDS; round++) {
        unsigned permits = 1 + draw(&random, PERMITS);
        uint64_t patience = draw(&random, 3) == 0 ? 50 * TUG_MICROSECOND : 60 * TUG_SECOND;
        int64_t result = TUG_TIMEOUT(patience, tug_semaphore_acquire(&crowd->semaphore, permits));
        if (result == -ETIMEDOUT)
            continue;
        CHECK_EQUAL(result, 0);
        hold(crowd, permits);
        if (draw(&random, 2) == 0)
            tug_yield();
        let_go(crowd, permits);
    }
    return 0;
}

static int64_t one_of_the_threads(void *argument)
{
    struct crowd *crowd = argument;
    uint64_t random = __atomic_add_fetch(&crowd->next_seed, 1, __ATOMIC_RELAXED) * 0x9e3779b9u;
    for (int round = 0; round < ROUNDS; round++) {
        unsigned permits = 1 + draw(&random, PERMITS);
        struct tug_semaphore_future acquisition;
        tug_semaphore_future_init(&acquisition, &crowd->semaphore, permits);
        uint64_t deadline =
            draw(&random, 3) == 0 ? tug_deadline_after(20 * TUG_MICROSECOND) : TUG_FOREVER;
        int64_t result = tug_await_blocking(&acquisition.future, deadline);
        if (result == -ETIMEDOUT)
            continue;
        CHECK_EQUAL(result, 0);
        hold(crowd, permits);
        let_go(crowd, permits);
    }
    return 0;
}

static int64_t crowds_share_what_there_is(void *argument)
{
    (void)argument;
    struct crowd crowd = {.semaphore = TUG_SEMAPHORE_INIT(PERMITS), .next_seed = seed};
    struct tug_task *tasks[CROWD];
    struct fixture_thread threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        fixture_thread_start(&threads[i], one_of_the_threads, &crowd);
    for (int i = 0; i < CROWD; i++)
        tasks[i] = fixture_spawn(one_of_the_tasks, &crowd);
    for (int i = 0; i < CROWD; i++)
        CHECK_EQUAL(fixture_join(tasks[i]), 0);
    for (int i = 0; i < THREADS; i++)
        CHECK_EQUAL(fixture_thread_await(&threads[i]), 0);
    CHECK_EQUAL(crowd.held, 0);
    CHECK_EQUAL(tug_semaphore_available(&crowd.semaphore), PERMITS);
    return 0;
}

/* ---- the last touch ---- */

/* Who gets the permit frees the semaphore at once. */
static int64_t acquire_and_free(void *argument)
{
    struct tug_semaphore *semaphore = argument;
    CHECK_EQUAL(tug_semaphore_acquire(semaphore, 1), 0);
    free(semaphore);
    return 0;
}

static int64_t release_once(void *argument)
{
    return tug_semaphore_release(argument, 1);
}

static int64_t a_release_does_not_touch_what_may_be_freed(void *argument)
{
    (void)argument;
    uint64_t random = seed;
    for (int round = 0; round < 100; round++) {
        struct tug_semaphore *semaphore = malloc(sizeof *semaphore);
        CHECK(semaphore != NULL && tug_semaphore_init(semaphore, 0) == 0);
        struct fixture_thread thread;
        struct tug_task *task = fixture_spawn(acquire_and_free, semaphore);
        if (draw(&random, 2) == 0)
            tug_yield();
        fixture_thread_start(&thread, release_once, semaphore);
        CHECK_EQUAL(fixture_join(task), 0);
        CHECK_EQUAL(fixture_thread_await(&thread), 0);
    }
    return 0;
}

int main(void)
{
    seed = tug_now() | 1;
    print_message("seed %" PRIu64 "\n", seed);
    const struct CMUnitTest tests[] = {
        IN_EACH(a_permit_is_taken_or_there),
        IN_EACH(crowds_share_what_there_is),
        IN_EACH(a_release_does_not_touch_what_may_be_freed),
    };
    return cmocka_run_group_tests_name("sync/semaphore_race", tests, NULL, NULL);
}
