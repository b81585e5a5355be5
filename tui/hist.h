/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hist - log2 histograms of microseconds, as the kernel half makes them
 *
 * Bucket i counts what took [2^(i-1), 2^i) us, the first everything below 1 us,
 * the last everything from 4.2 s on. Whatever the counts are, nothing here
 * overflows: sums stop at the largest number.
 */
#ifndef ARCADE_TUI_HIST_H
#define ARCADE_TUI_HIST_H

#include <stdint.h>

#include "arcade/abi.h"

struct hist {
	uint64_t buckets[ARCADE_HIST_BUCKETS];
};

uint64_t hist_count(const struct hist *hist);

/* What came to @now since @before. A bucket that has shrunk was begun anew: all of it counts. */
struct hist hist_since(const struct hist *now, const struct hist *before);

/* Upper end, in microseconds, of the bucket that holds the @permille; 0 if the histogram is empty. */
uint64_t hist_quantile_us(const struct hist *hist, uint32_t permille);

#endif
