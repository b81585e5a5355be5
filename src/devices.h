/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * devices - which input devices there are, and what they are
 *
 * Each event device is opened, asked by libevdev what it can do, and closed
 * again. The kernel half judges by itself at a device's first packet; here the
 * same is judged with a view of more than bits, the kernel half is told, and
 * whether the two agree is checked when the device has spoken. Who reads
 * instead of the hook (see evread.h) keeps the device open.
 *
 * libevdev asks for the state of a device's keys as it opens it; that is freed
 * unseen. Devices are never grabbed. What is no event device (a FIFO, a link,
 * another kind of device) is not opened.
 *
 * Drivers take their time to open and to close a device. Once the loop runs, a
 * worker's thread waits for them.
 *
 * A device that may not be opened yet (udev sets the permissions a moment after
 * it came) is tried again, with growing pauses, and when its permissions change.
 */
#ifndef ARCADE_SRC_DEVICES_H
#define ARCADE_SRC_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "arcade/abi.h"
#include "bpf.h"
#include "evread.h"
#include "loop.h"
#include "watch.h"

#define DEVICES_DIR "/dev/input"

struct devices;
struct libevdev;

struct devices_facts {
	uint64_t nr[NR_ARCADE_LANES];	/* devices there are now */
	uint64_t nr_closed;		/* that are not known: they could not be opened, or are about to be; now */
	uint64_t nr_disagreements;	/* that the hook took for something else */
	struct evread_facts read;
};

#define DEVICES_NAME_MAX 96

/* One of them, for who shows it. */
struct devices_item {
	uint32_t event;		/* of "event7" */
	uint32_t number;	/* of "input7"; ARCADE_DEVICE_UNKNOWN if it is not open */
	enum arcade_lane lane;
	bool is_known;		/* it could be opened, and lane and name hold */
	char name[DEVICES_NAME_MAX];	/* as it calls itself, escaped; "" */
};

/* What the device is, from all it says of itself. */
enum arcade_lane devices_classify(const struct libevdev *evdev);

/*
 * Looks at the devices in @dir. @bpf is told of them; NULL: nobody is. @loop: for retries and reading; NULL: neither. If
 * @is_reading, every device that counts is kept open and opens the kernel half's window. Both outlive the result.
 * Return: 0, -errno. That there are none is no error.
 */
int devices_new(struct bpf *bpf, struct loop *loop, const char *dir, bool is_reading, struct devices **ret);

/* Accepts NULL. */
void devices_free(struct devices *devices);
DEFINE_CLEANUP(struct devices *, devices_free)

/* Something happened in the folder. */
void devices_handle_event(struct devices *devices, const struct watch_event *event);

/* Compares what the hook made of its devices; what differs is said once per device. */
void devices_check(struct devices *devices);

const struct devices_facts *devices_facts(const struct devices *devices);

/* Fills @items, at most ARCADE_MAX_DEVICES of them, in the order of their numbers. Return: how many. */
uint32_t devices_list(const struct devices *devices, struct devices_item *items);

/* "2 keyboards, 1 mouse, …" */
void devices_describe(const struct devices *devices, char *buf, size_t size);

#endif
