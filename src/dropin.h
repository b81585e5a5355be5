/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dropin - folders of *.conf files, and the text of one
 *
 * What /etc/scx_arcade.conf.d and programs.d have in common: any number of
 * files that packages and users drop in, taken in the order of their names.
 */
#ifndef ARCADE_SRC_DROPIN_H
#define ARCADE_SRC_DROPIN_H

#include <stddef.h>

#include "util.h"

#define DROPIN_FILES_MAX 64

struct dropin {
	DIR *dir;	/* NULL: there is no such folder */
	char *names[DROPIN_FILES_MAX];
	size_t nr;
};

/*
 * The names in the folder @path that end in .conf and are not hidden, sorted. Deinit in any case. One that is not there is
 * empty. Return: 0, -E2BIG for more than DROPIN_FILES_MAX, -errno.
 */
int dropin_init(struct dropin *dropin, const char *path);
void dropin_deinit(struct dropin *dropin);

/*
 * Reads @fd to its end and not to its size: both may change under our hands. The text is the caller's to free, and has no
 * terminator. Return: 0, -EFBIG if it is larger than @max, -errno.
 */
int dropin_read(int fd, size_t max, char **text, size_t *len);

#endif
