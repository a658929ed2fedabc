/* SPDX-License-Identifier: MIT */
/* The text of the progress line, from numbers alone. */
#include "progress.h"

#include <stdio.h>
#include <string.h>

/* Against a file's bytes, what the file itself costs: a tree of small files is mostly that. */
#define BYTES_PER_FILE 65536.0

/* As "1.5 GiB", in at most 8 columns. */
static void format_size(char text[16], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)bytes;
    unsigned unit = 0;
    while (value >= 999.5 && unit < 6) {
        value /= 1024;
        unit++;
    }
    snprintf(text, 16, unit > 0 && value < 9.95 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

/* As "1:02:03" or "2:03". */
static void format_time(char text[32], double seconds)
{
    unsigned long whole = seconds < 1 ? 1 : seconds > 3599999 ? 3599999 : (unsigned long)seconds;
    if (whole >= 3600)
        snprintf(text, 32, "%lu:%02lu:%02lu", whole / 3600, whole / 60 % 60, whole % 60);
    else
        snprintf(text, 32, "%lu:%02lu", whole / 60, whole % 60);
}

static double work(uint64_t bytes, uint64_t files)
{
    return (double)bytes + (double)files * BYTES_PER_FILE;
}

void tug_cli_progress_format(char *line, size_t size, int columns,
                             const struct tug_cli_progress_state *state)
{
    const struct tug_copy_report *done = &state->done;
    int verifying = done->phase == TUG_COPY_PHASE_VERIFY;
    uint64_t bytes = verifying ? done->verified_bytes : done->bytes;
    uint64_t files = verifying ? done->verified_files : done->files;
    char bytes_text[16], total_text[16], rate_text[16], time_text[32];
    format_size(bytes_text, bytes);
    format_size(rate_text, state->rate);
    double share = 0;
    if (state->total_known && state->total.files > 0)
        share = work(bytes, files) / work(state->total.bytes, state->total.files);
    const char *verb = verifying ? "verified" : "copied";
    if (share > 0 && share <= 1) {
        format_size(total_text, state->total.bytes);
        format_time(time_text, (double)state->elapsed / 1e9 * (1 - share) / share);
        snprintf(line, size, "%s %llu of %llu files, %s of %s (%d%%), %s/s, ETA %s", verb,
                 (unsigned long long)files, (unsigned long long)state->total.files, bytes_text,
                 total_text, (int)(share * 100), rate_text, time_text);
    } else {
        snprintf(line, size, "%s %llu files, %s, %s/s", verb, (unsigned long long)files, bytes_text,
                 rate_text);
    }
    /* All is ASCII. The last column stays free: terminals differ in what they do there. */
    if (columns > 1 && strlen(line) >= (size_t)columns)
        line[columns - 1] = '\0';
}
