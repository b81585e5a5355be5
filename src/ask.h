/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ask - what the program's own clients have in common
 *
 * --monitor, --stats-openmetrics and ctl find the daemon, ask it, and tell in
 * one line and by their exit status why that did not work.
 */
#ifndef ARCADE_SRC_ASK_H
#define ARCADE_SRC_ASK_H

#include "client.h"
#include "status.h"

#define ASK_TIMEOUT_MS 5000

/* -errno of client_connect() or client_request() as an exit status. */
enum status ask_status(int err);

/* Connect. Return: STATUS_OK, or why not; logged. */
enum status ask_connect(const char *path, struct client **ret);

/* @req is taken, also on failure. @resp is the caller's. Return: as above. */
enum status ask_request(struct client *client, json_object *req, json_object **resp);

/* Of the statistics, one target. */
enum status ask_target(struct client *client, const char *target, json_object **resp);

/* Lines on standard output that nobody reads are a failure. Logs. */
enum status ask_flush(void);

#endif
