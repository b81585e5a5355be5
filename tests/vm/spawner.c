/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * spawner PER-MINUTE SECONDS PROGRAM [ARG]... - starts a program over and over, at a steady pace
 *
 * Prints how many came to their end. One that is late is made up for, so that the number is right on a slow machine
 * as long as that can do it at all.
 */
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "util.h"

#include <time.h>

int main(int argc, char **argv, char **envp)
{
	uint64_t start_ns = now_ns(), due_ns = start_ns, per_minute, seconds, nr = 0;

	if (argc < 4 || parse_u64_range(argv[1], 1, 1000000, &per_minute) || parse_u64_range(argv[2], 1, 3600, &seconds)) {
		fprintf(stderr, "usage: spawner PER-MINUTE SECONDS PROGRAM [ARG]...\n");
		return 2;
	}
	while (due_ns < start_ns + seconds * NSEC_PER_SEC && now_ns() < start_ns + 2 * seconds * NSEC_PER_SEC) {
		const struct timespec until = { .tv_sec = (time_t)(due_ns / NSEC_PER_SEC),
						.tv_nsec = (long)(due_ns % NSEC_PER_SEC) };
		int status, err;
		pid_t pid;

		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
		err = posix_spawn(&pid, argv[3], NULL, NULL, argv + 3, envp);
		if (err) {
			fprintf(stderr, "spawner: %s: %s\n", argv[3], strerror(err));
			return 1;
		}
		if (waitpid(pid, &status, 0) == pid && !status)
			nr++;
		due_ns += 60 * NSEC_PER_SEC / per_minute;
	}
	printf("%llu %llu\n", (unsigned long long)nr, (unsigned long long)((now_ns() - start_ns) / NSEC_PER_MSEC));
	return 0;
}
