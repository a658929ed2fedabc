/* SPDX-License-Identifier: MIT */
/*
 * The walk and its visitor's finish(): for each directory once, after everything below it, with the
 * parent open; in trees of any shape, with few descriptors, by several workers, stopped at any
 * moment.
 */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "copy/walk.h"

#if TUG_FAULT_INJECTION
#include "sys/fault.h"
#endif

/* A walk, and what the visitor has seen of it. Counters are atomic. */
struct observed {
    const char *root;
    unsigned jobs, open_directories;
    bool in_runtime;
    unsigned stop_after; /* visits, until the crew is stopped; 0: it is not */
    const char *refused; /* enter() refuses directories of this name */
    void (*on_visit)(struct observed *observed, const struct tug_walk_entry *entry);
    unsigned entered, visited, failed;
    unsigned ends[TUG_WALK_LOST + 1];
    unsigned out_of_order, not_below_parent; /* calls of finish() that are wrong */
    bool swapped;
};

static void add(unsigned *counter)
{
    __atomic_fetch_add(counter, 1, __ATOMIC_RELAXED);
}

static bool enter(struct tug_walk *walk, struct tug_directory *directory, const struct statx *statx)
{
    struct observed *observed = walk->context;
    (void)statx;
    if (observed->refused != NULL && strcmp(directory->name, observed->refused) == 0)
        return false;
    add(&observed->entered);
    return true;
}

static void visit(const struct tug_walk_entry *entry)
{
    struct observed *observed = entry->walk->context;
    if (observed->on_visit != NULL)
        observed->on_visit(observed, entry);
    if (__atomic_add_fetch(&observed->visited, 1, __ATOMIC_RELAXED) == observed->stop_after)
        tug_crew_stop(entry->walk->crew);
}

static void note_failure(struct tug_walk *walk, const struct tug_directory *directory,
                         const char *name, const char *destination_name, enum tug_copy_step step,
                         int error)
{
    struct observed *observed = walk->context;
    (void)directory;
    (void)name;
    (void)destination_name;
    (void)step;
    (void)error;
    add(&observed->failed);
}

/* `kept` marks a directory that has been finished, and those above it may not be yet. Nothing is
 * asserted here: this may be another thread than the test's. */
static void finish(struct tug_walk *walk, struct tug_directory *directory, enum tug_walk_end end)
{
    struct stat stat;
    struct observed *observed = walk->context;
    add(&observed->ends[end]);
    if (directory->kept || directory->parent->kept || directory->references != 1 ||
        directory->source != -1)
        add(&observed->out_of_order);
    directory->kept = true;
    if (end == TUG_WALK_COMPLETE &&
        (fstatat(directory->parent->source, directory->name, &stat, AT_SYMLINK_NOFOLLOW) != 0 ||
         stat.st_ino != directory->source_identity.inode))
        add(&observed->not_below_parent);
}

static const struct tug_walk_visitor visitor = {
    .enter = enter,
    .visit = visit,
    .finish = finish,
    .fail = note_failure,
};

static int64_t walk_here(void *argument)
{
    struct observed *observed = argument;
    struct tug_crew *crew;
    struct tug_walk walk;
    assert_int_equal(tug_crew_create(&crew, observed->jobs), 0);
    assert_int_equal(tug_walk_init(&walk, crew, &visitor, observed, observed->open_directories), 0);
    struct tug_directory *anchor = tug_directory_new_anchor(&walk.directories, -1, "");
    assert_non_null(anchor);
    tug_walk_push(&walk, anchor, observed->root, NULL, false, false);
    assert_int_equal(tug_crew_run(crew), 0);
    assert_int_equal(anchor->uses, 1);
    assert_int_equal(anchor->references, 1);
    tug_directory_done(anchor);
    assert_int_equal(walk.directories.open_count, 0);
    tug_walk_destroy(&walk);
    tug_crew_destroy(crew);
    return 0;
}

static void run(struct observed *observed)
{
    int descriptors = fixture_count_descriptors();
    if (observed->in_runtime)
        fixture_in_runtime(false, 0, walk_here, observed);
    else
        walk_here(observed);
    assert_int_equal(fixture_count_descriptors(), descriptors);
    assert_int_equal(observed->out_of_order, 0);
    if (!observed->swapped)
        assert_int_equal(observed->not_below_parent, 0);
}

static struct observed observe(const char *root, unsigned jobs, unsigned open_directories)
{
    return (struct observed){
        .root = root, .jobs = jobs, .open_directories = open_directories, .in_runtime = jobs > 0};
}

static unsigned all_ends(const struct observed *observed)
{
    unsigned sum = 0;
    for (unsigned i = 0; i <= TUG_WALK_LOST; i++)
        sum += observed->ends[i];
    return sum;
}

/* ---- Trees ---- */

/* A chain of directories, each with another beside the next and a file. */
static void make_comb(const char *root, unsigned depth)
{
    fixture_make_dir(root, 0755);
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (unsigned i = 0; i < depth; i++) {
        assert_int_equal(mkdirat(fd, "tooth", 0755), 0);
        assert_int_equal(mkdirat(fd, "d", 0755), 0);
        assert_int_equal(mkdirat(fd, "late tooth", 0755), 0);
        int file = openat(fd, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        assert_true(file >= 0);
        close(file);
        int next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        close(fd);
        fd = next;
    }
    close(fd);
}

static void make_wide(const char *root)
{
    fixture_make_dir(root, 0755);
    for (unsigned i = 0; i < 300; i++) {
        fixture_make_dir(fixture_text("%s/%u", root, i), 0755);
        for (unsigned k = 0; k < i % 5; k++)
            fixture_make_text(fixture_text("%s/%u/%u", root, i, k), "");
        fixture_make_dir(fixture_text("%s/%u/below", root, i), 0755);
    }
}

/* ---- Complete walks ---- */

static void test_each_directory_once(void **state)
{
    (void)state;
    make_comb("comb", 400);
    make_wide("wide");
    static const unsigned limits[] = {4, 20, 0};
    for (unsigned jobs = 0; jobs <= 4; jobs++) {
        for (unsigned i = 0; i < 3; i++) {
            struct observed observed = observe("comb", jobs > 0 ? jobs : 1, limits[i]);
            observed.in_runtime = jobs > 0;
            run(&observed);
            assert_int_equal(observed.ends[TUG_WALK_COMPLETE], 1201);
            assert_int_equal(all_ends(&observed), 1201);
            assert_int_equal(observed.visited, 400);
            assert_int_equal(observed.failed, 0);
            observed = observe("wide", jobs > 0 ? jobs : 1, limits[i]);
            run(&observed);
            assert_int_equal(observed.ends[TUG_WALK_COMPLETE], 601);
            assert_int_equal(all_ends(&observed), 601);
            assert_int_equal(observed.visited, 600);
        }
    }
}

/* On the way up each parent takes a few calls, whatever the depth. */
static void test_deep_chain_is_linear(void **state)
{
    (void)state;
#if TUG_FAULT_INJECTION
    enum { DEPTH = 5000 };
    fixture_make_dir("chain", 0755);
    int fd = open("chain", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (unsigned i = 1; i < DEPTH; i++) {
        assert_int_equal(mkdirat(fd, "d", 0755), 0);
        int next = openat(fd, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        close(fd);
        fd = next;
    }
    close(fd);
    tug_fault_reset();
    struct observed observed = observe("chain", 1, 4);
    observed.in_runtime = false;
    assert_int_equal(tug_fault_fail("openat", 1000000, 1, EIO), 0);
    run(&observed);
    assert_int_equal(observed.ends[TUG_WALK_COMPLETE], DEPTH);
    assert_in_range(tug_fault_calls("openat"), DEPTH, 3 * DEPTH);
    tug_fault_reset();
#else
    skip();
#endif
}

/* ---- Failures ---- */

static void test_refused(void **state)
{
    (void)state;
    make_comb("comb", 10);
    struct observed observed = observe("comb", 2, 0);
    observed.refused = "tooth";
    run(&observed);
    assert_int_equal(observed.ends[TUG_WALK_NOT_ENTERED], 10);
    assert_int_equal(observed.ends[TUG_WALK_COMPLETE], 21);
    assert_int_equal(observed.failed, 0);
}

static void with_unreadable_directories(void)
{
    struct observed observed;
    fixture_make_dir("mine", 0755);
    fixture_make_dir("mine/closed", 0);
    fixture_make_dir("mine/open", 0755);
    fixture_make_dir("mine/open/closed", 0300);
    observed = observe("mine", 2, 0);
    run(&observed);
    assert_int_equal(observed.ends[TUG_WALK_NOT_ENTERED], 2);
    assert_int_equal(observed.ends[TUG_WALK_COMPLETE], 2);
    assert_int_equal(observed.failed, 2);
}

static void test_unreadable(void **state)
{
    (void)state;
    fixture_run_as_nobody(with_unreadable_directories);
}

static void test_unreadable_to_the_end(void **state)
{
    (void)state;
#if TUG_FAULT_INJECTION
    make_comb("comb", 3);
    struct observed observed = observe("comb", 1, 0);
    observed.in_runtime = false;
    tug_fault_reset();
    assert_int_equal(tug_fault_fail("getdents64", 2, 1, EIO), 0);
    run(&observed);
    tug_fault_reset();
    assert_int_equal(observed.ends[TUG_WALK_CUT_SHORT], 1);
    assert_int_equal(observed.failed, 1);
    assert_int_equal(observed.visited, 3);
#else
    skip();
#endif
}

/* As soon as the walk is well below them, two directories near the top are moved to different
 * places. Neither the way down to the upper one leads there any more, nor the way up from the
 * lower. */
static void swap_top(struct observed *observed, const struct tug_walk_entry *entry)
{
    if (observed->swapped || entry->directory->depth < 30)
        return;
    observed->swapped = rename("comb/d/d/d", "comb/lower") == 0 &&
                        rename("comb/d/d", "comb/upper") == 0 && mkdir("comb/d/d", 0755) == 0;
}

static void test_lost(void **state)
{
    (void)state;
    make_comb("comb", 50);
    struct observed observed = observe("comb", 1, 4);
    observed.on_visit = swap_top;
    run(&observed);
    assert_true(observed.swapped);
    assert_true(observed.ends[TUG_WALK_LOST] > 0);
    assert_true(observed.failed >= observed.ends[TUG_WALK_LOST]);
    assert_true(observed.ends[TUG_WALK_COMPLETE] > 0);
    assert_int_equal(observed.ends[TUG_WALK_CUT_SHORT], 0);
}

/* ---- Stopped ---- */

static void test_stopped_at_random_moments(void **state)
{
    unsigned seed = (unsigned)time(NULL), cut = 0;
    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    make_comb("comb", 200);
    make_wide("wide");
    for (unsigned i = 0; i < 60; i++) {
        struct observed observed = observe(i % 2 == 0 ? "comb" : "wide", 1 + i % 4, 4 + i % 7);
        observed.stop_after = 1 + (unsigned)rand() % 200;
        run(&observed);
        assert_int_equal(observed.failed, 0);
        assert_true(all_ends(&observed) >= observed.entered);
        assert_int_equal(observed.ends[TUG_WALK_LOST], 0);
        assert_int_equal(observed.ends[TUG_WALK_NOT_ENTERED], 0);
        cut += observed.ends[TUG_WALK_CUT_SHORT];
    }
    assert_true(cut > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_each_directory_once),
        FIXTURE_TEST(test_deep_chain_is_linear),
        FIXTURE_TEST(test_refused),
        FIXTURE_TEST(test_unreadable),
        FIXTURE_TEST(test_unreadable_to_the_end),
        FIXTURE_TEST(test_lost),
        FIXTURE_TEST(test_stopped_at_random_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
