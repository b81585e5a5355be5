/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * background_group - does a control group belong to background work alone?
 *
 * Of a listed background program the descendants are known by the kernel half.
 * What else works for it is in the same group: a service, or a scope of its
 * own. But a terminal's scope has the shell in it as well, and a login's has
 * the whole desktop: they must not be held back for a compiler. So a group is
 * background work if each process in it is on the list or descends from one
 * that is; if no group is below it; and if it is not the root.
 *
 * May wait for a process whose memory is locked: for the prober's thread.
 */
#ifndef ARCADE_SRC_BACKGROUND_GROUP_H
#define ARCADE_SRC_BACKGROUND_GROUP_H

#include "proc.h"
#include "programs.h"

/* Of more nobody looks who they are. */
#define BACKGROUND_GROUP_MEMBERS_MAX 512

enum background_group_kind {
	BACKGROUND_GROUP_UNKNOWN,	/* not in the unified hierarchy, or it cannot be seen from here */
	BACKGROUND_GROUP_ROOT,
	BACKGROUND_GROUP_SHARED,	/* with others */
	BACKGROUND_GROUP_DIVIDED,	/* there are groups below it */
	BACKGROUND_GROUP_CROWDED,	/* too many to look at */
	BACKGROUND_GROUP_ALONE,
};

struct background_group {
	enum background_group_kind kind;
	uint64_t id;			/* by which the kernel knows it; 0 unless it is ALONE */
	pid_t other;			/* one of those it is SHARED with; 0: not of our namespace */
	char path[PROC_CGROUP_MAX];	/* of a longer one the end */
};

/* Groups whose members were looked at lately. All of it private; all zero: none. */
#define BACKGROUND_VERDICTS_MAX 32

struct background_verdict {
	uint64_t id;
	uint64_t until_ns;	/* CLOCK_MONOTONIC: so long it holds */
	enum background_group_kind kind;
	pid_t other;
};

struct background_verdicts {
	struct background_verdict all[BACKGROUND_VERDICTS_MAX];
	size_t next;
};

/*
 * The group of @id, which is a listed background program, or is asked as if it were. @proc_root: of proc_open_root();
 * @cgroup_root: of cgroup_open_root(). @verdicts: of earlier reads by the same @programs, all for programs that are on the
 * list; or NULL. A group that was judged some seconds ago is not judged anew.
 * Return: 0, -ESRCH if it has ended, or has left its group meanwhile.
 */
int background_group_read(int proc_root, int cgroup_root, const struct proc_id *id, const struct programs *programs,
			  struct background_verdicts *verdicts, struct background_group *ret);

#endif
