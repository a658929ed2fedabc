/* SPDX-License-Identifier: MIT */
/*
 * A stream that does what a script says, whose items own memory, so that one that is lost or given
 * up twice is noticed; and a short form for what is expected of a stream.
 */
#ifndef TUG_TESTS_STREAM_SCRIPT_H
#define TUG_TESTS_STREAM_SCRIPT_H

#include "../runtime/fixture.h"

/* An item: a number, and a piece of memory. */
struct token {
    int64_t value;
    int64_t *owned;
};

extern const struct tug_item token_item;
struct token token_make(int64_t value);
void token_drop(void *token);

/* How many there are that nobody has dropped. */
int64_t tokens_alive(void);

/* Steps of a script beside numbers from 0 on, which are items. Errors are negative errnos. */
enum {
    SCRIPT_END = INT64_C(1) << 40, /* of the stream; the last step of each script */
    SCRIPT_PAUSE,                  /* pending once; wakes at once */
    SCRIPT_BLOCK,                  /* pending until script_go_on() */
};

struct script {
    struct tug_stream stream;
    const int64_t *step;
    uint32_t lock;
    bool passed; /* the step that it stands at */
    struct tug_waker waker;
    unsigned polls, closed;
};

/* Prepares the stream; `steps` stay the caller's. Returns the stream. */
struct tug_stream *script_init(struct script *script, const int64_t *steps);

/* Ends a SCRIPT_BLOCK, from any thread. */
void script_go_on(struct script *script);

/* Takes what the script `steps` says: numbers, errors, and the end (twice). Tokens are dropped. */
void script_expect(struct tug_stream *stream, const int64_t *steps);

#define SCRIPT(...) ((const int64_t[]){__VA_ARGS__, SCRIPT_END})
#define EXPECT(stream, ...) script_expect(stream, SCRIPT(__VA_ARGS__))
#define EXPECT_END(stream) script_expect(stream, (const int64_t[]){SCRIPT_END})

/* Closes a stream made of scripts and checks that no token is left. */
void script_close(struct tug_stream *stream);

#endif
