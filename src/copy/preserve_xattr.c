/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes of files that are open or named. Access control lists are attributes, too:
 * their values are copied as they are, which keeps the identifiers in them.
 */
#include "preserve.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tug/sys.h>

/* Lists and values are read into this much; larger ones, up to the kernel's limit of 64 KiB, into
 * memory of their own. */
#define USUAL_SIZE 512
#define LARGEST_SIZE ((size_t)64 << 10)

#define ACCESS_LIST "system.posix_acl_access"
#define DEFAULT_LIST "system.posix_acl_default"

/* ---- The calls, for either kind of place ---- */

/* By name there are no calls relative to a directory, so the name goes through procfs. */
struct path {
    char text[PATH_MAX + 64];
};

static const char *path_of(struct tug_place place, struct path *path)
{
    if (place.at == AT_FDCWD || place.name[0] == '/')
        return place.name;
    snprintf(path->text, sizeof(path->text), "/proc/self/fd/%d/%s", place.at, place.name);
    return path->text;
}

static int64_t list_names(struct tug_place place, char *names, size_t size)
{
    struct path path;
    if (place.fd >= 0)
        return tug_sys_flistxattr(place.fd, names, size);
    return tug_sys_llistxattr(path_of(place, &path), names, size);
}

static int64_t get(struct tug_place place, const char *name, void *value, size_t size)
{
    struct path path;
    if (place.fd >= 0)
        return tug_sys_fgetxattr(place.fd, name, value, size);
    return tug_sys_lgetxattr(path_of(place, &path), name, value, size);
}

static int set(struct tug_place place, const char *name, const void *value, size_t size)
{
    struct path path;
    if (place.fd >= 0)
        return tug_sys_fsetxattr(place.fd, name, value, size, 0);
    return tug_sys_lsetxattr(path_of(place, &path), name, value, size, 0);
}

static int take_away(struct tug_place place, const char *name)
{
    struct path path;
    if (place.fd >= 0)
        return tug_sys_fremovexattr(place.fd, name);
    return tug_sys_lremovexattr(path_of(place, &path), name);
}

/* The file system does not have such attributes, or the file not this one. */
static bool is_absence(int64_t error)
{
    return error == -EOPNOTSUPP || error == -ENOSYS || error == -ENODATA;
}

/* ---- Lists of names ---- */

struct names {
    char usual[USUAL_SIZE];
    char *text;
    size_t length;
};

/* Returns 0 or a negative errno; none are no error. */
static int read_names(struct tug_place place, struct names *names)
{
    names->text = names->usual;
    names->length = 0;
    int64_t length = list_names(place, names->usual, USUAL_SIZE);
    if (length == -ERANGE) {
        names->text = malloc(LARGEST_SIZE);
        length = names->text != NULL ? list_names(place, names->text, LARGEST_SIZE) : -ENOMEM;
    }
    if (length >= 0)
        names->length = (size_t)length;
    else if (names->text != names->usual)
        free(names->text);
    return length >= 0 || is_absence(length) ? 0 : (int)length;
}

static void free_names(struct names *names)
{
    if (names->text != names->usual)
        free(names->text);
}

/* 0: private to a file system, or only the kernel may write it. */
static unsigned kind_of(const char *name)
{
    static const char *const never[] = {"security.evm", "trusted.SGI_", "xfsroot.", "afs.",
                                        "user.Beagle.",
                                        /* NFS tells the same as lists of its own. */
                                        "system.nfs4_acl", "system.nfs4acl"};
    if (strcmp(name, ACCESS_LIST) == 0)
        return TUG_XATTR_ACCESS_LIST;
    if (strcmp(name, DEFAULT_LIST) == 0)
        return TUG_XATTR_DEFAULT_LIST;
    if (strcmp(name, "security.selinux") == 0)
        return TUG_XATTR_CONTEXT;
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        if (strncmp(name, never[i], strlen(never[i])) == 0)
            return 0;
    return TUG_XATTR_OTHER;
}

int tug_xattr_look(struct tug_place place, unsigned *kinds)
{
    struct names names;
    *kinds = 0;
    int error = read_names(place, &names);
    if (error != 0)
        return error;
    for (size_t i = 0; i < names.length; i += strlen(names.text + i) + 1)
        *kinds |= kind_of(names.text + i);
    free_names(&names);
    return 0;
}

/* ---- Copying ---- */

/* Copies one attribute. An attribute that is gone by now is no error. */
static int copy_one(struct tug_place source, struct tug_place destination, const char *name,
                    bool *reading)
{
    char usual[USUAL_SIZE];
    char *value = usual;
    int64_t size = get(source, name, usual, USUAL_SIZE);
    if (size == -ERANGE) {
        value = malloc(LARGEST_SIZE);
        size = value != NULL ? get(source, name, value, LARGEST_SIZE) : -ENOMEM;
    }
    int error = 0;
    *reading = size < 0;
    if (size >= 0)
        error = set(destination, name, value, (size_t)size);
    else if (size != -ENODATA)
        error = (int)size;
    if (value != usual)
        free(value);
    return error;
}

int tug_xattr_copy(struct tug_place source, struct tug_place destination, unsigned kinds,
                   bool *reading)
{
    struct names names;
    *reading = true;
    int first = read_names(source, &names);
    if (first != 0)
        return first;
    for (size_t i = 0; i < names.length; i += strlen(names.text + i) + 1) {
        bool on_source;
        if ((kind_of(names.text + i) & kinds) == 0)
            continue;
        int error = copy_one(source, destination, names.text + i, &on_source);
        if (error != 0 && first == 0) {
            first = error;
            *reading = on_source;
        }
    }
    free_names(&names);
    return first;
}

int tug_xattr_remove_lists(struct tug_place place, unsigned kinds)
{
    int error = 0;
    if ((kinds & TUG_XATTR_ACCESS_LIST) != 0)
        error = take_away(place, ACCESS_LIST);
    if ((kinds & TUG_XATTR_DEFAULT_LIST) != 0 && (error == 0 || is_absence(error)))
        error = take_away(place, DEFAULT_LIST);
    return is_absence(error) ? 0 : error;
}

bool tug_xattr_has_default_list(struct tug_place directory)
{
    return !is_absence(get(directory, DEFAULT_LIST, NULL, 0));
}
