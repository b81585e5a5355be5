/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * front - which of the games is in front
 *
 * The one that had the focus last, else the best by a margin, so that the choice
 * is stable; or whoever the user says. Its end is told by its pidfd, and then
 * the next comes to the front, if there is one.
 *
 * Embedded in its owner, of the loop's thread. It borrows loop and candidates,
 * from which it drops the one that has ended.
 */
#ifndef ARCADE_SRC_FRONT_H
#define ARCADE_SRC_FRONT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "candidates.h"
#include "game.h"
#include "games.h"
#include "loop.h"

struct front_ops {
	void (*set_game)(pid_t pid, void *data);	/* 0: there is none */
	void (*identify)(void *data);			/* front_identity() is another */
	void (*look_again)(void *data);			/* there may be one that no exec has told of */
};

struct front {
	struct loop *loop;
	struct candidates *candidates;
	struct front_ops ops;
	void *data;
	struct game current;
	struct proc_id current_id;	/* pid 0: not one of the candidates */
	struct games_identity identity;	/* of current */
	bool fixed;			/* current is by word of the user, also if it has ended */
	pid_t override;			/* as of games_override() */
	uint64_t nr_decisions;		/* changes */
};

/* Nobody is in front. */
void front_init(struct front *front, struct loop *loop, struct candidates *candidates, const struct front_ops *ops, void *data);
void front_deinit(struct front *front);

/* Process @pid and no other, also after its end; nobody is told. Return: 0, as game_watch(); logs. */
int front_fix(struct front *front, pid_t pid);

/* As games_override(). */
int front_override(struct front *front, pid_t pid);

/* After a change of candidates. */
void front_choose(struct front *front);

bool front_is(const struct front *front, const struct candidate *candidate);

/* Return: 0 if nobody is. */
pid_t front_pid(const struct front *front);

/* What is in front is known by this; NULL: by nothing. */
void front_set_identity(struct front *front, const struct games_identity *identity);

/* Return: NULL if nobody is. */
const struct games_identity *front_identity(const struct front *front);

#endif
