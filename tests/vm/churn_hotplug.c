// SPDX-License-Identifier: GPL-2.0-only
/*
 * churn: CPUs go offline and come back; the scheduler's state is watched
 *
 * The kernel ends the scheduler at every such change and the daemon starts it
 * again. That time is a window in which nobody's wait counts. Outside of it the
 * scheduler has to be there, and to be the same one.
 */
#include "churn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WATCH_US	20000
#define RESTART_MAX_NS	(60 * NSEC_PER_SEC)

static pthread_t watcher;
static bool is_watching;
static bool offline[CHURN_MAX_CPUS];
static long seq;	/* successful starts of sched_ext schedulers since boot */

static bool read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	if (len <= 0)
		return false;
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return true;
}

static bool is_enabled(long *start_seq)
{
	char state[32], text[32];

	if (!read_text("/sys/kernel/sched_ext/state", state, sizeof(state)) ||
	    !read_text("/sys/kernel/sched_ext/enable_seq", text, sizeof(text)))
		return false;
	*start_seq = atol(text);
	return !strcmp(state, "enabled");
}

static void watch_for(uint32_t ms)
{
	uint64_t end_ns = now_ns() + ms * NSEC_PER_MSEC;
	long now_seq = seq;

	while (!churn_stopped() && now_ns() < end_ns) {
		churn_sleep_us(WATCH_US);
		if (churn->any_scheduler || (is_enabled(&now_seq) && now_seq == seq))
			continue;
		fprintf(stderr, "churn: %7.3f s: the scheduler is off or has started again (%ld, was %ld), and no CPU came or went\n",
			(now_ns() - churn->start_ns) / 1e9, now_seq, seq);
		churn->nr_unexplained++;
		/* Once is enough. */
		churn->stop = true;
	}
}

static bool set_online(int cpu, bool online)
{
	char path[80];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write(fd, online ? "1" : "0", 1) == 1;
	if (fd >= 0)
		close(fd);
	if (ok)
		offline[cpu] = !online;
	return ok;
}

static void await_restart(void)
{
	uint64_t end_ns = now_ns() + RESTART_MAX_NS;
	long now_seq = seq;

	while (!churn->any_scheduler && !(is_enabled(&now_seq) && now_seq != seq)) {
		if (now_ns() > end_ns) {
			errno = ETIMEDOUT;
			churn_fail("restart after hotplug");
			churn->stop = true;
			return;
		}
		churn_sleep_us(5000);
	}
	seq = now_seq;
}

static void change_cpu(int cpu)
{
	churn_window_open();
	if (set_online(cpu, offline[cpu])) {
		churn->light = true;
		await_restart();
		churn->light = false;
		churn_done(CHURN_HOTPLUG);
	} else if (errno != EBUSY) {
		churn_fail("hotplug");
	}
	churn_window_close();
}

static int nr_offline(void)
{
	int nr = 0;

	for (int cpu = 0; cpu < churn->nr_cpus; cpu++)
		nr += offline[cpu];
	return nr;
}

static void *watch(void *arg)
{
	struct churn_random random = churn_random_new();
	uint32_t every_ms = churn->hotplug_every_ms;

	churn_set_fifo(60);
	while (!churn_stopped()) {
		int cpu = 1 + churn_random_below(&random, churn->nr_cpus - 1);

		watch_for(every_ms / 2 + churn_random_below(&random, every_ms));
		if (churn_stopped() || !churn_has(CHURN_HOTPLUG))
			continue;
		if (offline[cpu] || nr_offline() < churn->nr_cpus / 2)
			change_cpu(cpu);
	}
	return NULL;
}

void churn_start_hotplug(void)
{
	if (!churn->any_scheduler && !is_enabled(&seq)) {
		errno = ENOENT;
		churn_fail("no sched_ext scheduler is enabled");
		return;
	}
	is_watching = !pthread_create(&watcher, NULL, watch, NULL);
}

void churn_stop_hotplug(void)
{
	if (is_watching)
		pthread_join(watcher, NULL);
	is_watching = false;
	for (int cpu = 0; cpu < churn->nr_cpus; cpu++)
		if (offline[cpu])
			change_cpu(cpu);
}
