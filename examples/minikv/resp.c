/* SPDX-License-Identifier: MIT */
/*
 * Commands as arrays. The state is `left` and `bulk`; what is behind `position` has not been
 * understood yet, and begins with a '*', a '$' or the bytes of an argument.
 *
 * Invariant: while a command is not complete its arguments are offsets, as the buffer may move.
 */
#include "resp.h"

#include <stdlib.h>

/* More digits than any limit has, fewer than an int64_t holds. */
#define DIGITS 18

enum number { NUMBER_MORE, NUMBER_FOUND, NUMBER_WRONG };

void resp_init(struct resp_parser *parser, const struct resp_limits *limits)
{
    *parser = (struct resp_parser){.limits = limits, .left = -1, .bulk = -1};
}

void resp_free(struct resp_parser *parser)
{
    free(parser->arguments);
    parser->arguments = NULL;
    parser->capacity = parser->count = 0;
}

void resp_next(struct resp_parser *parser)
{
    parser->position = parser->scanned = parser->count = 0;
    parser->left = parser->bulk = -1;
}

static enum resp_result fail(struct resp_parser *parser, const char *error)
{
    parser->error = error;
    return RESP_ERROR;
}

bool resp_add(struct resp_parser *parser, size_t offset, size_t length)
{
    if (parser->count == parser->limits->count) {
        parser->error = "too many arguments";
        return false;
    }
    if (parser->count == parser->capacity) {
        size_t capacity = parser->capacity > 0 ? 2 * parser->capacity : 8;
        struct bytes *arguments = realloc(parser->arguments, capacity * sizeof(*arguments));
        if (arguments == NULL) {
            parser->error = "out of memory";
            return false;
        }
        parser->arguments = arguments;
        parser->capacity = capacity;
    }
    parser->arguments[parser->count++] = (struct bytes){.offset = offset, .length = length};
    return true;
}

/* Reads a number and its line's end, which begin at data[at]; stores where they end. */
static enum number read_number(const char *data, size_t length, size_t at, int64_t *number,
                               size_t *end)
{
    bool negative = at < length && data[at] == '-';
    size_t i = at + negative, first = i;
    int64_t value = 0;
    while (i < length && data[i] >= '0' && data[i] <= '9' && i - first < DIGITS)
        value = 10 * value + (data[i++] - '0');
    if (i == length)
        return NUMBER_MORE;
    if (i == first || data[i] != '\r')
        return NUMBER_WRONG;
    if (i + 1 == length)
        return NUMBER_MORE;
    if (data[i + 1] != '\n')
        return NUMBER_WRONG;
    *number = negative ? -value : value;
    *end = i + 2;
    return NUMBER_FOUND;
}

/* "*COUNT\r\n" */
static enum resp_result begin_array(struct resp_parser *parser, const char *data, size_t length)
{
    int64_t count;
    size_t end;
    switch (read_number(data, length, parser->position + 1, &count, &end)) {
    case NUMBER_MORE:
        return RESP_MORE;
    case NUMBER_WRONG:
        return fail(parser, "invalid multibulk length");
    default:
        break;
    }
    if (count > 0 && (uint64_t)count > parser->limits->count)
        return fail(parser, "invalid multibulk length");
    parser->left = count > 0 ? count : 0;
    parser->position = end;
    return RESP_COMMAND;
}

/* "$LENGTH\r\n" */
static enum resp_result begin_bulk(struct resp_parser *parser, const char *data, size_t length)
{
    int64_t size;
    size_t end;
    if (parser->position == length)
        return RESP_MORE;
    if (data[parser->position] != '$')
        return fail(parser, "expected '$'");
    switch (read_number(data, length, parser->position + 1, &size, &end)) {
    case NUMBER_MORE:
        return RESP_MORE;
    case NUMBER_WRONG:
        return fail(parser, "invalid bulk length");
    default:
        break;
    }
    if (size < 0 || (uint64_t)size > parser->limits->bulk)
        return fail(parser, "invalid bulk length");
    if (end + (uint64_t)size + 2 > parser->limits->command)
        return fail(parser, "too big request");
    parser->bulk = size;
    parser->position = end;
    return RESP_COMMAND;
}

/* The bytes of an argument, and "\r\n". */
static enum resp_result end_bulk(struct resp_parser *parser, const char *data, size_t length)
{
    size_t size = (size_t)parser->bulk, end = parser->position + size;
    if (length < end + 2)
        return RESP_MORE;
    if (data[end] != '\r' || data[end + 1] != '\n')
        return fail(parser, "expected the end of a bulk");
    if (!resp_add(parser, parser->position, size))
        return RESP_ERROR;
    parser->position = end + 2;
    parser->bulk = -1;
    parser->left--;
    return RESP_COMMAND;
}

static enum resp_result parse_line(struct resp_parser *parser, char *data, size_t length)
{
    const char *newline = memchr(data + parser->scanned, '\n', length - parser->scanned);
    size_t size = newline != NULL ? (size_t)(newline - data) : length;
    if (size > RESP_LINE_SIZE)
        return fail(parser, "too big inline request");
    parser->scanned = size;
    if (newline == NULL)
        return RESP_MORE;
    parser->position = size + 1;
    if (size > 0 && data[size - 1] == '\r')
        size--;
    return resp_split_line(parser, data, 0, size) ? RESP_COMMAND : RESP_ERROR;
}

static enum resp_result parse_array(struct resp_parser *parser, const char *data, size_t length)
{
    enum resp_result result = RESP_COMMAND;
    if (parser->left < 0)
        result = begin_array(parser, data, length);
    while (result == RESP_COMMAND && parser->left > 0) {
        if (parser->bulk < 0)
            result = begin_bulk(parser, data, length);
        if (result == RESP_COMMAND)
            result = end_bulk(parser, data, length);
    }
    return result;
}

enum resp_result resp_parse(struct resp_parser *parser, char *data, size_t length)
{
    if (length == 0)
        return RESP_MORE;
    enum resp_result result =
        data[0] == '*' ? parse_array(parser, data, length) : parse_line(parser, data, length);
    if (result == RESP_COMMAND)
        for (size_t i = 0; i < parser->count; i++)
            parser->arguments[i].data = data + parser->arguments[i].offset;
    return result;
}
