/* SPDX-License-Identifier: MIT */
#include "children.h"

#include <dirent.h>
#include <sys/wait.h>

char children_directory[64];

const char *children_path(const char *name)
{
    static char path[512];
    snprintf(path, sizeof(path), "%s/%s", children_directory, name);
    return path;
}

int children_make_directory(void **state)
{
    const char *parent = getenv("TMPDIR");
    (void)state;
    snprintf(children_directory, sizeof(children_directory), "%.40s/tug-process-XXXXXX",
             parent != NULL ? parent : "/tmp");
    return mkdtemp(children_directory) == NULL;
}

int children_remove_directory(void **state)
{
    DIR *directory = opendir(children_directory);
    (void)state;
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;)
        unlink(children_path(entry->d_name));
    if (directory != NULL)
        closedir(directory);
    return rmdir(children_directory);
}

struct tug_process_options shell(const char *script)
{
    static char *arguments[4];
    struct tug_process_options options;
    arguments[0] = (char *)(uintptr_t) "sh";
    arguments[1] = (char *)(uintptr_t) "-c";
    arguments[2] = (char *)(uintptr_t)script;
    tug_process_options_init(&options, arguments);
    options.program = "/bin/sh";
    return options;
}

void start_shell(struct tug_process *process, const char *script)
{
    struct tug_process_options options = shell(script);
    options.input.kind = TUG_STDIO_PIPE;
    CHECK_EQUAL(tug_process_spawn(process, &options), 0);
}

void expect_output(const struct tug_process_options *options, const char *output)
{
    struct tug_process_output result;
    CHECK_EQUAL(tug_process_output(&result, options, NULL, 0, SIZE_MAX), 0);
    if (strcmp(result.output, output) != 0 || result.error_length != 0) {
        fprintf(stderr, "output \"%s\", expected \"%s\", errors \"%s\"\n", result.output, output,
                result.error);
        CHECK(false);
    }
    CHECK_EQUAL(result.output_length, strlen(output));
    CHECK_EQUAL(result.status.code, 0);
    CHECK_EQUAL(result.status.signal, 0);
    free(result.output);
    free(result.error);
}

static bool has_child(idtype_t kind, id_t id)
{
    siginfo_t information;
    return waitid(kind, id, &information, WEXITED | WNOHANG | WNOWAIT) == 0;
}

bool is_child(pid_t id)
{
    return has_child(P_PID, (id_t)id);
}

void expect_no_children(void)
{
    AWAIT(tug_process_reap_orphans() == 0 && !has_child(P_ALL, 0));
}

int64_t wait_for_child_within(struct tug_process *process, uint64_t time)
{
    struct tug_scope scope;
    tug_scope_begin(&scope, tug_deadline_after(time), NULL);
    return tug_scope_end(&scope, tug_process_wait(process, NULL));
}

bool children_without_pidfds;

int children_have_no_pidfds(void **state)
{
    (void)state;
    children_without_pidfds = true;
    return 0;
}

void children_set_kernel(void)
{
#if TUG_FAULT_INJECTION
    tug_fault_reset();
    if (children_without_pidfds)
        CHECK_EQUAL(tug_fault_fail("pidfd_open", 1, TUG_FAULT_ALWAYS, ENOSYS), 0);
#endif
}
