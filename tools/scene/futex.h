/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * futex - the two calls that a game's hand-overs come down to
 *
 * Never FUTEX_PRIVATE: some of these words are shared between processes.
 */
#ifndef SCENE_FUTEX_H
#define SCENE_FUTEX_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Return: true if the caller slept and was woken, false if the word had changed or a signal came. */
static inline bool futex_wait(_Atomic uint32_t *word, uint32_t seen)
{
	return syscall(SYS_futex, word, FUTEX_WAIT, seen, NULL, NULL, 0) == 0;
}

static inline void futex_wake(_Atomic uint32_t *word, int nr_waiters)
{
	syscall(SYS_futex, word, FUTEX_WAKE, nr_waiters, NULL, NULL, 0);
}

#endif
