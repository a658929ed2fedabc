/* SPDX-License-Identifier: MIT */
/* Comparing two trees finds each difference there is, says where it is, and finds nothing else. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <tug/cancel.h>
#include <tug/compare.h>
#include <tug/time.h>

#define MIB ((uint64_t)1 << 20)

static struct tug_compare_options options;
static struct tug_compare_report report;
static int64_t result;
static bool outside, multi_thread;
static uint64_t deadline; /* ns, 0: none */

/* The events, but for TUG_COMPARE_SAME, of which only the number is kept. */
static struct tug_compare_event events[32];
static char paths[32][2][256], attributes[32][64];
static unsigned event_count, same_count;

static void keep_event(const struct tug_compare_event *event, void *argument)
{
    assert_ptr_equal(argument, &events);
    if (event->kind == TUG_COMPARE_SAME) {
        same_count++;
        return;
    }
    if (event_count < 32) {
        events[event_count] = *event;
        snprintf(paths[event_count][0], sizeof(paths[0][0]), "%s", event->a);
        snprintf(paths[event_count][1], sizeof(paths[0][0]), "%s", event->b);
        if (event->attribute != NULL)
            snprintf(attributes[event_count], sizeof(attributes[0]), "%s", event->attribute);
    }
    event_count++;
}

static int enter(void **state)
{
    tug_compare_options_init(&options);
    options.jobs = 2;
    options.event = keep_event;
    options.argument = &events;
    options.events = TUG_COMPARE_DIFFERENCES | TUG_COMPARE_FAILED | TUG_COMPARE_SAME;
    outside = multi_thread = false;
    deadline = 0;
    return fixture_enter(state);
}

/* ---- Running ---- */

static const char *a, *b;

static int64_t compare_here(void *argument)
{
    struct tug_scope scope;
    (void)argument;
    if (deadline == 0)
        return tug_compare(&options, a, b, &report);
    tug_scope_begin(&scope, tug_deadline_after(deadline), NULL);
    return tug_scope_end(&scope, tug_compare(&options, a, b, &report));
}

static void run(const char *first, const char *second)
{
    int descriptors = fixture_count_descriptors();
    a = first;
    b = second;
    event_count = same_count = 0;
    result = outside ? compare_here(NULL) : fixture_in_runtime(multi_thread, 0, compare_here, NULL);
    assert_int_equal(fixture_count_descriptors(), descriptors);
    assert_int_equal(report.differences, report.only_a + report.only_b + report.types +
                                             report.contents + report.modes + report.owners +
                                             report.times + report.xattrs + report.hard_links);
}

/* There is one difference, of this kind and at this place. */
static void expect(enum tug_compare_kind kind, const char *first, const char *second)
{
    if (event_count > 0 && event_count != 1)
        print_error("also %d: %s\n", events[1].kind, paths[1][0]);
    assert_int_equal(event_count, 1);
    assert_int_equal(events[0].kind, kind);
    assert_string_equal(paths[0][0], first);
    assert_string_equal(paths[0][1], second);
    if (kind == TUG_COMPARE_FAILED) {
        assert_int_equal(result, events[0].error);
        assert_int_equal(report.failures, 1);
    } else {
        assert_int_equal(result, 1);
        assert_int_equal(report.differences, 1);
    }
}

static void expect_same(void)
{
    if (event_count > 0)
        print_error("%d: %s\n", events[0].kind, paths[0][0]);
    assert_int_equal(event_count, 0);
    assert_int_equal(result, 0);
}

static void write_at(const char *path, const char *text, uint64_t offset)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, text, strlen(text), (off_t)offset), strlen(text));
    close(fd);
}

/* ---- Trees ---- */

static void test_equal(void **state)
{
    (void)state;
    fixture_make_tree("a");
    fixture_make_tree("b");
    options.metadata = TUG_COMPARE_MODE | TUG_COMPARE_OWNER | TUG_COMPARE_XATTR;
    for (unsigned i = 0; i < 4; i++) {
        outside = i == 3;
        multi_thread = i == 1;
        options.jobs = i == 2 ? 8 : 0;
        run("a", "b");
        expect_same();
        assert_int_equal(report.files, 20);
        assert_int_equal(report.directories, 5);
        assert_int_equal(report.links, 3);
        assert_int_equal(report.specials, 1);
        assert_int_equal(same_count, 29);
        /* The sizes of the first two rows, of `set/file`, and of the rest. */
        assert_true(report.bytes > 2 * MIB + 3000000);
    }
}

static void test_spoiled(void **state)
{
    static const struct {
        const char *path, *command;
        enum tug_compare_kind kind;
    } cases[] = {
        {"/size5", "printf x | dd of=b/size5 bs=1 seek=4000 conv=notrunc", TUG_COMPARE_CONTENT},
        {"/sub/set/file", "printf x | dd of=b/sub/set/file bs=1 seek=2999999 conv=notrunc",
         TUG_COMPARE_CONTENT},
        {"/size5", "printf x >>b/size5", TUG_COMPARE_CONTENT},
        {"/size5", "truncate -s 10 b/size5", TUG_COMPARE_CONTENT},
        {"/size0", "printf x >b/size0", TUG_COMPARE_CONTENT},
        {"/size1", ": >b/size1", TUG_COMPARE_CONTENT},
        {"/link", "ln -sfn other b/link", TUG_COMPARE_CONTENT},
        {"/size5", "rm b/size5", TUG_COMPARE_ONLY_IN_A},
        {"/sub/set", "rm -r b/sub/set", TUG_COMPARE_ONLY_IN_A},
        {"/sub/set/new", "touch b/sub/set/new", TUG_COMPARE_ONLY_IN_B},
        {"/sub/empty/new", "mkdir -p b/sub/empty/new/deep", TUG_COMPARE_ONLY_IN_B},
        {"/size5", "rm b/size5; mkdir b/size5", TUG_COMPARE_TYPE},
        {"/sub/empty", "rmdir b/sub/empty; touch b/sub/empty", TUG_COMPARE_TYPE},
        {"/sub/empty", "rmdir b/sub/empty; ln -s . b/sub/empty", TUG_COMPARE_TYPE},
        {"/sub/fifo", "rm b/sub/fifo; touch b/sub/fifo", TUG_COMPARE_TYPE},
        {"/size5", "chmod 640 b/size5", TUG_COMPARE_MODE},
        {"/sub/set", "chmod 700 b/sub/set", TUG_COMPARE_MODE},
        {"", "chmod 700 b", TUG_COMPARE_MODE},
    };
    (void)state;
    options.metadata = TUG_COMPARE_MODE;
    fixture_make_tree("a");
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fixture_make_tree("b");
        assert_int_equal(system(fixture_text("exec 2>/dev/null; %s", cases[i].command)), 0);
        run("a", "b");
        expect(cases[i].kind, fixture_text("a%s", cases[i].path),
               fixture_text("b%s", cases[i].path));
        /* The other way round. */
        run("b", "a");
        expect(cases[i].kind == TUG_COMPARE_ONLY_IN_A   ? TUG_COMPARE_ONLY_IN_B
               : cases[i].kind == TUG_COMPARE_ONLY_IN_B ? TUG_COMPARE_ONLY_IN_A
                                                        : cases[i].kind,
               fixture_text("b%s", cases[i].path), fixture_text("a%s", cases[i].path));
        assert_int_equal(rename("b", fixture_text("b%u", i)), 0);
    }
}

/* Names that many workers cross off, and few descriptors. */
static void test_many_names(void **state)
{
    (void)state;
    fixture_make_dir("a", 0755);
    fixture_make_dir("b", 0755);
    for (unsigned i = 0; i < 3000; i++) {
        fixture_make_text(fixture_text("a/a rather long name to fill batches %u", i), "x");
        fixture_make_text(fixture_text("b/a rather long name to fill batches %u", i), "x");
    }
    for (unsigned i = 0; i < 60; i++) {
        fixture_make_dir(fixture_text("a/dir%u", i), 0755);
        fixture_make_dir(fixture_text("b/dir%u", i), 0755);
        fixture_make_text(fixture_text("a/dir%u/f", i), "x");
        fixture_make_text(fixture_text("b/dir%u/f", i), "x");
    }
    options.jobs = 4;
    options.open_directories = 4;
    run("a", "b");
    expect_same();
    assert_int_equal(report.files, 3060);
    assert_int_equal(report.directories, 61);
    fixture_make_text("b/dir30/g", "x");
    run("a", "b");
    expect(TUG_COMPARE_ONLY_IN_B, "a/dir30/g", "b/dir30/g");
}

/* Deeper than a path name may be long; at the end a file that tells which tree it is, and another
 * that only this one has. */
static void make_deep(const char *tree)
{
    int top = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(top >= 0);
    fixture_make_dir(tree, 0755);
    assert_int_equal(chdir(tree), 0);
    for (unsigned i = 0; i < 500; i++) {
        fixture_make_dir("a-name-of-some-length", 0755);
        assert_int_equal(chdir("a-name-of-some-length"), 0);
    }
    fixture_make_text("f", tree);
    fixture_make_text(tree, "");
    assert_int_equal(fchdir(top), 0);
    close(top);
}

static void test_deep(void **state)
{
    (void)state;
    make_deep("a");
    make_deep("b");
    options.open_directories = 4;
    run("a", "b");
    assert_int_equal(result, 1);
    assert_int_equal(report.contents, 1);
    assert_int_equal(report.only_a, 1);
    assert_int_equal(report.only_b, 1);
    assert_int_equal(report.directories, 501);
}

static void test_one_tree_with_itself(void **state)
{
    (void)state;
    fixture_make_tree("a");
    run("a", "a");
    expect_same();
    fixture_make_link("a", "b");
    run("a", "b");
    expect_same();
    run("a/size7", "a/size7");
    expect_same();
    assert_int_equal(report.bytes, 0);
}

static void test_first_only(void **state)
{
    (void)state;
    fixture_make_dir("a", 0755);
    fixture_make_dir("b", 0755);
    for (unsigned i = 0; i < 500; i++) {
        fixture_make_text(fixture_text("a/%u", i), "x");
        fixture_make_text(fixture_text("b/%u", i), "y");
    }
    options.first_only = true;
    for (unsigned i = 0; i < 20; i++) {
        options.jobs = 1 + i % 4;
        run("a", "b");
        assert_int_equal(result, 1);
        assert_int_equal(event_count, 1);
        assert_int_equal(report.differences, 1);
    }
    run("a", "a");
    expect_same();
}

/* ---- Contents ---- */

static void test_offsets(void **state)
{
    static const struct {
        const char *a, *b;
        uint64_t offset;
    } cases[] = {
        {"", "x", 0},     {"x", "", 0},     {"a", "b", 0},      {"abc", "abd", 2},
        {"abc", "ab", 2}, {"ab", "abc", 2}, {"axc", "abcd", 1}, {"abcd", "axc", 1},
    };
    (void)state;
    options.offsets = true;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        fixture_make_text("a", cases[i].a);
        fixture_make_text("b", cases[i].b);
        run("a", "b");
        expect(TUG_COMPARE_CONTENT, "a", "b");
        assert_int_equal(events[0].offset, cases[i].offset);
        assert_int_equal(events[0].size_a, strlen(cases[i].a));
        assert_int_equal(events[0].size_b, strlen(cases[i].b));
    }
    /* Not asked for: then the sizes are enough. */
    options.offsets = false;
    run("a", "b");
    expect(TUG_COMPARE_CONTENT, "a", "b");
    assert_true(events[0].offset == TUG_COMPARE_NO_OFFSET);
    assert_int_equal(report.bytes, 0);
}

/* Of several differences in a file that several workers compare, the first is told. */
static void test_large(void **state)
{
    unsigned seed = (unsigned)time(NULL);
    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    options.offsets = true;
    fixture_make_file("a", 0644, 40 * MIB + 5, 1);
    for (unsigned i = 0; i < 12; i++) {
        uint64_t first = UINT64_MAX, size = 40 * MIB + 5;
        fixture_make_file("b", 0644, size, 1);
        if (i % 3 == 1)
            assert_int_equal(truncate("b", (off_t)(size -= 9 * MIB)), 0);
        if (i % 3 == 2)
            write_at("b", "more", size);
        for (unsigned k = 0; k < i % 4; k++) {
            uint64_t offset = ((uint64_t)rand() << 20 ^ (uint64_t)rand()) % size;
            write_at("b", "\b", offset); /* no byte of the file is even */
            first = offset < first ? offset : first;
        }
        if (first == UINT64_MAX && i % 3 != 0)
            first = size;
        options.jobs = 1 + i % 4;
        run("a", "b");
        if (first == UINT64_MAX) {
            expect_same();
            assert_int_equal(report.bytes, size);
            continue;
        }
        expect(TUG_COMPARE_CONTENT, "a", "b");
        assert_int_equal(events[0].offset, first);
    }
}

static void test_sparse(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        int fd = open(i == 0 ? "a" : i == 1 ? "b" : "c", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        assert_int_equal(ftruncate(fd, (off_t)(4000 * MIB)), 0);
        assert_int_equal(pwrite(fd, "data", 4, (off_t)(1000 * MIB)), 4);
        /* What is a hole in one may be zeros in another. */
        if (i == 1)
            assert_int_equal(pwrite(fd, "\0\0", 2, (off_t)(3000 * MIB)), 2);
        if (i == 2)
            assert_int_equal(pwrite(fd, "\0x", 2, (off_t)(3000 * MIB)), 2);
        close(fd);
    }
    options.offsets = true;
    run("a", "b");
    expect_same();
    assert_int_equal(report.bytes, 4000 * MIB);
    run("a", "c");
    expect(TUG_COMPARE_CONTENT, "a", "c");
    assert_int_equal(events[0].offset, 3000 * MIB + 1);
}

/* Sizes that are always 0. */
static void test_procfs(void **state)
{
    (void)state;
    assert_int_equal(system("cat /proc/version >b"), 0);
    run("/proc/version", "b");
    expect_same();
    assert_true(report.bytes > 0);
    assert_int_equal(system("echo more >>b"), 0);
    run("/proc/version", "b");
    expect(TUG_COMPARE_CONTENT, "/proc/version", "b");
}

static void test_without_contents(void **state)
{
    (void)state;
    fixture_make_dir("a", 0755);
    fixture_make_dir("b", 0755);
    fixture_make_text("a/f", "x");
    fixture_make_text("b/f", "yy");
    fixture_make_link("x", "a/l");
    fixture_make_link("y", "b/l");
    options.contents = false;
    run("a", "b");
    expect(TUG_COMPARE_CONTENT, "a/l", "b/l");
    assert_int_equal(report.bytes, 0);
}

/* ---- Metadata ---- */

static void test_metadata(void **state)
{
    struct timespec times[2] = {{1, 2}, {3, 4}};
    (void)state;
    fixture_make_dir("a", 0755);
    fixture_make_dir("b", 0755);
    fixture_make_text("a/f", "x");
    fixture_make_text("b/f", "x");
    assert_int_equal(utimensat(AT_FDCWD, "a/f", times, 0), 0);
    times[1].tv_nsec = 5;
    assert_int_equal(utimensat(AT_FDCWD, "b/f", times, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, "a", times, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, "b", times, 0), 0);
    assert_int_equal(chmod("b/f", 0600), 0);
    run("a", "b");
    expect_same();
    options.metadata = TUG_COMPARE_TIME;
    run("a", "b");
    expect(TUG_COMPARE_TIME, "a/f", "b/f");
    assert_int_equal(events[0].seconds_a, 3);
    assert_int_equal(events[0].nanoseconds_a, 4);
    assert_int_equal(events[0].nanoseconds_b, 5);
    options.metadata = TUG_COMPARE_MODE | TUG_COMPARE_OWNER;
    run("a", "b");
    expect(TUG_COMPARE_MODE, "a/f", "b/f");
    assert_int_equal(events[0].mode_a, S_IFREG | 0644);
    assert_int_equal(events[0].mode_b, S_IFREG | 0600);
}

static void test_owner(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    fixture_make_dir("a", 0755);
    fixture_make_dir("b", 0755);
    fixture_make_link("x", "a/l");
    fixture_make_link("x", "b/l");
    assert_int_equal(lchown("b/l", 1, 2), 0);
    options.metadata = TUG_COMPARE_OWNER;
    run("a", "b");
    expect(TUG_COMPARE_OWNER, "a/l", "b/l");
    assert_int_equal(events[0].user_b, 1);
    assert_int_equal(events[0].group_b, 2);
}

static void test_attributes(void **state)
{
    (void)state;
    fixture_make_dir("a", 0755);
    fixture_make_dir("b", 0755);
    fixture_make_text("a/f", "x");
    fixture_make_text("b/f", "x");
    if (setxattr("a/f", "user.one", "1", 1, 0) != 0)
        skip();
    options.metadata = TUG_COMPARE_XATTR;
    run("a", "b");
    expect(TUG_COMPARE_XATTR, "a/f", "b/f");
    assert_string_equal(attributes[0], "user.one");
    assert_int_equal(setxattr("b/f", "user.one", "2", 1, 0), 0);
    run("a", "b");
    expect(TUG_COMPARE_XATTR, "a/f", "b/f");
    options.contents = false;
    run("a", "b");
    expect(TUG_COMPARE_XATTR, "a/f", "b/f");
    assert_int_equal(setxattr("b/f", "user.one", "1", 1, 0), 0);
    assert_int_equal(setxattr("b", "user.two", "", 0, 0), 0);
    run("a", "b");
    expect(TUG_COMPARE_XATTR, "a", "b");
    assert_string_equal(attributes[0], "user.two");
    assert_int_equal(setxattr("a", "user.two", "", 0, 0), 0);
    run("a", "b");
    expect_same();
}

/* ---- Links ---- */

static void test_hard_links(void **state)
{
    (void)state;
    fixture_make_dir("a", 0755);
    fixture_make_dir("b", 0755);
    fixture_make_text("a/x", "1");
    fixture_make_text("b/x", "1");
    fixture_make_text("b/y", "1");
    assert_int_equal(link("a/x", "a/y"), 0);
    run("a", "b");
    expect_same();
    options.metadata = TUG_COMPARE_LINKS;
    for (unsigned i = 0; i < 2; i++) {
        run(i == 0 ? "a" : "b", i == 0 ? "b" : "a");
        assert_int_equal(event_count, 1);
        assert_int_equal(events[0].kind, TUG_COMPARE_LINKS);
        assert_int_equal(report.hard_links, 1);
        assert_int_equal(result, 1);
        assert_true(events[0].linked_a != NULL ? i == 0 : i == 1);
        assert_true(events[0].linked_b != NULL ? i == 1 : i == 0);
    }
    /* Names elsewhere do not matter, but that these are the same. */
    assert_int_equal(unlink("b/y"), 0);
    assert_int_equal(link("b/x", "b/y"), 0);
    assert_int_equal(link("b/x", "elsewhere"), 0);
    run("a", "b");
    expect_same();
}

/* Many names in the table, of files that are right but for one. */
static void test_many_hard_links(void **state)
{
    (void)state;
    fixture_make_dir("a", 0755);
    fixture_make_dir("b", 0755);
    for (unsigned i = 0; i < 300; i++)
        for (unsigned k = 0; k < 2; k++) {
            const char *name = fixture_text("%c/%u", "ab"[k], i);
            fixture_make_text(name, "x");
            assert_int_equal(link(name, fixture_text("%c/%u more", "ab"[k], i)), 0);
        }
    options.metadata = TUG_COMPARE_LINKS;
    options.jobs = 4;
    run("a", "b");
    expect_same();
    assert_int_equal(system("cp b/150 new && mv new b/150"), 0);
    run("a", "b");
    assert_int_equal(report.hard_links, 1);
    assert_int_equal(event_count, 1);
}

static void test_follow(void **state)
{
    (void)state;
    fixture_make_dir("a", 0755);
    fixture_make_dir("b", 0755);
    fixture_make_text("a/f", "x");
    fixture_make_text("b/g", "x");
    fixture_make_link("g", "b/f");
    fixture_make_link("f", "a/g");
    fixture_make_dir("a/d", 0755);
    fixture_make_text("a/d/file", "x");
    fixture_make_dir("other", 0755);
    fixture_make_text("other/file", "x");
    fixture_make_link("../other", "b/d");
    run("a", "b");
    assert_int_equal(report.types, 3);
    options.follow = TUG_COPY_FOLLOW_ALWAYS;
    options.open_directories = 4;
    run("a", "b");
    expect_same();
    fixture_make_text("other/file", "y");
    run("a", "b");
    expect(TUG_COMPARE_CONTENT, "a/d/file", "b/d/file");
    options.follow = TUG_COPY_FOLLOW_NEVER;
    run("a/f", "b/f");
    expect(TUG_COMPARE_TYPE, "a/f", "b/f");
}

static void test_loop(void **state)
{
    (void)state;
    fixture_make_dir("a", 0755);
    fixture_make_dir("b", 0755);
    fixture_make_link(".", "a/l");
    fixture_make_link(".", "b/l");
    options.follow = TUG_COPY_FOLLOW_ALWAYS;
    run("a", "b");
    expect(TUG_COMPARE_FAILED, "a/l", "b/l");
    assert_int_equal(result, -ELOOP);
}

/* ---- Trouble ---- */

static void test_missing_operands(void **state)
{
    (void)state;
    fixture_make_text("f", "x");
    fixture_make_dir("d", 0755);
    run("no", "f");
    expect(TUG_COMPARE_FAILED, "no", "f");
    assert_int_equal(events[0].side, 0);
    run("f", "no");
    expect(TUG_COMPARE_FAILED, "f", "no");
    assert_int_equal(events[0].side, 1);
    run("d", "no");
    expect(TUG_COMPARE_FAILED, "d", "no");
    assert_int_equal(events[0].side, 1);
    run("d", "f");
    expect(TUG_COMPARE_TYPE, "d", "f");
    run("f", "d");
    expect(TUG_COMPARE_TYPE, "f", "d");
}

/* What cannot be read is a failure on its side, not a difference. */
static void as_nobody(void)
{
    fixture_make_dir("mine", 0755);
    fixture_make_dir("mine/a", 0755);
    fixture_make_dir("mine/b", 0755);
    fixture_make_text("mine/a/f", "x");
    fixture_make_text("mine/b/f", "x");
    fixture_make_dir("mine/a/d", 0755);
    fixture_make_dir("mine/b/d", 0755);
    assert_int_equal(chmod("mine/b/f", 0), 0);
    run("mine/a", "mine/b");
    expect(TUG_COMPARE_FAILED, "mine/a/f", "mine/b/f");
    assert_int_equal(events[0].side, 1);
    assert_int_equal(result, -EACCES);
    run("mine/b", "mine/a");
    expect(TUG_COMPARE_FAILED, "mine/b/f", "mine/a/f");
    assert_int_equal(events[0].side, 0);
    assert_int_equal(chmod("mine/b/f", 0644), 0);
    assert_int_equal(chmod("mine/b/d", 0), 0);
    run("mine/a", "mine/b");
    expect(TUG_COMPARE_FAILED, "mine/a/d", "mine/b/d");
    run("mine/b", "mine/a");
    expect(TUG_COMPARE_FAILED, "mine/b/d", "mine/a/d");
    assert_int_equal(chmod("mine/b/d", 0755), 0);
}

static void test_unreadable(void **state)
{
    (void)state;
    fixture_run_as_nobody(as_nobody);
}

static void test_options(void **state)
{
    (void)state;
    options.jobs = 1025;
    run("a", "b");
    assert_int_equal(result, -EINVAL);
    options.jobs = 1;
    options.metadata = TUG_COMPARE_CONTENT;
    run("a", "b");
    assert_int_equal(result, -EINVAL);
    options.metadata = 0;
    options.open_directories = 3;
    run("a", "b");
    assert_int_equal(result, -EINVAL);
    options.open_directories = 0;
    run("a", NULL);
    assert_int_equal(result, -EINVAL);
    fixture_make_text("a", "x");
    fixture_make_text("b", "y");
    assert_int_equal(tug_compare(NULL, "a", "b", NULL), 1);
    assert_int_equal(tug_compare(NULL, "a", "a", NULL), 0);
}

static void test_cancelled(void **state)
{
    unsigned seed = (unsigned)time(NULL), cancelled = 0;
    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    fixture_make_tree("a");
    fixture_make_tree("b");
    fixture_make_file("a/large", 0644, 40 * MIB, 1);
    fixture_make_file("b/large", 0644, 40 * MIB, 1);
    for (unsigned i = 0; i < 40; i++) {
        deadline = 1 + (uint64_t)rand() % (i < 20 ? 3000000 : 20000000);
        multi_thread = i % 2 == 0;
        run("a", "b");
        cancelled += result == -ETIMEDOUT;
        assert_true(result == 0 || result == -ETIMEDOUT);
        assert_int_equal(event_count, 0);
    }
    print_message("%u of 40 were cancelled\n", cancelled);
    assert_true(cancelled > 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, enter, fixture_leave)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_equal),
        TEST(test_spoiled),
        TEST(test_many_names),
        TEST(test_deep),
        TEST(test_one_tree_with_itself),
        TEST(test_first_only),
        TEST(test_offsets),
        TEST(test_large),
        TEST(test_sparse),
        TEST(test_procfs),
        TEST(test_without_contents),
        TEST(test_metadata),
        TEST(test_owner),
        TEST(test_attributes),
        TEST(test_hard_links),
        TEST(test_many_hard_links),
        TEST(test_follow),
        TEST(test_loop),
        TEST(test_missing_operands),
        TEST(test_unreadable),
        TEST(test_options),
        TEST(test_cancelled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
