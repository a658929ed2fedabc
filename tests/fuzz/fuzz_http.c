/* SPDX-License-Identifier: MIT */
/*
 * What examples/httpd/ makes of the bytes of a connection, under libFuzzer: requests, the path and
 * the range in each, and what it thinks of them. With small limits so that they are met. What must
 * hold beside fuzz.h: a path is within its room and below the root as far as it can be seen, a
 * range is within the file, and each request takes at least a byte.
 */
#include "fuzz.h"

#include "../../examples/httpd/conditions.h"

#define HEAD_LIMIT 600
#define BODY_LIMIT 100

static const struct version version = {"\"d-3b9aca00-0\"", 1000000000, 13};

static void add_range(struct record *record, const struct request *request)
{
    uint64_t offset, length;
    enum range range = conditions_range(request, &version, &offset, &length);
    if (range == RANGE_PART)
        CHECK(length > 0 && offset < version.size && length <= version.size - offset);
    if (range == RANGE_ALL)
        CHECK(offset == 0 && length == version.size);
    record_add_number(record, range);
    record_add_number(record, offset);
    record_add_number(record, length);
    record_add_number(record, conditions_have(request, &version));
}

static void add_request(struct record *record, const struct request *request)
{
    CHECK(request->target_length < TEXT_SIZE);
    CHECK(strlen(request->target) == request->target_length);
    record_add_number(record, request->parser.method);
    record_add_number(record, request->keep_alive);
    record_add_text(record, request->target);
    for (int i = 0; i < HEADERS; i++) {
        CHECK(memchr(request->headers[i], '\0', sizeof(request->headers[i])) != NULL);
        record_add_text(record, request->headers[i]);
    }
    /* Of its own size, but for the "./" that an empty path becomes. */
    char *path = malloc(request->target_length + 3);
    CHECK(path != NULL);
    if (request_path(request, path)) {
        CHECK(path[0] != '\0' && path[0] != '/');
        CHECK(strcmp(path, "./") == 0 || strlen(path) < request->target_length);
        record_add_text(record, path);
    }
    free(path);
    add_range(record, request);
}

/* Parses one piece. Returns whether more may come. */
static bool parse_some(struct request *request, const uint8_t *data, size_t size,
                       struct record *record)
{
    size_t position = 0;
    while (position < size) {
        size_t taken = request_parse(request, (const char *)data + position, size - position);
        CHECK(taken <= size - position);
        CHECK(request->body <= BODY_LIMIT || request->status == 413);
        position += taken;
        if (request->status != 0) {
            /* Of two faults the one that is found first may depend on the pieces. */
            record_add_text(record, "refused");
            return false;
        }
        if (!request->done) {
            CHECK(position == size);
            return true;
        }
        CHECK(taken > 0);
        add_request(record, request);
        request_next(request);
    }
    return true;
}

static struct record parse(const uint8_t *data, size_t size, size_t piece)
{
    struct request request;
    struct record record = {NULL, 0, 0};
    bool going = true;
    request.done = false;
    request_set_head_limit(HEAD_LIMIT);
    request_init(&request, BODY_LIMIT);
    while (size > 0 && going) {
        size_t taken = size < piece ? size : piece;
        uint8_t *exact = malloc(taken);
        CHECK(exact != NULL);
        memcpy(exact, data, taken);
        going = parse_some(&request, exact, taken, &record);
        free(exact);
        data += taken;
        size -= taken;
    }
    return record;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    fuzz_both_ways(data, size, parse);
    return 0;
}
