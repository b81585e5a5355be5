// SPDX-License-Identifier: GPL-2.0-only
/*
 * flood HZ SECONDS [CODE] - packets of a mouse, or of one key of a keyboard, at a steady rate
 *
 * Nobody reads the device. Packets that are late are sent at once, so the number sent is HZ * SECONDS; the rate that
 * was reached is printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "uinput.h"

int main(int argc, char **argv)
{
	long hz = argc > 2 ? atol(argv[1]) : 1000, seconds = argc > 2 ? atol(argv[2]) : 1;
	int code = argc > 3 ? atoi(argv[3]) : 0, fd = uinput_open(code ? UINPUT_KEYBOARD : UINPUT_MOUSE);
	struct timespec next, start, end;
	bool sent;

	if (fd < 0) {
		perror("uinput");
		return 1;
	}
	clock_gettime(CLOCK_MONOTONIC, &start);
	next = start;
	for (long i = 0; i < hz * seconds; i++) {
		next.tv_nsec += 1000000000 / hz;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		if (code)
			sent = uinput_packet(fd, EV_KEY, code, !(i % 2));
		else
			sent = uinput_packet(fd, EV_REL, REL_X, i % 2 ? 1 : -1);
		if (!sent) {
			perror("uinput");
			return 1;
		}
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("%.0f\n", hz * seconds / (end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9));
	close(fd);
	return 0;
}
