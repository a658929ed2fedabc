/* SPDX-License-Identifier: MIT */
/*
 * Broadcast: a ring of slots, as many as a power of two. (As Tokio's.)
 *
 * Values are numbered; number n lies in slot n modulo the capacity until n + capacity is sent. A
 * slot says which number it holds, and how many receivers have yet to take it; after the last has,
 * it holds nothing any more.
 *
 * Invariants:
 *  1. `sent`, how many were sent, changes under `lock` and after the slot was written, so whoever
 *     has seen a number may look for it in its slot. Under the slot's lock, which comes after
 *     `lock`, it is there or has been overwritten.
 *  2. A receiver counts for the values that are sent while it is counted in `receivers`, from its
 *     first `next` on. So each value is waited for by exactly those who may still take it.
 */
#include <tug/broadcast.h>

#include <errno.h>

#include "sync/direct.h"
#include "sync/event.h"
#include "sys/call.h"
#include "sys/cpu.h"
#include "sys/list.h"
#include "sys/mutex.h"

#define VALUE_SIZE_MAX ((size_t)1 << 30)
#define CAPACITY_MAX ((size_t)1 << 40)

struct slot {
    struct tug_sys_mutex lock;
    uint64_t number;
    size_t left; /* receivers that have not taken it */
    unsigned char value[] __attribute__((aligned(16)));
};

struct tug_broadcast {
    struct tug_broadcast_values values;
    size_t stride;
    uint64_t capacity;
    size_t senders;
    size_t references; /* one for all senders, one for each receiver */

    struct tug_sys_mutex lock __attribute__((aligned(TUG_CACHE_LINE)));
    bool abandoned;
    uint64_t sent;
    size_t receivers;
    struct tug_wait_queue closed_waits;
    struct tug_event sent_one;
    unsigned char slots[] __attribute__((aligned(TUG_CACHE_LINE)));
};

static struct tug_broadcast *of_sender(const struct tug_broadcast_sender *sender)
{
    return (struct tug_broadcast *)(uintptr_t)sender;
}

static struct slot *slot_of(struct tug_broadcast *channel, uint64_t number)
{
    return (struct slot *)(void *)(channel->slots +
                                   (number & (channel->capacity - 1)) * channel->stride);
}

static uint64_t load_sent(const struct tug_broadcast *channel)
{
    return __atomic_load_n(&channel->sent, __ATOMIC_ACQUIRE);
}

/* ---- making and freeing ---- */

static size_t round_up(size_t size, size_t to)
{
    return (size + to - 1) / to * to;
}

static struct tug_broadcast *allocate(size_t capacity, const struct tug_broadcast_values *values)
{
    size_t stride = round_up(sizeof(struct slot) + values->size, 16), size;
    if (__builtin_mul_overflow(capacity, stride, &size) ||
        __builtin_add_overflow(size, sizeof(struct tug_broadcast) + TUG_CACHE_LINE, &size))
        return NULL;
    struct tug_broadcast *channel =
        tug_sys_aligned_alloc(TUG_CACHE_LINE, size / TUG_CACHE_LINE * TUG_CACHE_LINE);
    if (channel == NULL)
        return NULL;
    *channel = (struct tug_broadcast){
        .values = *values,
        .stride = stride,
        .capacity = capacity,
        .senders = 1,
        .references = 2,
        .receivers = 1,
    };
    for (uint64_t i = 0; i < capacity; i++)
        *slot_of(channel, i) = (struct slot){.number = i - capacity};
    return channel;
}

int tug_broadcast_create(struct tug_broadcast_sender **sender,
                         struct tug_broadcast_receiver *receiver, size_t capacity,
                         const struct tug_broadcast_values *values)
{
    if (capacity == 0 || capacity > CAPACITY_MAX || values->size == 0 ||
        values->size > VALUE_SIZE_MAX)
        return -EINVAL;
    size_t power = 1;
    while (power < capacity)
        power *= 2;
    struct tug_broadcast *channel = allocate(power, values);
    if (channel == NULL)
        return -ENOMEM;
    *sender = (void *)channel;
    *receiver = (struct tug_broadcast_receiver){.channel = channel};
    return 0;
}

/* Every value has been taken or given up by those who could. */
static void release(struct tug_broadcast *channel)
{
    if (__atomic_sub_fetch(&channel->references, 1, __ATOMIC_ACQ_REL) == 0)
        tug_sys_free(channel);
}

/* ---- senders ---- */

struct tug_broadcast_sender *tug_broadcast_sender_clone(struct tug_broadcast_sender *sender)
{
    __atomic_fetch_add(&of_sender(sender)->senders, 1, __ATOMIC_RELAXED);
    return sender;
}

void tug_broadcast_sender_drop(struct tug_broadcast_sender *sender)
{
    struct tug_broadcast *channel = of_sender(sender);
    if (__atomic_sub_fetch(&channel->senders, 1, __ATOMIC_ACQ_REL) != 0)
        return;
    __atomic_store_n(&channel->abandoned, true, __ATOMIC_RELEASE);
    tug_event_tell_all(&channel->sent_one);
    release(channel);
}

static void destroy_value(struct tug_broadcast *channel, struct slot *slot)
{
    if (channel->values.destroy != NULL)
        channel->values.destroy(slot->value);
}

static void fill_slot(struct tug_broadcast *channel, uint64_t number, const void *value)
{
    struct slot *slot = slot_of(channel, number);
    tug_sys_mutex_lock(&slot->lock);
    if (slot->left > 0)
        destroy_value(channel, slot); /* somebody lags behind */
    tug_value_copy(slot->value, value, channel->values.size);
    slot->number = number;
    slot->left = channel->receivers;
    tug_sys_mutex_unlock(&slot->lock);
}

int64_t tug_broadcast_send(struct tug_broadcast_sender *sender, const void *value)
{
    struct tug_broadcast *channel = of_sender(sender);
    tug_sys_mutex_lock(&channel->lock);
    size_t receivers = channel->receivers;
    if (receivers > 0) {
        fill_slot(channel, channel->sent, value);
        __atomic_store_n(&channel->sent, channel->sent + 1, __ATOMIC_RELEASE);
    }
    tug_sys_mutex_unlock(&channel->lock);
    if (receivers == 0)
        return -EPIPE;
    tug_event_tell_all(&channel->sent_one);
    return (int64_t)receivers;
}

size_t tug_broadcast_receiver_count(const struct tug_broadcast_sender *sender)
{
    return __atomic_load_n(&of_sender(sender)->receivers, __ATOMIC_ACQUIRE);
}

static bool has_no_receiver(const void *sender)
{
    return tug_broadcast_receiver_count(sender) == 0;
}

int tug_broadcast_wait_closed(struct tug_broadcast_sender *sender)
{
    return tug_event_wait(&of_sender(sender)->closed_waits, has_no_receiver, sender);
}

/* ---- receivers come and go ---- */

static void subscribe(struct tug_broadcast *channel, struct tug_broadcast_receiver *receiver)
{
    __atomic_fetch_add(&channel->references, 1, __ATOMIC_RELAXED);
    tug_sys_mutex_lock(&channel->lock);
    __atomic_store_n(&channel->receivers, channel->receivers + 1, __ATOMIC_RELEASE);
    *receiver = (struct tug_broadcast_receiver){.channel = channel, .next = channel->sent};
    tug_sys_mutex_unlock(&channel->lock);
}

void tug_broadcast_subscribe(struct tug_broadcast_sender *sender,
                             struct tug_broadcast_receiver *receiver)
{
    subscribe(of_sender(sender), receiver);
}

void tug_broadcast_resubscribe(const struct tug_broadcast_receiver *receiver,
                               struct tug_broadcast_receiver *other)
{
    subscribe(receiver->channel, other);
}

/* Has one receiver done with a value. False: it was overwritten. `value`: where a copy goes, or
 * NULL. */
static bool take_value(struct tug_broadcast *channel, uint64_t number, void *value)
{
    struct slot *slot = slot_of(channel, number);
    tug_sys_mutex_lock(&slot->lock);
    bool there = slot->number == number;
    if (there) {
        bool last = --slot->left == 0;
        if (value != NULL)
            tug_value_copy(value, slot->value, channel->values.size);
        /* The last who takes it has the channel's own. */
        if (value != NULL && !last && channel->values.retain != NULL)
            channel->values.retain(value);
        else if (value == NULL && last)
            destroy_value(channel, slot);
    }
    tug_sys_mutex_unlock(&slot->lock);
    return there;
}

void tug_broadcast_receiver_drop(struct tug_broadcast_receiver *receiver)
{
    struct tug_broadcast *channel = receiver->channel;
    receiver->channel = NULL;
    tug_sys_mutex_lock(&channel->lock);
    size_t left = channel->receivers - 1;
    __atomic_store_n(&channel->receivers, left, __ATOMIC_RELEASE);
    uint64_t end = channel->sent;
    tug_sys_mutex_unlock(&channel->lock);
    if (end - receiver->next > channel->capacity)
        receiver->next = end - channel->capacity;
    for (; receiver->next != end; receiver->next++)
        take_value(channel, receiver->next, NULL);
    if (left == 0)
        tug_event_tell(&channel->closed_waits);
    release(channel);
}

/* ---- receiving ---- */

static bool is_abandoned(const struct tug_broadcast *channel)
{
    return __atomic_load_n(&channel->abandoned, __ATOMIC_ACQUIRE);
}

int tug_broadcast_try_receive(struct tug_broadcast_receiver *receiver, void *value,
                              uint64_t *missed)
{
    struct tug_broadcast *channel = receiver->channel;
    uint64_t before = receiver->next, first = before;
    for (;;) {
        bool abandoned = is_abandoned(channel); /* before, so that what came first is seen */
        uint64_t sent = load_sent(channel);
        if (first == sent)
            return abandoned ? -EPIPE : -EAGAIN;
        if (sent - first > channel->capacity)
            first = sent - channel->capacity;
        if (take_value(channel, first, value))
            break;
        /* Overwritten by somebody who has not counted it yet, and does so under the lock. */
        tug_sys_mutex_lock(&channel->lock);
        tug_sys_mutex_unlock(&channel->lock);
    }
    receiver->next = first + 1;
    if (missed != NULL)
        *missed = first - before;
    return 0;
}

static struct tug_broadcast_receive_future *receive_of(const struct tug_future *self)
{
    return TUG_CONTAINER_OF((struct tug_future *)(uintptr_t)self,
                            struct tug_broadcast_receive_future, future);
}

static bool has_something(const struct tug_broadcast_receiver *receiver)
{
    return load_sent(receiver->channel) != receiver->next || is_abandoned(receiver->channel);
}

static bool receive_happened(const struct tug_future *self)
{
    return has_something(receive_of(self)->receiver);
}

static int receive_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct tug_broadcast_receive_future *receive = receive_of(self);
    struct tug_broadcast_receiver *receiver = receive->receiver;
    if (tug_event_poll(self, &receive->waiter,
                       tug_event_queue(&receiver->channel->sent_one, &receive->waiter),
                       receive_happened, waker) == TUG_PENDING)
        return TUG_PENDING;
    if (self->result == 0)
        self->result = tug_broadcast_try_receive(receiver, receive->value, receive->missed);
    return TUG_READY;
}

static void receive_cancel(struct tug_future *self)
{
    struct tug_broadcast_receive_future *receive = receive_of(self);
    tug_event_cancel(self, &receive->waiter,
                     tug_event_queue(&receive->receiver->channel->sent_one, &receive->waiter));
}

static const struct tug_future_vtable receive_vtable = {
    .poll = receive_poll,
    .cancel = receive_cancel,
};

void tug_broadcast_receive_future_init(struct tug_broadcast_receive_future *wait,
                                       struct tug_broadcast_receiver *receiver, void *value,
                                       uint64_t *missed)
{
    *wait = (struct tug_broadcast_receive_future){
        .future = {&receive_vtable, 0},
        .receiver = receiver,
        .value = value,
        .missed = missed,
    };
}

int tug_broadcast_receive(struct tug_broadcast_receiver *receiver, void *value, uint64_t *missed)
{
    if (has_something(receiver) && tug_call_may_proceed())
        return tug_broadcast_try_receive(receiver, value, missed);
    struct tug_broadcast_receive_future wait;
    tug_broadcast_receive_future_init(&wait, receiver, value, missed);
    return (int)tug_await_anywhere(&wait.future);
}

uint64_t tug_broadcast_length(const struct tug_broadcast_receiver *receiver)
{
    return load_sent(receiver->channel) - receiver->next;
}
