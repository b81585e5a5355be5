/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * candidates - the processes that might be a game: who they are, what was told of them, when each is looked at
 *
 * A table of bounded size. A process is looked at some seconds after its exec,
 * several times; then no more, unless there is some sign that it is a game.
 *
 * Embedded in its owner, of the loop's thread. It owns what a candidate holds,
 * pidfd and identity; a candidate is valid until it is dropped. No I/O, no log.
 */
#ifndef ARCADE_SRC_CANDIDATES_H
#define ARCADE_SRC_CANDIDATES_H

#include <stdbool.h>
#include <stdint.h>

#include "games.h"
#include "proc.h"
#include "util.h"

#define CANDIDATES_BUCKETS 256
#define CANDIDATES_NONE	   UINT16_MAX
#define CANDIDATES_NEVER   UINT64_MAX

_Static_assert(GAMES_CANDIDATES_MAX < CANDIDATES_NONE, "index");

struct candidate {
	struct proc_id id;	/* pid 0: this place is free; start time 0: not known yet */
	uint16_t next;		/* in its bucket, or of the free places */
	uint8_t stage;		/* of its looks; the number of them: all are over */
	bool asked;		/* the prober has it */
	bool changed;		/* … but it has got a new program since */
	bool gpu;
	bool gamemode;
	bool focused;
	bool fullscreen;
	bool in_background;	/* the kernel half knows */
	bool is_game;
	bool loading;		/* Wine's loader, without a name so far */
	uint64_t base_ns;	/* of the stages; 0: they have not begun */
	uint64_t due_ns;	/* CANDIDATES_NEVER: not by time */
	uint64_t focus_order;	/* the larger, the later it had the focus; 0: never */
	int points;
	uint32_t signals;	/* that were told */
	int pidfd;		/* of a game, else -1 */
	char name[48];
	struct games_identity *identity;	/* of a game, else NULL */
};

struct candidates {
	struct candidate all[GAMES_CANDIDATES_MAX];	/* those with a pid */
	uint16_t buckets[CANDIDATES_BUCKETS];
	uint16_t free;
	uint64_t nr;
	uint64_t nr_dropped;	/* that found no place */
};

void candidates_init(struct candidates *candidates);
void candidates_deinit(struct candidates *candidates);

/* Return: NULL if it is none. */
struct candidate *candidates_find(struct candidates *candidates, pid_t pid);

/*
 * The one with this identity, made if need be, without a time to be looked at; an older owner of its number makes way.
 * Return: NULL if there is no place.
 */
struct candidate *candidates_find_or_add(struct candidates *candidates, const struct proc_id *id);

void candidates_drop(struct candidates *candidates, struct candidate *candidate);

/* Its program is new, at @now: all stages lie before it. Return: when the first is. */
uint64_t candidate_begin(struct candidate *candidate, uint64_t now);

/* It has been there since @age_ns: the stages for its age are over. */
void candidate_begin_at_age(struct candidate *candidate, uint64_t age_ns, uint64_t now);

/* Return: when to look at it again, CANDIDATES_NEVER if that is not worth it. */
uint64_t candidate_next_look(struct candidate *candidate, uint64_t now);

#endif
