/* SPDX-License-Identifier: MIT */
/*
 * Reads rules of fault injection from a string (the syntax is in fault.h).
 *
 * Recursive descent over one rule at a time: each take_ function reads its part at *text and moves
 * *text behind it, or explains what is wrong and ends the process.
 */
#include "sys/fault.h"

#if TUG_FAULT_INJECTION

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sys/fault_rule.h"

#define LONGEST_WORD 256

/* The rule that is being read, for the message. */
struct parser {
    const char *text, *rule;
};

__attribute__((noreturn)) static void give_up(const struct parser *parser, const char *reason)
{
    int length = (int)strcspn(parser->rule, ";");
    dprintf(STDERR_FILENO, "tug: TUG_FAULT: %s in \"%.*s\"\n", reason, length, parser->rule);
    /* Not exit(): this may be any thread, in the middle of anything. */
    _exit(2);
}

static bool take_character(struct parser *parser, char character)
{
    if (*parser->text != character)
        return false;
    parser->text++;
    return true;
}

static void need_character(struct parser *parser, char character, const char *reason)
{
    if (!take_character(parser, character))
        give_up(parser, reason);
}

/* Copies what stands before any of `delimiters` or the end. */
static void take_word(struct parser *parser, const char *delimiters, char word[LONGEST_WORD],
                      const char *reason)
{
    size_t length = strcspn(parser->text, delimiters);
    if (length == 0 || length >= LONGEST_WORD)
        give_up(parser, reason);
    memcpy(word, parser->text, length);
    word[length] = '\0';
    parser->text += length;
}

static uint64_t take_number(struct parser *parser, const char *reason)
{
    char *end;
    if (*parser->text < '0' || *parser->text > '9')
        give_up(parser, reason);
    errno = 0;
    uint64_t number = strtoull(parser->text, &end, 10);
    if (errno != 0)
        give_up(parser, reason);
    parser->text = end;
    return number;
}

static void take_range(struct parser *parser, struct tug_fault_rule *rule)
{
    rule->first = 1;
    rule->last = UINT64_MAX;
    if (take_character(parser, '*'))
        return;
    rule->first = take_number(parser, "bad range");
    if (!take_character(parser, '-'))
        rule->last = rule->first;
    else if (*parser->text != '=')
        rule->last = take_number(parser, "bad range");
    if (rule->first == 0 || rule->last < rule->first)
        give_up(parser, "bad range");
}

static int find_errno(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } aliases[] = {{"EWOULDBLOCK", EWOULDBLOCK}, {"EOPNOTSUPP", EOPNOTSUPP}, {"ENOTSUP", ENOTSUP}};
    for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
        if (strcmp(name, aliases[i].name) == 0)
            return aliases[i].number;
    for (int number = 1; number < 256; number++) {
        const char *candidate = strerrorname_np(number);
        if (candidate != NULL && strcmp(name, candidate) == 0)
            return number;
    }
    return 0;
}

static void take_action(struct parser *parser, struct tug_fault_rule *rule)
{
    char word[LONGEST_WORD];
    take_word(parser, ":;", word, "no action");
    if (strcmp(word, "short") == 0 || strcmp(word, "delay") == 0) {
        rule->action = word[0] == 's' ? TUG_FAULT_SHORT : TUG_FAULT_DELAY;
        need_character(parser, ':', "no number after the action");
        rule->value = take_number(parser, "bad number");
        return;
    }
    rule->action = TUG_FAULT_FAIL;
    rule->value = (uint64_t)find_errno(word);
    if (rule->value == 0)
        give_up(parser, "unknown error name");
}

static void take_rule(struct parser *parser)
{
    char call[LONGEST_WORD], path[LONGEST_WORD];
    struct tug_fault_rule rule = {.fd = -1};
    take_word(parser, "@:;", call, "no name of a call");
    if (take_character(parser, '@')) {
        take_word(parser, ":;", path, "no path after @");
        rule.path = path;
    }
    need_character(parser, ':', "no range after the call");
    take_range(parser, &rule);
    need_character(parser, '=', "bad range");
    take_action(parser, &rule);
    if (*parser->text != ';' && *parser->text != '\0')
        give_up(parser, "more than one action");
    int result = tug_fault_add(call, &rule);
    if (result == -EINVAL)
        give_up(parser, "no such call, or not one that can be short,");
    if (result < 0)
        give_up(parser, "no memory for the rule");
}

void tug_fault_parse(const char *text)
{
    struct parser parser = {.text = text, .rule = text};
    while (*parser.text != '\0') {
        parser.rule = parser.text;
        take_rule(&parser);
        take_character(&parser, ';');
    }
}

#endif
