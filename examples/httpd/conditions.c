/* SPDX-License-Identifier: MIT */
#include "conditions.h"

#include <string.h>
#include <strings.h>

/* Returns whether it is a time in one of the three forms that HTTP has had. */
static bool parse_time(const char *text, time_t *time)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %d %H:%M:%S %Y"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct tm parts = {0};
        const char *end = strptime(text, forms[i], &parts);
        if (end != NULL && *end == '\0') {
            *time = timegm(&parts);
            return true;
        }
    }
    return false;
}

/* Whether a tag is in a list of them; that one is weak makes no difference here. */
static bool has_tag(const char *list, const char *tag)
{
    size_t length = strlen(tag);
    if (strcmp(list, "*") == 0)
        return true;
    for (const char *at = list; (at = strstr(at, tag)) != NULL; at += length)
        if (at[length] == '\0' || strchr(", \t", at[length]) != NULL)
            return true;
    return false;
}

bool conditions_have(const struct request *request, const struct version *version)
{
    time_t time;
    const char *tags = request->headers[HEADER_IF_NONE_MATCH];
    if (tags[0] != '\0')
        return has_tag(tags, version->tag);
    const char *since = request->headers[HEADER_IF_MODIFIED_SINCE];
    return since[0] != '\0' && parse_time(since, &time) && version->modified <= time;
}

/* Whether a range is wanted of this version only, and it is another one. */
static bool is_outdated(const struct request *request, const struct version *version)
{
    time_t time;
    const char *condition = request->headers[HEADER_IF_RANGE];
    if (condition[0] == '\0' || strcmp(condition, version->tag) == 0)
        return false;
    return !parse_time(condition, &time) || time != version->modified;
}

/* A number, up to what is no digit. Returns whether there is one that fits. */
static bool parse_digits(const char **text, uint64_t *number)
{
    const char *start = *text;
    *number = 0;
    for (; **text >= '0' && **text <= '9'; (*text)++)
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, (uint64_t)(**text - '0'), number))
            return false;
    return *text > start;
}

enum range conditions_range(const struct request *request, const struct version *version,
                            uint64_t *offset, uint64_t *length)
{
    const char *text = request->headers[HEADER_RANGE];
    uint64_t first, last = UINT64_MAX, size = version->size;
    *offset = 0;
    *length = size;
    if (strncasecmp(text, "bytes=", 6) != 0 || is_outdated(request, version))
        return RANGE_ALL;
    text += 6;
    if (*text == '-') { /* the last bytes */
        text++;
        if (!parse_digits(&text, &last) || *text != '\0')
            return RANGE_ALL;
        *length = last < size ? last : size;
        *offset = size - *length;
        return *length > 0 ? RANGE_PART : RANGE_OUTSIDE;
    }
    if (!parse_digits(&text, &first) || *text++ != '-')
        return RANGE_ALL;
    if (*text != '\0' && (!parse_digits(&text, &last) || *text != '\0' || last < first))
        return RANGE_ALL;
    if (first >= size)
        return RANGE_OUTSIDE;
    *offset = first;
    *length = (last < size - 1 ? last : size - 1) - first + 1;
    return RANGE_PART;
}
