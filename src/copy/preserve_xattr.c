/* SPDX-License-Identifier: MIT */
/*
 * Extended attributes of a copy. Access control lists are attributes, too: their values are copied
 * as they are, which keeps the identifiers in them.
 */
#include "preserve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xattr.h"

int tug_xattr_look(struct tug_place place, unsigned *kinds)
{
    struct tug_xattr_names names;
    *kinds = 0;
    int error = tug_xattr_read_names(place, &names);
    if (error != 0)
        return error;
    for (size_t i = 0; i < names.length; i += strlen(names.text + i) + 1)
        *kinds |= tug_xattr_kind_of(names.text + i);
    tug_xattr_free_names(&names);
    return 0;
}

/* ---- Copying ---- */

/* Copies one attribute. An attribute that is gone by now is no error. */
static int copy_one(struct tug_place source, struct tug_place destination, const char *name,
                    bool *reading)
{
    char usual[TUG_XATTR_USUAL_SIZE];
    char *value = usual;
    int64_t size = tug_xattr_get(source, name, usual, TUG_XATTR_USUAL_SIZE);
    if (size == -ERANGE) {
        value = malloc(TUG_XATTR_LARGEST_SIZE);
        size = value != NULL ? tug_xattr_get(source, name, value, TUG_XATTR_LARGEST_SIZE) : -ENOMEM;
    }
    int error = 0;
    *reading = size < 0;
    if (size >= 0)
        error = tug_xattr_set(destination, name, value, (size_t)size);
    else if (size != -ENODATA)
        error = (int)size;
    if (value != usual)
        free(value);
    return error;
}

int tug_xattr_copy(struct tug_place source, struct tug_place destination, unsigned kinds,
                   bool *reading)
{
    struct tug_xattr_names names;
    *reading = true;
    int first = tug_xattr_read_names(source, &names);
    if (first != 0)
        return first;
    for (size_t i = 0; i < names.length; i += strlen(names.text + i) + 1) {
        bool on_source;
        if ((tug_xattr_kind_of(names.text + i) & kinds) == 0)
            continue;
        int error = copy_one(source, destination, names.text + i, &on_source);
        if (error != 0 && first == 0) {
            first = error;
            *reading = on_source;
        }
    }
    tug_xattr_free_names(&names);
    return first;
}

int tug_xattr_remove_lists(struct tug_place place, unsigned kinds)
{
    int error = 0;
    if ((kinds & TUG_XATTR_ACCESS_LIST) != 0)
        error = tug_xattr_remove(place, TUG_XATTR_ACCESS_LIST_NAME);
    if ((kinds & TUG_XATTR_DEFAULT_LIST) != 0 && (error == 0 || tug_xattr_is_absence(error)))
        error = tug_xattr_remove(place, TUG_XATTR_DEFAULT_LIST_NAME);
    return tug_xattr_is_absence(error) ? 0 : error;
}

bool tug_xattr_has_default_list(struct tug_place directory)
{
    return !tug_xattr_is_absence(tug_xattr_get(directory, TUG_XATTR_DEFAULT_LIST_NAME, NULL, 0));
}
