/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stats - one snapshot of everything that is counted, and its ways onto paper
 *
 * Whoever shows figures reads a snapshot; nobody reads the sources alone. All
 * counters grow from the start of the scheduler; rates are differences of two
 * snapshots.
 */
#ifndef ARCADE_SRC_STATS_H
#define ARCADE_SRC_STATS_H

#include <stdint.h>
#include <stdio.h>

#include "arcade/abi.h"
#include "rings.h"
#include "roles.h"

struct stats_snapshot {
	uint64_t time_ns;		/* CLOCK_MONOTONIC */
	struct arcade_stats kernel;
	struct rings_facts rings;
	struct roles_facts roles;
	uint64_t input_missed;
	uint64_t loop_wakeups;
	uint64_t log_lines_lost;
	uint64_t frames_dropped;
	uint64_t restarts;
	uint32_t active_lanes;		/* bits of enum arcade_lane */
	uint32_t pad;
};

/* One line of text: what happened between the two. */
void stats_print_line(FILE *out, const struct stats_snapshot *now, const struct stats_snapshot *before);

/* One JSON object in one line: totals. */
void stats_print_json(FILE *out, const struct stats_snapshot *now);

/* A screenful: totals, and rates since @before. */
void stats_print_table(FILE *out, const struct stats_snapshot *now, const struct stats_snapshot *before);

/* Name, unit and meaning of every JSON member. */
void stats_print_help(FILE *out);

/* Upper end, in microseconds, of the bucket that holds the @permille of a log2 histogram; 0 if it is empty. */
uint64_t stats_hist_quantile_us(const uint64_t *buckets, uint32_t permille);

#endif
