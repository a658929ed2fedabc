/* SPDX-License-Identifier: MIT */
/*
 * Makes the trees that the copy benchmarks copy, and checks the copies.
 *
 *   bench-tree make SHAPE DIRECTORY DIVISOR   the same bytes every time; counts by DIVISOR
 *   bench-tree check SOURCE COPY LEVEL        0 if the copy is what it should be
 *
 * LEVEL says how much must be equal: `contents` (names, types, bytes, link targets), `modes` (and
 * permissions, less the umask), `all` (and owner, modification time, whole mode). Sparse files must
 * not have grown in any case.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

static _Noreturn void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("bench-tree: ", stderr);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, ": %s\n", strerror(errno));
    va_end(arguments);
    exit(1);
}

/* ---- Making ---- */

static unsigned char noise[2 * MIB];

/* xorshift64*, Vigna 2016. */
static void fill_noise(void)
{
    uint64_t state = 0x9e3779b97f4a7c15u;
    for (size_t i = 0; i < sizeof(noise); i += 8) {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        uint64_t word = state * 0x2545f4914f6cdd1du;
        memcpy(noise + i, &word, 8);
    }
}

static void write_all(int fd, const void *data, size_t length, off_t offset)
{
    while (length > 0) {
        ssize_t written = pwrite(fd, data, length, offset);
        if (written <= 0)
            die("write");
        data = (const char *)data + written;
        offset += written;
        length -= (size_t)written;
    }
}

static int make_file(int at, const char *name)
{
    int fd = openat(at, name, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (fd < 0)
        die("%s", name);
    return fd;
}

static int make_directory(int at, const char *name)
{
    if (mkdirat(at, name, 0755) != 0)
        die("%s", name);
    int fd = openat(at, name, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        die("%s", name);
    return fd;
}

/* Files of `least` to `most` bytes; each has another part of the noise. */
static void make_files(int at, unsigned first, unsigned count, size_t least, size_t most)
{
    char name[32];
    for (unsigned i = first; i < first + count; i++) {
        uint32_t random = (i + 1) * 2654435761u;
        size_t length = least + (most > least ? (random >> 8) % (most - least + 1) : 0);
        snprintf(name, sizeof(name), "file%07u.dat", i);
        int fd = make_file(at, name);
        write_all(fd, noise + random % MIB, length < MIB ? length : MIB, 0);
        for (size_t done = MIB; done < length; done += MIB)
            write_all(fd, noise, length - done < MIB ? length - done : MIB, (off_t)done);
        close(fd);
    }
}

/* `count` directories of `files` each; the files are numbered from `first` on. */
static void make_directories(int at, unsigned count, unsigned first, unsigned files, size_t least,
                             size_t most)
{
    char name[32];
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "inner%03u", i);
        int directory = make_directory(at, name);
        make_files(directory, first + i * files, files, least, most);
        close(directory);
    }
}

/* `outer` directories with `inner` each; so many files in each of these. */
static void make_tree(int at, unsigned outer, unsigned inner, unsigned files, size_t least,
                      size_t most)
{
    char name[32];
    for (unsigned i = 0; i < outer; i++) {
        snprintf(name, sizeof(name), "outer%03u", i);
        int above = make_directory(at, name);
        make_directories(above, inner, i * inner * files, files, least, most);
        close(above);
    }
}

static void make_big(int at, size_t mebibytes)
{
    int fd = make_file(at, "big.dat");
    for (size_t i = 0; i < mebibytes; i++) {
        memcpy(noise, &i, sizeof(i));
        write_all(fd, noise, MIB, (off_t)(i * MIB));
    }
    close(fd);
}

/* Of each file 16 pieces of 64 KiB are there. */
static void make_sparse(int at, unsigned count, size_t mebibytes)
{
    char name[32];
    for (unsigned i = 0; i < count; i++) {
        snprintf(name, sizeof(name), "sparse%02u.dat", i);
        int fd = make_file(at, name);
        if (ftruncate(fd, (off_t)(mebibytes * MIB)) != 0)
            die("%s", name);
        for (size_t j = 0; j < 16; j++)
            write_all(fd, noise + j, MIB / 16, (off_t)(j * mebibytes * (MIB / 16)));
        close(fd);
    }
}

/* Files of one size in one directory, for the thresholds of the strategy: 64 MiB of them, and not
 * more than 2,000. */
static void make_sized(int at, unsigned kibibytes, unsigned divisor)
{
    unsigned count = kibibytes > 32 ? (64 << 10) / kibibytes : 2000;
    make_files(at, 0, count / divisor, (size_t)kibibytes << 10, (size_t)kibibytes << 10);
}

/* 2,000 sparse files of one size, with a block in the middle of each. */
static void make_holes(int at, unsigned kibibytes, unsigned divisor)
{
    char name[32];
    off_t size = (off_t)kibibytes << 10;
    for (unsigned i = 0; i < 2000 / divisor; i++) {
        snprintf(name, sizeof(name), "holes%04u.dat", i);
        int fd = make_file(at, name);
        if (ftruncate(fd, size) != 0)
            die("%s", name);
        write_all(fd, noise + i, 4096, size / 8192 * 4096);
        close(fd);
    }
}

static void make(const char *shape, const char *path, unsigned divisor)
{
    int at = make_directory(AT_FDCWD, path);
    fill_noise();
    if (strcmp(shape, "flat1k") == 0)
        make_files(at, 0, 1000 / divisor, 16 << 10, 16 << 10);
    else if (strcmp(shape, "spread1k") == 0)
        make_directories(at, 50 / divisor, 0, 20, 16 << 10, 16 << 10);
    else if (strcmp(shape, "walk") == 0)
        make_directories(at, 50 / divisor, 0, 40, 0, 0);
    else if (strcmp(shape, "tree100k") == 0)
        make_tree(at, 10, 100 / divisor, 100, 1 << 10, 8 << 10);
    else if (strcmp(shape, "flat100k") == 0)
        make_files(at, 0, 100000 / divisor, 10 << 10, 10 << 10);
    else if (strcmp(shape, "empty1m") == 0)
        make_tree(at, 10, 100 / divisor, 1000, 0, 0);
    else if (strcmp(shape, "emptyflat1m") == 0)
        make_files(at, 0, 1000000 / divisor, 0, 0);
    else if (strcmp(shape, "big") == 0)
        make_big(at, 1024 / divisor);
    else if (strcmp(shape, "sparse") == 0)
        make_sparse(at, 10, 1024 / divisor);
    else if (strncmp(shape, "size", 4) == 0)
        make_sized(at, (unsigned)atoi(shape + 4), divisor);
    else if (strncmp(shape, "holes", 5) == 0)
        make_holes(at, (unsigned)atoi(shape + 5), divisor);
    else
        die("%s: no such shape", shape);
    close(at);
}

/* ---- Checking ---- */

enum level { CONTENTS, MODES, ALL };

struct check {
    enum level level;
    mode_t umask;
    unsigned long entries;
};

static unsigned char ours[MIB], theirs[MIB];

static void differ(const char *path, const char *what)
{
    errno = 0;
    fprintf(stderr, "bench-tree: %s: %s\n", path, what);
    exit(1);
}

static void check_contents(const char *source, const char *copy, off_t size)
{
    int a = open(source, O_RDONLY), b = open(copy, O_RDONLY);
    if (a < 0 || b < 0)
        die("%s", copy);
    for (off_t offset = 0; offset < size;) {
        ssize_t length = read(a, ours, MIB);
        if (length <= 0 || read(b, theirs, MIB) != length ||
            memcmp(ours, theirs, (size_t)length) != 0)
            differ(copy, "other contents");
        offset += length;
    }
    close(a);
    close(b);
}

static void check_target(const char *source, const char *copy)
{
    ssize_t length = readlink(source, (char *)ours, MIB);
    if (length < 0 || readlink(copy, (char *)theirs, MIB) != length ||
        memcmp(ours, theirs, (size_t)length) != 0)
        differ(copy, "other target");
}

static void check_status(const struct check *check, const char *copy, const struct stat *a,
                         const struct stat *b)
{
    if ((a->st_mode ^ b->st_mode) & S_IFMT)
        differ(copy, "other type");
    if (S_ISREG(a->st_mode) && a->st_size != b->st_size)
        differ(copy, "other length");
    /* A file system may need a few blocks for what it knows about extents. */
    if (S_ISREG(a->st_mode) && a->st_blocks < a->st_size / 512 && a->st_size > 1 << 16 &&
        b->st_blocks > a->st_blocks + a->st_blocks / 8 + 64)
        differ(copy, "holes were filled");
    if (check->level == MODES && !S_ISLNK(a->st_mode) &&
        (b->st_mode & 0777) != (a->st_mode & 0777 & ~check->umask))
        differ(copy, "other mode");
    if (check->level != ALL)
        return;
    if (a->st_mode != b->st_mode)
        differ(copy, "other mode");
    if (a->st_uid != b->st_uid || a->st_gid != b->st_gid)
        differ(copy, "other owner");
    if (a->st_mtim.tv_sec != b->st_mtim.tv_sec || a->st_mtim.tv_nsec != b->st_mtim.tv_nsec)
        differ(copy, "other time");
}

static unsigned count_names(const char *path)
{
    DIR *directory = opendir(path);
    if (directory == NULL)
        die("%s", path);
    unsigned count = 0;
    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static void check_entry(struct check *check, char *source, char *copy);

static void check_directory(struct check *check, char *source, char *copy)
{
    size_t source_length = strlen(source), copy_length = strlen(copy);
    if (count_names(source) != count_names(copy))
        differ(copy, "other number of entries");
    DIR *directory = opendir(source);
    if (directory == NULL)
        die("%s", source);
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(source + source_length, 8192 - source_length, "/%s", entry->d_name);
        snprintf(copy + copy_length, 8192 - copy_length, "/%s", entry->d_name);
        check_entry(check, source, copy);
        source[source_length] = copy[copy_length] = '\0';
    }
    closedir(directory);
}

static void check_entry(struct check *check, char *source, char *copy)
{
    struct stat a, b;
    check->entries++;
    if (lstat(source, &a) != 0)
        die("%s", source);
    if (lstat(copy, &b) != 0)
        die("%s", copy);
    check_status(check, copy, &a, &b);
    if (S_ISDIR(a.st_mode))
        check_directory(check, source, copy);
    else if (S_ISREG(a.st_mode))
        check_contents(source, copy, a.st_size);
    else if (S_ISLNK(a.st_mode))
        check_target(source, copy);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "version") == 0) {
        puts(TUG_VERSION);
    } else if (argc == 5 && strcmp(argv[1], "make") == 0) {
        umask(022);
        make(argv[2], argv[3], (unsigned)atoi(argv[4]));
    } else if (argc == 5 && strcmp(argv[1], "check") == 0) {
        static char source[8192], copy[8192];
        struct check check = {.level = strcmp(argv[4], "all") == 0     ? ALL
                                       : strcmp(argv[4], "modes") == 0 ? MODES
                                                                       : CONTENTS};
        check.umask = umask(0);
        snprintf(source, sizeof(source), "%s", argv[2]);
        snprintf(copy, sizeof(copy), "%s", argv[3]);
        check_entry(&check, source, copy);
        printf("%lu entries\n", check.entries);
    } else {
        fputs("usage: bench-tree make SHAPE DIRECTORY DIVISOR\n"
              "       bench-tree check SOURCE COPY contents|modes|all\n",
              stderr);
        return 2;
    }
    return 0;
}
