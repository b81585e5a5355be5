/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watch - folders whose changes the daemon wants to hear of
 *
 * libinotifytools blocks, so one thread owns it (see notify.h) and posts what
 * it sees through a bounded queue and an eventfd to the loop. The thread opens
 * no file and reads none: whatever lies in a watched folder cannot hold it up.
 *
 * A folder need not exist: the deepest of those above it that does is watched
 * until it comes. When it comes, comes again, or is replaced, its kind gets a
 * WATCH_RESCAN, and so it does once after watch_add(). The same is said when
 * events were lost, so who scans the folder at each WATCH_RESCAN misses
 * nothing. A mount over a folder that has been there for long is not noticed.
 */
#ifndef ARCADE_SRC_WATCH_H
#define ARCADE_SRC_WATCH_H

#include <stdint.h>

#include "loop.h"

enum watch_kind {
	WATCH_DEV_INPUT,	/* /dev/input: names "event…" only */
	WATCH_CONFIG,		/* lists of programs */
	WATCH_SETTINGS,		/* the configuration */
	WATCH_STEAM,		/* registry and library folders */
	WATCH_SHM,		/* MangoHud's files, nobody else's */
	WATCH_APP_SLICE,	/* new scopes: folders only */
	NR_WATCH_KINDS,
};

enum watch_what {
	WATCH_ADDED,		/* created, or moved here */
	WATCH_REMOVED,		/* deleted, or moved away; also the folder itself */
	WATCH_CHANGED,		/* written and closed, or its permissions are others */
	WATCH_RESCAN,		/* anything may have changed */
	NR_WATCH_WHATS,
};

struct watch_event {
	enum watch_kind kind;
	enum watch_what what;
	const char *path;	/* any bytes, as the kernel gave them; "" with WATCH_RESCAN */
};

struct watch;

/* In the loop. @event is valid during the call. May add folders; may not free the watch. */
typedef void (*watch_fn)(void *data, const struct watch_event *event);

/*
 * Starts the thread. One per process: the library's state is global. Every signal is blocked in the thread.
 * Return: 0, -EBUSY if there is another, -errno.
 */
int watch_new(struct loop *loop, watch_fn fn, void *data, struct watch **ret);

/*
 * Ends the thread: it is joined within 500 ms. One that hangs in the kernel (a folder on a dead network) is left to itself
 * and gives back its memory if it ever returns; until then watch_new() says -EBUSY. Accepts NULL.
 */
void watch_free(struct watch *watch);
DEFINE_CLEANUP(struct watch *, watch_free)

/* @path is absolute. The same folder may be added under several kinds. Return: 0, -EINVAL, -ENAMETOOLONG, -ENOMEM. */
int watch_add(struct watch *watch, const char *path, enum watch_kind kind);

/* The folder of the file @path, and in it this one name only. WATCH_RESCAN as above. Return: as above. */
int watch_add_file(struct watch *watch, const char *path, enum watch_kind kind);

/* Events that were not posted because the queue was full; each kind that lost some got a WATCH_RESCAN. */
uint64_t watch_nr_lost(const struct watch *watch);

#endif
