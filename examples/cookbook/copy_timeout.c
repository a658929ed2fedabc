/* SPDX-License-Identifier: MIT */
/* copy_timeout SECONDS FROM TO: copies a tree for at most so long, and until Ctrl-C. What was being
 * copied then is removed again. */
#include "recipe.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <tug/copy.h>

static int64_t cancel_at_ctrl_c(void *stop)
{
    int error = tug_ctrl_c();
    if (error == 0)
        tug_token_cancel(stop);
    return error;
}

static int64_t copy_until(struct tug_token *stop, uint64_t deadline, char **words)
{
    struct tug_copy_options options;
    struct tug_scope scope;
    tug_copy_options_init(&options);
    options.recursive = true;
    tug_scope_begin(&scope, deadline, stop);
    int64_t result = tug_copy(&options, (const char *const *)&words[1], 1, words[2], NULL);
    return tug_scope_end(&scope, result);
}

static int64_t copy_timeout(void *argument)
{
    char **words = argument;
    uint64_t time = (uint64_t)(strtod(words[0], NULL) * (double)TUG_SECOND);
    struct tug_token stop;
    tug_token_init(&stop, NULL);
    struct tug_task *listener = tug_spawn(cancel_at_ctrl_c, &stop);
    if (listener == NULL)
        return -ENOMEM;
    int64_t result = copy_until(&stop, tug_deadline_after(time), words);
    /* Which of the three was it? */
    if (result == -ETIMEDOUT)
        puts("the time was up");
    else if (result == -ECANCELED)
        puts("interrupted");
    else if (result < 0)
        puts("the copy failed");
    tug_task_abort(listener);
    tug_join(listener, NULL);
    tug_token_destroy(&stop);
    return result;
}

int main(int argc, char **argv)
{
    return recipe_main(argc, argv, 3, "SECONDS FROM TO", copy_timeout);
}
