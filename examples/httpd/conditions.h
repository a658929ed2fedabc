/* SPDX-License-Identifier: MIT */
/*
 * What a client has already, and what part it wants: conditional requests and single ranges
 * (RFC 9110, sections 13 and 14). Nothing here touches a file.
 */
#ifndef HTTPD_CONDITIONS_H
#define HTTPD_CONDITIONS_H

#include "request.h"

#include <time.h>

/* What a file is like; the tag changes when it does. */
struct version {
    char tag[64]; /* with its quotes */
    time_t modified;
    uint64_t size;
};

/* Whether the client has this version, and wants it no more (304). */
bool conditions_have(const struct request *request, const struct version *version);

enum range { RANGE_ALL, RANGE_PART, RANGE_OUTSIDE };

/* Which part is wanted; stores where it begins and how long it is, in bytes. What is no single
 * range, or no longer of this version, means all. */
enum range conditions_range(const struct request *request, const struct version *version,
                            uint64_t *offset, uint64_t *length);

#endif
