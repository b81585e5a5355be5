/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * daemon - owns everything, from the lock to the scheduler
 *
 * Start: lock, loop, signals, player, and the scheduler last (scheduling.h).
 * Stop is the reverse. CPU hotplug ends the scheduler and starts the next with
 * the same options, and so does a change of those that are read before load.
 * Settings change while it runs: by SIGHUP, by their files, by the game.
 */
#ifndef ARCADE_SRC_DAEMON_H
#define ARCADE_SRC_DAEMON_H

#include "settings.h"
#include "status.h"
#include "util.h"

struct daemon;

/* @settings is borrowed, and changes of it are applied from now on. Nothing is scheduled yet. Return: STATUS_OK, or why not; logged. */
enum status daemon_new(struct settings *settings, struct daemon **ret);

/* Give everything back. Accepts NULL. */
void daemon_free(struct daemon *daemon);
DEFINE_CLEANUP(struct daemon *, daemon_free)

/* Schedule until SIGINT or SIGTERM. Return: STATUS_OK, or what ended it; logged. */
enum status daemon_run(struct daemon *daemon);

#endif
