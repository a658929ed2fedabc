/* SPDX-License-Identifier: MIT */
/*
 * The coop budget: a task that always finds its operations ready still gives way. Each poll of a
 * task starts with 128 units; an operation that makes progress costs one, and at zero the task is
 * put behind the driver's next poll, as if it had called tug_yield().
 */
#ifndef TUG_COOP_H
#define TUG_COOP_H

#include <stdbool.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>

TUG_BEGIN_DECLS

/*
 * Charges one unit for work of the caller's own; yields first if none is left. Suspends in that
 * case only. Returns 0, or the scope's reason. Outside of a coroutine it does nothing.
 */
TUG_API int tug_coop_consume(void);

/*
 * For the poll function of a future of one's own: TUG_READY and one unit charged if there is
 * budget, else TUG_PENDING, after the waker has been put behind the driver's next poll. A future
 * that turns out to be pending after all gives the unit back with tug_coop_restore().
 */
TUG_API int tug_coop_poll(const struct tug_waker *waker);
TUG_API void tug_coop_restore(void);

/* Whether there is budget left in this poll; true outside of a task. */
TUG_API bool tug_coop_has_remaining(void);

/*
 * Between begin and end the current task's operations are not charged. Nests. For a task that
 * must not be interrupted by its own readiness and takes care of fairness itself.
 */
TUG_API void tug_unconstrained_begin(void);
TUG_API void tug_unconstrained_end(void);

TUG_END_DECLS

#endif
