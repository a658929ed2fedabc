/* SPDX-License-Identifier: MIT */
/* Written with plain system calls by path, so that the engine is not tested by itself. */
#include "attributes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "fixture.h"

/* ---- Making ---- */

void attributes_set_times(const char *path, long access, long access_ns, long change,
                          long change_ns)
{
    struct timespec times[2] = {{access, access_ns}, {change, change_ns}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

/* As the kernel takes it: version 2, then tag, rights and number of each entry. */
bool attributes_set_list(const char *path, bool is_default, unsigned user)
{
    struct entry {
        uint16_t tag, rights;
        uint32_t number;
    };
    struct {
        uint32_t version;
        struct entry entries[5];
    } list = {2,
              {{0x01, 7, UINT32_MAX},
               {0x02, 5, user},
               {0x04, 4, UINT32_MAX},
               {0x10, 5, UINT32_MAX},
               {0x20, 1, UINT32_MAX}}};
    const char *name = is_default ? "system.posix_acl_default" : "system.posix_acl_access";
    if (setxattr(path, name, &list, sizeof(list), 0) == 0)
        return true;
    assert_int_equal(errno, EOPNOTSUPP);
    return false;
}

bool attributes_has_list(const char *path, bool is_default)
{
    return getxattr(path, is_default ? "system.posix_acl_default" : "system.posix_acl_access", NULL,
                    0) > 0;
}

bool attributes_set(const char *path, const char *name, const char *value)
{
    if (setxattr(path, name, value, strlen(value), 0) == 0)
        return true;
    assert_int_equal(errno, EOPNOTSUPP);
    return false;
}

static void make_attributes(const char *path)
{
    static const unsigned char capability[20] = {1, 0, 0, 2, 0, 4};
    char *large = malloc(3001);
    assert_non_null(large);
    memset(large, 'x', 3000);
    large[3000] = '\0';
    attributes_set(fixture_text("%s/attributes", path), "user.one", "1");
    attributes_set(fixture_text("%s/attributes", path), "user.empty", "");
    attributes_set(fixture_text("%s/attributes", path), "user.large", large);
    for (unsigned i = 0; i < 40; i++)
        attributes_set(fixture_text("%s/many", path), fixture_text("user.a rather long name %u", i),
                       "value");
    attributes_set(fixture_text("%s/read only", path), "user.two", "2");
    assert_int_equal(chmod(fixture_text("%s/read only", path), 0444), 0);
    attributes_set(fixture_text("%s/directory", path), "user.three", "3");
    attributes_set(fixture_text("%s/size6", path), "user.four", "4");
    attributes_set_list(fixture_text("%s/list", path), false, 1111);
    attributes_set_list(fixture_text("%s/directory", path), false, 2222);
    attributes_set_list(fixture_text("%s/directory", path), true, 3333);
    attributes_set_list(fixture_text("%s/sub/fifo", path), false, 4444);
    if (geteuid() == 0) {
        setxattr(fixture_text("%s/capable", path), "security.capability", capability, 20, 0);
        setxattr(fixture_text("%s/capable", path), "trusted.x", "y", 1, 0);
        lsetxattr(fixture_text("%s/link", path), "trusted.link", "z", 1, 0);
    }
    free(large);
}

static void make_owners(const char *path)
{
    static const char *const names[] = {"mode 4755",    "size1",    "size7", "sub/set", "link",
                                        "sub/dangling", "sub/fifo", "null",  "capable", "list"};
    if (geteuid() != 0)
        return;
    assert_int_equal(mknod(fixture_text("%s/null", path), S_IFCHR | 0640, makedev(1, 3)), 0);
    assert_int_equal(mknod(fixture_text("%s/loop", path), S_IFBLK | 0660, makedev(7, 200)), 0);
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_int_equal(lchown(fixture_text("%s/%s", path, names[i]), 1000 + i, 2000 + i), 0);
    /* That took away what the owner may not keep. */
    assert_int_equal(chmod(fixture_text("%s/mode 4755", path), 04755), 0);
}

static void make_times(const char *path, unsigned *number)
{
    struct stat stat;
    assert_int_equal(lstat(path, &stat), 0);
    if (S_ISDIR(stat.st_mode)) {
        DIR *stream = opendir(path);
        assert_non_null(stream);
        for (struct dirent *entry; (entry = readdir(stream)) != NULL;)
            if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
                char below[4096];
                snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
                make_times(below, number);
            }
        closedir(stream);
    }
    ++*number;
    /* Access in the future, so that relatime does not move it when the file is read. */
    attributes_set_times(path, 4000000000 + *number, 123456789 + *number, 1500000000 - *number,
                         987654321 - *number);
}

bool attributes_make_tree(const char *path)
{
    static const char *const files[] = {"attributes", "many",    "read only",
                                        "list",       "capable", "old"};
    unsigned number = 0;
    fixture_make_tree(path);
    for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        fixture_make_file(fixture_text("%s/%s", path, files[i]), 0644, 10 + i, i);
    fixture_make_dir(fixture_text("%s/directory", path), 0755);
    fixture_make_file(fixture_text("%s/directory/file", path), 0640, 100, 9);
    fixture_make_dir(fixture_text("%s/directory/below", path), 0700);
    assert_int_equal(mknod(fixture_text("%s/socket", path), S_IFSOCK | 0600, 0), 0);
    assert_int_equal(
        link(fixture_text("%s/size2", path), fixture_text("%s/directory/second", path)), 0);
    assert_int_equal(link(fixture_text("%s/size2", path), fixture_text("%s/sub/third", path)), 0);
    assert_int_equal(linkat(AT_FDCWD, fixture_text("%s/link", path), AT_FDCWD,
                            fixture_text("%s/sub/link too", path), 0),
                     0);
    assert_int_equal(link(fixture_text("%s/sub/fifo", path), fixture_text("%s/fifo", path)), 0);
    make_owners(path);
    make_attributes(path);
    fixture_make_dir(fixture_text("%s/closed", path), 0755);
    fixture_make_file(fixture_text("%s/closed/file", path), 0400, 100, 9);
    fixture_make_dir(fixture_text("%s/closed/below", path), 0555);
    assert_int_equal(chmod(fixture_text("%s/closed", path), 0555), 0);
    make_times(path, &number);
    attributes_set_times(fixture_text("%s/old", path), 4000000000, 0, -86400, 5);
    return attributes_has_list(fixture_text("%s/list", path), false) &&
           getxattr(fixture_text("%s/attributes", path), "user.one", NULL, 0) == 1;
}

/* ---- Comparing ---- */

/* Names seen with more than one link, by the two files that they are. */
struct seen {
    dev_t device;
    ino_t source, copy;
};

struct comparison {
    unsigned mask;
    struct seen *seen;
    size_t count;
};

static void differ(const char *path, const char *what, long long expected, long long found)
{
    fail_msg("%s: %s differs: %llo (%lld) became %llo (%lld)", path, what, expected, expected,
             found, found);
}

static void compare_number(const char *path, const char *what, long long expected, long long found)
{
    if (expected != found)
        differ(path, what, expected, found);
}

/* Both were made while the test ran. */
static bool are_new(const struct timespec *a, const struct timespec *b)
{
    time_t now = time(NULL);
    return llabs((long long)now - a->tv_sec) < 3600 && llabs((long long)now - b->tv_sec) < 3600;
}

static void compare_times(const char *path, const struct stat *source, const struct stat *copy)
{
    compare_number(path, "modification time", source->st_mtim.tv_sec, copy->st_mtim.tv_sec);
    compare_number(path, "modification ns", source->st_mtim.tv_nsec, copy->st_mtim.tv_nsec);
    compare_number(path, "access time", source->st_atim.tv_sec, copy->st_atim.tv_sec);
    compare_number(path, "access ns", source->st_atim.tv_nsec, copy->st_atim.tv_nsec);
}

/* Each attribute of one file of the wanted kind must be on the other with the same value. */
static void compare_xattrs(const char *listed, const char *other, unsigned mask)
{
    static char names[1 << 16], left[1 << 16], right[1 << 16];
    ssize_t length = llistxattr(listed, names, sizeof(names));
    for (ssize_t i = 0; i < length; i += (ssize_t)strlen(names + i) + 1) {
        bool is_list = strncmp(names + i, "system.posix_acl", 16) == 0;
        if ((mask & (is_list ? ATTRIBUTES_MODE : ATTRIBUTES_XATTR)) == 0)
            continue;
        ssize_t a = lgetxattr(listed, names + i, left, sizeof(left));
        ssize_t b = lgetxattr(other, names + i, right, sizeof(right));
        if (a < 0 || a != b || memcmp(left, right, (size_t)a) != 0)
            fail_msg("%s: attribute %s is not the same as of %s", listed, names + i, other);
    }
}

static void compare_links(struct comparison *comparison, const char *path,
                          const struct stat *source, const struct stat *copy)
{
    for (size_t i = 0; i < comparison->count; i++) {
        const struct seen *seen = &comparison->seen[i];
        bool same_source = seen->device == source->st_dev && seen->source == source->st_ino;
        if (same_source != (seen->copy == copy->st_ino))
            fail_msg("%s: is %sa link where the source is%s", path, same_source ? "not " : "",
                     same_source ? "" : " not");
    }
    comparison->seen =
        realloc(comparison->seen, (comparison->count + 1) * sizeof(comparison->seen[0]));
    assert_non_null(comparison->seen);
    comparison->seen[comparison->count++] =
        (struct seen){source->st_dev, source->st_ino, copy->st_ino};
}

static void compare_targets(const char *source, const char *copy)
{
    char left[4096] = "", right[4096] = "";
    assert_true(readlink(source, left, sizeof(left) - 1) > 0);
    assert_true(readlink(copy, right, sizeof(right) - 1) > 0);
    assert_string_equal(left, right);
}

static void compare(struct comparison *comparison, const char *source_path, const char *copy_path);

/* Compares what is in `listed`; the names must be in `other` as well. */
static void compare_entries(struct comparison *comparison, const char *listed, const char *other,
                            bool deeply)
{
    DIR *stream = opendir(listed);
    assert_non_null(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        char left[4096], right[4096];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(left, sizeof(left), "%s/%s", listed, entry->d_name);
        snprintf(right, sizeof(right), "%s/%s", other, entry->d_name);
        if (!fixture_exists(right))
            fail_msg("%s is missing", right);
        if (deeply)
            compare(comparison, left, right);
    }
    closedir(stream);
}

static void compare(struct comparison *comparison, const char *source_path, const char *copy_path)
{
    struct stat source, copy;
    unsigned mask = comparison->mask;
    assert_int_equal(lstat(source_path, &source), 0);
    assert_int_equal(lstat(copy_path, &copy), 0);
    compare_number(copy_path, "type", source.st_mode & S_IFMT, copy.st_mode & S_IFMT);
    compare_number(copy_path, "device", (long long)source.st_rdev, (long long)copy.st_rdev);
    if (mask & ATTRIBUTES_MODE)
        compare_number(copy_path, "mode", source.st_mode, copy.st_mode);
    if (mask & ATTRIBUTES_OWNER) {
        compare_number(copy_path, "owner", source.st_uid, copy.st_uid);
        compare_number(copy_path, "group", source.st_gid, copy.st_gid);
    }
    bool both_new = (mask & ATTRIBUTES_TIMES_OR_NOW) && are_new(&source.st_mtim, &copy.st_mtim);
    if ((mask & (ATTRIBUTES_TIMES | ATTRIBUTES_TIMES_OR_NOW)) && !both_new)
        compare_times(copy_path, &source, &copy);
    compare_xattrs(source_path, copy_path, mask);
    compare_xattrs(copy_path, source_path, mask);
    if ((mask & ATTRIBUTES_LINKS) && !S_ISDIR(source.st_mode) && source.st_nlink > 1)
        compare_links(comparison, copy_path, &source, &copy);
    if (S_ISREG(source.st_mode))
        fixture_assert_copy(source_path, copy_path, 0);
    else if (S_ISLNK(source.st_mode))
        compare_targets(source_path, copy_path);
    if (S_ISDIR(source.st_mode)) {
        compare_entries(comparison, source_path, copy_path, true);
        compare_entries(comparison, copy_path, source_path, false);
    }
}

void attributes_assert_same(const char *source, const char *copy, unsigned mask)
{
    struct comparison comparison = {.mask = mask};
    compare(&comparison, source, copy);
    free(comparison.seen);
}
