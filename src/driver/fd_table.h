/* SPDX-License-Identifier: MIT */
/*
 * The descriptors that ops wait for in one epoll driver, by number: per descriptor a list of ops,
 * first come, first served. A slot never moves while the table lives, so lists may point into it.
 */
#ifndef TUG_DRIVER_FD_TABLE_H
#define TUG_DRIVER_FD_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "driver/op_flight.h"

/* Whether a receive that does not fill its buffer has taken all that there was: of a stream, but
 * not of a socket with messages. Asked once per registration. */
enum tug_fd_type { TUG_FD_TYPE_UNKNOWN, TUG_FD_STREAM, TUG_FD_NO_STREAM };

struct tug_fd_slot {
    struct tug_op_list ops;
    /* The epoll instance was told of this descriptor once, and may have forgotten it since: it does
     * when the file is closed. */
    bool registered;
    /* A receive took all that there was, so the next one need not be tried before it waits. */
    bool drained;
    uint8_t type; /* enum tug_fd_type */
};

#define TUG_FD_PAGE_SLOTS 64

struct tug_fd_page {
    struct tug_fd_slot slots[TUG_FD_PAGE_SLOTS];
};

struct tug_fd_table {
    struct tug_fd_page **pages;
    size_t page_count;
};

void tug_fd_table_free(struct tug_fd_table *table);

/* The slot of a descriptor, made if there is none. NULL: no memory. */
struct tug_fd_slot *tug_fd_table_get(struct tug_fd_table *table, int fd);

/* The slot of a descriptor, or NULL if there is none. */
static inline struct tug_fd_slot *tug_fd_table_find(const struct tug_fd_table *table, int fd)
{
    size_t page = (size_t)fd / TUG_FD_PAGE_SLOTS;
    if (fd < 0 || page >= table->page_count || table->pages[page] == NULL)
        return NULL;
    return &table->pages[page]->slots[fd % TUG_FD_PAGE_SLOTS];
}

#endif
