// SPDX-License-Identifier: GPL-2.0-only
/*
 * replug TIMES - a mouse that is plugged in, moved and unplugged, again and again; it moves until the last moment
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "uinput.h"

int main(int argc, char **argv)
{
	int times = argc > 1 ? atoi(argv[1]) : 100;

	for (int i = 0; i < times; i++) {
		int fd = uinput_open(i % 3 ? UINPUT_MOUSE : UINPUT_GAMEPAD);

		if (fd < 0) {
			perror("uinput");
			return 1;
		}
		for (int k = 0; k < 20; k++) {
			if (i % 3)
				uinput_packet(fd, EV_REL, REL_X, k % 2 ? 1 : -1);
			else
				uinput_packet(fd, EV_ABS, ABS_X, k % 2 ? 20000 : -20000);
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		}
		close(fd);
	}
	return 0;
}
