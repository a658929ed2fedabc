/* SPDX-License-Identifier: MIT */
#include "bench_statistics.h"

#include <stdlib.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double tug_cli_bench_median(const double *samples, unsigned count)
{
    double sorted[TUG_BENCH_MAX_ROUNDS];
    memcpy(sorted, samples, count * sizeof(*samples));
    qsort(sorted, count, sizeof(*sorted), compare);
    return count % 2 != 0 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

double tug_cli_bench_minimum(const double *samples, unsigned count)
{
    double least = samples[0];
    for (unsigned i = 1; i < count; i++)
        least = samples[i] < least ? samples[i] : least;
    return least;
}

double tug_cli_bench_processor_time(const struct tug_bench_cell *cell)
{
    double sums[TUG_BENCH_MAX_ROUNDS];
    for (unsigned i = 0; i < cell->count; i++)
        sums[i] = cell->user[i] + cell->system[i];
    return tug_cli_bench_median(sums, cell->count);
}

double tug_cli_bench_speed_up(const struct tug_bench_cell *slower,
                              const struct tug_bench_cell *faster)
{
    if (slower->count == 0 || faster->count == 0)
        return 0;
    double time = tug_cli_bench_median(faster->seconds, faster->count);
    return time > 0 ? tug_cli_bench_median(slower->seconds, slower->count) / time : 0;
}
