/* SPDX-License-Identifier: MIT */
/*
 * Which ops go to the ring: those that the table wants there and the kernel knows. Asked once per
 * process; for measurements the environment changes the table's wish:
 *
 *     TUG_ROUTE=statx:pool,read:uring
 *
 * Names are those of the table; what does not make sense is ignored.
 *
 * Invariant: tug_uring_native is written before `known` is set (release), by threads that write the
 * same.
 */
#include "driver/uring.h"

#include <stdlib.h>
#include <string.h>

bool tug_uring_native[TUG_OP_CODE_COUNT];
bool tug_uring_proven[TUG_OP_CODE_COUNT];

static bool known;

#define PROBED_OPCODES 256

/* Whether `text` begins with `word` and then `end` or, if that is ',', its own end. */
static bool has_word(const char *text, const char *word, char end)
{
    size_t length = strlen(word);
    return strncmp(text, word, length) == 0 &&
           (text[length] == end || (end == ',' && text[length] == '\0'));
}

/* Whether the table, or the environment in its place, wants the op in the ring. */
static bool is_wanted(const struct tug_op_row *row, const char *routes)
{
    bool wanted = row->ring;
    while (routes != NULL) {
        if (has_word(routes, row->name, ':')) {
            const char *route = routes + strlen(row->name) + 1;
            if (has_word(route, "pool", ','))
                wanted = false;
            else if (has_word(route, "uring", ','))
                wanted = row->fill != NULL;
        }
        const char *comma = strchr(routes, ',');
        routes = comma != NULL ? comma + 1 : NULL;
    }
    return wanted;
}

int tug_uring_learn_routes(struct io_uring *ring)
{
    if (__atomic_load_n(&known, __ATOMIC_ACQUIRE))
        return 0;
    union {
        struct io_uring_probe probe;
        char space[sizeof(struct io_uring_probe) +
                   PROBED_OPCODES * sizeof(struct io_uring_probe_op)];
    } answer;
    memset(&answer, 0, sizeof(answer));
    int error = tug_ring_register_probe(ring, &answer.probe, PROBED_OPCODES);
    if (error < 0)
        return error;
    const char *routes = getenv("TUG_ROUTE");
    for (unsigned code = 0; code < TUG_OP_CODE_COUNT; code++) {
        const struct tug_op_row *row = &tug_op_table[code];
        bool is_native =
            is_wanted(row, routes) && io_uring_opcode_supported(&answer.probe, row->ring_opcode);
        __atomic_store_n(&tug_uring_native[code], is_native, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&known, true, __ATOMIC_RELEASE);
    return 0;
}
