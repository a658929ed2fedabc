/* SPDX-License-Identifier: MIT */
/* test_retry: code that waits for minutes, tested in no time, on a clock that stands still. */
#include <errno.h>

#include <tug/tug.h>

/* The code to be tested: tries again after 1, 2, 4, ... seconds. */
static int64_t retry(int64_t (*attempt)(void *argument), void *argument, int attempts)
{
    int64_t result = attempt(argument);
    for (uint64_t delay = TUG_SECOND; result < 0 && --attempts > 0; delay *= 2) {
        int error = tug_sleep(delay);
        if (error != 0)
            return error;
        result = attempt(argument);
    }
    return result;
}

/* Fails as often as the number says. */
static int64_t fail_at_first(void *argument)
{
    int *failures = argument;
    return --*failures >= 0 ? -EAGAIN : 42;
}

static int64_t test(void *unused)
{
    (void)unused;
    int failures = 6;
    uint64_t start = tug_now();
    int64_t result = retry(fail_at_first, &failures, 10);
    uint64_t seconds = (tug_now() - start) / TUG_SECOND;
    if (result != 42 || seconds != 1 + 2 + 4 + 8 + 16 + 32)
        return -EINVAL;
    failures = 1000;
    result = TUG_TIMEOUT(60 * TUG_SECOND, retry(fail_at_first, &failures, 10));
    return result == -ETIMEDOUT && failures == 1000 - 6 ? 0 : -EINVAL;
}

int main(void)
{
    struct tug_runtime_options options;
    struct tug_runtime *runtime;
    int64_t result = -1;
    tug_runtime_options_init(&options);
    options.flavour = TUG_CURRENT_THREAD;
    options.start_paused = true;
    if (tug_runtime_create(&runtime, &options) != 0)
        return 1;
    int error = tug_runtime_block_on(runtime, test, NULL, &result);
    tug_runtime_shutdown(runtime, TUG_FOREVER);
    return error != 0 || result != 0;
}
