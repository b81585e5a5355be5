// SPDX-License-Identifier: GPL-2.0-only
#include "clock.h"
#include "pacer.h"
#include "scene.h"

void pacer_init(struct pacer *pacer, struct scene_shared *shared, uint64_t period_ns)
{
	pacer->shared = shared;
	pacer->period_ns = period_ns;
	pacer->next_ns = shared->begin_ns;
}

bool pacer_wait(struct pacer *pacer, uint64_t *start_ns, uint64_t *nr_skipped)
{
	uint64_t now_ns = clock_now_ns();
	uint64_t end_ns = shared_end_ns(pacer->shared);

	while (pacer->next_ns < end_ns && now_ns >= pacer->next_ns + pacer->period_ns) {
		if (shared_is_counted(pacer->shared, pacer->next_ns))
			(*nr_skipped)++;
		pacer->next_ns += pacer->period_ns;
	}
	if (pacer->next_ns >= end_ns)
		return false;

	if (now_ns < pacer->next_ns) {
		clock_sleep_until(pacer->next_ns);
		/* --packets ends a scene early */
		if (pacer->next_ns >= shared_end_ns(pacer->shared))
			return false;
	}
	*start_ns = pacer->next_ns;
	pacer->next_ns += pacer->period_ns;
	return true;
}
