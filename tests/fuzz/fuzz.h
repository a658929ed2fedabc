/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets of parsers share: input is parsed whole and in pieces, each time in blocks
 * of their own size, so that AddressSanitizer sees a byte too far, and both ways have to give the
 * same record of what was found.
 */
#ifndef TUG_FUZZ_H
#define TUG_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

/* All that was found, in a form that can be compared. */
struct record {
    char *text;
    size_t length, capacity;
};

static inline void record_add(struct record *record, const void *data, size_t length)
{
    while (record->capacity - record->length < length) {
        record->capacity = 2 * record->capacity + 64;
        record->text = realloc(record->text, record->capacity);
        CHECK(record->text != NULL);
    }
    memcpy(record->text + record->length, data, length);
    record->length += length;
}

static inline void record_add_text(struct record *record, const char *text)
{
    record_add(record, text, strlen(text) + 1);
}

static inline void record_add_number(struct record *record, uint64_t number)
{
    record_add(record, &number, sizeof(number));
}

/* Parses `data` in pieces of at most `piece` bytes. */
typedef struct record parse_function(const uint8_t *data, size_t size, size_t piece);

/* The first byte of the input says how the rest is cut. */
static inline void fuzz_both_ways(const uint8_t *data, size_t size, parse_function *parse)
{
    if (size == 0)
        return;
    struct record whole = parse(data + 1, size - 1, size);
    struct record pieces = parse(data + 1, size - 1, 1 + data[0] % 16);
    CHECK(whole.length == pieces.length);
    CHECK(whole.length == 0 || memcmp(whole.text, pieces.text, whole.length) == 0);
    free(whole.text);
    free(pieces.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
