/* SPDX-License-Identifier: MIT */
/*
 * Large files on a file system where they are read and written past the page cache: every byte
 * arrives, and what does not take direct calls gets others.
 */
#include "distant.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include <tug/sys.h>

#include "sys/fault.h"

#if TUG_FAULT_INJECTION

#define MIB ((uint64_t)1 << 20)

/* Several pieces, and an end that no block has. */
#define SIZE (9 * MIB + 4097)

static struct fixture_copy copy;

static int leave(void **state)
{
    tug_fault_reset();
    return distant_leave(state);
}

/* The calls that fail from here on are those of the copy. */
static bool begin(void)
{
    fixture_make_dir("behind", 0755);
    fixture_make_file("behind/from", 0640, SIZE, 7);
    fixture_make_file("from", 0640, SIZE, 8);
    if (!distant_mount(DELAY_FS, 200))
        return false;
    fixture_copy_init(&copy);
    copy.options.target = TUG_COPY_TARGET_EXACT;
    copy.options.jobs = 0;
    return true;
}

static void run(const char *from, const char *to)
{
    fixture_copy_run(&copy, to, from, NULL);
    assert_int_equal(copy.result, 0);
    assert_int_equal(copy.report.bytes, SIZE);
    fixture_assert_copy(from, to, FIXTURE_MODES);
    fixture_remove(to);
}

static void run_all(void)
{
    run("mount/from", "mount/to");
    run("mount/from", "to");
    run("from", "mount/to");
}

static void test_all_bytes_arrive(void **state)
{
    (void)state;
    if (!begin())
        skip();
    run_all();
}

/* Had they not been direct ones, the copy would have failed. */
static void test_refused_calls_are_made_again_buffered(void **state)
{
    static const char *const calls[] = {"pread", "pwrite"};
    (void)state;
    if (!begin())
        skip();
    for (unsigned i = 0; i < 2; i++)
        for (unsigned n = 1; n <= 2; n++) {
            assert_int_equal(tug_fault_fail(calls[i], n, 1, EINVAL), 0);
            run_all();
            tug_fault_reset();
        }
}

/* Only direct calls are made again after EINVAL: these were none. */
static void test_what_is_cached_is_read_from_the_cache(void **state)
{
    (void)state;
    fixture_make_dir("behind", 0755);
    fixture_make_file("behind/from", 0640, SIZE, 7);
    if (!distant_mount_cached(DELAY_FS, 200))
        skip();
    fixture_copy_init(&copy);
    copy.options.target = TUG_COPY_TARGET_EXACT;
    for (int cached = 0; cached < 2; cached++) {
        if (cached)
            assert_int_equal(system("cat mount/from >cat"), 0);
        int fd = tug_sys_openat(AT_FDCWD, "mount/from", O_RDONLY | O_CLOEXEC, 0);
        bool known = tug_sys_cachestat(fd, 0, 0) >= 0;
        tug_sys_close(fd);
        if (!known)
            skip();
        assert_int_equal(tug_fault_fail("pread", 1, 1, EINVAL), 0);
        fixture_copy_run(&copy, "to", "mount/from", NULL);
        tug_fault_reset();
        assert_int_equal(copy.result, cached ? -EINVAL : 0);
    }
}

/* Copying by itself is not asked of a server: the kernel would do that in its place, slowly. */
static void test_a_server_need_not_allocate(void **state)
{
    (void)state;
    if (!begin())
        skip();
    assert_int_equal(tug_fault_fail("fallocate", 1, TUG_FAULT_ALWAYS, EOPNOTSUPP), 0);
    assert_int_equal(tug_fault_fail("pwrite", 1, 1, EINVAL), 0);
    run("mount/from", "mount/to");
    run("from", "mount/to");
    assert_int_equal(tug_fault_calls("copy_file_range"), 0);
}

static void test_an_error_that_stays_is_an_error(void **state)
{
    (void)state;
    if (!begin())
        skip();
    assert_int_equal(tug_fault_fail("pwrite", 1, TUG_FAULT_ALWAYS, EINVAL), 0);
    fixture_copy_run(&copy, "mount/to", "mount/from", NULL);
    assert_int_equal(copy.result, -EINVAL);
    assert_false(fixture_exists("mount/to"));
}

static void test_without_the_mode_it_is_buffered(void **state)
{
    (void)state;
    if (!begin())
        skip();
    assert_int_equal(tug_fault_fail("fcntl", 1, TUG_FAULT_ALWAYS, EINVAL), 0);
    run_all();
}

/* It has got its whole length before the first byte. */
static void test_a_source_that_ends_early_gives_a_short_copy(void **state)
{
    (void)state;
    if (!begin())
        skip();
    assert_int_equal(tug_fault_short("pread", 2, TUG_FAULT_ALWAYS, 0), 0);
    copy.options.jobs = 1;
    fixture_copy_run(&copy, "mount/to", "mount/from", NULL);
    assert_int_equal(copy.result, 0);
    assert_true(copy.report.bytes > 0 && copy.report.bytes < SIZE);
    assert_int_equal(fixture_size("behind/to"), copy.report.bytes);
}

#define DISTANT_TEST(function) cmocka_unit_test_setup_teardown(function, fixture_enter, leave)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        DISTANT_TEST(test_all_bytes_arrive),
        DISTANT_TEST(test_refused_calls_are_made_again_buffered),
        DISTANT_TEST(test_what_is_cached_is_read_from_the_cache),
        DISTANT_TEST(test_a_server_need_not_allocate),
        DISTANT_TEST(test_an_error_that_stays_is_an_error),
        DISTANT_TEST(test_without_the_mode_it_is_buffered),
        DISTANT_TEST(test_a_source_that_ends_early_gives_a_short_copy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

/* Nothing can be made to fail in this build. */
int main(void)
{
    return 77;
}

#endif
