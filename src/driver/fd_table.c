/* SPDX-License-Identifier: MIT */
/*
 * Two levels: a directory that grows by doubling, and pages of slots that stay where they are.
 */
#include "driver/fd_table.h"

#include <string.h>

#include "sys/call.h"

void tug_fd_table_free(struct tug_fd_table *table)
{
    for (size_t page = 0; page < table->page_count; page++)
        tug_sys_free(table->pages[page]);
    tug_sys_free(table->pages);
    *table = (struct tug_fd_table){0};
}

/* Makes the directory at least `count` long. */
static bool grow(struct tug_fd_table *table, size_t count)
{
    if (count < table->page_count * 2)
        count = table->page_count * 2;
    struct tug_fd_page **pages = tug_sys_realloc(table->pages, count * sizeof(*pages));
    if (pages == NULL)
        return false;
    memset(pages + table->page_count, 0, (count - table->page_count) * sizeof(*pages));
    table->pages = pages;
    table->page_count = count;
    return true;
}

struct tug_fd_slot *tug_fd_table_get(struct tug_fd_table *table, int fd)
{
    size_t page = (size_t)fd / TUG_FD_PAGE_SLOTS;
    if (page >= table->page_count && !grow(table, page + 1))
        return NULL;
    if (table->pages[page] == NULL) {
        struct tug_fd_page *slots = tug_sys_calloc(1, sizeof(*slots));
        if (slots == NULL)
            return NULL;
        for (size_t slot = 0; slot < TUG_FD_PAGE_SLOTS; slot++)
            tug_op_list_init(&slots->slots[slot].ops);
        table->pages[page] = slots;
    }
    return tug_fd_table_find(table, fd);
}
