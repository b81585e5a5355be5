/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * lock - one instance per machine
 *
 * A file under /run, held with flock(): the kernel gives it back when the
 * process ends, however it ends. A file that a killed instance left behind is
 * simply locked again.
 */
#ifndef ARCADE_SRC_LOCK_H
#define ARCADE_SRC_LOCK_H

#define LOCK_DIR  "/run/scx_arcade"
#define LOCK_FILE LOCK_DIR "/lock"

/* Return: a descriptor that holds the lock, -EWOULDBLOCK if another process holds it, -errno. */
int lock_acquire(void);

/* Removes the file and gives the lock back. Accepts -1. Return: -1, to be assigned to the descriptor. */
int lock_release(int fd);

#endif
