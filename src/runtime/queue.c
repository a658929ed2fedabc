/* SPDX-License-Identifier: MIT */
/*
 * The ring. Each function says which index it owns; the rest is compare-and-swap on `head`.
 */
#include "runtime/queue.h"

#define MASK (TUG_QUEUE_CAPACITY - 1)
#define HALF (TUG_QUEUE_CAPACITY / 2)

static uint64_t pack(uint32_t steal, uint32_t real)
{
    return (uint64_t)steal << 32 | real;
}

static uint32_t steal_of(uint64_t head)
{
    return (uint32_t)(head >> 32);
}

static uint32_t real_of(uint64_t head)
{
    return (uint32_t)head;
}

static bool swap_head(struct tug_run_queue *queue, uint64_t *expected, uint64_t desired)
{
    return __atomic_compare_exchange_n(&queue->head, expected, desired, false, __ATOMIC_ACQ_REL,
                                       __ATOMIC_ACQUIRE);
}

static struct tug_task *slot_get(struct tug_run_queue *queue, uint32_t index)
{
    return __atomic_load_n(&queue->tasks[index & MASK], __ATOMIC_RELAXED);
}

static void slot_set(struct tug_run_queue *queue, uint32_t index, struct tug_task *task)
{
    __atomic_store_n(&queue->tasks[index & MASK], task, __ATOMIC_RELAXED);
}

static void publish_tail(struct tug_run_queue *queue, uint32_t tail)
{
    __atomic_store_n(&queue->tail, tail, __ATOMIC_RELEASE);
}

void tug_run_queue_init(struct tug_run_queue *queue)
{
    queue->head = 0;
    queue->tail = 0;
}

/* Claims all tasks of a full ring, puts the first half back, sends the rest away. False: a thief
 * was faster, so there is room now. */
static bool overflow_half(struct tug_run_queue *queue, uint32_t real, struct tug_task *task,
                          struct tug_inject *overflow)
{
    uint32_t tail = queue->tail;
    uint64_t expected = pack(real, real);
    if (!swap_head(queue, &expected, pack(tail, tail)))
        return false;
    /* The slots are ours now, and thieves see an empty ring until the tail moves. As the ring is
     * full, the first half's new places are the very slots it is in. */
    struct tug_fifo batch;
    tug_fifo_init(&batch);
    for (uint32_t i = HALF; i < TUG_QUEUE_CAPACITY; i++)
        tug_fifo_push(&batch, &slot_get(queue, real + i)->link);
    tug_fifo_push(&batch, &task->link);
    publish_tail(queue, tail + HALF);
    tug_inject_push_batch(overflow, &batch, HALF + 1);
    return true;
}

bool tug_run_queue_push(struct tug_run_queue *queue, struct tug_task *task,
                        struct tug_inject *overflow)
{
    for (;;) {
        uint64_t head = __atomic_load_n(&queue->head, __ATOMIC_ACQUIRE);
        uint32_t tail = queue->tail;
        if (tail - steal_of(head) < TUG_QUEUE_CAPACITY) {
            slot_set(queue, tail, task);
            publish_tail(queue, tail + 1);
            return false;
        }
        if (steal_of(head) != real_of(head)) {
            /* A thief is about to make room, but not yet: not worth a wait. */
            tug_inject_push(overflow, task);
            return true;
        }
        if (overflow_half(queue, real_of(head), task, overflow))
            return true;
    }
}

struct tug_task *tug_run_queue_pop(struct tug_run_queue *queue)
{
    uint64_t head = __atomic_load_n(&queue->head, __ATOMIC_ACQUIRE), desired;
    do {
        uint32_t real = real_of(head);
        if (real == queue->tail)
            return NULL;
        /* While a thief is at work its mark stays where it is. */
        desired =
            steal_of(head) == real ? pack(real + 1, real + 1) : pack(steal_of(head), real + 1);
    } while (!swap_head(queue, &head, desired));
    return slot_get(queue, real_of(head));
}

uint32_t tug_run_queue_room(const struct tug_run_queue *queue)
{
    uint64_t head = __atomic_load_n(&queue->head, __ATOMIC_ACQUIRE);
    return TUG_QUEUE_CAPACITY - (queue->tail - steal_of(head));
}

uint32_t tug_run_queue_length(const struct tug_run_queue *queue)
{
    uint64_t head = __atomic_load_n(&queue->head, __ATOMIC_ACQUIRE);
    uint32_t tail = __atomic_load_n(&queue->tail, __ATOMIC_ACQUIRE);
    uint32_t length = tail - real_of(head);
    return length <= TUG_QUEUE_CAPACITY ? length : 0; /* the tail is older than the head */
}

/* Claims half of the tasks in `from` and copies them behind `to_tail`. Returns how many. */
static uint32_t take_half(struct tug_run_queue *from, struct tug_run_queue *to, uint32_t to_tail)
{
    uint64_t head = __atomic_load_n(&from->head, __ATOMIC_ACQUIRE), claimed;
    uint32_t n;
    do {
        uint32_t tail = __atomic_load_n(&from->tail, __ATOMIC_ACQUIRE);
        if (steal_of(head) != real_of(head))
            return 0;
        n = tail - real_of(head);
        n -= n / 2;
        if (n == 0 || n > HALF)
            return 0; /* empty, or the head is older than the tail: not worth another look */
        claimed = pack(steal_of(head), real_of(head) + n);
    } while (!swap_head(from, &head, claimed));

    uint32_t first = real_of(head);
    for (uint32_t i = 0; i < n; i++)
        slot_set(to, to_tail + i, slot_get(from, first + i));

    /* Only the owner can have moved the head meanwhile, and only its `real`. */
    while (!swap_head(from, &claimed, pack(real_of(claimed), real_of(claimed))))
        ;
    return n;
}

struct tug_task *tug_run_queue_steal(struct tug_run_queue *from, struct tug_run_queue *to,
                                     unsigned *stolen)
{
    uint32_t tail = to->tail;
    uint64_t head = __atomic_load_n(&to->head, __ATOMIC_ACQUIRE);
    if (tail - steal_of(head) > HALF)
        return NULL;
    uint32_t n = take_half(from, to, tail);
    *stolen = n;
    if (n == 0)
        return NULL;
    struct tug_task *last = slot_get(to, tail + n - 1);
    if (n > 1)
        publish_tail(to, tail + n - 1);
    return last;
}
