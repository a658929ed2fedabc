/* SPDX-License-Identifier: MIT */
/* One more copy, untimed, by the library in the process, whose report says how the data went over.
 */
#include "bench_choice.h"

#include <stdio.h>
#include <string.h>

#include <tug/copy.h>

#include "bench_format.h"
#include "in_runtime.h"

struct request {
    const char *from, *to;
    struct tug_copy_report *report;
};

static int64_t copy(void *argument)
{
    const struct request *request = argument;
    struct tug_copy_options options;
    tug_copy_options_init(&options);
    options.recursive = true;
    options.target = TUG_COPY_TARGET_EXACT;
    return tug_copy(&options, &request->from, 1, request->to, request->report);
}

int tug_cli_bench_choice_copy(const char *from, const char *to, struct tug_copy_report *report)
{
    struct request request = {.from = from, .to = to, .report = report};
    return (int)tug_cli_in_runtime(copy, &request, 0);
}

void tug_cli_bench_choice_format(char *text, size_t size, const struct tug_copy_report *report)
{
    char count[32], files[48], bytes[32], cloned[32], offloaded[32];
    tug_cli_bench_format_count(count, report->files);
    snprintf(files, sizeof(files), "%s file%s", count, report->files == 1 ? "" : "s");
    tug_cli_bench_format_size(bytes, report->bytes);
    tug_cli_bench_format_count(cloned, report->cloned_files);
    tug_cli_bench_format_size(offloaded, report->offloaded_bytes);
    if (report->files > 0 && report->cloned_files == report->files)
        snprintf(text, size, "%s, %s: all share the blocks of their sources (FICLONE)", files,
                 bytes);
    else if (report->cloned_files == 0 && report->offloaded_bytes == 0)
        snprintf(text, size, "%s, %s: all by read and write", files, bytes);
    else if (report->cloned_files == 0 && report->offloaded_bytes == report->bytes)
        snprintf(text, size, "%s, %s: all by copy_file_range", files, bytes);
    else
        snprintf(text, size,
                 "%s, %s: %s files share the blocks of their sources (FICLONE),"
                 " %s by copy_file_range, the rest by read and write",
                 files, bytes, cloned, offloaded);
}
