/* SPDX-License-Identifier: MIT */
/*
 * The names of backups are those of GNU cp and mv: "name~", and "name.~1~", "name.~2~", and so on.
 * A numbered backup never replaces anything: the kernel is asked to rename only to a name that is
 * free, and if somebody was faster the next number is tried.
 */
#include "backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tug/sys.h>

#include "dirent.h"

/* Bytes of directory entries read at a time. */
#define ENTRIES_SIZE ((size_t)16 << 10)

/* How often others may take the number that was chosen. */
#define ATTEMPTS 100

bool tug_backup_suffix_is_valid(const char *suffix)
{
    return suffix[0] != '\0' && strchr(suffix, '/') == NULL;
}

/* The length of a path without slashes behind it. */
static size_t trimmed_length(const char *path)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    return length;
}

static char *new_text(const char *format, const char *name, const char *rest, uint64_t number)
{
    char *text = NULL;
    int length = asprintf(&text, format, (int)trimmed_length(name), name, rest, number);
    return length < 0 ? NULL : text;
}

char *tug_backup_simple_name(const char *name, const char *suffix)
{
    return new_text("%.*s%s", name, suffix != NULL ? suffix : TUG_BACKUP_SUFFIX, 0);
}

/* ---- Numbers ---- */

/* The number in "base.~N~"; 0: it is not of that form. */
static uint64_t number_of(const char *entry, const char *base, size_t base_length)
{
    uint64_t number = 0;
    if (strncmp(entry, base, base_length) != 0 || strncmp(entry + base_length, ".~", 2) != 0)
        return 0;
    const char *digit = entry + base_length + 2;
    if (*digit < '1' || *digit > '9')
        return 0;
    for (; *digit >= '0' && *digit <= '9'; digit++) {
        if (number > (UINT64_MAX - 10) / 10)
            return 0;
        number = number * 10 + (uint64_t)(*digit - '0');
    }
    return strcmp(digit, "~") == 0 ? number : 0;
}

/* Opens the directory that `name` is in, and finds where its last component begins. */
static int open_parent(int directory, const char *name, const char **base, size_t *base_length)
{
    size_t end = trimmed_length(name), begin = end;
    while (begin > 0 && name[begin - 1] != '/')
        begin--;
    *base = name + begin;
    *base_length = end - begin;
    if (begin == 0)
        return tug_sys_openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    char *parent = strndup(name, begin);
    if (parent == NULL)
        return -ENOMEM;
    int fd = tug_sys_openat(directory, parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
    free(parent);
    return fd;
}

/* The largest number of a backup of `name`, 0 if there is none. Returns 0 or a negative errno. */
static int find_largest(int directory, const char *name, uint64_t *largest)
{
    const char *base;
    size_t base_length;
    *largest = 0;
    char *entries = malloc(ENTRIES_SIZE);
    if (entries == NULL)
        return -ENOMEM;
    int fd = open_parent(directory, name, &base, &base_length);
    int64_t length = fd;
    while (fd >= 0 && (length = tug_sys_getdents64(fd, entries, ENTRIES_SIZE)) > 0) {
        for (int64_t i = 0; i < length;) {
            const struct tug_copy_dirent *entry = (const struct tug_copy_dirent *)(entries + i);
            uint64_t number = number_of(entry->name, base, base_length);
            if (number > *largest)
                *largest = number;
            i += entry->size;
        }
    }
    if (fd >= 0)
        tug_sys_close(fd);
    free(entries);
    return length < 0 ? (int)length : 0;
}

/* ---- Renaming ---- */

static int rename_to_number(int directory, const char *name, uint64_t largest, char **backup)
{
    for (uint64_t number = largest + 1; number <= largest + ATTEMPTS; number++) {
        char *text = new_text("%.*s.%s%" PRIu64 "~", name, "~", number);
        if (text == NULL)
            return -ENOMEM;
        int error = tug_sys_renameat2(directory, name, directory, text, RENAME_NOREPLACE);
        /* Some file systems cannot be asked for that. */
        if (error == -EINVAL)
            error = tug_sys_renameat2(directory, name, directory, text, 0);
        if (error == 0) {
            *backup = text;
            return 0;
        }
        free(text);
        if (error != -EEXIST)
            return error;
    }
    return -EEXIST;
}

static int rename_to_suffix(int directory, const char *name, const char *suffix, char **backup)
{
    char *text = tug_backup_simple_name(name, suffix);
    if (text == NULL)
        return -ENOMEM;
    int error = tug_sys_renameat2(directory, name, directory, text, 0);
    if (error == 0)
        *backup = text;
    else
        free(text);
    return error;
}

int tug_backup_make(int directory, const char *name, enum tug_backup kind, const char *suffix,
                    char **backup)
{
    uint64_t largest = 0;
    int error = kind != TUG_BACKUP_SIMPLE ? find_largest(directory, name, &largest) : 0;
    if (error != 0)
        return error;
    if (kind == TUG_BACKUP_NUMBERED || largest > 0)
        return rename_to_number(directory, name, largest, backup);
    return rename_to_suffix(directory, name, suffix, backup);
}
