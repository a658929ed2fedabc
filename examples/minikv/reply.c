/* SPDX-License-Identifier: MIT */
/*
 * Numbers are formatted by hand: printf(3) would be half the time of a reply.
 */
#include "reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_CAPACITY ((size_t)4 << 10)
#define KEPT_CAPACITY ((size_t)64 << 10)
#define NUMBER_SIZE 24 /* a type, 20 characters, the line's end */
#define ERROR_SIZE 256

void reply_free(struct reply *reply)
{
    free(reply->data);
    *reply = (struct reply){0};
}

void reply_clear(struct reply *reply)
{
    reply->length = 0;
    if (reply->capacity > KEPT_CAPACITY)
        reply_free(reply);
}

static bool grow(struct reply *reply, size_t length)
{
    size_t capacity = reply->capacity > 0 ? reply->capacity : FIRST_CAPACITY;
    while (capacity - reply->length < length)
        capacity *= 2;
    char *data = realloc(reply->data, capacity);
    if (data == NULL) {
        reply->failed = true;
        return false;
    }
    reply->data = data;
    reply->capacity = capacity;
    return true;
}

static bool reserve(struct reply *reply, size_t length)
{
    if (reply->failed)
        return false;
    return reply->capacity - reply->length >= length || grow(reply, length);
}

void reply_raw(struct reply *reply, const char *data, size_t length)
{
    if (length == 0 || !reserve(reply, length))
        return;
    memcpy(reply->data + reply->length, data, length);
    reply->length += length;
}

void reply_status(struct reply *reply, const char *status)
{
    size_t length = strlen(status);
    if (!reserve(reply, length + 3))
        return;
    char *at = reply->data + reply->length;
    *at++ = '+';
    memcpy(at, status, length);
    memcpy(at + length, "\r\n", 2);
    reply->length += length + 3;
}

void reply_error(struct reply *reply, const char *format, ...)
{
    char text[ERROR_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (length >= (int)sizeof(text))
        length = (int)sizeof(text) - 1;
    /* What a client has sent may be a part of it, and must not end the line. */
    for (int i = 0; i < length; i++)
        if (text[i] == '\r' || text[i] == '\n')
            text[i] = ' ';
    reply_raw(reply, "-", 1);
    reply_raw(reply, text, (size_t)length);
    reply_raw(reply, "\r\n", 2);
}

/* A type, a number, and the end of the line. */
static void add_number(struct reply *reply, char type, int64_t number)
{
    char text[NUMBER_SIZE], *at = text + sizeof(text);
    uint64_t left = number < 0 ? -(uint64_t)number : (uint64_t)number;
    *--at = '\n';
    *--at = '\r';
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left > 0);
    if (number < 0)
        *--at = '-';
    *--at = type;
    reply_raw(reply, at, (size_t)(text + sizeof(text) - at));
}

void reply_integer(struct reply *reply, int64_t number)
{
    add_number(reply, ':', number);
}

void reply_array(struct reply *reply, size_t count)
{
    add_number(reply, '*', (int64_t)count);
}

void reply_bulk(struct reply *reply, struct bytes bytes)
{
    if (!reserve(reply, bytes.length + NUMBER_SIZE + 2))
        return;
    add_number(reply, '$', (int64_t)bytes.length);
    reply_raw(reply, bytes.data, bytes.length);
    reply_raw(reply, "\r\n", 2);
}

void reply_null(struct reply *reply)
{
    reply_raw(reply, "$-1\r\n", 5);
}
