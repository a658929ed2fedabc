/* SPDX-License-Identifier: MIT */
/*
 * bench-net-uring: the floor of completion. An echo server that is nothing but a loop around
 * io_uring_enter(2): one multishot receive per client, into buffers that all of them share and that
 * are given back when the answer has been sent.
 */
#include "listener.h"

#include <errno.h>
#include <liburing.h>
#include <stdint.h>
#include <unistd.h>

#define ENTRIES 4096
#define BUFFERS 16384 /* a power of two, and more than there are clients */
#define BUFFER_SIZE 256
#define GROUP 0

/* What a completion is of: `kind`, with the client and the buffer of a send. */
enum kind { ACCEPT, RECEIVE, SEND };

static struct io_uring ring;
static struct io_uring_buf_ring *buffers;
static char memory[BUFFERS][BUFFER_SIZE];

static struct io_uring_sqe *get_entry(enum kind kind, int fd, unsigned buffer)
{
    struct io_uring_sqe *entry;
    while ((entry = io_uring_get_sqe(&ring)) == NULL)
        check(io_uring_submit(&ring), "io_uring_submit");
    entry->user_data = (uint64_t)kind | (uint64_t)(unsigned)fd << 2 | (uint64_t)buffer << 34;
    return entry;
}

/* The functions of liburing that fill in an entry may clear its user_data. */
static void accept_all(int listener)
{
    struct io_uring_sqe *entry = get_entry(ACCEPT, listener, 0);
    uint64_t data = entry->user_data;
    io_uring_prep_multishot_accept(entry, listener, NULL, NULL, 0);
    entry->user_data = data;
}

static void receive_all(int fd)
{
    struct io_uring_sqe *entry = get_entry(RECEIVE, fd, 0);
    uint64_t data = entry->user_data;
    io_uring_prep_recv_multishot(entry, fd, NULL, 0, 0);
    entry->user_data = data;
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = GROUP;
}

static void send_back(int fd, unsigned buffer, int length)
{
    struct io_uring_sqe *entry = get_entry(SEND, fd, buffer);
    uint64_t data = entry->user_data;
    io_uring_prep_send(entry, fd, memory[buffer], (size_t)length, MSG_NOSIGNAL | MSG_WAITALL);
    entry->user_data = data;
}

static void give_back(unsigned buffer)
{
    io_uring_buf_ring_add(buffers, memory[buffer], BUFFER_SIZE, (unsigned short)buffer,
                          io_uring_buf_ring_mask(BUFFERS), 0);
    io_uring_buf_ring_advance(buffers, 1);
}

static void on_receive(int fd, const struct io_uring_cqe *completion)
{
    if (completion->res > 0)
        send_back(fd, completion->flags >> IORING_CQE_BUFFER_SHIFT, completion->res);
    else if (completion->res != -ENOBUFS) {
        close(fd);
        return;
    }
    if ((completion->flags & IORING_CQE_F_MORE) == 0)
        receive_all(fd);
}

static void on_completion(const struct io_uring_cqe *completion)
{
    int fd = (int)(unsigned)(completion->user_data >> 2);
    switch ((enum kind)(completion->user_data & 3)) {
    case ACCEPT:
        check(completion->res, "accept");
        receive_all(completion->res);
        if ((completion->flags & IORING_CQE_F_MORE) == 0)
            accept_all(fd);
        break;
    case RECEIVE:
        on_receive(fd, completion);
        break;
    case SEND:
        give_back((unsigned)(completion->user_data >> 34));
        break;
    }
}

static void set_up(void)
{
    struct io_uring_params parameters = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
        .cq_entries = 2 * BUFFERS,
    };
    int result = io_uring_queue_init_params(ENTRIES, &ring, &parameters);
    void *entries = NULL;
    if (result == 0)
        result = posix_memalign(&entries, 4096, BUFFERS * sizeof(struct io_uring_buf));
    errno = result < 0 ? -result : result;
    check(result == 0 ? 0 : -1, "io_uring_queue_init_params");
    buffers = entries;
    struct io_uring_buf_reg registration = {
        .ring_addr = (uint64_t)(uintptr_t)entries, .ring_entries = BUFFERS, .bgid = GROUP};
    errno = -io_uring_register_buf_ring(&ring, &registration, 0);
    check(errno == 0 ? 0 : -1, "io_uring_register_buf_ring");
    io_uring_buf_ring_init(buffers);
    for (unsigned i = 0; i < BUFFERS; i++)
        give_back(i);
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "version") == 0) {
        puts("bare loop");
        return 0;
    }
    set_up();
    accept_all(listen_somewhere());
    for (;;) {
        struct io_uring_cqe *completion;
        unsigned head, count = 0;
        io_uring_submit_and_wait(&ring, 1);
        io_uring_for_each_cqe(&ring, head, completion)
        {
            on_completion(completion);
            count++;
        }
        io_uring_cq_advance(&ring, count);
    }
}
