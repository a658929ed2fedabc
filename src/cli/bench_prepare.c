/* SPDX-License-Identifier: MIT */
#include "bench_prepare.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <tug/sys.h>

#include "bench_sequential.h"

static const char drop_caches[] = "/proc/sys/vm/drop_caches";

bool tug_cli_bench_may_drop_caches(void)
{
    int file = tug_sys_openat(AT_FDCWD, drop_caches, O_WRONLY | O_CLOEXEC, 0);
    if (file >= 0)
        tug_sys_close(file);
    return file >= 0;
}

static void touch(uint64_t bytes)
{
    long pages = sysconf(_SC_AVPHYS_PAGES);
    uint64_t free = pages > 0 ? (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
    if (bytes > free / 2)
        bytes = free / 2;
    if (bytes == 0)
        return;
    char *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return;
    for (uint64_t at = 0; at < bytes; at += 4096)
        *(volatile char *)(memory + at) = 1;
    munmap(memory, bytes);
}

static int write_out(const char *directory)
{
    int fd = tug_sys_openat(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    if (fd < 0)
        return fd;
    int error = tug_sys_syncfs(fd);
    tug_sys_close(fd);
    return error;
}

/* Pages, and what is known of names and inodes. */
static int drop(void)
{
    int file = tug_sys_openat(AT_FDCWD, drop_caches, O_WRONLY | O_CLOEXEC, 0);
    if (file < 0)
        return file;
    int64_t written = tug_sys_write(file, "3", 1);
    tug_sys_close(file);
    return written < 0 ? (int)written : 0;
}

int tug_cli_bench_prepare(void *argument)
{
    const struct tug_bench_preparation *preparation = argument;
    touch(preparation->memory);
    int error = write_out(preparation->scratch);
    if (error == 0)
        error =
            preparation->cache == TUG_BENCH_COLD ? drop() : tug_cli_bench_read(preparation->source);
    if (error != 0)
        fprintf(stderr, "cannot prepare a run: %s\n", strerror(-error));
    return error != 0;
}
