/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * daemon - owns everything, from the lock to the scheduler
 *
 * Start: lock, loop, signals, player, and the scheduler last (scheduling.h).
 * Stop is the reverse. CPU hotplug ends the scheduler and starts the next with
 * the same options.
 */
#ifndef ARCADE_SRC_DAEMON_H
#define ARCADE_SRC_DAEMON_H

#include "options.h"
#include "status.h"
#include "util.h"

struct daemon;

/* @opts is copied. Nothing is scheduled yet. Return: STATUS_OK, or why not; logged. */
enum status daemon_new(const struct options *opts, struct daemon **ret);

/* Give everything back. Accepts NULL. */
void daemon_free(struct daemon *daemon);
DEFINE_CLEANUP(struct daemon *, daemon_free)

/* Schedule until SIGINT or SIGTERM. Return: STATUS_OK, or what ended it; logged. */
enum status daemon_run(struct daemon *daemon);

#endif
