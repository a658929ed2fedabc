/* SPDX-License-Identifier: MIT */
/*
 * The check is table 3-7 of the Unicode standard (well-formed byte sequences), as code; runs of
 * ASCII are skipped 8 bytes at a time.
 */
#include "fs/utf8.h"

#include <stdint.h>
#include <string.h>

#define ASCII_MASK UINT64_C(0x8080808080808080)

/* The length of the character that begins with `lead`, 0 if none does; and the range of its second
 * byte, which is where overlong forms, surrogates and too large values are told apart. */
static size_t classify(unsigned char lead, unsigned char *low, unsigned char *high)
{
    *low = 0x80;
    *high = 0xbf;
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2)
        return 0;
    if (lead < 0xe0)
        return 2;
    if (lead < 0xf0) {
        if (lead == 0xe0)
            *low = 0xa0;
        if (lead == 0xed)
            *high = 0x9f;
        return 3;
    }
    if (lead == 0xf0)
        *low = 0x90;
    if (lead == 0xf4)
        *high = 0x8f;
    return lead < 0xf5 ? 4 : 0;
}

/* The length of the valid character at the beginning of `bytes`, 0 if there is none. */
static size_t character(const unsigned char *bytes, size_t length)
{
    unsigned char low, high;
    size_t size = classify(bytes[0], &low, &high);
    if (size == 0 || size > length)
        return 0;
    if (size > 1 && (bytes[1] < low || bytes[1] > high))
        return 0;
    for (size_t i = 2; i < size; i++)
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    return size;
}

size_t tug_utf8_valid_length(const char *text, size_t length)
{
    const unsigned char *bytes = (const unsigned char *)text;
    size_t position = 0;
    while (position < length) {
        uint64_t eight;
        while (length - position >= sizeof(eight)) {
            memcpy(&eight, bytes + position, sizeof(eight));
            if ((eight & ASCII_MASK) != 0)
                break;
            position += sizeof(eight);
        }
        if (position == length)
            break;
        size_t size = character(bytes + position, length - position);
        if (size == 0)
            break;
        position += size;
    }
    return position;
}
