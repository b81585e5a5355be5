/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * targets - what can be asked of the statistics, and what makes the answer
 *
 * A table with a function each. Each answer is described in schema.c.
 */
#ifndef ARCADE_SRC_TARGETS_H
#define ARCADE_SRC_TARGETS_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "events.h"
#include "player.h"
#include "scheduling.h"
#include "stats.h"

/* What answers are made from; all borrowed. */
struct view {
	const struct stats_snapshot *snapshot;
	struct scheduling *scheduling;	/* NULL while nothing is scheduled */
	struct player *player;		/* NULL: none */
	struct events *events;
	const struct options *opts;	/* NULL: not known */
	/* The configuration as the target "options" tells it; NULL: there is none to tell. */
	json_object *(*describe_options)(void *data);
	void *data;
};

/* Return: the answer, the caller's; NULL without memory, or, with @found false, if there is no such target. */
json_object *target_make(const char *name, const struct view *view, bool *found);

/* Its number, for who keeps something per target. Return: targets_nr() if there is none of this name. */
size_t target_index(const char *name);
size_t targets_nr(void);
const char *target_name(size_t i);

#endif
