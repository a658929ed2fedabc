/* SPDX-License-Identifier: MIT */
/*
 * Cleanup that makes system calls: it happens whatever has become of the caller's scope.
 */
#ifndef TUG_FS_CLEANUP_H
#define TUG_FS_CLEANUP_H

/*
 * Runs fn(argument) on the blocking pool, under a shield, and waits for it; on the calling thread
 * if the pool cannot take it. So fn is always run, once. Suspends; not cancelled.
 */
void tug_fs_clean_up(void (*fn)(void *argument), void *argument);

/*
 * Closes a descriptor that was written to, blocking the thread. Returns 0 or an error of late
 * writing, which is -EIO when a signal has hidden what it was.
 */
int tug_fs_close_written(int fd);

#endif
