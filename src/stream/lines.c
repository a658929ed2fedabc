/* SPDX-License-Identifier: MIT */
/*
 * The lines of a reader, each in memory of its own.
 */
#include <tug/stream_source.h>

#include <errno.h>
#include <string.h>

#include <tug/buffered.h>
#include <tug/coop.h>

#include "stream/slot.h"
#include "sys/list.h"

static void line_drop(void *item)
{
    struct tug_line *line = item;
    tug_sys_free(line->text);
}

static int lines_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct tug_stream_lines *self = TUG_CONTAINER_OF(stream, struct tug_stream_lines, stream);
    struct tug_line line;
    char *text;
    if (self->ended)
        return 0;
    if (tug_coop_poll(waker) == TUG_PENDING)
        return TUG_STREAM_PENDING;
    int result = tug_buffered_poll_line(self->reader, waker, self->limit, &text, &line.length);
    if (result == TUG_IO_PENDING) {
        tug_coop_restore();
        return TUG_STREAM_PENDING;
    }
    self->ended = result <= 0;
    if (self->ended)
        return result;
    line.text = tug_sys_malloc(line.length + 1);
    if (line.text == NULL) {
        self->ended = true;
        return -ENOMEM;
    }
    memcpy(line.text, text, line.length + 1);
    memcpy(item, &line, sizeof line);
    return 1;
}

static const struct tug_stream_vtable lines_vtable = {lines_next, NULL};

struct tug_stream *tug_stream_lines(struct tug_stream_lines *self,
                                    struct tug_buffered_reader *reader, size_t limit)
{
    const struct tug_item item = {sizeof(struct tug_line), line_drop};
    *self = (struct tug_stream_lines){{&lines_vtable, item}, reader, limit, false};
    return &self->stream;
}
