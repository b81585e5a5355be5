/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stats_fields - what every figure is called, is counted in, and means
 *
 * The one source of all that names figures: a line of --json, the answers on
 * the socket, their description there (stats_meta), --help-stats, the live
 * table and OpenMetrics.
 */
#ifndef ARCADE_SRC_STATS_FIELDS_H
#define ARCADE_SRC_STATS_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "stats.h"

enum stats_type {
	STATS_COUNTER,		/* grows */
	STATS_GAUGE,		/* how it is now */
	STATS_MAXIMUM,		/* since the start */
	STATS_HISTOGRAM,	/* log2 of microseconds; a counter per bucket */
	STATS_TOTAL,		/* of a histogram that is told elsewhere: its entries … */
	STATS_QUANTILE,		/* … and one of its quantiles, in microseconds */
	STATS_TEXT,
	NR_STATS_TYPES,
};

/* How the members of an array are told apart. */
enum stats_label {
	STATS_LABEL_NONE,	/* it is no array */
	STATS_LABEL_LANE,
	STATS_LABEL_RING,
	STATS_LABEL_HOP,
	STATS_LABEL_BUCKET,
	NR_STATS_LABELS,
};

struct stats_field {
	const char *name;
	const char *unit;	/* "ns", "us"; "" for a count or a text */
	const char *desc;
	enum stats_type type;
	enum stats_label label;
	size_t offset;		/* in struct stats_snapshot: of uint64_t, or of a string */
	uint32_t length;	/* of an array; 1 for a scalar */
	uint32_t permille;	/* of STATS_QUANTILE */
	const char *sum;	/* of STATS_HISTOGRAM: the field that adds up its entries, in ns */
};

size_t stats_fields_nr(void);
const struct stats_field *stats_field(size_t i);

/* Return: NULL if there is none of that name. */
const struct stats_field *stats_field_find(const char *name);

/* Where a field's numbers are; not of STATS_TEXT. */
const uint64_t *stats_field_values(const struct stats_field *field, const struct stats_snapshot *snapshot);

/* The one number of a field that is no array: of STATS_TOTAL and STATS_QUANTILE it is worked out. */
uint64_t stats_field_value(const struct stats_field *field, const struct stats_snapshot *snapshot);

const char *stats_field_text(const struct stats_field *field, const struct stats_snapshot *snapshot);

/* "lane", "ring", "hop"; NULL if there is none. And the value of the @i-th of an array, written to @buf. */
const char *stats_label_name(enum stats_label label);
const char *stats_label_value(enum stats_label label, uint32_t i, char buf[16]);

const char *stats_lane_name(enum arcade_lane lane);

#endif
