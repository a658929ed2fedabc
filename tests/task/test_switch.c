/* SPDX-License-Identifier: MIT */
/*
 * The coroutine switch: what must be the same after a suspension as before (every kind of local,
 * frames of any shape), who runs when, on which thread, and that a stack can be used again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unwind.h>

#include <cmocka.h>

#include "sys/stack.h"
#include "sys/thread.h"
#include "task/switch.h"

static struct tug_stack_pool pool;

struct coroutine {
    struct tug_context context, *resumer;
    void *top;
    void (*body)(struct coroutine *self);
    bool ended;
    int64_t input, output;
    uint64_t seed;
};

static void run_body(void *argument)
{
    struct coroutine *self = argument;
    self->body(self);
    self->ended = true;
    tug_context_switch_final(&self->context, self->resumer);
}

static void start(struct coroutine *coroutine, void (*body)(struct coroutine *self))
{
    memset(coroutine, 0, sizeof *coroutine);
    coroutine->body = body;
    coroutine->top = tug_stack_pool_get(&pool, NULL);
    assert_non_null(coroutine->top);
    /* Above the stack proper, as where the runtime has its control block, lies what looks like
     * return addresses: nobody may take it for such. */
    char *low = tug_stack_low(&pool, coroutine->top);
    uintptr_t *end = coroutine->top;
    for (int i = 0; i < 64; i++)
        *--end = (uintptr_t)run_body + 1;
    tug_context_init(&coroutine->context, low, (size_t)((char *)end - low), run_body, coroutine);
}

/* Runs the coroutine until it suspends or ends, and frees it in the latter case. Returns whether it
 * goes on. */
static bool resume(struct coroutine *coroutine)
{
    struct tug_context here;
    tug_context_init_thread(&here);
    coroutine->resumer = &here;
    tug_context_switch(&here, &coroutine->context);
    if (!coroutine->ended)
        return true;
    tug_context_destroy(&coroutine->context);
    tug_stack_pool_put(&pool, NULL, coroutine->top);
    return false;
}

static void suspend(struct coroutine *self)
{
    tug_context_switch(&self->context, self->resumer);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* ---- Taking turns ---- */

static void add_up(struct coroutine *self)
{
    int64_t sum = 0;
    while (self->input != 0) {
        sum += self->input;
        self->output = sum;
        suspend(self);
    }
}

static void test_takes_turns_and_ends(void **state)
{
    (void)state;
    struct coroutine coroutine;
    start(&coroutine, add_up);
    int64_t sum = 0;
    for (int64_t i = 1; i <= 1000; i++) {
        coroutine.input = i;
        assert_true(resume(&coroutine));
        sum += i;
        assert_int_equal(coroutine.output, sum);
    }
    coroutine.input = 0;
    assert_false(resume(&coroutine));
}

static void end_at_once(struct coroutine *self)
{
    self->output = self->input + 1;
}

static void test_may_end_without_suspending(void **state)
{
    (void)state;
    struct coroutine coroutine;
    start(&coroutine, end_at_once);
    coroutine.input = 41;
    assert_false(resume(&coroutine));
    assert_int_equal(coroutine.output, 42);
}

static struct coroutine *partner;

/* Hands over to the partner without going through the thread's context. */
static void pass_on(struct coroutine *self)
{
    struct coroutine *other = self->input == 0 ? partner : (struct coroutine *)self->input;
    for (int i = 0; i < 10; i++) {
        self->output++;
        other->resumer = self->resumer;
        tug_context_switch(&self->context, &other->context);
    }
    other->ended = true; /* for resume(), which sees one end for both */
}

static void test_switches_between_coroutines(void **state)
{
    (void)state;
    struct coroutine first, second;
    start(&first, pass_on);
    start(&second, pass_on);
    partner = &second;
    second.input = (int64_t)(intptr_t)&first;
    assert_false(resume(&first));
    assert_int_equal(first.output, 10);
    assert_int_equal(second.output, 10);
    tug_context_destroy(&second.context);
    tug_stack_pool_put(&pool, NULL, second.top);
}

/* ---- What survives ---- */

/* More values of every class than there are registers, all of them live over each suspension. */
static __attribute__((noinline)) void keep_values(struct coroutine *self)
{
    volatile uint64_t seed = self->seed;
    uint64_t integers[12];
    double doubles[20];
    float single = (float)seed;
    long double extended = 1.0L / 3.0L * (long double)seed;
    for (int i = 0; i < 12; i++)
        integers[i] = seed * (uint64_t)(i + 1);
    for (int i = 0; i < 20; i++)
        doubles[i] = (double)seed / (i + 3);
    uint64_t a = integers[0], b = integers[1], c = integers[2], d = integers[3], e = integers[4],
             f = integers[5], g = integers[6], h = integers[7], i = integers[8], j = integers[9];
    double o = doubles[0], p = doubles[1], q = doubles[2], r = doubles[3], s = doubles[4],
           t = doubles[5], u = doubles[6], v = doubles[7], w = doubles[8], x = doubles[9];
    for (int round = 0; round < 20; round++) {
        suspend(self);
        a += 1, b ^= a, c += b, d -= c, e *= 3, f += e, g ^= f, h += g, i -= h, j += i;
        o += 1, p -= o, q += p, r *= 1.5, s += r, t -= s, u += t, v += u, w -= v, x += w;
        single += 0.5F;
        extended += 1;
    }
    self->output =
        (int64_t)(a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ i ^ j) ^
        (int64_t)(o + p + q + r + s + t + u + v + w + x + (double)single + (double)extended);
    for (int n = 10; n < 12; n++)
        self->output ^= (int64_t)integers[n];
    for (int n = 10; n < 20; n++)
        self->output ^= (int64_t)doubles[n];
}

static int64_t values_of(uint64_t seed)
{
    struct coroutine alone;
    start(&alone, keep_values);
    alone.seed = seed;
    while (resume(&alone))
        continue;
    return alone.output;
}

/* Interleaved, every coroutine must compute what it computes alone. */
static void test_values_survive_interleaving(void **state)
{
    (void)state;
    enum { COUNT = 7 };
    static const uint64_t seeds[COUNT] = {1, 977, 3, 1000003, 12345, 42, 0x12345678};
    int64_t expected[COUNT];
    struct coroutine coroutines[COUNT];
    for (int i = 0; i < COUNT; i++) {
        expected[i] = values_of(seeds[i]);
        start(&coroutines[i], keep_values);
        coroutines[i].seed = seeds[i];
    }
    int running = COUNT;
    while (running > 0) {
        running = 0;
        for (int i = 0; i < COUNT; i++)
            if (!coroutines[i].ended)
                running += resume(&coroutines[i]);
    }
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(coroutines[i].output, expected[i]);
}

/* The resumer's own registers are kept as well. */
static __attribute__((noinline)) int64_t resume_with_live_values(struct coroutine *coroutine,
                                                                 volatile int64_t *source)
{
    int64_t a = source[0], b = source[1], c = source[2], d = source[3], e = source[4];
    double x = (double)source[5], y = (double)source[6];
    while (resume(coroutine)) {
        a += b, b ^= c, c += d, d += e, e += 1;
        x += y, y += 1;
    }
    return a ^ b ^ c ^ d ^ e ^ (int64_t)(x + y);
}

static void suspend_ten_times(struct coroutine *self)
{
    for (int i = 0; i < 10; i++)
        suspend(self);
}

static void test_the_resumer_keeps_its_values(void **state)
{
    (void)state;
    volatile int64_t source[7] = {11, 222, 3333, 44444, 555555, 66, 7};
    int64_t a = 11, b = 222, c = 3333, d = 44444, e = 555555;
    double x = 66, y = 7;
    for (int i = 0; i < 10; i++) {
        a += b, b ^= c, c += d, d += e, e += 1;
        x += y, y += 1;
    }
    struct coroutine coroutine;
    start(&coroutine, suspend_ten_times);
    assert_int_equal(resume_with_live_values(&coroutine, source),
                     a ^ b ^ c ^ d ^ e ^ (int64_t)(x + y));
}

/* A frame of variable size with over-aligned locals, which takes a register of its own to address:
 * the one the switch must keep by hand. */
static __attribute__((noinline)) void odd_frame(struct coroutine *self, size_t length)
{
    _Alignas(64) volatile char aligned[64];
    volatile char variable[length];
    for (size_t i = 0; i < sizeof aligned; i++)
        aligned[i] = (char)i;
    for (size_t i = 0; i < length; i++)
        variable[i] = (char)(i * 7);
    for (int round = 0; round < 3; round++) {
        suspend(self);
        self->output += (int64_t)((uintptr_t)aligned % 64);
        for (size_t i = 0; i < sizeof aligned; i++)
            self->output += aligned[i] != (char)i;
        for (size_t i = 0; i < length; i++)
            self->output += variable[i] != (char)(i * 7);
    }
}

static void odd_frames(struct coroutine *self)
{
    for (size_t length = 1; length < 200; length += 13)
        odd_frame(self, length);
}

static void test_frames_of_any_shape(void **state)
{
    (void)state;
    struct coroutine first, second;
    start(&first, odd_frames);
    start(&second, odd_frames);
    bool more;
    do {
        more = resume(&first);
        assert_int_equal(resume(&second), more);
    } while (more);
    assert_int_equal(first.output, 0);
    assert_int_equal(second.output, 0);
}

/* The ABI aligns the stack to 16 bytes before a call; vector instructions rely on it. */
static __attribute__((noinline)) void check_alignment(struct coroutine *self)
{
    volatile _Alignas(16) char local[16];
    local[0] = 1;
    self->output = (int64_t)((uintptr_t)__builtin_frame_address(0) % 16);
    self->output += (int64_t)((uintptr_t)local % 16);
}

static void test_stack_is_aligned(void **state)
{
    (void)state;
    struct coroutine coroutine;
    start(&coroutine, check_alignment);
    assert_false(resume(&coroutine));
    assert_int_equal(coroutine.output, 0);
}

/* ---- Stacks ---- */

#if !TUG_SWITCH_UCONTEXT
static void test_init_does_not_touch_the_stack(void **state)
{
    (void)state;
    char *top = tug_stack_pool_get(&pool, NULL), *low = tug_stack_low(&pool, top);
    tug_stack_paint(low, top);
    struct tug_context context;
    tug_context_init(&context, low, (size_t)(top - low), run_body, NULL);
    assert_int_equal(tug_stack_depth(low, top), 0);
#if TUG_FIBERS
    tug_fiber_destroy(&context.fiber, top);
#endif
    tug_stack_pool_put(&pool, NULL, top);
}
#endif

static __attribute__((noinline)) void end_deep(struct coroutine *self, int depth)
{
    volatile char local[400];
    for (size_t i = 0; i < sizeof local; i++)
        local[i] = (char)depth;
    if (depth > 0) {
        end_deep(self, depth - 1);
    } else if (self->input == 0) {
        self->ended = true;
        tug_context_switch_final(&self->context, self->resumer);
    }
    self->output += local[17];
}

static void end_in_a_deep_call(struct coroutine *self)
{
    end_deep(self, 50);
}

static void use_a_large_frame(struct coroutine *self)
{
    volatile char local[32 * 1024];
    for (size_t i = 0; i < sizeof local; i++)
        local[i] = (char)i;
    suspend(self);
    for (size_t i = 0; i < sizeof local; i++)
        self->output += local[i] != (char)i;
}

/* Frames that never return leave nothing behind that would disturb the next coroutine there, which
 * has frames of another shape. */
static void test_stack_can_be_used_again(void **state)
{
    (void)state;
    void *top = NULL;
    for (int round = 0; round < 20; round++) {
        struct coroutine coroutine;
        start(&coroutine, round % 2 == 0 ? end_in_a_deep_call : use_a_large_frame);
        if (top != NULL)
            assert_ptr_equal(coroutine.top, top);
        top = coroutine.top;
        while (resume(&coroutine))
            continue;
        assert_int_equal(coroutine.output, 0);
    }
}

static _Unwind_Reason_Code count_frame(struct _Unwind_Context *context, void *argument)
{
    (void)context;
    int *frames = argument;
    return ++*frames < 1000 ? _URC_NO_REASON : _URC_END_OF_STACK;
}

static __attribute__((noinline)) void take_backtrace(struct coroutine *self)
{
    int frames = 0;
    _Unwind_Backtrace(count_frame, &frames);
    self->output = frames;
    suspend(self);
    frames = 0;
    _Unwind_Backtrace(count_frame, &frames);
    self->output += frames * 1000;
}

/* This function, run_body, the first instructions, and what a sanitizer has between them. */
static void test_backtrace_ends_at_the_entry(void **state)
{
    (void)state;
    struct coroutine coroutine;
    start(&coroutine, take_backtrace);
    assert_true(resume(&coroutine));
    assert_in_range(coroutine.output, 2, 8);
    assert_false(resume(&coroutine));
    assert_in_range(coroutine.output / 1000, 2, 8);
}

/* ---- Many, and elsewhere ---- */

static void check_own_stack(struct coroutine *self)
{
    uint64_t mine[32];
    for (int i = 0; i < 32; i++)
        mine[i] = self->seed + (uint64_t)i;
    int rounds = (int)(self->seed % 20);
    for (int round = 0; round < rounds; round++) {
        suspend(self);
        for (int i = 0; i < 32; i++)
            self->output += mine[i] != self->seed + (uint64_t)i;
    }
}

static void test_many_in_random_order(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    uint64_t seed = (uint64_t)time(NULL) | 1;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct coroutine *coroutines = calloc(COUNT, sizeof *coroutines), **alive;
    alive = calloc(COUNT, sizeof(struct coroutine *));
    assert_non_null(coroutines);
    assert_non_null(alive);
    for (int i = 0; i < COUNT; i++) {
        start(&coroutines[i], check_own_stack);
        coroutines[i].seed = next_random(&seed);
        alive[i] = &coroutines[i];
    }
    for (uint64_t count = COUNT; count > 0;) {
        uint64_t chosen = next_random(&seed) % count;
        if (!resume(alive[chosen]))
            alive[chosen] = alive[--count];
    }
    for (int i = 0; i < COUNT; i++)
        assert_int_equal(coroutines[i].output, 0);
    free(alive);
    free(coroutines);
}

static void resume_elsewhere(void *argument)
{
    resume(argument);
}

/* Resumed by a new thread each time, in turn with the test's own. */
static void test_goes_on_in_another_thread(void **state)
{
    (void)state;
    struct coroutine coroutine;
    start(&coroutine, keep_values);
    coroutine.seed = 977;
    for (int i = 0; !coroutine.ended; i++) {
        if (i % 2 == 0) {
            struct tug_thread thread = {0};
            assert_int_equal(
                tug_thread_create(&thread, NULL, 0, false, resume_elsewhere, &coroutine), 0);
            tug_thread_join(&thread);
        } else {
            resume(&coroutine);
        }
    }
    assert_int_equal(coroutine.output, values_of(977));
}

static int create_pool(void **state)
{
    (void)state;
    return tug_stack_pool_init(&pool, 0, TUG_STACK_HOT_LIMIT_DEFAULT, 0);
}

static int destroy_pool(void **state)
{
    (void)state;
    struct tug_stack_metrics metrics;
    tug_stack_pool_metrics(&pool, &metrics);
    tug_stack_pool_destroy(&pool);
    return metrics.used == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_turns_and_ends),
        cmocka_unit_test(test_may_end_without_suspending),
        cmocka_unit_test(test_switches_between_coroutines),
        cmocka_unit_test(test_values_survive_interleaving),
        cmocka_unit_test(test_the_resumer_keeps_its_values),
        cmocka_unit_test(test_frames_of_any_shape),
        cmocka_unit_test(test_stack_is_aligned),
#if !TUG_SWITCH_UCONTEXT
        cmocka_unit_test(test_init_does_not_touch_the_stack),
#endif
        cmocka_unit_test(test_stack_can_be_used_again),
        cmocka_unit_test(test_backtrace_ends_at_the_entry),
        cmocka_unit_test(test_many_in_random_order),
        cmocka_unit_test(test_goes_on_in_another_thread),
    };
    return cmocka_run_group_tests(tests, create_pool, destroy_pool);
}
