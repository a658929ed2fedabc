/* SPDX-License-Identifier: MIT */
/*
 * `tug bench --list`: which programs would take part, where they are, and which were looked for in
 * vain. A program with a file for each operation has a line for each file.
 */
#include "bench_list.h"

#include <stdio.h>
#include <string.h>

#include "bench_program.h"

static void list_file(const struct tug_bench_programs *programs, unsigned program,
                      unsigned operation, const char *file)
{
    char asked[32];
    const char *version = programs->versions[program];
    tug_cli_bench_program_file(asked, sizeof(asked), program, programs->version_of[program]);
    if (!programs->available[program][operation])
        printf("%-12s not installed\n", file);
    else if (version[0] == '\0' || strcmp(file, asked) != 0)
        printf("%-12s %s\n", file, programs->paths[program][operation]);
    else
        printf("%-12s %s (%s)\n", file, programs->paths[program][operation], version);
}

static void list_files(const struct tug_bench_programs *programs, unsigned program)
{
    char file[32], last[32] = "";
    for (unsigned i = 0; i < TUG_BENCH_OPERATIONS; i++) {
        tug_cli_bench_program_file(file, sizeof(file), program, i);
        if (file[0] == '\0' || strcmp(file, last) == 0)
            continue;
        snprintf(last, sizeof(last), "%s", file);
        list_file(programs, program, i, file);
    }
}

void tug_cli_bench_list(const struct tug_bench_programs *programs)
{
    printf("%-12s plain system calls, one at a time\n",
           tug_cli_bench_program_name(TUG_BENCH_SEQUENTIAL));
    printf("%-12s this command (%s)\n", tug_cli_bench_program_name(TUG_BENCH_TUG),
           programs->versions[TUG_BENCH_TUG]);
    for (unsigned i = TUG_BENCH_TUG + 1; i < TUG_BENCH_PROGRAMS; i++)
        list_files(programs, i);
}
