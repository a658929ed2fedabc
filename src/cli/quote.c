/* SPDX-License-Identifier: MIT */
/*
 * Three forms: "it's" in double quotes if there is an apostrophe and nothing else of note; else
 * 'single quotes', in which an apostrophe becomes '\'' and what cannot be printed becomes $'\ooo'.
 */
#include "quote.h"

#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

/* Each byte of a name takes at most this much: ''$'\ooo' with both changes of quotes. */
#define LARGEST_FORM 10

/* The length of the printable character at `text`, or 0 if that cannot be printed as it is. What is
 * printable beyond ASCII is a matter of the locale, which is asked for only when it matters. */
static size_t printable_length(const char *text)
{
    static bool have_locale;
    unsigned char byte = (unsigned char)*text;
    if (byte < 0x80)
        return byte >= ' ' && byte != 0x7f;
    if (!have_locale) {
        setlocale(LC_CTYPE, "");
        have_locale = true;
    }
    wchar_t character;
    mbstate_t state;
    memset(&state, 0, sizeof(state));
    size_t length = mbrtowc(&character, text, strlen(text), &state);
    if (length == (size_t)-1 || length == (size_t)-2 || length == 0)
        return 0;
    return iswprint((wint_t)character) ? length : 0;
}

/* Whether the name has an apostrophe, and means in double quotes what it says. */
static bool suits_double_quotes(const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "%+,-./:@]_' ";
    return strchr(name, '\'') != NULL && name[strspn(name, plain)] == '\0';
}

/* Writes the escape of one byte that cannot be printed. Returns what follows it. */
static char *put_escape(char *out, unsigned char byte)
{
    static const char controls[] = "abtnvfr";
    *out++ = '\\';
    if (byte >= '\a' && byte <= '\r') {
        *out++ = controls[byte - '\a'];
        return out;
    }
    return out + sprintf(out, "%03o", byte);
}

static void quote_single(char *out, const char *name)
{
    bool escaping = false;
    *out++ = '\'';
    while (*name != '\0') {
        size_t length = printable_length(name);
        if (length == 0) {
            if (!escaping)
                out = stpcpy(out, "'$'");
            escaping = true;
            out = put_escape(out, (unsigned char)*name++);
            continue;
        }
        if (escaping)
            out = stpcpy(out, "''");
        escaping = false;
        if (*name == '\'') {
            out = stpcpy(out, "'\\''");
            name++;
            continue;
        }
        memcpy(out, name, length);
        out += length;
        name += length;
    }
    *out++ = '\'';
    *out = '\0';
}

char *tug_cli_quote(const char *name)
{
    size_t size = strlen(name) * LARGEST_FORM + 3;
    char *quoted = malloc(size);
    if (quoted == NULL)
        return NULL;
    if (suits_double_quotes(name))
        snprintf(quoted, size, "\"%s\"", name);
    else
        quote_single(quoted, name);
    return quoted;
}
