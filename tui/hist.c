// SPDX-License-Identifier: GPL-2.0-only
#include "hist.h"

uint64_t hist_count(const struct hist *hist)
{
	uint64_t total = 0;

	for (int i = 0; i < ARCADE_HIST_BUCKETS; i++)
		if (__builtin_add_overflow(total, hist->buckets[i], &total))
			return UINT64_MAX;
	return total;
}

struct hist hist_since(const struct hist *now, const struct hist *before)
{
	struct hist ret = *now;

	for (int i = 0; i < ARCADE_HIST_BUCKETS; i++)
		if (before->buckets[i] <= now->buckets[i])
			ret.buckets[i] -= before->buckets[i];
	return ret;
}

uint64_t hist_quantile_us(const struct hist *hist, uint32_t permille)
{
	/* Doubles: a thousand times a count need not fit into an integer. */
	double wanted = 0, seen = 0;

	for (int i = 0; i < ARCADE_HIST_BUCKETS; i++)
		wanted += hist->buckets[i];
	if (wanted == 0)
		return 0;
	wanted = wanted * permille / 1000;
	for (int i = 0; i < ARCADE_HIST_BUCKETS - 1; i++) {
		seen += hist->buckets[i];
		if (seen > 0 && seen >= wanted)
			return 1ULL << i;
	}
	return 1ULL << (ARCADE_HIST_BUCKETS - 1);
}
