/* SPDX-License-Identifier: MIT */
/*
 * What is sent: the status line, headers and a short body in one buffer, so that all of it leaves
 * with one call; a long body comes from a file behind it.
 */
#ifndef HTTPD_RESPONSE_H
#define HTTPD_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Files up to this are sent with the head. */
#define SHORT_BODY 32768

struct response {
    char *data; /* malloc'ed */
    size_t length, capacity;
    bool failed;           /* memory is short, or the file is: the response is not whole */
    bool keep_alive;       /* the connection */
    bool head_only;        /* no body, although its length is told */
    int file;              /* with the rest of the body, or -1 */
    uint64_t offset, left; /* of it, in bytes */
};

void response_free(struct response *response);

/* Makes it empty, and closes the file. Suspends. */
void response_clear(struct response *response);

/* Room for `length` bytes at the end, or NULL. */
char *response_room(struct response *response, size_t length);

void response_add(struct response *response, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A time as HTTP writes it; `text` has room for 32 bytes. Returns `text`. */
char *response_time(char *text, time_t time);

/* The status line and what all responses have. More headers and response_end() follow. */
void response_begin(struct response *response, int status);

/* The end of the headers, with a body of `length` bytes to follow. */
void response_end(struct response *response, uint64_t length);

/* A whole response that says the status in its body, too. `header` is a further one with its end
 * of line, or "". */
void response_status(struct response *response, int status, const char *header);

#endif
