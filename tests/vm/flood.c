// SPDX-License-Identifier: GPL-2.0-only
/*
 * flood HZ SECONDS [keys] - packets of a mouse, or of all function keys of a keyboard, at a steady rate
 *
 * Nobody reads the device. Packets that are late are sent at once, so the number sent is HZ * SECONDS.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "uinput.h"

int main(int argc, char **argv)
{
	long hz = argc > 2 ? atol(argv[1]) : 1000, seconds = argc > 2 ? atol(argv[2]) : 1;
	bool keys = argc > 3 && !strcmp(argv[3], "keys"), sent;
	int fd = uinput_open(keys ? UINPUT_KEYBOARD : UINPUT_MOUSE);
	struct timespec next;

	if (fd < 0) {
		perror("uinput");
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (long i = 0; i < hz * seconds; i++) {
		next.tv_nsec += 1000000000 / hz;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		if (keys)
			sent = uinput_packet(fd, EV_KEY, KEY_F13 + i / 2 % 12, !(i % 2));
		else
			sent = uinput_packet(fd, EV_REL, REL_X, i % 2 ? 1 : -1);
		if (!sent) {
			perror("uinput");
			return 1;
		}
	}
	close(fd);
	return 0;
}
