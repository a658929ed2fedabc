/* SPDX-License-Identifier: MIT */
/* Pools for operations on files in tests: one whose only worker is held up, and what stands behind
 * that. */
#ifndef TUG_TESTS_COPY_POOLING_H
#define TUG_TESTS_COPY_POOLING_H

#include "../fs/scratch.h"

#include <tug/copy.h>
#include <tug/file_pool.h>

#define MS TUG_MILLISECOND

/* NULL: it could not be made. */
struct tug_file_pool *pooling_make(unsigned workers, unsigned queue);

/* Ends it in the usual way. `report` may be NULL. */
int64_t pooling_end(struct tug_file_pool *pool, struct tug_file_pool_report *report);

/* Of a copy that was cancelled: the file is not there, or was complete by then. */
bool pooling_no_partial_file(const char *path, const void *data, size_t length);

/* What a worker that is held up copies to the file `held`. */
enum { POOLING_HELD = 4 << 20 };
extern unsigned char pooling_data[POOLING_HELD];

/* A copy that does not go on before it may. */
struct pooling_held {
    struct tug_file_request request;
    struct tug_copy_options options;
    bool begun, may_go; /* atomic */
};

struct pooling_submission {
    struct tug_file_pool *pool;
    struct tug_file_request request;
    int submitted; /* atomic; 1: not yet */
};

/* Leaves its caller with a pool whose only worker is busy until pooling_let_go(). */
int64_t pooling_hold_up(struct pooling_held *held, struct tug_file_pool *pool);
void pooling_let_go(struct pooling_held *held);

/* A coroutine; its argument is a struct pooling_submission. */
int64_t pooling_submit_and_wait(void *submission);

/* Asks for the directories d0, d1 and d2. */
extern const char *const pooling_directories[3];
int64_t pooling_submit_directories(struct tug_file_pool *pool, struct tug_file_request queued[3]);

/* Makes a pool with room for these, whose only worker is held up, and asks for them. */
int64_t pooling_make_busy(struct tug_file_pool **pool, struct pooling_held *held,
                          struct tug_file_request queued[3]);

#endif
