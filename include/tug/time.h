/* SPDX-License-Identifier: MIT */
/*
 * Time: sleeping, deadlines, intervals, and a clock that tests can stop.
 *
 * Times are nanoseconds of CLOCK_MONOTONIC, as tug_now() gives them; the wheel's resolution is 1 ms
 * and a timer never fires early. The wheel is hashed and hierarchical: 6 levels of 64 slots
 * (Varghese and Lauck 1987, as in Tokio), which spans about 2 years; a longer sleep is clamped.
 */
#ifndef TUG_TIME_H
#define TUG_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tug/cancel.h>
#include <tug/config.h>
#include <tug/future.h>
#include <tug/task.h>
#include <tug/timer.h>

TUG_BEGIN_DECLS

#define TUG_MICROSECOND UINT64_C(1000)
#define TUG_MILLISECOND UINT64_C(1000000)
#define TUG_SECOND UINT64_C(1000000000)

/* The time in ns: of CLOCK_MONOTONIC, or of the runtime's clock if that is paused. */
TUG_API uint64_t tug_now(void);

/* `duration` ns from now, TUG_FOREVER if that overflows. */
TUG_API uint64_t tug_deadline_after(uint64_t duration);

/*
 * Sleeps for `duration` ns, or until the time `deadline`. Suspends. Returns 0, or the scope's
 * reason; -EPERM outside of a coroutine. Cancelling loses nothing.
 */
TUG_API int tug_sleep(uint64_t duration);
TUG_API int tug_sleep_until(uint64_t deadline);

/* A sleep as a future (result 0), in at most 128 bytes. */
struct tug_sleep_future {
    struct tug_future future;
    struct tug_timer timer;
    struct tug_waker waker;
    uint64_t deadline;
    int state;
};
TUG_API void tug_sleep_future_init(struct tug_sleep_future *sleep, uint64_t deadline);

/*
 * Sets a sleep to another time, sooner or later: before it was polled; while it waits, then it need
 * not be polled again to wake at the new time; or after it was ready, then it may be waited for
 * once more. By the task that polls it. Does not suspend.
 */
TUG_API void tug_sleep_future_reset(struct tug_sleep_future *sleep, uint64_t deadline);

/*
 * Runs fn(argument) in a scope with a deadline `duration` ns from now. Suspends as fn does.
 * Returns what fn returned; -ETIMEDOUT in place of -ECANCELED if the time ran out.
 */
TUG_API int64_t tug_timeout(uint64_t duration, tug_task_fn fn, void *argument);

/* The same around any expression, e.g. TUG_TIMEOUT(TUG_SECOND, tug_read(fd, buffer, size)). */
#if defined(__GNUC__)
#define TUG_TIMEOUT(duration, expression)                                                          \
    __extension__({                                                                                \
        struct tug_scope tug_timeout_scope_;                                                       \
        tug_scope_begin(&tug_timeout_scope_, tug_deadline_after(duration), NULL);                  \
        int64_t tug_timeout_result_ = (expression);                                                \
        tug_scope_end(&tug_timeout_scope_, tug_timeout_result_);                                   \
    })
#endif

/* What an interval does when a tick was missed by more than 5 ms. */
enum tug_missed_tick {
    TUG_MISSED_TICK_BURST, /* catch up: tick at once until the schedule is met again */
    TUG_MISSED_TICK_DELAY, /* start a new schedule: the next tick is one period from now */
    TUG_MISSED_TICK_SKIP   /* drop what was missed: the next tick is on the old schedule */
};

struct tug_interval {
    uint64_t period;
    uint64_t next;
    enum tug_missed_tick missed_tick;
};

/* An interval with `period` > 0 ns whose first tick is at the time `start`. */
TUG_API void tug_interval_init(struct tug_interval *interval, uint64_t start, uint64_t period,
                               enum tug_missed_tick missed_tick);

/*
 * Waits for the next tick. Suspends. Returns 0 and stores the time for which the tick was set in
 * `*tick` (unless NULL); or the scope's reason: then no tick is lost. -EINVAL: period is 0.
 */
TUG_API int tug_interval_tick(struct tug_interval *interval, uint64_t *tick);

/*
 * Stops the clock of the current runtime, for tests: tug_now() stands still, and when nothing is
 * runnable and no blocking job is outstanding the clock jumps to the next timer. Current-thread
 * flavour only: -ENOTSUP elsewhere; -EBUSY: already paused (tug_time_pause), not paused
 * (tug_time_resume, tug_time_advance). tug_time_advance() suspends; the others do not.
 */
TUG_API int tug_time_pause(void);
TUG_API int tug_time_resume(void);
TUG_API int tug_time_advance(uint64_t duration);

TUG_END_DECLS

#endif
