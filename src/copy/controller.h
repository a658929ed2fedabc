/* SPDX-License-Identifier: MIT */
/*
 * How many workers a crew should have: from one per processor, where they compute, to hundreds,
 * where they wait for a disk or a server.
 *
 * The controller only computes. It is fed with samples of what the crew did in an interval, and
 * answers with the level, the number of workers, for the next one. It climbs hills: from a level
 * whose rate of work is known it takes a step, and looks at the rate there.
 *
 *  - Rising: only while workers mostly sleep and processors are idle. A step that brings a good
 * part of what it would bring if nothing but waiting counted is kept and followed by the next, four
 *    times or twice as high. One that brings less, looked at twice, has met a limit, and the rate
 *    tells where: what keeps the limit busy is the old level times the gain.
 *  - Falling: a step down that costs nothing (5 %) is kept and followed by a larger one; the first
 *    that costs something is taken back.
 *  - Holding: a step in either direction is tried from time to time. Each that fails doubles the
 *    time to the next, up to a limit, so that a level that is right is disturbed less and less. A
 *    rate that changes by itself means that conditions have: then all of this begins anew.
 *    Where samples are far from each other all the time, small steps are not tried: chance would
 *    judge them.
 *
 * The overshoot is bounded: one step of the factor four, for two intervals.
 */
#ifndef TUG_COPY_CONTROLLER_H
#define TUG_COPY_CONTROLLER_H

#include <stdbool.h>
#include <stdint.h>

/* What happened in an interval. Times are in ns, those of all workers together but `interval`. */
struct tug_controller_sample {
    uint64_t interval;
    uint64_t entries; /* finished: files, directories, names looked at */
    uint64_t bytes;   /* moved, of files so large that they come in pieces */
    uint64_t present; /* time of workers that is accounted for below; the rest of it they waited
                         for a processor */
    uint64_t cpu;     /* time on a processor */
    uint64_t asleep;  /* time waiting for something else than a processor */
    bool starved;     /* not as many workers as wanted found work: this says nothing on the level */
};

enum tug_controller_phase { TUG_CONTROLLER_HOLD, TUG_CONTROLLER_RISE, TUG_CONTROLLER_FALL };

struct tug_controller {
    unsigned processors; /* also the lowest level */
    unsigned ceiling;    /* the highest level */
    unsigned level;
    enum tug_controller_phase phase;
    /* What the rate at the current level is compared with: before the step, or, while holding, that
     * of this level itself; 0: not known yet. */
    unsigned known_level;
    double known_rate;
    unsigned patience;  /* samples from one trial to the next */
    unsigned countdown; /* samples to the next trial */
    unsigned surprises; /* samples in a row whose rate was another than known */
    double spread;      /* how far, as a part of it, samples are from the known rate */
    bool fell_last;     /* the last trial was a step down */
    bool looked_twice;  /* this sample is not the first at this level */
};

/* Begins at one worker per processor. `ceiling` is at least that. */
void tug_controller_init(struct tug_controller *controller, unsigned processors, unsigned ceiling);

/* Whether an interval of so many ns, in which so many things (entries, or pieces of files) were
 * finished, is long enough for a sample. */
bool tug_controller_is_due(const struct tug_controller *controller, uint64_t interval,
                           uint64_t finished);

/* Takes a sample. Returns the level from now on. */
unsigned tug_controller_step(struct tug_controller *controller,
                             const struct tug_controller_sample *sample);

#endif
