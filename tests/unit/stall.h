/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stall - a folder in which every look-up waits until it is told otherwise
 *
 * A FUSE file system whose server never answers, in a mount namespace of the
 * test's own. Needs root, FUSE, and a process with one thread at the start.
 */
#ifndef ARCADE_TESTS_STALL_H
#define ARCADE_TESTS_STALL_H

#include <sched.h>
#include <sys/mount.h>

#include "unit.h"

struct stall {
	char *dir;
	int fd;
};

/* Return: 0, or -errno where this cannot be had. */
UNIT int stall_start(struct stall *stall)
{
	char options[128];
	int err;

	*stall = (struct stall){ .fd = -1 };
	if (unshare(CLONE_NEWNS) || mount("", "/", "", MS_REC | MS_PRIVATE, NULL))
		return -errno;
	stall->fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (stall->fd < 0)
		return -errno;
	stall->dir = unit_tempdir_new();
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", stall->fd);
	if (!mount("stall", stall->dir, "fuse", MS_NOSUID | MS_NODEV, options))
		return 0;
	err = -errno;
	close(stall->fd);
	unit_tempdir_free(stall->dir);
	return err;
}

/* Whoever waits there gets an error now. */
UNIT void stall_release(struct stall *stall)
{
	if (stall->fd >= 0)
		close(stall->fd);
	stall->fd = -1;
}

UNIT void stall_end(struct stall *stall)
{
	stall_release(stall);
	if (!stall->dir)
		return;
	assert_int_equal(umount2(stall->dir, MNT_DETACH), 0);
	unit_tempdir_free(stall->dir);
	stall->dir = NULL;
}

#endif
