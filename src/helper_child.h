/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * helper_child - the session helper itself, and the seam for what it can ask
 *
 * The helper is this program under a hidden first argument: it reads its setup
 * from a socket that it finds as a descriptor, becomes the user for good,
 * connects to the session bus and lets the sources work. A source is one
 * desktop's way to tell of the focus (KWin's script) or another program's word
 * (GameMode): one struct of callbacks, listed in helper_main.c. All run in the
 * helper's one loop (loop.h), none may block.
 *
 * What the sources report is sent to the daemon at once if its socket takes
 * it. If not, the newest window waits, alone, and a bounded number of other
 * records; the helper ends if they get too many, and starts afresh.
 */
#ifndef ARCADE_SRC_HELPER_CHILD_H
#define ARCADE_SRC_HELPER_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "arcade/focus.h"
#include "helper_bus.h"
#include "loop.h"

/* The hidden first argument, and the descriptor on which the helper finds its socket. */
#define HELPER_ARGUMENT "--session-helper"
#define HELPER_FD	3

/* How the helper ends. Read by the parent; told in words there. */
enum helper_exit {
	HELPER_EXIT_ASKED,		/* the daemon said so, or is gone */
	HELPER_EXIT_USAGE = 64,		/* not started by the daemon */
	HELPER_EXIT_PRIVILEGE,		/* could not become the user for good */
	HELPER_EXIT_BUS,		/* the bus refused, or went */
	HELPER_EXIT_OVERRUN,		/* the daemon does not read */
	HELPER_EXIT_FAILED,		/* anything else */
};

/* Take the place of main() if argv[1] is HELPER_ARGUMENT. Return: an enum helper_exit, for exit(). */
int helper_main(void);

struct child;

struct child_source {
	enum arcade_focus_source id;
	/* Begin, connected to the bus. *@ret goes to the others. Return: 0, -ENOTSUP: nothing to do here, -errno. */
	int (*start)(struct child *child, void **ret);
	/* A message of the bus. Return: it was for this source alone. NULL: no business with the bus. */
	bool (*message)(void *source, DBusMessage *message);
	/* The helper is to end: begin to undo; child_is_finishing() from now on. NULL: nothing to undo. */
	void (*finish)(void *source);
	/* May the helper end now, as far as this source goes? Asked after every event. NULL: yes. */
	bool (*is_finished)(void *source);
	void (*stop)(void *source);
};

extern const struct child_source helper_kwin;
extern const struct child_source helper_gamemode;
extern const struct child_source helper_sway;

struct loop *child_loop(struct child *child);
struct bus *child_bus(struct child *child);
const struct arcade_focus_setup *child_setup(const struct child *child);
bool child_is_finishing(const struct child *child);

/* @pid 0: not known. @app: cut and cleaned here. */
void child_report_window(struct child *child, enum arcade_focus_source source, int32_t pid, const char *app,
			 bool fullscreen);
void child_report_no_window(struct child *child, enum arcade_focus_source source);
/* A window of @source that still waits to be reported holds no more; the state reported next says that none is known. */
void child_forget_window(struct child *child, enum arcade_focus_source source);
void child_report_gamemode(struct child *child, int32_t pid, bool registered);
/* @error: an errno of either sign, or 0. What was reported last is not reported again. */
void child_report_state(struct child *child, enum arcade_focus_source source, enum arcade_focus_state state, int error);

#endif
