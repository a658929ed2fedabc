/* SPDX-License-Identifier: MIT */
#include "bench_machine.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static unsigned usable_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        return (unsigned)CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (unsigned)online : 1;
}

void tug_cli_bench_machine(struct tug_bench_machine *machine)
{
    struct utsname system;
    struct tm date;
    memset(machine, 0, sizeof(*machine));
    if (uname(&system) == 0)
        snprintf(machine->kernel, sizeof(machine->kernel), "%s %s", system.sysname, system.release);
    snprintf(machine->processor, sizeof(machine->processor), "%s", system.machine);
    time_t now = time(NULL);
    if (gmtime_r(&now, &date) != NULL)
        strftime(machine->date, sizeof(machine->date), "%Y-%m-%d", &date);
    machine->processors = usable_processors();
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    machine->memory = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
}

/* "\040" and its like stand for bytes that would break the line. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; to++) {
        unsigned code;
        if (from[0] == '\\' && sscanf(from + 1, "%3o", &code) == 1) {
            *to = (char)code;
            from += 4;
        } else {
            *to = *from++;
        }
    }
    *to = '\0';
}

static int is_below(const char *path, const char *mount_point)
{
    size_t length = strlen(mount_point);
    if (strcmp(mount_point, "/") == 0)
        return 1;
    return strncmp(path, mount_point, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static void add_options(char *options, size_t size, char *more)
{
    char *rest;
    for (char *option = strtok_r(more, ",\n", &rest); option != NULL;
         option = strtok_r(NULL, ",\n", &rest)) {
        size_t have = strlen(options);
        if (strchr(option, '/') == NULL && strcmp(option, "rw") != 0)
            snprintf(options + have, size - have, "%s%s", have > 0 ? "," : "", option);
    }
}

/* One line of mountinfo: numbers, root, mount point, options, optional fields, "-", type, source,
 * options of the file system. Takes it over if the path is below and no earlier one was deeper. */
static void consider(struct tug_bench_volume *volume, char *line, const char *path, size_t *depth)
{
    char *fields[6], *rest = line;
    for (unsigned i = 0; i < 6; i++)
        if ((fields[i] = strsep(&rest, " ")) == NULL)
            return;
    char *mount_point = fields[4], *options = fields[5];
    unescape(mount_point);
    if (rest == NULL || strlen(mount_point) < *depth || !is_below(path, mount_point))
        return;
    char *after = strstr(rest, "- ");
    if (after == NULL)
        return;
    after += 2;
    char *type = strsep(&after, " ");
    strsep(&after, " ");
    *depth = strlen(mount_point);
    snprintf(volume->type, sizeof(volume->type), "%s", type);
    volume->options[0] = '\0';
    add_options(volume->options, sizeof(volume->options), options);
    if (after != NULL)
        add_options(volume->options, sizeof(volume->options), after);
}

static void find_mount(struct tug_bench_volume *volume, const char *directory)
{
    char *path = realpath(directory, NULL), *line = NULL;
    size_t size = 0, depth = 0;
    FILE *file = fopen("/proc/self/mountinfo", "re");
    snprintf(volume->type, sizeof(volume->type), "unknown");
    if (path != NULL && file != NULL)
        while (getline(&line, &size, file) >= 0)
            consider(volume, line, path, &depth);
    if (file != NULL)
        fclose(file);
    free(line);
    free(path);
}

int tug_cli_bench_volume(struct tug_bench_volume *volume, const char *directory)
{
    struct statvfs space;
    struct stat stat_buffer;
    memset(volume, 0, sizeof(*volume));
    if (stat(directory, &stat_buffer) != 0 || statvfs(directory, &space) != 0)
        return -errno;
    if (!S_ISDIR(stat_buffer.st_mode))
        return -ENOTDIR;
    volume->device = stat_buffer.st_dev;
    volume->size = (uint64_t)space.f_blocks * space.f_frsize;
    volume->free = (uint64_t)space.f_bavail * space.f_frsize;
    volume->free_inodes = space.f_files > 0 ? space.f_favail : UINT64_MAX;
    find_mount(volume, directory);
    return 0;
}
