/* SPDX-License-Identifier: MIT */
#include "attempt.h"

#include "crew.h"

static _Thread_local struct tug_attempt now;

/* The address of a thread-local is not to be kept by callers that may move to another thread. */
#define OUT_OF_LINE __attribute__((noinline))

OUT_OF_LINE struct tug_attempt tug_attempt_begin(bool touched)
{
    struct tug_attempt around = now;
    now = (struct tug_attempt){.begun = true, .touched = touched};
    return around;
}

OUT_OF_LINE void tug_attempt_end(struct tug_attempt around)
{
    now = around;
}

OUT_OF_LINE struct tug_attempt tug_attempt_now(void)
{
    return now;
}

OUT_OF_LINE void tug_attempt_set_state(enum tug_attempt_state state)
{
    if (now.begun || state == TUG_ATTEMPT_AGAIN)
        now.state = state;
}

OUT_OF_LINE void tug_attempt_set_touched(void)
{
    now.touched = true;
}

OUT_OF_LINE void tug_attempt_set_bytes(uint64_t bytes)
{
    now.bytes = bytes;
}

OUT_OF_LINE bool tug_attempt_again(const struct tug_crew *crew)
{
    bool again = now.state == TUG_ATTEMPT_AGAIN && !tug_crew_stopped(crew);
    now.state = TUG_ATTEMPT_FRESH;
    now.bytes = 0;
    return again;
}
