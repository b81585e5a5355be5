// SPDX-License-Identifier: GPL-2.0-only
#include "evread.h"

#include <linux/input.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "policy.h"
#include "util.h"

#define NR_AXES	   ABS_HAT0X
#define NR_HATS	   (ABS_HAT3Y - ABS_HAT0X + 1)
#define KEY_BYTES  (KEY_CNT / 8)

/* Of a gamepad, when it was last found used. */
struct evread_pad {
	uint8_t has_axis[(ABS_CNT + 7) / 8];
	int32_t acted[NR_AXES];
	int32_t hats[NR_HATS];
	uint8_t buttons[KEY_BYTES];
};

struct evread {
	struct source source;
	struct timer timer;
	struct loop *loop;
	int fd;
	enum arcade_lane lane;
	bool clock_is_boottime;
	evread_used_fn used_fn;
	evread_gone_fn gone_fn;
	void *data;
	struct evread_facts *facts;
	struct evread_pad *pad;	/* NULL unless it is a gamepad */
};

/* Nothing but EV_SYN, which cannot be masked. */
static int hold_back_events(int fd)
{
	/* Whole words, or the kernel refuses it. */
	const unsigned long none[1] = { 0 };
	const struct input_mask mask = {
		.type = EV_SYN,		/* its codes are the types */
		.codes_size = sizeof(none),
		.codes_ptr = (uint64_t)(uintptr_t)none,
	};

	return ioctl(fd, EVIOCSMASK, &mask) < 0 ? -errno : 0;
}

/* A query that cannot be answered makes the kernel queue a SYN_DROPPED. The bare call: tools know the ioctl and object. */
static int queue_syn_dropped(int fd)
{
	if (syscall(SYS_ioctl, fd, EVIOCGKEY(KEY_BYTES), NULL) >= 0)
		return -EPROTO;
	return errno == EFAULT ? 0 : -errno;
}

/* Throws away what is queued, unread, and leaves a SYN_DROPPED that is not yet readable. */
static int flush(struct evread *evread)
{
	int clock = evread->clock_is_boottime ? CLOCK_MONOTONIC : CLOCK_BOOTTIME;

	if (ioctl(evread->fd, EVIOCSCLOCKID, &clock) < 0)
		return -errno;
	evread->clock_is_boottime = !evread->clock_is_boottime;
	evread->facts->nr_flushed++;
	return 0;
}

static bool has_axis(const struct evread_pad *pad, int axis)
{
	return pad->has_axis[axis / 8] >> (axis % 8) & 1;
}

/* Has anything but noise changed since it was last said so? @pad is brought up to date. Return: 1, 0, -errno. */
static int look_at_pad(int fd, struct evread_pad *pad)
{
	uint8_t buttons[KEY_BYTES] = { 0 };
	struct input_absinfo info;
	int changed = 0;

	if (ioctl(fd, EVIOCGKEY(sizeof(buttons)), buttons) < 0)
		return -errno;
	if (memcmp(buttons, pad->buttons, sizeof(buttons))) {
		memcpy(pad->buttons, buttons, sizeof(buttons));
		changed = 1;
	}
	for (int axis = 0; axis <= ABS_HAT3Y; axis++) {
		if (!has_axis(pad, axis))
			continue;
		if (ioctl(fd, EVIOCGABS(axis), &info) < 0)
			return -errno;
		if (axis >= ABS_HAT0X) {
			changed |= info.value != pad->hats[axis - ABS_HAT0X];
			pad->hats[axis - ABS_HAT0X] = info.value;
		} else if (policy_axis_moved(info.value, pad->acted[axis], info.minimum, info.maximum, info.fuzz, info.flat)) {
			pad->acted[axis] = info.value;
			changed = 1;
		}
	}
	return changed;
}

static int open_pad(int fd, struct evread_pad **ret)
{
	_cleanup_free_ struct evread_pad *pad = calloc(1, sizeof(*pad));
	struct input_absinfo info;
	int err;

	if (!pad)
		return -ENOMEM;
	if (ioctl(fd, EVIOCGBIT(EV_ABS, sizeof(pad->has_axis)), pad->has_axis) < 0)
		return -errno;
	/* Where an axis is first seen is where it rests. */
	for (int axis = 0; axis < NR_AXES; axis++) {
		if (!has_axis(pad, axis))
			continue;
		if (ioctl(fd, EVIOCGABS(axis), &info) < 0)
			return -errno;
		pad->acted[axis] = info.value;
	}
	err = look_at_pad(fd, pad);
	if (err < 0)
		return err;
	*ret = steal_ptr(&pad);
	return 0;
}

static int handle_ready(struct source *source, uint32_t events)
{
	struct evread *evread = container_of(source, struct evread, source);
	int used = 1;

	source_detach(source);
	if (events & (EPOLLHUP | EPOLLERR) || flush(evread)) {
		evread->gone_fn(evread->data, evread);
		return 0;
	}
	if (evread->pad)
		used = look_at_pad(evread->fd, evread->pad);
	if (used < 0) {
		evread->gone_fn(evread->data, evread);
		return 0;
	}
	timer_arm(&evread->timer, evread->loop, now_ns() + EVREAD_PERIOD_NS, 0);
	if (!used) {
		evread->facts->nr_rest++;
		return 0;
	}
	evread->facts->nr_seen++;
	evread->used_fn(evread->data, evread->lane);
	return 0;
}

/* What came meanwhile makes it readable at once. If more came than the queue holds, that is one packet, too. */
static int handle_time(struct timer *timer, uint64_t now)
{
	struct evread *evread = container_of(timer, struct evread, timer);

	if (source_attach(&evread->source, evread->loop, evread->fd, EPOLLIN))
		evread->gone_fn(evread->data, evread);
	return 0;
}

int evread_prepare(int fd, enum arcade_lane lane, struct evread_pad **pad)
{
	int err;

	*pad = NULL;
	err = hold_back_events(fd);
	if (!err)
		err = queue_syn_dropped(fd);
	if (!err && lane == ARCADE_LANE_GAMEPAD)
		err = open_pad(fd, pad);
	return err;
}

void evread_pad_free(struct evread_pad *pad)
{
	free(pad);
}

int evread_new(struct loop *loop, int fd, enum arcade_lane lane, struct evread_pad *pad, evread_used_fn used_fn,
	       evread_gone_fn gone_fn, void *data, struct evread_facts *facts, struct evread **ret)
{
	struct evread *evread = calloc(1, sizeof(*evread));
	int err;

	if (!evread)
		return -ENOMEM;
	source_init(&evread->source, "input device", handle_ready);
	timer_init(&evread->timer, "input device", handle_time);
	evread->loop = loop;
	evread->fd = fd;
	evread->lane = lane;
	evread->used_fn = used_fn;
	evread->gone_fn = gone_fn;
	evread->data = data;
	evread->facts = facts;
	err = source_attach(&evread->source, loop, fd, EPOLLIN);
	if (err) {
		evread_free(evread);
		return err;
	}
	evread->pad = pad;
	*ret = evread;
	return 0;
}

void evread_free(struct evread *evread)
{
	if (!evread)
		return;
	timer_disarm(&evread->timer);
	source_detach(&evread->source);
	evread_pad_free(evread->pad);
	free(evread);
}
