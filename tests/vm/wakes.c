// SPDX-License-Identifier: GPL-2.0-only
/*
 * wakes NR_HOGS COMPUTE_US - a game whose other threads compute all the time: how late is the one that makes the frames?
 *
 * It wakes up every 8 ms and computes for COMPUTE_US. A line with a number of seconds on standard input starts a
 * measurement; its answer is one line: median, mean and 99th percentile in microseconds, and how many of 1000 wakeups came
 * more than LATE_US late. Ends with its input.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PERIOD_NS 8000000ULL
#define LATE_US	  2000
#define MAX_WAKES 100000

static uint32_t late_us[MAX_WAKES];
static volatile uint64_t sink;

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void *compute(void *arg)
{
	for (;;)
		sink++;
	return NULL;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static void measure(double seconds, uint64_t compute_ns)
{
	uint64_t next = clock_ns(CLOCK_MONOTONIC), end = next + (uint64_t)(seconds * 1e9);
	uint64_t sum_us = 0;
	int nr = 0, nr_late = 0;

	while (next < end && nr < MAX_WAKES) {
		struct timespec at;
		uint64_t now, cpu;

		next += PERIOD_NS;
		at = (struct timespec){ .tv_sec = next / 1000000000, .tv_nsec = next % 1000000000 };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
		now = clock_ns(CLOCK_MONOTONIC);
		late_us[nr++] = (now - next) / 1000;
		cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) + compute_ns;
		while (clock_ns(CLOCK_THREAD_CPUTIME_ID) < cpu)
			;
		/* A frame that took too long is followed by the next on the grid; each that was missed counts as that late. */
		now = clock_ns(CLOCK_MONOTONIC);
		while (next + PERIOD_NS < now && nr < MAX_WAKES) {
			next += PERIOD_NS;
			late_us[nr++] = (now - next) / 1000;
		}
	}
	qsort(late_us, nr, sizeof(late_us[0]), compare);
	for (int i = 0; i < nr; i++) {
		sum_us += late_us[i];
		nr_late += late_us[i] > LATE_US;
	}
	printf("%u %u %u %d\n", late_us[nr / 2], (unsigned int)(sum_us / nr), late_us[nr * 99 / 100], nr_late * 1000 / nr);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	int nr_hogs = argc > 1 ? atoi(argv[1]) : 4;
	uint64_t compute_ns = (argc > 2 ? atoi(argv[2]) : 5500) * 1000ULL;
	double seconds;
	pthread_t hog;

	for (int i = 0; i < nr_hogs; i++) {
		if (pthread_create(&hog, NULL, compute, NULL)) {
			perror("wakes");
			return 1;
		}
	}
	while (scanf("%lf", &seconds) == 1)
		measure(seconds, compute_ns);
	return 0;
}
