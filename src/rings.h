/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rings - reads the records of the kernel half
 *
 * The 16 input rings hang on one manager, the control ring on another, the ring
 * for the end of the scheduler on a third, so that a flood in one hides nothing
 * in the others.
 *
 * A ring is readable as soon as it holds a record, whether or not the hook
 * asked for a wakeup, so a fast mouse would wake the loop for every packet.
 * Therefore the source is detached after the first wakeup and a timer reads on
 * until a whole period brought nothing: at most RINGS_POLL_HZ + 1 wakeups a second.
 * The control ring is read in the same way, at RINGS_CONTROL_POLL_HZ, and once
 * more a second later, for what was lost without having been in it.
 */
#ifndef ARCADE_SRC_RINGS_H
#define ARCADE_SRC_RINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "arcade/abi.h"
#include "bpf.h"
#include "loop.h"

#define RINGS_POLL_HZ	      50
/* The end of a game is to be seen within 100 ms. */
#define RINGS_CONTROL_POLL_HZ 20

/* What the records said, in sum. */
struct rings_facts {
	uint64_t nr_records;
	uint64_t nr_ring_records[ARCADE_NR_RINGS];
	uint64_t nr_lane_records[NR_ARCADE_LANES];
	uint64_t nr_bad_records;
	uint64_t nr_wakeups;		/* of the loop, for input */
	uint64_t delay_max_ns;		/* oldest record at the time it was read */
	uint64_t nr_control_records;
	uint64_t nr_control_lost;	/* to a full ring; told to the handler */
	uint64_t nr_control_missed;	/* at most: runs left out by the kernel; told to the handler */
	uint64_t nr_control_wakeups;	/* of the loop */
	uint64_t nr_devices;		/* that have sent any so far */
	uint64_t nr_device_records[ARCADE_MAX_DEVICES];	/* by index; of those beyond nothing is known */
};

struct rings;

/* What is told. No call of these may free the rings. */
struct rings_handler {
	/* The scheduler has ended. Return 0 to go on; a negative errno ends loop_run(). */
	int (*handle_exit)(void *data);
	/* NULL: nobody wants to know. @record is of a kind known to us, its comm is terminated; valid during the call. */
	void (*handle_control)(const struct arcade_control_record *record, void *data);
	/*
	 * So many more control records than before were lost: what they would have said is in /proc and /sys, but for
	 * ends. NULL as above. Comes after what was read in the same wakeup. @more is valid during the call.
	 */
	void (*handle_control_lost)(const struct bpf_control_lost *more, void *data);
	void *data;
};

/* @bpf and @loop must outlive the result, @handler is copied. Return: 0, -errno. */
int rings_new(struct bpf *bpf, struct loop *loop, const struct rings_handler *handler, struct rings **ret);

/* Tells the hook that nobody reads any more. Accepts NULL. */
void rings_free(struct rings *rings);
DEFINE_CLEANUP(struct rings *, rings_free)

/* @fn: a device has sent its first record. One at a time; NULL for none. */
void rings_set_device_fn(struct rings *rings, void (*fn)(void *data), void *data);

const struct rings_facts *rings_facts(const struct rings *rings);

#endif
