// SPDX-License-Identifier: GPL-2.0-only
#include <sys/resource.h>

#include "clock.h"
#include "scene.h"
#include "tally.h"

static double get_cpu_s(void)
{
	return scene_get_cpu_s(RUSAGE_SELF) + scene_get_cpu_s(RUSAGE_CHILDREN);
}

void tally_begin(struct tally *tally, struct scene *scene)
{
	*tally = (struct tally) { .shared = scene->shared, .cpu_before_s = -1 };
	scene_wait_go(scene);
}

bool tally_goes_on(struct tally *tally)
{
	uint64_t now_ns = clock_now_ns();

	if (now_ns >= shared_end_ns(tally->shared))
		return false;
	if (tally->cpu_before_s < 0 && shared_is_counted(tally->shared, now_ns))
		tally->cpu_before_s = get_cpu_s();
	return true;
}

void tally_add(struct tally *tally)
{
	tally->nr_done += tally->cpu_before_s >= 0;
}

void tally_end(const struct tally *tally, struct background_stats *stats)
{
	stats->nr_done = tally->nr_done;
	if (tally->cpu_before_s >= 0)
		stats->cpu_s = get_cpu_s() - tally->cpu_before_s;
}
