// SPDX-License-Identifier: GPL-2.0-only
/*
 * stick noise|move SECONDS - a gamepad whose stick wavers at rest, or is moved, 250 times a second, and its reader
 *
 * Prints the number of packets.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "uinput.h"

static void *read_all(void *arg)
{
	struct input_event event;

	while (read(*(int *)arg, &event, sizeof(event)) > 0)
		;
	return NULL;
}

int main(int argc, char **argv)
{
	bool noise = argc > 1 && !strcmp(argv[1], "noise");
	int nr = (argc > 2 ? atoi(argv[2]) : 1) * 250, fd = uinput_open(UINPUT_GAMEPAD), event;
	uint32_t random = 1;
	pthread_t reader;
	char path[64];

	snprintf(path, sizeof(path), "/dev/input/event%d", fd < 0 ? -1 : uinput_event_number(fd));
	event = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || event < 0 || pthread_create(&reader, NULL, read_all, &event)) {
		perror("stick");
		return 1;
	}
	for (int i = 0; i < nr; i++) {
		random = random * 1103515245 + 12345;
		uinput_packet(fd, EV_ABS, ABS_X, noise ? (int)(random >> 16) % 1800 - 900 : (i % 16 - 8) * 4000);
		nanosleep(&(struct timespec){ .tv_nsec = 4000000 }, NULL);
	}
	printf("%d\n", nr);
	close(fd);
	pthread_join(reader, NULL);
	return 0;
}
