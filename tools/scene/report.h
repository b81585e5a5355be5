/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report - the results: a table for people, JSON, or lines of words
 */
#ifndef SCENE_REPORT_H
#define SCENE_REPORT_H

#include <stdio.h>

#include "director.h"

/* One flat JSON object in one line; a figure that nothing was measured for is null. */
void report_print_json(FILE *out, const struct scene *scene, const struct scene_result *result);

/* The same as lines 'key value', with '-' for null. */
void report_print_kv(FILE *out, const struct scene *scene, const struct scene_result *result);

void report_print_table(FILE *out, const struct scene *scene, const struct scene_result *result);

/* Render latencies in ns, one per line, in the order in which they happened. */
void report_print_samples(FILE *out, const struct scene *scene);

/* What is not empty of the histogram of input to game: 'upper end in ns' and count in each line. */
void report_print_buckets(FILE *out, const struct scene *scene);

#endif
