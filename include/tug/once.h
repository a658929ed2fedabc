/* SPDX-License-Identifier: MIT */
/*
 * A value of 64 bits (an integer or a pointer) that is set once, and then there for all: set by
 * whoever has it, or made by the first who wants it, while the others wait.
 *
 * The struct is the caller's; nothing is allocated, and nothing has to be destroyed. What the value
 * points to is the caller's as well. The memory must stay until the call that sets the value has
 * returned.
 */
#ifndef TUG_ONCE_H
#define TUG_ONCE_H

#include <stdbool.h>
#include <stdint.h>

#include <tug/config.h>
#include <tug/future.h>
#include <tug/notify.h>
#include <tug/semaphore.h>

TUG_BEGIN_DECLS

/* All members are private. */
struct tug_once {
    int64_t value;
    uint32_t is_set;
    struct tug_semaphore semaphore; /* whose only permit is the right to set the value */
    struct tug_notify notify;       /* for those who wait and have nothing to set */
};

/* One without a value, as an initializer. */
#define TUG_ONCE_INIT                                                                              \
    {                                                                                              \
        0, 0, TUG_SEMAPHORE_INIT(1), TUG_NOTIFY_INIT                                               \
    }

/* Makes one without a value. Does not suspend; cannot fail. */
TUG_API void tug_once_init(struct tug_once *once);

/* Makes the value: stores it in `*value` and returns 0, or returns a negative errno. May suspend.
 */
typedef int (*tug_once_fn)(void *argument, int64_t *value);

/*
 * Stores the value in `*value`; if there is none yet, it is made by make(argument), which runs in
 * the caller. Suspends while another makes it; on a thread that runs no tasks it blocks. When
 * make() fails, also because its caller was cancelled, the next who waits has its turn. make() must
 * not ask for the same value.
 *
 * Returns 0; what make() returned if it failed in this call; the scope's reason, if another was
 * making the value; -EPERM in a poll task that would have to wait.
 */
TUG_API int tug_once_get_or_make(struct tug_once *once, tug_once_fn make, void *argument,
                                 int64_t *value);

/* Stores the value. From any thread. Does not suspend. Returns 0; -EAGAIN: there is none yet. */
TUG_API int tug_once_get(const struct tug_once *once, int64_t *value);

/* Sets the value. From any thread. Does not suspend. Returns 0; -EALREADY: there is one; -EBUSY:
 * somebody is making it. */
TUG_API int tug_once_set(struct tug_once *once, int64_t value);

/*
 * Waits until there is a value, whoever sets it, and stores it. Suspends; on a thread that runs no
 * tasks it blocks. Cancelled, it loses nothing. Returns 0; the scope's reason; -EPERM in a poll
 * task, which polls a future instead.
 */
TUG_API int tug_once_wait(struct tug_once *once, int64_t *value);

/* That wait as a future, with result 0; then tug_once_get() has the value. All members but `future`
 * are private. */
struct tug_once_future {
    struct tug_future future;
    struct tug_notify_future announced;
    struct tug_once *once;
};
TUG_API void tug_once_future_init(struct tug_once_future *wait, struct tug_once *once);

TUG_END_DECLS

#endif
