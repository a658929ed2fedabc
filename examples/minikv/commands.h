/* SPDX-License-Identifier: MIT */
/*
 * What clients can ask for. A command is a function that looks at its words and adds to the
 * client's replies: one reply, or for subscriptions one for each channel. None of them waits.
 */
#ifndef MINIKV_COMMANDS_H
#define MINIKV_COMMANDS_H

#include "client.h"

/* `words[0]` is the command's own name; `count` fits its arity. */
typedef void command_fn(struct client *client, const struct bytes *words, size_t count);

struct command {
    const char *name;
    int arity; /* of words, with the name; negative: that many or more */
    bool while_subscribed;
    command_fn *run;
};

/* Finds a command and runs it, or replies why not. `count` is at least 1. */
void command_run(struct client *client, const struct bytes *words, size_t count);

/* Reads a whole number, signed, with nothing around it. Returns whether it is one. */
bool parse_integer(struct bytes word, int64_t *number);

/* commands_keys.c */
command_fn command_get, command_set, command_del, command_exists, command_expire, command_ttl,
    command_dbsize;

/* commands_channels.c */
command_fn command_publish, command_subscribe, command_unsubscribe;

#endif
