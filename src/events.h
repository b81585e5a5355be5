/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * events - the last things that the log said
 *
 * A ring of lines at notice and above, and of those below that tell of games,
 * modes and settings. Every thread may log, so every thread may write here; who
 * reads gets copies. Nothing is allocated after events_new().
 */
#ifndef ARCADE_SRC_EVENTS_H
#define ARCADE_SRC_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "log.h"
#include "util.h"

#define EVENTS_MAX	200
#define EVENTS_TEXT_MAX 512

struct events;

struct event {
	uint64_t seq;		/* from 1 */
	uint64_t time_ms;	/* CLOCK_REALTIME */
	enum log_level level;
	char text[EVENTS_TEXT_MAX];	/* escaped */
};

/* Return: 0, -ENOMEM. */
int events_new(struct events **ret);

/* Accepts NULL. Nobody may log into it any more. */
void events_free(struct events *events);
DEFINE_CLEANUP(struct events *, events_free)

/* A log_sink_fn; @data: the events. */
void events_log(enum log_level level, const char *text, void *data);

/*
 * The oldest one after @seq, 0 for the oldest there is. Return: 0, -ENOENT if there is none.
 */
int events_next(struct events *events, uint64_t seq, struct event *ret);

/* "error", "warning", "notice", "info" */
const char *events_level_name(enum log_level level);

#endif
