// SPDX-License-Identifier: GPL-2.0-only
/*
 * game - the game's process and its main thread, which takes the input
 *
 * Without frames the same threads are those of an application: one takes the
 * input, one draws.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "clock.h"
#include "game.h"
#include "options.h"
#include "work.h"

/* Ends when the compositor closes its end. */
static int input_loop(struct game *game)
{
	struct scene *scene = game->scene;
	struct hop_stats *stats = &scene->shared->hops[SCENE_HOP_GAME];
	uint64_t nr_iters = work_from_us(scene->iters_per_us, scene->opt->input_us);
	uint64_t nr_sleeps_before = 0;
	uint32_t next_sequence = 0;
	struct scene_packet packet;
	ssize_t size;

	for (;;) {
		size = recv(scene->socket_game, &packet, sizeof(packet), 0);
		if (size < 0 && errno == EINTR)
			continue;
		if (size <= 0)
			break;
		if (packet.is_counted) {
			histogram_add(&stats->latency, clock_now_ns() - packet.stamp_ns);
			if (!stats->nr_packets++)
				nr_sleeps_before = scene_get_nr_sleeps() - 1;
		}
		if (packet.sequence != next_sequence)
			scene->shared->nr_sequence_gaps++;
		next_sequence = packet.sequence + 1;
		work_do(nr_iters);
		render_give_input(game, &packet);
	}
	/* less the last one, when the socket closed */
	if (stats->nr_packets)
		stats->nr_wakeups = scene_get_nr_sleeps() - nr_sleeps_before - 1;
	if (size < 0)
		return scene_fail(scene, "can't receive from the compositor: %s", strerror(errno));
	return 0;
}

static int start_thread(struct game *game, pthread_t *thread, void *(*body)(void *), void *arg)
{
	int err = pthread_create(thread, NULL, body, arg);

	if (err)
		return scene_fail(game->scene, "can't start a thread: %s", strerror(err));
	return 0;
}

int game_run(struct scene *scene, unsigned int index)
{
	const struct scene_options *opt = scene->opt;
	bool has_audio = opt->has_game && opt->audio;
	pthread_t render, sim, audio, burst;
	struct game *game;
	int ret = 0;

	(void)index;
	if (opt->game_nice && setpriority(PRIO_PROCESS, 0, opt->game_nice))
		return scene_fail(scene, "can't set nice %d: %s", opt->game_nice, strerror(errno));
	game = calloc(1, sizeof(*game));
	if (!game)
		return scene_fail(scene, "out of memory");
	game->scene = scene;

	/*
	 * All threads stand before the scene begins: whoever is told of the process then finds them.
	 * A failure ends the process, and with it the threads that did start.
	 */
	if (start_thread(game, &render, render_thread, game) || (opt->fps && workers_start(game)) ||
	    (opt->fps && start_thread(game, &sim, sim_thread, game)) ||
	    (has_audio && start_thread(game, &audio, audio_thread, scene)) ||
	    (opt->burst && start_thread(game, &burst, burst_thread, scene)))
		return -1;
	scene_wait_go(scene);

	if (scene->socket_game >= 0)
		ret = input_loop(game);
	if (opt->fps) {
		pthread_join(sim, NULL);
		workers_stop(game);
	}
	if (has_audio)
		pthread_join(audio, NULL);
	if (opt->burst)
		pthread_join(burst, NULL);
	atomic_store(&game->render_should_stop, 1);
	render_wake(game);
	pthread_join(render, NULL);
	free(game);
	return ret;
}
