// SPDX-License-Identifier: GPL-2.0-only
#include <math.h>

#include "histogram.h"

unsigned int histogram_bucket_of(uint64_t value_ns)
{
	unsigned int shift;

	if (value_ns >> HISTOGRAM_MAX_BITS)
		return HISTOGRAM_NR_BUCKETS - 1;
	if (value_ns < HISTOGRAM_SUB)
		return (unsigned int)value_ns;

	/* the top HISTOGRAM_SUB_BITS + 1 bits, of which the first is always set */
	shift = 63u - (unsigned int)__builtin_clzll(value_ns) - HISTOGRAM_SUB_BITS;
	return shift * HISTOGRAM_SUB + (unsigned int)(value_ns >> shift);
}

uint64_t histogram_bucket_last(unsigned int bucket)
{
	unsigned int shift;
	uint64_t first;

	if (bucket < HISTOGRAM_SUB)
		return bucket;
	shift = bucket / HISTOGRAM_SUB - 1;
	first = (uint64_t)(bucket - shift * HISTOGRAM_SUB) << shift;
	return first + (1ull << shift) - 1;
}

void histogram_add(struct histogram *hist, uint64_t value_ns)
{
	hist->nr++;
	hist->sum_ns += value_ns;
	if (value_ns > hist->max_ns)
		hist->max_ns = value_ns;
	hist->buckets[histogram_bucket_of(value_ns)]++;
}

uint64_t histogram_get_percentile(const struct histogram *hist, double percent)
{
	uint64_t rank, seen = 0;
	unsigned int bucket;

	if (!hist->nr)
		return 0;

	/* less a hair: 99.9 % of 1000 is 999, whatever binary fractions say */
	rank = (uint64_t)ceil(percent / 100.0 * (double)hist->nr - 1e-6);
	if (rank < 1)
		rank = 1;

	for (bucket = 0; bucket < HISTOGRAM_NR_BUCKETS - 1; bucket++) {
		seen += hist->buckets[bucket];
		if (seen >= rank) {
			uint64_t last_ns = histogram_bucket_last(bucket);

			return last_ns < hist->max_ns ? last_ns : hist->max_ns;
		}
	}
	return hist->max_ns;
}
