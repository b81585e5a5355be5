// SPDX-License-Identifier: GPL-2.0-only
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "futex.h"
#include "scene.h"

int scene_fail(struct scene *scene, const char *format, ...)
{
	struct scene_shared *shared = scene->shared;
	va_list args;

	if (!atomic_exchange(&shared->has_failed, 1)) {
		va_start(args, format);
		vsnprintf(shared->error, sizeof(shared->error), format, args);
		va_end(args);
	}
	return -1;
}

void scene_wait_go(struct scene *scene)
{
	atomic_fetch_add(&scene->shared->nr_ready, 1);
	scene_wait_begin(scene);
}

void scene_wait_begin(struct scene *scene)
{
	while (!atomic_load(&scene->shared->go))
		futex_wait(&scene->shared->go, 0);
}

double scene_get_cpu_s(int who)
{
	struct rusage usage;

	getrusage(who, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

uint64_t scene_get_nr_sleeps(void)
{
	struct rusage usage;

	getrusage(RUSAGE_THREAD, &usage);
	return (uint64_t)usage.ru_nvcsw;
}

void scene_set_timer_exact(void)
{
	prctl(PR_SET_TIMERSLACK, 1UL);
}
