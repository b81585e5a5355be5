// SPDX-License-Identifier: GPL-2.0-only
/*
 * idle_reader SECONDS - waits for a device of its own that never moves
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "uinput.h"

int main(int argc, char **argv)
{
	int fd = uinput_open(UINPUT_MOUSE), event = -1;
	char sysname[32], path[96];
	struct pollfd pollfd;

	if (fd < 0 || ioctl(fd, UI_GET_SYSNAME(sizeof(sysname)), sysname) < 0) {
		perror("uinput");
		return 1;
	}
	for (int i = 0; i < 64 && event < 0; i++) {
		snprintf(path, sizeof(path), "/sys/devices/virtual/input/%s/event%d", sysname, i);
		if (access(path, F_OK))
			continue;
		snprintf(path, sizeof(path), "/dev/input/event%d", i);
		event = open(path, O_RDONLY | O_CLOEXEC);
	}
	if (event < 0) {
		perror("event device");
		return 1;
	}
	pollfd = (struct pollfd){ .fd = event, .events = POLLIN };
	/* Nothing comes: the wait ends by its time. */
	return poll(&pollfd, 1, (argc > 1 ? atoi(argv[1]) : 1) * 1000) != 0;
}
