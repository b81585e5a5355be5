/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * openmetrics - the statistics of a running daemon as OpenMetrics text
 *
 * For the textfile collector of Prometheus's node_exporter, and whatever else
 * reads that form. Times are in seconds, histograms have cumulative buckets.
 */
#ifndef ARCADE_SRC_OPENMETRICS_H
#define ARCADE_SRC_OPENMETRICS_H

#include <stdio.h>

#include <json-c/json.h>

#include "status.h"

/* From answers to "top" and "chains"; what they lack is left out. */
void openmetrics_print(FILE *out, json_object *top, json_object *chains);

/* --stats-openmetrics: ask the daemon at @path (NULL: the usual) and print. Return: STATUS_OK, or why not; logged. */
enum status openmetrics_run(const char *path);

#endif
