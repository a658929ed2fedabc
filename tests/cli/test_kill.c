/* SPDX-License-Identifier: MIT */
/*
 * kill -9 at random moments, then the same command with --resume: the result is the source, nothing
 * else is left, and what was finished is not copied again. $TUG_TEST_ROUNDS says how often; 12 by
 * default. $TUG_TEST_SEED repeats a run.
 */
#include "../copy/fixture.h"

#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "command.h"

static struct command command;

static void make_source(void)
{
    fixture_make_tree("from");
    for (unsigned i = 0; i < 20; i++) {
        fixture_make_dir(fixture_text("from/dir%u", i), i % 2 == 0 ? 0755 : 0500);
        assert_int_equal(chmod(fixture_text("from/dir%u", i), 0700), 0);
        for (unsigned k = 0; k < 20; k++)
            fixture_make_file(fixture_text("from/dir%u/%u", i, k), k % 2 == 0 ? 0644 : 0444,
                              3000 * k, k);
        assert_int_equal(chmod(fixture_text("from/dir%u", i), i % 2 == 0 ? 0755 : 0500), 0);
    }
    for (unsigned i = 0; i < 3; i++)
        fixture_make_file(fixture_text("from/large%u", i), 0640, (uint64_t)36 << 20, i);
    assert_int_equal(truncate("from/large2", (off_t)60 << 20), 0);
    assert_int_equal(system("touch -d 2001-01-01 from from/large0 from/dir3 from/dir3/*"), 0);
}

static const char *const arguments[] = {"tug", "cp", "-r", "--resume=1M", "from", "to", NULL};

/* Starts the copy and kills it after a while. Returns whether it had not finished: as long as the
 * destination is marked, the same command goes on; after that it would copy into it. */
static bool kill_after(uint64_t after)
{
    command_init(&command);
    command_start(&command, arguments);
    usleep((unsigned)after);
    kill(command.child, SIGKILL);
    command_wait(&command);
    return !fixture_exists("to") || fixture_mode("to") == 01700;
}

static uint64_t finished;

/* Counts a file of the source that is in the copy with its size and time. */
static int count_finished(const char *path, const struct stat *source, int type, struct FTW *place)
{
    struct stat copy;
    (void)place;
    if (type == FTW_F && S_ISREG(source->st_mode) &&
        lstat(fixture_text("to%s", path + strlen("from")), &copy) == 0 &&
        copy.st_size == source->st_size && copy.st_mtim.tv_sec == source->st_mtim.tv_sec &&
        copy.st_mtim.tv_nsec == source->st_mtim.tv_nsec)
        finished += (uint64_t)source->st_size;
    return 0;
}

/* What the command says that it has found. */
static uint64_t resumed_bytes(void)
{
    uint64_t files = 0, bytes = 0;
    if (sscanf(command.output_text, "resumed: %" SCNu64 " files and %" SCNu64, &files, &bytes) != 2)
        return 0;
    return bytes;
}

/* Everything is there, with its times, and nothing else. */
static void assert_finished(void)
{
    fixture_assert_copy("from", "to", FIXTURE_MODES);
    /* diff(1) takes two FIFOs for different. */
    assert_int_equal(system("diff -r --no-dereference -x fifo from to"), 0);
    assert_int_equal(system("test -z \"$(find to -name '.*tug-*')\""), 0);
    assert_int_equal(
        system(fixture_text("%s cmp --metadata=timestamps from to", getenv("TUG_COMMAND"))), 0);
}

static void test_at_random_moments(void **state)
{
    const char *wanted = getenv("TUG_TEST_ROUNDS"), *given = getenv("TUG_TEST_SEED");
    unsigned rounds = wanted != NULL ? (unsigned)atoi(wanted) : 12;
    unsigned seed = given != NULL ? (unsigned)atoi(given) : (unsigned)time(NULL);
    unsigned killed = 0, resumed = 0;
    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    make_source();
    assert_int_equal(system("cp -a from reference"), 0);
    command_init(&command);
    uint64_t begin = fixture_now();
    command_start(&command, arguments);
    command_wait(&command);
    uint64_t duration = fixture_now() - begin;
    assert_int_equal(command_exit_status(&command), 0);
    assert_finished();
    /* On a busy machine none of the moments may be one between the first file and the last. */
    for (unsigned i = 0; i < rounds || (resumed == 0 && i < 10 * rounds); i++) {
        assert_int_equal(system("chmod -R u+rwx to && rm -r to"), 0);
        unsigned times = 1 + (unsigned)rand() % 3;
        bool unfinished = true;
        for (unsigned k = 0; k < times && unfinished; k++)
            killed += unfinished = kill_after((uint64_t)rand() % (duration + 1));
        if (!unfinished) {
            assert_finished();
            continue;
        }
        finished = 0;
        assert_int_equal(nftw("from", count_finished, 20, FTW_PHYS), 0);
        command_init(&command);
        command_start(&command, arguments);
        command_wait(&command);
        assert_string_equal(command.error_text, "");
        assert_int_equal(command_exit_status(&command), 0);
        if (resumed_bytes() < finished)
            fail_msg("%s of %" PRIu64, command.output_text, finished);
        resumed += resumed_bytes() > 0;
        assert_finished();
    }
    print_message("killed %u times; %u of %u rounds found something\n", killed, resumed, rounds);
    assert_true(killed > 0);
    assert_true(resumed > 0);
    assert_int_equal(system("diff -r --no-dereference -x fifo reference from"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_at_random_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
