/* SPDX-License-Identifier: MIT */
/* Two tasks sleep at the same time: the program takes one second, not two. */
#include <stdio.h>

#include <tug/tug.h>

static int64_t greet(void *name)
{
    int error = tug_sleep(TUG_SECOND);
    printf("%s says hello\n", (const char *)name);
    return error;
}

static int64_t run(void *argument)
{
    (void)argument;
    struct tug_task *alice = tug_spawn(greet, "Alice");
    struct tug_task *bob = tug_spawn(greet, "Bob");
    if (alice != NULL)
        tug_join(alice, NULL);
    if (bob != NULL)
        tug_join(bob, NULL);
    return 0;
}

int main(void)
{
    return (int)tug_run(run, NULL);
}
