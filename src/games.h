/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * games - which process is the game?
 *
 * Candidates come from the kernel half's records, from a look through /proc at
 * the start and whenever something may have been missed, and from hints of what
 * else is watched. A program says little in its first moments, so a candidate is
 * read and scored 0.5, 2, 5 and 15 s after its exec; who has ended by then, or
 * is on a list, costs nothing more. Of those that are games one is in front: the
 * one that had the focus last, else the best by a margin, so that it is stable.
 *
 * All reading is the prober's; everything here belongs to the loop's thread and
 * never waits. The number of candidates is bounded.
 */
#ifndef ARCADE_SRC_GAMES_H
#define ARCADE_SRC_GAMES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "arcade/abi.h"
#include "loop.h"
#include "proc.h"
#include "score.h"
#include "util.h"

#define GAMES_CANDIDATES_MAX 1024

struct games;

/* What the game in front is known by, for who has settings of its own for it. */
struct games_identity {
	uint64_t app_id;		/* of Steam; 0: not known */
	char name[SCORE_NAME_MAX];	/* of the program, for Wine the .exe; "": not known yet */
	char comm[PROC_COMM_MAX];
	char executable[SCORE_NAME_MAX];/* base name of its file */
};

/* Decisions. Must not call back into games. */
struct games_ops {
	void (*set_game)(pid_t pid, void *data);	/* this process and its descendants; 0: there is none */
	void (*mark_background)(pid_t pid, void *data);	/* while there is a game, everybody goes before its tree */
	/* The same for a control group, by its inode. Return: 0, -EOPNOTSUPP, -errno. May be NULL. */
	int (*mark_background_group)(uint64_t id, void *data);
	void (*identify)(void *data);			/* games_identity() is another; may be NULL */
	void (*clear_background)(void *data);		/* take all of these marks back: the lists are new */
};

struct games_config {
	const char *proc_path;		/* NULL: /proc */
	const char *programs_file;	/* NULL or absent: built in */
	const char *programs_dir;	/* NULL: none */
	bool no_detect;			/* nothing is a game but what the user names, nothing is background */
	pid_t pid;			/* the game by the user's word, 0: none */
	const char *name;		/* the same by its name, NULL: none */
};

/* Kinds of things that others watch. */
enum games_hint {
	GAMES_HINT_PROGRAMS,	/* the lists of programs have changed */
	GAMES_HINT_STEAM,	/* Steam's registry or library folders */
	GAMES_HINT_MANGOHUD,	/* MangoHud's file in /dev/shm */
	GAMES_HINT_SCOPE,	/* a new scope of an application */
	NR_GAMES_HINTS,
};

struct games_facts {
	uint64_t nr_execs;		/* records of */
	uint64_t nr_probes;		/* processes read */
	uint64_t nr_rescans;
	uint64_t nr_queue_full;		/* asked again later */
	uint64_t nr_dropped;		/* candidates that found no place: a look through /proc follows */
	uint64_t nr_decisions;		/* changes of the game */
	uint64_t nr_background;		/* trees marked */
	uint64_t nr_background_groups;	/* control groups marked */
	uint64_t nr_candidates;		/* now */
};

/*
 * @config and @ops are copied, the strings of @config are borrowed. Starts a look through /proc.
 * Return: 0; -ESRCH or -ENOTSUP if config->pid is no process; -EINVAL for a bad list of programs; -errno. Logs.
 */
int games_new(struct loop *loop, const struct games_config *config, const struct games_ops *ops, void *data,
	      struct games **ret);

/* Within half a second, even if a read is stuck. Decides nothing any more. Accepts NULL. */
void games_free(struct games *games);
DEFINE_CLEANUP(struct games *, games_free)

/* A record of the kernel half; other kinds than exec, exit and GPU are left alone. */
void games_control(struct games *games, const struct arcade_control_record *record);

/* Look through /proc soon, for several calls once. */
void games_rescan(struct games *games);

/* Records of programs were lost: the same, twice, and not as often if that goes on. */
void games_records_lost(struct games *games);

/* @path: what has changed, for the debugging log; may be NULL. */
void games_hint(struct games *games, enum games_hint kind, const char *path);

/* Read the lists of programs again. Bad ones are logged, and the old ones stay. */
void games_reload(struct games *games);

/*
 * The process of the focused window, by its number in the daemon's own pid namespace; 0: none, or not known. Who counts
 * in another namespace (X11 in a sandbox) must not pass that on.
 */
void games_focus(struct games *games, pid_t pid, bool fullscreen);

/* GameMode's clients, by the same numbers. */
void games_gamemode(struct games *games, pid_t pid, bool registered);

/* The kernel half is new: say again what is decided, and find anew what is background. */
void games_announce(struct games *games);

/* Processes that are read for games_explain() at a time. */
#define GAMES_EXPLAIN_MAX 8

/* What is known of a process, with all that the daemon was told of it. Valid during the call. */
struct games_explanation {
	int err;			/* 0, -ESRCH, -ETIMEDOUT, -ECANCELED, -errno: nothing but pid holds then */
	pid_t pid;
	const struct proc_info *proc;
	struct score score;
	bool is_current;		/* it is the game */
};

/* May not call back into games. */
typedef void (*games_explain_fn)(const struct games_explanation *explanation, uint64_t ticket, void *data);

/*
 * Is process @pid a game, and why? @fn is called later, from the loop or games_free(), once. Return: 0; -EBUSY if too many are
 * asked for, -errno.
 */
int games_explain(struct games *games, pid_t pid, uint64_t ticket, games_explain_fn fn, void *data);

#define GAMES_OVERRIDE_NONE 0	/* no process is the game */
#define GAMES_OVERRIDE_AUTO (-1)	/* the rules decide */

/*
 * By the user's word while we run: this process is the game until it ends, then the rules decide again; or one of the above.
 * Return: 0; -ESRCH or -ENOTSUP if @pid is no process, -EINVAL, -errno, with nothing changed.
 */
int games_override(struct games *games, pid_t pid);
pid_t games_overridden(const struct games *games);

/* Return: 0 if there is none. */
pid_t games_current(const struct games *games);

/* Of games_current(). Return: NULL if there is none. */
const struct games_identity *games_identity(const struct games *games);

struct games_facts games_facts(const struct games *games);

#endif
