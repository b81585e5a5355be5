// SPDX-License-Identifier: GPL-2.0-only
/*
 * frames - the simulation thread and its workers
 *
 * A frame is sim, then both workers at once, then render. Its period starts on
 * the grid; it is missed when render ends after the period, or when the period
 * was over before sim came to it.
 */
#include <limits.h>
#include <string.h>

#include "clock.h"
#include "futex.h"
#include "game.h"
#include "options.h"
#include "pacer.h"
#include "work.h"

#define SIM_SHARE	0.4	/* of a frame's work */
#define WORKER_SHARE	0.25

static void *worker_thread(void *arg)
{
	struct game *game = arg;
	uint64_t nr_iters = work_from_us(game->scene->iters_per_us, WORKER_SHARE * game->scene->opt->frame_us);
	uint32_t seen = 0;

	for (;;) {
		/* sim waits for both before it changes the word again: none is missed */
		while (atomic_load(&game->frame_word) == seen)
			futex_wait(&game->frame_word, seen);
		seen++;
		if (atomic_load(&game->workers_should_stop))
			return NULL;
		work_do(nr_iters);
		if (atomic_fetch_sub(&game->nr_workers_busy, 1) == 1)
			futex_wake(&game->nr_workers_busy, 1);
	}
}

int workers_start(struct game *game)
{
	int i, err;

	for (i = 0; i < GAME_NR_WORKERS; i++) {
		err = pthread_create(&game->workers[i], NULL, worker_thread, game);
		if (err)
			return scene_fail(game->scene, "can't start a thread: %s", strerror(err));
	}
	return 0;
}

void workers_stop(struct game *game)
{
	int i;

	atomic_store(&game->workers_should_stop, 1);
	atomic_fetch_add(&game->frame_word, 1);
	futex_wake(&game->frame_word, INT_MAX);
	for (i = 0; i < GAME_NR_WORKERS; i++)
		pthread_join(game->workers[i], NULL);
}

static void workers_do(struct game *game)
{
	uint32_t nr_busy;

	atomic_store(&game->nr_workers_busy, GAME_NR_WORKERS);
	atomic_fetch_add(&game->frame_word, 1);
	futex_wake(&game->frame_word, INT_MAX);
	while ((nr_busy = atomic_load(&game->nr_workers_busy)))
		futex_wait(&game->nr_workers_busy, nr_busy);
}

void *sim_thread(void *arg)
{
	struct game *game = arg;
	struct scene_shared *shared = game->scene->shared;
	const struct scene_options *opt = game->scene->opt;
	uint64_t nr_iters = work_from_us(game->scene->iters_per_us, SIM_SHARE * opt->frame_us);
	uint64_t start_ns;
	struct pacer pacer;

	scene_set_timer_exact();
	scene_wait_begin(game->scene);
	pacer_init(&pacer, shared, NSEC_PER_SEC / opt->fps);
	while (pacer_wait(&pacer, &start_ns, &shared->frames.nr_skipped)) {
		work_do(nr_iters);
		workers_do(game);
		if (!render_give_frame(game, start_ns) && shared_is_counted(shared, start_ns))
			shared->frames.nr_skipped++;
	}
	return NULL;
}
