/* SPDX-License-Identifier: MIT */
#include "response.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tug/file.h>

#define KEPT ((size_t)64 << 10)
#define LINE_SIZE ((size_t)256) /* that most headers fit into */

static const char *reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {
        {200, "OK"},
        {206, "Partial Content"},
        {301, "Moved Permanently"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {416, "Range Not Satisfiable"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {503, "Service Unavailable"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    return "Error";
}

void response_free(struct response *response)
{
    response_clear(response);
    free(response->data);
    response->data = NULL;
    response->capacity = 0;
}

void response_clear(struct response *response)
{
    if (response->file >= 0)
        tug_close(response->file);
    response->file = -1;
    response->length = 0;
    response->offset = response->left = 0;
    response->failed = false;
    if (response->capacity > KEPT) {
        free(response->data);
        response->data = NULL;
        response->capacity = 0;
    }
}

char *response_room(struct response *response, size_t length)
{
    if (response->capacity - response->length < length) {
        size_t capacity = response->capacity > 0 ? response->capacity : 4096;
        while (capacity - response->length < length)
            capacity *= 2;
        char *data = realloc(response->data, capacity);
        if (data == NULL) {
            response->failed = true;
            return NULL;
        }
        response->data = data;
        response->capacity = capacity;
    }
    return response->data + response->length;
}

void response_add(struct response *response, const char *format, ...)
{
    va_list arguments, again;
    char *at = response_room(response, LINE_SIZE);
    if (at == NULL)
        return;
    size_t room = response->capacity - response->length;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(at, room, format, arguments);
    if ((size_t)length >= room) {
        at = response_room(response, (size_t)length + 1);
        if (at != NULL)
            vsnprintf(at, (size_t)length + 1, format, again);
    }
    if (at != NULL)
        response->length += (size_t)length;
    va_end(again);
    va_end(arguments);
}

char *response_time(char *text, time_t time)
{
    struct tm parts;
    gmtime_r(&time, &parts);
    strftime(text, 32, "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return text;
}

void response_begin(struct response *response, int status)
{
    char date[32];
    response_add(response, "HTTP/1.1 %d %s\r\nServer: tug-httpd\r\nDate: %s\r\n%s", status,
                 reason(status), response_time(date, time(NULL)),
                 response->keep_alive ? "" : "Connection: close\r\n");
}

void response_end(struct response *response, uint64_t length)
{
    response_add(response, "Content-Length: %llu\r\n\r\n", (unsigned long long)length);
}

void response_status(struct response *response, int status, const char *header)
{
    const char *text = reason(status);
    response_begin(response, status);
    response_add(response, "Content-Type: text/plain\r\n%s", header);
    response_end(response, strlen(text) + 5);
    if (!response->head_only)
        response_add(response, "%d %s\n", status, text);
}
