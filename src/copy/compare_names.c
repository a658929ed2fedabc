/* SPDX-License-Identifier: MIT */
/*
 * The names in one directory, as a hash table with open addressing: one block of text, and slots
 * that hold where in it a name begins. Only the marks change after it has been read, each by an
 * atomic store, so looking up takes no lock. About 30 bytes per usual name.
 */
#include "compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tug/sys.h>

#include "dirent.h"

#define READ_SIZE ((size_t)32 << 10)

/* In the text a name is preceded by its type and its mark, and followed by a zero byte. */
#define PREFIX 2

struct tug_compare_names {
    char *text;
    size_t length, size;
    size_t count;
    bool given_up;
    size_t mask;     /* of the slots, whose number is a power of two */
    uint32_t *slots; /* the position of a name in the text, 0: free */
};

/* FNV-1a, 64 bits, folded. */
static size_t hash_of(const char *name)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (; *name != '\0'; name++)
        hash = (hash ^ (unsigned char)*name) * UINT64_C(0x100000001b3);
    return (size_t)(hash ^ hash >> 32);
}

/* ---- Reading ---- */

static int append(struct tug_compare_names *names, const struct tug_copy_dirent *entry)
{
    size_t needed = PREFIX + strlen(entry->name) + 1;
    if (names->length + needed > names->size) {
        size_t size = names->size * 2 + needed + 1024;
        char *text = size <= UINT32_MAX ? realloc(names->text, size) : NULL;
        if (text == NULL)
            return -ENOMEM;
        names->text = text;
        names->size = size;
    }
    char *place = names->text + names->length;
    place[0] = (char)entry->type;
    place[1] = 0;
    memcpy(place + PREFIX, entry->name, needed - PREFIX);
    names->length += needed;
    names->count++;
    return 0;
}

static int read_text(struct tug_compare_names *names, int fd)
{
    int64_t length;
    int error = 0;
    char *buffer = malloc(READ_SIZE);
    if (buffer == NULL)
        return -ENOMEM;
    while (error == 0 && (length = tug_sys_getdents64(fd, buffer, READ_SIZE)) != 0) {
        if (length < 0)
            error = (int)length;
        for (int64_t at = 0; error == 0 && at < length;) {
            const struct tug_copy_dirent *entry = (const struct tug_copy_dirent *)(buffer + at);
            if (!tug_copy_is_dot(entry->name))
                error = append(names, entry);
            at += entry->size;
        }
    }
    free(buffer);
    return error;
}

/* Where the name is, or where it would be. */
static uint32_t *slot_of(const struct tug_compare_names *names, const char *name)
{
    size_t i = hash_of(name) & names->mask;
    while (names->slots[i] != 0 && strcmp(names->text + names->slots[i], name) != 0)
        i = (i + 1) & names->mask;
    return &names->slots[i];
}

static int make_slots(struct tug_compare_names *names)
{
    size_t capacity = 16;
    while (capacity < names->count * 2)
        capacity *= 2;
    names->slots = calloc(capacity, sizeof(names->slots[0]));
    if (names->slots == NULL)
        return -ENOMEM;
    names->mask = capacity - 1;
    for (size_t at = 0; at < names->length;) {
        const char *name = names->text + at + PREFIX;
        *slot_of(names, name) = (uint32_t)(at + PREFIX);
        at += PREFIX + strlen(name) + 1;
    }
    return 0;
}

int tug_compare_names_read(struct tug_compare_names **result, int fd)
{
    struct tug_compare_names *names = calloc(1, sizeof(*names));
    if (names == NULL)
        return -ENOMEM;
    int error = read_text(names, fd);
    if (error == 0)
        error = make_slots(names);
    if (error == 0)
        *result = names;
    else
        tug_compare_names_free(names);
    return error;
}

void tug_compare_names_free(struct tug_compare_names *names)
{
    if (names == NULL)
        return;
    free(names->slots);
    free(names->text);
    free(names);
}

/* ---- Looking up ---- */

bool tug_compare_names_find(struct tug_compare_names *names, const char *name)
{
    uint32_t position = *slot_of(names, name);
    if (position == 0)
        return false;
    __atomic_store_n(&names->text[position - 1], 1, __ATOMIC_RELAXED);
    return true;
}

void tug_compare_names_give_up(struct tug_compare_names *names)
{
    names->given_up = true;
}

const char *tug_compare_names_next(const struct tug_compare_names *names, size_t *position,
                                   unsigned *type)
{
    while (!names->given_up && *position < names->length) {
        const char *place = names->text + *position;
        *position += PREFIX + strlen(place + PREFIX) + 1;
        if (place[1] != 0)
            continue;
        *type = (unsigned char)place[0];
        return place + PREFIX;
    }
    return NULL;
}
