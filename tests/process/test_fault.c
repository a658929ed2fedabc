/* SPDX-License-Identifier: MIT */
/*
 * Every system call and every allocation of starting, feeding, waiting for and ending a child fails
 * once, in turn: the error is the result or makes no difference, and no descriptor and no child is
 * left.
 */
#include "children.h"

#if TUG_FAULT_INJECTION

/* ---- What is tried: each returns 0 or an error ---- */

static int64_t collect(void)
{
    struct tug_process_output result;
    struct tug_process_options options = shell("cat; echo error >&2; exit 3");
    int outcome = tug_process_output(&result, &options, "text", 4, 100);
    if (outcome != 0)
        return outcome;
    CHECK(strcmp(result.output, "text") == 0 && strcmp(result.error, "error\n") == 0);
    CHECK_EQUAL(result.status.code, 3);
    free(result.output);
    free(result.error);
    return 0;
}

static int64_t wait_for_one(void)
{
    struct tug_process process;
    struct tug_process_status status;
    struct tug_process_options options = shell("exit 6");
    options.input.kind = options.output.kind = TUG_STDIO_PIPE;
    int error = tug_process_spawn(&process, &options);
    if (error != 0)
        return error;
    error = tug_process_wait(&process, &status);
    CHECK(error != 0 || status.code == 6);
    tug_process_close(&process);
    return error;
}

static int64_t end_one(void)
{
    struct tug_process process;
    struct tug_process_options options = shell("read line");
    options.input = (struct tug_stdio){TUG_STDIO_FD, 2};
    options.output.kind = TUG_STDIO_NULL;
    options.kill_on_close = true;
    options.program = "/bin/sleep";
    options.arguments = (char *[]){"sleep", "1000", NULL};
    int error = tug_process_spawn(&process, &options);
    if (error != 0)
        return error;
    pid_t id = tug_process_id(&process);
    tug_process_close(&process);
    /* If it could not be killed, or not be waited for, it was given up. */
    kill(id, SIGKILL);
    return 0;
}

static int64_t give_up_one(void)
{
    struct tug_process process;
    struct tug_process_options options = shell("read line");
    options.input.kind = TUG_STDIO_PIPE;
    int error = tug_process_spawn(&process, &options);
    if (error == 0)
        tug_process_close(&process);
    return error;
}

static int64_t (*const trials[])(void) = {collect, wait_for_one, end_one, give_up_one};
static const char *const names[] = {"collect", "wait_for_one", "end_one", "give_up_one"};

/* ---- The sweep ---- */

static const struct {
    const char *call;
    int error;
    bool final; /* the call has no other way */
} faults[] = {
    {"pipe2", EMFILE, true},       {"fcntl", EMFILE, true},
    {"posix_spawn", EAGAIN, true}, {"pidfd_open", EMFILE, false},
    {"pidfd_open", ENOSYS, false}, {"waitid", EIO, false},
    {"waitid", EINTR, false},      {"pidfd_send_signal", EPERM, false},
    {"read", EIO, false},          {"write", EIO, false},
    {"write", EINTR, false},       {"calloc", ENOMEM, true},
    {"realloc", ENOMEM, true},     {"eventfd", EMFILE, false},
    {"sigaction", EINVAL, false},  {"poll", EINTR, false},
};

static int64_t try_once(size_t trial, size_t fault, unsigned n)
{
    int descriptors = fixture_count_descriptors();
    children_set_kernel();
    CHECK_EQUAL(tug_fault_fail(faults[fault].call, n, 1, faults[fault].error), 0);
    int64_t result = trials[trial]();
    bool last = tug_fault_calls(faults[fault].call) < n;
    tug_fault_reset();
    expect_no_children();
    AWAIT(fixture_count_descriptors() == descriptors);
    if (result != 0 && (last || result != -faults[fault].error)) {
        fprintf(stderr, "%s: %s %u with %s: %lld\n", names[trial], faults[fault].call, n,
                strerror(faults[fault].error), (long long)result);
        CHECK(false);
    }
    CHECK(faults[fault].error != EINTR || result == 0);
    return last ? 1 : result;
}

static int64_t sweep(void *unused)
{
    (void)unused;
    enum { MOST = 60 };
    CHECK_EQUAL(trials[0](), 0);
    for (size_t trial = 0; trial < sizeof(trials) / sizeof(trials[0]); trial++)
        for (size_t fault = 0; fault < sizeof(faults) / sizeof(faults[0]); fault++) {
            unsigned n = 1, failures = 0;
            for (int64_t result = 0; result != 1 && n < MOST; n++) {
                result = try_once(trial, fault, n);
                failures += result < 0;
            }
            CHECK(n < MOST);
            CHECK(!faults[fault].final || n == 2 || failures > 0);
        }
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_CURRENT_THREAD(sweep),
        IN_WORKERS(sweep, 2),
    };
    return RUN_ON_BOTH_KERNELS(tests);
}

#else

int main(void)
{
    return 77;
}

#endif
