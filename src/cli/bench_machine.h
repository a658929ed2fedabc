/* SPDX-License-Identifier: MIT */
/* What the figures depend on and a reader must know. Neither host names nor paths are among it, so
 * that a report can be shown to others. */
#ifndef TUG_CLI_BENCH_MACHINE_H
#define TUG_CLI_BENCH_MACHINE_H

#include <stdint.h>

struct tug_bench_volume {
    char type[32], options[256]; /* of the mount; those options that hold a path are left out */
    uint64_t device;             /* st_dev, different for two file systems */
    uint64_t size, free;         /* bytes; free: for who runs this */
    uint64_t free_inodes;        /* UINT64_MAX: the file system does not count them */
};

struct tug_bench_machine {
    char kernel[136], processor[128], date[16]; /* date as 2026-01-31, UTC */
    unsigned processors;                        /* usable */
    uint64_t memory;                            /* bytes; 0: not known */
};

void tug_cli_bench_machine(struct tug_bench_machine *machine);

/* Looks at the file system that holds a directory. Returns 0 or a negative errno. */
int tug_cli_bench_volume(struct tug_bench_volume *volume, const char *directory);

#endif
