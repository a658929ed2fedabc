/* SPDX-License-Identifier: MIT */
/*
 * `tug bench`: what the files of this command share.
 *
 * The process that was started only coordinates: all work is done by child processes, one at a
 * time, so that each has its own time, processor time and peak of memory, and so that Ctrl-C can
 * end it at any moment. It starts no thread and no runtime, which makes fork(2) safe, and stays
 * small, since the peak of a child counts from what it was forked with.
 */
#ifndef TUG_CLI_BENCH_H
#define TUG_CLI_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* In the order in which they are measured: what deletes files comes last, because some file systems
 * are slow at creating files for a while after many were deleted. */
enum tug_bench_operation {
    TUG_BENCH_COPY_FILES,
    TUG_BENCH_COPY_DEEP,
    TUG_BENCH_COPY_MANY,
    TUG_BENCH_COPY_LARGE,
    TUG_BENCH_WALK,
    TUG_BENCH_READS,
    TUG_BENCH_MOVE_WITHIN,
    TUG_BENCH_MOVE_ACROSS,
    TUG_BENCH_DELETE,
    TUG_BENCH_OPERATIONS
};

enum tug_bench_cache { TUG_BENCH_WARM, TUG_BENCH_COLD, TUG_BENCH_CACHES };

#define TUG_BENCH_MAX_ROUNDS 99

struct tug_bench_options {
    const char *directory;
    const char *other; /* on another file system; NULL: nothing is moved across */
    /* Where the report goes, NULL: standard output; the JSON and the plots, NULL: nowhere. */
    const char *output, *json, *plots;
    double scale; /* of the number of files */
    uint64_t large;
    unsigned rounds;
    bool list; /* the programs that there are, instead of measuring */
    bool caches[TUG_BENCH_CACHES];
    bool operations[TUG_BENCH_OPERATIONS];
};

/* How much there is of everything, from the options. */
struct tug_bench_sizes {
    unsigned flat_files;              /* of 16 KiB, in one directory */
    unsigned chains, levels;          /* the deep tree: so many chains of directories... */
    unsigned deep_files;              /* ...with so many files of 2 KiB in each directory */
    unsigned directories, many_files; /* the tree of small files: so many, of 1 to 8 KiB, in each */
    unsigned reads;                   /* of 4 KiB */
    uint64_t large;
};

/* Programs that are compared, columns of the report. The first two are always there. */
#define TUG_BENCH_SEQUENTIAL 0
#define TUG_BENCH_TUG 1
#define TUG_BENCH_PROGRAMS 11

/* One operation done by one program, in all rounds so far. */
struct tug_bench_cell {
    unsigned count;
    double seconds[TUG_BENCH_MAX_ROUNDS];
    double user[TUG_BENCH_MAX_ROUNDS], system[TUG_BENCH_MAX_ROUNDS];
    uint64_t peak;     /* bytes, of the round that needed most */
    char failure[256]; /* empty: it has not failed; else the cell has no samples */
};

/* What tug chose for a copy, in the words of its events and the figures of its report. */
struct tug_bench_choice {
    uint64_t files, bytes; /* 0 files: nothing to tell */
    unsigned jobs_wanted, jobs_most;
    unsigned way_count; /* the first are kept */
    struct tug_bench_way {
        char method[64], reason[64];
        uint64_t files, bytes;
    } ways[8];
};

struct tug_bench_results {
    struct tug_bench_cell cells[TUG_BENCH_CACHES][TUG_BENCH_OPERATIONS][TUG_BENCH_PROGRAMS];
    struct tug_bench_choice choices[TUG_BENCH_OPERATIONS];
};

#endif
