/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rings - reads the records of the kernel half
 *
 * The 16 input rings hang on one manager, the control ring on another, so that
 * a flood of input never hides the end of the scheduler.
 *
 * A ring is readable as soon as it holds a record, whether or not the hook
 * asked for a wakeup, so a fast mouse would wake the loop for every packet.
 * Therefore the source is detached after the first wakeup and a timer reads on
 * until a whole period brought nothing: at most RINGS_POLL_HZ + 1 wakeups a second.
 */
#ifndef ARCADE_SRC_RINGS_H
#define ARCADE_SRC_RINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "arcade/abi.h"
#include "bpf.h"
#include "loop.h"

#define RINGS_POLL_HZ 50

/* What the records said, in sum. */
struct rings_facts {
	uint64_t nr_records;
	uint64_t nr_ring_records[ARCADE_NR_RINGS];
	uint64_t nr_lane_records[NR_ARCADE_LANES];
	uint64_t nr_bad_records;
	uint64_t nr_wakeups;		/* of the loop, for input */
	uint64_t delay_max_ns;		/* oldest record at the time it was read */
	uint64_t nr_devices;		/* that have sent any so far */
};

struct rings;

/* The scheduler has ended. Return 0 to go on; a negative errno ends loop_run(). */
typedef int (*rings_exit_fn)(void *data);

/* @bpf and @loop must outlive the result. Return: 0, -errno. */
int rings_new(struct bpf *bpf, struct loop *loop, rings_exit_fn exit_fn, void *data, struct rings **ret);

/* Tells the hook that nobody reads any more. Accepts NULL. */
void rings_free(struct rings *rings);
DEFINE_CLEANUP(struct rings *, rings_free)

/* @fn: a device has sent its first record. One at a time; NULL for none. */
void rings_set_device_fn(struct rings *rings, void (*fn)(void *data), void *data);

const struct rings_facts *rings_facts(const struct rings *rings);

#endif
