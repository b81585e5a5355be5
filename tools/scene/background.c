// SPDX-License-Identifier: GPL-2.0-only
/*
 * background - what the player does not watch: computing, and building
 *
 * Both do fixed amounts of work, so what they get done is comparable.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "scene.h"
#include "work.h"

#define HOG_UNIT_US	100
#define FORK_CHILD_US	1000	/* about a compiler's shortest step */

int hog_run(struct scene *scene, unsigned int index)
{
	struct scene_shared *shared = scene->shared;
	struct background_stats *stats = &shared->hogs[index];
	uint64_t nr_iters = work_from_us(scene->iters_per_us, HOG_UNIT_US);
	uint64_t now_ns, nr_done = 0;
	double cpu_before_s = -1;

	scene_wait_go(scene);
	while ((now_ns = clock_now_ns()) < shared_end_ns(shared)) {
		if (cpu_before_s < 0 && shared_is_counted(shared, now_ns))
			cpu_before_s = scene_get_cpu_s(RUSAGE_SELF);
		work_do(nr_iters);
		nr_done += cpu_before_s >= 0;
	}
	stats->nr_done = nr_done;
	if (cpu_before_s >= 0)
		stats->cpu_s = scene_get_cpu_s(RUSAGE_SELF) - cpu_before_s;
	return 0;
}

static double get_forker_cpu_s(void)
{
	return scene_get_cpu_s(RUSAGE_SELF) + scene_get_cpu_s(RUSAGE_CHILDREN);
}

int forker_run(struct scene *scene, unsigned int index)
{
	struct scene_shared *shared = scene->shared;
	struct background_stats *stats = &shared->forkers[index];
	uint64_t nr_iters = work_from_us(scene->iters_per_us, FORK_CHILD_US);
	uint64_t now_ns, nr_done = 0;
	double cpu_before_s = -1;
	pid_t pid;

	scene_wait_go(scene);
	while ((now_ns = clock_now_ns()) < shared_end_ns(shared)) {
		if (cpu_before_s < 0 && shared_is_counted(shared, now_ns))
			cpu_before_s = get_forker_cpu_s();
		pid = fork();
		if (pid < 0)
			return scene_fail(scene, "can't fork: %s", strerror(errno));
		if (!pid) {
			work_do(nr_iters);
			_exit(0);
		}
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		nr_done += cpu_before_s >= 0;
	}
	stats->nr_done = nr_done;
	if (cpu_before_s >= 0)
		stats->cpu_s = get_forker_cpu_s() - cpu_before_s;
	return 0;
}
