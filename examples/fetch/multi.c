/* SPDX-License-Identifier: MIT */
/*
 * Each socket has a watch, a poll task that asks the socket's readiness for what libcurl wants at
 * the moment and tells it what holds. The timeout is a task that sleeps; a new timeout is a new
 * task. Both call act(), and nobody else does.
 *
 * Invariants:
 *  - libcurl's callbacks only take notes and wake tasks: none of them calls libcurl.
 *  - When libcurl removes a socket it closes it next. So the struct tug_async_fd is destroyed
 * within the callback, which its pollers allow, and the watch ends by itself, at its next poll.
 */
#include "multi.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>

#include <tug/async_fd.h>
#include <tug/coop.h>
#include <tug/time.h>

void waker_keep(struct tug_waker *place, const struct tug_waker *waker)
{
    if (place->vtable != NULL && tug_waker_will_wake(place, waker))
        return;
    if (place->vtable != NULL)
        tug_waker_drop(*place);
    *place = tug_waker_clone(waker);
}

void waker_wake(struct tug_waker *place)
{
    struct tug_waker waker = *place;
    place->vtable = NULL;
    if (waker.vtable != NULL)
        tug_waker_wake(waker);
}

/* Has libcurl do what there is to be done, and tells the transfers that are over. */
static void act(struct multi *multi, curl_socket_t fd, int ready)
{
    int count;
    CURLMsg *message;
    curl_multi_socket_action(multi->handle, fd, ready, &count);
    while ((message = curl_multi_info_read(multi->handle, &count)) != NULL) {
        void *transfer = NULL;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
        transfer_over(transfer, message->data.result);
    }
}

/* ---- Sockets ---- */

struct watch {
    struct tug_future future;
    struct multi *multi;
    struct tug_async_fd *readiness; /* NULL: libcurl has removed the socket */
    curl_socket_t fd;
    int wanted; /* CURL_POLL_... */
    struct tug_waker waker;
};

/* Returns what holds of what is wanted, in libcurl's bits. */
static int ask(struct watch *watch, enum tug_interest interest, const struct tug_waker *waker)
{
    int bit = interest == TUG_READABLE ? CURL_POLL_IN : CURL_POLL_OUT;
    if ((watch->wanted & bit) == 0)
        return 0;
    int events = tug_async_fd_poll(watch->readiness, interest, waker);
    if (events == -EAGAIN)
        return 0;
    if (events < 0)
        return CURL_CSELECT_ERR;
    tug_async_fd_clear(watch->readiness, interest);
    return (interest == TUG_READABLE ? CURL_CSELECT_IN : CURL_CSELECT_OUT) |
           ((events & POLLERR) != 0 ? CURL_CSELECT_ERR : 0);
}

static int watch_poll(struct tug_future *future, const struct tug_waker *waker)
{
    struct watch *watch = (struct watch *)future;
    while (watch->readiness != NULL) {
        if (tug_coop_poll(waker) == TUG_PENDING)
            return TUG_PENDING;
        int ready = ask(watch, TUG_READABLE, waker) | ask(watch, TUG_WRITABLE, waker);
        if (ready == 0) {
            tug_coop_restore();
            waker_keep(&watch->waker, waker);
            return TUG_PENDING;
        }
        act(watch->multi, watch->fd, ready);
    }
    return TUG_READY;
}

static void watch_drop(struct tug_future *future)
{
    struct watch *watch = (struct watch *)future;
    if (watch->waker.vtable != NULL)
        tug_waker_drop(watch->waker);
    free(watch);
}

static struct watch *watch_new(struct multi *multi, curl_socket_t fd)
{
    static const struct tug_future_vtable vtable = {.poll = watch_poll, .drop = watch_drop};
    struct tug_task *task;
    struct watch *watch = malloc(sizeof(*watch));
    if (watch == NULL)
        return NULL;
    *watch = (struct watch){.future = {&vtable, 0}, .multi = multi, .fd = fd};
    if (tug_async_fd_create(&watch->readiness, fd) < 0) {
        free(watch);
        return NULL;
    }
    if (tug_spawn_future(&task, NULL, &watch->future) < 0) {
        tug_async_fd_destroy(watch->readiness);
        free(watch);
        return NULL;
    }
    tug_task_detach(task);
    return watch;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *argument, void *of_socket)
{
    (void)easy;
    struct multi *multi = argument;
    struct watch *watch = of_socket;
    if (watch == NULL && what != CURL_POLL_REMOVE) {
        watch = watch_new(multi, fd);
        if (watch == NULL)
            return -1;
        curl_multi_assign(multi->handle, fd, watch);
    }
    if (watch == NULL)
        return 0;
    watch->wanted = what;
    if (what == CURL_POLL_REMOVE) {
        tug_async_fd_destroy(watch->readiness);
        watch->readiness = NULL;
    }
    waker_wake(&watch->waker);
    return 0;
}

/* ---- The timeout ---- */

/* One that was replaced is aborted, and may have slept to the end all the same. */
static int64_t time_out(void *argument)
{
    struct multi *multi = argument;
    if (tug_sleep_until(multi->deadline) == 0 && tug_now() >= multi->deadline) {
        multi->deadline = TUG_FOREVER;
        act(multi, CURL_SOCKET_TIMEOUT, 0);
    }
    return 0;
}

static void stop_timer(struct multi *multi)
{
    if (multi->timer == NULL)
        return;
    tug_task_abort(multi->timer);
    tug_task_detach(multi->timer);
    multi->timer = NULL;
}

static int on_timer(CURLM *handle, long milliseconds, void *argument)
{
    (void)handle;
    struct multi *multi = argument;
    stop_timer(multi);
    multi->deadline = TUG_FOREVER;
    if (milliseconds < 0)
        return 0;
    multi->deadline = tug_deadline_after((uint64_t)milliseconds * TUG_MILLISECOND);
    multi->timer = tug_spawn(time_out, multi);
    return multi->timer != NULL ? 0 : -1;
}

/* ---- The whole ---- */

int multi_open(struct multi *multi)
{
    *multi = (struct multi){.handle = curl_multi_init(), .deadline = TUG_FOREVER};
    if (multi->handle == NULL)
        return -ENOMEM;
    curl_multi_setopt(multi->handle, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(multi->handle, CURLMOPT_SOCKETDATA, multi);
    curl_multi_setopt(multi->handle, CURLMOPT_TIMERFUNCTION, on_timer);
    curl_multi_setopt(multi->handle, CURLMOPT_TIMERDATA, multi);
    return 0;
}

void multi_close(struct multi *multi)
{
    curl_multi_cleanup(multi->handle);
    stop_timer(multi);
    /* Whatever was woken or aborted last has had its turn before the memory goes. */
    struct tug_scope shield;
    tug_shield_begin(&shield);
    tug_yield();
    tug_scope_end(&shield, 0);
}
