/* SPDX-License-Identifier: MIT */
/*
 * Writing where nobody reads: -EPIPE, and no SIGPIPE, which would end this program; the signal mask
 * of a thread that was lent to a runtime is afterwards what it was.
 */
#include "../runtime/fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define MUCH ((size_t)1 << 20)

static bool is_in(int (*get)(sigset_t *set))
{
    sigset_t set;
    CHECK_EQUAL(get(&set), 0);
    return sigismember(&set, SIGPIPE) == 1;
}

static int get_mask(sigset_t *set)
{
    return pthread_sigmask(SIG_SETMASK, NULL, set);
}

static void change_mask(int how)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    CHECK_EQUAL(pthread_sigmask(how, &set, NULL), 0);
}

/* ---- Without a signal ---- */

static void write_in_each_way(int fd)
{
    const struct iovec vector[2] = {{"a", 1}, {"b", 1}};
    for (int i = 0; i < 2; i++) {
        CHECK_EQUAL(tug_write(fd, "x", 1), -EPIPE);
        CHECK_EQUAL(tug_writev(fd, vector, 2), -EPIPE);
        CHECK_EQUAL(tug_write_all(fd, "x", 1), -EPIPE);
    }
}

static int64_t nobody_reads(void *flags)
{
    int pipe[2], pair[2];
    CHECK_EQUAL(pipe2(pipe, O_CLOEXEC | (int)fixture_number(flags)), 0);
    CHECK_EQUAL(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    close(pipe[0]);
    close(pair[0]);
    write_in_each_way(pipe[1]);
    write_in_each_way(pair[1]);
    close(pipe[1]);
    close(pair[1]);
    return 0;
}

static int64_t nobody_reads_any_mode(void *unused)
{
    (void)unused;
    nobody_reads(fixture_argument(0));
    return nobody_reads(fixture_argument(O_NONBLOCK));
}

static int64_t write_much(void *fd)
{
    static char data[MUCH];
    return tug_write_all((int)fixture_number(fd), data, MUCH);
}

/* Who waits for room when the last reader goes. */
static int64_t reader_goes(void *unused)
{
    (void)unused;
    int fds[2];
    CHECK_EQUAL(pipe2(fds, O_CLOEXEC), 0);
    struct tug_task *task = fixture_spawn(write_much, fixture_argument(fds[1]));
    CHECK_EQUAL(tug_sleep(2 * TUG_MILLISECOND), 0);
    CHECK(!tug_task_is_finished(task));
    close(fds[0]);
    CHECK_EQUAL(fixture_join(task), -EPIPE);
    close(fds[1]);
    return 0;
}

static int64_t on_the_pool(void *unused)
{
    (void)unused;
    struct tug_task *task;
    CHECK_EQUAL(tug_spawn_blocking(&task, NULL, nobody_reads_any_mode, NULL), 0);
    return fixture_join(task);
}

/* ---- The thread that was lent ---- */

static void block_on(struct tug_runtime *runtime, tug_task_fn body, void *argument)
{
    int64_t result;
    CHECK_EQUAL(tug_runtime_block_on(runtime, body, argument, &result), 0);
    CHECK_EQUAL(result, 0);
}

static void is_given_back_open(struct tug_runtime *runtime)
{
    CHECK(!is_in(get_mask));
    for (int i = 0; i < 2; i++) {
        block_on(runtime, nobody_reads_any_mode, NULL);
        CHECK(!is_in(get_mask));
        CHECK(!is_in(sigpending));
    }
}

static void is_given_back_blocked(struct tug_runtime *runtime)
{
    change_mask(SIG_BLOCK);
    block_on(runtime, nobody_reads_any_mode, NULL);
    CHECK(is_in(get_mask));
    CHECK(!is_in(sigpending));
    change_mask(SIG_UNBLOCK);
}

/* A signal of somebody else's is not taken for one of ours. */
static void keeps_what_is_pending(struct tug_runtime *runtime)
{
    const struct timespec at_once = {0, 0};
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    change_mask(SIG_BLOCK);
    CHECK_EQUAL(pthread_kill(pthread_self(), SIGPIPE), 0);
    block_on(runtime, nobody_reads_any_mode, NULL);
    CHECK(is_in(get_mask));
    CHECK_EQUAL(sigtimedwait(&set, NULL, &at_once), SIGPIPE);
    change_mask(SIG_UNBLOCK);
}

struct waiting {
    int fds[2];
    struct tug_task *task;
};

static int64_t begin_to_wait(void *argument)
{
    struct waiting *waiting = argument;
    waiting->task = fixture_spawn(write_much, fixture_argument(waiting->fds[1]));
    return tug_sleep(2 * TUG_MILLISECOND);
}

static int64_t end_to_wait(void *argument)
{
    struct waiting *waiting = argument;
    CHECK_EQUAL(fixture_join(waiting->task), -EPIPE);
    return 0;
}

/* What was begun in one block_on() fails in the next, in which nothing is begun. */
static void fails_in_the_next(struct tug_runtime *runtime)
{
    struct waiting waiting;
    CHECK_EQUAL(pipe2(waiting.fds, O_CLOEXEC), 0);
    block_on(runtime, begin_to_wait, &waiting);
    CHECK(!is_in(get_mask));
    close(waiting.fds[0]);
    block_on(runtime, end_to_wait, &waiting);
    CHECK(!is_in(get_mask));
    close(waiting.fds[1]);
}

static int64_t sleep_shortly(void *unused)
{
    (void)unused;
    CHECK(!is_in(get_mask) || fixture_current()->workers > 0);
    return tug_sleep(TUG_MILLISECOND);
}

static void is_left_alone_without_a_write(struct tug_runtime *runtime)
{
    block_on(runtime, sleep_shortly, NULL);
    CHECK(!is_in(get_mask));
}

static void outside_of_any_runtime(void **state)
{
    (void)state;
    CHECK_EQUAL(nobody_reads_any_mode(NULL), 0);
    CHECK(!is_in(get_mask));
    CHECK(!is_in(sigpending));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_EACH(nobody_reads_any_mode),
        IN_EACH(reader_goes),
        IN_EACH(on_the_pool),
        OUTSIDE_EACH(is_given_back_open),
        OUTSIDE_EACH(is_given_back_blocked),
        OUTSIDE_EACH(keeps_what_is_pending),
        OUTSIDE_EACH(fails_in_the_next),
        OUTSIDE_EACH(is_left_alone_without_a_write),
        cmocka_unit_test(outside_of_any_runtime),
    };
    signal(SIGPIPE, SIG_DFL);
    change_mask(SIG_UNBLOCK);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
