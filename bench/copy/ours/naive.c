/* SPDX-License-Identifier: MIT */
/*
 * The control: a copy as one writes it without thinking about speed. One thread, plain POSIX calls
 * by path name, 64 KiB at a time.
 *
 *   bench-naive SOURCE COPY
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void fail(const char *path)
{
    fprintf(stderr, "bench-naive: %s: %s\n", path, strerror(errno));
    exit(1);
}

static void copy_file(const char *source, const char *copy, mode_t mode)
{
    static char buffer[64 << 10];
    int from = open(source, O_RDONLY);
    if (from < 0)
        fail(source);
    int to = open(copy, O_WRONLY | O_CREAT | O_EXCL, mode & 0777);
    if (to < 0)
        fail(copy);
    ssize_t length;
    while ((length = read(from, buffer, sizeof(buffer))) > 0)
        for (ssize_t done = 0; done < length;) {
            ssize_t written = write(to, buffer + done, (size_t)(length - done));
            if (written < 0)
                fail(copy);
            done += written;
        }
    if (length < 0)
        fail(source);
    close(from);
    if (close(to) != 0)
        fail(copy);
}

static void copy_link(const char *source, const char *copy)
{
    char target[4096];
    ssize_t length = readlink(source, target, sizeof(target) - 1);
    if (length < 0)
        fail(source);
    target[length] = '\0';
    if (symlink(target, copy) != 0)
        fail(copy);
}

static void copy_entry(const char *source, const char *copy);

static void copy_directory(const char *source, const char *copy, mode_t mode)
{
    char source_entry[4096], copy_entry_path[4096];
    if (mkdir(copy, (mode & 0777) | 0700) != 0)
        fail(copy);
    DIR *directory = opendir(source);
    if (directory == NULL)
        fail(source);
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(source_entry, sizeof(source_entry), "%s/%s", source, entry->d_name);
        snprintf(copy_entry_path, sizeof(copy_entry_path), "%s/%s", copy, entry->d_name);
        copy_entry(source_entry, copy_entry_path);
    }
    closedir(directory);
}

static void copy_entry(const char *source, const char *copy)
{
    struct stat status;
    if (lstat(source, &status) != 0)
        fail(source);
    if (S_ISDIR(status.st_mode))
        copy_directory(source, copy, status.st_mode);
    else if (S_ISLNK(status.st_mode))
        copy_link(source, copy);
    else if (S_ISREG(status.st_mode))
        copy_file(source, copy, status.st_mode);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "version") == 0) {
        puts(TUG_VERSION);
        return 0;
    }
    if (argc != 3) {
        fputs("usage: bench-naive SOURCE COPY\n", stderr);
        return 2;
    }
    copy_entry(argv[1], argv[2]);
    return 0;
}
