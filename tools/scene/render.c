// SPDX-License-Identifier: GPL-2.0-only
/*
 * render - the last thread before the screen
 *
 * Packets first, then at most one frame: a frame is long, a packet short.
 */
#include "clock.h"
#include "futex.h"
#include "game.h"
#include "options.h"
#include "work.h"

#define RENDER_FRAME_SHARE	0.1	/* of a frame's work */

void render_wake(struct game *game)
{
	atomic_fetch_add(&game->render_word, 1);
	if (atomic_load(&game->render_sleeps))
		futex_wake(&game->render_word, 1);
}

void render_give_input(struct game *game, const struct scene_packet *packet)
{
	uint32_t head = atomic_load_explicit(&game->input_head, memory_order_relaxed);

	if (head - atomic_load(&game->input_tail) >= GAME_NR_INPUT_SLOTS) {
		game->scene->shared->nr_handoff_full++;
		return;
	}
	game->inputs[head % GAME_NR_INPUT_SLOTS] = *packet;
	atomic_store(&game->input_head, head + 1);
	render_wake(game);
}

bool render_give_frame(struct game *game, uint64_t start_ns)
{
	uint32_t head = atomic_load_explicit(&game->frame_head, memory_order_relaxed);

	if (head - atomic_load(&game->frame_tail) >= GAME_NR_FRAME_SLOTS)
		return false;
	game->frames_ns[head % GAME_NR_FRAME_SLOTS] = start_ns;
	atomic_store(&game->frame_head, head + 1);
	render_wake(game);
	return true;
}

static void render_input(struct game *game, const struct scene_packet *packet)
{
	struct scene_shared *shared = game->scene->shared;
	struct hop_stats *stats = &shared->hops[SCENE_HOP_RENDER];
	uint64_t latency_ns;

	/* one writer: no need for a locked increment */
	atomic_store_explicit(&shared->nr_rendered_all,
			      atomic_load_explicit(&shared->nr_rendered_all, memory_order_relaxed) + 1,
			      memory_order_relaxed);
	if (!packet->is_counted)
		return;
	latency_ns = clock_now_ns() - packet->stamp_ns;
	stats->nr_packets++;
	histogram_add(&stats->latency, latency_ns);
	if (shared->nr_samples < shared->max_samples)
		shared->samples_ns[shared->nr_samples++] = latency_ns;
}

static void render_frame(struct game *game, uint64_t start_ns, uint64_t period_ns)
{
	struct period_stats *stats = &game->scene->shared->frames;
	uint64_t took_ns;

	if (!shared_is_counted(game->scene->shared, start_ns))
		return;
	took_ns = clock_now_ns() - start_ns;
	stats->nr_played++;
	if (took_ns > period_ns)
		stats->nr_late++;
	histogram_add(&stats->time, took_ns);
}

void *render_thread(void *arg)
{
	struct game *game = arg;
	const struct scene_options *opt = game->scene->opt;
	struct hop_stats *stats = &game->scene->shared->hops[SCENE_HOP_RENDER];
	uint64_t submit_iters = work_from_us(game->scene->iters_per_us, opt->submit_us);
	uint64_t frame_iters = work_from_us(game->scene->iters_per_us, RENDER_FRAME_SHARE * opt->frame_us);
	uint64_t period_ns = opt->fps ? NSEC_PER_SEC / opt->fps : 0;
	bool was_woken = false;

	for (;;) {
		uint32_t word = atomic_load(&game->render_word);
		uint32_t tail = atomic_load_explicit(&game->input_tail, memory_order_relaxed);
		bool had_work = false;

		while (tail != atomic_load(&game->input_head)) {
			struct scene_packet packet = game->inputs[tail % GAME_NR_INPUT_SLOTS];

			if (was_woken && packet.is_counted)
				stats->nr_wakeups++;
			was_woken = false;
			render_input(game, &packet);
			work_do(submit_iters);
			atomic_store(&game->input_tail, ++tail);
			had_work = true;
		}

		tail = atomic_load_explicit(&game->frame_tail, memory_order_relaxed);
		if (tail != atomic_load(&game->frame_head)) {
			uint64_t start_ns = game->frames_ns[tail % GAME_NR_FRAME_SLOTS];

			work_do(frame_iters);
			render_frame(game, start_ns, period_ns);
			atomic_store(&game->frame_tail, tail + 1);
			had_work = true;
		}

		was_woken = false;
		if (had_work)
			continue;
		if (atomic_load(&game->render_should_stop))
			return NULL;
		atomic_store(&game->render_sleeps, 1);
		was_woken = futex_wait(&game->render_word, word);
		atomic_store(&game->render_sleeps, 0);
	}
}
