/* SPDX-License-Identifier: MIT */
#include "distant.h"

#include <stdlib.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

static bool run_server(const char *server, unsigned delay_us, const char *more)
{
    fixture_make_dir("mount", 0755);
    const char *delay = fixture_text("%u", delay_us);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        execl(server, "delay_fs", "-d", delay, more, "behind", "mount", (char *)NULL);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        return false;
    assert_int_equal(WEXITSTATUS(status), 0);
    return true;
}

bool distant_mount(const char *server, unsigned delay_us)
{
    return run_server(server, delay_us, "--");
}

bool distant_mount_cached(const char *server, unsigned delay_us)
{
    return run_server(server, delay_us, "-k");
}

int distant_leave(void **state)
{
    umount2("mount", MNT_DETACH);
    return fixture_leave(state);
}
