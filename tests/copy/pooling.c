/* SPDX-License-Identifier: MIT */
#include "pooling.h"

#include <errno.h>
#include <unistd.h>

unsigned char pooling_data[POOLING_HELD];
const char *const pooling_directories[3] = {"d0", "d1", "d2"};

struct tug_file_pool *pooling_make(unsigned workers, unsigned queue)
{
    const struct tug_file_pool_options options = {.workers = workers, .queue = queue};
    struct tug_file_pool *pool = NULL;
    return tug_file_pool_create(&pool, &options) == 0 ? pool : NULL;
}

int64_t pooling_end(struct tug_file_pool *pool, struct tug_file_pool_report *report)
{
    CHECK_EQUAL(tug_file_pool_shutdown(pool, NULL, report), 0);
    tug_file_pool_destroy(pool);
    return 0;
}

bool pooling_no_partial_file(const char *path, const void *data, size_t length)
{
    return !scratch_exists(path) || scratch_file_is(path, data, length);
}

static void hold(const struct tug_copy_event *event, void *argument)
{
    struct pooling_held *held = argument;
    (void)event;
    __atomic_store_n(&held->begun, true, __ATOMIC_RELEASE);
    while (!__atomic_load_n(&held->may_go, __ATOMIC_ACQUIRE))
        usleep(500);
}

int64_t pooling_hold_up(struct pooling_held *held, struct tug_file_pool *pool)
{
    static const char *from = "from";
    held->begun = held->may_go = false;
    scratch_pattern(pooling_data, POOLING_HELD, 5);
    scratch_make_file("from", pooling_data, POOLING_HELD);
    tug_copy_options_init(&held->options);
    held->options.jobs = 1;
    held->options.event = hold;
    held->options.argument = held;
    held->options.events = TUG_COPY_STARTED;
    tug_file_request_copy(&held->request, &held->options, &from, 1, "held", NULL);
    CHECK_EQUAL(tug_file_pool_submit(pool, &held->request), 0);
    while (!__atomic_load_n(&held->begun, __ATOMIC_ACQUIRE))
        CHECK_EQUAL(tug_sleep(MS), 0);
    return 0;
}

void pooling_let_go(struct pooling_held *held)
{
    __atomic_store_n(&held->may_go, true, __ATOMIC_RELEASE);
}

int64_t pooling_submit_and_wait(void *argument)
{
    struct pooling_submission *submission = argument;
    int error = tug_file_pool_submit(submission->pool, &submission->request);
    __atomic_store_n(&submission->submitted, error, __ATOMIC_RELEASE);
    return error != 0 ? error : tug_file_request_wait(&submission->request);
}

int64_t pooling_submit_directories(struct tug_file_pool *pool, struct tug_file_request queued[3])
{
    for (int i = 0; i < 3; i++) {
        tug_file_request_create_dir(&queued[i], pooling_directories[i], 0755);
        CHECK_EQUAL(tug_file_pool_submit(pool, &queued[i]), 0);
    }
    return 0;
}

int64_t pooling_make_busy(struct tug_file_pool **pool, struct pooling_held *held,
                          struct tug_file_request queued[3])
{
    *pool = pooling_make(1, 3);
    CHECK(*pool != NULL);
    CHECK_EQUAL(pooling_hold_up(held, *pool), 0);
    CHECK_EQUAL(pooling_submit_directories(*pool, queued), 0);
    return 0;
}
