// SPDX-License-Identifier: GPL-2.0-only
/*
 * device - a mouse and a keyboard made of uinput
 *
 * Real devices speak from hardware interrupts, which no scheduler delays. The
 * nearest a process comes to that is a SCHED_FIFO thread per device.
 *
 * The mouse moves one step to and fro and the keyboard presses a key that no
 * program listens to. A packet of the warm-up says so itself: it has another
 * step width, or another key.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/uinput.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "clock.h"
#include "device.h"
#include "futex.h"
#include "options.h"
#include "pacer.h"
#include "scene.h"

#define DEVICE_FIFO_PRIORITY	50	/* that of the kernel's interrupt threads */

struct device {
	struct scene *scene;
	enum scene_lane lane;
	unsigned int hz;
	int fd;			/* -1: not in this scene */
	bool is_flipped;	/* other direction, or key held */
	int error;
	pthread_t thread;
};

/* What makes a mouse a mouse, or a keyboard a keyboard, to those who look; both have EV_KEY. */
static const struct ability {
	unsigned long request;		/* 0: no more */
	unsigned int first, last;
} abilities[NR_SCENE_LANES][5] = {
	[SCENE_LANE_MOUSE] = {
		{ UI_SET_KEYBIT, BTN_LEFT, BTN_MIDDLE },
		{ UI_SET_EVBIT, EV_REL, EV_REL },
		{ UI_SET_RELBIT, REL_X, REL_Y },
		{ UI_SET_RELBIT, REL_WHEEL, REL_WHEEL },
	},
	[SCENE_LANE_KEYBOARD] = {
		{ UI_SET_KEYBIT, KEY_ESC, KEY_KPDOT },
		{ UI_SET_KEYBIT, DEVICE_KEY_WARMUP, DEVICE_KEY_WARMUP },
		{ UI_SET_KEYBIT, DEVICE_KEY_COUNTED, DEVICE_KEY_COUNTED },
	},
};

static int device_set_abilities(const struct device *dev)
{
	const struct ability *ability;
	unsigned long bit;

	if (ioctl(dev->fd, UI_SET_EVBIT, (unsigned long)EV_KEY) < 0)
		return -errno;
	for (ability = abilities[dev->lane]; ability->request; ability++) {
		for (bit = ability->first; bit <= ability->last; bit++) {
			if (ioctl(dev->fd, ability->request, bit) < 0)
				return -errno;
		}
	}
	return 0;
}

static int device_open(struct device *dev)
{
	struct scene *scene = dev->scene;
	struct uinput_setup setup = { .id = { .bustype = BUS_USB, .vendor = 0x1209, .product = 0x0001 } };
	char *sysname = scene->shared->sysname[dev->lane];
	int err;

	dev->fd = open("/dev/uinput", O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (dev->fd < 0)
		return scene_fail(scene, "/dev/uinput: %s%s", strerror(errno),
				  errno == EACCES || errno == EPERM ? " (run as root)" :
				  " ('modprobe uinput' may help)");

	snprintf(setup.name, sizeof(setup.name), "scene %s",
		 dev->lane == SCENE_LANE_MOUSE ? "mouse" : "keyboard");
	err = device_set_abilities(dev);
	if (!err && (ioctl(dev->fd, UI_DEV_SETUP, &setup) < 0 || ioctl(dev->fd, UI_DEV_CREATE) < 0 ||
		     ioctl(dev->fd, UI_GET_SYSNAME(sizeof(scene->shared->sysname[0])), sysname) < 0))
		err = -errno;
	if (err)
		return scene_fail(scene, "can't make a uinput device: %s", strerror(-err));
	return 0;
}

static void device_close(struct device *dev)
{
	if (dev->fd < 0)
		return;
	ioctl(dev->fd, UI_DEV_DESTROY);
	close(dev->fd);
	dev->fd = -1;
}

/* One write per packet. The kernel stamps it: the times stay zero. */
static int device_send(struct device *dev, bool is_counted)
{
	struct input_event events[3] = { };
	unsigned int nr = 0;

	dev->is_flipped = !dev->is_flipped;
	if (dev->lane == SCENE_LANE_MOUSE) {
		int step = is_counted ? DEVICE_STEP_COUNTED : DEVICE_STEP_WARMUP;

		if (!dev->is_flipped)
			step = -step;
		events[nr++] = (struct input_event) { .type = EV_REL, .code = REL_X, .value = step };
		events[nr++] = (struct input_event) { .type = EV_REL, .code = REL_Y, .value = step };
	} else {
		events[nr++] = (struct input_event) {
			.type = EV_KEY,
			.code = is_counted ? DEVICE_KEY_COUNTED : DEVICE_KEY_WARMUP,
			.value = dev->is_flipped,
		};
	}
	events[nr++] = (struct input_event) { .type = EV_SYN, .code = SYN_REPORT };

	if (write(dev->fd, events, nr * sizeof(events[0])) < 0)
		return -errno;
	return 0;
}

static void *device_thread(void *arg)
{
	struct device *dev = arg;
	struct scene_shared *shared = dev->scene->shared;
	struct lane_stats *stats = &shared->lanes[dev->lane];
	uint64_t limit = dev->scene->opt->nr_packets, start_ns;
	bool was_counted = false;
	struct pacer pacer;

	pacer_init(&pacer, shared, NSEC_PER_SEC / dev->hz);
	while (pacer_wait(&pacer, &start_ns, &stats->nr_skipped)) {
		bool is_counted = shared_is_counted(shared, start_ns);

		if (is_counted && !was_counted)
			dev->is_flipped = false;	/* another key: it is pressed first */
		was_counted = is_counted;
		if (is_counted && limit && atomic_fetch_add(&shared->nr_claimed, 1) >= limit)
			break;

		dev->error = device_send(dev, is_counted);
		if (dev->error)
			break;
		stats->nr_sent_all++;
		if (is_counted)
			stats->nr_sent++;
	}
	return NULL;
}

/* Real-time if allowed; the scene plays without it, and says so. */
static int device_start(struct device *dev)
{
	struct sched_param param = { .sched_priority = DEVICE_FIFO_PRIORITY };
	int err;

	err = pthread_create(&dev->thread, NULL, device_thread, dev);
	if (err)
		return scene_fail(dev->scene, "can't start a thread: %s", strerror(err));
	if (pthread_setschedparam(dev->thread, SCHED_FIFO, &param))
		dev->scene->shared->device_is_fifo = 0;
	return 0;
}

int device_run(struct scene *scene, unsigned int index)
{
	struct device devices[NR_SCENE_LANES] = {
		[SCENE_LANE_MOUSE] = { .hz = scene->opt->mouse_hz },
		[SCENE_LANE_KEYBOARD] = { .hz = scene->opt->key_hz },
	};
	int i, err = 0;

	(void)index;
	for (i = 0; i < NR_SCENE_LANES; i++) {
		devices[i].scene = scene;
		devices[i].lane = (enum scene_lane)i;
		devices[i].fd = -1;
	}
	for (i = 0; i < NR_SCENE_LANES && !err; i++) {
		if (devices[i].hz)
			err = device_open(&devices[i]);
	}
	/* a failed process ends at once, and the kernel takes its devices away */
	if (err)
		return err;

	scene->shared->device_is_fifo = 1;
	scene_wait_go(scene);
	for (i = 0; i < NR_SCENE_LANES; i++) {
		if (devices[i].hz && device_start(&devices[i]))
			return -1;
	}
	for (i = 0; i < NR_SCENE_LANES; i++) {
		if (!devices[i].hz)
			continue;
		pthread_join(devices[i].thread, NULL);
		if (devices[i].error)
			err = scene_fail(scene, "can't write to a uinput device: %s",
					 strerror(-devices[i].error));
	}

	/* A device that goes takes its unread packets with it: wait for those behind. */
	atomic_store(&scene->shared->device_is_done, 1);
	while (!err && !atomic_load(&scene->shared->close_devices))
		futex_wait(&scene->shared->close_devices, 0);
	for (i = 0; i < NR_SCENE_LANES; i++)
		device_close(&devices[i]);
	return err;
}
