/* SPDX-License-Identifier: MIT */
#include "script.h"

#include <errno.h>

static int64_t alive; /* atomic */

void token_drop(void *item)
{
    struct token *token = item;
    if (token->owned == NULL)
        return;
    CHECK_EQUAL(*token->owned, token->value);
    free(token->owned);
    token->owned = NULL;
    __atomic_fetch_sub(&alive, 1, __ATOMIC_ACQ_REL);
}

const struct tug_item token_item = {sizeof(struct token), token_drop};

struct token token_make(int64_t value)
{
    struct token token = {value, malloc(sizeof(int64_t))};
    CHECK(token.owned != NULL);
    *token.owned = value;
    __atomic_fetch_add(&alive, 1, __ATOMIC_ACQ_REL);
    return token;
}

int64_t tokens_alive(void)
{
    return __atomic_load_n(&alive, __ATOMIC_ACQUIRE);
}

/* ---- The stream ---- */

static void take_waker(struct script *script, struct tug_waker *waker)
{
    while (__atomic_exchange_n(&script->lock, 1, __ATOMIC_ACQUIRE) != 0)
        ;
    *waker = script->waker;
    script->waker.vtable = NULL;
}

static void unlock(struct script *script)
{
    __atomic_store_n(&script->lock, 0, __ATOMIC_RELEASE);
}

static int block(struct script *script, const struct tug_waker *waker)
{
    struct tug_waker old;
    take_waker(script, &old);
    bool passed = script->passed;
    script->passed = false;
    if (!passed)
        script->waker = tug_waker_clone(waker);
    unlock(script);
    if (old.vtable != NULL)
        tug_waker_drop(old);
    return passed ? 0 : TUG_STREAM_PENDING;
}

static int script_next(struct tug_stream *stream, const struct tug_waker *waker, void *item)
{
    struct script *script = (struct script *)stream;
    struct token token;
    script->polls++;
    CHECK_EQUAL(script->closed, 0);
    for (;; script->step++) {
        switch (*script->step) {
        case SCRIPT_END:
            return 0;
        case SCRIPT_PAUSE:
            script->step++;
            tug_waker_wake_by_ref(waker);
            return TUG_STREAM_PENDING;
        case SCRIPT_BLOCK:
            if (block(script, waker) != 0)
                return TUG_STREAM_PENDING;
            continue;
        default:
            break;
        }
        if (tug_coop_poll(waker) == TUG_PENDING)
            return TUG_STREAM_PENDING;
        if (*script->step < 0)
            return (int)*script->step++;
        token = token_make(*script->step++);
        memcpy(item, &token, sizeof token);
        return 1;
    }
}

static void script_closed(struct tug_stream *stream)
{
    struct script *script = (struct script *)stream;
    struct tug_waker waker;
    CHECK_EQUAL(script->closed++, 0);
    take_waker(script, &waker);
    unlock(script);
    if (waker.vtable != NULL)
        tug_waker_drop(waker);
}

static const struct tug_stream_vtable vtable = {script_next, script_closed};

struct tug_stream *script_init(struct script *script, const int64_t *steps)
{
    *script = (struct script){.stream = {&vtable, token_item}, .step = steps};
    return &script->stream;
}

void script_go_on(struct script *script)
{
    struct tug_waker waker;
    take_waker(script, &waker);
    script->passed = true;
    unlock(script);
    if (waker.vtable != NULL)
        tug_waker_wake(waker);
}

/* ---- What is expected ---- */

void script_expect(struct tug_stream *stream, const int64_t *steps)
{
    struct token token;
    CHECK_EQUAL(stream->item.size, sizeof token);
    for (; *steps != SCRIPT_END; steps++) {
        int result = tug_next(stream, &token);
        CHECK_EQUAL(result, *steps < 0 ? *steps : 1);
        if (result != 1)
            continue;
        CHECK_EQUAL(token.value, *steps);
        tug_stream_drop(stream, &token);
    }
    CHECK_EQUAL(tug_next(stream, &token), 0);
    CHECK_EQUAL(tug_next(stream, &token), 0);
}

void script_close(struct tug_stream *stream)
{
    tug_stream_close(stream);
    CHECK_EQUAL(tokens_alive(), 0);
}
