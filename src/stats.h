/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stats - one snapshot of everything that is counted
 *
 * Whoever shows figures reads a snapshot; nobody reads the sources alone. All
 * counters grow from the start of the scheduler; rates are differences of two
 * snapshots. What its members are called, and mean, is said in stats_fields.h.
 */
#ifndef ARCADE_SRC_STATS_H
#define ARCADE_SRC_STATS_H

#include <stdint.h>
#include <stdio.h>

#include "arcade/abi.h"
#include "devices.h"
#include "loop.h"
#include "player.h"
#include "rings.h"
#include "roles.h"
#include "server.h"

#define STATS_TEXT_MAX 72

struct stats_snapshot {
	uint64_t time_ns;		/* CLOCK_MONOTONIC */
	uint64_t uptime_ns;		/* since the scheduler started */
	uint64_t nr_cpus;		/* that it schedules */
	struct arcade_stats kernel;
	struct rings_facts rings;
	struct roles_facts roles;
	struct devices_facts devices;
	struct player_facts player;
	struct loop_facts loop;
	struct server_facts servers[2];	/* of the statistics, of control */
	uint64_t input_missed;
	uint64_t log_lines_lost;
	uint64_t frames_dropped;
	uint64_t restarts;
	uint32_t active_lanes;		/* bits of enum arcade_lane */
	uint32_t pad;
	/* Safe to show: escaped where they are not ours. */
	char version[STATS_TEXT_MAX];
	char kernel_release[STATS_TEXT_MAX];
	char state[STATS_TEXT_MAX];
	char mode[STATS_TEXT_MAX];
	char game_name[STATS_TEXT_MAX];
	char acting[STATS_TEXT_MAX];
};

/* One line of text: what happened between the two. */
void stats_print_line(FILE *out, const struct stats_snapshot *now, const struct stats_snapshot *before);

/* One JSON object in one line: totals. */
void stats_print_json(FILE *out, const struct stats_snapshot *now);

/* Name, unit and meaning of every JSON member. */
void stats_print_help(FILE *out);

/* Upper end, in microseconds, of the bucket that holds the @permille of a log2 histogram; 0 if it is empty. */
uint64_t stats_hist_quantile_us(const uint64_t *buckets, uint32_t permille);

/* "keyboard, mouse", of bits of enum arcade_lane; "none". */
void stats_describe_lanes(uint32_t lanes, char *buf, size_t size);

#endif
