/* SPDX-License-Identifier: MIT */
/*
 * The controller against models of what a copy may meet, in simulated time: workers that finish
 * one entry after the other, each of which takes time on a processor and time asleep, and both get
 * longer when there are too many workers for what they share.
 */
#include "copy/controller.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum { PROCESSORS = 2, CEILING = 256 };

#define SECOND 1e9
#define MILLISECOND 1e6

/* What an entry costs, in ns. */
struct model {
    double cpu;      /* on one of the processors */
    double wait;     /* asleep, alone */
    double servers;  /* how many can be served at once; those beyond wait in a queue */
    double overload; /* how much slower the service gets for each queue of `servers` */
    double swing;    /* now and then it is up to so many times faster or slower; 0: never */
};

struct simulation {
    struct tug_controller controller;
    struct model model;
    double now, begin; /* of the current interval */
    /* When each of the workers that are at work will be ready: a heap, the first in front. */
    double ends[CEILING];
    unsigned active;
    uint64_t waiting; /* entries that nobody has begun */
    double mood, mood_end;
    struct tug_controller_sample sample;
    /* What is measured. */
    uint64_t finished;
    double level_time; /* the integral of the number of workers */
    unsigned highest, changes;
};

static unsigned random_state;

static double noise(void)
{
    return 0.7 + 0.6 * (rand_r(&random_state) / (double)RAND_MAX);
}

static double larger(double a, double b)
{
    return a > b ? a : b;
}

static void simulation_init(struct simulation *simulation, struct model model)
{
    memset(simulation, 0, sizeof(*simulation));
    simulation->model = model;
    simulation->waiting = UINT64_MAX;
    tug_controller_init(&simulation->controller, PROCESSORS, CEILING);
}

/* Forgets what was measured, not where things are. */
static void measure_from_here(struct simulation *simulation)
{
    simulation->finished = 0;
    simulation->level_time = 0;
    simulation->highest = simulation->controller.level;
    simulation->changes = 0;
}

static void add_end(struct simulation *simulation, double end)
{
    double *ends = simulation->ends;
    unsigned i = simulation->active++;
    for (; i > 0 && ends[(i - 1) / 2] > end; i = (i - 1) / 2)
        ends[i] = ends[(i - 1) / 2];
    ends[i] = end;
}

static void remove_first_end(struct simulation *simulation)
{
    double *ends = simulation->ends;
    unsigned count = --simulation->active, i = 0;
    double last = ends[count];
    for (unsigned child = 1; child < count; child = 2 * i + 1) {
        child += child + 1 < count && ends[child + 1] < ends[child];
        if (ends[child] >= last)
            break;
        ends[i] = ends[child];
        i = child;
    }
    ends[i] = last;
}

/* How slow the service is for the time being. */
static double mood(struct simulation *simulation)
{
    if (simulation->now >= simulation->mood_end) {
        double factor =
            1 + (simulation->model.swing - 1) * (rand_r(&random_state) / (double)RAND_MAX);
        simulation->mood = rand_r(&random_state) % 2 ? factor : 1 / factor;
        simulation->mood_end = simulation->now + 40 * MILLISECOND;
    }
    return simulation->mood;
}

/* Gives one more worker an entry. */
static void begin_entry(struct simulation *simulation)
{
    const struct model *model = &simulation->model;
    unsigned active = simulation->active + 1;
    double crowd = larger(1, active / model->servers);
    double wait = model->wait * crowd * (1 + model->overload * (crowd - 1)) * noise();
    if (model->swing > 0)
        wait *= mood(simulation);
    double alone = model->cpu + wait;
    double duration = larger(alone, active * model->cpu / PROCESSORS);
    add_end(simulation, simulation->now + duration);
    simulation->sample.present += (uint64_t)alone;
    simulation->sample.cpu += (uint64_t)model->cpu;
    simulation->sample.asleep += (uint64_t)wait;
    simulation->waiting--;
}

static void take_sample(struct simulation *simulation)
{
    struct tug_controller *controller = &simulation->controller;
    uint64_t interval = (uint64_t)(simulation->now - simulation->begin);
    if (!tug_controller_is_due(controller, interval, simulation->sample.entries))
        return;
    simulation->sample.interval = interval;
    simulation->sample.starved = simulation->active < controller->level;
    unsigned before = controller->level, after;
    after = tug_controller_step(controller, &simulation->sample);
    assert_in_range(after, PROCESSORS, CEILING);
    simulation->changes += before != after;
    if (after > simulation->highest)
        simulation->highest = after;
    memset(&simulation->sample, 0, sizeof(simulation->sample));
    simulation->begin = simulation->now;
}

/* Starts workers up to the level, as far as there is work. */
static void fill(struct simulation *simulation)
{
    while (simulation->waiting > 0 && simulation->active < simulation->controller.level)
        begin_entry(simulation);
}

static void simulate(struct simulation *simulation, double duration)
{
    double end = simulation->now + duration;
    fill(simulation);
    while (simulation->now < end && simulation->active > 0) {
        double step = simulation->ends[0] - simulation->now;
        simulation->level_time += step * simulation->active;
        simulation->now += step;
        simulation->finished++;
        simulation->sample.entries++;
        remove_first_end(simulation);
        fill(simulation);
        take_sample(simulation);
    }
}

/* Entries per second that so many workers reach. */
static double rate_at(const struct model *model, unsigned level)
{
    double crowd = larger(1, level / model->servers);
    double wait = model->wait * crowd * (1 + model->overload * (crowd - 1));
    double duration = larger(model->cpu + wait, level * model->cpu / PROCESSORS);
    return level / duration * SECOND;
}

static double best_rate(const struct model *model)
{
    double best = 0;
    for (unsigned level = PROCESSORS; level <= CEILING; level++)
        best = larger(best, rate_at(model, level));
    return best;
}

/* Runs a model to where it settles, then measures for some seconds. Prints what came out. */
struct outcome {
    double reached; /* the part of the best rate that was reached */
    double level;   /* on average */
    unsigned highest, changes;
};

static struct outcome settle(struct simulation *simulation, const char *name, double warm_up)
{
    double seconds = 10;
    simulate(simulation, warm_up * SECOND);
    measure_from_here(simulation);
    double begin = simulation->now;
    simulate(simulation, seconds * SECOND);
    double passed = simulation->now - begin;
    struct outcome outcome = {
        .reached = (double)simulation->finished / passed * SECOND / best_rate(&simulation->model),
        .level = simulation->level_time / passed,
        .highest = simulation->highest,
        .changes = simulation->changes,
    };
    print_message("%s: level %.1f (highest %u, %u changes), %.2f of the best rate\n", name,
                  outcome.level, outcome.highest, outcome.changes, outcome.reached);
    return outcome;
}

/* Files from the page cache: 12 us of work each, now and then a lock. */
static const struct model warm = {.cpu = 12e3, .wait = 1e3, .servers = 1e9};

/* A disk that serves 16 at once in 4 ms. */
static const struct model disk = {.cpu = 30e3, .wait = 4 * MILLISECOND, .servers = 16};

/* Six operations per file, a millisecond each. */
static const struct model distant = {.cpu = 30e3, .wait = 6 * MILLISECOND, .servers = 1e9};

/* A server that does eight things at once, and suffers when asked for more. */
static const struct model fragile = {
    .cpu = 20e3, .wait = 2 * MILLISECOND, .servers = 8, .overload = 0.5};

static void test_computing_stays_at_the_processors(void **state)
{
    struct simulation simulation;
    (void)state;
    simulation_init(&simulation, warm);
    struct outcome outcome = settle(&simulation, "warm", 0);
    assert_int_equal(outcome.highest, PROCESSORS);
}

/* Nothing but waiting for a lock that only one can have: more workers bring nothing. */
static void test_waiting_for_each_other_stays_low(void **state)
{
    struct simulation simulation;
    (void)state;
    simulation_init(&simulation, (struct model){.cpu = 5e3, .wait = 50e3, .servers = 1});
    struct outcome outcome = settle(&simulation, "lock", 1);
    assert_true(outcome.level < 2.5 * PROCESSORS);
    assert_true(outcome.highest <= 4 * PROCESSORS);
}

static void test_a_disk_is_filled(void **state)
{
    struct simulation simulation;
    (void)state;
    simulation_init(&simulation, disk);
    struct outcome outcome = settle(&simulation, "disk", 2);
    assert_true(outcome.reached > 0.85);
    assert_true(outcome.level >= 12 && outcome.level <= 40);
    assert_true(outcome.highest <= 64);
}

static void test_a_distant_server_gets_hundreds(void **state)
{
    struct simulation simulation;
    (void)state;
    simulation_init(&simulation, distant);
    struct outcome outcome = settle(&simulation, "distant", 1);
    assert_true(outcome.reached > 0.8);
    assert_true(outcome.level > 100);
}

/* A thousand files: the right level has to be found within a fraction of them. */
static void test_a_distant_server_is_understood_soon(void **state)
{
    struct simulation simulation;
    (void)state;
    simulation_init(&simulation, distant);
    simulation.waiting = 1000;
    simulate(&simulation, 100 * SECOND);
    double one_by_one = 1000 * (distant.cpu + distant.wait);
    print_message("1,000 files: %.0f ms, %.1f times as fast as one by one\n",
                  simulation.now / MILLISECOND, one_by_one / simulation.now);
    assert_true(one_by_one / simulation.now > 30);
}

static void test_an_overloaded_server_is_spared(void **state)
{
    struct simulation simulation;
    (void)state;
    simulation_init(&simulation, fragile);
    struct outcome outcome = settle(&simulation, "fragile", 2);
    assert_true(outcome.reached > 0.75);
    assert_true(outcome.level <= 20);
    assert_true(outcome.highest <= 64);
}

static void test_conditions_change(void **state)
{
    struct simulation simulation;
    (void)state;
    simulation_init(&simulation, warm);
    simulate(&simulation, 2 * SECOND);
    simulation.model = distant;
    struct outcome outcome = settle(&simulation, "warm, then distant", 2);
    assert_true(outcome.reached > 0.8);
    simulation.model = fragile;
    outcome = settle(&simulation, "then fragile", 10);
    assert_true(outcome.reached > 0.5);
    assert_true(outcome.level <= 64);
    simulation.model = warm;
    outcome = settle(&simulation, "then warm", 4);
    assert_true(outcome.level <= 3 * PROCESSORS);
    assert_true(outcome.reached > 0.9);
    simulation.model = disk;
    outcome = settle(&simulation, "then a disk", 4);
    assert_true(outcome.reached > 0.8);
    assert_true(outcome.level <= 40);
}

/* A disk of which much is read ahead and some is not: now workers compute, now they wait. What a
 * step brings is chance then, and chance must not lead anywhere. */
static void test_a_moody_disk_is_not_tried_in_vain(void **state)
{
    struct simulation simulation;
    (void)state;
    simulation_init(&simulation,
                    (struct model){.cpu = 60e3, .wait = MILLISECOND, .servers = 16, .swing = 10});
    struct outcome outcome = settle(&simulation, "moody disk", 2);
    assert_true(outcome.changes <= 100);
    assert_true(outcome.level <= 64);
}

/* At rest the level is left alone nearly all of the time: 10 s are hundreds of samples. */
static void test_a_level_that_is_right_stays(void **state)
{
    struct simulation simulation;
    (void)state;
    simulation_init(&simulation, disk);
    struct outcome outcome = settle(&simulation, "disk, later", 30);
    assert_true(outcome.changes <= 60);
}

/* Where there is less to do than workers, the level does not rise. */
static void test_little_work_needs_few(void **state)
{
    struct simulation simulation;
    (void)state;
    simulation_init(&simulation, distant);
    for (unsigned i = 0; i < 100; i++) {
        simulation.waiting = 1;
        simulate(&simulation, SECOND);
    }
    assert_int_equal(simulation.highest > PROCESSORS, 0);
}

/* Random models, random changes: whatever it meets, the level is within bounds (take_sample()
 * checks it) and most of the rate is reached. */
static void test_random_models(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++) {
        struct simulation simulation;
        struct model model = {
            .cpu = 5e3 + rand_r(&random_state) % 50000,
            .wait = 1e5 * (1 + rand_r(&random_state) % 100),
            .servers = 1 << rand_r(&random_state) % 9,
            .overload = rand_r(&random_state) % 2 * 0.3,
        };
        simulation_init(&simulation, model);
        print_message("cpu %.0f wait %.0f servers %.0f overload %.1f: ", model.cpu, model.wait,
                      model.servers, model.overload);
        struct outcome outcome = settle(&simulation, "random", 4);
        assert_true(outcome.reached > 0.4);
    }
}

int main(void)
{
    const char *given = getenv("TUG_TEST_SEED");
    random_state = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    print_message("TUG_TEST_SEED=%u\n", random_state);
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_computing_stays_at_the_processors),
        cmocka_unit_test(test_waiting_for_each_other_stays_low),
        cmocka_unit_test(test_a_disk_is_filled),
        cmocka_unit_test(test_a_distant_server_gets_hundreds),
        cmocka_unit_test(test_a_distant_server_is_understood_soon),
        cmocka_unit_test(test_an_overloaded_server_is_spared),
        cmocka_unit_test(test_conditions_change),
        cmocka_unit_test(test_a_moody_disk_is_not_tried_in_vain),
        cmocka_unit_test(test_a_level_that_is_right_stays),
        cmocka_unit_test(test_little_work_needs_few),
        cmocka_unit_test(test_random_models),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
