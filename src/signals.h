/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * signals - signals as a source of the loop
 *
 * The signals of the mask are blocked and arrive one per callback, in the
 * loop, where everything is allowed. The mask is the thread's and is inherited
 * by threads and children: initialise before the first thread starts, and give
 * old_mask back in a child.
 */
#ifndef ARCADE_SRC_SIGNALS_H
#define ARCADE_SRC_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/signalfd.h>

#include "loop.h"

struct signals;

/* Return 0 to go on; a negative errno ends loop_run(). May deinitialise @signals. */
typedef int (*signals_fn)(struct signals *signals, const struct signalfd_siginfo *info);

struct signals {
	struct source source;
	signals_fn fn;
	int fd;			/* -1 unless initialised */
	sigset_t old_mask;	/* of the thread before signals_init() */
};

#define SIGNALS_INIT { .source = { .fd = -1 }, .fd = -1 }

/* Return: 0, -EINVAL for an empty @mask or one with SIGKILL or SIGSTOP, -errno; a failure leaves the mask as it was. */
int signals_init(struct signals *signals, struct loop *loop, const sigset_t *mask, signals_fn fn);

/*
 * Restores the old mask. Signals that are still pending are discarded: a second SIGTERM during the stop must not
 * kill the process at its last step. Harmless on SIGNALS_INIT and when called twice.
 */
void signals_deinit(struct signals *signals);

#endif
