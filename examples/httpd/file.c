/* SPDX-License-Identifier: MIT */
/*
 * What is in the kernel's caches is answered at once, on the worker: RESOLVE_CACHED and RWF_NOWAIT
 * say EAGAIN rather than wait for a disk. The rest goes to the blocking pool.
 */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <tug/file.h>
#include <tug/op.h>
#include <tug/sys.h>

#include "conditions.h"

/* An open file or directory. */
struct opened {
    int root;
    const char *path;
    uint64_t resolve;
    int fd;
    struct statx status;
};

static int64_t open_and_look(void *argument)
{
    struct opened *opened = argument;
    /* Without O_NONBLOCK a named pipe would keep whoever opens it. */
    const struct open_how how = {
        .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | opened->resolve,
    };
    opened->fd = tug_sys_openat2(opened->root, opened->path, &how);
    if (opened->fd < 0)
        return opened->fd;
    int error = tug_sys_statx(opened->fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &opened->status);
    if (error < 0)
        tug_sys_close(opened->fd);
    return error;
}

static int64_t open_path(struct opened *opened)
{
    int64_t result = -EAGAIN;
#ifdef RESOLVE_CACHED
    opened->resolve = RESOLVE_CACHED;
    result = open_and_look(opened);
#endif
    if (result != -EAGAIN && result != -EINVAL) /* which is what older systems say */
        return result;
    struct tug_op op;
    opened->resolve = 0;
    tug_op_blocking(&op, open_and_look, opened);
    return tug_op_await(&op);
}

static int status_of(int64_t error)
{
    switch (-error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
        return 404;
    case EACCES:
    case EPERM:
    case ELOOP:
    case ENXIO:
    case EXDEV: /* it would leave the root */
        return 403;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return 503;
    default:
        return 500;
    }
}

/* Reads a short body behind the head. */
static void add_contents(struct response *response, int fd, uint64_t offset, size_t length)
{
    char *room = response_room(response, length);
    if (room == NULL)
        return;
    struct iovec vector = {.iov_base = room, .iov_len = length};
    int64_t result = tug_sys_preadv2(fd, &vector, 1, (int64_t)offset, RWF_NOWAIT);
    if (result != (int64_t)length)
        result = tug_pread_exact(fd, room, length, (int64_t)offset);
    if (result == (int64_t)length)
        response->length += length;
    else
        response->failed = true;
}

static void describe(const struct statx *status, struct version *version)
{
    version->size = status->stx_size;
    version->modified = status->stx_mtime.tv_sec;
    snprintf(version->tag, sizeof(version->tag), "\"%llx-%llx-%x\"",
             (unsigned long long)status->stx_size, (unsigned long long)status->stx_mtime.tv_sec,
             status->stx_mtime.tv_nsec);
}

static void add_version(struct response *response, const struct version *version)
{
    char text[32];
    response_add(response, "ETag: %s\r\nLast-Modified: %s\r\n", version->tag,
                 response_time(text, version->modified));
}

/* A regular file. Returns whether the descriptor is the response's now. */
static bool respond_with_file(const struct opened *opened, const struct request *request,
                              struct response *response)
{
    struct version version;
    uint64_t offset, length;
    char header[64];
    describe(&opened->status, &version);
    if (conditions_have(request, &version)) {
        response_begin(response, 304);
        add_version(response, &version);
        response_add(response, "\r\n");
        return false;
    }
    enum range range = conditions_range(request, &version, &offset, &length);
    if (range == RANGE_OUTSIDE) {
        snprintf(header, sizeof(header), "Content-Range: bytes */%llu\r\n",
                 (unsigned long long)version.size);
        response_status(response, 416, header);
        return false;
    }
    response_begin(response, range == RANGE_PART ? 206 : 200);
    response_add(response, "Content-Type: %s\r\nAccept-Ranges: bytes\r\n", mime_type(opened->path));
    add_version(response, &version);
    if (range == RANGE_PART)
        response_add(response, "Content-Range: bytes %llu-%llu/%llu\r\n",
                     (unsigned long long)offset, (unsigned long long)(offset + length - 1),
                     (unsigned long long)version.size);
    response_end(response, length);
    if (response->head_only || length == 0)
        return false;
    if (length <= SHORT_BODY) {
        add_contents(response, opened->fd, offset, (size_t)length);
        return false;
    }
    response->file = opened->fd;
    response->offset = offset;
    response->left = length;
    return true;
}

/* A directory is asked for without the '/' at the end that links in its page need. */
static void redirect(const struct request *request, struct response *response)
{
    char header[TEXT_SIZE + 32];
    const char *target = request->target;
    /* Two at the beginning would name another host. */
    while (*target == '/')
        target++;
    snprintf(header, sizeof(header), "Location: /%.*s/\r\n", (int)strcspn(target, "?"), target);
    response_status(response, 301, header);
}

static void respond_with_directory(const struct opened *directory, const struct request *request,
                                   struct response *response)
{
    size_t length = strlen(directory->path);
    if (length == 0 || directory->path[length - 1] != '/') {
        redirect(request, response);
        return;
    }
    struct opened index = {.root = directory->fd, .path = "index.html"};
    if (open_path(&index) < 0) {
        listing_respond(directory->fd, directory->path, response);
        return;
    }
    if (!S_ISREG(index.status.stx_mode)) {
        response_status(response, 403, "");
        tug_sys_close(index.fd);
    } else if (!respond_with_file(&index, request, response)) {
        tug_sys_close(index.fd);
    }
}

void file_respond(int root, const struct request *request, struct response *response)
{
    char path[TEXT_SIZE];
    if (!request_path(request, path)) {
        response_status(response, 400, "");
        return;
    }
    struct opened opened = {.root = root, .path = path};
    int64_t error = open_path(&opened);
    if (error < 0) {
        response_status(response, status_of(error), "");
        return;
    }
    bool kept = false;
    if (S_ISREG(opened.status.stx_mode))
        kept = respond_with_file(&opened, request, response);
    else if (S_ISDIR(opened.status.stx_mode))
        respond_with_directory(&opened, request, response);
    else
        response_status(response, 403, "");
    /* What is only read has no late errors, and nothing to wait for. */
    if (!kept)
        tug_sys_close(opened.fd);
}
