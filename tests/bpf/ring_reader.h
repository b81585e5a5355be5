/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ring_reader - all input rings at once, and how many records came from each
 *
 * Embedded in a test's fixture, zeroed but for @take; @rings is the fixture's
 * to consume and to free.
 */
#ifndef ARCADE_TESTS_RING_READER_H
#define ARCADE_TESTS_RING_READER_H

#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <stdint.h>

#include "arcade/abi.h"

struct ring_source {
	struct ring_reader *reader;
	uint32_t index;
};

struct ring_reader {
	struct ring_buffer *rings;	/* NULL before the first */
	void (*take)(struct ring_reader *reader, const void *data, size_t size);
	uint64_t nr_read[ARCADE_NR_RINGS];
	struct ring_source sources[ARCADE_NR_RINGS];	/* private */
};

static inline int ring_reader_take(void *ctx, void *data, size_t size)
{
	struct ring_source *source = ctx;

	source->reader->nr_read[source->index]++;
	source->reader->take(source->reader, data, size);
	return 0;
}

/* Read ring @index as well; @fd may be closed if it is consumed only and never polled. Return: 0, -errno. */
static inline int ring_reader_add(struct ring_reader *reader, uint32_t index, int fd)
{
	struct ring_source *source = &reader->sources[index];

	*source = (struct ring_source){ reader, index };
	if (reader->rings)
		return ring_buffer__add(reader->rings, fd, ring_reader_take, source);
	reader->rings = ring_buffer__new(fd, ring_reader_take, source, NULL);
	return reader->rings ? 0 : -errno;
}

static inline uint64_t sum_of(const uint64_t *values, int nr)
{
	uint64_t sum = 0;

	while (nr--)
		sum += values[nr];
	return sum;
}

/* From now on the calling thread runs on @cpu alone. Return: 0, -1 with errno. */
static inline int stay_on_cpu(int cpu)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return sched_setaffinity(0, sizeof(cpus), &cpus);
}

#endif
