/* SPDX-License-Identifier: MIT */
/*
 * The pool of stacks: bounds and guards, what is resident and what comes back to the system, many
 * threads, and failures of every system call.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/fault.h"
#include "sys/sanitizer.h"
#include "sys/stack.h"
#include "sys/thread.h"

#define KIB ((size_t)1024)

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

static uint64_t print_seed(void)
{
    uint64_t seed = (uint64_t)time(NULL) | 1;
    print_message("seed %llu\n", (unsigned long long)seed);
    return seed;
}

/* Address space and resident memory of this process, in bytes. */
static void measure(int64_t *mapped, int64_t *resident)
{
    long long pages[2];
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lld %lld", &pages[0], &pages[1]), 2);
    fclose(file);
    if (mapped != NULL)
        *mapped = pages[0] * sysconf(_SC_PAGESIZE);
    if (resident != NULL)
        *resident = pages[1] * sysconf(_SC_PAGESIZE);
}

static struct tug_stack_metrics metrics_of(struct tug_stack_pool *pool)
{
    struct tug_stack_metrics metrics;
    tug_stack_pool_metrics(pool, &metrics);
    assert_int_equal(metrics.used + metrics.hot + metrics.free, metrics.stacks);
    assert_int_equal(metrics.bytes_mapped, metrics.stacks * pool->stack_size);
    return metrics;
}

/* Whether writing to `address` ends a process by SIGSEGV. */
static bool is_guarded(volatile char *address)
{
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        *address = 1;
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static bool is_guarded_below(struct tug_stack_pool *pool, void *top)
{
    char *low = tug_stack_low(pool, top);
    return is_guarded(low - 1) && is_guarded(low - pool->page_size);
}

/* ---- One stack ---- */

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        size_t asked, given;
    } good[] = {
        {0, 256 * KIB},       {16 * KIB, 16 * KIB}, {16 * KIB + 1, 32 * KIB},
        {64 * KIB, 64 * KIB}, {100000, 128 * KIB},  {1024 * 1024 * KIB, 1024 * 1024 * KIB},
    };
    static const size_t bad[] = {1, 16 * KIB - 1, 1024 * 1024 * KIB + 1, SIZE_MAX};
    struct tug_stack_pool pool;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(tug_stack_pool_init(&pool, good[i].asked, 4, 0), 0);
        size_t given = good[i].given;
        if (given < 2 * pool.page_size)
            given = 2 * pool.page_size;
        assert_int_equal(pool.stack_size, given);
        char *top = tug_stack_pool_get(&pool, NULL);
        assert_non_null(top);
        size_t usable = (size_t)(top - (char *)tug_stack_low(&pool, top));
        assert_in_range(usable, given - pool.page_size - 1024, given - pool.page_size);
        tug_stack_pool_put(&pool, NULL, top);
        tug_stack_pool_destroy(&pool);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(tug_stack_pool_init(&pool, bad[i], 4, 0), -EINVAL);
}

static void test_stacks_are_usable_and_apart(void **state)
{
    (void)state;
    enum { COUNT = 100 };
    struct tug_stack_pool pool;
    char *tops[COUNT];
    assert_int_equal(tug_stack_pool_init(&pool, 16 * KIB, 8, 0), 0);
    for (int i = 0; i < COUNT; i++) {
        tops[i] = tug_stack_pool_get(&pool, NULL);
        assert_non_null(tops[i]);
        assert_int_equal((uintptr_t)tops[i] % 64, 0);
        char *low = tug_stack_low(&pool, tops[i]);
        memset(low, i, (size_t)(tops[i] - low));
    }
    for (int i = 0; i < COUNT; i++)
        for (char *byte = tug_stack_low(&pool, tops[i]); byte < tops[i]; byte++)
            assert_int_equal(*byte, i);
    assert_int_equal(metrics_of(&pool).used, COUNT);
    for (int i = 0; i < COUNT; i++)
        tug_stack_pool_put(&pool, NULL, tops[i]);
    assert_int_equal(metrics_of(&pool).used, 0);
    tug_stack_pool_destroy(&pool);
}

static void test_overflow_hits_the_guard(void **state)
{
    (void)state;
    struct tug_stack_pool pool;
    assert_int_equal(tug_stack_pool_init(&pool, 0, 8, 0), 0);
    for (int i = 0; i < 20; i++) {
        char *top = tug_stack_pool_get(&pool, NULL);
        assert_true(is_guarded_below(&pool, top));
        assert_false(is_guarded(tug_stack_low(&pool, top)));
        assert_false(is_guarded(top - 1));
    }
    tug_stack_pool_destroy(&pool);
}

/* Gives 40 stacks back, their memory too, takes them again and looks at their guards. */
static void check_guards_after_release(struct tug_stack_pool *pool)
{
    void *tops[40];
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 40; i++) {
            tops[i] = tug_stack_pool_get(pool, NULL);
            assert_non_null(tops[i]);
            *((char *)tops[i] - 1) = 1;
        }
        for (int i = 0; i < 40; i += 13)
            assert_true(is_guarded_below(pool, tops[i]));
        for (int i = 0; i < 40; i++)
            tug_stack_pool_put(pool, NULL, tops[i]);
        tug_stack_pool_trim(pool);
        assert_int_equal(metrics_of(pool).hot, 0);
    }
}

static void test_guards_survive_a_release(void **state)
{
    (void)state;
    struct tug_stack_pool pool;
    assert_int_equal(tug_stack_pool_init(&pool, 64 * KIB, 64, 0), 0);
    check_guards_after_release(&pool);
    tug_stack_pool_destroy(&pool);
}

static void test_painting_shows_the_depth(void **state)
{
    (void)state;
    struct tug_stack_pool pool;
    assert_int_equal(tug_stack_pool_init(&pool, 64 * KIB, 8, 0), 0);
    char *top = tug_stack_pool_get(&pool, NULL), *low = tug_stack_low(&pool, top);
    tug_stack_paint(low, top);
    assert_int_equal(tug_stack_depth(low, top), 0);
    top[-5000] = 1;
    assert_in_range(tug_stack_depth(low, top), 5000, 5007);
    *low = 1;
    assert_int_equal(tug_stack_depth(low, top), top - low);
    tug_stack_pool_put(&pool, NULL, top);
    tug_stack_pool_destroy(&pool);
}

/* ---- Reuse and memory ---- */

static void test_the_last_stack_given_back_is_the_next_taken(void **state)
{
    (void)state;
    struct tug_stack_pool pool;
    struct tug_stack_cache cache = {.count = 0};
    assert_int_equal(tug_stack_pool_init(&pool, 0, 256, 0), 0);
    void *tops[10];
    for (int i = 0; i < 10; i++)
        tops[i] = tug_stack_pool_get(&pool, &cache);
    for (int i = 0; i < 10; i++)
        tug_stack_pool_put(&pool, &cache, tops[i]);
    for (int i = 9; i >= 0; i--)
        assert_ptr_equal(tug_stack_pool_get(&pool, &cache), tops[i]);
    for (int i = 0; i < 10; i++)
        tug_stack_pool_put(&pool, NULL, tops[i]);
    for (int i = 9; i >= 0; i--)
        assert_ptr_equal(tug_stack_pool_get(&pool, NULL), tops[i]);
    tug_stack_pool_destroy(&pool);
}

/* One worker takes and another gives back, so that all stacks pass through the pool. */
static void test_stacks_return_through_another_cache(void **state)
{
    (void)state;
    struct tug_stack_pool pool;
    struct tug_stack_cache takes = {.count = 0}, gives = {.count = 0};
    assert_int_equal(tug_stack_pool_init(&pool, 0, 256, 0), 0);
    for (int i = 0; i < 10000; i++) {
        void *top = tug_stack_pool_get(&pool, &takes);
        assert_non_null(top);
        tug_stack_pool_put(&pool, &gives, top);
    }
    assert_in_range(metrics_of(&pool).stacks, 1, 512);
    tug_stack_cache_flush(&pool, &takes);
    tug_stack_cache_flush(&pool, &gives);
    assert_int_equal(metrics_of(&pool).used, 0);
    tug_stack_pool_destroy(&pool);
}

static void test_at_most_the_limit_stays_hot(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static void *tops[COUNT];
    static const unsigned limits[] = {0, 1, 31, 32, 33, 100, 256, 1000};
    for (size_t l = 0; l < sizeof limits / sizeof *limits; l++) {
        struct tug_stack_pool pool;
        struct tug_stack_cache cache = {.count = 0};
        assert_int_equal(tug_stack_pool_init(&pool, 16 * KIB, limits[l], 0), 0);
        for (int i = 0; i < COUNT; i++)
            tops[i] = tug_stack_pool_get(&pool, i % 3 == 0 ? NULL : &cache);
        for (int i = 0; i < COUNT; i++) {
            tug_stack_pool_put(&pool, i % 5 == 0 ? NULL : &cache, tops[i]);
            assert_in_range(metrics_of(&pool).hot, 0, limits[l]);
        }
        tug_stack_cache_flush(&pool, &cache);
        assert_int_equal(metrics_of(&pool).used, 0);
        tug_stack_pool_destroy(&pool);
    }
}

static void test_little_is_mapped_for_few(void **state)
{
    (void)state;
    struct tug_stack_pool pool;
    struct tug_stack_cache cache = {.count = 0};
    assert_int_equal(tug_stack_pool_init(&pool, 0, 256, 0), 0);
    assert_int_equal(metrics_of(&pool).stacks, 0);
    void *top = tug_stack_pool_get(&pool, &cache);
    assert_in_range(metrics_of(&pool).stacks, 1, 32);
    assert_int_equal(cache.count, 0);
    tug_stack_pool_put(&pool, &cache, top);
    tug_stack_pool_destroy(&pool);
}

/* Slabs go when the last of their stacks is free, whatever the order; one may stay. */
static void test_empty_slabs_are_unmapped(void **state)
{
    (void)state;
    enum { COUNT = 4000 };
    static void *tops[COUNT];
    uint64_t seed = print_seed();
    struct tug_stack_pool pool;
    assert_int_equal(tug_stack_pool_init(&pool, 64 * KIB, 256, 0), 0);
    int64_t before, after;
    measure(&before, NULL);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < COUNT; i++) {
            tops[i] = tug_stack_pool_get(&pool, NULL);
            assert_non_null(tops[i]);
        }
        assert_true(metrics_of(&pool).stacks >= COUNT);
        for (int i = COUNT; i > 0; i--) {
            uint64_t chosen = next_random(&seed) % (uint64_t)i;
            tug_stack_pool_put(&pool, NULL, tops[chosen]);
            tops[chosen] = tops[i - 1];
        }
        tug_stack_pool_trim(&pool);
        assert_in_range(metrics_of(&pool).slabs, 0, 1);
    }
    tug_stack_pool_destroy(&pool);
    measure(&after, NULL);
    if (!TUG_ASAN && !TUG_TSAN)
        assert_in_range(after - before + 1024 * 1024, 0, 2 * 1024 * 1024);
}

/* Past the limit on mappings of a process, and a page each. Not where guards need mappings of their
 * own, nor where sanitizers add memory to each of these pages. */
static void test_memory_returns_after_a_hundred_thousand(void **state)
{
    (void)state;
    enum { COUNT = 100000 };
    struct tug_stack_pool pool;
    struct tug_stack_cache cache = {.count = 0};
    assert_int_equal(tug_stack_pool_init(&pool, 0, TUG_STACK_HOT_LIMIT_DEFAULT, 0), 0);
    void *first = tug_stack_pool_get(&pool, &cache);
    if (pool.guard_kind == TUG_STACK_GUARD_MAPPED || TUG_TSAN || TUG_ASAN) {
        tug_stack_pool_destroy(&pool);
        skip();
    }
    void **tops = malloc(COUNT * sizeof *tops);
    assert_non_null(tops);
    memset(tops, 1, COUNT * sizeof *tops);
    int64_t before, full, after;
    measure(NULL, &before);
    for (int i = 0; i < COUNT; i++) {
        tops[i] = tug_stack_pool_get(&pool, &cache);
        assert_non_null(tops[i]);
        memset((char *)tops[i] - 1500, 1, 1500);
    }
    measure(NULL, &full);
    for (int i = 0; i < COUNT; i++)
        tug_stack_pool_put(&pool, &cache, tops[i]);
    /* What was needed since the last decay stays for one more. */
    tug_stack_pool_decay(&pool);
    tug_stack_pool_decay(&pool);
    measure(NULL, &after);
    print_message("resident: %lld bytes per stack, %lld KiB afterwards\n",
                  (long long)((full - before) / COUNT), (long long)((after - before) / 1024));
    assert_in_range((full - before) / COUNT, 4096, 5 * 1024);
    assert_true(after - before < (int64_t)(4 * 1024 * KIB));
    tug_stack_pool_put(&pool, &cache, first);
    tug_stack_pool_destroy(&pool);
    free(tops);
}

/* ---- Threads ---- */

enum { THREADS = 4, SLOTS = 200, STEPS = 20000 };

struct shared {
    struct tug_stack_pool pool;
    void *slots[SLOTS]; /* stacks taken by any thread and given back by any other */
};

struct worker {
    struct tug_thread thread;
    struct shared *shared;
    uint64_t seed;
    int wrong;
};

static void take_and_give(void *argument)
{
    struct worker *worker = argument;
    struct shared *shared = worker->shared;
    struct tug_stack_cache cache = {.count = 0};
    for (int step = 0; step < STEPS; step++) {
        uint64_t random = next_random(&worker->seed);
        struct tug_stack_cache *used = random % 16 == 0 ? NULL : &cache;
        void *mine = NULL;
        if (random / 16 % 2 == 0) {
            mine = tug_stack_pool_get(&shared->pool, used);
            if (mine == NULL) {
                worker->wrong++;
                continue;
            }
            *((uintptr_t *)mine - 1) = (uintptr_t)mine;
        }
        void *old =
            __atomic_exchange_n(&shared->slots[random / 32 % SLOTS], mine, __ATOMIC_ACQ_REL);
        if (old == NULL)
            continue;
        worker->wrong += *((uintptr_t *)old - 1) != (uintptr_t)old;
        *((uintptr_t *)old - 1) = 0;
        tug_stack_pool_put(&shared->pool, used, old);
        if (random % 5000 == 0)
            tug_stack_pool_trim(&shared->pool);
    }
    tug_stack_cache_flush(&shared->pool, &cache);
}

static void test_threads_exchange_stacks(void **state)
{
    (void)state;
    uint64_t seed = print_seed();
    static struct shared shared;
    struct worker workers[THREADS];
    assert_int_equal(tug_stack_pool_init(&shared.pool, 16 * KIB, 40, 0), 0);
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.shared = &shared, .seed = next_random(&seed)};
        assert_int_equal(
            tug_thread_create(&workers[i].thread, NULL, 0, false, take_and_give, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        tug_thread_join(&workers[i].thread);
        assert_int_equal(workers[i].wrong, 0);
    }
    for (int i = 0; i < SLOTS; i++)
        if (shared.slots[i] != NULL)
            tug_stack_pool_put(&shared.pool, NULL, shared.slots[i]);
    assert_int_equal(metrics_of(&shared.pool).used, 0);
    tug_stack_pool_destroy(&shared.pool);
}

/* ---- Failures ---- */

#if TUG_FAULT_INJECTION

/* Takes and gives back some stacks while the n-th call of `name` fails, and once more after. */
static void check_one_failure(const char *name, unsigned n, int error)
{
    struct tug_stack_pool pool;
    struct tug_stack_cache cache = {.count = 0};
    void *tops[100];
    int taken = 0;
    tug_fault_reset();
    assert_int_equal(tug_fault_fail(name, n, 1, error), 0);
    if (tug_stack_pool_init(&pool, 16 * KIB, 16, 0) == -ENOMEM)
        return;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 100; i++) {
            void *top = tug_stack_pool_get(&pool, i % 2 == 0 ? &cache : NULL);
            if (top == NULL)
                continue;
            *((char *)top - 1) = 1;
            tops[taken++] = top;
        }
        assert_in_range(metrics_of(&pool).used, taken, taken + TUG_STACK_CACHE_SIZE);
        for (; taken > 0; taken--)
            tug_stack_pool_put(&pool, taken % 3 == 0 ? NULL : &cache, tops[taken - 1]);
        tug_stack_cache_flush(&pool, &cache);
        assert_int_equal(metrics_of(&pool).used, 0);
        tug_stack_pool_trim(&pool);
    }
    tug_fault_reset();
    void *top = tug_stack_pool_get(&pool, NULL);
    assert_non_null(top);
    assert_true(is_guarded_below(&pool, top));
    tug_stack_pool_destroy(&pool);
}

static void test_any_single_failure(void **state)
{
    (void)state;
    static const char *const names[] = {"mmap",   "munmap", "madvise", "process_madvise",
                                        "malloc", "calloc", "realloc"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        for (unsigned n = 1; n <= 8; n++)
            check_one_failure(names[i], n, ENOMEM);
}

static void test_no_memory_is_reported(void **state)
{
    (void)state;
    static const char *const names[] = {"mmap", "madvise", "calloc", "realloc"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct tug_stack_pool pool;
        struct tug_stack_cache cache = {.count = 0};
        assert_int_equal(tug_stack_pool_init(&pool, 0, 16, 0), 0);
        if (strcmp(names[i], "madvise") == 0 && pool.guard_kind == TUG_STACK_GUARD_MAPPED) {
            tug_stack_pool_destroy(&pool);
            continue;
        }
        tug_fault_reset();
        assert_int_equal(tug_fault_fail(names[i], 1, TUG_FAULT_ALWAYS, ENOMEM), 0);
        assert_null(tug_stack_pool_get(&pool, NULL));
        assert_null(tug_stack_pool_get(&pool, &cache));
        assert_int_equal(metrics_of(&pool).used, 0);
        tug_fault_reset();
        assert_non_null(tug_stack_pool_get(&pool, &cache));
        tug_stack_pool_destroy(&pool);
    }
}

/* Many stacks at once, with a system that takes advice on several ranges in one call, and without.
 */
static void test_advice_on_several_ranges(void **state)
{
    (void)state;
    enum { MANY = 16 };
    for (int refused = 0; refused < 2; refused++) {
        struct tug_stack_pool pool;
        struct tug_stack_cache cache = {.count = 0};
        void *tops[MANY];
        assert_int_equal(tug_stack_pool_init(&pool, 64 * KIB, MANY, 0), 0);
        tug_fault_reset();
        assert_int_equal(
            tug_fault_fail("process_madvise", refused ? 1 : 1000, TUG_FAULT_ALWAYS, EBADF), 0);
        for (int round = 0; round < 2; round++) {
            for (int i = 0; i < MANY; i++) {
                tops[i] = tug_stack_pool_get(&pool, &cache);
                assert_non_null(tops[i]);
                *((char *)tops[i] - 1) = 1;
            }
            for (int i = 0; i < MANY; i++)
                assert_true(is_guarded_below(&pool, tops[i]));
            /* Without neighbours. */
            for (int i = 0; i < 2 * MANY; i += 2)
                tug_stack_pool_put(&pool, NULL, tops[i % MANY + i / MANY]);
            tug_stack_pool_trim(&pool);
            assert_int_equal(metrics_of(&pool).hot, 0);
        }
        if (refused)
            assert_in_range(tug_fault_calls("process_madvise"), 0, 1);
        tug_fault_reset();
        tug_stack_cache_flush(&pool, &cache);
        tug_stack_pool_destroy(&pool);
    }
}

/* An old kernel: it does not know how to mark a guard in the page table. */
static void test_guards_without_guard_install(void **state)
{
    (void)state;
    struct tug_stack_pool pool;
    assert_int_equal(tug_stack_pool_init(&pool, 64 * KIB, 64, 0), 0);
    tug_fault_reset();
    assert_int_equal(tug_fault_fail("madvise", 1, 2, EINVAL), 0);
    check_guards_after_release(&pool);
    assert_int_equal(pool.guard_kind, TUG_STACK_GUARD_MAPPED);
    assert_true(tug_fault_calls("mprotect") > 0);
    tug_fault_reset();
    tug_stack_pool_destroy(&pool);
}

/* An emulator that accepts the mark and does nothing: the third call, which is the pool's look at
 * its first guard, does not find one. */
static void test_guards_that_were_promised_only(void **state)
{
    (void)state;
    struct tug_stack_pool pool;
    assert_int_equal(tug_stack_pool_init(&pool, 64 * KIB, 64, 0), 0);
    tug_fault_reset();
    assert_int_equal(tug_fault_fail("madvise", 3, 1, EINVAL), 0);
    check_guards_after_release(&pool);
    assert_int_equal(pool.guard_kind, TUG_STACK_GUARD_MAPPED);
    tug_fault_reset();
    tug_stack_pool_destroy(&pool);
}

/* The limit on the number of mappings, on an old kernel. */
static void test_too_many_mappings(void **state)
{
    (void)state;
    for (unsigned flags = 0; flags <= TUG_STACK_ALLOW_UNGUARDED; flags++) {
        struct tug_stack_pool pool;
        struct tug_stack_cache cache = {.count = 0};
        void *tops[50];
        assert_int_equal(tug_stack_pool_init(&pool, 64 * KIB, 64, flags), 0);
        tug_fault_reset();
        assert_int_equal(tug_fault_fail("madvise", 1, TUG_FAULT_ALWAYS, EINVAL), 0);
        assert_int_equal(tug_fault_fail("mprotect", 11, TUG_FAULT_ALWAYS, ENOMEM), 0);
        int taken = 0;
        for (int i = 0; i < 50; i++)
            if ((tops[taken] = tug_stack_pool_get(&pool, &cache)) != NULL)
                taken++;
        struct tug_stack_metrics metrics = metrics_of(&pool);
        if ((flags & TUG_STACK_ALLOW_UNGUARDED) != 0) {
            assert_int_equal(taken, 50);
            assert_in_range(metrics.unguarded, 40, 40 + TUG_STACK_CACHE_SIZE);
        } else {
            assert_int_equal(taken, 10);
            assert_int_equal(metrics.unguarded, 0);
            assert_int_equal(metrics.used, 10);
        }
        tug_fault_reset();
        for (int i = 0; i < taken; i++)
            tug_stack_pool_put(&pool, NULL, tops[i]);
        tug_stack_cache_flush(&pool, &cache);
        assert_int_equal(metrics_of(&pool).used, 0);
        tug_stack_pool_destroy(&pool);
    }
}

/* With little address space left, smaller slabs are tried. */
static void test_smaller_slabs_when_large_ones_are_refused(void **state)
{
    (void)state;
    struct tug_stack_pool pool;
    assert_int_equal(tug_stack_pool_init(&pool, 64 * KIB, 64, 0), 0);
    tug_fault_reset();
    assert_int_equal(tug_fault_fail("mmap", 1, 3, ENOMEM), 0);
    assert_non_null(tug_stack_pool_get(&pool, NULL));
    assert_int_equal(tug_fault_calls("mmap"), 4);
    assert_in_range(metrics_of(&pool).stacks, 1, 2);
    tug_fault_reset();
    tug_stack_pool_destroy(&pool);
}

static int reset_faults(void **state)
{
    (void)state;
    tug_fault_reset();
    return 0;
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_stacks_are_usable_and_apart),
        cmocka_unit_test(test_overflow_hits_the_guard),
        cmocka_unit_test(test_guards_survive_a_release),
        cmocka_unit_test(test_painting_shows_the_depth),
        cmocka_unit_test(test_the_last_stack_given_back_is_the_next_taken),
        cmocka_unit_test(test_stacks_return_through_another_cache),
        cmocka_unit_test(test_at_most_the_limit_stays_hot),
        cmocka_unit_test(test_little_is_mapped_for_few),
        cmocka_unit_test(test_empty_slabs_are_unmapped),
        cmocka_unit_test(test_memory_returns_after_a_hundred_thousand),
        cmocka_unit_test(test_threads_exchange_stacks),
#if TUG_FAULT_INJECTION
        cmocka_unit_test_teardown(test_any_single_failure, reset_faults),
        cmocka_unit_test_teardown(test_no_memory_is_reported, reset_faults),
        cmocka_unit_test_teardown(test_advice_on_several_ranges, reset_faults),
        cmocka_unit_test_teardown(test_guards_without_guard_install, reset_faults),
        cmocka_unit_test_teardown(test_guards_that_were_promised_only, reset_faults),
        cmocka_unit_test_teardown(test_too_many_mappings, reset_faults),
        cmocka_unit_test_teardown(test_smaller_slabs_when_large_ones_are_refused, reset_faults),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
