/* SPDX-License-Identifier: MIT */
/*
 * futex(2). FUTEX_WAIT_BITSET rather than FUTEX_WAIT, because its timeout is an absolute time: the
 * call can be made again after a signal without computing what is left.
 */
#include "sys/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sys/call_pattern.h"
#include "sys/clock.h"

int tug_futex_wait(const uint32_t *word, uint32_t expected, uint64_t deadline)
{
    struct timespec time = tug_clock_timespec(deadline);
    const struct timespec *limit = deadline == TUG_NO_DEADLINE ? NULL : &time;
    return TUG_SYS_RETRY(futex_wait, TUG_ON_NOTHING,
                         syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected,
                                 limit, NULL, FUTEX_BITSET_MATCH_ANY));
}

int tug_futex_wake(const uint32_t *word, int count)
{
    return TUG_SYS_ONCE(futex_wake, TUG_ON_NOTHING,
                        syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count));
}
