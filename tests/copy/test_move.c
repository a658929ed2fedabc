/* SPDX-License-Identifier: MIT */
/* Moving across file systems: what arrives, what stays, and that nothing is ever in no place. */
#include "moving.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "two_systems.h"

static struct moving moving;

static void assert_text(const char *path, const char *text)
{
    char *found = fixture_read(path);
    assert_string_equal(found, text);
    free(found);
}

static struct stat look(const char *path)
{
    struct stat stat;
    assert_int_equal(lstat(path, &stat), 0);
    return stat;
}

/* ---- Whole moves ---- */

static void set_times(const char *path, time_t accessed, time_t modified)
{
    const struct timespec times[2] = {{accessed, 123456789}, {modified, 987654321}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void assert_same_metadata(const struct stat *old, const char *path)
{
    struct stat new = look(path);
    assert_int_equal(old->st_mode, new.st_mode);
    assert_int_equal(old->st_uid, new.st_uid);
    assert_int_equal(old->st_gid, new.st_gid);
    assert_int_equal(old->st_size, new.st_size);
    assert_int_equal(old->st_mtim.tv_sec, new.st_mtim.tv_sec);
    assert_int_equal(old->st_mtim.tv_nsec, new.st_mtim.tv_nsec);
}

static void test_tree(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        char from[32], to[32];
        snprintf(from, sizeof(from), "A/from%d", i);
        snprintf(to, sizeof(to), "B/to%d", i);
        fixture_make_tree(from);
        if (i == 0)
            fixture_make_tree("R");
        moving_init(&moving);
        moving.outside = i == 1;
        moving.multi_thread = i == 2;
        moving.options.verify = i == 2;
        moving_run(&moving, to, from, NULL);
        assert_int_equal(moving.result, 0);
        assert_int_equal(moving.failure_count, 0);
        assert_false(fixture_exists(from));
        fixture_assert_copy("R", to, 0);
        moving_assert_no_temporary_names("B");
        assert_int_equal(moving.report.copied, 1);
        assert_int_equal(moving.report.renamed, 0);
        /* Every entry but the top was told of as copied or created, and all as removed. */
        assert_int_equal(moving.removed, moving.report.removed);
        assert_int_equal(moving.created + moving.copied, moving.removed);
    }
}

static void test_metadata(void **state)
{
    (void)state;
    fixture_make_dir("A/d", 0755);
    fixture_make_text("A/d/file", "file");
    fixture_make_link("file", "A/d/link");
    fixture_make_fifo("A/d/fifo", 0640);
    fixture_make_dir("A/d/closed", 0500);
    if (geteuid() == 0) {
        assert_int_equal(lchown("A/d/file", 1234, 4321), 0);
        assert_int_equal(lchown("A/d/link", 1234, 4321), 0);
        assert_int_equal(chmod("A/d/file", 06711), 0);
    }
    set_times("A/d/file", 1000, 2000);
    set_times("A/d/link", 3000, 4000);
    set_times("A/d/fifo", 5000, 6000);
    set_times("A/d/closed", 5000, 6000);
    set_times("A/d", 7000, 8000);
    static const char *const names[] = {"d", "d/file", "d/link", "d/fifo", "d/closed"};
    struct stat old[5];
    for (int i = 0; i < 5; i++)
        old[i] = look(fixture_text("A/%s", names[i]));
    moving_succeeds("A/d", "B");
    for (int i = 0; i < 5; i++)
        assert_same_metadata(&old[i], fixture_text("B/%s", names[i]));
    assert_false(fixture_exists("A/d"));
}

static void test_special_files(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "A/socket"};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    fixture_make_fifo("A/fifo", 0600);
    moving_succeeds("A/socket", "B");
    moving_succeeds("A/fifo", "B");
    assert_true(S_ISSOCK(look("B/socket").st_mode));
    assert_true(S_ISFIFO(look("B/fifo").st_mode));
    assert_false(fixture_exists("A/socket"));
    assert_false(fixture_exists("A/fifo"));
    close(fd);
    if (mknod("A/device", S_IFCHR | 0600, makedev(1, 3)) != 0)
        return;
    moving_succeeds("A/device", "B");
    assert_true(S_ISCHR(look("B/device").st_mode));
    assert_int_equal(look("B/device").st_rdev, makedev(1, 3));
    assert_false(fixture_exists("A/device"));
}

static void test_links_are_not_followed(void **state)
{
    (void)state;
    fixture_make_dir("A/dir", 0755);
    fixture_make_text("A/dir/file", "file");
    fixture_make_link("dir", "A/link");
    moving_succeeds("A/link", "B");
    assert_true(S_ISLNK(look("B/link").st_mode));
    assert_text("A/dir/file", "file");
    assert_false(fixture_exists("A/link"));
}

static void test_hard_links(void **state)
{
    (void)state;
    fixture_make_dir("A/d", 0755);
    fixture_make_dir("A/d/sub", 0755);
    fixture_make_text("A/d/one", "text");
    assert_int_equal(link("A/d/one", "A/d/sub/two"), 0);
    assert_int_equal(link("A/d/one", "A/d/three"), 0);
    assert_int_equal(link("A/d/one", "A/outside"), 0);
    moving_succeeds("A/d", "B");
    assert_false(fixture_exists("A/d"));
    assert_text("A/outside", "text");
    assert_int_equal(look("A/outside").st_nlink, 1);
    assert_text("B/d/sub/two", "text");
    assert_int_equal(look("B/d/one").st_nlink, 3);
    assert_int_equal(look("B/d/one").st_ino, look("B/d/sub/two").st_ino);
    assert_int_equal(look("B/d/one").st_ino, look("B/d/three").st_ino);
}

/* Their names are removed by several workers at the same time. */
static void test_many_hard_links(void **state)
{
    (void)state;
    fixture_make_dir("A/d", 0755);
    for (int k = 0; k < 3; k++)
        fixture_make_dir(fixture_text("A/d/%d", k), 0755);
    for (int i = 0; i < 1000; i++) {
        const char *first = fixture_text("A/d/0/%d", i);
        fixture_make_text(first, "text");
        for (int k = 1; k < 3; k++)
            assert_int_equal(link(first, fixture_text("A/d/%d/%d", k, i)), 0);
    }
    moving_init(&moving);
    moving.options.jobs = 3;
    moving_run(&moving, "B", "A/d", NULL);
    assert_int_equal(moving.result, 0);
    assert_false(fixture_exists("A/d"));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(look(fixture_text("B/d/%d/%d", i % 3, i)).st_nlink, 3);
}

static void test_many_operands(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        fixture_make_file(fixture_text("A/%d", i), 0644, 1000 * (unsigned)i, (unsigned)i);
    fixture_make_tree("A/5");
    fixture_make_tree("R");
    fixture_make_text("x", "x");
    moving_init(&moving);
    moving_run(&moving, "B", "A/0", "A/1", "A/2", "A/5", "A/3", "x", "A/4", NULL);
    assert_int_equal(moving.result, 0);
    for (int i = 0; i < 5; i++)
        assert_int_equal(fixture_size(fixture_text("B/%d", i)), 1000 * i);
    fixture_assert_copy("R", "B/5", 0);
    assert_text("B/x", "x");
    for (int i = 0; i < 6; i++)
        assert_false(fixture_exists(fixture_text("A/%d", i)));
    moving_assert_no_temporary_names("B");
}

/* Deeper than any path name. */
static void test_deep(void **state)
{
    enum { DEPTH = 1500 };
    static const char name[] = "a directory with a name of some length";
    (void)state;
    int fd = open("A", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; i < DEPTH; i++) {
        assert_int_equal(mkdirat(fd, i == 0 ? "deep" : name, 0755), 0);
        int below = openat(fd, i == 0 ? "deep" : name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(below >= 0);
        close(fd);
        fd = below;
    }
    close(openat(fd, "bottom", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    close(fd);
    moving_init(&moving);
    moving.options.open_directories = 16;
    moving_run(&moving, "B", "A/deep", NULL);
    assert_int_equal(moving.result, 0);
    assert_false(fixture_exists("A/deep"));
    assert_int_equal(moving.report.removed, DEPTH + 1);
    assert_int_equal(moving.report.copy.directories, DEPTH);
    assert_int_equal(moving.report.copy.files, 1);
}

/* ---- What has the final name ---- */

static void test_replaces_a_file(void **state)
{
    char text[8] = "";
    (void)state;
    fixture_make_text("A/x", "new");
    fixture_make_text("B/x", "old");
    int fd = open("B/x", O_RDONLY | O_CLOEXEC);
    ino_t old = look("B/x").st_ino;
    moving_succeeds("A/x", "B/x");
    assert_text("B/x", "new");
    /* Not written over: another file has the name now. */
    assert_int_not_equal(look("B/x").st_ino, old);
    assert_int_equal(read(fd, text, sizeof(text)), 3);
    assert_string_equal(text, "old");
    close(fd);
    assert_false(fixture_exists("A/x"));
}

static void test_backups(void **state)
{
    (void)state;
    fixture_make_text("B/x", "1");
    for (int i = 2; i < 5; i++) {
        fixture_make_text("A/x", fixture_text("%d", i));
        moving_init(&moving);
        moving.options.backup = i == 2 ? TUG_BACKUP_NUMBERED : TUG_BACKUP_EXISTING;
        moving_run(&moving, "B", "A/x", NULL);
        assert_int_equal(moving.result, 0);
    }
    assert_text("B/x", "4");
    assert_text("B/x.~1~", "1");
    assert_text("B/x.~2~", "2");
    assert_text("B/x.~3~", "3");
    fixture_make_dir("A/x", 0755);
    moving.options.backup = TUG_BACKUP_SIMPLE;
    moving.options.suffix = ".old";
    moving_run(&moving, "B", "A/x", NULL);
    assert_int_equal(moving.result, 0);
    assert_text("B/x.old", "4");
    assert_true(S_ISDIR(look("B/x").st_mode));
}

static void test_directories_in_the_way(void **state)
{
    (void)state;
    fixture_make_dir("A/d", 0755);
    fixture_make_text("A/d/new", "new");
    fixture_make_dir("B/d", 0755);
    moving_succeeds("A/d", "B");
    assert_text("B/d/new", "new");
    fixture_make_dir("A/d", 0755);
    fixture_make_text("A/d/newer", "newer");
    moving_init(&moving);
    moving_run(&moving, "B", "A/d", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_REPLACE, -ENOTEMPTY, "A/d");
    assert_text("A/d/newer", "newer");
    assert_false(fixture_exists("B/d/newer"));
    fixture_make_text("A/f", "f");
    fixture_make_dir("B/f", 0755);
    moving_run(&moving, "B", "A/f", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_OVER_DIRECTORY, 0, "A/f");
    fixture_make_text("B/g", "g");
    fixture_make_dir("A/g", 0755);
    moving_run(&moving, "B", "A/g", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_OVER_FILE, 0, "A/g");
    moving_assert_no_temporary_names("B");
}

static void test_the_same_name_twice(void **state)
{
    (void)state;
    fixture_make_dir("A/p", 0755);
    fixture_make_dir("A/q", 0755);
    fixture_make_text("A/p/x", "p");
    fixture_make_text("A/q/x", "q");
    moving_init(&moving);
    moving_run(&moving, "B", "A/p/x", "A/q/x", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_JUST_CREATED, 0, "A/q/x");
    assert_text("B/x", "p");
    assert_text("A/q/x", "q");
    /* One is renamed, the other one would have to be copied. */
    fixture_make_text("x", "here");
    moving_run(&moving, ".", "A/q/x", NULL);
    assert_int_equal(moving.result, 0);
    fixture_make_dir("sub", 0755);
    fixture_make_text("A/q/x", "q");
    moving_run(&moving, "sub", "A/q/x", "x", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_JUST_CREATED, 0, "x");
    assert_text("sub/x", "q");
    moving.options.backup = TUG_BACKUP_NUMBERED;
    fixture_make_text("A/q/x", "r");
    moving_run(&moving, "sub", "A/q/x", "x", NULL);
    assert_int_equal(moving.result, 0);
    assert_text("sub/x", "q");
    assert_text("sub/x.~1~", "q");
    assert_text("sub/x.~2~", "r");
}

static void test_options_that_leave_alone(void **state)
{
    (void)state;
    fixture_make_text("A/x", "A");
    fixture_make_text("B/x", "B");
    moving_init(&moving);
    moving.options.existing = TUG_MOVE_EXISTING_KEEP;
    moving_run(&moving, "B", "A/x", NULL);
    assert_int_equal(moving.result, 0);
    assert_int_equal(moving.report.skipped, 1);
    moving.options.existing = TUG_MOVE_EXISTING_REFUSE;
    moving_run(&moving, "B", "A/x", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_REFUSED, 0, "A/x");
    moving_init(&moving);
    moving.options.no_copy = true;
    moving_run(&moving, "B", "A/x", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_RENAME, -EXDEV, "A/x");
    moving_init(&moving);
    moving.options.exchange = true;
    moving_run(&moving, "B", "A/x", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_EXCHANGE, -EXDEV, "A/x");
    set_times("A/x", 1, 1);
    moving_init(&moving);
    moving.options.update = true;
    moving_run(&moving, "B", "A/x", NULL);
    assert_int_equal(moving.report.skipped, 1);
    assert_text("A/x", "A");
    assert_text("B/x", "B");
}

static void test_into_itself(void **state)
{
    (void)state;
    fixture_make_dir("A/d", 0755);
    fixture_make_dir("A/d/mount", 0755);
    fixture_make_text("A/d/x", "x");
    if (mount("none", "A/d/mount", "tmpfs", 0, NULL) != 0)
        skip();
    moving_init(&moving);
    moving_run(&moving, "A/d/mount/d", "A/d", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_INTO_ITSELF, 0, "A/d");
    assert_text("A/d/x", "x");
    moving_assert_no_temporary_names("A/d/mount");
    umount("A/d/mount");
}

/* A place below the source on another file system cannot be removed; its contents are moved. */
static void test_odd_operands(void **state)
{
    (void)state;
    fixture_make_dir("A/d", 0755);
    fixture_make_text("A/d/x", "x");
    static const char *const names[] = {"A/d/.", "A/d/..", "A/d/../."};
    for (int i = 0; i < 3; i++) {
        moving_init(&moving);
        moving_run(&moving, "B/new", names[i], NULL);
        moving_assert_failure(&moving, TUG_MOVE_STEP_RENAME, -EBUSY, names[i]);
    }
    moving_succeeds("A/d///", "B///");
    assert_text("B/d/x", "x");
    fixture_make_text("A/f", "f");
    moving_run(&moving, "B/new/", "A/f", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_RENAME, -ENOTDIR, "A/f");
    moving_run(&moving, "B/no/new", "A/f", NULL);
    assert_int_equal(moving.failure_count, 1);
    assert_int_equal(moving.result, -ENOENT);
    moving_run(&moving, "B/x", "A/none", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_STAT, -ENOENT, "A/none");
    assert_text("A/f", "f");
    assert_int_equal(tug_move(NULL, NULL, 0, "B", NULL), -EINVAL);
}

/* ---- What changes meanwhile ---- */

static void append(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "more", 4), 4);
    close(fd);
}

static void (*meddle)(void);

static void meddle_once(const struct tug_move_event *event, void *argument)
{
    (void)argument;
    if (event->kind != TUG_MOVE_COPIED || meddle == NULL)
        return;
    meddle();
    meddle = NULL;
}

/* Moves A/d, in which "file" and "sub/other" are, and meddles when the first is copied. */
static void move_and_meddle(void (*function)(void))
{
    fixture_make_dir("A/d", 0755);
    fixture_make_dir("A/d/sub", 0755);
    fixture_make_text("A/d/file", "file");
    fixture_make_text("A/d/sub/other", "other");
    moving_init(&moving);
    moving.options.jobs = 1;
    moving.on_event = meddle_once;
    meddle = function;
    moving_run(&moving, "B", "A/d", NULL);
    assert_null(meddle);
    assert_true(fixture_exists("B/d/file"));
    assert_text("B/d/sub/other", "other");
}

static void grow(void)
{
    append("A/d/file");
}

static void test_a_file_grows(void **state)
{
    (void)state;
    move_and_meddle(grow);
    moving_assert_failure(&moving, TUG_MOVE_STEP_CHANGED, 0, "A/d/file");
    assert_text("A/d/file", "filemore");
    assert_false(fixture_exists("A/d/sub"));
}

/* The same size, and the time set back. */
static void rewrite(void)
{
    struct stat stat = look("A/d/file");
    int fd = open("A/d/file", O_WRONLY | O_CLOEXEC);
    assert_int_equal(write(fd, "FILE", 4), 4);
    const struct timespec times[2] = {stat.st_atim, stat.st_mtim};
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static void test_a_file_is_rewritten(void **state)
{
    (void)state;
    move_and_meddle(rewrite);
    moving_assert_failure(&moving, TUG_MOVE_STEP_CHANGED, 0, "A/d/file");
    assert_text("A/d/file", "FILE");
}

static void replace(void)
{
    fixture_make_text("A/d/temporary", "file");
    assert_int_equal(rename("A/d/temporary", "A/d/file"), 0);
}

static void test_a_file_is_replaced(void **state)
{
    (void)state;
    move_and_meddle(replace);
    moving_assert_failure(&moving, TUG_MOVE_STEP_CHANGED, 0, "A/d/file");
    assert_text("A/d/file", "file");
}

static void change_mode(void)
{
    assert_int_equal(chmod("A/d/file", 0600), 0);
}

static void test_permissions_change(void **state)
{
    (void)state;
    move_and_meddle(change_mode);
    moving_assert_failure(&moving, TUG_MOVE_STEP_CHANGED, 0, "A/d/file");
}

static void vanish(void)
{
    assert_int_equal(unlink("A/d/file"), 0);
}

/* What is gone needs not be removed. */
static void test_a_file_vanishes(void **state)
{
    (void)state;
    move_and_meddle(vanish);
    assert_int_equal(moving.result, 0);
    assert_false(fixture_exists("A/d"));
}

static bool appeared;

static void on_removal(const struct tug_move_event *event, void *argument)
{
    (void)argument;
    if (event->kind != TUG_MOVE_REMOVED || appeared)
        return;
    appeared = true;
    fixture_make_text("A/d/sub/appeared", "new");
    fixture_make_dir("A/d/sub/directory", 0755);
    fixture_make_text("A/d/sub/directory/file", "new");
}

static void test_something_appears(void **state)
{
    (void)state;
    fixture_make_dir("A/d", 0755);
    fixture_make_dir("A/d/sub", 0755);
    fixture_make_text("A/d/file", "file");
    fixture_make_text("A/d/sub/other", "other");
    moving_init(&moving);
    moving.options.jobs = 1;
    moving.on_event = on_removal;
    appeared = false;
    moving_run(&moving, "B", "A/d", NULL);
    assert_int_not_equal(moving.result, 0);
    assert_true(moving.failure_count > 0);
    assert_text("A/d/sub/appeared", "new");
    assert_text("A/d/sub/directory/file", "new");
    assert_false(fixture_exists("A/d/file"));
    assert_text("B/d/file", "file");
    assert_text("B/d/sub/other", "other");
}

/* ---- What fails ---- */

static void move_what_cannot_be_read(void)
{
    fixture_make_dir("A/d", 0755);
    fixture_make_dir("A/d/sub", 0755);
    fixture_make_text("A/d/sub/secret", "secret");
    fixture_make_text("A/d/sub/open", "open");
    fixture_make_text("A/d/file", "file");
    fixture_make_dir("A/d/closed", 0755);
    fixture_make_text("A/d/closed/file", "in it");
    assert_int_equal(chmod("A/d/sub/secret", 0), 0);
    assert_int_equal(chmod("A/d/closed", 0), 0);
    moving_init(&moving);
    moving_run(&moving, "B", "A/d", NULL);
    /* Each is reported once, not again by the removal. */
    assert_int_equal(moving.failure_count, 2);
    assert_int_equal(moving.result, -EACCES);
    assert_int_equal(chmod("A/d/closed", 0700), 0);
    assert_int_equal(fixture_size("A/d/sub/secret"), 6);
    assert_text("A/d/closed/file", "in it");
    assert_false(fixture_exists("A/d/sub/open"));
    assert_false(fixture_exists("A/d/file"));
    assert_text("B/d/sub/open", "open");
    assert_text("B/d/file", "file");
    assert_false(fixture_exists("B/d/sub/secret"));
    moving_assert_no_temporary_names("B");
}

static void test_what_cannot_be_read(void **state)
{
    (void)state;
    fixture_run_as_nobody(move_what_cannot_be_read);
}

static void move_what_cannot_be_removed(void)
{
    fixture_make_dir("A/d", 0755);
    fixture_make_dir("A/d/sub", 0755);
    fixture_make_text("A/d/sub/stays", "stays");
    fixture_make_text("A/d/goes", "goes");
    assert_int_equal(chmod("A/d/sub", 0555), 0);
    moving_init(&moving);
    moving_run(&moving, "B", "A/d", NULL);
    moving_assert_failure(&moving, TUG_MOVE_STEP_REMOVE, -EACCES, "A/d/sub/stays");
    assert_text("A/d/sub/stays", "stays");
    assert_text("B/d/sub/stays", "stays");
    assert_text("B/d/goes", "goes");
    assert_false(fixture_exists("A/d/goes"));
    assert_int_equal(fixture_mode("B/d/sub"), 0555);
    assert_int_equal(chmod("A/d/sub", 0755), 0);
    assert_int_equal(chmod("B/d/sub", 0755), 0);
}

static void test_what_cannot_be_removed(void **state)
{
    (void)state;
    fixture_run_as_nobody(move_what_cannot_be_removed);
}

static void test_full(void **state)
{
    (void)state;
    if (!two_systems_limit_b(2 << 20))
        skip();
    fixture_make_tree("A/from");
    fixture_make_tree("R");
    moving_init(&moving);
    moving_run(&moving, "B/to", "A/from", NULL);
    assert_int_equal(moving.result, -ENOSPC);
    moving_assert_in_one_place("R", "A/from", "B/to");
    moving_assert_no_temporary_names("B");
    fixture_make_file("A/large", 0644, 3 << 20, 9);
    fixture_make_text("B/large", "old");
    moving_run(&moving, "B", "A/large", NULL);
    assert_int_equal(moving.result, -ENOSPC);
    assert_int_equal(fixture_size("A/large"), 3 << 20);
    assert_text("B/large", "old");
    moving_assert_no_temporary_names("B");
}

/* ---- Verification and sync ---- */

/* Writes into the copy of "file", under its temporary name. */
static void corrupt(void)
{
    DIR *stream = opendir("B");
    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
        if (strncmp(entry->d_name, ".tug-", 5) == 0)
            append(fixture_text("B/%s/file", entry->d_name));
    closedir(stream);
}

static void corrupt_file(const struct tug_move_event *event, void *argument)
{
    (void)argument;
    if (event->kind == TUG_MOVE_COPIED && strcmp(event->source, "A/d/file") == 0)
        corrupt();
}

static void test_verification(void **state)
{
    (void)state;
    fixture_make_dir("A/d", 0755);
    fixture_make_text("A/d/file", "file");
    fixture_make_text("A/d/other", "other");
    moving_init(&moving);
    moving.options.verify = true;
    moving.options.jobs = 1;
    moving.on_event = corrupt_file;
    moving_run(&moving, "B", "A/d", NULL);
    assert_true(moving.failure_count > 0);
    assert_int_equal(moving.failures[0].step, TUG_MOVE_STEP_COPY);
    assert_int_equal(moving.failures[0].copy_step, TUG_COPY_STEP_VERIFY_CONTENT);
    assert_text("A/d/file", "file");
    assert_false(fixture_exists("A/d/other"));
    assert_text("B/d/other", "other");
}

static void test_sync(void **state)
{
    (void)state;
    fixture_make_tree("A/from");
    fixture_make_tree("R");
    moving_init(&moving);
    moving.options.sync = true;
    moving_run(&moving, "B/to", "A/from", NULL);
    assert_int_equal(moving.result, 0);
    assert_false(fixture_exists("A/from"));
    fixture_assert_copy("R", "B/to", 0);
}

/* ---- Cancellation ---- */

static void test_cancelled_at_random_moments(void **state)
{
    unsigned seed = (unsigned)time(NULL), cancelled = 0;
    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    fixture_make_tree("R");
    for (unsigned i = 0; i < 40; i++) {
        char from[32], to[32];
        snprintf(from, sizeof(from), "A/%u", i);
        snprintf(to, sizeof(to), "B/%u", i);
        fixture_make_tree(from);
        moving_init(&moving);
        moving.multi_thread = i % 2 == 1;
        moving.cancel_after = 1 + (unsigned)rand() % 12000;
        moving_run(&moving, to, from, NULL);
        cancelled += moving.result == -ECANCELED;
        assert_true(moving.result == -ECANCELED || moving.result == 0);
        assert_int_equal(moving.failure_count, 0);
        /* The whole source, or the whole copy. */
        if (fixture_exists(to))
            fixture_assert_copy("R", to, 0);
        else
            fixture_assert_copy("R", from, 0);
        moving_assert_in_one_place("R", from, to);
        moving_assert_no_temporary_names("B");
    }
    print_message("%u of 40 were cancelled\n", cancelled);
}

/* ---- The runtime on demand ---- */

static unsigned calls;

static int64_t run_copy(int64_t (*copy)(void *move), void *move, void *argument)
{
    (void)argument;
    calls++;
    return copy(move);
}

static void test_runtime_on_demand(void **state)
{
    (void)state;
    fixture_make_text("A/x", "x");
    moving_init(&moving);
    moving.outside = true;
    moving.options.run_copy = run_copy;
    moving_run(&moving, "A/y", "A/x", NULL);
    assert_int_equal(moving.result, 0);
    assert_int_equal(calls, 0);
    assert_int_equal(moving.renamed, 1);
    moving_run(&moving, "B", "A/y", NULL);
    assert_int_equal(moving.result, 0);
    assert_int_equal(calls, 1);
    assert_text("B/y", "x");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TWO_SYSTEMS_TEST(test_tree),
        TWO_SYSTEMS_TEST(test_metadata),
        TWO_SYSTEMS_TEST(test_special_files),
        TWO_SYSTEMS_TEST(test_links_are_not_followed),
        TWO_SYSTEMS_TEST(test_hard_links),
        TWO_SYSTEMS_TEST(test_many_hard_links),
        TWO_SYSTEMS_TEST(test_many_operands),
        TWO_SYSTEMS_TEST(test_deep),
        TWO_SYSTEMS_TEST(test_replaces_a_file),
        TWO_SYSTEMS_TEST(test_backups),
        TWO_SYSTEMS_TEST(test_directories_in_the_way),
        TWO_SYSTEMS_TEST(test_the_same_name_twice),
        TWO_SYSTEMS_TEST(test_options_that_leave_alone),
        TWO_SYSTEMS_TEST(test_into_itself),
        TWO_SYSTEMS_TEST(test_odd_operands),
        TWO_SYSTEMS_TEST(test_a_file_grows),
        TWO_SYSTEMS_TEST(test_a_file_is_rewritten),
        TWO_SYSTEMS_TEST(test_a_file_is_replaced),
        TWO_SYSTEMS_TEST(test_permissions_change),
        TWO_SYSTEMS_TEST(test_a_file_vanishes),
        TWO_SYSTEMS_TEST(test_something_appears),
        TWO_SYSTEMS_TEST(test_what_cannot_be_read),
        TWO_SYSTEMS_TEST(test_what_cannot_be_removed),
        TWO_SYSTEMS_TEST(test_full),
        TWO_SYSTEMS_TEST(test_verification),
        TWO_SYSTEMS_TEST(test_sync),
        TWO_SYSTEMS_TEST(test_cancelled_at_random_moments),
        TWO_SYSTEMS_TEST(test_runtime_on_demand),
    };
    return cmocka_run_group_tests(tests, two_systems_prepare, NULL);
}
