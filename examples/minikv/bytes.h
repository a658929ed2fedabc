/* SPDX-License-Identifier: MIT */
/*
 * A piece of memory that belongs to somebody else: keys, values, words of a command. Any byte may
 * be in it, and there is none behind it.
 */
#ifndef MINIKV_BYTES_H
#define MINIKV_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

struct bytes {
    union {
        const char *data;
        size_t offset; /* while what it points into may still move */
    };
    size_t length;
};

/* Whether they are the word, which is in small letters, in letters of any size. */
static inline bool bytes_are(struct bytes bytes, const char *word)
{
    return bytes.length == strlen(word) && strncasecmp(bytes.data, word, bytes.length) == 0;
}

static inline struct bytes bytes_of(const char *text)
{
    return (struct bytes){.data = text, .length = strlen(text)};
}

#endif
