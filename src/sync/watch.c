/* SPDX-License-Identifier: MIT */
/*
 * Watch: a value under a lock, and a version of it that may be read without. (As Tokio's.)
 *
 * `version` counts changes in steps of two; its lowest bit is set when the last sender has gone. It
 * changes under the lock, after the value. Counts of senders and receivers are changed without.
 */
#include <tug/watch.h>

#include <errno.h>

#include <tug/coop.h>

#include "sync/direct.h"
#include "sync/event.h"
#include "sys/call.h"
#include "sys/list.h"
#include "sys/mutex.h"

#define ABANDONED UINT64_C(1)
#define CHANGE UINT64_C(2)
#define VALUE_SIZE_MAX ((size_t)1 << 30)

struct tug_watch {
    uint64_t version;
    size_t value_size;
    void (*destroy)(void *value);
    size_t senders, receivers;
    size_t references; /* one for all senders, one for each receiver */
    struct tug_event changed;
    struct tug_wait_queue closed_waits;
    struct tug_sys_mutex lock;
    unsigned char value[] __attribute__((aligned(16)));
};

static struct tug_watch *of_sender(const struct tug_watch_sender *sender)
{
    return (struct tug_watch *)(uintptr_t)sender;
}

static uint64_t load_version(const struct tug_watch *watch)
{
    return __atomic_load_n(&watch->version, __ATOMIC_ACQUIRE);
}

/* ---- handles ---- */

int tug_watch_create(struct tug_watch_sender **sender, struct tug_watch_receiver *receiver,
                     size_t value_size, const void *value, void (*destroy)(void *value))
{
    if (value_size == 0 || value_size > VALUE_SIZE_MAX)
        return -EINVAL;
    struct tug_watch *watch =
        tug_sys_aligned_alloc(TUG_CACHE_LINE, (sizeof *watch + value_size + TUG_CACHE_LINE - 1) /
                                                  TUG_CACHE_LINE * TUG_CACHE_LINE);
    if (watch == NULL)
        return -ENOMEM;
    *watch = (struct tug_watch){
        .value_size = value_size,
        .destroy = destroy,
        .senders = 1,
        .receivers = 1,
        .references = 2,
    };
    memcpy(watch->value, value, value_size);
    *sender = (void *)watch;
    *receiver = (struct tug_watch_receiver){.channel = watch};
    return 0;
}

static void release(struct tug_watch *watch)
{
    if (__atomic_sub_fetch(&watch->references, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    if (watch->destroy != NULL)
        watch->destroy(watch->value);
    tug_sys_free(watch);
}

struct tug_watch_sender *tug_watch_sender_clone(struct tug_watch_sender *sender)
{
    __atomic_fetch_add(&of_sender(sender)->senders, 1, __ATOMIC_RELAXED);
    return sender;
}

void tug_watch_sender_drop(struct tug_watch_sender *sender)
{
    struct tug_watch *watch = of_sender(sender);
    if (__atomic_sub_fetch(&watch->senders, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    __atomic_fetch_or(&watch->version, ABANDONED, __ATOMIC_RELEASE);
    tug_event_tell_all(&watch->changed);
    release(watch);
}

static void add_receiver(struct tug_watch *watch, struct tug_watch_receiver *receiver,
                         uint64_t seen)
{
    __atomic_fetch_add(&watch->references, 1, __ATOMIC_RELAXED);
    __atomic_fetch_add(&watch->receivers, 1, __ATOMIC_RELAXED);
    *receiver = (struct tug_watch_receiver){.channel = watch, .seen = seen};
}

void tug_watch_subscribe(struct tug_watch_sender *sender, struct tug_watch_receiver *receiver)
{
    struct tug_watch *watch = of_sender(sender);
    add_receiver(watch, receiver, load_version(watch) & ~ABANDONED);
}

void tug_watch_receiver_clone(const struct tug_watch_receiver *receiver,
                              struct tug_watch_receiver *clone)
{
    add_receiver(receiver->channel, clone, receiver->seen);
}

void tug_watch_receiver_drop(struct tug_watch_receiver *receiver)
{
    struct tug_watch *watch = receiver->channel;
    receiver->channel = NULL;
    if (__atomic_sub_fetch(&watch->receivers, 1, __ATOMIC_ACQ_REL) == 0)
        tug_event_tell(&watch->closed_waits);
    release(watch);
}

/* ---- sending ---- */

/* [locked] Counts a change, lets go of the lock, and tells. */
static void publish(struct tug_watch *watch)
{
    __atomic_fetch_add(&watch->version, CHANGE, __ATOMIC_RELEASE);
    tug_sys_mutex_unlock(&watch->lock);
    tug_event_tell_all(&watch->changed);
}

void tug_watch_replace(struct tug_watch_sender *sender, const void *value, void *old)
{
    struct tug_watch *watch = of_sender(sender);
    tug_sys_mutex_lock(&watch->lock);
    if (old != NULL)
        tug_value_copy(old, watch->value, watch->value_size);
    else if (watch->destroy != NULL)
        watch->destroy(watch->value);
    tug_value_copy(watch->value, value, watch->value_size);
    publish(watch);
}

int tug_watch_send(struct tug_watch_sender *sender, const void *value)
{
    if (tug_watch_receiver_count(sender) == 0)
        return -EPIPE;
    tug_watch_replace(sender, value, NULL);
    return 0;
}

bool tug_watch_modify(struct tug_watch_sender *sender, bool (*modify)(void *value, void *argument),
                      void *argument)
{
    struct tug_watch *watch = of_sender(sender);
    tug_sys_mutex_lock(&watch->lock);
    bool modified = modify(watch->value, argument);
    if (modified)
        publish(watch);
    else
        tug_sys_mutex_unlock(&watch->lock);
    return modified;
}

size_t tug_watch_receiver_count(const struct tug_watch_sender *sender)
{
    return __atomic_load_n(&of_sender(sender)->receivers, __ATOMIC_ACQUIRE);
}

static bool has_no_receiver(const void *sender)
{
    return tug_watch_receiver_count(sender) == 0;
}

int tug_watch_wait_closed(struct tug_watch_sender *sender)
{
    return tug_event_wait(&of_sender(sender)->closed_waits, has_no_receiver, sender);
}

/* ---- receiving ---- */

void tug_watch_read(struct tug_watch_receiver *receiver, void *value)
{
    struct tug_watch *watch = receiver->channel;
    tug_sys_mutex_lock(&watch->lock);
    tug_value_copy(value, watch->value, watch->value_size);
    receiver->seen = load_version(watch) & ~ABANDONED;
    tug_sys_mutex_unlock(&watch->lock);
}

void tug_watch_look(const struct tug_watch_receiver *receiver,
                    void (*look)(const void *value, void *argument), void *argument)
{
    struct tug_watch *watch = receiver->channel;
    tug_sys_mutex_lock(&watch->lock);
    look(watch->value, argument);
    tug_sys_mutex_unlock(&watch->lock);
}

int tug_watch_has_changed(const struct tug_watch_receiver *receiver)
{
    uint64_t version = load_version(receiver->channel);
    if ((version & ~ABANDONED) != receiver->seen)
        return 1;
    return (version & ABANDONED) != 0 ? -EPIPE : 0;
}

void tug_watch_mark_changed(struct tug_watch_receiver *receiver)
{
    receiver->seen = (load_version(receiver->channel) & ~ABANDONED) - CHANGE;
}

void tug_watch_mark_unchanged(struct tug_watch_receiver *receiver)
{
    receiver->seen = load_version(receiver->channel) & ~ABANDONED;
}

static struct tug_watch_changed_future *changed_of(const struct tug_future *self)
{
    return TUG_CONTAINER_OF((struct tug_future *)(uintptr_t)self, struct tug_watch_changed_future,
                            future);
}

static bool has_changed(const struct tug_future *self)
{
    return tug_watch_has_changed(changed_of(self)->receiver) != 0;
}

/* What tug_watch_changed() returns when it need not wait. */
static int take_change(struct tug_watch_receiver *receiver, int changed)
{
    if (changed < 0)
        return changed;
    tug_watch_mark_unchanged(receiver);
    return 0;
}

static int changed_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct tug_watch_changed_future *wait = changed_of(self);
    struct tug_watch_receiver *receiver = wait->receiver;
    if (tug_event_poll(self, &wait->waiter,
                       tug_event_queue(&receiver->channel->changed, &wait->waiter), has_changed,
                       waker) == TUG_PENDING)
        return TUG_PENDING;
    if (self->result == 0)
        self->result = take_change(receiver, tug_watch_has_changed(receiver));
    return TUG_READY;
}

static void changed_cancel(struct tug_future *self)
{
    struct tug_watch_changed_future *wait = changed_of(self);
    tug_event_cancel(self, &wait->waiter,
                     tug_event_queue(&wait->receiver->channel->changed, &wait->waiter));
}

static const struct tug_future_vtable changed_vtable = {
    .poll = changed_poll,
    .cancel = changed_cancel,
};

void tug_watch_changed_future_init(struct tug_watch_changed_future *wait,
                                   struct tug_watch_receiver *receiver)
{
    *wait = (struct tug_watch_changed_future){.future = {&changed_vtable, 0}, .receiver = receiver};
}

int tug_watch_changed(struct tug_watch_receiver *receiver)
{
    int changed = tug_watch_has_changed(receiver);
    if (changed != 0 && tug_call_may_proceed())
        return take_change(receiver, changed);
    struct tug_watch_changed_future wait;
    tug_watch_changed_future_init(&wait, receiver);
    return (int)tug_await_anywhere(&wait.future);
}

/* Looks at the latest value, which then counts as seen. */
static bool holds(struct tug_watch_receiver *receiver,
                  bool (*condition)(const void *value, void *argument), void *argument, void *value)
{
    struct tug_watch *watch = receiver->channel;
    tug_sys_mutex_lock(&watch->lock);
    bool is_true = condition(watch->value, argument);
    if (is_true && value != NULL)
        tug_value_copy(value, watch->value, watch->value_size);
    tug_watch_mark_unchanged(receiver);
    tug_sys_mutex_unlock(&watch->lock);
    return is_true;
}

int tug_watch_wait_for(struct tug_watch_receiver *receiver,
                       bool (*condition)(const void *value, void *argument), void *argument,
                       void *value)
{
    int error = tug_coop_consume();
    while (error == 0) {
        if (holds(receiver, condition, argument, value))
            return 0;
        error = tug_watch_changed(receiver);
    }
    return error;
}
