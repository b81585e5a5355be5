/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * pacer - a fixed grid of periods that a late thread can't stretch
 *
 * Coordinated omission is what makes latency measurements lie: a thread that
 * is held up sends less, and what it did not send has no bad latency. So the
 * grid stands still. A period that is over before its work could start is
 * skipped and counted, and every grid point is either played or skipped.
 */
#ifndef SCENE_PACER_H
#define SCENE_PACER_H

#include <stdbool.h>
#include <stdint.h>

struct scene_shared;

struct pacer {
	struct scene_shared *shared;
	uint64_t period_ns;
	uint64_t next_ns;	/* the grid point to play next */
};

void pacer_init(struct pacer *pacer, struct scene_shared *shared, uint64_t period_ns);

/*
 * Sleep until the next grid point and set @start_ns to it. Skipped periods
 * that count are added to @nr_skipped. Return: false when the scene is over.
 */
bool pacer_wait(struct pacer *pacer, uint64_t *start_ns, uint64_t *nr_skipped);

#endif
