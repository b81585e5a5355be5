// SPDX-License-Identifier: GPL-2.0-only
/*
 * burst - the game compiles shaders
 *
 * Now and then it starts many threads that compute for a second and end. They
 * belong to the game's process and are no part of its frames. Their nice value
 * is 0 whatever the game's is, as engines do it who mind their frame rate.
 *
 * Bursts lie inside the counted span in whole, so that what they get done can
 * be compared.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "clock.h"
#include "scene.h"
#include "work.h"

#define BURST_FIRST_NS		(1 * NSEC_PER_SEC)	/* after the counted span begins */
#define BURST_PERIOD_NS		(3 * NSEC_PER_SEC)
#define BURST_LENGTH_NS		(1 * NSEC_PER_SEC)
#define BURST_THREADS_PER_CPU	4
#define BURST_UNIT_US		100

struct burst {
	struct scene *scene;
	uint64_t end_ns;
	unsigned int nr_threads;
	pthread_t threads[];
};

static void *burst_compute(void *arg)
{
	struct burst *burst = arg;
	struct scene_shared *shared = burst->scene->shared;
	uint64_t nr_iters = work_from_us(burst->scene->iters_per_us, BURST_UNIT_US);
	uint64_t nr_done = 0;

	/* of this thread alone, and never refused: the value does not go down */
	setpriority(PRIO_PROCESS, 0, 0);
	while (clock_now_ns() < burst->end_ns) {
		work_do(nr_iters);
		nr_done++;
	}
	atomic_fetch_add(&shared->nr_burst_units, nr_done);
	atomic_fetch_add(&shared->burst_cpu_ns, (uint64_t)(scene_get_cpu_s(RUSAGE_THREAD) * (double)NSEC_PER_SEC));
	return NULL;
}

static int burst_play(struct burst *burst, unsigned int max_threads)
{
	int err = 0;

	burst->nr_threads = 0;
	while (burst->nr_threads < max_threads && !err) {
		err = pthread_create(&burst->threads[burst->nr_threads], NULL, burst_compute, burst);
		if (!err)
			burst->nr_threads++;
	}
	while (burst->nr_threads)
		pthread_join(burst->threads[--burst->nr_threads], NULL);
	if (err)
		return scene_fail(burst->scene, "can't start a thread of the burst: %s", strerror(err));
	return 0;
}

void *burst_thread(void *arg)
{
	struct scene *scene = arg;
	struct scene_shared *shared = scene->shared;
	unsigned int max_threads = (unsigned int)get_nprocs() * BURST_THREADS_PER_CPU;
	struct burst *burst = calloc(1, sizeof(*burst) + max_threads * sizeof(burst->threads[0]));
	uint64_t when_ns;

	pthread_setname_np(pthread_self(), "burst");
	if (!burst) {
		scene_fail(scene, "out of memory");
		_exit(EXIT_FAILURE);
	}
	burst->scene = scene;
	scene_wait_begin(scene);

	when_ns = shared->measure_ns + BURST_FIRST_NS;
	for (; when_ns + BURST_LENGTH_NS <= shared_end_ns(shared); when_ns += BURST_PERIOD_NS) {
		clock_sleep_until(when_ns);
		burst->end_ns = when_ns + BURST_LENGTH_NS;
		/* the process ends, and with it the scene */
		if (burst_play(burst, max_threads))
			_exit(EXIT_FAILURE);
	}
	free(burst);
	return NULL;
}
