/* SPDX-License-Identifier: MIT */
/* A file of path names, each ended by a zero byte, read piece by piece: however long it is, little
 * of it is in memory. */
#ifndef TUG_CLI_RM_LIST_H
#define TUG_CLI_RM_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tug_cli_rm_list {
    int fd;
    bool ended;
    char *buffer;
    size_t capacity, length; /* bytes; of what was read */
    size_t given;            /* bytes at the beginning that the last call gave out */
};

/* "-" is standard input. Returns 0 or a negative errno. */
int tug_cli_rm_list_open(struct tug_cli_rm_list *list, const char *path);
void tug_cli_rm_list_close(struct tug_cli_rm_list *list);

/* The next names, valid until the next call. Returns their size in bytes, the last zero byte
 * included; 0 at the end; a negative errno. A coroutine that calls this suspends. */
int64_t tug_cli_rm_list_next(struct tug_cli_rm_list *list, const char **names);

#endif
