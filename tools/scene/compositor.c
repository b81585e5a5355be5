// SPDX-License-Identifier: GPL-2.0-only
/*
 * compositor - reads the devices, hands each packet on to the game
 *
 * One thread in poll(), as compositors are. The devices are grabbed: on a
 * desktop in use neither pointer nor programs notice the scene's packets, and
 * no other reader's wakeup mixes into the measurement.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "device.h"
#include "scene.h"

#define NODE_DEADLINE_NS	(3 * NSEC_PER_SEC)	/* devtmpfs has it at once, a container's /dev may not */
#define NODE_RETRY_NS		(5 * NSEC_PER_MSEC)
#define READ_NR_EVENTS		64			/* what evdev keeps for a mouse */

struct lane {
	int fd;
	bool is_counted;	/* the packet that is being read */
	bool is_broken;		/* events were lost: its rest is worth nothing */
};

struct compositor {
	struct scene *scene;
	struct lane lanes[NR_SCENE_LANES];
	uint32_t next_sequence;
	uint64_t nr_sleeps_before;	/* before the first packet that counts */
};

static int find_node(const char *sysname, char *path, size_t size)
{
	char folder[64];
	struct dirent *entry;
	int err = -ENOENT;
	DIR *dir;

	snprintf(folder, sizeof(folder), "/sys/class/input/%s", sysname);
	dir = opendir(folder);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, "event", 5))
			continue;
		snprintf(path, size, "/dev/input/%.32s", entry->d_name);
		err = 0;
		break;
	}
	closedir(dir);
	return err;
}

static int lane_open(struct compositor *comp, enum scene_lane lane)
{
	const char *sysname = comp->scene->shared->sysname[lane];
	uint64_t deadline_ns = clock_now_ns() + NODE_DEADLINE_NS;
	int clock = CLOCK_MONOTONIC, err, fd;
	char path[64] = "no evdev node";

	for (;;) {
		err = find_node(sysname, path, sizeof(path));
		fd = err ? -1 : open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd >= 0)
			break;
		if (!err)
			err = -errno;
		if (err != -ENOENT || clock_now_ns() > deadline_ns)
			return scene_fail(comp->scene, "%s of %s: %s%s", path, sysname, strerror(-err),
					  err == -ENOENT ? " ('modprobe evdev' may help)" : "");
		clock_sleep_until(clock_now_ns() + NODE_RETRY_NS);
	}

	comp->lanes[lane].fd = fd;
	if (ioctl(fd, EVIOCSCLOCKID, &clock) < 0 || ioctl(fd, EVIOCGRAB, 1) < 0)
		return scene_fail(comp->scene, "can't set up %s: %s", path, strerror(errno));
	return 0;
}

static int packet_send(struct compositor *comp, enum scene_lane lane, uint64_t stamp_ns)
{
	struct hop_stats *stats = &comp->scene->shared->hops[SCENE_HOP_COMPOSITOR];
	struct scene_packet packet = {
		.stamp_ns = stamp_ns,
		.sequence = comp->next_sequence++,
		.lane = (uint16_t)lane,
		.is_counted = comp->lanes[lane].is_counted,
	};

	if (packet.is_counted) {
		if (!stats->nr_packets)
			comp->nr_sleeps_before = scene_get_nr_sleeps() - 1;
		stats->nr_packets++;
		histogram_add(&stats->latency, clock_now_ns() - stamp_ns);
	}
	if (send(comp->scene->socket_compositor, &packet, sizeof(packet), MSG_NOSIGNAL) < 0)
		return scene_fail(comp->scene, "can't send to the game: %s", strerror(errno));
	return 0;
}

static int lane_take_event(struct compositor *comp, enum scene_lane index, const struct input_event *event)
{
	struct lane *lane = &comp->lanes[index];
	bool was_broken = lane->is_broken;

	switch (event->type) {
	case EV_REL:
		lane->is_counted = abs(event->value) == DEVICE_STEP_COUNTED;
		return 0;
	case EV_KEY:
		lane->is_counted = event->code == DEVICE_KEY_COUNTED;
		return 0;
	case EV_SYN:
		break;
	default:
		return 0;
	}

	if (event->code == SYN_DROPPED) {
		comp->scene->shared->nr_syn_dropped++;
		lane->is_broken = true;
	}
	if (event->code != SYN_REPORT)
		return 0;
	lane->is_broken = false;
	/* A key that is held when its device goes is released by the kernel: that packet is not ours. */
	if (was_broken || atomic_load_explicit(&comp->scene->shared->close_devices, memory_order_relaxed))
		return 0;
	return packet_send(comp, index, (uint64_t)event->input_event_sec * NSEC_PER_SEC +
			   (uint64_t)event->input_event_usec * NSEC_PER_USEC);
}

/* Return: 1 when the device has gone, 0, or -1 after scene_fail(). */
static int lane_read(struct compositor *comp, enum scene_lane index)
{
	struct input_event events[READ_NR_EVENTS];
	ssize_t size, i;

	size = read(comp->lanes[index].fd, events, sizeof(events));
	if (size < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return 0;
		if (errno == ENODEV)
			return 1;
		return scene_fail(comp->scene, "can't read an input device: %s", strerror(errno));
	}
	for (i = 0; i < size / (ssize_t)sizeof(events[0]); i++) {
		if (lane_take_event(comp, index, &events[i]))
			return -1;
	}
	return 0;
}

static int compositor_loop(struct compositor *comp)
{
	struct pollfd fds[NR_SCENE_LANES];
	int i, ret, nr_open = 0;

	for (i = 0; i < NR_SCENE_LANES; i++) {
		fds[i] = (struct pollfd) { .fd = comp->lanes[i].fd, .events = POLLIN };
		nr_open += fds[i].fd >= 0;
	}

	while (nr_open) {
		if (poll(fds, NR_SCENE_LANES, -1) < 0) {
			if (errno == EINTR)
				continue;
			return scene_fail(comp->scene, "can't poll: %s", strerror(errno));
		}
		for (i = 0; i < NR_SCENE_LANES; i++) {
			if (fds[i].fd < 0 || !fds[i].revents)
				continue;
			ret = lane_read(comp, (enum scene_lane)i);
			if (ret < 0)
				return ret;
			if (ret > 0) {
				fds[i].fd = -1;
				nr_open--;
			}
		}
	}
	return 0;
}

int compositor_run(struct scene *scene, unsigned int index)
{
	struct hop_stats *stats = &scene->shared->hops[SCENE_HOP_COMPOSITOR];
	struct compositor comp = { .scene = scene };
	int i, ret = 0;

	(void)index;
	for (i = 0; i < NR_SCENE_LANES; i++)
		comp.lanes[i].fd = -1;
	for (i = 0; i < NR_SCENE_LANES && !ret; i++) {
		if (scene->shared->sysname[i][0])
			ret = lane_open(&comp, (enum scene_lane)i);
	}
	if (!ret) {
		scene_wait_go(scene);
		ret = compositor_loop(&comp);
	}
	/* less the last one, when the devices went */
	if (stats->nr_packets)
		stats->nr_wakeups = scene_get_nr_sleeps() - comp.nr_sleeps_before - 1;
	for (i = 0; i < NR_SCENE_LANES; i++) {
		if (comp.lanes[i].fd >= 0)
			close(comp.lanes[i].fd);
	}
	return ret;
}
