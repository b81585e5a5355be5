/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evread - notices that a device is used, where no hook in the kernel does
 *
 * Only that is wanted, not what was done, and nothing else may reach us. A
 * mask (EVIOCSMASK) holds back every event but the ends of packets, and for
 * us the kernel drops the end of a packet that the mask has emptied, too:
 * unless an earlier packet waits that has not ended. So one is put there: the
 * mark that events were lost (SYN_DROPPED), which the kernel queues when a
 * query fails, and when it changes the clock of a queue that is not empty.
 * From then on the descriptor becomes readable with each packet, and a change
 * of its clock makes it silent again. No event is ever read.
 *
 * A gamepad's packets may be the noise of a stick that rests. There the state
 * of axes and of the gamepad's buttons is asked for and compared, by the same
 * rule as in the kernel half; keyboards and mice are not asked anything.
 *
 * After a packet the device is left alone for a while, so a fast mouse costs
 * no more than a slow one. The device is never grabbed.
 */
#ifndef ARCADE_SRC_EVREAD_H
#define ARCADE_SRC_EVREAD_H

#include <stdbool.h>
#include <stdint.h>

#include "arcade/abi.h"
#include "loop.h"

/* At most so often is a device looked at. Short against the life of a chain. */
#define EVREAD_PERIOD_NS (8 * NSEC_PER_MSEC)

struct evread;
struct evread_pad;

struct evread_facts {
	uint64_t nr_seen;	/* times that a device was found used */
	uint64_t nr_rest;	/* times that it was only the noise of sticks */
	uint64_t nr_flushed;	/* queues emptied unread: each leaves a SYN_DROPPED behind */
};

/* The player acts. */
typedef void (*evread_used_fn)(void *data, enum arcade_lane lane);
/* The device is gone; must free the evread. */
typedef void (*evread_gone_fn)(void *data, struct evread *evread);

/*
 * Makes the queue of @fd silent, an event device open for reading and non-blocking. May wait, and need not be called in the
 * loop. @pad: what a gamepad is like at rest, for evread_new(); NULL for any other. Return: 0, -errno.
 */
int evread_prepare(int fd, enum arcade_lane lane, struct evread_pad **pad);

/* Accepts NULL. */
void evread_pad_free(struct evread_pad *pad);

/*
 * @fd: as evread_prepare() has left it; borrowed. @pad is owned from here on if this succeeds. @facts is added to.
 * Return: 0, -errno.
 */
int evread_new(struct loop *loop, int fd, enum arcade_lane lane, struct evread_pad *pad, evread_used_fn used_fn,
	       evread_gone_fn gone_fn, void *data, struct evread_facts *facts, struct evread **ret);

/* The descriptor may be closed then, which may wait. Accepts NULL. */
void evread_free(struct evread *evread);
DEFINE_CLEANUP(struct evread *, evread_free)

#endif
