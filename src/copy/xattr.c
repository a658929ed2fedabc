/* SPDX-License-Identifier: MIT */
/* The calls for extended attributes, and what kinds of attributes there are. */
#include "xattr.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tug/sys.h>

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
    const char *text = path_of(place, &path);
    return place.follow ? tug_sys_listxattr(text, names, size)
                        : tug_sys_llistxattr(text, names, size);
}

int64_t tug_xattr_get(struct tug_place place, const char *name, void *value, size_t size)
{
    struct path path;
    if (place.fd >= 0)
        return tug_sys_fgetxattr(place.fd, name, value, size);
    const char *text = path_of(place, &path);
    return place.follow ? tug_sys_getxattr(text, name, value, size)
                        : tug_sys_lgetxattr(text, name, value, size);
}

int tug_xattr_set(struct tug_place place, const char *name, const void *value, size_t size)
{
    struct path path;
    if (place.fd >= 0)
        return tug_sys_fsetxattr(place.fd, name, value, size, 0);
    return tug_sys_lsetxattr(path_of(place, &path), name, value, size, 0);
}

int tug_xattr_remove(struct tug_place place, const char *name)
{
    struct path path;
    if (place.fd >= 0)
        return tug_sys_fremovexattr(place.fd, name);
    return tug_sys_lremovexattr(path_of(place, &path), name);
}

bool tug_xattr_is_absence(int64_t error)
{
    return error == -EOPNOTSUPP || error == -ENOSYS || error == -ENODATA;
}

/* ---- Lists of names ---- */

int tug_xattr_read_names(struct tug_place place, struct tug_xattr_names *names)
{
    names->text = names->usual;
    names->length = 0;
    int64_t length = list_names(place, names->usual, TUG_XATTR_USUAL_SIZE);
    if (length == -ERANGE) {
        names->text = malloc(TUG_XATTR_LARGEST_SIZE);
        length =
            names->text != NULL ? list_names(place, names->text, TUG_XATTR_LARGEST_SIZE) : -ENOMEM;
    }
    if (length >= 0)
        names->length = (size_t)length;
    else if (names->text != names->usual)
        free(names->text);
    return length >= 0 || tug_xattr_is_absence(length) ? 0 : (int)length;
}

void tug_xattr_free_names(struct tug_xattr_names *names)
{
    if (names->text != names->usual)
        free(names->text);
}

/* ---- Kinds ---- */

unsigned tug_xattr_kind_of(const char *name)
{
    static const char *const never[] = {"security.evm", "trusted.SGI_", "xfsroot.", "afs.",
                                        "user.Beagle.",
                                        /* NFS tells the same as lists of its own. */
                                        "system.nfs4_acl", "system.nfs4acl"};
    if (strcmp(name, TUG_XATTR_ACCESS_LIST_NAME) == 0)
        return TUG_XATTR_ACCESS_LIST;
    if (strcmp(name, TUG_XATTR_DEFAULT_LIST_NAME) == 0)
        return TUG_XATTR_DEFAULT_LIST;
    if (strcmp(name, TUG_XATTR_CONTEXT_NAME) == 0)
        return TUG_XATTR_CONTEXT;
    for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        if (strncmp(name, never[i], strlen(never[i])) == 0)
            return 0;
    return TUG_XATTR_OTHER;
}

/* ---- Lists ---- */

/* As the kernel gives them away: a version, then entries, with numbers in little-endian order. */
struct list_entry {
    uint16_t tag, rights;
    uint32_t number;
};

enum { OWNER = 0x01, GROUP = 0x04, MASK = 0x10, OTHERS = 0x20 };

bool tug_xattr_default_rights(struct tug_place directory, mode_t *rights)
{
    struct list_entry entry;
    unsigned owner = 7, group = 7, mask = 8, others = 7;
    char *list = malloc(TUG_XATTR_LARGEST_SIZE);
    int64_t size = list == NULL ? -ENOMEM
                                : tug_xattr_get(directory, TUG_XATTR_DEFAULT_LIST_NAME, list,
                                                TUG_XATTR_LARGEST_SIZE);
    for (int64_t i = 4; i + (int64_t)sizeof(entry) <= size; i += (int64_t)sizeof(entry)) {
        memcpy(&entry, list + i, sizeof(entry));
        unsigned value = le16toh(entry.rights) & 7u;
        switch (le16toh(entry.tag)) {
        case OWNER:
            owner = value;
            break;
        case GROUP:
            group = value;
            break;
        case MASK:
            mask = value;
            break;
        case OTHERS:
            others = value;
            break;
        default:
            break;
        }
    }
    free(list);
    /* The bits of the group stand for the mask, if there is one. */
    *rights = (mode_t)(owner << 6 | (mask < 8 ? mask : group) << 3 | others);
    return size > 0;
}
