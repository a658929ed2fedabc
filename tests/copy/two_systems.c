/* SPDX-License-Identifier: MIT */
#include "fixture.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "two_systems.h"

static bool mounting;
static char other[4096]; /* without mounting: what B points to */

static bool enter_name_space(void)
{
    return unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

static dev_t device_of(const char *path)
{
    struct stat status;
    return path != NULL && stat(path, &status) == 0 ? status.st_dev : 0;
}

int two_systems_prepare(void **state)
{
    static const char *const places[] = {"/dev/shm", "/var/tmp", "/tmp"};
    const char *scratch = getenv("TMPDIR");
    (void)state;
    mounting = enter_name_space();
    if (mounting)
        return 0;
    for (unsigned i = 0; i < 3; i++) {
        dev_t device = device_of(places[i]);
        if (device == 0 || device == device_of(scratch != NULL ? scratch : "/tmp") ||
            access(places[i], W_OK) != 0)
            continue;
        snprintf(other, sizeof(other), "%s/tug-other-XXXXXX", places[i]);
        return 0;
    }
    print_message("there is only one file system, and no other can be mounted\n");
    exit(77);
}

static void mount_at(const char *path, const char *options)
{
    assert_int_equal(mount("none", path, "tmpfs", 0, options), 0);
    assert_int_equal(chmod(path, 0777), 0);
}

int two_systems_enter(void **state)
{
    fixture_enter(state);
    fixture_make_dir("A", 0777);
    if (mounting) {
        fixture_make_dir("B", 0777);
        mount_at("A", NULL);
        mount_at("B", NULL);
        return 0;
    }
    strcpy(other + strlen(other) - 6, "XXXXXX");
    assert_non_null(mkdtemp(other));
    fixture_make_link(other, "B");
    return 0;
}

bool two_systems_limit_b(unsigned long size)
{
    if (!mounting)
        return false;
    assert_int_equal(umount2("B", MNT_DETACH), 0);
    mount_at("B", fixture_text("size=%lu", size));
    return true;
}

int two_systems_leave(void **state)
{
    if (mounting) {
        umount2("A", MNT_DETACH);
        umount2("B", MNT_DETACH);
        return fixture_leave(state);
    }
    fixture_remove(other);
    return fixture_leave(state);
}
