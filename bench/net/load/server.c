/* SPDX-License-Identifier: MIT */
/*
 * The server under test: a process of its own on a processor of its own. The kernel kills it when
 * we end, so that none is left behind.
 */
#include "load.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SERVER_PROCESSOR 0

/* The n-th processor of those that we may run on, or, if n is negative, the last. */
static int find_processor(int n)
{
    cpu_set_t allowed;
    int found = 0;
    if (sched_getaffinity(0, sizeof(allowed), &allowed) < 0)
        fail("sched_getaffinity", errno);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, &allowed))
            continue;
        found = i;
        if (n-- == 0)
            break;
    }
    return found;
}

void pin_to_processor(int n)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(find_processor(n), &one);
    if (sched_setaffinity(0, sizeof(one), &one) < 0)
        fail("sched_setaffinity", errno);
}

/* Waits for `start`, so that nothing of what the server does is missed by its samples. */
static _Noreturn void become_server(int start, int output, const char *path, const char *argument)
{
    char byte;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() == 1)
        _exit(1); /* we ended before the kernel knew that it should tell */
    pin_to_processor(SERVER_PROCESSOR);
    if (read(start, &byte, 1) != 1)
        _exit(1);
    dup2(output, STDOUT_FILENO);
    execl(path, path, argument, (char *)NULL);
    fail(path, errno);
}

struct server server_start(const char *path, const char *argument)
{
    int ends[2], start[2];
    struct server server;
    if (pipe2(ends, O_CLOEXEC) < 0 || pipe2(start, O_CLOEXEC) < 0 || (server.pid = fork()) < 0)
        fail("starting the server", errno);
    if (server.pid == 0)
        become_server(start[0], ends[1], path, argument);
    close(ends[1]);
    close(start[0]);
    server.samples = samples_map(samples_open(server.pid, find_processor(SERVER_PROCESSOR)));
    if (write(start[1], "", 1) != 1)
        fail("starting the server", errno);
    close(start[1]);
    FILE *output = fdopen(ends[0], "r");
    if (output == NULL || fscanf(output, "%hu", &server.port) != 1)
        fail("the server did not print its port", 0);
    fclose(output);
    return server;
}

static FILE *open_file(const struct server *server, const char *name)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)server->pid, name);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        fail("the server has ended", 0);
    return file;
}

/* Fields 14 and 15 of proc(5)'s `stat`, counted from behind the name, which may hold spaces. */
static void read_times(const struct server *server, struct usage *usage)
{
    char line[1024];
    unsigned long user, system;
    FILE *file = open_file(server, "stat");
    const char *rest = fgets(line, sizeof(line), file) == NULL ? NULL : strrchr(line, ')');
    fclose(file);
    if (rest == NULL ||
        sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        fail("reading the server's times", 0);
    double ticks = (double)sysconf(_SC_CLK_TCK);
    usage->user = (double)user / ticks;
    usage->system = (double)system / ticks;
    if (server->samples == NULL)
        return;
    double total = usage->user + usage->system;
    usage->user = samples_seconds(server->samples);
    usage->system = total - usage->user;
}

static void read_memory(const struct server *server, struct usage *usage)
{
    unsigned long pages;
    FILE *file = open_file(server, "statm");
    int count = fscanf(file, "%*u %lu", &pages);
    fclose(file);
    if (count != 1)
        fail("reading the server's memory", 0);
    usage->memory = (double)pages * (double)sysconf(_SC_PAGESIZE);
}

struct usage server_usage(const struct server *server)
{
    struct usage usage;
    read_times(server, &usage);
    read_memory(server, &usage);
    return usage;
}

void server_stop(const struct server *server)
{
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
}
