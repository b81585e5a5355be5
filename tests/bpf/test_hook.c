// SPDX-License-Identifier: GPL-2.0-only
/*
 * The input hook's body on a real kernel: what it writes, drops and counts, and when it asks for a wakeup.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "arcade/abi.h"
#include "hooktest.skel.h"
#include "ring_reader.h"
#include "util.h"

#define NR_WRITERS 4
#define PACKETS	   20000

struct fixture {
	struct hooktest_bpf *skel;
	struct ring_reader reader;
	uint64_t nr_bad;
};

static void take(struct ring_reader *reader, const void *data, size_t size)
{
	struct fixture *fixture = container_of(reader, struct fixture, reader);
	const struct arcade_input_record *record = data;

	if (size != sizeof(*record) || record->device != 7 || record->nr_events != 3 || record->pad || !record->time_ns)
		fixture->nr_bad++;
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	assert_non_null(fixture);
	fixture->reader.take = take;
	fixture->skel = hooktest_bpf__open();
	assert_non_null(fixture->skel);
	/* Two CPUs, 16 rings: neighbours get different ones. */
	for (int cpu = 0; cpu < ARCADE_MAX_CPUS; cpu++)
		fixture->skel->rodata->input_cpu_ring[cpu] = (cpu * 5 + 3) % ARCADE_NR_RINGS;
	if (hooktest_bpf__load(fixture->skel)) {
		print_message("cannot load: root and a kernel with BTF are needed\n");
		return -1;
	}
	for (int i = 0; i < ARCADE_NR_RINGS; i++) {
		uint32_t id, key = i;
		int fd;

		assert_int_equal(bpf_map__lookup_elem(fixture->skel->maps.input_rings, &key, sizeof(key), &id, sizeof(id), 0), 0);
		fd = bpf_map_get_fd_by_id(id);
		assert_true(fd >= 0);
		assert_int_equal(ring_reader_add(&fixture->reader, i, fd), 0);
		close(fd);
	}
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	ring_buffer__free(fixture->reader.rings);
	hooktest_bpf__destroy(fixture->skel);
	free(fixture);
	return 0;
}

static void run_prog(struct bpf_program *prog)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);

	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(prog), &opts), 0);
	assert_int_equal(opts.retval, 0);
}

static struct arcade_stats totals(struct fixture *fixture)
{
	int nr = libbpf_num_possible_cpus();
	struct arcade_stats *per_cpu = calloc(nr, sizeof(*per_cpu)), total = { 0 };
	uint64_t *sum = (uint64_t *)&total;
	uint32_t zero = 0;

	assert_non_null(per_cpu);
	assert_int_equal(bpf_map__lookup_elem(fixture->skel->maps.arcade_stats, &zero, sizeof(zero), per_cpu,
					      nr * sizeof(*per_cpu), 0), 0);
	for (int cpu = 0; cpu < nr; cpu++)
		for (size_t i = 0; i < sizeof(total) / sizeof(*sum); i++)
			sum[i] += ((uint64_t *)&per_cpu[cpu])[i];
	free(per_cpu);
	return total;
}

static void test_no_reader_no_record(void **state)
{
	struct fixture *fixture = *state;
	struct arcade_stats stats;

	fixture->skel->bss->arg_packets = 1000;
	fixture->skel->bss->arg_lane = ARCADE_LANE_MOUSE;
	run_prog(fixture->skel->progs.run_packets);
	stats = totals(fixture);
	assert_int_equal(stats.nr_lane_packets[ARCADE_LANE_MOUSE], 1000);
	assert_int_equal(sum_of(stats.nr_ring_records, ARCADE_NR_RINGS), 0);
	assert_int_equal(sum_of(stats.nr_ring_drops, ARCADE_NR_RINGS), 0);
	assert_int_equal(ring_buffer__consume(fixture->reader.rings), 0);
}

static void test_full_ring_drops_and_counts(void **state)
{
	struct fixture *fixture = *state;
	const uint32_t nr = 5000;
	struct arcade_stats stats;
	cpu_set_t all;

	/* One CPU, one ring: it must overflow. */
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	assert_int_equal(stay_on_cpu(sched_getcpu()), 0);
	fixture->skel->bss->input_reader_attached = 1;
	fixture->skel->bss->arg_packets = nr;
	fixture->skel->bss->arg_lane = ARCADE_LANE_KEYBOARD;
	run_prog(fixture->skel->progs.run_packets);
	sched_setaffinity(0, sizeof(all), &all);
	ring_buffer__consume(fixture->reader.rings);
	stats = totals(fixture);
	assert_int_equal(sum_of(stats.nr_lane_packets, ARCADE_MAX_LANES), nr);
	assert_true(sum_of(stats.nr_ring_drops, ARCADE_NR_RINGS) > 0);
	/* A record of 16 bytes takes 24 with its header. */
	assert_true(sum_of(stats.nr_ring_records, ARCADE_NR_RINGS) >= ARCADE_RING_BYTES / 24 - 1);
	for (int i = 0; i < ARCADE_NR_RINGS; i++)
		assert_int_equal(stats.nr_ring_records[i], fixture->reader.nr_read[i]);
	assert_int_equal(sum_of(stats.nr_ring_records, ARCADE_NR_RINGS) +
			 sum_of(stats.nr_ring_drops, ARCADE_NR_RINGS), nr);
	assert_int_equal(fixture->nr_bad, 0);
}

struct writer {
	struct fixture *fixture;
	int cpu;
};

static void *write_packets(void *arg)
{
	struct writer *writer = arg;

	stay_on_cpu(writer->cpu);
	/* Many short runs: the writers and the reader meet on the rings. */
	for (int i = 0; i < PACKETS / 100; i++)
		run_prog(writer->fixture->skel->progs.run_packets);
	return NULL;
}

static void test_writers_on_all_cpus(void **state)
{
	struct fixture *fixture = *state;
	struct writer writers[NR_WRITERS];
	pthread_t threads[NR_WRITERS];
	struct arcade_stats stats;
	int nr_cpus = sysconf(_SC_NPROCESSORS_ONLN);

	fixture->skel->bss->input_reader_attached = 1;
	fixture->skel->bss->arg_packets = 100;
	fixture->skel->bss->arg_lane = ARCADE_LANE_GAMEPAD;
	for (int i = 0; i < NR_WRITERS; i++) {
		writers[i] = (struct writer){ fixture, i % nr_cpus };
		assert_int_equal(pthread_create(&threads[i], NULL, write_packets, &writers[i]), 0);
	}
	for (int i = 0; i < 200; i++)
		ring_buffer__consume(fixture->reader.rings);
	for (int i = 0; i < NR_WRITERS; i++)
		pthread_join(threads[i], NULL);
	ring_buffer__consume(fixture->reader.rings);
	stats = totals(fixture);
	assert_int_equal(sum_of(stats.nr_lane_packets, ARCADE_MAX_LANES), (uint64_t)NR_WRITERS * PACKETS);
	for (int i = 0; i < ARCADE_NR_RINGS; i++)
		assert_int_equal(stats.nr_ring_records[i], fixture->reader.nr_read[i]);
	assert_int_equal(sum_of(stats.nr_ring_records, ARCADE_NR_RINGS) +
			 sum_of(stats.nr_ring_drops, ARCADE_NR_RINGS), (uint64_t)NR_WRITERS * PACKETS);
	assert_int_equal(fixture->nr_bad, 0);
}

static void test_wakeups_are_rationed(void **state)
{
	struct fixture *fixture = *state;
	const struct timespec pause = { .tv_nsec = 1000000 };
	struct timespec start, end;
	struct arcade_stats stats;
	double seconds;

	fixture->skel->bss->input_reader_attached = 1;
	fixture->skel->bss->arg_packets = 8;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (int i = 0; i < 500; i++) {
		run_prog(fixture->skel->progs.run_packets);
		nanosleep(&pause, NULL);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	seconds = end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9;
	stats = totals(fixture);
	assert_true(stats.nr_ring_wakeups >= 1);
	assert_true(stats.nr_ring_wakeups <= 50 * seconds + 1);
	/* A reader that polls is not woken at all. */
	fixture->skel->bss->input_reader_polling = 1;
	run_prog(fixture->skel->progs.run_packets);
	nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	run_prog(fixture->skel->progs.run_packets);
	assert_int_equal(totals(fixture).nr_ring_wakeups, stats.nr_ring_wakeups);
}

static void test_lane_root_only_grows(void **state)
{
	struct fixture *fixture = *state;
	uint64_t *latest = fixture->skel->bss->chain_lane_root_ns;

	fixture->skel->bss->arg_lane = ARCADE_LANE_TOUCH;
	fixture->skel->bss->arg_root_ns = 5000;
	run_prog(fixture->skel->progs.run_root);
	assert_int_equal(latest[ARCADE_LANE_TOUCH], 5000);
	/* Another CPU that was a little earlier, and later to write it down. */
	fixture->skel->bss->arg_root_ns = 4000;
	run_prog(fixture->skel->progs.run_root);
	assert_int_equal(latest[ARCADE_LANE_TOUCH], 5000);
	assert_int_equal(latest[ARCADE_LANE_MOUSE], 0);
}

static void test_the_outermost_root_counts(void **state)
{
	struct fixture *fixture = *state;

	run_prog(fixture->skel->progs.run_nested_roots);
	assert_int_equal(fixture->skel->bss->ret_outer_opened, 1);
	assert_int_equal(fixture->skel->bss->ret_inner_opened, 0);
	assert_int_equal(fixture->skel->bss->ret_kind_after_inner, ARCADE_ROOT_INPUT);
	assert_int_equal(fixture->skel->bss->ret_root_after_outer, 0);
	assert_int_equal(fixture->skel->bss->ret_stale_opened, 1);
	assert_int_equal(fixture->skel->bss->ret_stale_kind, ARCADE_ROOT_AUDIO);
}

static void test_interrupts_are_told_apart(void **state)
{
	struct fixture *fixture = *state;
	struct bpf_link *irq, *softirq;

	run_prog(fixture->skel->progs.run_level);
	assert_int_equal(fixture->skel->bss->ret_level, 0);
	irq = bpf_program__attach(fixture->skel->progs.seen_irq);
	softirq = bpf_program__attach(fixture->skel->progs.seen_softirq);
	assert_non_null(irq);
	assert_non_null(softirq);
	/* The end of a sleep is an interrupt; closed files are freed by RCU, in a softirq. */
	for (int i = 0; i < 1000 && !(fixture->skel->bss->irq_levels_seen && fixture->skel->bss->softirq_levels_seen); i++) {
		for (int k = 0; k < 100; k++)
			close(open("/dev/null", O_RDONLY | O_CLOEXEC));
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
	bpf_link__destroy(irq);
	bpf_link__destroy(softirq);
	assert_int_not_equal(fixture->skel->bss->softirq_levels_seen & 0x100, 0);
	assert_int_not_equal(fixture->skel->bss->irq_levels_seen & ~0x1ffu, 0);
}

static int drop_message(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, ap) : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_reader_no_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_ring_drops_and_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writers_on_all_cpus, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wakeups_are_rationed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lane_root_only_grows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_outermost_root_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_interrupts_are_told_apart, setup, teardown),
	};

	libbpf_set_print(drop_message);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
