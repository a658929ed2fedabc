/* SPDX-License-Identifier: MIT */
#include "controller.h"

#define MILLISECOND ((uint64_t)1000000)

/* An entry takes about as many calls as moving so many bytes. */
#define ENTRY_BYTES ((uint64_t)256 << 10)

/* While rising, what is far off the right level is worth a quick look: one thing per worker. */
#define QUICK_INTERVAL (4 * MILLISECOND)
/* Else a sample must mean something. */
#define CALM_INTERVAL (20 * MILLISECOND)
#define LEAST_FINISHED 16
/* Where workers finish things this seldom, a sample is taken of however few there were. */
#define LONG_INTERVAL (2000 * MILLISECOND)

/* Bounds of the time between trials, in samples. */
#define LEAST_PATIENCE 2
#define MOST_PATIENCE 64

void tug_controller_init(struct tug_controller *controller, unsigned processors, unsigned ceiling)
{
    *controller = (struct tug_controller){
        .processors = processors,
        .ceiling = ceiling,
        .level = processors,
        .phase = TUG_CONTROLLER_HOLD,
        .known_level = processors,
        .patience = LEAST_PATIENCE,
    };
}

bool tug_controller_is_due(const struct tug_controller *controller, uint64_t interval,
                           uint64_t finished)
{
    uint64_t level = controller->level, least = LEAST_FINISHED;
    if (interval >= LONG_INTERVAL)
        return finished > 0;
    if (controller->phase == TUG_CONTROLLER_RISE || controller->known_rate <= 0)
        return interval >= QUICK_INTERVAL && finished >= level;
    if (controller->phase == TUG_CONTROLLER_HOLD)
        level *= 2;
    return interval >= CALM_INTERVAL && finished >= (level > least ? level : least);
}

/* ---- What a sample says ---- */

static double rate_of(const struct tug_controller_sample *sample)
{
    return (double)(sample->entries * ENTRY_BYTES + sample->bytes) / (double)sample->interval;
}

/* More workers cannot help where the processors have no time left. */
static bool is_busy(const struct tug_controller *controller,
                    const struct tug_controller_sample *sample)
{
    return sample->cpu * 4 >= sample->interval * controller->processors * 3;
}

/* The part of their time that workers sleep. */
static double sleep_of(const struct tug_controller_sample *sample)
{
    return sample->present > 0 ? (double)sample->asleep / (double)sample->present : 0;
}

static bool may_rise(const struct tug_controller *controller,
                     const struct tug_controller_sample *sample)
{
    return controller->level < controller->ceiling && !is_busy(controller, sample) &&
           sleep_of(sample) >= 0.5;
}

/* ---- Steps ---- */

static void hold(struct tug_controller *controller, unsigned level, double rate)
{
    controller->phase = TUG_CONTROLLER_HOLD;
    controller->level = controller->known_level = level;
    controller->known_rate = rate;
    controller->countdown = controller->patience;
    controller->surprises = 0;
}

static void be_impatient(struct tug_controller *controller)
{
    controller->patience = LEAST_PATIENCE;
}

static void be_patient(struct tug_controller *controller)
{
    if (controller->patience < MOST_PATIENCE)
        controller->patience *= 2;
}

static void rise(struct tug_controller *controller, double rate, unsigned level)
{
    controller->phase = TUG_CONTROLLER_RISE;
    controller->known_level = controller->level;
    controller->known_rate = rate;
    controller->level = level < controller->ceiling ? level : controller->ceiling;
    controller->fell_last = false;
    controller->looked_twice = false;
}

static void fall(struct tug_controller *controller, double rate, unsigned percent)
{
    unsigned level = controller->level * percent / 100;
    controller->phase = TUG_CONTROLLER_FALL;
    controller->known_level = controller->level;
    controller->known_rate = rate;
    controller->level = level > controller->processors ? level : controller->processors;
    controller->fell_last = true;
    controller->looked_twice = false;
}

/* ---- Phases ---- */

/* After a step up. */
static void judge_rise(struct tug_controller *controller,
                       const struct tug_controller_sample *sample, double rate)
{
    unsigned old_level = controller->known_level, level = controller->level;
    double gain = rate / controller->known_rate;
    double full = (double)level / old_level;
    if (gain - 1 >= 0.35 * (full - 1)) {
        be_impatient(controller);
        /* What a small step has gained may be chance, and is no reason for a large one. */
        bool boldly = full >= 2 && gain - 1 >= 0.55 * (full - 1);
        if (may_rise(controller, sample))
            rise(controller, rate, full < 2 ? level * 3 / 2 + 1 : level * (boldly ? 4 : 2));
        else
            hold(controller, level, rate);
        return;
    }
    /* In the first interval workers had to be started. */
    if (!controller->looked_twice && gain > 0.9) {
        controller->looked_twice = true;
        return;
    }
    double enough = old_level * gain + 1;
    if (gain < 1.15) {
        be_patient(controller);
        hold(controller, old_level, controller->known_rate);
    } else {
        hold(controller, enough < level ? (unsigned)enough : level, rate);
    }
}

/* After a step down. */
static void judge_fall(struct tug_controller *controller, double rate)
{
    /* In the first interval what more workers had begun was finished. */
    if (!controller->looked_twice) {
        controller->looked_twice = true;
        return;
    }
    if (rate < 0.95 * controller->known_rate) {
        be_patient(controller);
        hold(controller, controller->known_level, controller->known_rate);
        return;
    }
    be_impatient(controller);
    /* The best rate stays the measure, so that many small losses do not add up. */
    if (rate < controller->known_rate)
        rate = controller->known_rate;
    if (controller->level > controller->processors)
        fall(controller, rate, 50);
    else
        hold(controller, controller->level, rate);
}

/* What a step has brought cannot be told where rates are this far from each other by themselves:
 * then chance would lead down as often as up. Up to so many workers per processor cost little. */
#define RESTLESS 0.25
#define CHEAP 16

static void notice_spread(struct tug_controller *controller, double rate)
{
    double known = controller->known_rate;
    double off = rate > known ? rate / known - 1 : known / rate - 1;
    controller->spread += 0.2 * ((off < 1 ? off : 1) - controller->spread);
}

static void try_a_step(struct tug_controller *controller,
                       const struct tug_controller_sample *sample)
{
    bool up = may_rise(controller, sample), down = controller->level > controller->processors;
    double rate = controller->known_rate;
    if (controller->spread > RESTLESS) {
        up = up && !down;
        down = controller->level > CHEAP * controller->processors;
    }
    if (down && (!up || !controller->fell_last))
        fall(controller, rate, 70);
    else if (up && down)
        rise(controller, rate, controller->level * 3 / 2 + 1);
    else if (up)
        rise(controller, rate, controller->level * (sleep_of(sample) >= 0.8 ? 4 : 2));
}

/* At rest: learns the rate, and tries a step when it is time. */
static void look_around(struct tug_controller *controller,
                        const struct tug_controller_sample *sample, double rate)
{
    double known = controller->known_rate;
    if (known > 0)
        notice_spread(controller, rate);
    if (known <= 0) {
        controller->known_rate = rate;
    } else if (rate < 0.7 * known || rate > 1.5 * known) {
        if (++controller->surprises < 2)
            return;
        be_impatient(controller);
        hold(controller, controller->level, rate);
        controller->countdown = 0;
        controller->fell_last = rate > known;
    } else {
        controller->surprises = 0;
        controller->known_rate = 0.7 * known + 0.3 * rate;
    }
    if (controller->countdown > 0)
        controller->countdown--;
    else
        try_a_step(controller, sample);
}

unsigned tug_controller_step(struct tug_controller *controller,
                             const struct tug_controller_sample *sample)
{
    double rate = sample->interval > 0 ? rate_of(sample) : 0;
    if (sample->starved || rate <= 0)
        return controller->level;
    switch (controller->phase) {
    case TUG_CONTROLLER_HOLD:
        look_around(controller, sample, rate);
        break;
    case TUG_CONTROLLER_RISE:
        judge_rise(controller, sample, rate);
        break;
    case TUG_CONTROLLER_FALL:
        judge_fall(controller, rate);
        break;
    }
    return controller->level;
}
