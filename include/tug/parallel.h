/* SPDX-License-Identifier: MIT */
/*
 * Work that computes, on all processors and off the workers: a loop whose turns are independent of
 * each other, and files that are read and then worked on. It runs on threads of the blocking pool
 * while the calling coroutine waits, so that the runtime's other tasks go on.
 */
#ifndef TUG_PARALLEL_H
#define TUG_PARALLEL_H

#include <stddef.h>
#include <stdint.h>

#include <tug/config.h>

TUG_BEGIN_DECLS

/*
 * Calls fn(context, index) for each index from `begin` to `end` - 1, on at most `jobs` threads at
 * once (0: one per processor). fn may use the caller's locals, may block, and must not suspend. The
 * turns are given out in chunks, each of about the same time, however long a single turn takes.
 * Suspends. Outside of a coroutine the calls are made in place, in order.
 *
 * Returns 0 if each call returned 0 or more. Else no further chunk is begun, and when those that
 * run have noticed it returns the negative result of the lowest index that failed. The scope's
 * reason: likewise, some calls have not been made. -ENOMEM, -EAGAIN, -ECANCELED: no thread could be
 * had, and no call has been made.
 */
TUG_API int64_t tug_parallel_for(size_t begin, size_t end, unsigned jobs,
                                 int64_t (*fn)(void *context, size_t index), void *context);

/*
 * Reads each of `count` files and calls fn(context, index, data, size) with the contents, which it
 * is lent (one zero byte follows them). results[index] is what it returned for paths[index], or the
 * negative errno of reading: the order is that of the paths, whichever is ready first. As many
 * files are in memory at once as there are jobs (0: one per processor). Suspends; as
 * tug_parallel_for() otherwise.
 *
 * Each file is tried, whatever becomes of others. Returns the number of files whose result is not
 * negative; the scope's reason, -ENOMEM, -EAGAIN: files that were not tried have -ECANCELED.
 */
TUG_API int64_t tug_process_files(const char *const *paths, size_t count, unsigned jobs,
                                  int64_t (*fn)(void *context, size_t index, const void *data,
                                                size_t size),
                                  void *context, int64_t *results);

TUG_END_DECLS

#endif
