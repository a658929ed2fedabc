/* SPDX-License-Identifier: MIT */
/*
 * What the workers of a crew do, for the controller.
 *
 * Each adds to a tally of its own, and asks the system for the times of its thread every few ms.
 * Whoever ticks when it is time to look adds up the tallies, and if a sample is due, feeds the
 * controller: there is no thread for it, and what nobody does anything for needs no change.
 *
 * A worker that is neither on a processor nor asleep waits for a processor, which other programs
 * have. The system tells the two apart only by how often a thread left the processor of its own
 * accord and how often it had to; so the time off the processor is divided in that proportion.
 */
#include "crew.h"

#include <sys/resource.h>
#include <time.h>

#define MILLISECOND ((uint64_t)1000000)

/* How often a worker asks for the times of its thread. */
#define USAGE_PERIOD (2 * MILLISECOND)

/* How often it is seen whether a sample is due. */
#define LOOK_PERIOD MILLISECOND

/* How long the workers of a step up are waited for. */
#define GROWTH_TIME (50 * MILLISECOND)

uint64_t tug_crew_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static uint64_t microseconds(struct timeval time)
{
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_usec;
}

static struct tug_crew_usage usage_at(uint64_t now)
{
    struct rusage usage;
    struct tug_crew_usage result = {.time = now};
    if (getrusage(RUSAGE_THREAD, &usage) == 0) {
        result.cpu = (microseconds(usage.ru_utime) + microseconds(usage.ru_stime)) * 1000;
        result.sleeps = (uint64_t)usage.ru_nvcsw;
        result.preemptions = (uint64_t)usage.ru_nivcsw;
    }
    return result;
}

/* Only the worker itself writes to its tally. */
static void add(uint64_t *counter, uint64_t number)
{
    uint64_t old = __atomic_load_n(counter, __ATOMIC_RELAXED);
    __atomic_store_n(counter, old + number, __ATOMIC_RELAXED);
}

static void add_times(struct tug_crew_worker *worker, uint64_t now)
{
    struct tug_crew_usage before = worker->usage, after = usage_at(now);
    uint64_t present = after.time - before.time, cpu = after.cpu - before.cpu;
    uint64_t off = present > cpu ? present - cpu : 0;
    uint64_t sleeps = after.sleeps - before.sleeps;
    uint64_t switches = sleeps + after.preemptions - before.preemptions;
    worker->usage = after;
    add(&worker->tally.present, present);
    add(&worker->tally.cpu, cpu);
    if (switches > 0)
        add(&worker->tally.asleep, (uint64_t)((double)off * (double)sleeps / (double)switches));
}

void tug_crew_meter_enter(struct tug_crew_worker *worker)
{
    if (worker->crew->adaptive)
        worker->usage = usage_at(tug_crew_now());
}

void tug_crew_meter_leave(struct tug_crew_worker *worker)
{
    if (worker->crew->adaptive)
        add_times(worker, tug_crew_now());
}

/* ---- Samples ---- */

static struct tug_crew_tally sum_up(const struct tug_crew *crew)
{
    struct tug_crew_tally sum = {0};
    for (unsigned i = 0; i < crew->place_count; i++) {
        const struct tug_crew_tally *tally = &crew->places[i].tally;
        sum.entries += __atomic_load_n(&tally->entries, __ATOMIC_RELAXED);
        sum.bytes += __atomic_load_n(&tally->bytes, __ATOMIC_RELAXED);
        sum.present += __atomic_load_n(&tally->present, __ATOMIC_RELAXED);
        sum.cpu += __atomic_load_n(&tally->cpu, __ATOMIC_RELAXED);
        sum.asleep += __atomic_load_n(&tally->asleep, __ATOMIC_RELAXED);
    }
    return sum;
}

static void begin_interval(struct tug_crew *crew, uint64_t now)
{
    crew->meter.begin = now;
    crew->meter.known = sum_up(crew);
}

static bool take(struct tug_crew_meter *meter)
{
    return __atomic_exchange_n(&meter->taken, 1, __ATOMIC_ACQUIRE) == 0;
}

static void give_back(struct tug_crew_meter *meter)
{
    __atomic_store_n(&meter->taken, 0, __ATOMIC_RELEASE);
}

/* After a step up an interval begins when the workers are there, or it is clear that there is not
 * enough work for all. Returns whether it has begun. */
static bool has_begun(struct tug_crew *crew, uint64_t now)
{
    struct tug_crew_meter *meter = &crew->meter;
    if (!meter->growing)
        return now > meter->begin;
    if (tug_crew_active(crew) >= meter->controller.level || now - meter->begin > GROWTH_TIME) {
        meter->growing = false;
        begin_interval(crew, now);
    }
    return false;
}

/* Feeds the controller if a sample is due. */
static void look(struct tug_crew *crew, uint64_t now)
{
    struct tug_crew_meter *meter = &crew->meter;
    struct tug_crew_tally sum = sum_up(crew), known = meter->known;
    struct tug_controller_sample sample = {
        .interval = now - meter->begin,
        .entries = sum.entries - known.entries,
        .bytes = sum.bytes - known.bytes,
        .present = sum.present - known.present,
        .cpu = sum.cpu - known.cpu,
        .asleep = sum.asleep - known.asleep,
    };
    uint64_t finished = sample.entries + (sample.bytes >> 18);
    if (!has_begun(crew, now) ||
        !tug_controller_is_due(&meter->controller, sample.interval, finished))
        return;
    unsigned level = meter->controller.level;
    sample.starved = tug_crew_active(crew) < level;
    tug_controller_step(&meter->controller, &sample);
    if (meter->controller.level != level)
        tug_crew_set_level(crew, meter->controller.level);
    meter->growing = meter->controller.level > level;
    meter->begin = now;
    meter->known = sum;
}

void tug_crew_tick(struct tug_crew_worker *worker, uint64_t now, uint64_t entries, uint64_t bytes)
{
    struct tug_crew *crew = worker->crew;
    if (worker->is_caller && now >= worker->next_turn) {
        worker->next_turn = now + TUG_CREW_TURN_PERIOD;
        worker->retires = now >= crew->part_end;
        tug_crew_breathe(crew);
    }
    if (!crew->adaptive)
        return;
    add(&worker->tally.entries, entries);
    add(&worker->tally.bytes, bytes);
    if (now - worker->usage.time >= USAGE_PERIOD)
        add_times(worker, now);
    if (now < __atomic_load_n(&crew->meter.next_look, __ATOMIC_RELAXED) || !take(&crew->meter))
        return;
    __atomic_store_n(&crew->meter.next_look, now + LOOK_PERIOD, __ATOMIC_RELAXED);
    look(crew, now);
    give_back(&crew->meter);
}

void tug_crew_meter_restart(struct tug_crew *crew)
{
    if (!crew->adaptive)
        return;
    /* Nobody is at work. */
    crew->meter.growing = false;
    begin_interval(crew, tug_crew_now());
}
