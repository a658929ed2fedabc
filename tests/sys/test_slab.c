/* SPDX-License-Identifier: MIT */
/*
 * The allocator of task memory: what an object may hold and keeps, enumeration, memory that comes
 * back to the system, many threads, and failures.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/fault.h"
#include "sys/sanitizer.h"
#include "sys/slab.h"
#include "sys/thread.h"

enum { DEAD, LIVE };

/* As a task: begins with a word that its owner may look at any time. */
struct object {
    uint64_t state;
    uint64_t filling[15];
};

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

static int64_t resident_memory(void)
{
    long long pages[2];
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lld %lld", &pages[0], &pages[1]), 2);
    fclose(file);
    return pages[1] * sysconf(_SC_PAGESIZE);
}

static struct tug_slab_metrics metrics_of(struct tug_slab_pool *pool)
{
    struct tug_slab_metrics metrics;
    tug_slab_pool_metrics(pool, &metrics);
    return metrics;
}

static void count_live(void *memory, void *argument)
{
    struct object *object = memory;
    *(uint64_t *)argument += __atomic_load_n(&object->state, __ATOMIC_ACQUIRE) == LIVE;
}

static void count_all(void *object, void *argument)
{
    (void)object;
    ++*(uint64_t *)argument;
}

static uint64_t live(struct tug_slab_pool *pool)
{
    uint64_t count = 0;
    tug_slab_for_each(pool, count_live, &count);
    return count;
}

/* ---- Objects ---- */

static void test_sizes(void **state)
{
    (void)state;
    static const size_t bad[] = {0, 16, 48, 63, 65, 120, 4097, 4112, SIZE_MAX};
    struct tug_slab_pool pool;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(tug_slab_pool_init(&pool, bad[i], 0), -EINVAL);
    for (size_t size = 64; size <= 4096; size += 16) {
        assert_int_equal(tug_slab_pool_init(&pool, size, 0), 0);
        char *first = tug_slab_alloc(&pool, NULL), *second = tug_slab_alloc(&pool, NULL);
        assert_int_equal((uintptr_t)first % 16, 0);
        assert_true((size_t)(second > first ? second - first : first - second) >= size);
        if (size % 64 == 0) {
            assert_int_equal((uintptr_t)first % 64, 0);
            assert_int_equal((uintptr_t)second % 64, 0);
        }
        tug_slab_free(&pool, NULL, first);
        tug_slab_free(&pool, NULL, second);
        assert_int_equal(metrics_of(&pool).used, 0);
        tug_slab_pool_destroy(&pool);
    }
}

/* More than one slab of each size: every byte belongs to one object, and each finds its way back
 * (which the asserts of the pool check, too). */
static void test_objects_are_apart(void **state)
{
    (void)state;
    static const size_t sizes[] = {64, 80, 128, 144, 192, 1008, 4096};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct tug_slab_pool pool;
        struct tug_slab_cache cache = {.count = 0};
        size_t size = sizes[s], count = (size_t)TUG_SLAB_SIZE / size + 100;
        unsigned char **objects = calloc(count, sizeof *objects);
        assert_non_null(objects);
        assert_int_equal(tug_slab_pool_init(&pool, size, 0), 0);
        for (size_t i = 0; i < count; i++) {
            objects[i] = tug_slab_alloc(&pool, i % 3 == 0 ? NULL : &cache);
            assert_non_null(objects[i]);
            memset(objects[i], (int)(i % 251), size);
        }
        assert_int_equal(metrics_of(&pool).slabs, 2);
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(objects[i][0], i % 251);
            assert_memory_equal(objects[i], objects[i] + 1, size - 1);
            tug_slab_free(&pool, i % 5 == 0 ? NULL : &cache, objects[i]);
        }
        tug_slab_cache_flush(&pool, &cache);
        assert_int_equal(metrics_of(&pool).used, 0);
        tug_slab_pool_destroy(&pool);
        free(objects);
    }
}

static void test_fresh_memory_is_zero(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    static const struct object zero;
    struct tug_slab_pool pool;
    struct tug_slab_cache cache = {.count = 0};
    assert_int_equal(tug_slab_pool_init(&pool, sizeof(struct object), 0), 0);
    for (int i = 0; i < COUNT; i++)
        assert_memory_equal(tug_slab_alloc(&pool, &cache), &zero, sizeof zero);
    tug_slab_pool_destroy(&pool);
}

/* The first word of a free object is still its owner's, wherever the object is. */
static void test_the_state_word_survives(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    struct tug_slab_pool pool;
    struct tug_slab_cache cache = {.count = 0};
    struct object *objects[COUNT];
    assert_int_equal(tug_slab_pool_init(&pool, sizeof(struct object), UINT64_MAX), 0);
    for (int i = 0; i < COUNT; i++) {
        objects[i] = tug_slab_alloc(&pool, &cache);
        objects[i]->state = 1000 + (uint64_t)i;
    }
    for (int i = 0; i < COUNT; i++)
        tug_slab_free(&pool, &cache, objects[i]);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(objects[i]->state, 1000 + i);
    tug_slab_cache_flush(&pool, &cache);
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(objects[i]->state, 1000 + i);
    uint64_t sum = 0;
    for (int i = 0; i < COUNT; i++) {
        struct object *object = tug_slab_alloc(&pool, &cache);
        sum += object->state;
    }
    assert_int_equal(sum, COUNT * 1000 + (uint64_t)COUNT * (COUNT - 1) / 2);
    tug_slab_pool_destroy(&pool);
}

#if TUG_ASAN
static void test_free_objects_are_poisoned(void **state)
{
    (void)state;
    struct tug_slab_pool pool;
    struct tug_slab_cache cache = {.count = 0};
    assert_int_equal(tug_slab_pool_init(&pool, sizeof(struct object), 0), 0);
    struct object *object = tug_slab_alloc(&pool, &cache);
    assert_null(__asan_region_is_poisoned(object, sizeof *object));
    assert_true(__asan_address_is_poisoned((char *)(object + 1) + TUG_SLAB_OWNED));
    for (int flushed = 0; flushed < 2; flushed++) {
        tug_slab_free(&pool, flushed ? NULL : &cache, object);
        assert_false(__asan_address_is_poisoned(&object->state));
        assert_true(__asan_address_is_poisoned(&object->filling[0]));
        assert_true(__asan_address_is_poisoned((char *)(object + 1) - 1));
        object = tug_slab_alloc(&pool, flushed ? NULL : &cache);
        assert_null(__asan_region_is_poisoned(object, sizeof *object));
    }
    tug_slab_pool_destroy(&pool);
    assert_null(__asan_region_is_poisoned(object, sizeof *object));
}
#endif

static void test_the_last_object_freed_is_the_next(void **state)
{
    (void)state;
    struct tug_slab_pool pool;
    struct tug_slab_cache cache = {.count = 0};
    assert_int_equal(tug_slab_pool_init(&pool, 64, 0), 0);
    void *first = tug_slab_alloc(&pool, &cache), *second = tug_slab_alloc(&pool, &cache);
    tug_slab_free(&pool, &cache, first);
    tug_slab_free(&pool, &cache, second);
    assert_ptr_equal(tug_slab_alloc(&pool, &cache), second);
    assert_ptr_equal(tug_slab_alloc(&pool, &cache), first);
    tug_slab_pool_destroy(&pool);
}

/* ---- Enumeration and memory ---- */

static void test_enumeration_finds_what_is_live(void **state)
{
    (void)state;
    enum { COUNT = 50000 };
    struct tug_slab_pool pool;
    struct tug_slab_cache cache = {.count = 0};
    struct object **objects = malloc(COUNT * sizeof *objects);
    assert_non_null(objects);
    assert_int_equal(tug_slab_pool_init(&pool, sizeof(struct object), 0), 0);
    assert_int_equal(live(&pool), 0);
    for (int i = 0; i < COUNT; i++) {
        objects[i] = tug_slab_alloc(&pool, &cache);
        objects[i]->state = LIVE;
    }
    assert_int_equal(live(&pool), COUNT);
    for (int i = 0; i < COUNT; i += 2) {
        objects[i]->state = DEAD;
        tug_slab_free(&pool, &cache, objects[i]);
    }
    assert_int_equal(live(&pool), COUNT / 2);
    uint64_t all = 0;
    tug_slab_for_each(&pool, count_all, &all);
    assert_in_range(all, COUNT / 2, metrics_of(&pool).used + metrics_of(&pool).free);
    for (int i = 1; i < COUNT; i += 2) {
        objects[i]->state = DEAD;
        tug_slab_free(&pool, &cache, objects[i]);
    }
    assert_int_equal(live(&pool), 0);
    tug_slab_pool_destroy(&pool);
    free(objects);
}

static void test_memory_returns_after_a_million(void **state)
{
    (void)state;
    enum { COUNT = TUG_TSAN ? 100000 : 1000000 };
    uint64_t seed = print_seed();
    struct tug_slab_pool pool;
    struct tug_slab_cache cache = {.count = 0};
    struct object **objects = malloc(COUNT * sizeof *objects);
    assert_non_null(objects);
    memset(objects, 1, COUNT * sizeof *objects);
    assert_int_equal(tug_slab_pool_init(&pool, sizeof(struct object), TUG_SLAB_RETAIN_DEFAULT), 0);
    int64_t before = resident_memory();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < COUNT; i++) {
            objects[i] = tug_slab_alloc(&pool, &cache);
            assert_non_null(objects[i]);
            objects[i]->state = LIVE;
        }
        int64_t full = resident_memory() - before;
        assert_true(full >= COUNT * (int64_t)sizeof(struct object));
        for (int i = 0; i < COUNT; i++) {
            /* In order, then in none. */
            uint64_t other =
                round == 0 ? (uint64_t)i : (uint64_t)i + next_random(&seed) % (uint64_t)(COUNT - i);
            struct object *object = objects[other];
            objects[other] = objects[i];
            tug_slab_free(&pool, &cache, object);
        }
        int64_t after = resident_memory() - before;
        print_message("resident: %lld bytes per object, %lld KiB afterwards\n",
                      (long long)(full / COUNT), (long long)(after / 1024));
        struct tug_slab_metrics metrics = metrics_of(&pool);
        assert_in_range(metrics.used, 0, TUG_SLAB_CACHE_SIZE);
        if (!TUG_ASAN && !TUG_TSAN)
            assert_true(full < COUNT * (int64_t)160 && after < 32 * 1024 * 1024);
    }
    tug_slab_pool_destroy(&pool);
    free(objects);
}

/* After a peak, objects that come and go gather in old slabs, so that new ones can be unmapped. */
static void test_survivors_of_a_peak_gather(void **state)
{
    (void)state;
    enum { PEAK = 200000, STAY = 1000 };
    uint64_t seed = print_seed();
    struct tug_slab_pool pool;
    struct tug_slab_cache cache = {.count = 0};
    void **objects = malloc(PEAK * sizeof *objects);
    assert_non_null(objects);
    assert_int_equal(tug_slab_pool_init(&pool, 128, 0), 0);
    for (int i = 0; i < PEAK; i++)
        objects[i] = tug_slab_alloc(&pool, &cache);
    for (int i = PEAK; i > STAY; i--) {
        uint64_t chosen = next_random(&seed) % (uint64_t)i;
        tug_slab_free(&pool, &cache, objects[chosen]);
        objects[chosen] = objects[i - 1];
    }
    uint64_t slabs = metrics_of(&pool).slabs;
    for (int i = 0; i < 100 * STAY; i++) {
        uint64_t chosen = next_random(&seed) % STAY;
        tug_slab_free(&pool, NULL, objects[chosen]);
        objects[chosen] = tug_slab_alloc(&pool, NULL);
    }
    tug_slab_cache_flush(&pool, &cache);
    print_message("%llu slabs after the peak, %llu later\n", (unsigned long long)slabs,
                  (unsigned long long)metrics_of(&pool).slabs);
    assert_in_range(metrics_of(&pool).slabs, 1, 2);
    tug_slab_pool_destroy(&pool);
    free(objects);
}

/* ---- Threads ---- */

enum { THREADS = 4, SLOTS = 3000, STEPS = 100000 };

struct shared {
    struct tug_slab_pool pool;
    struct object *slots[SLOTS]; /* allocated by any thread and freed by any other */
    uint32_t running;
};

struct worker {
    struct tug_thread thread;
    struct shared *shared;
    uint64_t seed;
    int wrong;
};

static struct object *make(struct worker *worker, struct tug_slab_cache *cache)
{
    struct object *object = tug_slab_alloc(&worker->shared->pool, cache);
    if (object == NULL || __atomic_load_n(&object->state, __ATOMIC_RELAXED) == LIVE) {
        worker->wrong++;
        return NULL;
    }
    for (int i = 0; i < 15; i++)
        object->filling[i] = (uintptr_t)object;
    __atomic_store_n(&object->state, LIVE, __ATOMIC_RELEASE);
    return object;
}

static void end(struct worker *worker, struct tug_slab_cache *cache, struct object *object)
{
    for (int i = 0; i < 15; i++)
        worker->wrong += object->filling[i] != (uintptr_t)object;
    object->filling[3] = 0;
    __atomic_store_n(&object->state, DEAD, __ATOMIC_RELEASE);
    tug_slab_free(&worker->shared->pool, cache, object);
}

static void allocate_and_free(void *argument)
{
    struct worker *worker = argument;
    struct shared *shared = worker->shared;
    struct tug_slab_cache cache = {.count = 0};
    for (int step = 0; step < STEPS; step++) {
        uint64_t random = next_random(&worker->seed);
        struct tug_slab_cache *used = random % 16 == 0 ? NULL : &cache;
        struct object *mine = random / 16 % 2 == 0 ? make(worker, used) : NULL;
        struct object *old =
            __atomic_exchange_n(&shared->slots[random / 32 % SLOTS], mine, __ATOMIC_ACQ_REL);
        if (old != NULL)
            end(worker, used, old);
    }
    tug_slab_cache_flush(&shared->pool, &cache);
    __atomic_fetch_sub(&shared->running, 1, __ATOMIC_RELEASE);
}

/* Everything at once: objects that change hands, slabs that come and go (nothing is retained), and
 * somebody who enumerates them meanwhile. */
static void test_threads_exchange_objects(void **state)
{
    (void)state;
    uint64_t seed = print_seed();
    static struct shared shared;
    struct worker workers[THREADS];
    assert_int_equal(tug_slab_pool_init(&shared.pool, sizeof(struct object), 0), 0);
    shared.running = THREADS;
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){.shared = &shared, .seed = next_random(&seed)};
        assert_int_equal(
            tug_thread_create(&workers[i].thread, NULL, 0, false, allocate_and_free, &workers[i]),
            0);
    }
    while (__atomic_load_n(&shared.running, __ATOMIC_ACQUIRE) > 0)
        assert_in_range(live(&shared.pool), 0, SLOTS + THREADS);
    for (int i = 0; i < THREADS; i++) {
        tug_thread_join(&workers[i].thread);
        assert_int_equal(workers[i].wrong, 0);
    }
    uint64_t expected = 0;
    for (int i = 0; i < SLOTS; i++)
        expected += shared.slots[i] != NULL;
    assert_int_equal(live(&shared.pool), expected);
    assert_int_equal(metrics_of(&shared.pool).used, expected);
    for (int i = 0; i < SLOTS; i++)
        if (shared.slots[i] != NULL)
            end(&workers[0], NULL, shared.slots[i]);
    assert_int_equal(metrics_of(&shared.pool).used, 0);
    assert_int_equal(metrics_of(&shared.pool).slabs, 0);
    tug_slab_pool_destroy(&shared.pool);
}

/* ---- Failures ---- */

#if TUG_FAULT_INJECTION

static void test_no_memory_is_reported(void **state)
{
    (void)state;
    struct tug_slab_pool pool;
    struct tug_slab_cache cache = {.count = 0};
    assert_int_equal(tug_slab_pool_init(&pool, 2048, 0), 0);
    tug_fault_reset();
    assert_int_equal(tug_fault_fail("mmap", 1, TUG_FAULT_ALWAYS, ENOMEM), 0);
    assert_null(tug_slab_alloc(&pool, NULL));
    assert_null(tug_slab_alloc(&pool, &cache));
    assert_int_equal(metrics_of(&pool).slabs, 0);
    tug_fault_reset();
    void *first = tug_slab_alloc(&pool, &cache);
    assert_non_null(first);
    assert_int_equal(tug_fault_fail("mmap", 1, TUG_FAULT_ALWAYS, ENOMEM), 0);
    uint64_t count = 1;
    while (tug_slab_alloc(&pool, &cache) != NULL)
        count++;
    assert_int_equal(metrics_of(&pool).used, count);
    assert_int_equal(metrics_of(&pool).free, 0);
    tug_slab_free(&pool, &cache, first);
    assert_ptr_equal(tug_slab_alloc(&pool, &cache), first);
    tug_slab_pool_destroy(&pool);
}

/* Advice is only that. */
static void test_refused_advice_does_no_harm(void **state)
{
    (void)state;
    struct tug_slab_pool pool;
    assert_int_equal(tug_slab_pool_init(&pool, 4096, 0), 0);
    tug_fault_reset();
    assert_int_equal(tug_fault_fail("madvise", 1, TUG_FAULT_ALWAYS, EINVAL), 0);
    for (int i = 0; i < 2000; i++)
        assert_non_null(tug_slab_alloc(&pool, NULL));
    tug_slab_pool_destroy(&pool);
}

/* The kernel may refuse to unmap: the slab stays in use and is unmapped later. */
static void test_refused_unmapping_keeps_the_slab(void **state)
{
    (void)state;
    struct tug_slab_pool pool;
    assert_int_equal(tug_slab_pool_init(&pool, 128, 0), 0);
    void *object = tug_slab_alloc(&pool, NULL);
    tug_fault_reset();
    assert_int_equal(tug_fault_fail("munmap", 1, TUG_FAULT_ALWAYS, ENOMEM), 0);
    for (int i = 0; i < 3; i++) {
        tug_slab_free(&pool, NULL, object);
        assert_int_equal(metrics_of(&pool).slabs, 1);
        assert_int_equal(metrics_of(&pool).used, 0);
        object = tug_slab_alloc(&pool, NULL);
        assert_non_null(object);
        memset(object, 1, 128);
    }
    tug_fault_reset();
    tug_slab_free(&pool, NULL, object);
    assert_int_equal(metrics_of(&pool).slabs, 0);
    tug_slab_pool_destroy(&pool);
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
        cmocka_unit_test(test_objects_are_apart),
        cmocka_unit_test(test_fresh_memory_is_zero),
        cmocka_unit_test(test_the_state_word_survives),
#if TUG_ASAN
        cmocka_unit_test(test_free_objects_are_poisoned),
#endif
        cmocka_unit_test(test_the_last_object_freed_is_the_next),
        cmocka_unit_test(test_enumeration_finds_what_is_live),
        cmocka_unit_test(test_memory_returns_after_a_million),
        cmocka_unit_test(test_survivors_of_a_peak_gather),
        cmocka_unit_test(test_threads_exchange_objects),
#if TUG_FAULT_INJECTION
        cmocka_unit_test_teardown(test_no_memory_is_reported, reset_faults),
        cmocka_unit_test_teardown(test_refused_advice_does_no_harm, reset_faults),
        cmocka_unit_test_teardown(test_refused_unmapping_keeps_the_slab, reset_faults),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
