/* SPDX-License-Identifier: MIT */
/* Decimal points are points whatever the locale: the command never sets one. */
#include "bench_format.h"

#include <string.h>

void tug_cli_bench_format_count(char text[32], uint64_t count)
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)count);
    char *end = text;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *end++ = ',';
        *end++ = digits[i];
    }
    *end = '\0';
}

void tug_cli_bench_format_size(char text[32], uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    char number[24];
    double value = (double)bytes;
    unsigned unit = 0;
    while (value >= 1023.5 && unit < 6) {
        value /= 1024;
        unit++;
    }
    int length = snprintf(number, sizeof(number), "%.1f", value);
    if (value >= 99.95)
        snprintf(number, sizeof(number), "%.0f", value);
    else if (length > 2 && strcmp(number + length - 2, ".0") == 0)
        number[length - 2] = '\0';
    snprintf(text, 32, "%s %s", number, units[unit]);
}

/* With three digits that count, below 10,000. */
static int digits_after_point(double value)
{
    return value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
}

void tug_cli_bench_format_time(char text[32], double seconds)
{
    double value = seconds;
    const char *unit = "s";
    if (seconds < 0.0009995) {
        value = seconds * 1e6;
        unit = "us";
    } else if (seconds < 0.9995) {
        value = seconds * 1e3;
        unit = "ms";
    }
    snprintf(text, 32, "%.*f %s", digits_after_point(value), value, unit);
}

void tug_cli_bench_format_ratio(char text[32], double ratio)
{
    snprintf(text, 32, "%.*fx", digits_after_point(ratio), ratio);
}

void tug_cli_bench_print_json_string(FILE *file, const char *text)
{
    fputc('"', file);
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if (byte == '"' || byte == '\\')
            fprintf(file, "\\%c", byte);
        else if (byte < ' ' || byte > '~')
            fprintf(file, "\\u%04x", byte);
        else
            fputc(byte, file);
    }
    fputc('"', file);
}

void tug_cli_bench_print_xml(FILE *file, const char *text)
{
    for (; *text != '\0'; text++)
        switch (*text) {
        case '<':
            fputs("&lt;", file);
            break;
        case '>':
            fputs("&gt;", file);
            break;
        case '&':
            fputs("&amp;", file);
            break;
        case '"':
            fputs("&quot;", file);
            break;
        default:
            fputc(*text < ' ' || *text > '~' ? '?' : *text, file);
        }
}

void tug_cli_bench_print_markdown(FILE *file, const char *text)
{
    for (; *text != '\0'; text++)
        switch (*text) {
        case '|':
        case '<':
        case '*':
        case '_':
        case '`':
        case '\\':
            fprintf(file, "\\%c", *text);
            break;
        case '\n':
            fputc(' ', file);
            break;
        default:
            fputc(*text, file);
        }
}
