// SPDX-License-Identifier: GPL-2.0-only
/*
 * audio - the mixer of a game: 256 samples at 48 kHz, an ordinary thread
 *
 * An xrun is a period whose work ends after it, or that was over before the
 * thread came to it.
 */
#include <errno.h>
#include <string.h>
#include <sys/resource.h>

#include "clock.h"
#include "options.h"
#include "pacer.h"
#include "scene.h"
#include "work.h"

#define AUDIO_PERIOD_NS	(256 * NSEC_PER_SEC / 48000)
#define AUDIO_WORK_US	300

int audio_run(struct scene *scene, unsigned int index)
{
	struct scene_shared *shared = scene->shared;
	uint64_t nr_iters = work_from_us(scene->iters_per_us, AUDIO_WORK_US);
	int game_nice = scene->opt->game_nice;
	uint64_t start_ns;
	struct pacer pacer;

	(void)index;
	if (game_nice && setpriority(PRIO_PROCESS, 0, game_nice))
		return scene_fail(scene, "can't set nice %d: %s", game_nice, strerror(errno));
	scene_set_timer_exact();
	scene_wait_go(scene);

	pacer_init(&pacer, shared, AUDIO_PERIOD_NS);
	while (pacer_wait(&pacer, &start_ns, &shared->nr_audio_skipped)) {
		uint64_t woken_ns = clock_now_ns();

		work_do(nr_iters);
		if (!shared_is_counted(shared, start_ns))
			continue;
		shared->nr_audio_played++;
		histogram_add(&shared->audio_wake, woken_ns - start_ns);
		if (clock_now_ns() > start_ns + AUDIO_PERIOD_NS)
			shared->nr_audio_late++;
	}
	return 0;
}
