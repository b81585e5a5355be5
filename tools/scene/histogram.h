/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * histogram - log-linear histogram of times in ns
 *
 * Every octave has HISTOGRAM_SUB buckets of equal width, so a percentile is
 * too high by less than 1/HISTOGRAM_SUB of itself, and never too low.
 * One writer each, no locks: the reader looks when the writer has ended.
 * All zero is an empty histogram, so fresh shared memory is a valid one.
 */
#ifndef SCENE_HISTOGRAM_H
#define SCENE_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_SUB_BITS	6
#define HISTOGRAM_SUB		(1u << HISTOGRAM_SUB_BITS)
#define HISTOGRAM_MAX_BITS	40	/* 2^40 ns are 18 minutes: longer is counted as this */
#define HISTOGRAM_NR_BUCKETS	((HISTOGRAM_MAX_BITS - HISTOGRAM_SUB_BITS + 1) * HISTOGRAM_SUB)

struct histogram {
	uint64_t nr;
	uint64_t sum_ns;
	uint64_t max_ns;
	uint32_t buckets[HISTOGRAM_NR_BUCKETS];
};

void histogram_add(struct histogram *hist, uint64_t value_ns);

/*
 * The smallest bucket's upper end that @percent (0 to 100) of all values do
 * not exceed, and never more than the largest value. Return: 0 when empty.
 */
uint64_t histogram_get_percentile(const struct histogram *hist, double percent);

/* The bucket a value falls into, and the largest value of a bucket. */
unsigned int histogram_bucket_of(uint64_t value_ns);
uint64_t histogram_bucket_last(unsigned int bucket);

#endif
