/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * monitor - --monitor SEC: a live table from a running daemon
 *
 * A client: schedules nothing, needs no privileges but to read, waits for a
 * daemon and says so, and connects again to the next one.
 */
#ifndef ARCADE_SRC_MONITOR_H
#define ARCADE_SRC_MONITOR_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <json-c/json.h>

#include "status.h"

/* @path: of the socket, NULL for the usual. Until SIGINT, SIGTERM or SIGHUP. Return: STATUS_OK, or why not; logged. */
enum status monitor_run(const char *path, uint64_t period_ns, bool json);

/* The table: totals of @now, an answer to "top", and rates since @before, NULL if there is none. */
void monitor_print(FILE *out, json_object *now, json_object *before);

#endif
