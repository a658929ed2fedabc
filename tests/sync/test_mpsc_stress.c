/* SPDX-License-Identifier: MIT */
/*
 * The mpsc channel under load: senders in tasks and on threads, cancelled at random, permits, ends
 * of all kinds. Every value arrives once, in the order of its sender, or its send has failed; and
 * everybody ends. The seed is printed, and can be given as SEED.
 */
#include <errno.h>

#include "../runtime/fixture.h"

#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifdef SANITIZED
enum { VALUES = 300, ROUNDS = 6 };
#else
enum { VALUES = 1500, ROUNDS = 12 };
#endif

enum { SENDERS = 5 };

static unsigned seed;

static uint32_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*state >> 33);
}

struct value {
    uint32_t sender, number;
};

struct load {
    struct tug_mpsc_sender *sender;
    struct tug_mpsc_receiver *receiver;
    bool bounded;
    uint64_t random;
    uint32_t closes_after; /* values, or 0 */
    uint32_t sent[SENDERS];
};

struct source {
    struct load *load;
    uint32_t index;
    uint64_t random;
};

/* One send, in one of several ways. Returns as tug_mpsc_send(). */
static int send_somehow(struct load *load, const struct value *value, uint64_t *random)
{
    struct tug_mpsc_permit permit;
    int result;
    switch (next_random(random) % 8) {
    case 0:
        return tug_mpsc_try_send(load->sender, value);
    case 1:
        return (int)TUG_TIMEOUT(next_random(random) % 50 * TUG_MICROSECOND,
                                tug_mpsc_send(load->sender, value));
    case 2:
    case 3:
        result = tug_mpsc_reserve(load->sender, 1 + next_random(random) % 2, &permit);
        if (result == -EINVAL)
            break; /* unbounded, or a channel of one */
        if (result == 0) {
            result = tug_mpsc_send_reserved(&permit, value);
            tug_mpsc_permit_drop(&permit);
        }
        return result;
    case 4:
        CHECK(tug_yield() <= 0);
        break;
    default:
        break;
    }
    return tug_mpsc_send(load->sender, value);
}

static int64_t send_all(void *argument)
{
    struct source *source = argument;
    struct load *load = source->load;
    for (uint32_t number = 0; number < VALUES;) {
        struct value value = {source->index, number};
        int result = send_somehow(load, &value, &source->random);
        if (result == -EPIPE)
            break;
        CHECK(result == 0 || result == -EAGAIN || result == -ETIMEDOUT);
        if (result == 0)
            number++;
        else
            CHECK(tug_yield() <= 0);
        load->sent[source->index] = number;
    }
    tug_mpsc_sender_drop(load->sender);
    return 0;
}

static int64_t receive_somehow(struct load *load, struct value values[16])
{
    int64_t result;
    switch (next_random(&load->random) % 6) {
    case 0:
        result = tug_mpsc_try_receive(load->receiver, values);
        return result == 0 ? 1 : result;
    case 1:
        return TUG_TIMEOUT(next_random(&load->random) % 50 * TUG_MICROSECOND,
                           tug_mpsc_receive_many(load->receiver, values, 3));
    case 2:
        return tug_mpsc_receive_many(load->receiver, values, 16);
    default:
        result = tug_mpsc_receive(load->receiver, values);
        return result == 0 ? 1 : result;
    }
}

static int64_t receive_all(void *argument)
{
    struct load *load = argument;
    uint32_t expected[SENDERS] = {0}, total = 0;
    for (;;) {
        struct value values[16];
        int64_t count = receive_somehow(load, values);
        if (count == -EPIPE)
            break;
        CHECK(count > 0 || count == -EAGAIN || count == -ETIMEDOUT);
        if (count == -EAGAIN)
            CHECK(tug_yield() <= 0);
        for (int64_t i = 0; i < count; i++) {
            CHECK(values[i].sender < SENDERS);
            CHECK_EQUAL(values[i].number, expected[values[i].sender]);
            expected[values[i].sender]++;
        }
        uint32_t before = total;
        total += count > 0 ? (uint32_t)count : 0;
        if (load->closes_after != 0 && before < load->closes_after && total >= load->closes_after)
            tug_mpsc_close(load->receiver);
    }
    int64_t sum = 0;
    for (int i = 0; i < SENDERS; i++)
        sum += expected[i];
    CHECK_EQUAL(sum, total);
    return sum;
}

static void run_load(struct load *load, size_t capacity, uint32_t closes_after, bool threads)
{
    struct source sources[SENDERS];
    struct tug_task *tasks[SENDERS];
    struct fixture_thread on_thread[SENDERS];
    load->closes_after = closes_after;
    memset(load->sent, 0, sizeof load->sent);
    CHECK_EQUAL(
        tug_mpsc_create(&load->sender, &load->receiver, capacity, sizeof(struct value), NULL), 0);
    for (uint32_t i = 0; i < SENDERS; i++) {
        sources[i] = (struct source){load, i, next_random(&load->random)};
        if (i > 0)
            tug_mpsc_sender_clone(load->sender);
    }
    for (uint32_t i = 0; i < SENDERS; i++) {
        if (threads && i < 2)
            fixture_thread_start(&on_thread[i], send_all, &sources[i]);
        else
            tasks[i] = fixture_spawn(send_all, &sources[i]);
    }
    int64_t received = fixture_join(fixture_spawn(receive_all, load));
    int64_t sent = 0;
    for (int i = 0; i < SENDERS; i++) {
        CHECK_EQUAL(threads && i < 2 ? fixture_thread_await(&on_thread[i]) : fixture_join(tasks[i]),
                    0);
        sent += load->sent[i];
    }
    CHECK_EQUAL(received, sent);
    if (closes_after == 0)
        CHECK_EQUAL(received, SENDERS * VALUES);
    tug_mpsc_receiver_drop(load->receiver);
}

static int64_t every_value_arrives_once(void *argument)
{
    (void)argument;
    static const size_t capacities[] = {1, 2, 10, 1000, TUG_MPSC_UNBOUNDED};
    struct load load = {.random = seed};
    for (int round = 0; round < ROUNDS; round++) {
        size_t capacity = capacities[next_random(&load.random) % 5];
        uint32_t closes_after = next_random(&load.random) % 3 == 0
                                    ? 1 + next_random(&load.random) % (SENDERS * VALUES)
                                    : 0;
        run_load(&load, capacity, closes_after, round % 4 == 0);
    }
    return 0;
}

/* Sends until the receiver has closed. Returns how often that worked. */
static int64_t send_until_closed(void *argument)
{
    struct load *load = argument;
    struct value value = {0, 0};
    while (tug_mpsc_try_send(load->sender, &value) == 0)
        value.number++;
    tug_mpsc_sender_drop(load->sender);
    return value.number;
}

/* What was sent before the end arrives, what comes too late fails: also at the end of a block. */
static int64_t nothing_is_sent_after_the_end(void *argument)
{
    (void)argument;
    struct load load;
    struct fixture_thread threads[2];
    struct value value;
    for (int round = 0; round < 10 * ROUNDS; round++) {
        int64_t received = 0;
        CHECK_EQUAL(tug_mpsc_create(&load.sender, &load.receiver, TUG_MPSC_UNBOUNDED,
                                    sizeof(struct value), NULL),
                    0);
        tug_mpsc_sender_clone(load.sender);
        for (int i = 0; i < 2; i++)
            fixture_thread_start(&threads[i], send_until_closed, &load);
        while (received < 100 && tug_mpsc_receive(load.receiver, &value) == 0)
            received++;
        tug_mpsc_close(load.receiver);
        while (tug_mpsc_receive(load.receiver, &value) == 0)
            received++;
        for (int i = 0; i < 2; i++)
            received -= fixture_thread_await(&threads[i]);
        CHECK_EQUAL(received, 0);
        tug_mpsc_receiver_drop(load.receiver);
    }
    return 0;
}

/* The receiver goes to sleep and is woken for each value: the race of the last look. */
static int64_t answer_all(void *argument)
{
    struct load *loads = argument;
    struct value value;
    while (tug_mpsc_receive(loads[0].receiver, &value) == 0)
        CHECK_EQUAL(tug_mpsc_send(loads[1].sender, &value), 0);
    tug_mpsc_sender_drop(loads[1].sender);
    return 0;
}

static int64_t no_wake_is_lost(void *argument)
{
    (void)argument;
    static const size_t capacities[] = {1, TUG_MPSC_UNBOUNDED};
    for (int kind = 0; kind < 2; kind++) {
        struct load loads[2];
        struct fixture_thread thread;
        for (int i = 0; i < 2; i++)
            CHECK_EQUAL(tug_mpsc_create(&loads[i].sender, &loads[i].receiver, capacities[kind],
                                        sizeof(struct value), NULL),
                        0);
        fixture_thread_start(&thread, answer_all, loads);
        for (uint32_t i = 0; i < VALUES; i++) {
            struct value value = {0, i};
            CHECK_EQUAL(tug_mpsc_send(loads[0].sender, &value), 0);
            CHECK_EQUAL(tug_mpsc_receive(loads[1].receiver, &value), 0);
            CHECK_EQUAL(value.number, i);
        }
        tug_mpsc_sender_drop(loads[0].sender);
        CHECK_EQUAL(fixture_thread_await(&thread), 0);
        for (int i = 0; i < 2; i++)
            tug_mpsc_receiver_drop(loads[i].receiver);
    }
    return 0;
}

int main(void)
{
    const char *given = getenv("SEED");
    seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)tug_now();
    printf("SEED=%u\n", seed);
    const struct CMUnitTest tests[] = {
        IN_EACH(every_value_arrives_once),
        IN_EACH(nothing_is_sent_after_the_end),
        IN_EACH(no_wake_is_lost),
    };
    return cmocka_run_group_tests_name("sync/mpsc_stress", tests, NULL, NULL);
}
