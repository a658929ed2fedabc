/* SPDX-License-Identifier: MIT */
/*
 * Files read and worked on several at once: results in the order of the paths, whatever fails.
 */
#include "scratch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sys/fault.h"

enum { FILES = 200 };

static char paths[FILES][32];
static const char *pointers[FILES];

static int64_t make_files(void)
{
    static unsigned char data[5000];
    for (int i = 0; i < FILES; i++) {
        snprintf(paths[i], sizeof paths[i], i == 77 ? "missing" : "file%d", i);
        pointers[i] = paths[i];
        memset(data, i, sizeof data);
        if (i != 77)
            scratch_make_file(paths[i], data, (size_t)i * 23);
    }
    return 0;
}

static int64_t sum(void *context, size_t index, const void *data, size_t size)
{
    const unsigned char *bytes = data;
    int64_t total = 0;
    if (*(size_t *)context == index)
        return -EDOM;
    for (size_t i = 0; i < size; i++)
        total += bytes[i];
    return bytes[size] == 0 ? total : -1;
}

static int64_t results_are_in_order(void *unused)
{
    (void)unused;
    int64_t results[FILES];
    size_t bad = 100;
    CHECK_EQUAL(make_files(), 0);
    for (unsigned jobs = 0; jobs < 6; jobs += 2) {
        CHECK_EQUAL(tug_process_files(pointers, FILES, jobs, sum, &bad, results), FILES - 2);
        for (int i = 0; i < FILES; i++)
            CHECK_EQUAL(results[i], i == 77 ? -ENOENT : i == 100 ? -EDOM : (int64_t)i * 23 * i);
    }
    CHECK_EQUAL(tug_process_files(NULL, 0, 0, sum, &bad, NULL), 0);
    return 0;
}

static int64_t slowly(void *context, size_t index, const void *data, size_t size)
{
    (void)context, (void)index, (void)data, (void)size;
    struct timespec time = {0, 2000000};
    nanosleep(&time, NULL);
    return 1;
}

static int64_t cancelled(void *unused)
{
    (void)unused;
    int64_t results[FILES];
    int done = 0;
    CHECK_EQUAL(make_files(), 0);
    CHECK_EQUAL(TUG_TIMEOUT(10 * TUG_MILLISECOND,
                            tug_process_files(pointers, FILES, 2, slowly, NULL, results)),
                -ETIMEDOUT);
    for (int i = 0; i < FILES; i++) {
        CHECK(results[i] == 1 || results[i] == -ECANCELED || i == 77);
        done += results[i] == 1;
    }
    CHECK(done < FILES - 1);
    return 0;
}

#if TUG_FAULT_INJECTION
static int64_t reading_fails(void *unused)
{
    (void)unused;
    int64_t results[FILES];
    size_t bad = FILES;
    CHECK_EQUAL(make_files(), 0);
    CHECK_EQUAL(tug_fault_fail("read", 1, 1, EIO), 0);
    CHECK_EQUAL(tug_fault_fail("pread", 1, 1, EIO), 0);
    CHECK_EQUAL(tug_process_files(pointers, 3, 1, sum, &bad, results), 2);
    CHECK_EQUAL(results[0], -EIO);
    CHECK_EQUAL(results[2], 2 * 23 * 2);
    tug_fault_reset();
    return 0;
}
#endif

int main(void)
{
    scratch_prefer_memory();
    const struct CMUnitTest tests[] = {
        SCRATCH_TEST(results_are_in_order),
        SCRATCH_TEST(cancelled),
#if TUG_FAULT_INJECTION
        SCRATCH_TEST(reading_fails),
#endif
    };
    return cmocka_run_group_tests_name("fs/process_files", tests, NULL, NULL);
}
