// SPDX-License-Identifier: GPL-2.0-only
#include "clock.h"
#include "work.h"

#define CALIBRATE_NR_RUNS	300
#define CALIBRATE_RUN_NS	NSEC_PER_MSEC	/* shorter than a time slice: some run is left undisturbed */

/* Each step needs the one before it, in registers only: caches play no part. */
void work_do(uint64_t nr_iters)
{
	uint64_t x = nr_iters | 1;

	while (nr_iters--) {
		x = x * 6364136223846793005ull + 1442695040888963407ull;
		__asm__ volatile("" : "+r"(x));
	}
}

double work_calibrate(void)
{
	uint64_t nr_iters = 1000;
	double best = 0;
	int i;

	for (i = 0; i < CALIBRATE_NR_RUNS; i++) {
		uint64_t start_ns = clock_now_ns(), took_ns;
		double rate;

		work_do(nr_iters);
		took_ns = clock_now_ns() - start_ns;
		if (!took_ns)
			took_ns = 1;
		rate = (double)nr_iters * (double)NSEC_PER_USEC / (double)took_ns;
		if (rate > best)
			best = rate;
		nr_iters = (uint64_t)(best * (double)CALIBRATE_RUN_NS / (double)NSEC_PER_USEC) + 1;
	}
	return best;
}

uint64_t work_from_us(double iters_per_us, double work_us)
{
	return (uint64_t)(iters_per_us * work_us);
}
