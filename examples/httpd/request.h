/* SPDX-License-Identifier: MIT */
/*
 * One request, as http_parser (Debian: libhttp-parser-dev; its successor llhttp is not in Debian
 * 12) finds it in the bytes of a connection. Bodies are read, counted and thrown away.
 */
#ifndef HTTPD_REQUEST_H
#define HTTPD_REQUEST_H

#include <http_parser.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum header {
    HEADER_HOST,
    HEADER_IF_MODIFIED_SINCE,
    HEADER_IF_NONE_MATCH,
    HEADER_IF_RANGE,
    HEADER_RANGE,
    HEADERS,
    HEADER_OTHER = HEADERS
};

/* A request line or a header of more than this is refused, whatever the limit of all is. */
#define TEXT_SIZE 4096

struct request {
    http_parser parser;
    uint64_t body_limit, body; /* bytes */
    bool begun;                /* the first byte has come */
    bool done;                 /* the last one has */
    bool keep_alive;
    int status;                 /* of the response, if something is wrong already; else 0 */
    char target[TEXT_SIZE];     /* zero-terminated, as all of them */
    char headers[HEADERS][256]; /* empty: not there */
    char name[32];              /* of the header that is being read */
    size_t target_length, name_length, value_length;
    enum header header;
    bool value_seen;
};

/* Once: how many bytes the head of a request may have. */
void request_set_head_limit(uint32_t limit);

void request_init(struct request *request, uint64_t body_limit);

/* Reads on; stops at the end of a request (`done`) or when something is wrong (`status`). Returns
 * how many bytes belong to it. */
size_t request_parse(struct request *request, const char *data, size_t length);

/* Makes it ready for the next one of the same connection. */
void request_next(struct request *request);

/* Takes the percent signs out of a path, which ends at a '?'. Stores it in `path`, of TEXT_SIZE
 * bytes, without its first '/', "." if it is empty. Returns whether it makes sense. */
bool request_path(const struct request *request, char *path);

#endif
