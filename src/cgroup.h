/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cgroup - the control group of a process in the unified hierarchy: its path, its number, who is in it
 *
 * A path comes from /proc, where it may be odd: of a group that is gone, or of
 * one outside of our namespace ("/../.."). It is opened below the root of the
 * hierarchy and nowhere else: no "..", no symbolic link, no other file system.
 * What is read is bounded. Nothing here logs.
 */
#ifndef ARCADE_SRC_CGROUP_H
#define ARCADE_SRC_CGROUP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The kernel's own bound of a path. */
#define CGROUP_PATH_MAX 4096

/* Return: the root of the unified hierarchy, a descriptor of the caller; -EOPNOTSUPP if it is not where it always is, -errno. */
int cgroup_open_root(void);

/*
 * @dirfd: /proc/PID. The path of its group, which begins with a slash; "/" is the root.
 * Return: 0, -ESRCH, -ENOENT if it is in none that we can see, -EINVAL, -errno.
 */
int cgroup_read_path(int dirfd, char path[CGROUP_PATH_MAX]);

/* @path as above. Return: a descriptor of the caller, -ENOENT, for a path that leads elsewhere -EINVAL, -ENOTDIR or -EXDEV, -errno. */
int cgroup_open(int root, const char *path);

/* The number by which the kernel knows the group that is open as @fd. Return: 0, -errno. */
int cgroup_read_id(int fd, uint64_t *ret);

/* Return: how many groups there are below it, -EINVAL, -errno. */
int cgroup_read_nr_below(int fd);

/*
 * The processes in it, by their numbers in our namespace, 0 for one that has none there; in no order.
 * Return: their number, at most @max, -E2BIG if there are more, -EINVAL, -errno.
 */
ssize_t cgroup_read_members(int fd, pid_t *pids, size_t max);

#endif
