/* SPDX-License-Identifier: MIT */
/*
 * The examples of docs/cancellation.md, and that they do what is said there. The functions above
 * the tests stand in that page word for word (tests/docs/quoted). What the tests check beside them
 * is what the page promises of the calls.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <tug/tug.h>

/* ---- The examples ---- */

/* One deadline for question and answer together. */
static int64_t ask(int fd, char *answer, size_t size)
{
    struct tug_scope scope;
    tug_scope_begin(&scope, tug_deadline_after(50 * TUG_MILLISECOND), NULL);
    int64_t n = tug_write_all(fd, "name?\n", 6);
    if (n >= 0)
        n = tug_read(fd, answer, size);
    return tug_scope_end(&scope, n);
}

struct service {
    struct tug_token stop; /* outlives the scopes below it */
    int fd;
    int64_t bytes;
};

static int64_t serve(void *argument)
{
    struct service *service = argument;
    struct tug_scope scope;
    char buffer[512];
    int64_t n;
    tug_scope_begin(&scope, TUG_FOREVER, &service->stop);
    while ((n = tug_read(service->fd, buffer, sizeof buffer)) > 0)
        service->bytes += n;
    return tug_scope_end(&scope, n);
}

static int64_t keep_log(void *argument)
{
    int *fd = argument;
    int64_t result;
    do
        result = tug_sleep(TUG_SECOND);
    while (result == 0);
    struct tug_scope shield;
    tug_shield_begin(&shield);
    tug_write_all(*fd, "end\n", 4);
    tug_fsync(*fd);
    tug_scope_end(&shield, 0);
    return result;
}

static int64_t stop_log(struct tug_task *log)
{
    int64_t result;
    tug_task_abort(log);
    int error = tug_join(log, &result);
    if (error == 0)
        return result;
    tug_task_detach(log); /* this task is cancelled itself */
    return error;
}

/* Aborted before it has run it still frees its argument. */
static int64_t consume(void *text)
{
    int64_t result = tug_sleep(TUG_SECOND);
    free(text);
    return result;
}

struct part {
    int fd;
    char bytes[512];
};

static int64_t fetch_part(void *argument)
{
    struct part *part = argument;
    return tug_read_exact(part->fd, part->bytes, sizeof part->bytes);
}

static int64_t fetch(struct part *parts, size_t count)
{
    struct tug_group group;
    int error = 0;
    tug_group_init(&group, TUG_GROUP_CANCEL_ON_ERROR);
    for (size_t i = 0; i < count && error == 0; i++)
        error = tug_group_spawn(&group, fetch_part, &parts[i]);
    if (error != 0)
        tug_group_cancel(&group);
    int64_t result = tug_group_wait(&group);
    return result != 0 ? result : error;
}

struct reader {
    struct tug_op op;
    char buffer[512];
};

/* Reads from whichever has something first; the other one may have something, too. */
static int64_t read_either(struct reader readers[2], const int fds[2])
{
    struct tug_future *futures[2];
    for (int i = 0; i < 2; i++) {
        tug_op_read(&readers[i].op, fds[i], readers[i].buffer, sizeof readers[i].buffer,
                    TUG_CURRENT_POSITION);
        futures[i] = &readers[i].op.future;
    }
    return tug_select(futures, 2);
}

static int end(struct tug_runtime *runtime)
{
    int error = tug_runtime_shutdown(runtime, TUG_SECOND);
    if (error == -ETIMEDOUT)
        error = 0; /* the rest ends in the background */
    return error;
}

/* ---- What the tests share ---- */

static void make_pair(int fds[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void close_pair(const int fds[2])
{
    close(fds[0]);
    close(fds[1]);
}

/* ---- A scope with a deadline ---- */

static int64_t ask_body(void *argument)
{
    char answer[16];
    return ask(((int *)argument)[0], answer, sizeof answer);
}

static void test_deadline(void **state)
{
    (void)state;
    char question[16];
    int fds[2];
    make_pair(fds);
    assert_int_equal(tug_run(ask_body, fds), -ETIMEDOUT);
    assert_int_equal(read(fds[1], question, sizeof question), 6);
    assert_int_equal(write(fds[1], "tug", 3), 3);
    assert_int_equal(tug_run(ask_body, fds), 3);
    close_pair(fds);
}

static int64_t timeout_body(void *argument)
{
    char buffer[16];
    int fd = ((int *)argument)[0];
    int64_t n = TUG_TIMEOUT(10 * TUG_MILLISECOND, tug_read(fd, buffer, sizeof buffer));
    return n == -ETIMEDOUT && tug_cancelled() == 0 ? tug_write(fd, "x", 1) : n;
}

static void test_timeout_ends_with_its_scope(void **state)
{
    (void)state;
    int fds[2];
    make_pair(fds);
    assert_int_equal(tug_run(timeout_body, fds), 1);
    close_pair(fds);
}

/* ---- A token ---- */

static int64_t service_body(void *argument)
{
    struct service *service = argument;
    int64_t result = 0;
    struct tug_task *task = tug_spawn(serve, service);
    while (service->bytes == 0)
        tug_sleep(TUG_MILLISECOND);
    tug_token_cancel(&service->stop);
    int error = tug_join(task, &result);
    return error != 0 ? error : result;
}

/* On one thread, so that `bytes` may be looked at while the service runs. */
static void test_token(void **state)
{
    (void)state;
    int fds[2];
    make_pair(fds);
    struct service service = {.fd = fds[0]};
    struct tug_runtime_options options;
    struct tug_runtime *runtime;
    int64_t result = 0;
    tug_token_init(&service.stop, NULL);
    tug_runtime_options_init(&options);
    options.flavour = TUG_CURRENT_THREAD;
    assert_int_equal(write(fds[1], "hello", 5), 5);
    assert_int_equal(tug_runtime_create(&runtime, &options), 0);
    assert_int_equal(tug_runtime_block_on(runtime, service_body, &service, &result), 0);
    assert_int_equal(tug_runtime_shutdown(runtime, TUG_FOREVER), 0);
    assert_int_equal(result, -ECANCELED);
    assert_int_equal(service.bytes, 5);
    tug_token_destroy(&service.stop);
    close_pair(fds);
}

/* ---- Abort and shield ---- */

static int64_t stop_log_body(void *argument)
{
    struct tug_task *log = tug_spawn(keep_log, argument);
    return log != NULL ? stop_log(log) : -ENOMEM;
}

static void test_shield(void **state)
{
    (void)state;
    char path[] = "/tmp/tug-docs-XXXXXX";
    char text[16];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(tug_run(stop_log_body, &fd), -ECANCELED);
    assert_int_equal(pread(fd, text, sizeof text, 0), 4);
    assert_memory_equal(text, "end\n", 4);
    close(fd);
}

static int64_t abort_early_body(void *argument)
{
    (void)argument;
    int64_t result = 0;
    struct tug_task *task = tug_spawn(consume, malloc(1));
    tug_task_abort(task);
    int error = tug_join(task, &result);
    return error != 0 ? error : result;
}

/* That the argument is freed is what AddressSanitizer and Valgrind see. */
static void test_abort_before_first_run(void **state)
{
    (void)state;
    assert_int_equal(tug_run(abort_early_body, NULL), -ECANCELED);
}

/* ---- Groups ---- */

static int64_t fetch_body(void *argument)
{
    return fetch(argument, 3);
}

static void test_group(void **state)
{
    (void)state;
    struct part parts[3];
    int fds[2];
    make_pair(fds);
    /* Two that never get anything, and one that fails. */
    parts[0].fd = fds[0];
    parts[1].fd = fds[0];
    parts[2].fd = -1;
    assert_int_equal(tug_run(fetch_body, parts), -EBADF);
    close_pair(fds);
}

/* ---- Select ---- */

struct choice {
    int fds[2];
    struct reader readers[2];
};

static int64_t read_either_body(void *argument)
{
    struct choice *choice = argument;
    return read_either(choice->readers, choice->fds);
}

static void test_select(void **state)
{
    (void)state;
    int left[2], right[2];
    make_pair(left);
    make_pair(right);
    struct choice choice = {.fds = {left[0], right[0]}};
    assert_int_equal(write(right[1], "right", 5), 5);
    assert_int_equal(tug_run(read_either_body, &choice), 1);
    assert_int_equal(choice.readers[1].op.future.result, 5);
    assert_int_equal(choice.readers[0].op.future.result, -ECANCELED);

    /* With both ready, what the loser has read is in its buffer, or still in the socket. */
    assert_int_equal(write(left[1], "left", 4), 4);
    assert_int_equal(write(right[1], "right", 5), 5);
    int64_t winner = tug_run(read_either_body, &choice);
    assert_in_range(winner, 0, 1);
    int64_t loser_result = choice.readers[1 - winner].op.future.result;
    if (loser_result == -ECANCELED)
        loser_result = read(choice.fds[1 - winner], choice.readers[1 - winner].buffer, 16);
    assert_int_equal(loser_result, winner == 0 ? 5 : 4);
    close_pair(left);
    close_pair(right);
}

/* ---- Shutdown ---- */

static int64_t sleep_for_ever(void *argument)
{
    *(int64_t *)argument = tug_sleep_until(TUG_FOREVER);
    return 0;
}

static void test_shutdown(void **state)
{
    (void)state;
    struct tug_runtime *runtime;
    struct tug_spawn_options options = TUG_SPAWN_OPTIONS_INIT;
    struct tug_task *task;
    int64_t slept = 0;
    assert_int_equal(tug_runtime_create(&runtime, NULL), 0);
    options.runtime = runtime;
    assert_int_equal(tug_spawn_with(&task, &options, sleep_for_ever, &slept), 0);
    tug_task_detach(task);
    assert_int_equal(end(runtime), 0);
    assert_int_equal(slept, -ECANCELED);
}

/* ---- What a cancelled call has lost ---- */

static int64_t lost_count_body(void *argument)
{
    char buffer[8];
    int fd = ((int *)argument)[0];
    /* Five of eight bytes are there; that they were read is not told. */
    int64_t n = TUG_TIMEOUT(10 * TUG_MILLISECOND, tug_read_exact(fd, buffer, sizeof buffer));
    return n == -ETIMEDOUT ? TUG_TIMEOUT(10 * TUG_MILLISECOND, tug_read(fd, buffer, 1)) : n;
}

static int64_t kept_bytes_body(void *argument)
{
    char buffer[8];
    int fd = ((int *)argument)[0];
    struct tug_scope scope;
    tug_scope_begin(&scope, TUG_FOREVER, NULL);
    tug_scope_cancel(&scope);
    int64_t n = tug_scope_end(&scope, tug_read(fd, buffer, sizeof buffer));
    return n == -ECANCELED ? tug_read(fd, buffer, sizeof buffer) : n;
}

static void test_what_is_lost(void **state)
{
    (void)state;
    int fds[2];
    make_pair(fds);
    assert_int_equal(write(fds[1], "12345", 5), 5);
    assert_int_equal(tug_run(kept_bytes_body, fds), 5);
    assert_int_equal(write(fds[1], "12345", 5), 5);
    assert_int_equal(tug_run(lost_count_body, fds), -ETIMEDOUT);
    close_pair(fds);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_timeout_ends_with_its_scope),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_shield),
        cmocka_unit_test(test_abort_before_first_run),
        cmocka_unit_test(test_group),
        cmocka_unit_test(test_select),
        cmocka_unit_test(test_shutdown),
        cmocka_unit_test(test_what_is_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
