/* SPDX-License-Identifier: MIT */
/*
 * What the two halves of fault injection share: fault.c keeps and applies rules, and
 * fault_environment.c reads them from a string.
 */
#ifndef TUG_SYS_FAULT_RULE_H
#define TUG_SYS_FAULT_RULE_H

#include <stdint.h>

enum tug_fault_action {
    TUG_FAULT_FAIL,  /* value: an errno */
    TUG_FAULT_SHORT, /* value: bytes */
    TUG_FAULT_DELAY, /* value: ns */
};

struct tug_fault_rule {
    uint64_t first, last; /* occurrences, from 1 */
    enum tug_fault_action action;
    uint64_t value;
    int fd;           /* -1: any */
    const char *path; /* a part of the path, copied; NULL: any */
};

/* Sets a rule. 0, -EINVAL (no such call, an empty range, a value out of range) or -ENOMEM. */
int tug_fault_add(const char *call, const struct tug_fault_rule *rule);

/* Sets the rules that `text` describes in the syntax of TUG_FAULT; if it does not parse, says why
 * on standard error and ends the process with status 2. */
void tug_fault_parse(const char *text);

#endif
