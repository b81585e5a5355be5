/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tally - what a background part gets done in the counted span, and the CPU time it takes
 *
 * A piece of work counts if it begins in the counted span; the last one may
 * end after it. CPU time is that of the part and of the children that it has
 * waited for.
 *
 *	tally_begin(&tally, scene);
 *	while (tally_goes_on(&tally)) {
 *		...
 *		tally_add(&tally);
 *	}
 *	tally_end(&tally, &stats);
 */
#ifndef SCENE_TALLY_H
#define SCENE_TALLY_H

#include <stdbool.h>
#include <stdint.h>

struct background_stats;
struct scene;
struct scene_shared;

struct tally {
	struct scene_shared *shared;
	uint64_t nr_done;
	double cpu_before_s;	/* below zero before the counted span */
};

/* Waits until the scene begins, as scene_wait_go(). */
void tally_begin(struct tally *tally, struct scene *scene);

/* Return: false when the scene is over. */
bool tally_goes_on(struct tally *tally);

/* A piece of work is done. */
void tally_add(struct tally *tally);

void tally_end(const struct tally *tally, struct background_stats *stats);

#endif
