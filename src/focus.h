/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * focus - which window the player looks at, and what GameMode says
 *
 * The room as the daemon sees it: it watches for the active session (session),
 * has a helper in it (helper), lets "no window" settle, and decides with the
 * rule of focus_rule.h whether the game is in front. Who consumes it registers
 * callbacks; what they are told is checked as far as it can be, but steered by
 * the user: a window's process is what the window claims, if it is a living
 * process of that user.
 *
 * Without logind, a session or a desktop that tells, nothing is known and the
 * game is in front: everything else works as if this room were not there.
 */
#ifndef ARCADE_SRC_FOCUS_H
#define ARCADE_SRC_FOCUS_H

#include <stdbool.h>
#include <stddef.h>

#include "helper.h"
#include "loop.h"
#include "session.h"

/* All run in the loop, and each may be NULL. None may free the room. */
struct focus_callbacks {
	/*
	 * Another window, its full screen came or went, no window for 100 ms, or not known any more. Not called twice
	 * for the same. @window is valid during the call.
	 */
	void (*window)(void *data, const struct focus_window *window);
	/* Is the process of @window, whose pid is not 0, of the game's tree? Without it no window is. Must not wait. */
	bool (*is_game)(void *data, const struct focus_window *window);
	/* The decision has changed. It starts as true. */
	void (*front)(void *data, bool in_front);
	/* Registered at GameMode, or not any more: paired. The process may have ended before that. */
	void (*gamemode)(void *data, const struct focus_process *process, bool registered);
	/* Another session is active; its id is empty if none is. */
	void (*session)(void *data, const struct session *session);
};

struct focus;

/*
 * @script: path of the script for KWin, "" for none; NULL: where it was installed with the program, and a warning if it
 * is not there. Return: 0, -errno.
 */
int focus_new(struct loop *loop, const char *script, struct focus **ret);

/* Waits for the helper, half a second at most. Calls nothing back. Accepts NULL. */
void focus_free(struct focus *focus);
DEFINE_CLEANUP(struct focus *, focus_free)

/* Replaces the callbacks. They are told nothing of what was before: see focus_window() and focus_in_front(). */
void focus_set_callbacks(struct focus *focus, const struct focus_callbacks *callbacks, void *data);

/*
 * Follow the active session. Return: 0, -ENOSYS if there is no logind to ask, -EPERM if no helper can be started as a user,
 * -errno.
 */
int focus_follow_logind(struct focus *focus);

/* Instead: serve this one. NULL for none. */
void focus_set_session(struct focus *focus, const struct session *session);

/* Ask is_game again: the game is another one, or its tree has grown. */
void focus_recheck(struct focus *focus);

/* As last told to the callback. */
const struct focus_window *focus_window(const struct focus *focus);
bool focus_in_front(const struct focus *focus);
const struct helper *focus_helper(const struct focus *focus);

/* One line for the capability report, whether the room exists or not. @off: by option. */
void focus_describe(bool off, char *buf, size_t size);

#endif
