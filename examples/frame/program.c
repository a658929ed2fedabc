/* SPDX-License-Identifier: MIT */
#include "program.h"

#include <tug/runtime.h>
#include <tug/time.h>

int64_t program_run(uint64_t threads, tug_task_fn main, void *argument)
{
    struct tug_runtime_options options;
    struct tug_runtime *runtime;
    int64_t result = 0;
    tug_runtime_options_init(&options);
    /* One thread needs no others to steal from it. */
    options.flavour = threads == 1 ? TUG_CURRENT_THREAD : TUG_MULTI_THREAD;
    options.worker_threads = (unsigned)threads;
    int error = tug_runtime_create(&runtime, &options);
    if (error < 0)
        return error;
    error = tug_runtime_block_on(runtime, main, argument, &result);
    tug_runtime_shutdown(runtime, TUG_FOREVER);
    return error < 0 ? error : result;
}

int end_signals_open(struct end_signals *end)
{
    int result = tug_signal_open(&end->signals[0], SIGINT);
    if (result < 0)
        return result;
    result = tug_signal_open(&end->signals[1], SIGTERM);
    if (result < 0)
        tug_signal_close(&end->signals[0]);
    return result;
}

void end_signals_close(struct end_signals *end)
{
    tug_signal_close(&end->signals[0]);
    tug_signal_close(&end->signals[1]);
}

int end_signals_wait(struct end_signals *end)
{
    struct tug_signal_future first, second;
    struct tug_future *either[] = {&first.future, &second.future};
    tug_signal_future_init(&first, &end->signals[0]);
    tug_signal_future_init(&second, &end->signals[1]);
    int64_t result = tug_select(either, 2);
    if (result < 0)
        return (int)result;
    tug_signal_restore(SIGINT);
    tug_signal_restore(SIGTERM);
    return 0;
}
