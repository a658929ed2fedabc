/* SPDX-License-Identifier: MIT */
/*
 * Names to addresses: getaddrinfo(3), which blocks, on the blocking pool. Nobody can interrupt it,
 * so a caller that is cancelled leaves it alone: the request belongs to whichever of the two comes
 * last, and has copies of the names.
 */
#include <errno.h>
#include <netdb.h>
#include <string.h>

#include <tug/blocking.h>
#include <tug/cancel.h>
#include <tug/net.h>
#include <tug/task.h>

#include "sys/call.h"

struct request {
    uint32_t owners;  /* atomic: the caller, and the job */
    uint32_t started; /* atomic: the job runs, and will give up the request */
    int result;
    struct addrinfo hints, *found;
    const char *host, *service;
    char names[];
};

static int error_of(int code, int system_error)
{
    switch (code) {
    case 0:
        return 0;
    case EAI_AGAIN:
        return -EBUSY;
    case EAI_MEMORY:
        return -ENOMEM;
    case EAI_SYSTEM:
        return system_error < 0 ? system_error : -EIO;
    case EAI_BADFLAGS:
        return -EINVAL;
    case EAI_FAIL:
        return -EIO;
    default:
        return -ENOENT;
    }
}

static void give_up(struct request *request)
{
    if (__atomic_sub_fetch(&request->owners, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    if (request->found != NULL)
        freeaddrinfo(request->found);
    tug_sys_free(request);
}

static void look_up(struct request *request)
{
    int system_error;
    int code = tug_sys_getaddrinfo(request->host, request->service, &request->hints,
                                   &request->found, &system_error);
    request->result = error_of(code, system_error);
}

static int64_t run(void *argument)
{
    struct request *request = argument;
    __atomic_store_n(&request->started, 1, __ATOMIC_RELEASE);
    look_up(request);
    give_up(request);
    return 0;
}

static const char *keep(char **space, const char *name)
{
    if (name == NULL)
        return NULL;
    size_t size = strlen(name) + 1;
    char *copy = memcpy(*space, name, size);
    *space += size;
    return copy;
}

static struct request *new_request(const char *host, const char *service, bool passive)
{
    size_t size =
        (host != NULL ? strlen(host) + 1 : 0) + (service != NULL ? strlen(service) + 1 : 0);
    struct request *request = tug_sys_calloc(1, sizeof(*request) + size);
    if (request == NULL)
        return NULL;
    char *space = request->names;
    request->host = keep(&space, host);
    request->service = keep(&space, service);
    request->hints.ai_socktype = SOCK_STREAM;
    request->hints.ai_flags = AI_ADDRCONFIG | (passive ? AI_PASSIVE : 0);
    if (host == NULL || strpbrk(host, ":%") != NULL)
        request->hints.ai_flags &= ~AI_ADDRCONFIG;
    request->owners = 1;
    return request;
}

/* The caller has been cancelled. A job that has not started never will; it may take a moment until
 * one of the two is certain. */
static void leave(struct request *request, struct tug_task *task)
{
    struct tug_scope shield;
    tug_task_abort(task);
    tug_shield_begin(&shield);
    while (__atomic_load_n(&request->started, __ATOMIC_ACQUIRE) == 0 && !tug_task_is_finished(task))
        tug_yield();
    tug_scope_end(&shield, 0);
    if (__atomic_load_n(&request->started, __ATOMIC_ACQUIRE) == 0)
        give_up(request);
    tug_task_detach(task);
}

/* getaddrinfo(3) cannot be cancelled: so the job and who waits own the request together, and who
 * gives up leaves it to the other. */
static int run_in_pool(struct request *request)
{
    struct tug_task *task;
    request->owners = 2;
    int error = tug_spawn_blocking(&task, NULL, run, request);
    if (error != 0) {
        request->owners = 1;
        return error;
    }
    int64_t outcome;
    error = tug_join(task, &outcome);
    if (error < 0) {
        leave(request, task);
        return error;
    }
    /* The runtime shuts down, and has dropped the job. */
    if (outcome < 0)
        give_up(request);
    return (int)outcome;
}

static int store(const struct request *request, struct tug_address *addresses, size_t count)
{
    size_t used = 0;
    for (const struct addrinfo *info = request->found; info != NULL && used < count;
         info = info->ai_next) {
        if (info->ai_addrlen > sizeof(addresses[used].storage))
            continue;
        memset(&addresses[used], 0, sizeof(addresses[used]));
        memcpy(&addresses[used].storage, info->ai_addr, info->ai_addrlen);
        addresses[used++].length = info->ai_addrlen;
    }
    return used > 0 ? (int)used : -ENOENT;
}

int tug_resolve(const char *host, const char *service, bool passive, struct tug_address *addresses,
                size_t count)
{
    if (count == 0 || (host == NULL && service == NULL))
        return -EINVAL;
    struct request *request = new_request(host, service, passive);
    if (request == NULL)
        return -ENOMEM;
    int result = 0;
    if (tug_task_current() != NULL)
        result = run_in_pool(request);
    else
        look_up(request);
    if (result == 0)
        result = request->result;
    if (result == 0)
        result = store(request, addresses, count);
    give_up(request);
    return result;
}
