// SPDX-License-Identifier: GPL-2.0-only
/*
 * holder ROUNDS - how long does the reader of an input device wait for a lock that a thread of the lowest weight holds?
 *
 * In each round the holder takes a mutex and has 2 ms to compute before it gives
 * it back. Then a packet comes, whose reader wants the mutex. Prints the median
 * and the longest time from the packet to the reader having the lock, in us.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>

#include "uinput.h"

#define HOLD_US 2000
#define MAX_ROUNDS 1000

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic int may_take, is_held, is_done;
static _Atomic unsigned long sent_us;
static unsigned long waited_us[MAX_ROUNDS];
static int nr_rounds, event_fd;

static unsigned long clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (unsigned long)now.tv_sec * 1000000 + (unsigned long)now.tv_nsec / 1000;
}

static void sleep_us(long us)
{
	nanosleep(&(struct timespec){ .tv_nsec = us * 1000 }, NULL);
}

static void *holder_thread(void *arg)
{
	unsigned long start_us;

	setpriority(PRIO_PROCESS, (id_t)gettid(), 19);
	for (int i = 0; i < nr_rounds; i++) {
		while (!atomic_exchange(&may_take, 0))
			sleep_us(1000);
		pthread_mutex_lock(&lock);
		atomic_store(&is_held, 1);
		start_us = clock_us(CLOCK_THREAD_CPUTIME_ID);
		while (clock_us(CLOCK_THREAD_CPUTIME_ID) < start_us + HOLD_US)
			;
		pthread_mutex_unlock(&lock);
	}
	return arg;
}

static void *reader_thread(void *arg)
{
	struct input_event events[8];

	for (int i = 0; i < nr_rounds; i++) {
		if (read(event_fd, events, sizeof(events)) <= 0)
			exit(1);
		pthread_mutex_lock(&lock);
		waited_us[i] = clock_us(CLOCK_MONOTONIC) - atomic_load(&sent_us);
		pthread_mutex_unlock(&lock);
		atomic_store(&is_done, 1);
	}
	return arg;
}

static int open_reader(int uinput)
{
	char sysname[32], path[96];

	if (ioctl(uinput, UI_GET_SYSNAME(sizeof(sysname)), sysname) < 0)
		return -1;
	for (int i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), "/sys/devices/virtual/input/%s/event%d", sysname, i);
		if (access(path, F_OK))
			continue;
		snprintf(path, sizeof(path), "/dev/input/event%d", i);
		return open(path, O_RDONLY | O_CLOEXEC);
	}
	return -1;
}

static int compare(const void *a, const void *b)
{
	const unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	pthread_t holder, reader;
	int uinput = uinput_open(UINPUT_MOUSE);

	nr_rounds = argc > 1 ? atoi(argv[1]) : 20;
	if (nr_rounds < 1 || nr_rounds > MAX_ROUNDS || uinput < 0) {
		perror("holder");
		return 1;
	}
	event_fd = open_reader(uinput);
	if (event_fd < 0) {
		perror("event device");
		return 1;
	}
	/* A page that must be read first would be waited for, not the lock. */
	mlockall(MCL_CURRENT | MCL_FUTURE);
	pthread_create(&holder, NULL, holder_thread, NULL);
	pthread_create(&reader, NULL, reader_thread, NULL);
	for (int i = 0; i < nr_rounds; i++) {
		atomic_store(&may_take, 1);
		while (!atomic_exchange(&is_held, 0))
			sleep_us(500);
		atomic_store(&sent_us, clock_us(CLOCK_MONOTONIC));
		if (!uinput_packet(uinput, EV_REL, REL_X, 1))
			return 1;
		while (!atomic_exchange(&is_done, 0))
			sleep_us(500);
	}
	pthread_join(holder, NULL);
	pthread_join(reader, NULL);
	qsort(waited_us, (size_t)nr_rounds, sizeof(*waited_us), compare);
	printf("%lu %lu\n", waited_us[nr_rounds / 2], waited_us[nr_rounds - 1]);
	return 0;
}
