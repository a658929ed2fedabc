/* SPDX-License-Identifier: MIT */
/*
 * The response to a request: a file below the root, a part of it, a directory, or an error.
 *
 * No path leaves the root, by "..", by symbolic links, or by either while somebody moves
 * directories about: openat2(2) resolves it with RESOLVE_BENEATH (Linux 5.6).
 */
#ifndef HTTPD_FILE_H
#define HTTPD_FILE_H

#include "request.h"
#include "response.h"

/* Fills the response, which is empty. `root`: a descriptor of the directory. Suspends. */
void file_respond(int root, const struct request *request, struct response *response);

/* The contents of a directory as a page; closes nothing. Suspends. */
void listing_respond(int directory, const char *path, struct response *response);

/* The type of a file by the end of its name. */
const char *mime_type(const char *path);

#endif
