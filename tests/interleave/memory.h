/* SPDX-License-Identifier: MIT */
/*
 * Memory that the source under test allocates in a model. Included after "instrument.h" and before
 * the source. A piece is not used again within a run, so whoever touches it after it was freed is
 * found, and so is who frees it twice; pieces that are left over, by the model's check.
 */
#ifndef TUG_TESTS_INTERLEAVE_MEMORY_H
#define TUG_TESTS_INTERLEAVE_MEMORY_H

#include <string.h>

#include "interleave.h"

#include "sys/call.h"

enum { PIECES = 8, PIECE_SIZE = 16384 };

static struct {
    unsigned char pieces[PIECES][PIECE_SIZE] __attribute__((aligned(64)));
    size_t sizes[PIECES];
    int used, freed;
} memory;

/* Before each run. */
static inline void memory_begin(void)
{
    memory.used = memory.freed = 0;
}

/* After each run. */
static inline void memory_end(void)
{
    INTERLEAVE_CHECK(memory.freed == memory.used);
}

static inline void *memory_allocate(size_t size)
{
    if (memory.used == PIECES || size > PIECE_SIZE)
        interleave_fail("the model has too little memory");
    memory.sizes[memory.used] = size;
    return memory.pieces[memory.used++];
}

static inline void memory_free(void *piece)
{
    if (piece == NULL)
        return;
    size_t number = (size_t)((unsigned char *)piece - memory.pieces[0]) / PIECE_SIZE;
    interleave_give_up(piece, memory.sizes[number]);
    memory.freed++;
}

#define tug_sys_malloc(size) memory_allocate(size)
#define tug_sys_aligned_alloc(alignment, size) memory_allocate(size)
#define tug_sys_free(piece) memory_free(piece)

#endif
