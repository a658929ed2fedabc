/* SPDX-License-Identifier: MIT */
/*
 * The driver without io_uring: what can be done at once is done at once, what waits for a pipe or
 * the like waits in an epoll instance until another attempt is worth while, all else is a job of
 * the blocking pool.
 *
 * Invariants:
 *  - A descriptor with waiting ops is armed in the epoll instance for all that they wait for.
 * Arming is for one event (EPOLLONESHOT); after an event the rest of the list is armed again.
 *  - Users close descriptors and get the same numbers again, so the instance may have forgotten a
 *    descriptor that is marked as registered, or know one (through a duplicate) that is not: ENOENT
 *    and EEXIST are answers, not errors. Every new waiter is told to the kernel, even if the
 *    descriptor is armed already.
 *  - An event only says that an attempt may succeed. Attempts never block (op_attempt.c), so an
 * event that comes too late, or for a file that had this number before, does no harm.
 *  - A receive that did not fill its buffer has left a stream empty, so the next one is not tried
 *    but waits at once (`drained`). That, too, is only a guess: arming tells what holds at that
 *    time, so data that came in between, or another file of the same number, is not missed.
 *  - After an attempt that would block, those who wait behind it for the same direction are not
 *    tried in this turn: first come, first served.
 *
 * What becomes of ops that wait for a descriptor when it is closed: by tug_close() on the same
 * worker they end with -EBADF. Otherwise the kernel forgets the wait in silence, and they last
 * until they are cancelled, or until the number is used again and somebody waits for it. As with
 * read(2) in one thread and close(2) in another, only the caller can know who closes too early.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <tug/sys.h>

#include "driver/driver.h"
#include "driver/fd_table.h"
#include "driver/op_flight.h"
#include "driver/wake_fd.h"
#include "sys/call.h"

#define EVENTS_PER_POLL 256

struct epoll_driver {
    struct tug_driver base;
    int epoll_fd;
    int wake_fd;
    struct tug_fd_table table;
    struct epoll_event events[EVENTS_PER_POLL];
};

static struct epoll_driver *self(struct tug_driver *driver)
{
    return (struct epoll_driver *)driver;
}

/* Tells the kernel to report the next time that one of `events` holds. */
static int arm(struct epoll_driver *driver, struct tug_fd_slot *slot, int fd, uint32_t events)
{
    struct epoll_event event = {.events = events | EPOLLONESHOT, .data.fd = fd};
    int operation = slot->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    int result = tug_sys_epoll_ctl(driver->epoll_fd, operation, fd, &event);
    if (result == -ENOENT)
        result = tug_sys_epoll_ctl(driver->epoll_fd, operation = EPOLL_CTL_ADD, fd, &event);
    else if (result == -EEXIST)
        result = tug_sys_epoll_ctl(driver->epoll_fd, EPOLL_CTL_MOD, fd, &event);
    slot->registered = result == 0;
    if (operation == EPOLL_CTL_ADD) {
        slot->drained = false;
        slot->type = TUG_FD_TYPE_UNKNOWN;
    }
    return result;
}

static uint32_t awaited_events(const struct tug_fd_slot *slot)
{
    uint32_t events = 0;
    for (const struct tug_op *op = slot->ops.first; op != NULL; op = op->next)
        events |= tug_op_events(op);
    return events;
}

/* Makes an op wait for its descriptor. 0, or -errno: it cannot be waited for. */
static int wait_for_fd(struct epoll_driver *driver, struct tug_op *op)
{
    if (op->fd < 0)
        return -EBADF;
    struct tug_fd_slot *slot = tug_fd_table_get(&driver->table, op->fd);
    if (slot == NULL)
        return -ENOMEM;
    int result = arm(driver, slot, op->fd, awaited_events(slot) | tug_op_events(op));
    if (result < 0)
        return result;
    tug_op_take_off(op, &driver->base, TUG_ROUTE_READINESS, TUG_OP_IN_FLIGHT);
    tug_op_list_push(&slot->ops, op);
    driver->base.in_flight++;
    return 0;
}

/* ---- Receives that need not be tried ---- */

static bool is_plain_receive(const struct tug_op *op)
{
    return (op->code == TUG_OP_RECV || op->code == TUG_OP_RECV_BUFFER) && op->length > 0 &&
           (op->argument & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE)) == 0;
}

static bool is_stream(struct tug_fd_slot *slot, int fd)
{
    if (slot->type == TUG_FD_TYPE_UNKNOWN) {
        int type = 0;
        unsigned size = sizeof(type);
        int error = tug_sys_getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size);
        slot->type = error == 0 && type == SOCK_STREAM ? TUG_FD_STREAM : TUG_FD_NO_STREAM;
    }
    return slot->type == TUG_FD_STREAM;
}

/* After an attempt at an op that had waited: those to come will probably have to wait, too. */
static void note_receive(struct tug_fd_slot *slot, const struct tug_op *op, int64_t result)
{
    if (is_plain_receive(op))
        slot->drained = result > 0 && (uint64_t)result < op->length && is_stream(slot, op->fd);
}

/* Whether the attempt at an op that begins would be in vain. Said once, so that a guess that was
 * wrong has no consequences. */
static bool is_drained(const struct epoll_driver *driver, const struct tug_op *op)
{
    if (!is_plain_receive(op))
        return false;
    struct tug_fd_slot *slot = tug_fd_table_find(&driver->table, op->fd);
    if (slot == NULL || !slot->drained)
        return false;
    slot->drained = false;
    return true;
}

/* The instance forgets a descriptor that is closed in silence: nobody else would end these waits.
 */
static void end_waits(struct epoll_driver *driver, struct tug_fd_slot *slot, int result)
{
    struct tug_op *op;
    while ((op = slot->ops.first) != NULL) {
        tug_op_list_remove(&slot->ops, op);
        tug_driver_land(&driver->base, op, result);
    }
}

/* A descriptor that was waited for is no file on a disk, whose close may have to write: no thread
 * of the pool is needed. */
static int start_close(struct epoll_driver *driver, struct tug_op *op)
{
    struct tug_fd_slot *slot = tug_fd_table_find(&driver->table, op->fd);
    if (slot == NULL || !slot->registered)
        return tug_op_start_in_pool(&driver->base, op);
    end_waits(driver, slot, -EBADF);
    slot->registered = false;
    return tug_op_end_at_once(op, tug_op_row(op)->blocking(op));
}

static int epoll_start(struct tug_driver *base, struct tug_op *op)
{
    struct epoll_driver *driver = self(base);
    const struct tug_op_row *row = tug_op_row(op);
    if (op->code == TUG_OP_CLOSE)
        return start_close(driver, op);
    if (row->attempt == NULL)
        return tug_op_start_in_pool(base, op);
    if (is_drained(driver, op) && wait_for_fd(driver, op) == 0)
        return TUG_PENDING;
    int64_t result = row->attempt(op);
    if (result != -EAGAIN && result != -EOPNOTSUPP)
        return tug_op_end_at_once(op, result);
    /* An op with a position of its own is on a file, which is always "ready". */
    bool positioned = op->code != TUG_OP_POLL && op->offset != TUG_CURRENT_POSITION;
    if (!positioned && wait_for_fd(driver, op) == 0)
        return TUG_PENDING;
    return tug_op_start_in_pool(base, op);
}

static void epoll_cancel(struct tug_driver *base, struct tug_op *op)
{
    struct tug_fd_slot *slot = tug_fd_table_find(&self(base)->table, op->fd);
    tug_op_list_remove(&slot->ops, op);
    tug_driver_land(base, op, -ECANCELED);
}

/* Tries the ops that wait for one of `events`; an error or a hang-up concerns all. */
static void try_ops(struct epoll_driver *driver, struct tug_fd_slot *slot, uint32_t events)
{
    uint32_t blocked = 0;
    struct tug_op *next;
    for (struct tug_op *op = slot->ops.first; op != NULL; op = next) {
        next = op->next;
        uint32_t awaited = tug_op_events(op);
        if ((events & (awaited | EPOLLERR | EPOLLHUP)) == 0 || (awaited & blocked) != 0)
            continue;
        int64_t result = tug_op_row(op)->attempt(op);
        note_receive(slot, op, result);
        if (result == -EAGAIN) {
            if (op->code != TUG_OP_POLL)
                blocked |= awaited;
            continue;
        }
        tug_op_list_remove(&slot->ops, op);
        if (result != -EOPNOTSUPP) {
            tug_driver_land(&driver->base, op, result);
            continue;
        }
        driver->base.in_flight--;
        tug_op_move_to_pool(&driver->base, op);
    }
}

static void handle_event(struct epoll_driver *driver, const struct epoll_event *event)
{
    int fd = event->data.fd;
    if (fd == driver->wake_fd)
        return;
    struct tug_fd_slot *slot = tug_fd_table_find(&driver->table, fd);
    try_ops(driver, slot, event->events);
    if (slot->ops.first == NULL)
        return;
    int result = arm(driver, slot, fd, awaited_events(slot));
    if (result < 0)
        end_waits(driver, slot, result);
}

static int epoll_poll(struct tug_driver *base, int64_t timeout)
{
    struct epoll_driver *driver = self(base);
    uint64_t before = base->completions;
    tug_driver_count(&base->polls, 1);
    if (__atomic_load_n(&base->cancel_inbox, __ATOMIC_RELAXED) != NULL) {
        tug_driver_serve_inbox(base);
        timeout = 0; /* an op that had completed before has just been published to its waiter */
    }
    if (base->completions != before)
        timeout = 0;
    if (timeout != 0 || base->in_flight > 0) {
        int count =
            tug_sys_epoll_pwait2(driver->epoll_fd, driver->events, EVENTS_PER_POLL, timeout);
        for (int i = 0; i < count; i++)
            handle_event(driver, &driver->events[i]);
    }
    return (int)(base->completions - before);
}

/* The wake-up descriptor is registered edge-triggered: each write is an event, and nobody reads. */
static void epoll_interrupt(struct tug_driver *base)
{
    tug_wake_fd_signal(self(base)->wake_fd);
}

static void free_driver(struct epoll_driver *driver)
{
    tug_fd_table_free(&driver->table);
    if (driver->wake_fd >= 0)
        tug_sys_close(driver->wake_fd);
    if (driver->epoll_fd >= 0)
        tug_sys_close(driver->epoll_fd);
    tug_sys_free(driver);
}

static void epoll_close(struct tug_driver *base)
{
    struct epoll_driver *driver = self(base);
    for (int fd = 0; base->in_flight > 0; fd++) {
        struct tug_fd_slot *slot = tug_fd_table_find(&driver->table, fd);
        if (slot != NULL)
            end_waits(driver, slot, -ECANCELED);
    }
    tug_driver_settle(base);
    free_driver(driver);
}

static const struct tug_driver_vtable epoll_vtable = {
    .name = "epoll",
    .start = epoll_start,
    .cancel = epoll_cancel,
    .poll = epoll_poll,
    .interrupt = epoll_interrupt,
    .close = epoll_close,
};

static int open_fds(struct epoll_driver *driver)
{
    driver->epoll_fd = tug_sys_epoll_create1(EPOLL_CLOEXEC);
    if (driver->epoll_fd < 0)
        return driver->epoll_fd;
    driver->wake_fd = tug_sys_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (driver->wake_fd < 0)
        return driver->wake_fd;
    struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.fd = driver->wake_fd};
    return tug_sys_epoll_ctl(driver->epoll_fd, EPOLL_CTL_ADD, driver->wake_fd, &event);
}

int tug_epoll_driver_open(struct tug_driver **result, struct tug_pool *pool)
{
    struct epoll_driver *driver = tug_sys_calloc(1, sizeof(*driver));
    if (driver == NULL)
        return -ENOMEM;
    tug_driver_init(&driver->base, &epoll_vtable, pool);
    driver->epoll_fd = -1;
    driver->wake_fd = -1;
    int error = open_fds(driver);
    if (error < 0) {
        free_driver(driver);
        return error;
    }
    *result = &driver->base;
    return 0;
}
