/* SPDX-License-Identifier: MIT */
/*
 * Linked into every test program that runs once per driver: if TUG_DRIVER asks for io_uring and the
 * kernel refuses it, the program is skipped (status 77) before main() starts. It asks the kernel
 * itself, not libtug, so that a ring that libtug fails to set up is a failure and not a skip.
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STATUS_SKIPPED = 77 };

/* Whether the system has no io_uring (-ENOSYS) or forbids it (-EPERM). */
static bool uring_is_refused(void)
{
    struct io_uring_params params = {0};
    long fd = syscall(SYS_io_uring_setup, 1, &params);
    if (fd >= 0) {
        close((int)fd);
        return false;
    }
    return errno == ENOSYS || errno == EPERM;
}

__attribute__((constructor)) static void skip_without_uring(void)
{
    const char *driver = getenv("TUG_DRIVER");
    if (driver == NULL || strcmp(driver, "uring") != 0 || !uring_is_refused())
        return;
    fprintf(stderr, "skipped: the system refuses io_uring: %s\n", strerror(errno));
    _exit(STATUS_SKIPPED);
}
