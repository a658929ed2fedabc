/* SPDX-License-Identifier: MIT */
/*
 * Commands as lines of words. A word may be in double quotes, with the escapes of C, or in single
 * quotes, in which \' alone is special; after the closing quote comes a space.
 *
 * Invariant: quotes and escapes are taken off in place, which only ever makes a word shorter.
 */
#include "resp.h"

#include <ctype.h>

struct line {
    char *data;
    size_t at, end; /* what is left of it */
    size_t out;     /* where the word goes */
};

static bool is_blank(char c)
{
    return isspace((unsigned char)c) || c == '\0';
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* What an escape stands for; line->at is at the character behind the backslash. */
static char unescape(struct line *line)
{
    static const char letters[] = "nrtba", meanings[] = "\n\r\t\b\a";
    char c = line->data[line->at++];
    if (c == 'x' && line->end - line->at >= 2) {
        int high = hex_digit(line->data[line->at]), low = hex_digit(line->data[line->at + 1]);
        if (high >= 0 && low >= 0) {
            line->at += 2;
            return (char)(16 * high + low);
        }
    }
    const char *letter = c != '\0' ? strchr(letters, c) : NULL;
    return letter != NULL ? meanings[letter - letters] : c;
}

/* A word in quotes; line->at is behind the first. Returns whether the second is there. */
static bool take_quoted(struct line *line, char quote)
{
    while (line->at < line->end) {
        char c = line->data[line->at++];
        if (c == quote)
            return line->at == line->end || is_blank(line->data[line->at]);
        if (c == '\\' && line->at < line->end) {
            if (quote == '"')
                c = unescape(line);
            else if (line->data[line->at] == '\'')
                c = line->data[line->at++];
        }
        line->data[line->out++] = c;
    }
    return false;
}

/* One word, of pieces with and without quotes. */
static bool take_word(struct line *line)
{
    while (line->at < line->end && !is_blank(line->data[line->at])) {
        char c = line->data[line->at++];
        if (c != '"' && c != '\'')
            line->data[line->out++] = c;
        else if (!take_quoted(line, c))
            return false;
    }
    return true;
}

bool resp_split_line(struct resp_parser *parser, char *data, size_t offset, size_t length)
{
    struct line line = {.data = data, .at = offset, .end = offset + length, .out = offset};
    for (;;) {
        while (line.at < line.end && is_blank(line.data[line.at]))
            line.at++;
        if (line.at == line.end)
            return true;
        size_t start = line.out = line.at;
        if (!take_word(&line)) {
            parser->error = "unbalanced quotes in request";
            return false;
        }
        if (line.out - start > parser->limits->bulk) {
            parser->error = "invalid bulk length";
            return false;
        }
        if (!resp_add(parser, start, line.out - start))
            return false;
    }
}
