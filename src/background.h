/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * background - what is marked as background work: trees of processes, and control groups that are theirs alone
 *
 * Whoever finds a program of the list says so here, as often as it finds it.
 * Its tree is marked at once; its group when the prober has seen that nobody
 * else is in it. What is marked is remembered, within bounds, so that the kernel
 * half is asked once and the log says each once.
 *
 * Embedded in its owner, of the loop's thread, as are prober and ops, which it
 * borrows. Nothing to give back.
 */
#ifndef ARCADE_SRC_BACKGROUND_H
#define ARCADE_SRC_BACKGROUND_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "proc.h"
#include "prober.h"
#include "programs.h"

/* Names of programs that were told lately, of whose trees and of whose groups. */
#define BACKGROUND_TOLD_MAX 32

/* Processes that were marked lately: each look through /proc finds them again. To mark one takes a look at every thread. */
#define BACKGROUND_MARKED_MAX 256

/* Groups likewise: several programs may share one. */
#define BACKGROUND_GROUPS_MAX 64

struct background_ops {
	void (*mark_tree)(pid_t pid, void *data);
	int (*mark_group)(uint64_t id, void *data);	/* 0, -EOPNOTSUPP: not on this kernel, -errno; may be NULL */
};

struct background_told {
	char names[BACKGROUND_TOLD_MAX][16];
	size_t next;
};

struct background_mark {
	struct proc_id id;	/* pid 0: this place is free */
	char name[48];
	bool asked;		/* the prober looks at its group */
};

/* All of it private but the counts. */
struct background {
	struct background_ops ops;
	void *data;
	struct prober *prober;
	struct background_told trees;
	struct background_told groups;
	struct background_mark marks[BACKGROUND_MARKED_MAX];
	size_t next_mark;
	uint64_t marked_groups[BACKGROUND_GROUPS_MAX];
	size_t next_group;
	uint64_t nr_trees;	/* marked since the start */
	uint64_t nr_groups;
};

void background_init(struct background *background, const struct background_ops *ops, void *data);

/* From now on groups are looked at as well. */
void background_set_prober(struct background *background, struct prober *prober);

/* Process @id is on the list @programs, under @name. */
void background_find(struct background *background, const struct proc_id *id, const char *name, struct programs *programs);

/* An answer to PROBER_GROUP. */
void background_take(struct background *background, const struct prober_answer *answer);

/* The kernel half knows of no mark any more: all is to be found again. */
void background_forget(struct background *background);

#endif
