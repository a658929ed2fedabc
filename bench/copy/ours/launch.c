/* SPDX-License-Identifier: MIT */
/*
 * Runs a command and says what it took: a small program, because what a process has resident when
 * it starts another counts as the other's.
 *
 *   bench-launch MEBIBYTES OUTPUT COMMAND...
 *
 * First it touches and frees so much memory: a virtual machine may have handed its free pages back
 * to its host, and then the first touch of each costs many times as much as it will afterwards.
 * Writes "seconds cpu-seconds KiB" to the file OUTPUT, and ends with the status of the command.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what)
{
    fprintf(stderr, "bench-launch: %s: %s\n", what, strerror(errno));
    exit(125);
}

/* In a process of its own. */
static void touch_memory(size_t mebibytes)
{
    pid_t child = fork();
    if (child < 0)
        fail("fork");
    if (child == 0) {
        void *memory =
            mmap(NULL, mebibytes << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory != MAP_FAILED) {
            madvise(memory, mebibytes << 20, MADV_HUGEPAGE);
            madvise(memory, mebibytes << 20, MADV_POPULATE_WRITE);
        }
        _exit(0);
    }
    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
}

static double seconds(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    int status;
    struct rusage usage;
    if (argc == 2 && strcmp(argv[1], "version") == 0) {
        puts(TUG_VERSION);
        return 0;
    }
    if (argc < 4) {
        fputs("usage: bench-launch MEBIBYTES OUTPUT COMMAND...\n", stderr);
        return 125;
    }
    if (atoi(argv[1]) > 0)
        touch_memory((size_t)atoi(argv[1]));
    double start = now();
    pid_t child = vfork();
    if (child < 0)
        fail("vfork");
    if (child == 0) {
        execvp(argv[3], argv + 3);
        _exit(126);
    }
    while (wait4(child, &status, 0, &usage) < 0)
        if (errno != EINTR)
            fail("wait4");
    double end = now();
    FILE *output = fopen(argv[2], "w");
    if (output == NULL)
        fail(argv[2]);
    fprintf(output, "%.6f %.6f %ld\n", end - start,
            seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss);
    if (fclose(output) != 0)
        fail(argv[2]);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
