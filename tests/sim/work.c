// SPDX-License-Identifier: GPL-2.0-only
/*
 * work - the scene that is played: a game with its chain of input, and what runs beside it
 *
 * As tools/scene plays it on a real kernel: a mouse of 1 kHz wakes the
 * compositor, that the game's main thread, that the render thread. A thread of
 * the game paces frames, lets workers compute, and hands each frame to render;
 * a frame is late if it is not done within its period. Beside them audio of
 * 5.3 ms, tasks that only compute, one of them at nice 19, builds that compute
 * and wait for files, processes that fork, and a kernel thread on each CPU.
 */
#include "sim.h"

#include <stdlib.h>

#define MAX_WORKERS 16
#define RING 4096u

#define INPUT_PERIOD_NS SIM_MS
#define AUDIO_PERIOD_NS (5333333 * 1ULL)
#define KWORKER_PERIOD_NS (20 * SIM_MS)

/* Of a frame's period, permille, at full speed: one after the other they make the frame. */
#define FRAME_BEFORE 120
#define FRAME_WORKERS 120
#define FRAME_AFTER 60
#define FRAME_RENDER 100

struct ring {
	u64 values[RING];
	u32 head, tail;
};

struct sim_scene {
	struct ring to_compositor, to_game, to_render, frames;
	u32 nr_to_show;
	struct sim_task *compositor, *game, *pacer, *render, *workers[MAX_WORKERS];
	u32 nr_workers, nr_busy;
	bool worker_has_work[MAX_WORKERS];
	u64 period_ns, next_frame_ns, frame_ns;
	struct sim_random device_random;
	u64 next_input_ns;
};

static void ring_put(struct ring *ring, u64 value)
{
	if (ring->head - ring->tail == RING)
		abort();
	ring->values[ring->head++ % RING] = value;
}

static bool ring_get(struct ring *ring, u64 *value)
{
	if (ring->head == ring->tail)
		return false;
	*value = ring->values[ring->tail++ % RING];
	return true;
}

static void wake_by(struct sim *sim, struct sim_task *waker, struct sim_task *wakee)
{
	sim_wake(sim, wakee, &(struct sim_waker){ .task = waker, .cpu = waker->cpu }, false);
}

static void start(struct sim *sim, struct sim_task *task, struct sim_task *parent)
{
	task->cpu = parent ? parent->cpu : (s32)(sim_random_next(&task->random) % sim->nr_cpus);
	if (task->pinned_cpu >= 0)
		task->cpu = task->pinned_cpu;
	sim_wake(sim, task, &(struct sim_waker){ .task = parent, .cpu = task->cpu }, true);
}

/* Real work varies. */
static u64 vary(struct sim_task *task, u64 ns)
{
	return sim_random_range(&task->random, ns * 85 / 100, ns * 115 / 100);
}

static enum sim_action compute(struct sim_task *task, u64 ns, u32 next_step)
{
	task->left_ns = ns;
	task->step = next_step;
	return SIM_COMPUTE;
}

static enum sim_action sleep_until(struct sim *sim, struct sim_task *task, u64 when_ns, u32 next_step)
{
	task->step = next_step;
	sim_sleep_until(sim, task, when_ns);
	return SIM_SLEEP;
}

static void hand_on(struct sim *sim, struct sim_task *task, u64 value_ns, struct ring *ring, struct sim_task *wakee)
{
	ring_put(ring, value_ns);
	wake_by(sim, task, wakee);
}

/* How long it took since the event, if that counts. */
static void note_since(const struct sim *sim, struct sim_samples *samples, u64 event_ns)
{
	if (event_ns >= sim->measure_ns)
		samples_add(samples, sim->now_ns - event_ns);
}

/* --- the chain of input --- */

static void device_packet(struct sim *sim)
{
	struct sim_scene *scene = sim->scene;

	ring_put(&scene->to_compositor, sim->now_ns);
	sim_wake(sim, scene->compositor, &(struct sim_waker){ .cpu = 0, .root_ns = sim->now_ns }, false);
	scene->next_input_ns += INPUT_PERIOD_NS;
	sim_call_at(sim, scene->next_input_ns + sim_random_range(&scene->device_random, 0, 50 * SIM_US), device_packet);
}

static enum sim_action compositor_next(struct sim *sim, struct sim_task *task)
{
	struct sim_scene *scene = sim->scene;

	if (task->step == 1)
		hand_on(sim, task, task->value_ns, &scene->to_game, scene->game);
	task->step = 0;
	if (ring_get(&scene->to_compositor, &task->value_ns))
		return compute(task, vary(task, 15 * SIM_US), 1);
	if (scene->nr_to_show) {
		scene->nr_to_show--;
		return compute(task, vary(task, 200 * SIM_US), 2);
	}
	return SIM_WAIT;
}

static enum sim_action game_next(struct sim *sim, struct sim_task *task)
{
	struct sim_scene *scene = sim->scene;

	if (task->step == 1)
		hand_on(sim, task, task->value_ns, &scene->to_render, scene->render);
	task->step = 0;
	if (!ring_get(&scene->to_game, &task->value_ns))
		return SIM_WAIT;
	note_since(sim, &sim->stats.input_game, task->value_ns);
	return compute(task, vary(task, 20 * SIM_US), 1);
}

static void frame_done(struct sim *sim, u64 start_ns)
{
	struct sim_scene *scene = sim->scene;

	note_since(sim, &sim->stats.frame, start_ns);
	if (start_ns < sim->measure_ns)
		return;
	sim->stats.nr_frames++;
	sim->stats.nr_frames_late += sim->now_ns - start_ns > scene->period_ns;
}

/* Packets first, then at most one frame. */
static enum sim_action render_next(struct sim *sim, struct sim_task *task)
{
	struct sim_scene *scene = sim->scene;

	if (task->step == 2) {
		frame_done(sim, task->mark_ns);
		scene->nr_to_show++;
		wake_by(sim, task, scene->compositor);
	}
	task->step = 0;
	if (ring_get(&scene->to_render, &task->value_ns)) {
		note_since(sim, &sim->stats.input_render, task->value_ns);
		return compute(task, vary(task, 50 * SIM_US), 1);
	}
	if (ring_get(&scene->frames, &task->mark_ns))
		return compute(task, vary(task, scene->period_ns * FRAME_RENDER / 1000), 2);
	return SIM_WAIT;
}

/* --- frames --- */

static enum sim_action pacer_next(struct sim *sim, struct sim_task *task)
{
	struct sim_scene *scene = sim->scene;

	switch (task->step) {
	case 1:
		scene->nr_busy = scene->nr_workers;
		for (u32 i = 0; i < scene->nr_workers; i++) {
			scene->worker_has_work[i] = true;
			wake_by(sim, task, scene->workers[i]);
		}
		task->step = 2;
		return SIM_WAIT;
	case 2:
		if (scene->nr_busy)
			return SIM_WAIT;
		return compute(task, vary(task, scene->period_ns * FRAME_AFTER / 1000), 3);
	case 3:
		hand_on(sim, task, scene->frame_ns, &scene->frames, scene->render);
		scene->next_frame_ns += scene->period_ns;
		/* Periods that have gone by meanwhile are frames that the player did not see. */
		while (scene->next_frame_ns + scene->period_ns <= sim->now_ns) {
			sim->stats.nr_frames_skipped += scene->next_frame_ns >= sim->measure_ns;
			scene->next_frame_ns += scene->period_ns;
		}
	}
	if (sim->now_ns < scene->next_frame_ns)
		return sleep_until(sim, task, scene->next_frame_ns, 0);
	scene->frame_ns = scene->next_frame_ns;
	return compute(task, vary(task, scene->period_ns * FRAME_BEFORE / 1000), 1);
}

static enum sim_action worker_next(struct sim *sim, struct sim_task *task)
{
	struct sim_scene *scene = sim->scene;

	if (task->step == 1 && !--scene->nr_busy)
		wake_by(sim, task, scene->pacer);
	task->step = 0;
	if (!scene->worker_has_work[task->nr_left])
		return SIM_WAIT;
	scene->worker_has_work[task->nr_left] = false;
	return compute(task, vary(task, scene->period_ns * FRAME_WORKERS / 1000), 1);
}

/* --- beside it --- */

static enum sim_action audio_next(struct sim *sim, struct sim_task *task)
{
	if (task->step == 1) {
		bool counts = task->mark_ns >= sim->measure_ns;

		sim->stats.nr_periods += counts;
		sim->stats.nr_xruns += counts && sim->now_ns - task->mark_ns > AUDIO_PERIOD_NS;
		task->mark_ns += AUDIO_PERIOD_NS;
	}
	if (sim->now_ns < task->mark_ns)
		return sleep_until(sim, task, task->mark_ns, 0);
	return compute(task, vary(task, 300 * SIM_US), 1);
}

static enum sim_action kworker_next(struct sim *sim, struct sim_task *task)
{
	if (task->step == 1)
		return sleep_until(sim, task, sim->now_ns + vary(task, KWORKER_PERIOD_NS), 0);
	return compute(task, vary(task, 40 * SIM_US), 1);
}

static enum sim_action hog_next(struct sim *sim, struct sim_task *task)
{
	(void)sim;
	return compute(task, 10 * SIM_MS, 0);
}

static enum sim_action compile_next(struct sim *sim, struct sim_task *task);

static void start_compile(struct sim *sim, struct sim_task *parent)
{
	struct sim_task *task = sim_task_new(sim, "compile", compile_next);

	task->nr_left = (u32)sim_random_range(&task->random, 5, 20);
	start(sim, task, parent);
}

/* Computes, waits for a file, and after a while another takes its place. */
static enum sim_action compile_next(struct sim *sim, struct sim_task *task)
{
	if (task->step == 1) {
		if (!--task->nr_left) {
			sim->stats.compile_ns += task->work_ns;
			start_compile(sim, task);
			return SIM_EXIT;
		}
		return sleep_until(sim, task, sim->now_ns + sim_random_range(&task->random, 200 * SIM_US, 3 * SIM_MS), 0);
	}
	return compute(task, sim_random_range(&task->random, 2 * SIM_MS, 40 * SIM_MS), 1);
}

static enum sim_action child_next(struct sim *sim, struct sim_task *task)
{
	if (task->step == 0)
		return compute(task, vary(task, SIM_MS), 1);
	sim->stats.fork_ns += task->work_ns;
	sim->stats.nr_forks += sim_measures(sim);
	task->peer->nr_left = 0;
	wake_by(sim, task, task->peer);
	return SIM_EXIT;
}

static enum sim_action forker_next(struct sim *sim, struct sim_task *task)
{
	if (task->nr_left)
		return SIM_WAIT;
	if (task->step == 1) {
		struct sim_task *child = sim_task_new(sim, "child", child_next);

		child->peer = task;
		child->footprint = 300;
		task->nr_left = 1;
		task->step = 0;
		start(sim, child, task);
		return SIM_WAIT;
	}
	return compute(task, vary(task, 200 * SIM_US), 1);
}

/* --- the whole --- */

static struct sim_task *game_thread(struct sim *sim, const char *name, sim_program program, u32 footprint)
{
	struct sim_task *task = sim_task_new(sim, name, program);

	task->is_game = true;
	task->footprint = footprint;
	if (sim->opt->arm == SIM_ARM_NICE)
		task->nice = -10;
	return task;
}

static void start_many(struct sim *sim, const char *name, sim_program program, u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		start(sim, sim_task_new(sim, name, program), NULL);
}

void work_init(struct sim *sim)
{
	struct sim_scene *scene = calloc(1, sizeof(*scene));
	u32 nr_hogs = sim->nr_cpus * sim->opt->load_percent / 100;
	struct sim_task *task;

	if (!scene)
		abort();
	sim->scene = scene;
	scene->period_ns = SIM_S / (sim->opt->hz ? sim->opt->hz : sim->default_hz);
	scene->nr_workers = sim->nr_workers;
	scene->device_random.state = sim->opt->seed;
	scene->next_frame_ns = 20 * SIM_MS;
	scene->next_input_ns = 10 * SIM_MS;

	scene->compositor = sim_task_new(sim, "compositor", compositor_next);
	scene->compositor->footprint = 300;
	scene->game = game_thread(sim, "game", game_next, 300);
	scene->render = game_thread(sim, "render", render_next, 1000);
	scene->pacer = game_thread(sim, "pacer", pacer_next, 1000);
	for (u32 i = 0; i < scene->nr_workers; i++) {
		scene->workers[i] = game_thread(sim, "worker", worker_next, 1000);
		scene->workers[i]->nr_left = i;
	}
	start(sim, scene->compositor, NULL);
	start(sim, scene->game, NULL);
	/* A game's threads are born where its first one is. */
	start(sim, scene->render, scene->game);
	start(sim, scene->pacer, scene->game);
	for (u32 i = 0; i < scene->nr_workers; i++)
		start(sim, scene->workers[i], scene->game);
	task = sim_task_new(sim, "audio", audio_next);
	task->footprint = 200;
	task->mark_ns = 15 * SIM_MS;
	start(sim, task, NULL);
	for (u32 cpu = 0; cpu < sim->nr_cpus; cpu++) {
		task = sim_task_new(sim, "kworker", kworker_next);
		task->pinned_cpu = (s32)cpu;
		task->is_kthread = true;
		start(sim, task, NULL);
	}
	sim_call_at(sim, scene->next_input_ns, device_packet);
	if (!nr_hogs)
		return;
	start_many(sim, "hog", hog_next, nr_hogs);
	task = sim_task_new(sim, "hog of nice 19", hog_next);
	task->nice = 19;
	start(sim, task, NULL);
	for (u32 i = 0; i < (nr_hogs + 3) / 4; i++)
		start_compile(sim, NULL);
	start_many(sim, "forker", forker_next, (sim->nr_cpus + 7) / 8);
}

/* Adds up what has not ended. */
void work_end(struct sim *sim)
{
	for (s32 i = 0; i < sim->nr_tasks; i++) {
		struct sim_task *task = sim->tasks[i];

		if (task->state == SIM_DEAD)
			continue;
		if (task->program == hog_next)
			sim->stats.hog_ns += task->work_ns;
		if (task->program == compile_next)
			sim->stats.compile_ns += task->work_ns;
		if (task->program == forker_next || task->program == child_next)
			sim->stats.fork_ns += task->work_ns;
	}
}
