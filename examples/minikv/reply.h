/* SPDX-License-Identifier: MIT */
/*
 * What is to be sent: a growing block of memory, and the replies of RESP 2 written into it. No
 * function here reports that memory is short: `failed` is set, what was to be added is missing,
 * and whoever sends the block looks.
 */
#ifndef MINIKV_REPLY_H
#define MINIKV_REPLY_H

#include <stdint.h>

#include "bytes.h"

/* Zero-initialised it is empty. */
struct reply {
    char *data;
    size_t length, capacity; /* bytes */
    bool failed;
};

void reply_free(struct reply *reply);

/* Empties it; gives memory back if there is much. */
void reply_clear(struct reply *reply);

void reply_raw(struct reply *reply, const char *data, size_t length);
void reply_status(struct reply *reply, const char *status);
void reply_error(struct reply *reply, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void reply_integer(struct reply *reply, int64_t number);
void reply_bulk(struct reply *reply, struct bytes bytes);
void reply_null(struct reply *reply);

/* `count` replies are to follow. */
void reply_array(struct reply *reply, size_t count);

#endif
