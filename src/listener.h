/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * listener - a socket at a place in the file system
 *
 * Its folders are made, a socket that a killed instance left behind is
 * replaced, one that somebody serves is left alone. At the end the socket goes,
 * if it is still this one, and the folders that were made for it.
 *
 * Only for folders that belong to root, and only by the owner of the lock: two
 * who replace one another's socket at the same time are not kept apart here.
 */
#ifndef ARCADE_SRC_LISTENER_H
#define ARCADE_SRC_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

#define LISTENER_PATH_MAX 108
#define LISTENER_DIRS_MAX 8

struct listener {
	int fd;			/* to accept from; -1: none */
	char path[LISTENER_PATH_MAX];
	dev_t dev;
	ino_t ino;
	size_t dirs[LISTENER_DIRS_MAX];	/* lengths of those parts of the path that were made, outermost first */
	size_t nr_dirs;
};

#define LISTENER_INIT { .fd = -1 }

/*
 * Listen at @path, for everybody (0666): who connects is judged by who it is. Return: 0; -EADDRINUSE if somebody else
 * serves there, -EEXIST if something there is no socket, -ENAMETOOLONG, -errno.
 */
int listener_init(struct listener *listener, const char *path);

/* Accepts one that was not opened. */
void listener_deinit(struct listener *listener);

#endif
