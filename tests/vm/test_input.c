// SPDX-License-Identifier: GPL-2.0-only
/*
 * The input hook on real devices, without the scheduler: what it takes for a device, what a record holds, and that
 * every packet of every writer is either read or counted as dropped. One writer per CPU, each with its own device.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <bpf/libbpf.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "../bpf/ring_reader.h"
#include "bpf.h"
#include "log.h"
#include "uinput.h"

#define MAX_WRITERS 64

struct fixture {
	struct topology *topology;
	struct bpf *bpf;
	struct ring_reader reader;
	struct arcade_input_record records[512];
	uint32_t nr_records;
};

static void take(struct ring_reader *reader, const void *data, size_t size)
{
	struct fixture *fixture = container_of(reader, struct fixture, reader);

	assert_int_equal(size, sizeof(struct arcade_input_record));
	if (fixture->nr_records < ARRAY_SIZE(fixture->records))
		memcpy(&fixture->records[fixture->nr_records++], data, size);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct options opts;

	options_set_defaults(&opts);
	log_set_level(LOG_LEVEL_WARNING);
	bpf_init_logging();
	if (!fixture || topology_new("/sys", &fixture->topology) || bpf_new(&opts, fixture->topology, 0, &fixture->bpf))
		return -1;
	bpf_attach_hooks(fixture->bpf);
	if (!bpf_input_is_attached(fixture->bpf))
		return -1;
	fixture->reader.take = take;
	for (uint32_t i = 0; i < ARCADE_NR_RINGS; i++)
		if (ring_reader_add(&fixture->reader, i, bpf_input_ring_fd(fixture->bpf, i)))
			return -1;
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	ring_buffer__free(fixture->reader.rings);
	bpf_free(fixture->bpf);
	topology_free(fixture->topology);
	free(fixture);
	return 0;
}

static int device_open(enum uinput_kind kind)
{
	int fd = uinput_open(kind);

	assert_true(fd >= 0);
	return fd;
}

static void press(int fd, int key)
{
	assert_true(uinput_packet(fd, EV_KEY, key, 1));
	assert_true(uinput_packet(fd, EV_KEY, key, 0));
}

static void test_devices_are_told_apart(void **state)
{
	static const struct {
		enum uinput_kind kind;
		int key;
		enum arcade_lane lane;
	} cases[] = {
		{ UINPUT_MOUSE, BTN_LEFT, ARCADE_LANE_MOUSE },	      { UINPUT_KEYBOARD, KEY_Q, ARCADE_LANE_KEYBOARD },
		{ UINPUT_GAMEPAD, BTN_SOUTH, ARCADE_LANE_GAMEPAD },  { UINPUT_TABLET, BTN_TOOL_PEN, ARCADE_LANE_TOUCH },
		{ UINPUT_POWER_BUTTON, KEY_POWER, ARCADE_LANE_OTHER }, { UINPUT_WHEEL, BTN_JOYSTICK, ARCADE_LANE_GAMEPAD },
	};
	struct fixture *fixture = *state;

	bpf_set_reader(fixture->bpf, true, true);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int fd = device_open(cases[i].kind);

		fixture->nr_records = 0;
		press(fd, cases[i].key);
		ring_buffer__consume(fixture->reader.rings);
		assert_int_equal(fixture->nr_records, 2);
		for (int k = 0; k < 2; k++) {
			assert_int_equal(fixture->records[k].lane, cases[i].lane);
			assert_int_equal(fixture->records[k].device, i);
			assert_int_equal(fixture->records[k].nr_events, 1);
		}
		close(fd);
	}
}

static void test_no_key_code_leaves_the_hook(void **state)
{
	struct fixture *fixture = *state;
	int fd = device_open(UINPUT_KEYBOARD);

	bpf_set_reader(fixture->bpf, true, true);
	for (int key = KEY_ESC; key <= KEY_F12; key++)
		press(fd, key);
	ring_buffer__consume(fixture->reader.rings);
	assert_int_equal(fixture->nr_records, 2 * (KEY_F12 - KEY_ESC + 1));
	/* But for the time every record is the same, whatever key it was. */
	for (uint32_t i = 1; i < fixture->nr_records; i++)
		assert_memory_equal((char *)&fixture->records[i] + sizeof(uint64_t),
				    (char *)&fixture->records[0] + sizeof(uint64_t),
				    sizeof(struct arcade_input_record) - sizeof(uint64_t));
	close(fd);
}

static void test_empty_packets_do_not_count(void **state)
{
	struct fixture *fixture = *state;
	int fd = device_open(UINPUT_MOUSE);
	struct arcade_stats stats;

	for (int i = 0; i < 100; i++)
		assert_true(uinput_emit(fd, EV_SYN, SYN_REPORT, 0));
	assert_int_equal(bpf_read_stats(fixture->bpf, &stats), 0);
	assert_int_equal(stats.nr_packets, 0);
	close(fd);
}

static void test_no_reader_no_record(void **state)
{
	struct fixture *fixture = *state;
	int fd = device_open(UINPUT_MOUSE);
	struct arcade_stats stats;

	for (int i = 0; i < 500; i++)
		assert_true(uinput_packet(fd, EV_REL, REL_X, 1));
	assert_int_equal(bpf_read_stats(fixture->bpf, &stats), 0);
	assert_int_equal(stats.nr_packets + bpf_input_missed(fixture->bpf), 500);
	assert_int_equal(sum_of(stats.nr_ring_records, ARCADE_NR_RINGS), 0);
	assert_int_equal(sum_of(stats.nr_ring_drops, ARCADE_NR_RINGS), 0);
	close(fd);
}

struct writer {
	int cpu;
	int fd;
	int nr_packets;
};

static void *write_packets(void *arg)
{
	struct writer *writer = arg;

	stay_on_cpu(writer->cpu);
	for (int i = 0; i < writer->nr_packets; i++)
		assert_true(uinput_packet(writer->fd, EV_REL, REL_X, 1));
	return NULL;
}

static void write_from_all_cpus(struct fixture *fixture, int nr_packets, bool reading)
{
	struct writer writers[MAX_WRITERS];
	pthread_t threads[MAX_WRITERS];
	uint64_t missed_before, missed, sent;
	struct arcade_stats stats;
	int nr = sysconf(_SC_NPROCESSORS_ONLN), rings_used = 0;

	if (nr > MAX_WRITERS)
		nr = MAX_WRITERS;
	bpf_set_reader(fixture->bpf, true, true);
	missed_before = bpf_input_missed(fixture->bpf);
	for (int i = 0; i < nr; i++) {
		writers[i] = (struct writer){ i, device_open(UINPUT_MOUSE), nr_packets };
		assert_int_equal(pthread_create(&threads[i], NULL, write_packets, &writers[i]), 0);
	}
	for (int i = 0; reading && i < 20; i++) {
		ring_buffer__consume(fixture->reader.rings);
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	for (int i = 0; i < nr; i++) {
		pthread_join(threads[i], NULL);
		close(writers[i].fd);
	}
	ring_buffer__consume(fixture->reader.rings);
	missed = bpf_input_missed(fixture->bpf) - missed_before;
	sent = (uint64_t)nr * nr_packets;
	assert_int_equal(bpf_read_stats(fixture->bpf, &stats), 0);
	for (int i = 0; i < ARCADE_NR_RINGS; i++) {
		assert_int_equal(stats.nr_ring_records[i], fixture->reader.nr_read[i]);
		rings_used += fixture->reader.nr_read[i] > 0;
	}
	print_message("# figure: %d writers, %d rings: %lu sent = %lu read + %lu dropped (+ at most %lu missed)\n", nr,
		      rings_used, (unsigned long)sent, (unsigned long)sum_of(fixture->reader.nr_read, ARCADE_NR_RINGS),
		      (unsigned long)sum_of(stats.nr_ring_drops, ARCADE_NR_RINGS), (unsigned long)missed);
	assert_int_equal(rings_used, nr < ARCADE_NR_RINGS ? nr : ARCADE_NR_RINGS);
	/* One writer per ring: what it sent is known ring by ring. */
	for (int i = 0; i < ARCADE_NR_RINGS && nr <= ARCADE_NR_RINGS; i++) {
		uint64_t told = fixture->reader.nr_read[i] + stats.nr_ring_drops[i];

		if (told)
			assert_true(told <= (uint64_t)nr_packets && told + missed >= (uint64_t)nr_packets);
	}
	/* Of the runs that the kernel left out some were for the end of a packet. */
	assert_true(stats.nr_packets <= sent && stats.nr_packets + missed >= sent);
	assert_int_equal(sum_of(fixture->reader.nr_read, ARCADE_NR_RINGS) + sum_of(stats.nr_ring_drops, ARCADE_NR_RINGS),
			 stats.nr_packets);
}

static void test_writers_on_all_cpus(void **state)
{
	write_from_all_cpus(*state, 1000, true);
}

static void test_full_rings(void **state)
{
	struct fixture *fixture = *state;
	struct arcade_stats stats;

	write_from_all_cpus(fixture, 1500, false);
	assert_int_equal(bpf_read_stats(fixture->bpf, &stats), 0);
	for (int i = 0; i < ARCADE_NR_RINGS; i++)
		if (fixture->reader.nr_read[i])
			assert_true(stats.nr_ring_drops[i] > 0);
}

static void test_devices_come_and_go(void **state)
{
	struct fixture *fixture = *state;
	struct arcade_stats stats;

	/* More than the table holds, one after the other: an entry goes with its device. */
	for (int i = 0; i < 300; i++) {
		int fd = device_open(UINPUT_MOUSE);

		press(fd, BTN_LEFT);
		close(fd);
	}
	assert_int_equal(bpf_read_stats(fixture->bpf, &stats), 0);
	assert_int_equal(stats.nr_packets, 600);
	assert_int_equal(stats.nr_device_untracked, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_devices_are_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_key_code_leaves_the_hook, setup, teardown),
		cmocka_unit_test_setup_teardown(test_empty_packets_do_not_count, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_reader_no_record, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writers_on_all_cpus, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_rings, setup, teardown),
		cmocka_unit_test_setup_teardown(test_devices_come_and_go, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
