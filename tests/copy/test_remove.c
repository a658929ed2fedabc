/* SPDX-License-Identifier: MIT */
/* tug_remove(): what goes, what stays, what is said, in trees of any shape, while others work on
 * them, and cancelled at any moment. */
#include "removal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ---- Trees ---- */

static void test_tree(void **state)
{
    struct removal removal;
    (void)state;
    for (unsigned i = 0; i < 6; i++) {
        fixture_make_tree("tree");
        removal_init(&removal);
        removal.options.jobs = i % 3;
        removal.multi_thread = i >= 3;
        removal.outside = i == 5;
        removal_run(&removal, "tree", NULL);
        assert_int_equal(removal.result, 0);
        assert_int_equal(removal.report.directories, 5);
        assert_int_equal(removal.report.entries, 24);
        assert_false(fixture_exists("tree"));
    }
}

static void test_defaults(void **state)
{
    const char *paths[] = {"file"};
    (void)state;
    fixture_make_text("file", "text");
    assert_int_equal(tug_remove(NULL, paths, 1, NULL), 0);
    assert_false(fixture_exists("file"));
    assert_int_equal(tug_remove(NULL, paths, 1, NULL), -ENOENT);
    assert_int_equal(tug_remove(NULL, NULL, 0, NULL), 0);
}

static void make_comb(const char *root, const char *name, unsigned depth)
{
    fixture_make_dir(root, 0755);
    int fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (unsigned i = 0; i < depth; i++) {
        assert_int_equal(mkdirat(fd, "tooth", 0755), 0);
        assert_int_equal(mkdirat(fd, name, 0755), 0);
        assert_int_equal(mkdirat(fd, "late tooth", 0755), 0);
        int file = openat(fd, "late tooth/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        assert_true(file >= 0);
        close(file);
        int next = openat(fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_true(next >= 0);
        close(fd);
        fd = next;
    }
    close(fd);
}

static void test_deeper_than_any_path(void **state)
{
    (void)state;
    make_comb("deep", "a name long enough for the path to be longer than any call would take", 900);
    struct tug_remove_report report = removal_of("deep");
    assert_int_equal(report.directories, 2701);
    assert_int_equal(report.entries, 900);
}

static void test_comb(void **state)
{
    struct removal removal;
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        make_comb("comb", "d", 300);
        removal_init(&removal);
        removal.options.open_directories = i < 3 ? 4 + 8 * i : 0;
        removal.options.jobs = 1 + i;
        removal_run(&removal, "comb", NULL);
        assert_int_equal(removal.result, 0);
        assert_int_equal(removal.report.directories, 901);
        assert_false(fixture_exists("comb"));
    }
}

static void test_flat(void **state)
{
    (void)state;
    fixture_make_dir("flat", 0755);
    for (unsigned i = 0; i < 5000; i++)
        fixture_make_text(fixture_text("flat/a file with a number, which is %u", i), "");
    assert_int_equal(removal_of("flat").entries, 5000);
}

/* ---- Links ---- */

static void test_links_are_not_followed(void **state)
{
    struct removal removal;
    (void)state;
    fixture_make_tree("outside");
    fixture_make_tree("reference");
    fixture_make_dir("tree", 0755);
    fixture_make_link("../outside", "tree/link");
    fixture_make_link("outside", "link");
    removal_of("tree");
    removal_of("link");
    fixture_make_link("outside", "link");
    removal_init(&removal);
    removal_run(&removal, "link/", NULL);
    removal_assert_failure(&removal, TUG_REMOVE_STEP_REMOVE, -ENOTDIR, "link/");
    /* Not in silence either. */
    removal.options.ignore_missing = true;
    removal_run(&removal, "link///", NULL);
    removal_assert_failure(&removal, TUG_REMOVE_STEP_REMOVE, -ENOTDIR, "link/");
    fixture_assert_copy("reference", "outside", 0);
}

/* Replaces the directories that are still there by links. */
static void swap_directories(const struct tug_remove_event *event, void *argument)
{
    bool *swapped = argument;
    (void)event;
    for (unsigned i = 0; i < 100 && !*swapped; i++) {
        char name[64], away[64];
        snprintf(name, sizeof(name), "tree/%u", i);
        snprintf(away, sizeof(away), "away%u", i);
        if (rename(name, away) == 0 && symlink("../outside", name) != 0)
            return;
    }
    *swapped = true;
}

static void test_directory_swapped_for_a_link(void **state)
{
    struct removal removal;
    bool swapped = false;
    (void)state;
    fixture_make_tree("outside");
    fixture_make_tree("reference");
    fixture_make_dir("tree", 0755);
    for (unsigned i = 0; i < 100; i++) {
        fixture_make_dir(fixture_text("tree/%u", i), 0755);
        fixture_make_text(fixture_text("tree/%u/link", i), "");
    }
    fixture_make_text("tree/first", "");
    removal_init(&removal);
    removal.options.jobs = 1;
    removal.on_event = swap_directories;
    removal.argument = &swapped;
    removal_run(&removal, "tree", NULL);
    assert_true(swapped);
    assert_int_equal(removal.result, 0);
    assert_false(fixture_exists("tree"));
    fixture_assert_copy("reference", "outside", 0);
    assert_true(fixture_exists("away50/link"));
}

/* ---- Others at work ---- */

struct adding {
    unsigned times;
};

static void add_file(const struct tug_remove_event *event, void *argument)
{
    struct adding *adding = argument;
    if (adding->times == 0 || strncmp(event->path, "tree/sub/f", 10) != 0)
        return;
    int fd =
        open(fixture_text("tree/sub/f%u", adding->times), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    if (fd >= 0)
        close(fd);
    adding->times--;
}

static void test_entries_that_are_added(void **state)
{
    struct removal removal;
    struct adding adding = {.times = 3};
    (void)state;
    fixture_make_dir("tree", 0755);
    fixture_make_dir("tree/sub", 0755);
    fixture_make_text("tree/sub/f", "");
    removal_init(&removal);
    removal.on_event = add_file;
    removal.argument = &adding;
    removal_run(&removal, "tree", NULL);
    assert_int_equal(removal.result, 0);
    assert_int_equal(removal.report.entries, 4);
    assert_int_equal(removal.report.directories, 2);
    assert_false(fixture_exists("tree"));
    /* Without end. */
    fixture_make_dir("tree", 0755);
    fixture_make_dir("tree/sub", 0755);
    fixture_make_text("tree/sub/f", "");
    adding.times = 1000;
    removal_run(&removal, "tree", NULL);
    removal_assert_failure(&removal, TUG_REMOVE_STEP_REMOVE, -ENOTEMPTY, "tree/sub");
}

static void remove_others(const struct tug_remove_event *event, void *argument)
{
    (void)argument;
    (void)event;
    for (unsigned i = 0; i < 20; i++) {
        unlink(fixture_text("tree/%u", i));
        unlink(fixture_text("tree/dir%u/file", i));
        rmdir(fixture_text("tree/dir%u", i));
    }
}

static void test_entries_that_are_gone(void **state)
{
    struct removal removal;
    (void)state;
    for (unsigned jobs = 1; jobs <= 3; jobs++) {
        fixture_make_dir("tree", 0755);
        for (unsigned i = 0; i < 20; i++) {
            fixture_make_text(fixture_text("tree/%u", i), "");
            fixture_make_dir(fixture_text("tree/dir%u", i), 0755);
            fixture_make_text(fixture_text("tree/dir%u/file", i), "");
        }
        removal_init(&removal);
        removal.options.jobs = jobs;
        removal.on_event = remove_others;
        removal_run(&removal, "tree", NULL);
        assert_int_equal(removal.result, 0);
        assert_false(fixture_exists("tree"));
    }
}

/* ---- Operands ---- */

static void test_operands_within_each_other(void **state)
{
    struct removal removal;
    (void)state;
    for (unsigned jobs = 1; jobs <= 4; jobs++) {
        fixture_make_dir("a", 0755);
        fixture_make_dir("a/b", 0755);
        fixture_make_dir("a/b/c", 0755);
        fixture_make_text("a/b/file", "");
        removal_init(&removal);
        removal.options.jobs = jobs;
        removal_run(&removal, "a/b/c", "a/b/file", "a/b", "a", NULL);
        assert_int_equal(removal.result, 0);
        assert_false(fixture_exists("a"));
        /* Empty directories only, the lower one first. */
        fixture_make_dir("a", 0755);
        fixture_make_dir("a/b", 0755);
        fixture_make_text("a/file", "");
        removal.options.recursive = false;
        removal.options.directories = true;
        removal_run(&removal, "a/file", "a/b", "a", NULL);
        assert_int_equal(removal.result, 0);
        assert_int_equal(removal.report.directories, 2);
        assert_false(fixture_exists("a"));
    }
}

static void test_refused(void **state)
{
    struct removal removal;
    static const char *const dots[] = {".", "..", "./", "dir/.", "dir/..", "dir/../", "..//"};
    (void)state;
    fixture_make_dir("dir", 0755);
    fixture_make_text("dir/file", "");
    removal_init(&removal);
    for (unsigned i = 0; i < 7; i++) {
        removal_run(&removal, dots[i], NULL);
        assert_int_equal(removal.failure_count, 1);
        assert_int_equal(removal.failures[0].step, TUG_REMOVE_STEP_DOT);
        assert_int_equal(removal.result, -EPERM);
    }
    removal.options.recursive = false;
    removal_run(&removal, "dir", NULL);
    removal_assert_failure(&removal, TUG_REMOVE_STEP_REMOVE, -EISDIR, "dir");
    removal.options.directories = true;
    removal_run(&removal, "dir", NULL);
    removal_assert_failure(&removal, TUG_REMOVE_STEP_REMOVE, -ENOTEMPTY, "dir");
    assert_true(fixture_exists("dir/file"));
    removal.options.jobs = 2000;
    assert_int_equal(tug_remove(&removal.options, dots, 1, NULL), -EINVAL);
}

/* The scratch directory is the root of a child process: if the check fails, that is all it loses.
 */
static void test_root(void **state)
{
    static const char *const roots[] = {"/", "//", "///"};
    (void)state;
    if (geteuid() != 0)
        skip();
    fixture_make_text("file", "");
    pid_t child = fork();
    if (child == 0) {
        struct tug_remove_options options;
        if (chroot(".") != 0 || chdir("/") != 0)
            _exit(77);
        tug_remove_options_init(&options);
        options.recursive = true;
        for (unsigned i = 0; i < 3; i++)
            if (tug_remove(&options, &roots[i], 1, NULL) != -EPERM)
                _exit(1);
        _exit(access("/file", F_OK) == 0 ? 0 : 2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        skip();
    assert_int_equal(status, 0);
    assert_true(fixture_exists("file"));
}

static void test_list(void **state)
{
    struct removal removal;
    char *names = malloc(3000 * 16);
    size_t size = 0;
    (void)state;
    assert_non_null(names);
    fixture_make_dir("dir", 0755);
    for (unsigned i = 0; i < 3000; i++) {
        fixture_make_text(fixture_text("dir/%u", i), "");
        size += (size_t)sprintf(names + size, "dir/%u", i) + 1;
    }
    removal_init(&removal);
    removal_run_list(&removal, names, size);
    assert_int_equal(removal.result, 0);
    assert_int_equal(removal.report.entries, 3000);
    removal_run_list(&removal, names, size);
    assert_int_equal(removal.result, -ENOENT);
    assert_int_equal(removal.report.failures, 3000);
    removal.options.ignore_missing = true;
    removal_run_list(&removal, names, size);
    assert_int_equal(removal.result, 0);
    assert_int_equal(tug_remove_list(&removal.options, "dir", 3, NULL), -EINVAL);
    assert_int_equal(tug_remove_list(&removal.options, "", 0, NULL), 0);
    assert_true(fixture_exists("dir"));
    free(names);
}

/* ---- Permissions ---- */

static void as_nobody(void)
{
    struct removal removal;
    fixture_make_dir("mine", 0755);
    fixture_make_dir("mine/empty", 0);
    removal_of("mine");
    /* Of what cannot be read, opening it is why it stays; those above are not spoken of. */
    fixture_make_dir("mine", 0755);
    fixture_make_dir("mine/closed", 0755);
    fixture_make_text("mine/closed/file", "");
    assert_int_equal(chmod("mine/closed", 0), 0);
    fixture_make_text("mine/other", "");
    removal_init(&removal);
    removal_run(&removal, "mine", NULL);
    removal_assert_failure(&removal, TUG_REMOVE_STEP_REMOVE, -EACCES, "mine/closed");
    assert_false(fixture_exists("mine/other"));
    assert_int_equal(chmod("mine/closed", 0555), 0);
    removal_run(&removal, "mine", NULL);
    removal_assert_failure(&removal, TUG_REMOVE_STEP_REMOVE, -EACCES, "mine/closed/file");
    assert_int_equal(chmod("mine/closed", 0755), 0);
    removal_of("mine");
}

static void test_permissions(void **state)
{
    (void)state;
    fixture_run_as_nobody(as_nobody);
}

/* ---- Questions ---- */

struct answers {
    char asked[1024];
    const char *no; /* the question that is answered so */
};

static bool answer(const struct tug_remove_question *question, void *argument)
{
    struct removal *removal = argument;
    struct answers *answers = removal->argument;
    size_t length = strlen(answers->asked);
    const char *text =
        fixture_text("%s%s;", question->action == TUG_REMOVE_DESCEND ? ">" : "", question->path);
    snprintf(answers->asked + length, sizeof(answers->asked) - length, "%s", text);
    return answers->no == NULL || strcmp(text, answers->no) != 0;
}

static void test_questions(void **state)
{
    struct removal removal;
    struct answers answers = {.no = "dir/sub/file;"};
    (void)state;
    fixture_make_dir("dir", 0755);
    fixture_make_dir("dir/sub", 0755);
    fixture_make_text("dir/sub/file", "text");
    removal_init(&removal);
    removal.options.ask = TUG_REMOVE_ASK_ALWAYS;
    removal.options.answer = answer;
    removal.argument = &answers;
    removal_run(&removal, "dir", NULL);
    assert_string_equal(answers.asked, ">dir;>dir/sub;dir/sub/file;dir/sub;");
    assert_int_equal(removal.report.declined, 1);
    assert_true(fixture_exists("dir/sub/file"));
    removal_assert_failure(&removal, TUG_REMOVE_STEP_REMOVE, -ENOTEMPTY, "dir/sub");
    answers = (struct answers){.no = ">dir/sub;"};
    removal_run(&removal, "dir", NULL);
    assert_string_equal(answers.asked, ">dir;>dir/sub;");
    assert_int_equal(removal.result, 0);
    answers = (struct answers){.no = NULL};
    removal_run(&removal, "dir", NULL);
    assert_string_equal(answers.asked, ">dir;>dir/sub;dir/sub/file;dir/sub;dir;");
    assert_int_equal(removal.report.declined, 0);
    assert_false(fixture_exists("dir"));
}

/* ---- Cancelled ---- */

static void make_large(const char *path)
{
    fixture_make_tree(path);
    fixture_make_dir(fixture_text("%s/many", path), 0755);
    for (unsigned i = 0; i < 1000; i++)
        fixture_make_text(fixture_text("%s/many/%u", path, i), "text");
    for (unsigned i = 0; i < 100; i++) {
        fixture_make_dir(fixture_text("%s/dir%u", path, i), 0755);
        for (unsigned k = 0; k < 10; k++)
            fixture_make_text(fixture_text("%s/dir%u/%u", path, i, k), "text");
    }
}

static void test_cancelled_at_random_moments(void **state)
{
    struct removal removal;
    unsigned seed = (unsigned)time(NULL), cancelled = 0;
    (void)state;
    print_message("seed %u\n", seed);
    srand(seed);
    make_large("tree");
    make_large("reference");
    uint64_t begin = fixture_now();
    removal_of("tree");
    uint64_t duration = fixture_now() - begin;
    for (unsigned i = 0; i < 30; i++) {
        if (!fixture_exists("tree"))
            make_large("tree");
        removal_init(&removal);
        removal.options.jobs = 1 + i % 4;
        removal.multi_thread = i % 2 == 1;
        removal.cancel_after = 1 + (unsigned)rand() % (unsigned)(duration + 1);
        removal_run(&removal, "tree", NULL);
        assert_true(removal.result == 0 || removal.result == -ECANCELED);
        assert_int_equal(removal.failure_count, 0);
        cancelled += removal.result == -ECANCELED;
        /* One that was cancelled at the very end may have removed everything. */
        bool left = fixture_exists("tree");
        assert_false(left && removal.result == 0);
        if (left)
            fixture_assert_copy("reference", "tree", FIXTURE_SUBSET);
        if (left && i % 3 == 0)
            removal_of("tree");
    }
    print_message("%u of 30 were cancelled\n", cancelled);
    assert_true(cancelled > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_tree),
        FIXTURE_TEST(test_defaults),
        FIXTURE_TEST(test_deeper_than_any_path),
        FIXTURE_TEST(test_comb),
        FIXTURE_TEST(test_flat),
        FIXTURE_TEST(test_links_are_not_followed),
        FIXTURE_TEST(test_directory_swapped_for_a_link),
        FIXTURE_TEST(test_entries_that_are_added),
        FIXTURE_TEST(test_entries_that_are_gone),
        FIXTURE_TEST(test_operands_within_each_other),
        FIXTURE_TEST(test_refused),
        FIXTURE_TEST(test_root),
        FIXTURE_TEST(test_list),
        FIXTURE_TEST(test_permissions),
        FIXTURE_TEST(test_questions),
        FIXTURE_TEST(test_cancelled_at_random_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
