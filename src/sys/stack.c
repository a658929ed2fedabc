/* SPDX-License-Identifier: MIT */
/*
 * The pool of stacks, upper half: the exchange between the caches of workers, the hot stacks, and
 * the free ones in their slabs. See stack.h for the picture.
 *
 * Stacks that are hot or in a cache are used as far as their slab is concerned.
 */
#include "sys/stack.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "sys/call.h"
#include "sys/sanitizer.h"
#include "sys/stack_slab.h"

enum {
    BATCH = TUG_STACK_BATCH,
    RELEASE_BATCH = TUG_STACK_RELEASE_BATCH,
};

/* Changed under the lock, read without. */
static void set_hot_count(struct tug_stack_pool *pool, unsigned count)
{
    __atomic_store_n(&pool->hot_count, count, __ATOMIC_RELAXED);
}

/* Takes up to `count` of the oldest hot stacks. */
static unsigned evict(struct tug_stack_pool *pool, void **tops, unsigned count)
{
    if (count > pool->hot_count)
        count = pool->hot_count;
    if (count == 0)
        return 0;
    set_hot_count(pool, pool->hot_count - count);
    memcpy(tops, pool->hot, count * sizeof *tops);
    memmove(pool->hot, pool->hot + count, pool->hot_count * sizeof *tops);
    return count;
}

/* Takes back up to BATCH stacks: as hot ones if there is room; if not, older ones make room. */
static void give(struct tug_stack_pool *pool, void **tops, unsigned count)
{
    void *victims[TUG_STACK_RELEASE_MAX];
    unsigned victim_count = 0;
    tug_sys_mutex_lock(&pool->mutex);
    if (count > pool->hot_limit - pool->hot_count)
        victim_count = evict(pool, victims, RELEASE_BATCH);
    if (count <= pool->hot_limit - pool->hot_count) {
        memcpy(pool->hot + pool->hot_count, tops, count * sizeof *tops);
        set_hot_count(pool, pool->hot_count + count);
    } else {
        memcpy(victims + victim_count, tops, count * sizeof *tops);
        victim_count += count;
    }
    tug_sys_mutex_unlock(&pool->mutex);
    if (victim_count > 0)
        tug_stack_release(pool, victims, victim_count);
}

/* ---- The interface ---- */

int tug_stack_pool_init(struct tug_stack_pool *pool, size_t stack_size, unsigned hot_limit,
                        unsigned flags)
{
    if (stack_size == 0)
        stack_size = TUG_STACK_SIZE_DEFAULT;
    if (stack_size < TUG_STACK_SIZE_MIN || stack_size > TUG_STACK_SIZE_MAX)
        return -EINVAL;
    *pool = (struct tug_stack_pool){.hot_limit = hot_limit, .flags = flags};
    pool->page_size = (size_t)sysconf(_SC_PAGESIZE);
    pool->stack_size = 2 * pool->page_size;
    while (pool->stack_size < stack_size)
        pool->stack_size *= 2;
    /* Valgrind reads what it believes to be a stack, and knows of guards only if they are mappings.
     */
    if (tug_valgrind_is_running())
        pool->guard_kind = TUG_STACK_GUARD_MAPPED;
    tug_sys_mutex_init(&pool->mutex);
    tug_list_init(&pool->available);
    if (hot_limit > 0) {
        pool->hot = tug_sys_malloc(hot_limit * sizeof *pool->hot);
        if (pool->hot == NULL)
            return -ENOMEM;
    }
    return 0;
}

void tug_stack_pool_destroy(struct tug_stack_pool *pool)
{
    tug_stack_unmap_all(pool);
    tug_sys_free(pool->hot);
    pool->hot = NULL;
}

void *tug_stack_pool_get_slow(struct tug_stack_pool *pool, struct tug_stack_cache *cache)
{
    struct tug_stack_batch batch = {.count = 0};
    int error = 0;
    unsigned want = cache != NULL ? BATCH : 1;
    tug_sys_mutex_lock(&pool->mutex);
    if (pool->hot_count > 0) {
        batch.count = want < pool->hot_count ? want : pool->hot_count;
        set_hot_count(pool, pool->hot_count - batch.count);
        if (pool->hot_count < pool->hot_minimum)
            pool->hot_minimum = pool->hot_count;
        memcpy(batch.tops, pool->hot + pool->hot_count, batch.count * sizeof *batch.tops);
    } else {
        /* A program with few coroutines should not pay for the guards of a whole batch. */
        uint64_t used = pool->stacks - pool->free;
        if (want > 1 + used / 2)
            want = 1 + (unsigned)(used / 2);
        error = tug_stack_take_free(pool, want, &batch);
    }
    tug_sys_mutex_unlock(&pool->mutex);
    if (error == 0 && batch.unguarded != 0)
        tug_stack_install_guards(pool, &batch);
    if (batch.count == 0)
        return NULL;
    unsigned rest = batch.count - 1;
    if (cache != NULL && rest > 0) {
        memcpy(cache->tops, batch.tops, rest * sizeof *batch.tops);
        __atomic_store_n(&cache->count, rest, __ATOMIC_RELAXED);
    }
    return batch.tops[rest];
}

void tug_stack_pool_put_slow(struct tug_stack_pool *pool, struct tug_stack_cache *cache, void *top)
{
    if (cache == NULL) {
        give(pool, &top, 1);
        return;
    }
    void *oldest[BATCH];
    memcpy(oldest, cache->tops, sizeof oldest);
    memmove(cache->tops, cache->tops + BATCH, sizeof oldest);
    cache->tops[TUG_STACK_CACHE_SIZE - BATCH] = top;
    __atomic_store_n(&cache->count, TUG_STACK_CACHE_SIZE - BATCH + 1, __ATOMIC_RELAXED);
    give(pool, oldest, BATCH);
}

void tug_stack_cache_flush(struct tug_stack_pool *pool, struct tug_stack_cache *cache)
{
    uint32_t count = cache->count;
    __atomic_store_n(&cache->count, 0, __ATOMIC_RELAXED);
    for (uint32_t done = 0, part; done < count; done += part) {
        part = count - done < BATCH ? count - done : BATCH;
        give(pool, cache->tops + done, part);
    }
}

/* Gives back up to `excess` of the oldest hot stacks, in batches. */
static void release_hot(struct tug_stack_pool *pool, unsigned excess)
{
    void *tops[RELEASE_BATCH];
    for (unsigned count; excess > 0; excess -= count) {
        tug_sys_mutex_lock(&pool->mutex);
        count = evict(pool, tops, excess < RELEASE_BATCH ? excess : RELEASE_BATCH);
        tug_sys_mutex_unlock(&pool->mutex);
        if (count == 0)
            return;
        tug_stack_release(pool, tops, count);
    }
}

void tug_stack_pool_trim(struct tug_stack_pool *pool)
{
    release_hot(pool, UINT_MAX);
}

void tug_stack_pool_decay(struct tug_stack_pool *pool)
{
    tug_sys_mutex_lock(&pool->mutex);
    /* So many have lain idle all the time. */
    unsigned excess = pool->hot_minimum;
    if (excess > pool->hot_count)
        excess = pool->hot_count;
    unsigned above =
        pool->hot_count > TUG_STACK_HOT_FLOOR ? pool->hot_count - TUG_STACK_HOT_FLOOR : 0;
    if (excess > above)
        excess = above;
    pool->hot_minimum = pool->hot_count - excess;
    tug_sys_mutex_unlock(&pool->mutex);
    release_hot(pool, excess);
}

void tug_stack_pool_metrics(struct tug_stack_pool *pool, struct tug_stack_metrics *metrics)
{
    tug_sys_mutex_lock(&pool->mutex);
    metrics->slabs = pool->slab_count;
    metrics->stacks = pool->stacks;
    metrics->bytes_mapped = pool->stacks * pool->stack_size;
    metrics->hot = pool->hot_count;
    metrics->free = pool->free;
    metrics->used = pool->stacks - pool->free - pool->hot_count;
    metrics->unguarded = pool->unguarded;
    tug_sys_mutex_unlock(&pool->mutex);
}

/* ---- High-water marks ---- */

#define PATTERN UINT64_C(0x7475677374616b21)

void tug_stack_paint(void *low, void *top)
{
    tug_valgrind_make_defined(low, (size_t)((char *)top - (char *)low));
    for (uint64_t *word = low; word < (uint64_t *)top; word++)
        *word = PATTERN;
}

size_t tug_stack_depth(const void *low, const void *top)
{
    tug_valgrind_make_defined(low, (size_t)((const char *)top - (const char *)low));
    const uint64_t *word = low;
    while (word < (const uint64_t *)top && *word == PATTERN)
        word++;
    return (size_t)((const char *)top - (const char *)word);
}
