// SPDX-License-Identifier: GPL-2.0-only
/*
 * churn: threads move between cgroups of different weight, and the weights change
 *
 * Threaded cgroups, so that every thread can move by itself. Processes that are
 * forked while their parent is in one start there.
 */
#include "churn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOT	  "/sys/fs/cgroup"
#define HOME	  ROOT "/churn"
#define NR_GROUPS 4

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	int err = errno;

	if (fd >= 0)
		close(fd);
	errno = err;
	return ok;
}

static bool write_group(int group, const char *name, int value)
{
	char path[96], text[16];

	snprintf(path, sizeof(path), HOME "/%d/%s", group, name);
	snprintf(text, sizeof(text), "%d", value);
	return write_text(path, text);
}

/* Moves this process there, before it has threads and children. */
bool churn_open_cgroups(void)
{
	char path[96];

	if (!churn_has(CHURN_CGROUP))
		return true;
	(void)mkdir(HOME, 0755);
	if (!write_text(ROOT "/cgroup.subtree_control", "+cpu") || !write_text(HOME "/cgroup.procs", "0"))
		return false;
	for (int i = 0; i < NR_GROUPS; i++) {
		snprintf(path, sizeof(path), HOME "/%d", i);
		(void)mkdir(path, 0755);
		snprintf(path, sizeof(path), HOME "/%d/cgroup.type", i);
		if (!write_text(path, "threaded"))
			return false;
	}
	if (!write_text(HOME "/cgroup.subtree_control", "+cpu"))
		return false;
	for (int i = 0; i < NR_GROUPS; i++)
		if (!write_group(i, "cpu.weight", 1 + i * 300))
			return false;
	return true;
}

static void *move_around(void *arg)
{
	static const int weights[] = { 1, 10, 100, 1000, 10000 };
	struct churn_random random = churn_random_new();

	churn_set_fifo(30);
	while (!churn_stopped()) {
		pid_t tid = churn->tasks[churn_random_below(&random, CHURN_MAX_TASKS)].tid;
		int group = churn_random_below(&random, NR_GROUPS);

		if (tid && write_group(group, "cgroup.threads", tid))
			churn_done(CHURN_CGROUP);
		if (!churn_random_below(&random, 16))
			write_group(churn_random_below(&random, NR_GROUPS), "cpu.weight",
				    weights[churn_random_below(&random, ARRAY_SIZE(weights))]);
		churn_sleep_us(2000 + churn_random_below(&random, 8000));
	}
	return NULL;
}

void churn_start_cgroups(void)
{
	if (churn_has(CHURN_CGROUP))
		churn_thread(move_around, NULL);
}

void churn_close_cgroups(void)
{
	char path[96];

	if (!churn_has(CHURN_CGROUP))
		return;
	/* The last process here: back to the root, then nothing holds them. */
	write_text(ROOT "/cgroup.procs", "0");
	for (int i = 0; i < NR_GROUPS; i++) {
		snprintf(path, sizeof(path), HOME "/%d", i);
		(void)rmdir(path);
	}
	(void)rmdir(HOME);
}
