/* SPDX-License-Identifier: MIT */
/*
 * The parser of examples/minikv/ under libFuzzer, with small limits so that they are met. What must
 * hold beside fuzz.h: arguments are within their command and the limits, and each command takes at
 * least a byte.
 */
#include "fuzz.h"

#include "../../examples/minikv/resp.h"

static const struct resp_limits limits = {.bulk = 100, .count = 12, .command = 300};

static void add_command(struct record *record, const struct resp_parser *parser, const char *data)
{
    CHECK(parser->position > 0);
    CHECK(parser->count <= limits.count);
    record_add_number(record, parser->count);
    for (size_t i = 0; i < parser->count; i++) {
        struct bytes argument = parser->arguments[i];
        CHECK(argument.length <= limits.bulk);
        CHECK(argument.data >= data);
        CHECK(argument.data + argument.length <= data + parser->position);
        record_add_number(record, argument.length);
        record_add(record, argument.data, argument.length);
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
            record_add_text(record, parser->error);
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_both_ways(data, size, parse);
    return 0;
}
