/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * threads_best - of all threads those that matter
 *
 * A heap of bounded size: however many threads there are, each is looked at
 * once, and the least of those kept makes room for one that matters more.
 */
#ifndef ARCADE_SRC_THREADS_BEST_H
#define ARCADE_SRC_THREADS_BEST_H

#include "threads.h"

/* Who was in a chain within this matters most, whoever else does. */
#define THREADS_CHAIN_RECENT_NS (5 * NSEC_PER_SEC)

struct threads_best {
	uint64_t now_ns;	/* CLOCK_MONOTONIC, by which all are judged */
	size_t nr;
	struct arcade_thread heap[THREADS_MAX];	/* who matters least comes first */
};

static inline void threads_best_init(struct threads_best *best, uint64_t now)
{
	best->now_ns = now;
	best->nr = 0;
}

void threads_best_add(struct threads_best *best, const struct arcade_thread *thread);

/* Legal as long as nr is not 0. */
void threads_best_take_least(struct threads_best *best, struct arcade_thread *ret);

/* Upper bound, in microseconds, of the bucket that holds the @permille-th of @nr waits, which are all. 0 if there are none. */
uint64_t threads_wait_us(const uint16_t waits[ARCADE_HIST_BUCKETS], uint64_t nr, uint32_t permille);

#endif
