/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * notify - libinotifytools, with its edges covered
 *
 * The library keeps one state for the whole process, is not thread-safe, waits
 * for whole seconds or for ever, and prints to stderr when it is misused. So
 * there is one object of this kind at a time, and all but notify_new() and
 * notify_wake() belong to one thread.
 *
 * What the library does not offer is done here:
 *  - Its descriptor is found among ours and made CLOEXEC.
 *  - A wait ends by notify_wake(): a pipe of our own is among what is watched,
 *    and a byte into it is an event like any other.
 *  - It forgets no watch that the kernel has dropped, says so on stderr if told
 *    to, and finds watches by name: so every watch gets a name of its own ("x/./"). notify_is_worn()
 *    says when it is time to begin anew.
 *  - Events that it has read, but not handed out, would be met by the next
 *    user: they are taken out before the end.
 *
 * Only folders are watched, and nothing is opened: a FIFO, a device or a
 * dangling link at a path is refused by the kernel at once.
 */
#ifndef ARCADE_SRC_NOTIFY_H
#define ARCADE_SRC_NOTIFY_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/inotify.h>

#include "util.h"

struct notify;

struct notify_event {
	int wd;				/* -1: events were lost (IN_Q_OVERFLOW) */
	uint32_t mask;			/* IN_* */
	char name[NAME_MAX + 1];	/* in the folder; "" if it is about the folder itself */
};

/* Return: 0, -EBUSY while another one lives, -EMFILE if no descriptor can be had, -errno. */
int notify_new(struct notify **ret);

/* Takes less than 500 ms, unless the kernel has no memory for an event. Accepts NULL. */
void notify_free(struct notify *notify);
DEFINE_CLEANUP(struct notify *, notify_free)

/*
 * Watch the folder @path for all that watch.c knows; symbolic links are followed.
 * Return: its descriptor, the same as before if it is being watched already; -ENOENT, -ENOTDIR, -ENOSPC …
 */
int notify_add(struct notify *notify, const char *path);

/* No more events of @wd, which the kernel may have dropped already. */
void notify_remove(struct notify *notify, int wd);

/* So many removed watches lie about that a new object should be made. */
bool notify_is_worn(const struct notify *notify);

/*
 * Wait for an event, for ever if @timeout_s is 0. A wakeup is none: then @event is not filled, either.
 * Return: 1 with an event, 0 without, -errno.
 */
int notify_next(struct notify *notify, int timeout_s, struct notify_event *event);

/* End the running or the next wait. The only call for other threads; must not meet notify_free(). */
void notify_wake(struct notify *notify);

#endif
