/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include <tug/tug.h>

static int64_t greet(void *name)
{
    tug_sleep(TUG_SECOND);
    return printf("Hello from %s\n", (const char *)name);
}

static int64_t start(void *argument)
{
    (void)argument;
    struct tug_task *one = tug_spawn(greet, "one");
    struct tug_task *two = tug_spawn(greet, "two");
    if (one != NULL)
        tug_join(one, NULL);
    if (two != NULL)
        tug_join(two, NULL);
    return 0;
}

int main(void)
{
    return tug_run(start, NULL) < 0;
}
