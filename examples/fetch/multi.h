/* SPDX-License-Identifier: MIT */
/*
 * libcurl's multi interface on our reactor. libcurl says which sockets it wants to hear of and when
 * it wants to be called at the latest; here is who waits for that.
 */
#ifndef FETCH_MULTI_H
#define FETCH_MULTI_H

#include <curl/curl.h>
#include <stdint.h>

#include <tug/task.h>

/* Of one thread: it belongs to tasks of a current-thread runtime. All members are private. */
struct multi {
    CURLM *handle;
    struct tug_task *timer; /* until libcurl's timeout */
    uint64_t deadline;      /* of that, as tug_now() */
};

/* Returns 0 or -ENOMEM. `multi` stays where it is. */
int multi_open(struct multi *multi);

/* No transfer is in it any more. Suspends. */
void multi_close(struct multi *multi);

/* What a transfer has for this end: called with the easy handle's CURLOPT_PRIVATE when it is over,
 * from wherever libcurl is called. It must not call libcurl. */
void transfer_over(void *transfer, CURLcode code);

/* A waker that is kept by somebody who is pending. */
void waker_keep(struct tug_waker *place, const struct tug_waker *waker);
void waker_wake(struct tug_waker *place);

#endif
