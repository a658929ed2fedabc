/* SPDX-License-Identifier: MIT */
/*
 * The table of commands, and those that are about the connection alone.
 */
#include "commands.h"

static void command_ping(struct client *client, const struct bytes *words, size_t count)
{
    struct reply *reply = &client->reply;
    if (count > 2) {
        reply_error(reply, "ERR wrong number of arguments for 'ping' command");
    } else if (client->subscription_count > 0) {
        reply_array(reply, 2);
        reply_bulk(reply, bytes_of("pong"));
        reply_bulk(reply, count == 2 ? words[1] : bytes_of(""));
    } else if (count == 2) {
        reply_bulk(reply, words[1]);
    } else {
        reply_status(reply, "PONG");
    }
}

static void command_echo(struct client *client, const struct bytes *words, size_t count)
{
    (void)count;
    reply_bulk(&client->reply, words[1]);
}

static void command_quit(struct client *client, const struct bytes *words, size_t count)
{
    (void)words, (void)count;
    reply_status(&client->reply, "OK");
    client->leaving = true;
}

/* The settings that redis-benchmark shows beside its figures: nothing is ever written to a disk. */
static void command_config(struct client *client, const struct bytes *words, size_t count)
{
    static const char *const settings[][2] = {{"save", ""}, {"appendonly", "no"}};
    if (count != 3 || !bytes_are(words[1], "get")) {
        reply_error(&client->reply, "ERR only CONFIG GET with one name is known");
        return;
    }
    for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
        if (bytes_are(words[2], settings[i][0])) {
            reply_array(&client->reply, 2);
            reply_bulk(&client->reply, bytes_of(settings[i][0]));
            reply_bulk(&client->reply, bytes_of(settings[i][1]));
            return;
        }
    }
    reply_array(&client->reply, 0);
}

static command_fn command_command;

/* The most frequent first: they are looked for in this order. */
static const struct command commands[] = {
    {"get", 2, false, command_get},
    {"set", -3, false, command_set},
    {"del", -2, false, command_del},
    {"exists", -2, false, command_exists},
    {"expire", 3, false, command_expire},
    {"ttl", 2, false, command_ttl},
    {"publish", 3, false, command_publish},
    {"subscribe", -2, true, command_subscribe},
    {"unsubscribe", -1, true, command_unsubscribe},
    {"ping", -1, true, command_ping},
    {"echo", 2, false, command_echo},
    {"dbsize", 1, false, command_dbsize},
    {"command", -1, false, command_command},
    {"config", -2, false, command_config},
    {"quit", -1, true, command_quit},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* Names and arities; what else a client asks of it has an empty answer. */
static void command_command(struct client *client, const struct bytes *words, size_t count)
{
    struct reply *reply = &client->reply;
    if (count == 2 && bytes_are(words[1], "count")) {
        reply_integer(reply, COMMANDS);
        return;
    }
    reply_array(reply, count == 1 ? COMMANDS : 0);
    for (size_t i = 0; count == 1 && i < COMMANDS; i++) {
        reply_array(reply, 6);
        reply_bulk(reply, bytes_of(commands[i].name));
        reply_integer(reply, commands[i].arity);
        for (int j = 0; j < 4; j++) /* flags; first key, last key, step */
            j == 0 ? reply_array(reply, 0) : reply_integer(reply, 0);
    }
}

static const struct command *find(struct bytes name)
{
    for (size_t i = 0; i < COMMANDS; i++)
        if (bytes_are(name, commands[i].name))
            return &commands[i];
    return NULL;
}

bool parse_integer(struct bytes word, int64_t *number)
{
    bool negative = word.length > 0 && word.data[0] == '-';
    int64_t value = 0;
    if (word.length == negative || word.length > 20)
        return false;
    for (size_t i = negative; i < word.length; i++) {
        int digit = word.data[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return false;
    }
    /* Counted downwards, as there is one more negative number. */
    *number = value;
    return negative || !__builtin_sub_overflow((int64_t)0, value, number);
}

void command_run(struct client *client, const struct bytes *words, size_t count)
{
    const struct command *command = find(words[0]);
    int shown = words[0].length < 64 ? (int)words[0].length : 64;
    if (command == NULL)
        reply_error(&client->reply, "ERR unknown command '%.*s'", shown, words[0].data);
    else if (command->arity >= 0 ? count != (size_t)command->arity
                                 : count < (size_t)-command->arity)
        reply_error(&client->reply, "ERR wrong number of arguments for '%s' command",
                    command->name);
    else if (client->subscription_count > 0 && !command->while_subscribed)
        reply_error(&client->reply,
                    "ERR Can't execute '%s': only SUBSCRIBE / UNSUBSCRIBE / PING / QUIT are "
                    "allowed in this context",
                    command->name);
    else
        command->run(client, words, count);
}
