/* SPDX-License-Identifier: MIT */
/*
 * The rules of fault injection and their application.
 *
 * Invariants:
 *  - A rule is complete before it is published at the head of its call's list (release), and none
 *    of it changes afterwards but `seen`.
 *  - A rule is never freed: a thread may be reading a list that a reset has just emptied. All rules
 *    ever made stay reachable from `every_rule`, so that a leak checker does not report them.
 *  - tug_fault_quiet is 0 until the environment has been read, and whenever there may be a rule.
 */
#include "sys/fault.h"

#if TUG_FAULT_INJECTION

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sys/clock.h"
#include "sys/fault_rule.h"

#define LARGEST_ERRNO 4095

struct entry {
    struct entry *next;  /* of the same call */
    struct entry *older; /* of all */
    uint64_t seen;       /* occurrences that passed the filters */
    struct tug_fault_rule rule;
    char path[];
};

struct call_info {
    const char *name;
    bool has_length;
};

#define PLAIN(name) {#name, false},
#define LENGTH(name) {#name, true},
static const struct call_info calls[] = {TUG_FAULT_CALLS(PLAIN, LENGTH)};
#undef PLAIN
#undef LENGTH

uint32_t tug_fault_quiet;
uint64_t tug_fault_counters[TUG_FAULT_CALL_COUNT];

static struct entry *entries[TUG_FAULT_CALL_COUNT];
static struct entry *every_entry;
static int only_fd = -1;
static char only_path[256];

static int find_call(const char *name)
{
    for (int call = 0; call < TUG_FAULT_CALL_COUNT; call++)
        if (strcmp(calls[call].name, name) == 0)
            return call;
    return -EINVAL;
}

static void read_environment(void)
{
    /* First, since a rule that is set next makes it 0 again. */
    __atomic_store_n(&tug_fault_quiet, 1, __ATOMIC_RELEASE);
    const char *text = getenv("TUG_FAULT");
    if (text != NULL)
        tug_fault_parse(text);
}

static void need_environment(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, read_environment);
}

int tug_fault_add(const char *name, const struct tug_fault_rule *rule)
{
    int call = find_call(name);
    if (call < 0 || rule->first == 0 || rule->last < rule->first)
        return -EINVAL;
    if (rule->action == TUG_FAULT_FAIL && (rule->value < 1 || rule->value > LARGEST_ERRNO))
        return -EINVAL;
    if (rule->action == TUG_FAULT_SHORT && !calls[call].has_length)
        return -EINVAL;
    size_t path_size = rule->path != NULL ? strlen(rule->path) + 1 : 0;
    struct entry *entry = malloc(sizeof(*entry) + path_size);
    if (entry == NULL)
        return -ENOMEM;
    entry->seen = 0;
    entry->rule = *rule;
    if (rule->path != NULL)
        entry->rule.path = memcpy(entry->path, rule->path, path_size);
    entry->older = every_entry;
    every_entry = entry;
    entry->next = __atomic_load_n(&entries[call], __ATOMIC_RELAXED);
    __atomic_store_n(&entries[call], entry, __ATOMIC_RELEASE);
    __atomic_store_n(&tug_fault_quiet, 0, __ATOMIC_RELEASE);
    return 0;
}

static int add_filtered(const char *call, unsigned first, unsigned count,
                        enum tug_fault_action action, uint64_t value)
{
    need_environment();
    uint64_t last = count == TUG_FAULT_ALWAYS ? UINT64_MAX : (uint64_t)first + count - 1;
    struct tug_fault_rule rule = {
        .first = first,
        .last = last,
        .action = action,
        .value = value,
        .fd = only_fd,
        .path = only_path[0] != '\0' ? only_path : NULL,
    };
    return tug_fault_add(call, &rule);
}

int tug_fault_fail(const char *call, unsigned first, unsigned count, int error)
{
    return error < 0 ? -EINVAL : add_filtered(call, first, count, TUG_FAULT_FAIL, (uint64_t)error);
}

int tug_fault_short(const char *call, unsigned first, unsigned count, size_t bytes)
{
    return add_filtered(call, first, count, TUG_FAULT_SHORT, bytes);
}

int tug_fault_delay(const char *call, unsigned first, unsigned count, uint64_t ns)
{
    return add_filtered(call, first, count, TUG_FAULT_DELAY, ns);
}

void tug_fault_only_fd(int fd)
{
    only_fd = fd;
}

void tug_fault_only_path(const char *part)
{
    only_path[0] = '\0';
    if (part != NULL)
        strncat(only_path, part, sizeof(only_path) - 1);
}

void tug_fault_reset(void)
{
    need_environment();
    for (int call = 0; call < TUG_FAULT_CALL_COUNT; call++) {
        __atomic_store_n(&entries[call], NULL, __ATOMIC_RELEASE);
        __atomic_store_n(&tug_fault_counters[call], 0, __ATOMIC_RELAXED);
    }
    tug_fault_only_fd(-1);
    tug_fault_only_path(NULL);
    __atomic_store_n(&tug_fault_quiet, 1, __ATOMIC_RELEASE);
}

uint64_t tug_fault_calls(const char *name)
{
    int call = find_call(name);
    return call < 0 ? 0 : __atomic_load_n(&tug_fault_counters[call], __ATOMIC_RELAXED);
}

static bool has_part(const char *path, const char *part)
{
    return path != NULL && strstr(path, part) != NULL;
}

static bool passes_filters(const struct tug_fault_rule *rule, const struct tug_fault_target *target)
{
    if (rule->fd >= 0 && rule->fd != target->fd && rule->fd != target->fd2)
        return false;
    return rule->path == NULL || has_part(target->path, rule->path) ||
           has_part(target->path2, rule->path);
}

int tug_fault_apply(enum tug_fault_call call, struct tug_fault_target target)
{
    need_environment();
    int error = 0;
    uint64_t delay = 0;
    struct entry *entry = __atomic_load_n(&entries[call], __ATOMIC_ACQUIRE);
    for (; entry != NULL; entry = entry->next) {
        const struct tug_fault_rule *rule = &entry->rule;
        if (!passes_filters(rule, &target))
            continue;
        uint64_t occurrence = __atomic_add_fetch(&entry->seen, 1, __ATOMIC_RELAXED);
        if (occurrence < rule->first || occurrence > rule->last)
            continue;
        if (rule->action == TUG_FAULT_DELAY)
            delay += rule->value;
        else if (rule->action == TUG_FAULT_SHORT && *target.length > rule->value)
            *target.length = (size_t)rule->value;
        else if (rule->action == TUG_FAULT_FAIL && error == 0)
            error = -(int)rule->value;
    }
    if (delay > 0)
        tug_clock_sleep(delay);
    return error;
}

#endif
