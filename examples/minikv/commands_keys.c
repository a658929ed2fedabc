/* SPDX-License-Identifier: MIT */
/*
 * Commands about keys. Times are seconds or ms from now where clients speak of them, and ms of the
 * clock in the store.
 */
#include <errno.h>

#include "commands.h"

/* A time from now in units of `unit` ms. Returns whether it can be expressed. */
static bool find_deadline(int64_t time, int64_t unit, int64_t *deadline)
{
    return !__builtin_mul_overflow(time, unit, &time) &&
           !__builtin_add_overflow(store_now(), time, deadline) && *deadline < NEVER;
}

static void reply_memory(struct client *client)
{
    reply_error(&client->reply, "OOM out of memory");
}

void command_get(struct client *client, const struct bytes *words, size_t count)
{
    (void)count;
    struct value *value = store_get(client->minikv->store, words[1]);
    if (value == NULL) {
        reply_null(&client->reply);
        return;
    }
    reply_bulk(&client->reply, (struct bytes){.data = value->data, .length = value->length});
    value_release(value);
}

struct set_options {
    int64_t deadline;
    enum store_condition condition;
};

/* The option at words[i], and its argument. Returns an error's text or NULL. */
static const char *parse_set_option(struct set_options *options, const struct bytes *words,
                                    size_t count, size_t *i)
{
    struct bytes word = words[(*i)++];
    if (options->condition == STORE_ALWAYS && bytes_are(word, "nx")) {
        options->condition = STORE_IF_ABSENT;
    } else if (options->condition == STORE_ALWAYS && bytes_are(word, "xx")) {
        options->condition = STORE_IF_PRESENT;
    } else if (options->deadline == NEVER && *i < count &&
               (bytes_are(word, "ex") || bytes_are(word, "px"))) {
        int64_t time;
        if (!parse_integer(words[(*i)++], &time))
            return "ERR value is not an integer or out of range";
        if (time <= 0 || !find_deadline(time, bytes_are(word, "ex") ? 1000 : 1, &options->deadline))
            return "ERR invalid expire time in 'set' command";
    } else {
        return "ERR syntax error";
    }
    return NULL;
}

void command_set(struct client *client, const struct bytes *words, size_t count)
{
    struct set_options options = {NEVER, STORE_ALWAYS};
    for (size_t i = 3; i < count;) {
        const char *error = parse_set_option(&options, words, count, &i);
        if (error != NULL) {
            reply_error(&client->reply, "%s", error);
            return;
        }
    }
    struct value *value = value_create(words[2]);
    int result = value == NULL ? -ENOMEM
                               : store_set(client->minikv->store, words[1], value, options.deadline,
                                           options.condition);
    if (result > 0)
        reply_status(&client->reply, "OK");
    else if (result == 0)
        reply_null(&client->reply);
    else
        reply_memory(client);
}

void command_del(struct client *client, const struct bytes *words, size_t count)
{
    int64_t removed = 0;
    for (size_t i = 1; i < count; i++)
        removed += store_remove(client->minikv->store, words[i]);
    reply_integer(&client->reply, removed);
}

void command_exists(struct client *client, const struct bytes *words, size_t count)
{
    int64_t found = 0;
    for (size_t i = 1; i < count; i++)
        found += store_find(client->minikv->store, words[i], NULL);
    reply_integer(&client->reply, found);
}

void command_expire(struct client *client, const struct bytes *words, size_t count)
{
    (void)count;
    int64_t time, deadline;
    if (!parse_integer(words[2], &time)) {
        reply_error(&client->reply, "ERR value is not an integer or out of range");
        return;
    }
    if (!find_deadline(time, 1000, &deadline)) {
        reply_error(&client->reply, "ERR invalid expire time in 'expire' command");
        return;
    }
    int result = time > 0 ? store_expire(client->minikv->store, words[1], deadline)
                          : store_remove(client->minikv->store, words[1]);
    if (result < 0)
        reply_memory(client);
    else
        reply_integer(&client->reply, result);
}

void command_ttl(struct client *client, const struct bytes *words, size_t count)
{
    (void)count;
    int64_t deadline;
    if (!store_find(client->minikv->store, words[1], &deadline))
        reply_integer(&client->reply, -2);
    else if (deadline == NEVER)
        reply_integer(&client->reply, -1);
    else /* may have passed since */
        reply_integer(&client->reply,
                      deadline > store_now() ? (deadline - store_now() + 500) / 1000 : 0);
}

void command_dbsize(struct client *client, const struct bytes *words, size_t count)
{
    (void)words, (void)count;
    reply_integer(&client->reply, (int64_t)store_count(client->minikv->store));
}
