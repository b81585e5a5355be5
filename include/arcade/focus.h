/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * focus - what the daemon and its session helper say to each other
 *
 * Both are the same program, but the helper runs as the user: the daemon
 * believes nothing that a record holds before it has been checked. Records
 * have one size, travel over a SOCK_SEQPACKET pair one per packet, and start
 * with their version. Bytes behind a string's terminator and all padding are
 * zero.
 *
 * The daemon sends one setup record, before the helper runs; the helper sends
 * the others.
 */
#ifndef ARCADE_FOCUS_H
#define ARCADE_FOCUS_H

#include <stdint.h>

#define ARCADE_FOCUS_VERSION 1

/* Longest strings, terminator included. A window class is short, a longer one is cut. */
#define ARCADE_FOCUS_APP_MAX  64
#define ARCADE_FOCUS_PATH_MAX 256
/* Above sun_path of a unix socket with its "unix:path=". */
#define ARCADE_FOCUS_BUS_MAX 160

enum arcade_focus_type {
	ARCADE_FOCUS_WINDOW = 1,	/* the window that has the focus now */
	ARCADE_FOCUS_GAMEMODE,		/* a process registered at GameMode, or went */
	ARCADE_FOCUS_STATE,		/* how a source is */
	ARCADE_FOCUS_SETUP,		/* daemon to helper, of another size */
};

/* Who says so. */
enum arcade_focus_source {
	ARCADE_FOCUS_BUS,	/* the session bus itself */
	ARCADE_FOCUS_KWIN,
	ARCADE_FOCUS_FERAL,	/* GameMode */
	ARCADE_FOCUS_SWAY,
	ARCADE_FOCUS_X11,
	NR_ARCADE_FOCUS_SOURCES,
};

enum arcade_focus_state {
	ARCADE_FOCUS_ABSENT,	/* not there; watched for if it can come */
	ARCADE_FOCUS_STARTING,	/* there, being asked */
	ARCADE_FOCUS_READY,	/* reports */
	ARCADE_FOCUS_FAILED,	/* there, but not as it should be; tried again */
	NR_ARCADE_FOCUS_STATES,
};

/* Of a window: it covers a screen. */
#define ARCADE_FOCUS_FULLSCREEN (1U << 0)
/* Of a window: there is one; without, no window has the focus, and pid and app are empty. */
#define ARCADE_FOCUS_MAPPED	(1U << 1)
/* Of GameMode: registered; without, it went. */
#define ARCADE_FOCUS_REGISTERED (1U << 2)

struct arcade_focus_record {
	uint32_t version;
	uint32_t type;		/* enum arcade_focus_type */
	uint32_t source;	/* enum arcade_focus_source */
	uint32_t flags;		/* of WINDOW and GAMEMODE */
	int32_t pid;		/* of WINDOW and GAMEMODE; 0: not known */
	uint32_t state;		/* of STATE: enum arcade_focus_state */
	uint32_t error;		/* of STATE: a positive errno that explains it, or 0 */
	uint32_t pad;
	char app[ARCADE_FOCUS_APP_MAX];	/* of WINDOW: its application's class; never a title */
};

struct arcade_focus_setup {
	uint32_t version;
	uint32_t type;		/* ARCADE_FOCUS_SETUP */
	uint32_t uid;
	uint32_t gid;
	int32_t parent;		/* process id of the daemon */
	uint32_t pad;
	char bus[ARCADE_FOCUS_BUS_MAX];		/* address of the session bus */
	char script[ARCADE_FOCUS_PATH_MAX];	/* the script for KWin, readable by the user; "": none */
};

_Static_assert(sizeof(struct arcade_focus_record) == 96, "one size in all builds");
_Static_assert(sizeof(struct arcade_focus_setup) == 440, "one size in all builds");

#endif
