// SPDX-License-Identifier: GPL-2.0-only
/*
 * desktop - what else runs on time there: a video, and a thread with a timer
 *
 * The timer's thread stands for all the ordinary threads that no input wakes
 * and that nobody watches: how late it runs is the wake latency of the rest.
 */
#include "clock.h"
#include "pacer.h"
#include "scene.h"
#include "work.h"

#define VIDEO_HZ	60
#define VIDEO_WORK_US	2000	/* software decoding of full HD */
#define TIMER_HZ	100
#define TIMER_WORK_US	100

int video_run(struct scene *scene, unsigned int index)
{
	struct scene_shared *shared = scene->shared;
	struct period_stats *stats = &shared->video;
	uint64_t nr_iters = work_from_us(scene->iters_per_us, VIDEO_WORK_US);
	uint64_t start_ns, took_ns;
	struct pacer pacer;

	(void)index;
	scene_set_timer_exact();
	scene_wait_go(scene);
	pacer_init(&pacer, shared, NSEC_PER_SEC / VIDEO_HZ);
	while (pacer_wait(&pacer, &start_ns, &stats->nr_skipped)) {
		work_do(nr_iters);
		if (!shared_is_counted(shared, start_ns))
			continue;
		took_ns = clock_now_ns() - start_ns;
		stats->nr_played++;
		if (took_ns > NSEC_PER_SEC / VIDEO_HZ)
			stats->nr_late++;
		histogram_add(&stats->time, took_ns);
	}
	return 0;
}

int timer_run(struct scene *scene, unsigned int index)
{
	struct scene_shared *shared = scene->shared;
	struct period_stats *stats = &shared->timer;
	uint64_t nr_iters = work_from_us(scene->iters_per_us, TIMER_WORK_US);
	uint64_t start_ns;
	struct pacer pacer;

	(void)index;
	scene_wait_go(scene);
	pacer_init(&pacer, shared, NSEC_PER_SEC / TIMER_HZ);
	while (pacer_wait(&pacer, &start_ns, &stats->nr_skipped)) {
		uint64_t woken_ns = clock_now_ns();

		if (shared_is_counted(shared, start_ns)) {
			stats->nr_played++;
			histogram_add(&stats->time, woken_ns - start_ns);
		}
		work_do(nr_iters);
	}
	return 0;
}
