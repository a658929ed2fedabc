/* SPDX-License-Identifier: MIT */
/*
 * One kernel operation as a future. The calls of <tug/file.h> are `init, await` around these; use
 * them directly to have several operations in flight from one task, with tug_select(),
 * tug_join_all() or tug_try_join_all():
 *
 *     struct tug_op a, b;
 *     tug_op_read(&a, fd1, buffer1, size1, TUG_CURRENT_POSITION);
 *     tug_op_read(&b, fd2, buffer2, size2, TUG_CURRENT_POSITION);
 *     struct tug_future *both[] = {&a.future, &b.future};
 *     tug_join_all(both, 2);
 *
 * The init functions only fill the struct in: they do not suspend, cannot fail and start nothing;
 * an operation starts when it is first polled. Memory that an operation points to (buffers, paths,
 * iovecs) is lent to it until the future is ready. Once ready, the result is `op.future.result`,
 * and the struct may be filled in anew. Cancelling loses nothing: the result is -ECANCELED only if
 * the operation had no effect, except that an open which was completed all the same is closed again
 * (a file that O_CREAT made, or O_TRUNC emptied, stays so).
 */
#ifndef TUG_OP_H
#define TUG_OP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <tug/config.h>
#include <tug/future.h>

struct iovec;
struct msghdr;
struct sockaddr;
struct statx;

TUG_BEGIN_DECLS

struct tug_driver;
struct tug_pool;

/* A piece of work in the queue of the blocking pool. */
struct tug_job {
    struct tug_job *next;
    struct tug_job **previous; /* the link that points here; NULL when the job is in no queue */
    /* Runs the job on a thread of the pool; with `dropped` set the pool has shut down before the
     * job could run, and only its owner must be told. */
    void (*run)(struct tug_job *job, int dropped);
};

/* The position of a read or write is the file's own, or there is none (pipes, sockets). Another
 * position for a descriptor that has none is ignored or an error, -ESPIPE: it depends on the
 * driver. */
#define TUG_CURRENT_POSITION (-1)

/* All members but `future` are private. What an end needs comes first, in 64 bytes. */
struct tug_op {
    struct tug_future future;
    struct tug_waker waker;
    uint32_t state;
    uint8_t code, route, flags;
    uint8_t alone;       /* no other thread than the home driver's polls it, or asks for its end */
    struct tug_op *next; /* its place in a queue of the driver */
    struct tug_op **previous;
    union {
        void *address2;
        int64_t (*function)(void *argument);
    };
    struct tug_driver *home; /* the driver that has it */
    int32_t fd, fd2;
    uint32_t argument; /* flags, mode or advice, as the operation has it */
    uint32_t argument2;
    void *address;
    int64_t offset;
    uint64_t length;
    struct tug_op *cancel_next; /* its place in the home driver's inbox of cancellations */
    struct tug_pool *pool;      /* the blocking pool that has it */
    struct tug_job job;         /* its place there */
};

TUG_API void tug_op_nop(struct tug_op *op);
TUG_API void tug_op_openat(struct tug_op *op, int directory, const char *path, int flags,
                           mode_t mode);
TUG_API void tug_op_close(struct tug_op *op, int fd);
TUG_API void tug_op_read(struct tug_op *op, int fd, void *buffer, size_t length, int64_t offset);
TUG_API void tug_op_write(struct tug_op *op, int fd, const void *buffer, size_t length,
                          int64_t offset);
TUG_API void tug_op_readv(struct tug_op *op, int fd, const struct iovec *vector, int count,
                          int64_t offset);
TUG_API void tug_op_writev(struct tug_op *op, int fd, const struct iovec *vector, int count,
                           int64_t offset);
TUG_API void tug_op_fsync(struct tug_op *op, int fd);
TUG_API void tug_op_fdatasync(struct tug_op *op, int fd);
TUG_API void tug_op_ftruncate(struct tug_op *op, int fd, int64_t length);
TUG_API void tug_op_fallocate(struct tug_op *op, int fd, int mode, int64_t offset, int64_t length);
TUG_API void tug_op_fadvise(struct tug_op *op, int fd, int64_t offset, int64_t length, int advice);
TUG_API void tug_op_statx(struct tug_op *op, int directory, const char *path, int flags,
                          unsigned mask, struct statx *statx);
TUG_API void tug_op_renameat(struct tug_op *op, int old_directory, const char *old_path,
                             int new_directory, const char *new_path, unsigned flags);
TUG_API void tug_op_unlinkat(struct tug_op *op, int directory, const char *path, int flags);
TUG_API void tug_op_mkdirat(struct tug_op *op, int directory, const char *path, mode_t mode);
TUG_API void tug_op_linkat(struct tug_op *op, int old_directory, const char *old_path,
                           int new_directory, const char *new_path, int flags);
TUG_API void tug_op_symlinkat(struct tug_op *op, const char *target, int directory,
                              const char *path);
TUG_API void tug_op_readlinkat(struct tug_op *op, int directory, const char *path, char *buffer,
                               size_t size);
TUG_API void tug_op_fchmod(struct tug_op *op, int fd, mode_t mode);
TUG_API void tug_op_fchmodat(struct tug_op *op, int directory, const char *path, mode_t mode,
                             int flags);
/* Reads directory entries as getdents64(2) gives them. */
TUG_API void tug_op_getdents(struct tug_op *op, int fd, void *buffer, size_t size);
/* Waits until one of the poll(2) `events` holds on fd; the result is the events that hold. */
TUG_API void tug_op_poll(struct tug_op *op, int fd, unsigned events);
/* accept4(2): `address` and `length` may be NULL; SOCK_CLOEXEC is always set. A connection that was
 * accepted too late to be wanted is closed. */
TUG_API void tug_op_accept(struct tug_op *op, int fd, struct sockaddr *address, unsigned *length,
                           int flags);
/* recv(2), send(2), recvmsg(2), sendmsg(2). MSG_NOSIGNAL is always set, MSG_DONTWAIT never. */
TUG_API void tug_op_recv(struct tug_op *op, int fd, void *buffer, size_t length, int flags);
TUG_API void tug_op_send(struct tug_op *op, int fd, const void *buffer, size_t length, int flags);
/* recv(2) into a buffer of the runtime's, of TUG_RECV_BUFFER_SIZE bytes, that is taken when there
 * is something to be received: who waits holds none. If the result is positive `*buffer` is the
 * buffer, so many bytes of which are the caller's until tug_recv_buffer_release(), whatever becomes
 * of the runtime; if not, it is NULL. MSG_TRUNC is never set. */
#define TUG_RECV_BUFFER_SIZE ((size_t)16384)
TUG_API void tug_op_recv_buffer(struct tug_op *op, int fd, void **buffer, int flags);
TUG_API void tug_op_recvmsg(struct tug_op *op, int fd, struct msghdr *message, int flags);
TUG_API void tug_op_sendmsg(struct tug_op *op, int fd, const struct msghdr *message, int flags);
/* Runs fn(argument) on the blocking pool; the result is what it returned. Not interrupted once it
 * has started. */
TUG_API void tug_op_blocking(struct tug_op *op, int64_t (*fn)(void *argument), void *argument);

/* Waits for an operation: tug_await(&op->future). Suspends. */
static inline int64_t tug_op_await(struct tug_op *op)
{
    return tug_await(&op->future);
}

TUG_END_DECLS

#endif
