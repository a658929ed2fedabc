/* SPDX-License-Identifier: MIT */
/*
 * A histogram of latencies, logarithmic with 64 steps per power of two, as HdrHistogram's: adding
 * is a shift and an increment, and no value is off by more than a 64th of itself.
 */
#include "load.h"

#define STEP_BITS 6
#define STEPS (1u << STEP_BITS)

/* Values below STEPS have a bucket each; above, the bits after the first choose the step. */
static unsigned bucket_of(uint64_t value)
{
    if (value < STEPS)
        return (unsigned)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - STEP_BITS;
    return (shift << STEP_BITS) + (unsigned)(value >> shift);
}

/* The middle of the values in a bucket. */
static double value_of(unsigned bucket)
{
    if (bucket < STEPS)
        return bucket;
    unsigned shift = (bucket >> STEP_BITS) - 1;
    uint64_t first = (uint64_t)(STEPS + (bucket & (STEPS - 1))) << shift;
    return (double)first + (double)((uint64_t)1 << shift) / 2;
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
    histogram->counts[bucket_of(ns)]++;
    histogram->total++;
}

double histogram_quantile(const struct histogram *histogram, double share)
{
    uint64_t wanted = (uint64_t)((double)histogram->total * share), seen = 0;
    unsigned last = 0;
    for (unsigned i = 0; i < sizeof(histogram->counts) / sizeof(*histogram->counts); i++) {
        if (histogram->counts[i] == 0)
            continue;
        last = i;
        seen += histogram->counts[i];
        if (seen > wanted)
            break;
    }
    return value_of(last);
}
