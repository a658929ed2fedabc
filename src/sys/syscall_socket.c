/* SPDX-License-Identifier: MIT */
/*
 * System calls of sockets. What each does is in <tug/sys.h> and call.h.
 */
#include <netdb.h>
#include <sys/socket.h>

#include "sys/call_pattern.h"

int tug_sys_socket(int domain, int type, int protocol)
{
    return (int)TUG_SYS_RETRY(socket, TUG_ON_NOTHING, socket(domain, type, protocol));
}

int tug_sys_socketpair(int domain, int type, int protocol, int fds[2])
{
    return (int)TUG_SYS_RETRY(socketpair, TUG_ON_NOTHING, socketpair(domain, type, protocol, fds));
}

int tug_sys_bind(int fd, const struct sockaddr *address, unsigned length)
{
    return (int)TUG_SYS_RETRY(bind, TUG_ON_FD(fd), bind(fd, address, length));
}

int tug_sys_listen(int fd, int backlog)
{
    return (int)TUG_SYS_RETRY(listen, TUG_ON_FD(fd), listen(fd, backlog));
}

int tug_sys_connect(int fd, const struct sockaddr *address, unsigned length)
{
    int result = (int)TUG_SYS_ONCE(connect, TUG_ON_FD(fd), connect(fd, address, length));
    return result == -EINTR ? -EINPROGRESS : result;
}

int tug_sys_shutdown(int fd, int how)
{
    return (int)TUG_SYS_RETRY(shutdown, TUG_ON_FD(fd), shutdown(fd, how));
}

int tug_sys_getsockopt(int fd, int level, int option, void *value, unsigned *length)
{
    return (int)TUG_SYS_RETRY(getsockopt, TUG_ON_FD(fd),
                              getsockopt(fd, level, option, value, length));
}

int tug_sys_setsockopt(int fd, int level, int option, const void *value, unsigned length)
{
    return (int)TUG_SYS_RETRY(setsockopt, TUG_ON_FD(fd),
                              setsockopt(fd, level, option, value, length));
}

int tug_sys_getsockname(int fd, struct sockaddr *address, unsigned *length)
{
    return (int)TUG_SYS_RETRY(getsockname, TUG_ON_FD(fd), getsockname(fd, address, length));
}

int tug_sys_getpeername(int fd, struct sockaddr *address, unsigned *length)
{
    return (int)TUG_SYS_RETRY(getpeername, TUG_ON_FD(fd), getpeername(fd, address, length));
}

int tug_sys_accept4(int fd, struct sockaddr *address, unsigned *length, int flags)
{
    return (int)TUG_SYS_RETRY(accept4, TUG_ON_FD(fd), accept4(fd, address, length, flags));
}

int64_t tug_sys_recv(int fd, void *buffer, size_t length, int flags)
{
    return TUG_SYS_RETRY(recv, TUG_ON_FD_LENGTH(fd, &length), recv(fd, buffer, length, flags));
}

int64_t tug_sys_send(int fd, const void *buffer, size_t length, int flags)
{
    return TUG_SYS_RETRY(send, TUG_ON_FD_LENGTH(fd, &length), send(fd, buffer, length, flags));
}

int64_t tug_sys_recvmsg(int fd, struct msghdr *message, int flags)
{
    return TUG_SYS_RETRY(recvmsg, TUG_ON_FD(fd), recvmsg(fd, message, flags));
}

int64_t tug_sys_sendmsg(int fd, const struct msghdr *message, int flags)
{
    return TUG_SYS_RETRY(sendmsg, TUG_ON_FD(fd), sendmsg(fd, message, flags));
}

int tug_sys_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    return (int)TUG_SYS_RETRY(recvmmsg, TUG_ON_FD(fd), recvmmsg(fd, messages, count, flags, NULL));
}

int tug_sys_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    return (int)TUG_SYS_RETRY(sendmmsg, TUG_ON_FD(fd), sendmmsg(fd, messages, count, flags));
}

int tug_sys_getaddrinfo(const char *host, const char *service, const struct addrinfo *hints,
                        struct addrinfo **found, int *error)
{
    int code = TUG_FAULT(getaddrinfo, TUG_ON_NOTHING);
    *error = 0;
    if (code == 0) {
        code = getaddrinfo(host, service, hints, found);
        if (code == EAI_SYSTEM)
            *error = tug_sys_error();
    }
    return code;
}
