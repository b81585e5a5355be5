// SPDX-License-Identifier: GPL-2.0-only
/*
 * background - what the player does not watch: computing, and building
 *
 * Both do fixed amounts of work, so what they get done is comparable.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scene.h"
#include "tally.h"
#include "work.h"

#define HOG_UNIT_US	100
#define FORK_CHILD_US	1000	/* about a compiler's shortest step */

int hog_run(struct scene *scene, unsigned int index)
{
	uint64_t nr_iters = work_from_us(scene->iters_per_us, HOG_UNIT_US);
	struct tally tally;

	tally_begin(&tally, scene);
	while (tally_goes_on(&tally)) {
		work_do(nr_iters);
		tally_add(&tally);
	}
	tally_end(&tally, &scene->shared->hogs[index]);
	return 0;
}

int forker_run(struct scene *scene, unsigned int index)
{
	uint64_t nr_iters = work_from_us(scene->iters_per_us, FORK_CHILD_US);
	struct tally tally;
	pid_t pid;

	tally_begin(&tally, scene);
	while (tally_goes_on(&tally)) {
		pid = fork();
		if (pid < 0)
			return scene_fail(scene, "can't fork: %s", strerror(errno));
		if (!pid) {
			work_do(nr_iters);
			_exit(0);
		}
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		tally_add(&tally);
	}
	tally_end(&tally, &scene->shared->forkers[index]);
	return 0;
}
