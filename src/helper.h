/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * helper - the daemon's side of the session helper
 *
 * One child process for the active session, with the user's rights and a
 * socket to us. How it comes to be: fork() and at once execveat() of this very
 * program, by a descriptor that was opened at the start. The daemon has threads
 * (inotify, /proc), so a child that goes on without exec could not even call
 * malloc(), let alone libdbus; a helper forked early and kept as a mould would
 * be a second root process with a protocol of its own, alive for ever, and
 * would hold what the daemon had open then. After exec there is nothing of the
 * daemon's memory, maps and descriptors in a process that belongs to the user;
 * an upgrade of the file on disk does not matter, as the descriptor holds the
 * old one, and both ends are always of one version. The child drops its
 * privileges after exec (helper_drop.h), so it stays unreadable to the user.
 * Start it from the thread that lives longest: the death of the thread that
 * forks is what PR_SET_PDEATHSIG reports.
 *
 * The user may kill, stop or take over the helper. Nothing here waits for it;
 * what it says is checked byte by byte (focus_record.h); a helper that says
 * more than the rate below is not read for a moment, and its socket fills; one
 * that says something malformed is killed. Whatever ended it, it is started
 * again, after a pause that grows up to 10 s unless it had lived well.
 */
#ifndef ARCADE_SRC_HELPER_H
#define ARCADE_SRC_HELPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "arcade/focus.h"
#include "loop.h"
#include "session.h"

/* The rate of records that are read, and how many may come at once. */
#define HELPER_RECORDS_PER_S 500
#define HELPER_BURST	     500

/* A process that was there and the user's when it was named. */
struct focus_process {
	pid_t pid;	/* 0: not known */
	uint64_t start;	/* clock ticks since boot, with the pid unmistakable; 0 with it */
	uid_t uid;	/* the session's */
};

/* The window that has the focus. */
struct focus_window {
	bool known;	/* false: nobody tells us; the rest is zero */
	bool mapped;	/* false: no window has the focus */
	bool fullscreen;
	enum arcade_focus_source source;
	struct focus_process process;	/* pid 0: a window whose process cannot be told, or false claims */
	char app[ARCADE_FOCUS_APP_MAX];	/* the class that the window claims, untrusted: escape before printing */
};

/* All are called from the loop, any number of times, and must not free the helper. */
struct helper_callbacks {
	/* The focus as last told: raw, at once. known is false when the source or the helper has gone. */
	void (*window)(void *data, const struct focus_window *window);
	/* Paired: what was registered is unregistered, also when the helper ends. */
	void (*gamemode)(void *data, const struct focus_process *process, bool registered);
};

struct helper_counts {
	uint64_t nr_starts;
	uint64_t nr_records;	/* read */
	uint64_t nr_malformed;
	uint64_t nr_throttled;	/* times that reading paused */
	uint64_t nr_strangers;	/* well-formed, about a process that is not there or not the user's */
};

struct helper;

/*
 * @script: path of the script for KWin; borrowed, must outlive the helper. Starts nothing yet.
 * Return: 0, -errno.
 */
int helper_new(struct loop *loop, const char *script, const struct helper_callbacks *callbacks, void *data,
	       struct helper **ret);

/*
 * Ask the helper to end and wait for it, at most half a second: then it is killed. Calls nothing back. Accepts NULL;
 * not from within a callback of the helper's.
 */
void helper_free(struct helper *helper);
DEFINE_CLEANUP(struct helper *, helper_free)

/*
 * From now on serve this session; NULL for none. A helper of another session is ended first, without waiting here, and
 * what it has said is taken back at once.
 */
void helper_set_session(struct helper *helper, const struct session *session);

/* For tests and statistics. */
pid_t helper_pid(const struct helper *helper);	/* 0: none runs */
const struct helper_counts *helper_counts(const struct helper *helper);
enum arcade_focus_state helper_source_state(const struct helper *helper, enum arcade_focus_source source);

const char *focus_source_name(enum arcade_focus_source source);
const char *focus_state_name(enum arcade_focus_state state);

#endif
