// SPDX-License-Identifier: GPL-2.0-only
/*
 * audio - a mixer: 256 samples at 48 kHz, an ordinary thread
 *
 * It is one of the game's threads. Where there is no game it is a process of
 * its own, a music player. An xrun is a period whose work ends after it, or
 * that was over before the thread came to it.
 */
#include <pthread.h>
#include <sys/resource.h>

#include "clock.h"
#include "pacer.h"
#include "scene.h"
#include "work.h"

#define AUDIO_PERIOD_NS	(256 * NSEC_PER_SEC / 48000)
#define AUDIO_WORK_US	300

static void audio_play(struct scene *scene)
{
	struct scene_shared *shared = scene->shared;
	struct period_stats *stats = &shared->audio;
	uint64_t nr_iters = work_from_us(scene->iters_per_us, AUDIO_WORK_US);
	uint64_t start_ns;
	struct pacer pacer;

	pacer_init(&pacer, shared, AUDIO_PERIOD_NS);
	while (pacer_wait(&pacer, &start_ns, &stats->nr_skipped)) {
		uint64_t woken_ns = clock_now_ns();

		work_do(nr_iters);
		if (!shared_is_counted(shared, start_ns))
			continue;
		stats->nr_played++;
		histogram_add(&stats->time, woken_ns - start_ns);
		if (clock_now_ns() > start_ns + AUDIO_PERIOD_NS)
			stats->nr_late++;
	}
}

void *audio_thread(void *arg)
{
	struct scene *scene = arg;

	pthread_setname_np(pthread_self(), "audio");
	scene_set_timer_exact();
	scene_wait_begin(scene);
	audio_play(scene);
	scene->shared->audio_cpu_s = scene_get_cpu_s(RUSAGE_THREAD);
	return NULL;
}

int audio_run(struct scene *scene, unsigned int index)
{
	(void)index;
	scene_set_timer_exact();
	scene_wait_go(scene);
	audio_play(scene);
	return 0;
}
