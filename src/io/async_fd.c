/* SPDX-License-Identifier: MIT */
/*
 * Readiness of a descriptor: for each direction at most one poll operation in flight, whoever and
 * however many wait.
 *
 * Invariants, for each direction:
 *  - `ready` is 0 (not known), the events that held when the kernel was last asked, or a negative
 *    errno. It is a hint, and cleared by whoever finds out better. Since a poll operation tells
 *    what holds at that time, not what has changed, clearing too much costs a question, and no
 *    wake is lost: there is no need to know which event was cleared.
 *  - ARMED: the operation is in flight, or being started by somebody. Who waits has either found
 *    the direction armed, under the lock, or arms it himself.
 *  - The operation is started and completed without the lock: starting may complete others, and
 *    completing wakes whatever the waiters are.
 *
 * The operation's waker is a vtable of our own: a reference to the whole. So the memory stays until
 * the driver's last word, which may come after the owner has given it up.
 */
#include <tug/async_fd.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>

#include <tug/coop.h>
#include <tug/io.h>

#include "driver/driver.h"
#include "io/waker_slot.h"
#include "sys/call.h"
#include "sys/list.h"
#include "sys/mutex.h"

struct direction {
    struct tug_async_fd *owner;
    unsigned events;
    struct tug_sys_mutex lock;
    bool armed;
    int ready;
    struct tug_waker poller; /* of tug_async_fd_poll() */
    /* Told and unlinked together; first come, first told. */
    struct tug_async_fd_future *waiting, **waiting_end;
    struct tug_op op;
};

struct tug_async_fd {
    int fd;
    uint32_t references; /* the owner's, and one for each operation in flight */
    struct direction directions[2];
};

static void release(struct tug_async_fd *self)
{
    if (__atomic_sub_fetch(&self->references, 1, __ATOMIC_ACQ_REL) == 0)
        tug_sys_free(self);
}

/* ---- The list of waits, under the lock ---- */

static void link_wait(struct direction *direction, struct tug_async_fd_future *wait)
{
    wait->next = NULL;
    wait->previous = direction->waiting_end;
    *wait->previous = wait;
    direction->waiting_end = &wait->next;
}

static void unlink_wait(struct direction *direction, struct tug_async_fd_future *wait)
{
    *wait->previous = wait->next;
    if (wait->next != NULL)
        wait->next->previous = wait->previous;
    if (direction->waiting_end == &wait->next)
        direction->waiting_end = wait->previous;
    wait->previous = NULL;
}

static void take_waits(struct direction *direction, struct tug_async_fd_future **list)
{
    *list = direction->waiting;
    if (*list != NULL)
        (*list)->previous = list;
    direction->waiting = NULL;
    direction->waiting_end = &direction->waiting;
}

static struct tug_async_fd_future *pop_wait(struct tug_async_fd_future **list)
{
    struct tug_async_fd_future *wait = *list;
    *list = wait->next;
    if (wait->next != NULL)
        wait->next->previous = list;
    wait->previous = NULL;
    return wait;
}

/* ---- The operation ---- */

/* Tells everybody who waits at this moment. A wait belongs to its task again from the moment that
 * it is told, so its waker is taken first; one at a time, since a wake may run anything. */
static void complete(struct direction *direction, int result)
{
    struct tug_async_fd_future *list;
    tug_sys_mutex_lock(&direction->lock);
    direction->armed = false;
    struct tug_waker poller = tug_waker_slot_take(&direction->poller);
    take_waits(direction, &list);
    /* That the runtime of the operation has ended concerns those who wait now, nobody later. */
    bool heard = list != NULL || poller.vtable != NULL;
    direction->ready = result == -ECANCELED && !heard ? 0 : result;
    while (list != NULL) {
        struct tug_async_fd_future *wait = pop_wait(&list);
        struct tug_waker waker = tug_waker_slot_take(&wait->waker);
        wait->future.result = result;
        wait->told = true;
        tug_sys_mutex_unlock(&direction->lock);
        tug_waker_slot_wake(waker);
        tug_sys_mutex_lock(&direction->lock);
    }
    tug_sys_mutex_unlock(&direction->lock);
    tug_waker_slot_wake(poller);
}

static void op_waker_clone(void *data)
{
    struct direction *direction = data;
    __atomic_add_fetch(&direction->owner->references, 1, __ATOMIC_RELAXED);
}

static void op_waker_drop(void *data)
{
    struct direction *direction = data;
    release(direction->owner);
}

static void op_waker_wake_by_ref(void *data)
{
    struct direction *direction = data;
    if (__atomic_load_n(&direction->op.state, __ATOMIC_ACQUIRE) == TUG_OP_DONE)
        complete(direction, (int)direction->op.future.result);
}

static void op_waker_wake(void *data)
{
    op_waker_wake_by_ref(data);
    op_waker_drop(data);
}

static const struct tug_waker_vtable op_waker_vtable = {
    .clone = op_waker_clone,
    .wake = op_waker_wake,
    .wake_by_ref = op_waker_wake_by_ref,
    .drop = op_waker_drop,
};

/* Starts the operation; the caller has set ARMED and let go of the lock. */
static void arm(struct direction *direction)
{
    const struct tug_waker waker = {&op_waker_vtable, direction};
    tug_op_poll(&direction->op, direction->owner->fd, direction->events);
    if (tug_op_drive(&direction->op, &waker) == TUG_READY)
        complete(direction, (int)direction->op.future.result);
}

/* ---- Waiting ---- */

/* With the lock held, returns with the lock held: what is ready, or 0 when the direction is armed
 * and will tell. */
static int ready_or_armed(struct direction *direction)
{
    while (direction->ready == 0 && !direction->armed) {
        direction->armed = true;
        tug_sys_mutex_unlock(&direction->lock);
        arm(direction);
        tug_sys_mutex_lock(&direction->lock);
    }
    int ready = direction->ready;
    if (ready < 0)
        direction->ready = 0;
    return ready;
}

int tug_async_fd_poll(struct tug_async_fd *async_fd, enum tug_interest interest,
                      const struct tug_waker *waker)
{
    struct direction *direction = &async_fd->directions[interest];
    struct tug_waker old = {NULL, NULL};
    tug_sys_mutex_lock(&direction->lock);
    int ready = ready_or_armed(direction);
    if (ready == 0)
        old = tug_waker_slot_put(&direction->poller, waker);
    tug_sys_mutex_unlock(&direction->lock);
    tug_waker_slot_drop(old);
    return ready != 0 ? ready : TUG_IO_PENDING;
}

static int wait_poll(struct tug_future *future, const struct tug_waker *waker)
{
    struct tug_async_fd_future *wait = TUG_CONTAINER_OF(future, struct tug_async_fd_future, future);
    struct direction *direction = &wait->async_fd->directions[wait->interest];
    struct tug_waker old = {NULL, NULL};
    tug_sys_mutex_lock(&direction->lock);
    if (!wait->told && wait->previous == NULL) {
        future->result = ready_or_armed(direction);
        wait->told = future->result != 0;
        if (!wait->told)
            link_wait(direction, wait);
    }
    bool told = wait->told;
    if (!told)
        old = tug_waker_slot_put(&wait->waker, waker);
    tug_sys_mutex_unlock(&direction->lock);
    tug_waker_slot_drop(old);
    return told ? TUG_READY : TUG_PENDING;
}

static void wait_cancel(struct tug_future *future)
{
    struct tug_async_fd_future *wait = TUG_CONTAINER_OF(future, struct tug_async_fd_future, future);
    struct direction *direction = &wait->async_fd->directions[wait->interest];
    tug_sys_mutex_lock(&direction->lock);
    if (!wait->told && wait->previous != NULL) {
        unlink_wait(direction, wait);
        future->result = -ECANCELED;
        wait->told = true;
    }
    struct tug_waker old = tug_waker_slot_take(&wait->waker);
    tug_sys_mutex_unlock(&direction->lock);
    tug_waker_slot_drop(old);
}

static const struct tug_future_vtable wait_vtable = {
    .poll = wait_poll,
    .cancel = wait_cancel,
};

void tug_async_fd_future_init(struct tug_async_fd_future *wait, struct tug_async_fd *async_fd,
                              enum tug_interest interest)
{
    *wait = (struct tug_async_fd_future){
        .future = {&wait_vtable, 0},
        .async_fd = async_fd,
        .interest = interest,
    };
}

int tug_async_fd_wait(struct tug_async_fd *async_fd, enum tug_interest interest)
{
    struct tug_async_fd_future wait;
    tug_async_fd_future_init(&wait, async_fd, interest);
    return (int)tug_await(&wait.future);
}

void tug_async_fd_clear(struct tug_async_fd *async_fd, enum tug_interest interest)
{
    struct direction *direction = &async_fd->directions[interest];
    tug_sys_mutex_lock(&direction->lock);
    direction->ready = 0;
    tug_sys_mutex_unlock(&direction->lock);
}

int64_t tug_async_fd_try(struct tug_async_fd *async_fd, enum tug_interest interest,
                         int64_t (*call)(int fd, void *argument), void *argument)
{
    int64_t result = call(async_fd->fd, argument);
    if (result == -EAGAIN)
        tug_async_fd_clear(async_fd, interest);
    return result;
}

int64_t tug_async_fd_call(struct tug_async_fd *async_fd, enum tug_interest interest,
                          int64_t (*call)(int fd, void *argument), void *argument)
{
    int reason = tug_coop_consume();
    if (reason < 0)
        return reason;
    for (;;) {
        int64_t result = tug_async_fd_try(async_fd, interest, call, argument);
        if (result != -EAGAIN)
            return result;
        int events = tug_async_fd_wait(async_fd, interest);
        if (events < 0)
            return events;
    }
}

/* ---- The whole ---- */

int tug_async_fd_create(struct tug_async_fd **async_fd, int fd)
{
    static const unsigned events[2] = {POLLIN, POLLOUT};
    int flags = tug_sys_fcntl(fd, F_GETFD, 0);
    if (flags < 0)
        return flags;
    struct tug_async_fd *self = tug_sys_calloc(1, sizeof *self);
    if (self == NULL)
        return -ENOMEM;
    self->fd = fd;
    self->references = 1;
    for (int i = 0; i < 2; i++) {
        self->directions[i].owner = self;
        self->directions[i].events = events[i];
        self->directions[i].waiting_end = &self->directions[i].waiting;
    }
    *async_fd = self;
    return 0;
}

void tug_async_fd_destroy(struct tug_async_fd *async_fd)
{
    for (int i = 0; i < 2; i++) {
        struct direction *direction = &async_fd->directions[i];
        tug_sys_mutex_lock(&direction->lock);
        bool armed = direction->armed;
        struct tug_waker poller = tug_waker_slot_take(&direction->poller);
        tug_sys_mutex_unlock(&direction->lock);
        tug_waker_slot_drop(poller);
        if (armed)
            tug_op_cancel(&direction->op);
    }
    release(async_fd);
}

int tug_async_fd_descriptor(const struct tug_async_fd *async_fd)
{
    return async_fd->fd;
}
