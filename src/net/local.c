/* SPDX-License-Identifier: MIT */
/*
 * Sockets of the local domain: pairs, peers, passed descriptors.
 *
 * There is room for as many descriptors as a message can have, whatever the caller wants: what the
 * kernel has given us is then known, and can be closed.
 */
#include <tug/local.h>

#include <errno.h>
#include <string.h>
#include <sys/uio.h>

#include <tug/socket.h>

#include "net/option.h"

/* Beside the descriptors there may be what options of the socket ask for: credentials, times. */
#define SPACE (CMSG_SPACE(TUG_LOCAL_MOST_DESCRIPTORS * sizeof(int)) + 256)

/* Control data as the macros of cmsg(3) want it. */
union control {
    struct cmsghdr header;
    char space[SPACE];
};

int tug_local_pair(int type, int fds[2])
{
    return tug_sys_socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds);
}

int tug_local_peer(int fd, struct tug_local_peer *peer)
{
    struct ucred credentials;
    unsigned size = sizeof(credentials);
    int family = tug_option_get(fd, SOL_SOCKET, SO_DOMAIN);
    if (family < 0)
        return family;
    if (family != AF_UNIX)
        return -EOPNOTSUPP;
    int error = tug_sys_getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size);
    if (error < 0)
        return error;
    if (credentials.uid == (uid_t)-1)
        return -ENOTCONN;
    *peer = (struct tug_local_peer){credentials.pid, credentials.uid, credentials.gid};
    return 0;
}

int64_t tug_local_send(int fd, const void *data, size_t size, const int *descriptors,
                       unsigned count)
{
    union control control;
    struct iovec vector = {.iov_base = (void *)(uintptr_t)data, .iov_len = size};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    if (size == 0 || count > TUG_LOCAL_MOST_DESCRIPTORS)
        return -EINVAL;
    if (count > 0) {
        /* The padding goes to the kernel, too. */
        memset(&control, 0, CMSG_SPACE(count * sizeof(int)));
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(&control.header), descriptors, count * sizeof(int));
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    }
    return tug_sendmsg(fd, &message, 0);
}

static void close_all(const int *descriptors, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        tug_sys_close(descriptors[i]);
}

/* Takes the descriptors out of a message; room for all. Returns their number. */
static unsigned collect(struct msghdr *message, int found[TUG_LOCAL_MOST_DESCRIPTORS])
{
    unsigned count = 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header != NULL;
         header = CMSG_NXTHDR(message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        size_t bytes = header->cmsg_len - CMSG_LEN(0);
        memcpy(found + count, CMSG_DATA(header), bytes);
        count += (unsigned)(bytes / sizeof(int));
    }
    return count;
}

int64_t tug_local_receive(int fd, void *buffer, size_t size, int *descriptors, unsigned *count)
{
    union control control;
    int found[TUG_LOCAL_MOST_DESCRIPTORS];
    struct iovec vector = {.iov_base = buffer, .iov_len = size};
    struct msghdr message = {.msg_iov = &vector,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    int64_t result = tug_recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (result < 0)
        return result;
    unsigned number = collect(&message, found);
    int error = (message.msg_flags & MSG_CTRUNC) != 0 ? -EMFILE : number > *count ? -EMSGSIZE : 0;
    if (error < 0) {
        close_all(found, number);
        *count = 0;
        return error;
    }
    memcpy(descriptors, found, number * sizeof(int));
    *count = number;
    return result;
}
