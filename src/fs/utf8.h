/* SPDX-License-Identifier: MIT */
/*
 * Checking text as it comes in, piece by piece.
 */
#ifndef TUG_FS_UTF8_H
#define TUG_FS_UTF8_H

#include <stddef.h>

/*
 * Returns how many bytes at the beginning of `text` are whole, valid UTF-8 characters (RFC 3629:
 * shortest form only, no surrogates, nothing above U+10FFFF). What follows them is either the end,
 * or an invalid sequence, or the beginning of a valid one: then fewer than 4 bytes are left, which
 * may become a character when more text is there.
 */
size_t tug_utf8_valid_length(const char *text, size_t length);

#endif
