/* SPDX-License-Identifier: MIT */
/* Moving across file systems. */
#include "mover.h"

#include <errno.h>

int64_t tug_move_copy_waiting(void *argument)
{
    struct tug_mover *mover = argument;
    for (size_t i = 0; i < mover->next; i++)
        if (mover->operands[i].state == TUG_MOVE_TO_COPY)
            tug_move_fail(mover, &mover->operands[i], TUG_MOVE_STEP_RENAME, -EXDEV);
    return 0;
}
