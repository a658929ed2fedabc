/* SPDX-License-Identifier: MIT */
#include "script.h"

#include <sys/uio.h>

/* Whether this step is pending; else it may be carried out. */
static bool waits(struct script *script, const struct tug_waker *waker)
{
    script->polls++;
    if (script->step->kind == SCRIPT_PAUSE) {
        script->step++;
        tug_waker_wake_by_ref(waker);
        return true;
    }
    if (script->step->kind != SCRIPT_BLOCK)
        return false;
    if (script->blocked)
        tug_waker_drop(script->waker);
    script->blocked = true;
    script->waker = tug_waker_clone(waker);
    return true;
}

void script_go_on(struct script *script)
{
    script->step++;
    if (!script->blocked)
        return;
    script->blocked = false;
    tug_waker_wake(script->waker);
}

static int64_t script_read(struct tug_reader *reader, const struct tug_waker *waker, void *buffer,
                           size_t size)
{
    struct script *script = (struct script *)reader;
    if (waits(script, waker))
        return TUG_IO_PENDING;
    const struct script_step *step = script->step;
    if (step->kind == SCRIPT_END)
        return 0;
    if (step->kind == SCRIPT_ERROR) {
        script->step++;
        return step->number;
    }
    size_t left = strlen(step->text) - script->offset;
    size_t n = size < left ? size : left;
    memcpy(buffer, step->text + script->offset, n);
    script->offset += n;
    if (n == left) {
        script->offset = 0;
        script->step++;
    }
    return (int64_t)n;
}

static struct script *script_of(struct tug_writer *writer)
{
    return (struct script *)(void *)((char *)writer - offsetof(struct script, writer));
}

static int64_t script_write(struct tug_writer *writer, const struct tug_waker *waker,
                            const void *buffer, size_t size)
{
    struct script *script = script_of(writer);
    if (waits(script, waker))
        return TUG_IO_PENDING;
    const struct script_step *step = script->step;
    script->writes++;
    if (step->kind == SCRIPT_ERROR) {
        script->step++;
        return step->number;
    }
    size_t n = size;
    if (step->kind == SCRIPT_TAKE) {
        n = size < (size_t)step->number ? size : (size_t)step->number;
        script->step++;
    }
    if (n > script->largest)
        script->largest = n;
    CHECK(script->length + n <= sizeof(script->written));
    memcpy(script->written + script->length, buffer, n);
    script->length += n;
    script->unflushed += n;
    return (int64_t)n;
}

static int64_t script_write_vectored(struct tug_writer *writer, const struct tug_waker *waker,
                                     const struct iovec *vector, int count)
{
    script_of(writer)->vectored++;
    int64_t total = 0;
    for (int i = 0; i < count; i++) {
        int64_t n = script_write(writer, waker, vector[i].iov_base, vector[i].iov_len);
        if (n < 0)
            return total > 0 ? total : n;
        total += n;
        if ((size_t)n < vector[i].iov_len)
            break;
    }
    return total;
}

static int script_flush(struct tug_writer *writer, const struct tug_waker *waker)
{
    struct script *script = script_of(writer);
    (void)waker;
    script->flushes++;
    script->unflushed = 0;
    return script->flush_error;
}

static int script_shutdown(struct tug_writer *writer, const struct tug_waker *waker)
{
    struct script *script = script_of(writer);
    (void)waker;
    script->shutdowns++;
    return 0;
}

static const struct tug_reader_vtable reader_vtable = {.poll_read = script_read};
static const struct tug_writer_vtable writer_vtable = {
    .poll_write = script_write, .poll_flush = script_flush, .poll_shutdown = script_shutdown};
static const struct tug_writer_vtable vectored_vtable = {
    .poll_write = script_write,
    .poll_write_vectored = script_write_vectored,
    .poll_flush = script_flush,
    .poll_shutdown = script_shutdown,
};

void script_init(struct script *script, const struct script_step *steps)
{
    *script =
        (struct script){.reader = {&reader_vtable}, .writer = {&writer_vtable}, .step = steps};
}

void script_init_vectored(struct script *script, const struct script_step *steps)
{
    script_init(script, steps);
    script->writer.vtable = &vectored_vtable;
}

bool script_wrote(const struct script *script, const char *text)
{
    return script->length == strlen(text) && memcmp(script->written, text, script->length) == 0;
}

/* ---- A waker that counts ---- */

static void count(unsigned *counter)
{
    __atomic_add_fetch(counter, 1, __ATOMIC_SEQ_CST);
}

static void waker_clone(void *data)
{
    count(&((struct script_waker *)data)->clones);
}

static void waker_wake_by_ref(void *data)
{
    count(&((struct script_waker *)data)->wakes);
}

static void waker_drop(void *data)
{
    count(&((struct script_waker *)data)->drops);
}

static void waker_wake(void *data)
{
    waker_wake_by_ref(data);
    waker_drop(data);
}

struct tug_waker script_waker(struct script_waker *counters)
{
    static const struct tug_waker_vtable vtable = {
        .clone = waker_clone,
        .wake = waker_wake,
        .wake_by_ref = waker_wake_by_ref,
        .drop = waker_drop,
    };
    *counters = (struct script_waker){0, 0, 0};
    return (struct tug_waker){&vtable, counters};
}

int64_t script_begin_read(struct tug_reader *reader, void *buffer, size_t size)
{
    struct script_waker *counters = malloc(sizeof(*counters));
    struct tug_waker waker = script_waker(counters);
    int64_t n = tug_reader_poll(reader, &waker, buffer, size);
    if (n == TUG_IO_PENDING)
        AWAIT(__atomic_load_n(&counters->drops, __ATOMIC_SEQ_CST) == 1);
    free(counters);
    return n;
}
