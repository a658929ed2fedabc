/* SPDX-License-Identifier: MIT */
/*
 * The parser of examples/minikv/ under libFuzzer, with small limits so that they are met.
 *
 * The first byte of the input says how the rest is cut; it is parsed whole and in such pieces, each
 * time in a block of its own size, so that AddressSanitizer sees a byte too far. What must hold:
 * both ways give the same commands, arguments are within their command and the limits, and each
 * command takes at least a byte.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../examples/minikv/resp.h"

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static const struct resp_limits limits = {.bulk = 100, .count = 12, .command = 300};

/* All that was found, in a form that can be compared. */
struct record {
    char *text;
    size_t length, capacity;
};

static void add(struct record *record, const void *data, size_t length)
{
    while (record->capacity - record->length < length) {
        record->capacity = 2 * record->capacity + 64;
        record->text = realloc(record->text, record->capacity);
        CHECK(record->text != NULL);
    }
    memcpy(record->text + record->length, data, length);
    record->length += length;
}

static void add_command(struct record *record, const struct resp_parser *parser, const char *data)
{
    CHECK(parser->position > 0);
    CHECK(parser->count <= limits.count);
    add(record, &parser->count, sizeof(parser->count));
    for (size_t i = 0; i < parser->count; i++) {
        struct bytes argument = parser->arguments[i];
        CHECK(argument.length <= limits.bulk);
        CHECK(argument.data >= data);
        CHECK(argument.data + argument.length <= data + parser->position);
        add(record, &argument.length, sizeof(argument.length));
        add(record, argument.data, argument.length);
    }
}

/* Parses what is at *held, takes the commands out of it, and returns whether more may come. */
static bool parse_some(struct resp_parser *parser, char **held, size_t *length,
                       struct record *record)
{
    for (;;) {
        enum resp_result result = resp_parse(parser, *held, *length);
        if (result == RESP_MORE)
            return true;
        if (result == RESP_ERROR) {
            add(record, parser->error, strlen(parser->error));
            return false;
        }
        CHECK(parser->position <= *length);
        add_command(record, parser, *held);
        *length -= parser->position;
        memmove(*held, *held + parser->position, *length);
        resp_next(parser);
    }
}

static struct record parse(const uint8_t *data, size_t size, size_t piece)
{
    struct resp_parser parser;
    struct record record = {NULL, 0, 0};
    char *held = NULL;
    size_t length = 0;
    bool going = true;
    resp_init(&parser, &limits);
    while (size > 0 && going) {
        size_t taken = size < piece ? size : piece;
        char *exact = malloc(length + taken);
        CHECK(exact != NULL);
        if (length > 0)
            memcpy(exact, held, length);
        memcpy(exact + length, data, taken);
        free(held);
        held = exact;
        length += taken;
        data += taken;
        size -= taken;
        going = parse_some(&parser, &held, &length, &record);
    }
    free(held);
    resp_free(&parser);
    return record;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct record whole = parse(data + 1, size - 1, size);
    struct record pieces = parse(data + 1, size - 1, 1 + data[0] % 16);
    CHECK(whole.length == pieces.length);
    CHECK(whole.length == 0 || memcmp(whole.text, pieces.text, whole.length) == 0);
    free(whole.text);
    free(pieces.text);
    return 0;
}
