/* SPDX-License-Identifier: MIT */
/*
 * The parser of requests: Redis's protocol (RESP 2), an array of bulk strings, or a line of words
 * for those who type. It looks at memory and knows of no connection, so that it can be fuzzed.
 *
 *     "*2\r\n$3\r\nGET\r\n$1\r\nx\r\n"    the same as    "GET x\r\n"
 *
 * A request may come in any number of parts. The parser goes on where it was: no byte is looked at
 * twice, however it is cut. What the peer announces is not believed: memory is taken for what has
 * come.
 */
#ifndef MINIKV_RESP_H
#define MINIKV_RESP_H

#include <stdint.h>

#include "bytes.h"

struct resp_limits {
    uint64_t bulk;    /* bytes of one argument */
    uint64_t count;   /* arguments of one command */
    uint64_t command; /* bytes of one command, with all that is around the arguments */
};

/* A line of words is no longer than this, whatever the limits are. */
#define RESP_LINE_SIZE 65536

enum resp_result {
    RESP_MORE,    /* the command is not complete */
    RESP_COMMAND, /* `arguments` has the `count` words of a command, none for an empty line */
    RESP_ERROR    /* `error` says what is wrong; nothing that follows makes sense */
};

struct resp_parser {
    const struct resp_limits *limits;
    struct bytes *arguments;
    size_t count, capacity;
    size_t position; /* bytes of the command that have been understood */
    size_t scanned;  /* of a line: bytes in which there is no end of it */
    int64_t left;    /* arguments to come; -1: the command has not begun */
    int64_t bulk;    /* bytes of the argument to come; -1: that is not known yet */
    const char *error;
};

/* `limits` must stay. */
void resp_init(struct resp_parser *parser, const struct resp_limits *limits);
void resp_free(struct resp_parser *parser);

/*
 * Looks at the `length` bytes at `data`, which begin with the command: all that have come of it,
 * at each call; between two calls they may have moved. Quotes of a line are taken off in place.
 * After RESP_COMMAND `position` is the size of the command, and the arguments point into `data`.
 */
enum resp_result resp_parse(struct resp_parser *parser, char *data, size_t length);

/* Begins the next command: `data` begins `position` bytes later from now on. */
void resp_next(struct resp_parser *parser);

/* Of the parser's two halves: adds an argument that begins at `offset`. Returns whether it could;
 * else `error` is set. */
bool resp_add(struct resp_parser *parser, size_t offset, size_t length);

/* Splits a line of `length` bytes at data + offset into arguments. Returns whether it could. */
bool resp_split_line(struct resp_parser *parser, char *data, size_t offset, size_t length);

#endif
