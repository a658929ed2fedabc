/* SPDX-License-Identifier: MIT */
/*
 * A child run to its end, with its input fed and its output collected at the same time: three
 * futures, each a loop of operations, waited for together.
 *
 * The input is written in O_NONBLOCK mode, which is our end's alone, by a call that raises no
 * SIGPIPE on whichever thread it is made.
 */
#include <tug/process.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>

#include <tug/sys.h>
#include <tug/task.h>

#include "sys/call.h"
#include "sys/list.h"

#define FIRST_CAPACITY 4096

/* One of the three pipes. All move at once: a child that is stuck at a full pipe does not empty the
 * one that its parent would be waiting at. */
struct flow {
    struct tug_future future;
    struct tug_op op;
    bool under_way; /* the op */
    bool cancelled;
    int *fd; /* where the descriptor is kept */
    char *data;
    size_t length; /* collected, or still to be fed */
    size_t capacity, limit;
};

static int finish(struct flow *flow, int64_t result)
{
    flow->future.result = result;
    return TUG_READY;
}

static void flow_cancel(struct tug_future *self)
{
    struct flow *flow = TUG_CONTAINER_OF(self, struct flow, future);
    flow->cancelled = true;
    if (flow->under_way)
        flow->op.future.vtable->cancel(&flow->op.future);
}

/* Whether the op is done. Noted, as a cancel must leave an op alone that nobody has polled. */
static bool advance(struct flow *flow, const struct tug_waker *waker)
{
    flow->under_way = flow->op.future.vtable->poll(&flow->op.future, waker) == TUG_PENDING;
    return !flow->under_way;
}

/* ---- Collecting ---- */

/* Makes room for a byte more than there may be, which is how too many are noticed, and for the
 * terminating zero. */
static int make_room(struct flow *flow)
{
    if (flow->length + 1 < flow->capacity)
        return 0;
    size_t most = flow->limit < SIZE_MAX / 2 ? flow->limit + 2 : SIZE_MAX / 2;
    size_t capacity = flow->capacity == 0 ? FIRST_CAPACITY : 2 * flow->capacity;
    if (capacity > most)
        capacity = most;
    char *data = capacity > flow->capacity ? tug_sys_realloc(flow->data, capacity) : NULL;
    if (data == NULL)
        return -ENOMEM;
    flow->data = data;
    flow->capacity = capacity;
    return 0;
}

static int collect_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct flow *flow = TUG_CONTAINER_OF(self, struct flow, future);
    for (;;) {
        if (!flow->under_way) {
            int error = make_room(flow);
            if (error != 0)
                return finish(flow, error);
            tug_op_read(&flow->op, *flow->fd, flow->data + flow->length,
                        flow->capacity - flow->length - 1, TUG_CURRENT_POSITION);
        }
        if (!advance(flow, waker))
            return TUG_PENDING;
        int64_t count = flow->op.future.result;
        if (count <= 0) {
            flow->data[flow->length] = '\0';
            return finish(flow, count);
        }
        flow->length += (size_t)count;
        if (flow->length > flow->limit)
            return finish(flow, -EFBIG);
        if (flow->cancelled)
            return finish(flow, -ECANCELED);
    }
}

static const struct tug_future_vtable collect_vtable = {
    .poll = collect_poll,
    .cancel = flow_cancel,
};

/* ---- Feeding ---- */

static int end_of_input(struct flow *flow)
{
    tug_sys_close(*flow->fd);
    *flow->fd = -1;
    return finish(flow, 0);
}

static int feed_poll(struct tug_future *self, const struct tug_waker *waker)
{
    struct flow *flow = TUG_CONTAINER_OF(self, struct flow, future);
    while (flow->length > 0) {
        if (!flow->under_way)
            tug_op_poll(&flow->op, *flow->fd, POLLOUT);
        if (!advance(flow, waker))
            return TUG_PENDING;
        if (flow->op.future.result < 0 || flow->cancelled)
            return finish(flow, flow->cancelled ? -ECANCELED : flow->op.future.result);
        int64_t count = tug_sys_write_quietly(*flow->fd, flow->data, flow->length);
        if (count == -EPIPE)
            break;
        if (count < 0 && count != -EAGAIN)
            return finish(flow, count);
        if (count > 0) {
            flow->data += count;
            flow->length -= (size_t)count;
        }
    }
    return end_of_input(flow);
}

static const struct tug_future_vtable feed_vtable = {
    .poll = feed_poll,
    .cancel = flow_cancel,
};

/* ---- All of it ---- */

static void choose_streams(struct tug_process_options *options, bool has_input)
{
    if (options->input.kind == TUG_STDIO_INHERIT)
        options->input.kind = has_input ? TUG_STDIO_PIPE : TUG_STDIO_NULL;
    if (options->output.kind == TUG_STDIO_INHERIT)
        options->output.kind = TUG_STDIO_PIPE;
    if (options->error.kind == TUG_STDIO_INHERIT)
        options->error.kind = TUG_STDIO_PIPE;
}

/* The pipes come before the child's end: it does not end while one of them is full. */
static int exchange(struct tug_process *process, struct flow flows[3])
{
    struct tug_future *futures[3];
    size_t count = 0;
    int *const fds[3] = {&process->input, &process->output, &process->error};
    for (int i = 0; i < 3; i++) {
        flows[i].fd = fds[i];
        flows[i].future.vtable = i == 0 ? &feed_vtable : &collect_vtable;
        if (*fds[i] >= 0)
            futures[count++] = &flows[i].future;
    }
    if (process->input >= 0) {
        int error = tug_sys_fcntl(process->input, F_SETFL, O_WRONLY | O_NONBLOCK);
        if (error < 0)
            return error;
    }
    return (int)tug_try_join_all(futures, count);
}

int tug_process_output(struct tug_process_output *result, const struct tug_process_options *options,
                       const void *input, size_t length, size_t limit)
{
    struct tug_process process;
    struct tug_process_options chosen = *options;
    struct flow flows[3] = {
        {.data = (char *)(uintptr_t)input, .length = length},
        {.limit = limit},
        {.limit = limit},
    };
    *result = (struct tug_process_output){.output = NULL};
    if (tug_task_current() == NULL)
        return -EPERM;
    choose_streams(&chosen, length > 0);
    if (length > 0 && chosen.input.kind != TUG_STDIO_PIPE)
        return -EINVAL;
    chosen.kill_on_close = true;
    int error = tug_process_spawn(&process, &chosen);
    if (error != 0)
        return error;
    error = exchange(&process, flows);
    if (error == 0)
        error = tug_process_wait(&process, &result->status);
    tug_process_close(&process);
    if (error != 0) {
        tug_sys_free(flows[1].data);
        tug_sys_free(flows[2].data);
        return error;
    }
    result->output = flows[1].data;
    result->output_length = flows[1].length;
    result->error = flows[2].data;
    result->error_length = flows[2].length;
    return 0;
}
