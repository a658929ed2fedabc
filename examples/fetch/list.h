/* SPDX-License-Identifier: MIT */
/*
 * What is to be fetched: URLs of the command line and of a file, each with the name of the file
 * that it is to become.
 */
#ifndef FETCH_LIST_H
#define FETCH_LIST_H

#include <stddef.h>

#include "download.h"

struct list {
    struct download *downloads;
    size_t count, capacity;
};

/* Adds a URL. Its file is named after the last part of its path, index.html if there is none.
 * Returns 0; -ENOMEM; -EINVAL: that is no name of a file. */
int list_add(struct list *list, const char *url);

/* Adds the URLs of a file, one a line; lines that are empty or begin with '#' are passed over.
 * Blocks. Returns as list_add(), or why the file cannot be read. */
int list_add_file(struct list *list, const char *path);

/* Returns a name that two URLs have, or NULL. */
const char *list_find_clash(const struct list *list);

void list_free(struct list *list);

#endif
