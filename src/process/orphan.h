/* SPDX-License-Identifier: MIT */
/*
 * Children that nobody waits for any more, and what others need of waiting for one.
 */
#ifndef TUG_PROCESS_ORPHAN_H
#define TUG_PROCESS_ORPHAN_H

#include <tug/process.h>

/* The memory that an orphan will need, so that giving up a child cannot fail. NULL: there is
 * none. */
struct tug_orphan *tug_orphan_new(void);
void tug_orphan_free(struct tug_orphan *orphan);

/* Takes over a child that has not been reaped, with its pidfd and its `orphan`: to be reaped by the
 * calling task's runtime, if there is one. */
void tug_orphan_adopt(const struct tug_process *process);

/* wait.c: reaps the child if it has ended. Returns 0: it has, now or before; -EAGAIN; -ECHILD: its
 * status is lost; or what waitid(2) failed with. */
int tug_process_reap(struct tug_process *process);

#endif
