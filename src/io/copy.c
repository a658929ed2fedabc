/* SPDX-License-Identifier: MIT */
/*
 * Copying from a reader to a writer: one buffer, filled from the front and written from the front.
 * The algorithm is that of Tokio's io::copy.
 *
 * Invariants:
 *  - position <= end <= size of the buffer. Both return to 0 when all is written; until then what
 *    is read goes behind `end`, so a stalled writer does not keep the reader from being asked. As
 *    long as there is something between them the kernel's way is not gone.
 *  - Whenever the copy is pending, either the writer has its waker, or nothing is left to be
 *    written or flushed and the reader has it. While the writer has it, so has the reader, as long
 *    as there is room.
 *  - A reader that lends has the place of the buffer, which is empty then.
 *  - `need_flush`: something was written since the last flush. Nobody is waited for in that state:
 *    the peer whose answer is the next thing to be read may not have been told the question.
 */
#include "io/copy.h"

#include <errno.h>

#include <tug/coop.h>

#include "sys/call.h"
#include "sys/list.h"

static bool has_room(const struct tug_io_copy *copy)
{
    return !copy->read_done && copy->end < copy->options.buffer_size;
}

static void note_end(struct tug_io_copy *copy, int64_t result)
{
    copy->read_done = true;
    copy->error = (int)result;
}

/* One read behind `end`. Returns 0, also at the end and for an error, which are noted; or
 * TUG_IO_PENDING. */
static int fill(struct tug_io_copy *copy, const struct tug_waker *waker)
{
    int64_t n = tug_reader_poll(copy->reader, waker, copy->buffer + copy->end,
                                copy->options.buffer_size - copy->end);
    if (n == TUG_IO_PENDING)
        return TUG_IO_PENDING;
    if (n > 0)
        copy->end += (size_t)n;
    else
        note_end(copy, n);
    return 0;
}

static int flush(struct tug_io_copy *copy, const struct tug_waker *waker)
{
    if (!copy->need_flush)
        return 0;
    int error = tug_writer_poll_flush(copy->writer, waker);
    if (error == 0)
        copy->need_flush = false;
    return error;
}

void tug_io_copy_note(struct tug_io_copy *copy, int64_t written)
{
    copy->copied += (uint64_t)written;
    copy->need_flush = true;
    if (copy->options.progress != NULL)
        copy->options.progress(copy->options.argument, copy->direction, copy->copied);
}

/* What a write of more than no bytes has returned. Returns 0, or the error. */
static int account(struct tug_io_copy *copy, int64_t written)
{
    if (written <= 0)
        return written == 0 ? -EIO : (int)written;
    tug_io_copy_note(copy, written);
    return 0;
}

/* One write of what there is. While the writer stalls the buffer is filled on, up to the point at
 * which the reader stalls as well and wakes us, too. */
static int drain(struct tug_io_copy *copy, const struct tug_waker *waker)
{
    size_t size = copy->end - copy->position;
    int64_t n = tug_writer_poll(copy->writer, waker, copy->buffer + copy->position, size);
    while (n == TUG_IO_PENDING && has_room(copy))
        if (fill(copy, waker) == TUG_IO_PENDING)
            break;
    int error = account(copy, n);
    if (error == 0)
        copy->position += (size_t)n;
    return error;
}

/* What the reader waits for may be the other end's answer to what was written: so nothing is kept
 * back in the writer while it is waited for. */
static int flush_and_wait(struct tug_io_copy *copy, const struct tug_waker *waker)
{
    int error = flush(copy, waker);
    return error < 0 ? error : TUG_IO_PENDING;
}

/* Fills, then writes all there is. Returns 0 when the buffer is empty again, TUG_IO_PENDING, or an
 * error of the writer. */
static int turn(struct tug_io_copy *copy, const struct tug_waker *waker)
{
    if (has_room(copy) && fill(copy, waker) == TUG_IO_PENDING && copy->position == copy->end)
        return flush_and_wait(copy, waker);
    while (copy->position < copy->end) {
        int error = drain(copy, waker);
        if (error < 0)
            return error;
    }
    copy->position = 0;
    copy->end = 0;
    return 0;
}

static bool reader_lends(const struct tug_reader *reader)
{
    return reader->vtable->poll_lend != NULL;
}

/* One write of what the reader lends: no buffer, and nothing read that is not written. Pieces are
 * of the buffer's size all the same, for the budget's sake. Returns as turn(). */
static int turn_lent(struct tug_io_copy *copy, const struct tug_waker *waker)
{
    if (copy->read_done)
        return 0;
    const void *data;
    int64_t n = copy->reader->vtable->poll_lend(copy->reader, waker, &data);
    if (n == TUG_IO_PENDING)
        return flush_and_wait(copy, waker);
    if (n <= 0) {
        note_end(copy, n);
        return 0;
    }
    size_t size = (size_t)n < copy->options.buffer_size ? (size_t)n : copy->options.buffer_size;
    int64_t written = tug_writer_poll(copy->writer, waker, data, size);
    int error = account(copy, written);
    if (error == 0)
        copy->reader->vtable->consume(copy->reader, (size_t)written);
    return error;
}

static int need_buffer(struct tug_io_copy *copy)
{
    if (copy->buffer == NULL)
        copy->buffer = tug_sys_malloc(copy->options.buffer_size);
    return copy->buffer != NULL ? 0 : -ENOMEM;
}

/* From the kernel's way to the buffer's, with what the kernel has taken already. */
static int go_through_memory(struct tug_io_copy *copy)
{
    size_t held = tug_io_splice_held(copy->splice);
    if (held > copy->options.buffer_size)
        copy->options.buffer_size = held;
    int error = need_buffer(copy);
    if (error == 0)
        error = tug_io_splice_take(copy->splice, copy->buffer);
    if (error < 0)
        return error;
    copy->end = held;
    tug_io_splice_free(copy->splice);
    copy->splice = NULL;
    return 0;
}

/* Moves something. Returns 0 with `*empty` if nothing is left to be written; TUG_IO_PENDING; an
 * error. */
static int move(struct tug_io_copy *copy, const struct tug_waker *waker, bool *empty)
{
    int error = TUG_SPLICE_NOT_NOW;
    if (copy->splice != NULL && copy->position == copy->end)
        error = tug_io_splice_turn(copy, waker);
    if (error == TUG_SPLICE_NOT_NOW) {
        if (reader_lends(copy->reader))
            error = turn_lent(copy, waker);
        else if ((error = need_buffer(copy)) == 0)
            error = turn(copy, waker);
        *empty = error == 0;
        return error;
    }
    *empty = tug_io_splice_held(copy->splice) == 0;
    return error == TUG_SPLICE_REFUSED ? go_through_memory(copy) : error;
}

int64_t tug_io_copy_poll(struct tug_io_copy *copy, const struct tug_waker *waker)
{
    for (;;) {
        if (tug_coop_poll(waker) == TUG_PENDING)
            return TUG_IO_PENDING;
        uint64_t before = copy->copied;
        bool empty = false;
        int error = move(copy, waker, &empty);
        if (error == 0 && empty && copy->read_done) {
            error = flush(copy, waker);
            if (error == 0)
                return copy->error < 0 ? copy->error : (int64_t)copy->copied;
        }
        if (error == TUG_IO_PENDING && copy->copied == before)
            tug_coop_restore();
        if (error < 0)
            return error;
    }
}

/* ---- In direct style ---- */

struct run {
    struct tug_future future;
    struct tug_io_copy *copy;
    bool cancelled;
};

static int run_poll(struct tug_future *future, const struct tug_waker *waker)
{
    struct run *run = TUG_CONTAINER_OF(future, struct run, future);
    future->result = run->cancelled ? -ECANCELED : tug_io_copy_poll(run->copy, waker);
    return future->result == TUG_IO_PENDING ? TUG_PENDING : TUG_READY;
}

static void run_cancel(struct tug_future *future)
{
    TUG_CONTAINER_OF(future, struct run, future)->cancelled = true;
}

int tug_io_copy_init(struct tug_io_copy *copy, struct tug_reader *reader, struct tug_writer *writer,
                     const struct tug_io_copy_options *options)
{
    *copy = (struct tug_io_copy){.reader = reader, .writer = writer};
    if (options != NULL)
        copy->options = *options;
    if (copy->options.buffer_size == 0)
        copy->options.buffer_size = TUG_IO_COPY_SIZE;
    if (!copy->options.in_memory)
        copy->splice = tug_io_splice_new(reader, writer);
    return copy->splice != NULL || reader_lends(reader) ? 0 : need_buffer(copy);
}

int64_t tug_io_copy_run(struct tug_io_copy *copy)
{
    static const struct tug_future_vtable vtable = {.poll = run_poll, .cancel = run_cancel};
    struct run run = {.future = {&vtable, 0}, .copy = copy};
    return tug_await(&run.future);
}

void tug_io_copy_free(struct tug_io_copy *copy)
{
    tug_io_splice_free(copy->splice);
    tug_sys_free(copy->buffer);
    copy->splice = NULL;
    copy->buffer = NULL;
}

int64_t tug_io_copy(struct tug_reader *reader, struct tug_writer *writer,
                    const struct tug_io_copy_options *options)
{
    struct tug_io_copy copy;
    int64_t result = tug_io_copy_init(&copy, reader, writer, options);
    if (result == 0)
        result = tug_io_copy_run(&copy);
    tug_io_copy_free(&copy);
    return result;
}
