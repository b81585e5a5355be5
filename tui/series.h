/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * series - the last values of one figure, for a small graph
 *
 * A value that is not known (no daemon, nothing happened) is a gap.
 */
#ifndef ARCADE_TUI_SERIES_H
#define ARCADE_TUI_SERIES_H

#include <stddef.h>

/* A value per column of the widest graph. */
#define SERIES_LENGTH 240

struct series {
	double values[SERIES_LENGTH];	/* a ring; NaN is a gap */
	size_t nr;			/* values added so far */
};

void series_add(struct series *series, double value);
void series_add_gap(struct series *series);

/* The value @age steps ago, 0 being the newest. NaN for a gap, and for what is too long ago. */
double series_at(const struct series *series, size_t age);

/* The largest of the newest @nr values; 0 if there is none. */
double series_max(const struct series *series, size_t nr);

#endif
