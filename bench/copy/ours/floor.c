/* SPDX-License-Identifier: MIT */
/*
 * The floor: what a copy costs that knows everything beforehand. It makes only the necessary system
 * calls, on so many threads, and has no options, no checks, no clean-up and no messages worth the
 * name. A tool for all cases cannot be faster; how much slower it is, is what its care costs.
 *
 *   bench-floor [-p] THREADS rw|clone SOURCE COPY
 *
 * Small files: openat, fstat, openat, read, write, close, close; with `clone` ioctl in the place of
 * read and write. Files above a mebibyte come last, each with its blocks allocated first and then
 * in ranges by all threads. Threads take a directory each; a source without subdirectories is given
 * out by names. -p gives each thread a table of descriptors of its own.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define RANGE ((off_t)8 << 20)
#define CLAIM 16
#define TMPFS 0x01021994

/* As getdents64(2) writes it. */
struct entry {
    uint64_t inode;
    int64_t next;
    uint16_t size;
    uint8_t type;
    char name[];
};

/* A pair of path names that waits: a directory or a large file. */
struct pair {
    struct pair *next;
    char *source, *copy;
};

static bool private_tables, clone_files, allocate_blocks;
static unsigned thread_count;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t more = PTHREAD_COND_INITIALIZER;
static struct pair *directories, *large;
static unsigned unfinished; /* directories that wait or are worked on */

static void fail(const char *what)
{
    fprintf(stderr, "bench-floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int check(int result, const char *what)
{
    if (result < 0)
        fail(what);
    return result;
}

static char *join(const char *directory, const char *name)
{
    char *path = malloc(strlen(directory) + strlen(name) + 2);
    if (path == NULL)
        fail(name);
    sprintf(path, "%s/%s", directory, name);
    return path;
}

static void push(struct pair **list, const char *source, const char *copy, const char *name)
{
    struct pair *pair = malloc(sizeof(*pair));
    if (pair == NULL)
        fail(name);
    pair->source = join(source, name);
    pair->copy = join(copy, name);
    pthread_mutex_lock(&lock);
    pair->next = *list;
    *list = pair;
    if (list == &directories) {
        unfinished++;
        pthread_cond_signal(&more);
    }
    pthread_mutex_unlock(&lock);
}

/* ---- Small files ---- */

static void copy_contents(int from, int to, off_t size, const char *name)
{
    static _Thread_local unsigned char buffer[MIB];
    if (size == 0)
        return;
    if (clone_files) {
        check(ioctl(to, FICLONE, from), name);
        return;
    }
    ssize_t length = read(from, buffer, MIB);
    if (length < 0 || write(to, buffer, (size_t)length) != length)
        fail(name);
}

/* Returns false if the file is a large one. */
static bool copy_file(int source, int copy, const char *name)
{
    struct stat status;
    int from = check(openat(source, name, O_RDONLY | O_NOFOLLOW), name);
    check(fstat(from, &status), name);
    if ((size_t)status.st_size > MIB) {
        close(from);
        return false;
    }
    int to = check(openat(copy, name, O_WRONLY | O_CREAT | O_EXCL, status.st_mode & 0777), name);
    copy_contents(from, to, status.st_size, name);
    check(close(to), name);
    close(from);
    return true;
}

static void copy_link(int source, int copy, const char *name)
{
    char target[4096];
    ssize_t length = readlinkat(source, name, target, sizeof(target) - 1);
    check((int)length, name);
    target[length] = '\0';
    check(symlinkat(target, copy, name), name);
}

/* ---- A tree ---- */

static void copy_entries(struct pair *pair, int source, int copy)
{
    static _Thread_local _Alignas(8) char buffer[64 << 10];
    long length;
    while ((length = syscall(SYS_getdents64, source, buffer, sizeof(buffer))) > 0)
        for (long i = 0; i < length; i += ((struct entry *)(buffer + i))->size) {
            const struct entry *entry = (const struct entry *)(buffer + i);
            if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
                continue;
            if (entry->type == DT_DIR)
                push(&directories, pair->source, pair->copy, entry->name);
            else if (entry->type == DT_LNK)
                copy_link(source, copy, entry->name);
            else if (!copy_file(source, copy, entry->name))
                push(&large, pair->source, pair->copy, entry->name);
        }
    check((int)length, pair->source);
}

static void copy_directory(struct pair *pair)
{
    int source = check(open(pair->source, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), pair->source);
    struct stat status;
    check(fstat(source, &status), pair->source);
    check(mkdir(pair->copy, (status.st_mode & 0777) | 0700), pair->copy);
    int copy = check(open(pair->copy, O_RDONLY | O_DIRECTORY), pair->copy);
    copy_entries(pair, source, copy);
    close(copy);
    close(source);
}

static void *tree_worker(void *argument)
{
    if (private_tables)
        check(unshare(CLONE_FILES), "unshare");
    pthread_mutex_lock(&lock);
    while (unfinished > 0) {
        struct pair *pair = directories;
        if (pair == NULL) {
            pthread_cond_wait(&more, &lock);
            continue;
        }
        directories = pair->next;
        pthread_mutex_unlock(&lock);
        copy_directory(pair);
        pthread_mutex_lock(&lock);
        if (--unfinished == 0)
            pthread_cond_broadcast(&more);
    }
    pthread_mutex_unlock(&lock);
    return argument;
}

/* ---- One flat directory ---- */

static struct {
    const char *source, *copy;
    char **names;
    size_t count;
    atomic_size_t next;
} flat;

/* Reads all names. False: there is something else than files among them. */
static bool read_names(const char *source)
{
    DIR *directory = opendir(source);
    if (directory == NULL)
        fail(source);
    bool only_files = true;
    struct dirent *entry;
    while (only_files && (entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        only_files = entry->d_type == DT_REG;
        if ((flat.count & (flat.count + 1)) == 0)
            flat.names = realloc(flat.names, (2 * flat.count + 2) * sizeof(flat.names[0]));
        if (flat.names == NULL)
            fail(source);
        flat.names[flat.count++] = strdup(entry->d_name);
    }
    closedir(directory);
    return only_files;
}

static void *flat_worker(void *argument)
{
    if (private_tables)
        check(unshare(CLONE_FILES), "unshare");
    int source = check(open(flat.source, O_RDONLY | O_DIRECTORY), flat.source);
    int copy = check(open(flat.copy, O_RDONLY | O_DIRECTORY), flat.copy);
    size_t first;
    while ((first = atomic_fetch_add(&flat.next, CLAIM)) < flat.count)
        for (size_t i = first; i < flat.count && i < first + CLAIM; i++)
            if (!copy_file(source, copy, flat.names[i]))
                push(&large, flat.source, flat.copy, flat.names[i]);
    return argument;
}

/* ---- Large files ---- */

static struct {
    int from, to;
    off_t size;
    bool sparse;
    _Atomic off_t next;
} big;

static void copy_range(off_t offset, off_t end, unsigned char *buffer)
{
    while (offset < end) {
        size_t wanted = end - offset < (off_t)MIB ? (size_t)(end - offset) : MIB;
        ssize_t length = pread(big.from, buffer, wanted, offset);
        if (length <= 0 || pwrite(big.to, buffer, (size_t)length, offset) != length)
            fail("range");
        offset += length;
    }
}

static void copy_data(off_t offset, off_t end, unsigned char *buffer)
{
    while (big.sparse && offset < end) {
        off_t data = lseek(big.from, offset, SEEK_DATA);
        if (data < 0 || data >= end)
            return;
        off_t hole = lseek(big.from, data, SEEK_HOLE);
        offset = hole < end ? hole : end;
        copy_range(data, offset, buffer);
    }
    copy_range(offset, end, buffer);
}

static void *large_worker(void *argument)
{
    unsigned char *buffer = aligned_alloc(4096, MIB);
    if (buffer == NULL)
        fail("memory");
    off_t first;
    while ((first = atomic_fetch_add(&big.next, RANGE)) < big.size)
        copy_data(first, big.size - first < RANGE ? big.size : first + RANGE, buffer);
    free(buffer);
    return argument;
}

static void run(void *(*worker)(void *))
{
    pthread_t threads[64];
    for (unsigned i = 0; i < thread_count; i++)
        if (pthread_create(&threads[i], NULL, worker, NULL) != 0)
            fail("thread");
    for (unsigned i = 0; i < thread_count; i++)
        pthread_join(threads[i], NULL);
}

static void copy_large(const struct pair *pair)
{
    struct stat status;
    big.from = check(open(pair->source, O_RDONLY), pair->source);
    check(fstat(big.from, &status), pair->source);
    big.to =
        check(open(pair->copy, O_WRONLY | O_CREAT | O_EXCL, status.st_mode & 0777), pair->copy);
    big.size = status.st_size;
    big.sparse = status.st_blocks < status.st_size / 512;
    big.next = 0;
    if (clone_files) {
        check(ioctl(big.to, FICLONE, big.from), pair->copy);
    } else {
        if (big.sparse)
            check(ftruncate(big.to, big.size), pair->copy);
        else if (allocate_blocks)
            check(fallocate(big.to, FALLOC_FL_KEEP_SIZE, 0, big.size), pair->copy);
        run(large_worker);
    }
    close(big.from);
    check(close(big.to), pair->copy);
}

/* ---- The program ---- */

static void copy(char *source, char *destination)
{
    struct statfs statfs_result;
    if (read_names(source)) {
        flat.source = source;
        flat.copy = destination;
        check(mkdir(destination, 0755), destination);
        run(flat_worker);
    } else {
        static struct pair root;
        root.source = source;
        root.copy = destination;
        directories = &root;
        unfinished = 1;
        run(tree_worker);
    }
    check(statfs(destination, &statfs_result), destination);
    allocate_blocks = statfs_result.f_type != TMPFS;
    for (const struct pair *pair = large; pair != NULL; pair = pair->next)
        copy_large(pair);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "version") == 0) {
        puts(TUG_VERSION);
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "-p") == 0) {
        private_tables = true;
        argc--;
        argv++;
    }
    thread_count = argc == 5 ? (unsigned)atoi(argv[1]) : 0;
    if (thread_count < 1 || thread_count > 64) {
        fputs("usage: bench-floor [-p] THREADS rw|clone SOURCE COPY\n", stderr);
        return 2;
    }
    clone_files = strcmp(argv[2], "clone") == 0;
    copy(argv[3], argv[4]);
    return 0;
}
