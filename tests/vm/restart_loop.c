// SPDX-License-Identifier: GPL-2.0-only
/*
 * restart_loop N - starts and stops the daemon N times in this process
 *
 * Fails if descriptors, threads or memory grow from the second round on; the
 * first one pays for what libraries keep.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "daemon.h"
#include "log.h"

/* What malloc keeps for later, and the page cache of a read file's buffer. */
#define RESIDENT_SLACK_KIB 512

struct held {
	long descriptors;
	long threads;
	long resident_kib;
};

static long count_entries(const char *path)
{
	DIR *dir = opendir(path);
	long nr = 0;

	if (!dir)
		return -1;
	while (readdir(dir))
		nr++;
	closedir(dir);
	return nr;
}

/* A thread that has been joined is listed until the kernel is done with it. "." and ".." are entries, too. */
static void wait_for_threads(void)
{
	for (int i = 0; i < 200 && count_entries("/proc/self/task") > 3; i++)
		usleep(10000);
}

static struct held held_now(void)
{
	struct held held = { count_entries("/proc/self/fd"), count_entries("/proc/self/task"), -1 };
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];

	while (status && fgets(line, sizeof(line), status))
		if (sscanf(line, "VmRSS: %ld", &held.resident_kib) == 1)
			break;
	if (status)
		fclose(status);
	return held;
}

static bool run_once(void)
{
	const struct itimerspec soon = { .it_value.tv_nsec = 50000000 };
	struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGINT };
	struct daemon *daemon = NULL;
	char *argv[] = { (char *)"scx_arcade", NULL };
	struct settings *settings = NULL;
	enum status status;
	timer_t timer;

	if (settings_new(1, argv, stderr, &settings))
		return false;
	status = daemon_new(settings, &daemon);
	if (!status) {
		timer_create(CLOCK_MONOTONIC, &event, &timer);
		timer_settime(timer, 0, &soon, NULL);
		status = daemon_run(daemon);
		timer_delete(timer);
	}
	daemon_free(daemon);
	settings_free(settings);
	return status == STATUS_OK;
}

int main(int argc, char **argv)
{
	int rounds = argc > 1 ? atoi(argv[1]) : 100;
	struct held first = { 0 }, last = { 0 };

	log_set_level(LOG_LEVEL_ERROR);
	for (int i = 0; i < rounds; i++) {
		if (!run_once()) {
			printf("round %d failed\n", i);
			return 1;
		}
		wait_for_threads();
		last = held_now();
		/* Libraries have allocated what they keep after a few rounds. */
		if (i == 4)
			first = last;
	}
	printf("figure: %d rounds: descriptors %ld → %ld, threads %ld → %ld, resident %ld → %ld KiB\n", rounds,
	       first.descriptors, last.descriptors, first.threads, last.threads, first.resident_kib, last.resident_kib);
	return last.descriptors != first.descriptors || last.threads != first.threads ||
	       last.resident_kib > first.resident_kib + RESIDENT_SLACK_KIB;
}
