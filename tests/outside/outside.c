/* SPDX-License-Identifier: MIT */
/*
 * A program outside of the tree, in the common subset of C11 and C++17: it is built against the
 * installed headers and library with nothing but what pkg-config says.
 */
#include <inttypes.h>
#include <stdio.h>

#include <tug/tug.h>

enum { CHILDREN = 10 };

static int64_t square(void *argument)
{
    int64_t *number = (int64_t *)argument;
    if (tug_yield() < 0)
        return -1;
    return *number * *number;
}

/* Spawns children, joins them, adds up what they returned. */
static int64_t sum_of_squares(void *argument)
{
    struct tug_task *children[CHILDREN];
    int64_t numbers[CHILDREN];
    int64_t sum = 0;
    (void)argument;
    for (int i = 0; i < CHILDREN; i++) {
        numbers[i] = i + 1;
        children[i] = tug_spawn(square, &numbers[i]);
        if (children[i] == NULL)
            return -1;
    }
    for (int i = 0; i < CHILDREN; i++) {
        int64_t result = 0;
        if (tug_join(children[i], &result) < 0 || result < 0)
            return -1;
        sum += result;
    }
    return tug_sleep(TUG_MILLISECOND) < 0 ? -1 : sum;
}

int main(void)
{
    int64_t sum = tug_run(sum_of_squares, NULL);
    printf("%" PRId64 "\n", sum);
    return sum == 385 ? 0 : 1;
}
