/* SPDX-License-Identifier: MIT */
/*
 * One more copy, untimed, by the library in the process, whose events say how and why each file
 * went over so. Files that went over in the same way for the same reason are told of together.
 */
#include "bench_choice.h"

#include <string.h>

#include <tug/copy.h>

#include "bench_format.h"
#include "in_runtime.h"

struct request {
    const char *from, *to;
    struct tug_bench_choice *choice;
};

/* The way with this method and reason, a new one if need be. NULL: there are too many. */
static struct tug_bench_way *find_way(struct tug_bench_choice *choice,
                                      const struct tug_copy_event *event)
{
    for (unsigned i = 0; i < choice->way_count; i++)
        if (strcmp(choice->ways[i].method, event->method) == 0 &&
            strcmp(choice->ways[i].reason, event->reason) == 0)
            return &choice->ways[i];
    if (choice->way_count == sizeof(choice->ways) / sizeof(choice->ways[0]))
        return NULL;
    struct tug_bench_way *way = &choice->ways[choice->way_count++];
    snprintf(way->method, sizeof(way->method), "%s", event->method);
    snprintf(way->reason, sizeof(way->reason), "%s", event->reason);
    return way;
}

static void keep_event(const struct tug_copy_event *event, void *argument)
{
    struct request *request = argument;
    struct tug_bench_way *way = find_way(request->choice, event);
    if (way == NULL)
        return;
    way->files++;
    way->bytes += event->bytes;
}

static int64_t copy(void *argument)
{
    struct request *request = argument;
    struct tug_copy_options options;
    struct tug_copy_report report;
    tug_copy_options_init(&options);
    options.recursive = true;
    options.target = TUG_COPY_TARGET_EXACT;
    options.event = keep_event;
    options.argument = request;
    options.events = TUG_COPY_EXPLAINED;
    int64_t result = tug_copy(&options, &request->from, 1, request->to, &report);
    request->choice->files = report.files;
    request->choice->bytes = report.bytes;
    request->choice->jobs_wanted = report.jobs_wanted;
    request->choice->jobs_most = report.jobs_most;
    return result;
}

int tug_cli_bench_choice_copy(const char *from, const char *to, struct tug_bench_choice *choice)
{
    struct request request = {.from = from, .to = to, .choice = choice};
    memset(choice, 0, sizeof(*choice));
    return (int)tug_cli_in_runtime(copy, &request, 0);
}

/* ---- Telling ---- */

static void write_files(FILE *file, uint64_t files, uint64_t bytes)
{
    char count[32], size[32];
    tug_cli_bench_format_count(count, files);
    tug_cli_bench_format_size(size, bytes);
    fprintf(file, "%s file%s, %s", count, files == 1 ? "" : "s", size);
}

void tug_cli_bench_choice_write(FILE *file, const struct tug_bench_choice *choice)
{
    write_files(file, choice->files, choice->bytes);
    const char *before = ": ";
    for (unsigned i = 0; i < choice->way_count; i++) {
        const struct tug_bench_way *way = &choice->ways[i];
        fputs(before, file);
        if (way->files < choice->files) {
            write_files(file, way->files, way->bytes);
            fputs(" ", file);
        } else if (choice->files > 1) {
            fputs("each ", file);
        }
        fprintf(file, "%s, because %s", way->method, way->reason);
        before = "; ";
    }
    fprintf(file, "; %u job%s at once at most, %u wanted in the end", choice->jobs_most,
            choice->jobs_most == 1 ? "" : "s", choice->jobs_wanted);
}

void tug_cli_bench_choice_write_json(FILE *file, const struct tug_bench_choice *choice)
{
    fprintf(file, "{\"files\": %llu, \"bytes\": %llu, \"jobs_most\": %u, \"jobs_wanted\": %u,",
            (unsigned long long)choice->files, (unsigned long long)choice->bytes, choice->jobs_most,
            choice->jobs_wanted);
    fputs(" \"ways\": [", file);
    for (unsigned i = 0; i < choice->way_count; i++) {
        const struct tug_bench_way *way = &choice->ways[i];
        fputs(i > 0 ? ", {\"method\": " : "{\"method\": ", file);
        tug_cli_bench_print_json_string(file, way->method);
        fputs(", \"reason\": ", file);
        tug_cli_bench_print_json_string(file, way->reason);
        fprintf(file, ", \"files\": %llu, \"bytes\": %llu}", (unsigned long long)way->files,
                (unsigned long long)way->bytes);
    }
    fputs("]}", file);
}
