/* SPDX-License-Identifier: MIT */
/*
 * What only sockets of the local domain (unix(7)) can: pairs without a name, who the peer is, and
 * descriptors that are passed. Listeners and connections by path or abstract name are in
 * <tug/net.h>
 * ("unix:/path", "unix:@name"), datagrams in <tug/datagram.h>.
 */
#ifndef TUG_LOCAL_H
#define TUG_LOCAL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <tug/config.h>

TUG_BEGIN_DECLS

/* Two sockets that are connected to each other, close-on-exec. `type`: SOCK_STREAM, SOCK_DGRAM or
 * SOCK_SEQPACKET. Does not suspend. Returns 0; -EMFILE and the rest of socketpair(2). */
TUG_API int tug_local_pair(int type, int fds[2]);

/* Who connected, listened or made the pair, at that time. */
struct tug_local_peer {
    pid_t process; /* 0: in another name space */
    uid_t user;
    gid_t group;
};

/* Asks for the peer of a connected socket (SO_PEERCRED). Does not suspend. Returns 0; -ENOTCONN;
 * -EOPNOTSUPP: not of the local domain; -EBADF, -ENOTSOCK. */
TUG_API int tug_local_peer(int fd, struct tug_local_peer *peer);

/* The most descriptors that one message takes. */
#define TUG_LOCAL_MOST_DESCRIPTORS 253

/*
 * Sends data, at least a byte, together with `count` descriptors, which stay the caller's: the peer
 * gets others of the same open files. They belong to the first byte of the data. Suspends.
 * Cancelling loses nothing. Returns the number of bytes sent, which on a stream may be less than
 * `size`: then all descriptors were sent, and the rest goes by tug_send_all(). -EINVAL: no data, or
 * `count` is above TUG_LOCAL_MOST_DESCRIPTORS; -EBADF: one of them is not open; as sendmsg(2).
 */
TUG_API int64_t tug_local_send(int fd, const void *data, size_t size, const int *descriptors,
                               unsigned count);

/*
 * Receives data and the descriptors that belong to it, close-on-exec, at most `*count`; stores
 * their number there. Suspends. Cancelling loses nothing. Returns the number of bytes, 0 at the
 * end. -EMSGSIZE: there were more descriptors; -EMFILE: the process may not have so many. Then all
 * that came are closed, and the data that was received with them is lost. As recvmsg(2).
 */
TUG_API int64_t tug_local_receive(int fd, void *buffer, size_t size, int *descriptors,
                                  unsigned *count);

TUG_END_DECLS

#endif
