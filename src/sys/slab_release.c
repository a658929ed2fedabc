/* SPDX-License-Identifier: MIT */
/*
 * Giving the memory of slabs back to the system.
 *
 * A slab that is entirely free is unmapped. But a few live objects, or objects in caches, can keep
 * many slabs from becoming that. So memory is also given back by the chunk, of 512 objects that are
 * all free: when the chunks that are free and still resident hold more objects than `retain` and
 * two slabs' worth. Not earlier, since it is much cheaper to unmap a slab whole, above all one that
 * is a huge page. While that goes on, without the lock, the objects of the chunk are marked as
 * used.
 */
#include <string.h>
#include <sys/mman.h>

#include "sys/call.h"
#include "sys/slab_header.h"

void tug_slab_retire(struct tug_slab_pool *pool, struct tug_slab *slab, struct tug_list *unused)
{
    if (slab->free < pool->capacity || pool->free - pool->capacity < pool->retain)
        return;
    tug_list_remove(&slab->available);
    tug_list_remove(&slab->all);
    tug_list_push_back(unused, &slab->all);
    pool->slab_count--;
    pool->free -= pool->capacity;
    pool->ready -= (unsigned)__builtin_popcountll(slab->ready);
}

void tug_slab_unmap(struct tug_slab_pool *pool, struct tug_list *slabs)
{
    struct tug_list_node *node;
    while ((node = tug_list_pop_front(slabs)) != NULL) {
        struct tug_slab *slab = TUG_CONTAINER_OF(node, struct tug_slab, all);
        tug_memory_unpoison(slab, TUG_SLAB_SIZE);
        if (tug_sys_munmap(slab, TUG_SLAB_SIZE) == 0)
            continue;
        tug_sys_mutex_lock(&pool->mutex);
        tug_list_push_back(&pool->slabs, &slab->all);
        tug_slab_make_available(pool, slab);
        pool->slab_count++;
        pool->free += pool->capacity;
        pool->ready += (unsigned)__builtin_popcountll(slab->ready);
        tug_sys_mutex_unlock(&pool->mutex);
    }
}

/* Marks all objects of some chunks as free or as used. */
static void mark_chunks(struct tug_slab_pool *pool, struct tug_slab *slab, uint64_t chunks,
                        bool free)
{
    uint32_t objects = (uint32_t)__builtin_popcountll(chunks) * TUG_SLAB_CHUNK;
    for (; chunks != 0; chunks &= chunks - 1) {
        uint32_t word = (uint32_t)__builtin_ctzll(chunks) * TUG_SLAB_CHUNK_WORDS;
        memset(&slab->map[word], free ? 0xff : 0, TUG_SLAB_CHUNK_WORDS * sizeof *slab->map);
        if (free && word < slab->hint)
            slab->hint = word;
    }
    slab->free += free ? objects : -objects;
    pool->free += free ? objects : -(uint64_t)objects;
}

/* Takes the chunks that are free and resident from the newest slab that has any, as if they were
 * used, so that nobody else does. */
static struct tug_slab *claim_chunks(struct tug_slab_pool *pool, uint64_t *chunks)
{
    struct tug_list_node *node = pool->available.head.prev;
    while (TUG_CONTAINER_OF(node, struct tug_slab, available)->ready == 0)
        node = node->prev;
    struct tug_slab *slab = TUG_CONTAINER_OF(node, struct tug_slab, available);
    *chunks = slab->ready;
    slab->ready = 0;
    pool->ready -= (unsigned)__builtin_popcountll(*chunks);
    mark_chunks(pool, slab, *chunks, false);
    if (slab->free == 0)
        tug_list_remove(&slab->available);
    return slab;
}

/* Gives back the pages that lie entirely within claimed chunks, with one call for each row. In the
 * background, the kernel would fill the gaps again to make a huge page: it is told not to. */
static void release_chunks(const struct tug_slab_pool *pool, struct tug_slab *slab, uint64_t chunks)
{
    uintptr_t mask = pool->page_size - 1;
    (void)tug_sys_madvise(slab, TUG_SLAB_SIZE, MADV_NOHUGEPAGE);
    for (uint64_t left = chunks; left != 0;) {
        unsigned first = (unsigned)__builtin_ctzll(left), end = first;
        for (; end < 64 && (left >> end & 1) != 0; end++)
            left &= ~(UINT64_C(1) << end);
        uintptr_t from =
            ((uintptr_t)tug_slab_object(pool, slab, (size_t)first * TUG_SLAB_CHUNK) + mask) & ~mask;
        uintptr_t to = (uintptr_t)tug_slab_object(pool, slab, (size_t)end * TUG_SLAB_CHUNK) & ~mask;
        if (from < to)
            (void)tug_sys_madvise((void *)from, to - from, MADV_DONTNEED);
    }
}

void tug_slab_release_surplus(struct tug_slab_pool *pool)
{
    struct tug_list unused;
    uint64_t chunks;
    tug_list_init(&unused);
    tug_sys_mutex_lock(&pool->mutex);
    while (tug_slab_has_surplus(pool)) {
        struct tug_slab *slab = claim_chunks(pool, &chunks);
        tug_sys_mutex_unlock(&pool->mutex);
        release_chunks(pool, slab, chunks);
        tug_sys_mutex_lock(&pool->mutex);
        if (slab->free == 0)
            tug_slab_make_available(pool, slab);
        mark_chunks(pool, slab, chunks, true);
        slab->cold |= chunks;
        tug_slab_retire(pool, slab, &unused);
    }
    tug_sys_mutex_unlock(&pool->mutex);
    tug_slab_unmap(pool, &unused);
}
