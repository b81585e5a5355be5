/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * game - what the game's threads share
 *
 * main takes packets from the compositor, sim and two workers compute frames,
 * render ends both. Each hand-over to render is a ring with one writer and one
 * reader; one futex word says that something is new in either.
 */
#ifndef SCENE_GAME_H
#define SCENE_GAME_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "scene.h"

#define GAME_NR_WORKERS		2
#define GAME_NR_INPUT_SLOTS	8192u	/* more than a second of the fastest mouse */
#define GAME_NR_FRAME_SLOTS	64u

struct game {
	struct scene *scene;

	/* to render */
	_Atomic uint32_t render_word;		/* futex: changes with every hand-over */
	_Atomic uint32_t render_sleeps;		/* spares wakers the system call while it is awake */
	_Atomic uint32_t render_should_stop;
	_Atomic uint32_t input_head;		/* written by main */
	_Atomic uint32_t input_tail;		/* written by render */
	_Atomic uint32_t frame_head;		/* written by sim */
	_Atomic uint32_t frame_tail;		/* written by render */
	struct scene_packet inputs[GAME_NR_INPUT_SLOTS];
	uint64_t frames_ns[GAME_NR_FRAME_SLOTS];	/* where each frame's period starts */

	/* sim and its workers */
	_Atomic uint32_t frame_word;		/* futex: workers start, once per frame */
	_Atomic uint32_t nr_workers_busy;	/* futex: the last one wakes sim */
	_Atomic uint32_t workers_should_stop;
	pthread_t workers[GAME_NR_WORKERS];
};

/* Something new stands in a ring. */
void render_wake(struct game *game);

/* Hand over, or count as lost when the ring is full. */
void render_give_input(struct game *game, const struct scene_packet *packet);
bool render_give_frame(struct game *game, uint64_t start_ns);

/* Bodies of threads; the argument is the game. */
void *render_thread(void *arg);
void *sim_thread(void *arg);

/* Start and stop what sim_thread() commands. Return: 0 or -1 after scene_fail(). */
int workers_start(struct game *game);
void workers_stop(struct game *game);

#endif
