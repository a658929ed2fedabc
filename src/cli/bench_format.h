/* SPDX-License-Identifier: MIT */
/* Numbers as people read them. Texts are zero-terminated and at most 31 bytes long. */
#ifndef TUG_CLI_BENCH_FORMAT_H
#define TUG_CLI_BENCH_FORMAT_H

#include <stdint.h>
#include <stdio.h>

/* As "12,345". */
void tug_cli_bench_format_count(char text[32], uint64_t count);

/* As "1 GiB", "1.5 MiB". */
void tug_cli_bench_format_size(char text[32], uint64_t bytes);

/* A duration, with three digits that count: "1.23 s", "45.6 ms", "789 us". */
void tug_cli_bench_format_time(char text[32], double seconds);

/* As "2.35x", "12.3x", "120x". */
void tug_cli_bench_format_ratio(char text[32], double ratio);

/* A JSON string with its quotes. */
void tug_cli_bench_print_json_string(FILE *file, const char *text);

/* Text within XML, as contents or in an attribute. */
void tug_cli_bench_print_xml(FILE *file, const char *text);

/* Text in a cell of a Markdown table. */
void tug_cli_bench_print_markdown(FILE *file, const char *text);

#endif
