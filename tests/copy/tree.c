/* SPDX-License-Identifier: MIT */
/* Making trees and comparing them. */
#include "fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const char *fixture_text(const char *format, ...)
{
    static char texts[16][1024];
    static unsigned next;
    char *text = texts[next++ % 16];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(texts[0]), format, arguments);
    va_end(arguments);
    return text;
}

/* ---- Making ---- */

void fixture_make_dir(const char *path, mode_t mode)
{
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(chmod(path, mode), 0);
}

void fixture_make_file(const char *path, mode_t mode, uint64_t size, unsigned seed)
{
    static uint64_t block[1 << 13];
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    uint64_t state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (uint64_t done = 0; done < size;) {
        size_t length = size - done < sizeof(block) ? (size_t)(size - done) : sizeof(block);
        for (size_t i = 0; i * sizeof(block[0]) < length; i++) {
            state = state * UINT64_C(6364136223846793005) + 1442695040888963407u;
            block[i] = (state ^ state >> 32) | UINT64_C(0x0101010101010101);
        }
        assert_int_equal(write(fd, block, length), length);
        done += length;
    }
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

void fixture_make_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

void fixture_make_link(const char *target, const char *path)
{
    assert_int_equal(symlink(target, path), 0);
}

void fixture_make_fifo(const char *path, mode_t mode)
{
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(chmod(path, mode), 0);
}

void fixture_append(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(close(fd), 0);
}

void fixture_set_times(const char *path, time_t accessed, time_t modified)
{
    const struct timespec times[2] = {{accessed, 123456789}, {modified, 987654321}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

void fixture_make_tree(const char *path)
{
    static const mode_t modes[] = {0444, 0600, 0666, 0755, 0777, 04755, 02755, 01644};
    static const uint64_t sizes[] = {0, 1, 4095, 4096, 4097, 65536, 1 << 20, (1 << 20) + 1};
    fixture_make_dir(path, 0755);
    for (unsigned i = 0; i < 8; i++) {
        fixture_make_file(fixture_text("%s/mode %o", path, modes[i]), modes[i], 10 + i, i);
        fixture_make_file(fixture_text("%s/size%u", path, i), 0644, sizes[i], i);
    }
    fixture_make_dir(fixture_text("%s/sub", path), 0750);
    fixture_make_dir(fixture_text("%s/sub/empty", path), 01777);
    fixture_make_dir(fixture_text("%s/sub/set", path), 02755);
    fixture_make_file(fixture_text("%s/sub/set/file", path), 0640, 3000000, 77);
    fixture_make_file(fixture_text("%s/not \xff\xfe utf-8\n", path), 0644, 100, 5);
    fixture_make_dir(fixture_text("%s/-r", path), 0711);
    fixture_make_text(fixture_text("%s/-r/--", path), "dash");
    fixture_make_link("sub/set/file", fixture_text("%s/link", path));
    fixture_make_link("nowhere", fixture_text("%s/sub/dangling", path));
    fixture_make_link("..", fixture_text("%s/sub/up", path));
    fixture_make_fifo(fixture_text("%s/sub/fifo", path), 0622);
    assert_int_equal(link(fixture_text("%s/size3", path), fixture_text("%s/sub/hard", path)), 0);
    assert_int_equal(chmod(path, 0751), 0);
}

/* ---- Looking ---- */

struct stat fixture_stat(const char *path)
{
    struct stat stat;
    assert_int_equal(lstat(path, &stat), 0);
    return stat;
}

char *fixture_read(const char *path)
{
    uint64_t size = fixture_size(path);
    char *data = malloc(size + 1);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_non_null(data);
    assert_true(fd >= 0);
    assert_int_equal(read(fd, data, size + 1), size);
    data[size] = '\0';
    close(fd);
    return data;
}

uint64_t fixture_size(const char *path)
{
    return (uint64_t)fixture_stat(path).st_size;
}

mode_t fixture_mode(const char *path)
{
    return fixture_stat(path).st_mode & 07777;
}

void fixture_assert_text(const char *path, const char *text)
{
    char *found = fixture_read(path);
    assert_string_equal(found, text);
    free(found);
}

bool fixture_exists(const char *path)
{
    struct stat stat;
    int result = lstat(path, &stat);
    assert_true(result == 0 || errno == ENOENT);
    return result == 0;
}

/* ---- Comparing ---- */

/* Where the comparison is, for messages. */
struct place {
    const struct place *above;
    const char *name;
};

static void print_place(const struct place *place)
{
    if (place->above != NULL)
        print_place(place->above);
    print_error("/%s", place->name);
}

_Noreturn static void differ(const struct place *place, const char *how)
{
    print_place(place);
    print_error(": %s\n", how);
    fail();
    abort();
}

static void compare_contents(int source, int copy, const struct place *place)
{
    static char left[1 << 16], right[1 << 16];
    for (;;) {
        ssize_t a = read(source, left, sizeof(left));
        ssize_t b = read(copy, right, sizeof(right));
        if (a < 0 || b < 0 || a != b || memcmp(left, right, (size_t)a) != 0)
            differ(place, "contents differ");
        if (a == 0)
            return;
    }
}

static void compare_files(int source_at, int copy_at, const struct place *place)
{
    int source = openat(source_at, place->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    int copy = openat(copy_at, place->name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (source < 0 || copy < 0)
        differ(place, "cannot be opened");
    compare_contents(source, copy, place);
    close(source);
    close(copy);
}

static void compare_links(int source_at, int copy_at, const struct place *place)
{
    char source[4096] = "", copy[4096] = "";
    if (readlinkat(source_at, place->name, source, sizeof(source) - 1) < 0 ||
        readlinkat(copy_at, place->name, copy, sizeof(copy) - 1) < 0 || strcmp(source, copy) != 0)
        differ(place, "link targets differ");
}

static void compare_mode(const struct stat *source, const struct stat *copy,
                         const struct place *place)
{
    mode_t mask = S_ISREG(source->st_mode) ? 0755 : S_ISDIR(source->st_mode) ? 01755 : 07755;
    mode_t inherited = S_ISDIR(source->st_mode) ? S_ISGID : 0;
    if (((source->st_mode & mask) ^ copy->st_mode) & 07777 & ~inherited)
        differ(place, "permissions differ");
}

static void compare_directories(int source, int copy, int flags, const struct place *place);

static void compare_entries(int source_at, int copy_at, int flags, const struct place *place)
{
    struct stat source, copy;
    if (fstatat(source_at, place->name, &source, AT_SYMLINK_NOFOLLOW) != 0)
        differ(place, "is not in the source");
    if (fstatat(copy_at, place->name, &copy, AT_SYMLINK_NOFOLLOW) != 0) {
        if (flags & FIXTURE_SUBSET)
            return;
        differ(place, "is missing");
    }
    if ((source.st_mode ^ copy.st_mode) & S_IFMT)
        differ(place, "types differ");
    if (source.st_rdev != copy.st_rdev)
        differ(place, "devices differ");
    if ((flags & FIXTURE_MODES) && !S_ISLNK(source.st_mode))
        compare_mode(&source, &copy, place);
    if (S_ISREG(source.st_mode))
        compare_files(source_at, copy_at, place);
    if (S_ISLNK(source.st_mode))
        compare_links(source_at, copy_at, place);
    if (!S_ISDIR(source.st_mode))
        return;
    int left = openat(source_at, place->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int right = openat(copy_at, place->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (left < 0 || right < 0)
        differ(place, "cannot be opened");
    compare_directories(left, right, flags, place);
}

/* Compares each entry of `listed`, either of the two. */
static void compare_list(int listed, int source, int copy, int flags, const struct place *place)
{
    DIR *stream = fdopendir(dup(listed));
    assert_non_null(stream);
    rewinddir(stream);
    for (struct dirent *entry; (entry = readdir(stream)) != NULL;) {
        struct place below = {place, entry->d_name};
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        struct stat stat;
        if (listed == source)
            compare_entries(source, copy, flags, &below);
        else if (fstatat(source, entry->d_name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
            differ(&below, "is not in the source");
    }
    closedir(stream);
}

/* Closes both. */
static void compare_directories(int source, int copy, int flags, const struct place *place)
{
    compare_list(source, source, copy, flags, place);
    compare_list(copy, source, copy, flags, place);
    close(source);
    close(copy);
}

void fixture_assert_copy(const char *source, const char *copy, int flags)
{
    struct place top = {NULL, copy};
    struct stat source_stat, copy_stat;
    if (lstat(source, &source_stat) != 0)
        differ(&top, "the source is missing");
    if (lstat(copy, &copy_stat) != 0) {
        if (flags & FIXTURE_SUBSET)
            return;
        differ(&top, "is missing");
    }
    if ((source_stat.st_mode ^ copy_stat.st_mode) & S_IFMT)
        differ(&top, "types differ");
    if ((flags & FIXTURE_MODES) && !S_ISLNK(source_stat.st_mode))
        compare_mode(&source_stat, &copy_stat, &top);
    if (!S_ISDIR(source_stat.st_mode) && !S_ISREG(source_stat.st_mode))
        return;
    int left = open(source, O_RDONLY | O_CLOEXEC);
    int right = open(copy, O_RDONLY | O_CLOEXEC);
    assert_true(left >= 0 && right >= 0);
    if (S_ISDIR(source_stat.st_mode)) {
        compare_directories(left, right, flags, &top);
        return;
    }
    compare_contents(left, right, &top);
    close(left);
    close(right);
}
