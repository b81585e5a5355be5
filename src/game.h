/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * game - the process whose tree is the game
 *
 * Holds a pidfd, so that the number of a process that has ended is never taken
 * for another's, and its end is seen at once. What the kernel half knows of the
 * game lives as long as its session: tell it again after a restart.
 */
#ifndef ARCADE_SRC_GAME_H
#define ARCADE_SRC_GAME_H

#include <stdbool.h>
#include <sys/types.h>

#include "bpf.h"
#include "loop.h"

typedef void (*game_end_fn)(void *data);

struct game {
	struct source source;
	pid_t pid;
	int pidfd;		/* -1: no game, or it has ended */
	game_end_fn end_fn;
	void *data;
};

/* A game that is none; deinit is legal from here on. */
void game_init(struct game *game);

/*
 * Take process @pid for the game; @end_fn is called once, from the loop, when it has ended.
 * Return: 0, -ESRCH if there is no such process, -ENOTSUP for a thread that leads no process, -errno.
 */
int game_watch(struct game *game, struct loop *loop, pid_t pid, game_end_fn end_fn, void *data);

/* The same with a pidfd of process @pid, which is taken over. Return: 0, -errno with @pidfd still the caller's. */
int game_watch_fd(struct game *game, struct loop *loop, pid_t pid, int pidfd, game_end_fn end_fn, void *data);

/* Does the process live? */
bool game_is_known(const struct game *game);

void game_deinit(struct game *game);

#endif
