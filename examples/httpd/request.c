/* SPDX-License-Identifier: MIT */
/*
 * http_parser calls back with pieces of the target and of headers, which are put together here, in
 * room of a fixed size. Headers that nobody asks for are passed over.
 *
 * Invariant: a callback that sets `status` returns an error, so that nothing is parsed after it.
 */
#include "request.h"

#include <string.h>
#include <strings.h>

static const char *const header_names[HEADERS] = {"host", "if-modified-since", "if-none-match",
                                                  "if-range", "range"};

static struct request *request_of(http_parser *parser)
{
    return parser->data;
}

static int refuse(struct request *request, int status)
{
    request->status = status;
    return 1;
}

static int on_begin(http_parser *parser)
{
    request_of(parser)->begun = true;
    return 0;
}

static int on_url(http_parser *parser, const char *data, size_t length)
{
    struct request *request = request_of(parser);
    if (length >= sizeof(request->target) - request->target_length)
        return refuse(request, 414);
    memcpy(request->target + request->target_length, data, length);
    request->target_length += length;
    request->target[request->target_length] = '\0';
    return 0;
}

static int on_header_field(http_parser *parser, const char *data, size_t length)
{
    struct request *request = request_of(parser);
    if (request->value_seen) {
        request->value_seen = false;
        request->name_length = request->value_length = 0;
    }
    /* A name that does not fit is none of ours; its length tells. */
    if (length < sizeof(request->name) - request->name_length)
        memcpy(request->name + request->name_length, data, length);
    else
        length = sizeof(request->name) - 1 - request->name_length;
    request->name_length += length;
    return 0;
}

static enum header find_header(const struct request *request)
{
    for (int i = 0; i < HEADERS; i++)
        if (strlen(header_names[i]) == request->name_length &&
            strncasecmp(header_names[i], request->name, request->name_length) == 0)
            return (enum header)i;
    return HEADER_OTHER;
}

static int on_header_value(http_parser *parser, const char *data, size_t length)
{
    struct request *request = request_of(parser);
    if (!request->value_seen) {
        request->value_seen = true;
        request->header = find_header(request);
        /* Two hosts may be two opinions on whose request it is. */
        if (request->header == HEADER_HOST && request->headers[HEADER_HOST][0] != '\0')
            return refuse(request, 400);
    }
    if (request->header == HEADER_OTHER)
        return 0;
    char *value = request->headers[request->header];
    if (length >= sizeof(request->headers[0]) - request->value_length)
        return refuse(request, 431);
    memcpy(value + request->value_length, data, length);
    request->value_length += length;
    value[request->value_length] = '\0';
    return 0;
}

static int on_headers_complete(http_parser *parser)
{
    struct request *request = request_of(parser);
    bool is_old = parser->http_major < 1 || (parser->http_major == 1 && parser->http_minor < 1);
    if (parser->upgrade && parser->method == HTTP_CONNECT)
        return refuse(request, 405), -1;
    if (!is_old && request->headers[HEADER_HOST][0] == '\0')
        return refuse(request, 400), -1;
    if (parser->content_length != UINT64_MAX && parser->content_length > request->body_limit)
        return refuse(request, 413), -1;
    parser->upgrade = 0; /* no other protocol is spoken here: it is a request like any other */
    return 0;
}

static int on_body(http_parser *parser, const char *data, size_t length)
{
    (void)data;
    struct request *request = request_of(parser);
    request->body += length;
    return request->body > request->body_limit ? refuse(request, 413) : 0;
}

static int on_complete(http_parser *parser)
{
    struct request *request = request_of(parser);
    request->done = true;
    request->keep_alive = http_should_keep_alive(parser);
    http_parser_pause(parser, 1);
    return 0;
}

void request_set_head_limit(uint32_t limit)
{
    http_parser_set_max_header_size(limit);
}

void request_init(struct request *request, uint64_t body_limit)
{
    http_parser_init(&request->parser, HTTP_REQUEST);
    request->parser.data = request;
    request->body_limit = body_limit;
    request_next(request);
}

void request_next(struct request *request)
{
    if (request->done)
        http_parser_pause(&request->parser, 0);
    request->begun = request->done = request->value_seen = false;
    request->status = 0;
    request->body = 0;
    request->target[0] = '\0';
    request->target_length = request->name_length = request->value_length = 0;
    for (int i = 0; i < HEADERS; i++)
        request->headers[i][0] = '\0';
}

size_t request_parse(struct request *request, const char *data, size_t length)
{
    static const http_parser_settings settings = {
        .on_message_begin = on_begin,
        .on_url = on_url,
        .on_header_field = on_header_field,
        .on_header_value = on_header_value,
        .on_headers_complete = on_headers_complete,
        .on_body = on_body,
        .on_message_complete = on_complete,
    };
    size_t parsed = http_parser_execute(&request->parser, &settings, data, length);
    enum http_errno error = HTTP_PARSER_ERRNO(&request->parser);
    if (request->status == 0 && error != HPE_OK && error != HPE_PAUSED)
        request->status = error == HPE_HEADER_OVERFLOW  ? 431
                          : error == HPE_INVALID_METHOD ? 405
                                                        : 400;
    return parsed;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

bool request_path(const struct request *request, char *path)
{
    const char *from = request->target;
    char *to = path;
    if (*from != '/')
        return false;
    while (*from == '/')
        from++;
    for (; *from != '\0' && *from != '?'; from++) {
        char c = *from;
        if (c == '%') {
            int high = hex(from[1]), low = high < 0 ? -1 : hex(from[2]);
            if (low < 0 || (high == 0 && low == 0))
                return false;
            c = (char)(16 * high + low);
            from += 2;
        }
        *to++ = c;
    }
    *to = '\0';
    /* What an encoded slash has put there. */
    if (path[0] == '/')
        return false;
    if (path[0] == '\0')
        memcpy(path, "./", 3);
    return true;
}
