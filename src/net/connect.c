/* SPDX-License-Identifier: MIT */
/*
 * Connecting to whichever address answers first (RFC 8305). Each attempt is a socket in O_NONBLOCK
 * mode and an operation that waits until it can be written to; there is one more every 250 ms, or
 * when the last one has failed. No tasks are needed: one select waits for all.
 *
 * Invariant: attempts[0 .. used) each have an open socket that is being connected.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <tug/net.h>
#include <tug/op.h>
#include <tug/socket.h>
#include <tug/sys.h>
#include <tug/task.h>
#include <tug/time.h>

#include "net/option.h"

#define MOST_ADDRESSES 16

/* How long an attempt has before the next one begins beside it, in ns. */
#define HEAD_START (250 * TUG_MILLISECOND)

struct attempt {
    int fd;
    const struct tug_address *address;
};

struct race {
    const struct tug_address *local; /* or NULL */
    const struct tug_address *order[MOST_ADDRESSES];
    unsigned count, next; /* addresses, and the first not tried */
    struct attempt attempts[MOST_ADDRESSES];
    unsigned used;
    int error; /* of the last attempt that failed */
};

/* ---- One attempt ---- */

/* Where the port does not matter it is chosen when the peer is known: so it may be one that is used
 * for another peer. */
static int bind_to(int fd, const struct tug_address *local)
{
    if (local == NULL)
        return 0;
    const struct sockaddr_in *ip = (const struct sockaddr_in *)&local->storage; /* or IPv6 */
    if (local->storage.ss_family == AF_INET || local->storage.ss_family == AF_INET6)
        tug_option_set(fd, ip->sin_port == 0 ? IPPROTO_IP : SOL_SOCKET,
                       ip->sin_port == 0 ? IP_BIND_ADDRESS_NO_PORT : SO_REUSEADDR, 1);
    return tug_sys_bind(fd, (const struct sockaddr *)&local->storage, local->length);
}

static int connect_again(const struct attempt *attempt)
{
    return tug_sys_connect(attempt->fd, (const struct sockaddr *)&attempt->address->storage,
                           attempt->address->length);
}

/* Only the race needs O_NONBLOCK: sockets are left in blocking mode, for other code's sake. */
static int adopt(const struct attempt *attempt)
{
    int fd = attempt->fd, family = attempt->address->storage.ss_family;
    int flags = tug_sys_fcntl(fd, F_GETFL, 0);
    if (flags >= 0)
        tug_sys_fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    if (family == AF_INET || family == AF_INET6)
        tug_option_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    return fd;
}

/* Takes an attempt out of the race, and closes it unless it has won. */
static void take_out(struct race *race, unsigned index, bool won)
{
    if (!won)
        tug_sys_close(race->attempts[index].fd);
    race->attempts[index] = race->attempts[--race->used];
}

/* Begins with the next address. Returns a descriptor if it is connected at once, else -EINPROGRESS:
 * it runs, or has failed. */
static int begin(struct race *race)
{
    struct attempt *attempt = &race->attempts[race->used];
    attempt->address = race->order[race->next++];
    attempt->fd = tug_sys_socket(attempt->address->storage.ss_family,
                                 SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (attempt->fd < 0) {
        race->error = attempt->fd;
        return -EINPROGRESS;
    }
    int result = bind_to(attempt->fd, race->local);
    if (result == 0)
        result = connect_again(attempt);
    race->used++;
    if (result == 0) {
        int fd = adopt(attempt);
        take_out(race, race->used - 1, true);
        return fd;
    }
    if (result != -EINPROGRESS) {
        race->error = result;
        take_out(race, race->used - 1, false);
    }
    return -EINPROGRESS;
}

/* That an attempt has ended says nothing about how. */
static int judge(struct race *race, unsigned index)
{
    int result = connect_again(&race->attempts[index]);
    if (result == 0 || result == -EISCONN) {
        int fd = adopt(&race->attempts[index]);
        take_out(race, index, true);
        return fd;
    }
    if (result != -EALREADY && result != -EINPROGRESS) {
        race->error = result;
        take_out(race, index, false);
    }
    return -EINPROGRESS;
}

/* ---- All of them ---- */

/* Waits until one of the attempts may have ended, or it is time for the next. Returns its index,
 * -ETIME, or the scope's reason. */
static int64_t wait_for_one(struct race *race, uint64_t deadline)
{
    struct tug_op ops[MOST_ADDRESSES];
    struct tug_sleep_future sleep;
    struct tug_future *futures[MOST_ADDRESSES + 1];
    unsigned count = race->used;
    for (unsigned i = 0; i < count; i++) {
        tug_op_poll(&ops[i], race->attempts[i].fd, POLLOUT);
        futures[i] = &ops[i].future;
    }
    if (race->next < race->count) {
        tug_sleep_future_init(&sleep, deadline);
        futures[count++] = &sleep.future;
    }
    int64_t winner = tug_select_biased(futures, count);
    return winner == race->used ? -ETIME : winner;
}

static int run(struct race *race)
{
    uint64_t deadline = 0;
    while (race->used > 0 || race->next < race->count) {
        int fd = -EINPROGRESS;
        if (race->next < race->count && (race->used == 0 || tug_now() >= deadline)) {
            fd = begin(race);
            deadline = tug_deadline_after(HEAD_START);
        } else {
            unsigned before = race->used;
            int64_t winner = wait_for_one(race, deadline);
            if (winner >= 0)
                fd = judge(race, (unsigned)winner);
            else if (winner != -ETIME)
                return (int)winner;
            if (race->used < before)
                deadline = 0;
        }
        if (fd != -EINPROGRESS)
            return fd;
    }
    return race->error;
}

/* The families in turn, each in its own order, beginning with that of the first. */
static void put_in_order(struct race *race, const struct tug_address *addresses, unsigned count)
{
    unsigned next[2] = {0, 0};
    int first = addresses[0].storage.ss_family;
    while (race->count < count)
        for (unsigned other = 0; other < 2; other++) {
            while (next[other] < count &&
                   (addresses[next[other]].storage.ss_family != first) != other)
                next[other]++;
            if (next[other] < count)
                race->order[race->count++] = &addresses[next[other]++];
        }
}

static int race_for(const struct tug_address *addresses, unsigned count,
                    const struct tug_address *local)
{
    struct race race = {.local = local, .error = -ENOENT};
    put_in_order(&race, addresses, count);
    int result = run(&race);
    while (race.used > 0)
        take_out(&race, race.used - 1, false);
    return result;
}

/* ---- One after the other, and the calls ---- */

static int connect_from(const struct tug_address *local, const struct tug_address *address)
{
    struct attempt attempt = {.address = address};
    attempt.fd = tug_sys_socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (attempt.fd < 0)
        return attempt.fd;
    int error = bind_to(attempt.fd, local);
    if (error == 0)
        error =
            tug_connect(attempt.fd, (const struct sockaddr *)&address->storage, address->length);
    if (error == 0)
        return adopt(&attempt);
    tug_sys_close(attempt.fd);
    return error;
}

static int connect_to_any(const struct tug_address *addresses, size_t count,
                          const struct tug_address *local)
{
    if (count == 0)
        return -EINVAL;
    if (count > MOST_ADDRESSES)
        count = MOST_ADDRESSES;
    if (count > 1 && tug_task_current() != NULL)
        return race_for(addresses, (unsigned)count, local);
    int fd = -ENOENT;
    for (size_t i = 0; i < count && fd < 0; i++)
        fd = connect_from(local, &addresses[i]);
    return fd;
}

int tug_connect_to_address(const struct tug_address *address)
{
    return connect_from(NULL, address);
}

int tug_connect_to_any(const struct tug_address *addresses, size_t count)
{
    return connect_to_any(addresses, count, NULL);
}

int tug_connect_with(const struct tug_address *addresses, size_t count,
                     const struct tug_connect_options *options)
{
    static const struct tug_connect_options usual = TUG_CONNECT_OPTIONS;
    struct tug_scope scope;
    if (options == NULL)
        options = &usual;
    if (options->deadline == TUG_FOREVER)
        return connect_to_any(addresses, count, options->local);
    if (tug_task_current() == NULL)
        return -EPERM;
    tug_scope_begin(&scope, options->deadline, NULL);
    int64_t result = connect_to_any(addresses, count, options->local);
    return (int)tug_scope_end(&scope, result);
}

int tug_connect_to(const char *host, const char *service)
{
    struct tug_address addresses[MOST_ADDRESSES];
    int count = tug_resolve(host, service, false, addresses, MOST_ADDRESSES);
    return count < 0 ? count : tug_connect_to_any(addresses, (size_t)count);
}
