/* SPDX-License-Identifier: MIT */
/*
 * A reader and a writer that do what a script says, step by step, and count how they are used.
 */
#ifndef TUG_TESTS_IO_SCRIPT_H
#define TUG_TESTS_IO_SCRIPT_H

#include "../runtime/fixture.h"

enum script_kind {
    SCRIPT_END,   /* the end of what is read; any size is written at once. The last step of each */
    SCRIPT_TEXT,  /* reads as `text`, in pieces as large as asked for */
    SCRIPT_TAKE,  /* writes at most `number` bytes, once */
    SCRIPT_ERROR, /* `number`, once */
    SCRIPT_PAUSE, /* pending once; wakes at once */
    SCRIPT_BLOCK, /* pending until script_go_on() */
};

struct script_step {
    enum script_kind kind;
    const char *text;
    int64_t number;
};

#define TEXT(string)                                                                               \
    {                                                                                              \
        SCRIPT_TEXT, string, 0                                                                     \
    }
#define TAKE(size)                                                                                 \
    {                                                                                              \
        SCRIPT_TAKE, NULL, size                                                                    \
    }
#define ERROR(error)                                                                               \
    {                                                                                              \
        SCRIPT_ERROR, NULL, error                                                                  \
    }
#define PAUSE                                                                                      \
    {                                                                                              \
        SCRIPT_PAUSE, NULL, 0                                                                      \
    }
#define BLOCK                                                                                      \
    {                                                                                              \
        SCRIPT_BLOCK, NULL, 0                                                                      \
    }
#define END                                                                                        \
    {                                                                                              \
        SCRIPT_END, NULL, 0                                                                        \
    }

struct script {
    struct tug_reader reader;
    struct tug_writer writer;
    const struct script_step *step;
    size_t offset;
    bool blocked;
    struct tug_waker waker;
    unsigned polls;
    /* Of the writer: what it took, and how often it was flushed and shut down. `unflushed`: bytes
     * taken since the last flush. */
    char written[4096];
    size_t length, unflushed;
    unsigned writes, vectored, flushes, shutdowns;
    size_t largest; /* write */
    int flush_error;
};

/* `steps`: up to and with SCRIPT_END. */
void script_init(struct script *script, const struct script_step *steps);
void script_init_vectored(struct script *script, const struct script_step *steps);

/* Ends a SCRIPT_BLOCK; a script that is given up while it blocks is ended as well. */
void script_go_on(struct script *script);

/* Whether exactly this was written. */
bool script_wrote(const struct script *script, const char *text);

/* Polls once with a waker that counts how often it was woken. */
struct script_waker {
    unsigned wakes, clones, drops; /* atomic */
};
struct tug_waker script_waker(struct script_waker *counters);

/* Polls a reader once, as a call does that is cancelled then, and waits until nobody has its waker
 * any more. Returns what the poll did. */
int64_t script_begin_read(struct tug_reader *reader, void *buffer, size_t size);

#endif
