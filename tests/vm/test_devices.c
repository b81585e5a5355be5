// SPDX-License-Identifier: GPL-2.0-only
/*
 * Input devices on a real kernel, without the scheduler: what the hook and libevdev take them for, sticks at rest, and
 * devices that are noticed without the hook.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include "bpf.h"
#include "devices.h"
#include "evread.h"
#include "log.h"
#include "uinput.h"

#define PATIENCE_NS (20 * NSEC_PER_SEC)

struct fixture {
	struct topology *topology;
	struct bpf *bpf;
	struct loop *loop;
	struct watch *watch;
	struct devices *devices;
	struct timer timer;
	bool (*condition)(struct fixture *fixture);
	uint64_t awaited, seen_before, deadline_ns;

	struct evread_facts facts;
	uint64_t nr_used, nr_gone;
	enum arcade_lane used_lane;
	struct evread *evread;
	int evread_fd;		/* that it reads; good as long as evread is not NULL */
};

static int setup_for(void **state, bool no_hook)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct options opts;

	options_set_defaults(&opts);
	opts.no_input_hook = no_hook;
	log_set_level(LOG_LEVEL_WARNING);
	bpf_init_logging();
	if (!fixture || topology_new("/sys", &fixture->topology) || bpf_new(&opts, fixture->topology, 0, &fixture->bpf) ||
	    loop_new(&fixture->loop))
		return -1;
	bpf_attach_hooks(fixture->bpf);
	fixture->evread_fd = -1;
	*state = fixture;
	return bpf_input_is_attached(fixture->bpf) == no_hook;
}

static int setup(void **state)
{
	return setup_for(state, false);
}

static int setup_without_hook(void **state)
{
	return setup_for(state, true);
}

static void stop_reading(struct fixture *fixture)
{
	evread_free(steal_ptr(&fixture->evread));
	fixture->evread_fd = close_fd(fixture->evread_fd);
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	stop_reading(fixture);
	devices_free(fixture->devices);
	watch_free(fixture->watch);
	timer_disarm(&fixture->timer);
	loop_free(fixture->loop);
	bpf_free(fixture->bpf);
	topology_free(fixture->topology);
	free(fixture);
	return 0;
}

static int look(struct timer *timer, uint64_t now)
{
	struct fixture *fixture = container_of(timer, struct fixture, timer);

	if (fixture->condition(fixture))
		loop_stop(fixture->loop, 1);
	else if (now > fixture->deadline_ns)
		loop_stop(fixture->loop, 2);
	return 0;
}

/* Runs the loop until it is so. Return: false if it never was. */
static bool comes_true(struct fixture *fixture, bool (*condition)(struct fixture *fixture), uint64_t patience_ns)
{
	int r;

	fixture->condition = condition;
	fixture->deadline_ns = now_ns() + patience_ns;
	timer_init(&fixture->timer, "condition", look);
	timer_arm(&fixture->timer, fixture->loop, now_ns(), NSEC_PER_MSEC);
	r = loop_run(fixture->loop);
	timer_disarm(&fixture->timer);
	return r == 1;
}

static bool never(struct fixture *fixture)
{
	return false;
}

static void run_for(struct fixture *fixture, uint64_t ns)
{
	assert_false(comes_true(fixture, never, ns));
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

static int device_open(enum uinput_kind kind)
{
	int fd = uinput_open(kind);

	assert_true(fd >= 0);
	return fd;
}

static int count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static struct arcade_stats stats_of(struct fixture *fixture)
{
	struct arcade_stats stats;

	assert_int_equal(bpf_read_stats(fixture->bpf, &stats), 0);
	return stats;
}

/* The hook's view of the one device that was made last. */
static struct arcade_device newest(struct fixture *fixture)
{
	struct arcade_device devices[ARCADE_MAX_DEVICES], found = { .number = ARCADE_DEVICE_UNKNOWN };
	uint32_t nr = bpf_list_devices(fixture->bpf, devices);

	for (uint32_t i = 0; i < nr; i++)
		if (found.number == ARCADE_DEVICE_UNKNOWN || devices[i].number > found.number)
			found = devices[i];
	return found;
}

static void press(int fd, const struct uinput_spec *spec)
{
	assert_true(uinput_packet(fd, spec->type, spec->code, 1));
	assert_true(uinput_packet(fd, spec->type, spec->code, spec->type == EV_REL ? -1 : 0));
}

static void test_hook_and_libevdev_agree(void **state)
{
	struct fixture *fixture = *state;
	struct devices_facts before, after;
	int nr_fds = count_fds();

	for (int kind = 0; kind < NR_UINPUT_KINDS; kind++) {
		const struct uinput_spec *spec = &uinput_specs[kind];
		struct arcade_device seen;
		int fd;

		assert_int_equal(devices_new(fixture->bpf, NULL, DEVICES_DIR, false, &fixture->devices), 0);
		before = *devices_facts(fixture->devices);
		devices_free(fixture->devices);
		fd = device_open(kind);
		/* Half of them speak before the daemon looks. */
		if (kind % 2)
			press(fd, spec);
		assert_int_equal(devices_new(fixture->bpf, NULL, DEVICES_DIR, false, &fixture->devices), 0);
		after = *devices_facts(fixture->devices);
		if (after.nr[spec->lane] != before.nr[spec->lane] + 1)
			print_message("%s: libevdev\n", spec->name);
		assert_int_equal(after.nr[spec->lane], before.nr[spec->lane] + 1);
		press(fd, spec);
		seen = newest(fixture);
		if (seen.class != spec->seen || seen.lane != spec->lane)
			print_message("%s: class %u, lane %u\n", spec->name, seen.class, seen.lane);
		assert_int_equal(seen.class, spec->seen);
		assert_int_equal(seen.lane, spec->lane);
		assert_int_not_equal(seen.number, ARCADE_DEVICE_UNKNOWN);
		devices_check(fixture->devices);
		devices_check(fixture->devices);
		assert_int_equal(devices_facts(fixture->devices)->nr_disagreements, spec->seen != spec->lane);
		close(fd);
		devices_free(fixture->devices);
		fixture->devices = NULL;
	}
	assert_int_equal(count_fds(), nr_fds);
}

static void test_only_the_players_devices_count(void **state)
{
	struct fixture *fixture = *state;

	for (int kind = 0; kind < NR_UINPUT_KINDS; kind++) {
		const struct uinput_spec *spec = &uinput_specs[kind];
		struct arcade_stats before = stats_of(fixture), after;
		int fd = device_open(kind);

		press(fd, spec);
		press(fd, spec);
		after = stats_of(fixture);
		for (int lane = 0; lane < NR_ARCADE_LANES; lane++)
			assert_int_equal(after.nr_lane_packets[lane] - before.nr_lane_packets[lane],
					 lane == (int)spec->seen ? 4 : 0);
		close(fd);
	}
}

/* A stick that wavers round @middle by @noise at most. */
static void waver(int fd, int axis, int middle, int noise, int nr)
{
	uint32_t random = 12345;

	for (int i = 0; i < nr; i++) {
		random = random * 1103515245 + 12345;
		assert_true(uinput_emit(fd, EV_ABS, axis, middle - noise + (int)(random >> 16) % (2 * noise + 1)));
		random = random * 1103515245 + 12345;
		assert_true(uinput_packet(fd, EV_ABS, axis + 1, middle - noise + (int)(random >> 16) % (2 * noise + 1)));
	}
}

static uint64_t pad_packets(struct fixture *fixture)
{
	return stats_of(fixture).nr_lane_packets[ARCADE_LANE_GAMEPAD];
}

static void check_sticks(struct fixture *fixture, enum uinput_kind kind, int middle, int half, int noise)
{
	int fd = device_open(kind);
	uint64_t before, rest, nr;

	/* At rest, and held in a corner: noise is noise. */
	before = pad_packets(fixture);
	rest = stats_of(fixture).nr_rest_packets;
	waver(fd, ABS_X, middle, noise, 2000);
	assert_int_equal(pad_packets(fixture), before);
	assert_true(stats_of(fixture).nr_rest_packets - rest > 1000);
	assert_true(uinput_packet(fd, EV_ABS, ABS_X, middle + half * 3 / 4));
	assert_true(uinput_packet(fd, EV_ABS, ABS_Y, middle + half * 3 / 4));
	assert_int_equal(pad_packets(fixture), before + 2);
	waver(fd, ABS_X, middle + half * 3 / 4, noise, 2000);
	assert_true(pad_packets(fixture) <= before + 4);
	/* Let go. */
	before = pad_packets(fixture);
	assert_true(uinput_packet(fd, EV_ABS, ABS_X, middle));
	assert_int_equal(pad_packets(fixture), before + 1);
	/* Moved slowly from one end to the other: every thirtieth of the way at least is told. */
	before = pad_packets(fixture);
	for (int i = 0; i <= 256; i++)
		assert_true(uinput_packet(fd, EV_ABS, ABS_X, middle - half + (int)((int64_t)2 * half * i / 256)));
	nr = pad_packets(fixture) - before;
	print_message("# figure: %s: %lu packets of a slow move of 257 count\n", uinput_specs[kind].name, (unsigned long)nr);
	assert_true(nr >= 24 && nr <= 64);
	/* Buttons and hats count always, also with noise in the same packet. */
	before = pad_packets(fixture);
	for (int i = 0; i < 10; i++) {
		assert_true(uinput_emit(fd, EV_ABS, ABS_RX, i % 2));
		assert_true(uinput_packet(fd, EV_KEY, BTN_SOUTH, !(i % 2)));
		assert_true(uinput_packet(fd, EV_ABS, ABS_HAT0X, i % 2 ? 0 : -1));
	}
	assert_int_equal(pad_packets(fixture), before + 20);
	close(fd);
}

static void test_resting_sticks_do_not_count(void **state)
{
	struct fixture *fixture = *state;

	check_sticks(fixture, UINPUT_GAMEPAD, 0, 32767, 900);
	check_sticks(fixture, UINPUT_STEAM_PAD, 0, 32767, 300);
	check_sticks(fixture, UINPUT_GAMEPAD_8BIT, 128, 127, 3);
	assert_int_equal(stats_of(fixture).nr_device_untracked, 0);
}

/* ---- plugged and unplugged ---- */

struct mover {
	atomic_int fd;		/* -1: nothing to move */
	atomic_bool stop;
	uint64_t nr_sent;
};

static void *move(void *arg)
{
	struct mover *mover = arg;
	int step = 1;

	while (!atomic_load(&mover->stop)) {
		int fd = atomic_load(&mover->fd);

		/* The descriptor may be closed under our hands: that is the test. */
		if (fd >= 0 && uinput_packet(fd, EV_REL, REL_X, step = -step))
			mover->nr_sent++;
		else
			pause_ms(1);
	}
	return NULL;
}

static void handle_watch(void *data, const struct watch_event *event)
{
	struct fixture *fixture = data;

	devices_handle_event(fixture->devices, event);
}

static bool mice_are_as_awaited(struct fixture *fixture)
{
	return devices_facts(fixture->devices)->nr[ARCADE_LANE_MOUSE] == fixture->awaited;
}

static bool is_seen_in_use(struct fixture *fixture)
{
	return devices_facts(fixture->devices)->read.nr_seen > fixture->seen_before;
}

static void plug_hundred_times(struct fixture *fixture, bool is_reading)
{
	struct mover mover = { .fd = -1 };
	uint32_t nr_tracked, nr_fds;
	struct arcade_device seen[ARCADE_MAX_DEVICES];
	uint64_t nr_mice;
	pthread_t thread;

	assert_int_equal(devices_new(fixture->bpf, fixture->loop, DEVICES_DIR, is_reading, &fixture->devices), 0);
	assert_int_equal(watch_new(fixture->loop, handle_watch, fixture, &fixture->watch), 0);
	assert_int_equal(watch_add(fixture->watch, DEVICES_DIR, WATCH_DEV_INPUT), 0);
	nr_mice = devices_facts(fixture->devices)->nr[ARCADE_LANE_MOUSE];
	nr_tracked = bpf_list_devices(fixture->bpf, seen);
	run_for(fixture, 100 * NSEC_PER_MSEC);
	nr_fds = count_fds();
	assert_int_equal(pthread_create(&thread, NULL, move, &mover), 0);
	for (int i = 0; i < 100; i++) {
		int fd = device_open(UINPUT_MOUSE);

		fixture->seen_before = devices_facts(fixture->devices)->read.nr_seen;
		atomic_store(&mover.fd, fd);
		fixture->awaited = nr_mice + 1;
		/* Some go before anybody has looked at them. */
		if (i % 4)
			assert_true(comes_true(fixture, mice_are_as_awaited, PATIENCE_NS));
		if (i % 4 && is_reading)
			assert_true(comes_true(fixture, is_seen_in_use, PATIENCE_NS));
		atomic_store(&mover.fd, -1);
		close(fd);
		fixture->awaited = nr_mice;
		if (i % 4)
			assert_true(comes_true(fixture, mice_are_as_awaited, PATIENCE_NS));
	}
	atomic_store(&mover.stop, true);
	pthread_join(thread, NULL);
	fixture->awaited = nr_mice;
	assert_true(comes_true(fixture, mice_are_as_awaited, PATIENCE_NS));
	run_for(fixture, 200 * NSEC_PER_MSEC);
	assert_true(mice_are_as_awaited(fixture));
	assert_int_equal(devices_facts(fixture->devices)->nr_closed, 0);
	assert_int_equal(count_fds(), nr_fds);
	assert_int_equal(bpf_list_devices(fixture->bpf, seen), nr_tracked);
	assert_int_equal(stats_of(fixture).nr_device_untracked, 0);
	print_message("# figure: 100 plugs, %lu packets meanwhile, %lu seen in use\n", (unsigned long)mover.nr_sent,
		      (unsigned long)devices_facts(fixture->devices)->read.nr_seen);
	/* Nothing is left that favours anybody. */
	pause_ms(150);
	assert_int_equal(bpf_active_lanes(fixture->bpf, now_ns()), 0);
}

static void test_plugged_hundred_times(void **state)
{
	plug_hundred_times(*state, false);
}

static void test_plugged_hundred_times_without_hook(void **state)
{
	plug_hundred_times(*state, true);
	assert_true(devices_facts(((struct fixture *)*state)->devices)->read.nr_seen >= 75);
}

static void tell(struct fixture *fixture, int event, enum watch_what what)
{
	char path[64];

	snprintf(path, sizeof(path), DEVICES_DIR "/event%d", event);
	devices_handle_event(fixture->devices, &(struct watch_event){ WATCH_DEV_INPUT, what, path });
}

/* Nothing is taken of it, nothing is kept, and what comes after it under the same name is what counts. */
static void test_goes_while_it_is_opened(void **state)
{
	struct fixture *fixture = *state;
	int nr_fds = count_fds(), nr, fd;
	uint64_t nr_mice, nr_others;

	for (int i = 0; i < 60; i++) {
		/* Each way to end with and without. */
		bool is_reading = i / 4 % 2;

		assert_int_equal(devices_new(fixture->bpf, fixture->loop, DEVICES_DIR, is_reading, &fixture->devices), 0);
		nr_mice = devices_facts(fixture->devices)->nr[ARCADE_LANE_MOUSE];
		nr_others = devices_facts(fixture->devices)->nr_closed;
		fd = device_open(UINPUT_MOUSE);
		nr = uinput_event_number(fd);
		tell(fixture, nr, WATCH_ADDED);
		/* Not here: in the thread, and told when the loop turns. */
		assert_int_equal(devices_facts(fixture->devices)->nr[ARCADE_LANE_MOUSE], nr_mice);
		if (i % 3 == 1)
			pause_ms(i % 5);
		if (i % 3 == 2)
			tell(fixture, nr, WATCH_CHANGED);
		if (i % 4 < 2)
			close(fd);
		if (i % 4)
			tell(fixture, nr, WATCH_REMOVED);
		if (i % 4 == 1)
			run_for(fixture, 20 * NSEC_PER_MSEC);
		if (i % 4 >= 2) {
			tell(fixture, nr, WATCH_ADDED);
			fixture->awaited = nr_mice + 1;
			assert_true(comes_true(fixture, mice_are_as_awaited, PATIENCE_NS));
			close(fd);
			if (i % 4 == 2)
				tell(fixture, nr, WATCH_REMOVED);
		} else {
			fixture->awaited = nr_mice;
			assert_true(comes_true(fixture, mice_are_as_awaited, PATIENCE_NS));
			assert_true(i % 4 == 0 || devices_facts(fixture->devices)->nr_closed == nr_others);
		}
		/* With whatever is under way. */
		devices_free(steal_ptr(&fixture->devices));
		assert_int_equal(count_fds(), nr_fds);
	}
}

static bool none_is_closed(struct fixture *fixture)
{
	return !devices_facts(fixture->devices)->nr_closed;
}

/* Who may not open a device yet opens it later: by trying again, or because its permissions changed. */
static void test_permissions_that_come_later(void **state)
{
	struct fixture *fixture = *state;
	int fd = device_open(UINPUT_MOUSE), nr = uinput_event_number(fd), nr_fds = count_fds();
	char path[64];

	snprintf(path, sizeof(path), DEVICES_DIR "/event%d", nr);
	assert_int_equal(chmod(path, 0), 0);
	assert_int_equal(seteuid(65534), 0);
	assert_int_equal(devices_new(fixture->bpf, fixture->loop, DEVICES_DIR, false, &fixture->devices), 0);
	assert_true(devices_facts(fixture->devices)->nr_closed > 0);
	run_for(fixture, 500 * NSEC_PER_MSEC);
	assert_true(devices_facts(fixture->devices)->nr_closed > 0);
	assert_int_equal(seteuid(0), 0);
	assert_true(comes_true(fixture, none_is_closed, PATIENCE_NS));
	devices_free(fixture->devices);

	assert_int_equal(seteuid(65534), 0);
	assert_int_equal(devices_new(fixture->bpf, NULL, DEVICES_DIR, false, &fixture->devices), 0);
	assert_true(devices_facts(fixture->devices)->nr_closed > 0);
	assert_int_equal(seteuid(0), 0);
	for (int i = 0; i < 64; i++) {
		snprintf(path, sizeof(path), DEVICES_DIR "/event%d", i);
		devices_handle_event(fixture->devices, &(struct watch_event){ WATCH_DEV_INPUT, WATCH_CHANGED, path });
	}
	assert_int_equal(devices_facts(fixture->devices)->nr_closed, 0);
	close(fd);
	assert_int_equal(count_fds(), nr_fds - 1);
}

/* ---- without the hook ---- */

static void note_use(void *data, enum arcade_lane lane)
{
	struct fixture *fixture = data;

	fixture->nr_used++;
	fixture->used_lane = lane;
}

static void note_gone(void *data, struct evread *evread)
{
	struct fixture *fixture = data;

	assert_ptr_equal(evread, fixture->evread);
	stop_reading(fixture);
	fixture->nr_gone++;
}

/* Return: a second descriptor of the same queue. */
static int read_device(struct fixture *fixture, int uinput, enum arcade_lane lane)
{
	char path[64];
	struct evread_pad *pad;
	int fd, copy;

	snprintf(path, sizeof(path), DEVICES_DIR "/event%d", uinput_event_number(uinput));
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(fd >= 0);
	copy = dup(fd);
	assert_int_equal(evread_prepare(fd, lane, &pad), 0);
	assert_int_equal(evread_new(fixture->loop, fd, lane, pad, note_use, note_gone, fixture, &fixture->facts, &fixture->evread), 0);
	fixture->evread_fd = fd;
	return copy;
}

static bool used_enough(struct fixture *fixture)
{
	return fixture->nr_used >= fixture->awaited;
}

static bool is_gone(struct fixture *fixture)
{
	return fixture->nr_gone > 0;
}

/* What lies in the queue of the device. Return: number of events; none may be anything but EV_SYN. */
static int queued_marks(int fd, int *nr_dropped)
{
	struct input_event event;
	int nr = 0;

	while (read(fd, &event, sizeof(event)) == sizeof(event)) {
		assert_int_equal(event.type, EV_SYN);
		assert_true(event.code == SYN_REPORT || event.code == SYN_DROPPED);
		assert_int_equal(event.value, 0);
		*nr_dropped += event.code == SYN_DROPPED;
		nr++;
	}
	return nr;
}

static void test_no_key_code_arrives(void **state)
{
	struct fixture *fixture = *state;
	int nr_dropped = 0, uinput = device_open(UINPUT_KEYBOARD), fd;

	fd = read_device(fixture, uinput, ARCADE_LANE_KEYBOARD);
	/* From the first key on. */
	press(uinput, &uinput_specs[UINPUT_KEYBOARD]);
	assert_int_equal(queued_marks(fd, &nr_dropped), 2);
	assert_int_equal(nr_dropped, 1);
	stop_reading(fixture);
	close(fd);

	/* After a flush, and more than the queue holds. */
	fd = read_device(fixture, uinput, ARCADE_LANE_KEYBOARD);
	press(uinput, &uinput_specs[UINPUT_KEYBOARD]);
	fixture->awaited = 1;
	assert_true(comes_true(fixture, used_enough, PATIENCE_NS));
	for (int key = KEY_ESC; key <= KEY_F12; key++) {
		assert_true(uinput_packet(uinput, EV_KEY, key, 1));
		assert_true(uinput_packet(uinput, EV_KEY, key, 0));
	}
	nr_dropped = 0;
	assert_true(queued_marks(fd, &nr_dropped) > 1);
	assert_int_equal(nr_dropped, 1);
	close(fd);
	close(uinput);
}

static void test_every_device_is_noticed(void **state)
{
	struct fixture *fixture = *state;

	for (int kind = 0; kind < NR_UINPUT_KINDS; kind++) {
		const struct uinput_spec *spec = &uinput_specs[kind];
		int uinput, fd;

		if (spec->lane == ARCADE_LANE_OTHER)
			continue;
		uinput = device_open(kind);
		fd = read_device(fixture, uinput, spec->lane);
		fixture->nr_used = 0;
		for (int i = 1; i <= 10; i++) {
			assert_true(uinput_packet(uinput, spec->type, spec->code, i % 2 ? 1 : spec->type == EV_REL ? -1 : 0));
			fixture->awaited = i;
			if (!comes_true(fixture, used_enough, PATIENCE_NS)) {
				print_message("%s: %d\n", spec->name, i);
				fail();
			}
			assert_int_equal(fixture->used_lane, spec->lane);
		}
		/* Silent when nothing comes. */
		run_for(fixture, 100 * NSEC_PER_MSEC);
		assert_int_equal(fixture->nr_used, 10);
		stop_reading(fixture);
		close(fd);
		close(uinput);
	}
}

struct flood {
	int fd;
	atomic_bool stop;
};

static void *flood(void *arg)
{
	struct flood *job = arg;

	for (int i = 0; !atomic_load(&job->stop); i++) {
		uinput_packet(job->fd, EV_REL, REL_X, i % 2 ? 1 : -1);
		if (i % 8 == 7)
			pause_ms(1);
	}
	return NULL;
}

/* Some 8000 packets a second: the queue overflows while we look away, and few wakeups come of it. */
static void test_a_fast_mouse_costs_little(void **state)
{
	struct fixture *fixture = *state;
	struct flood job = { .fd = device_open(UINPUT_MOUSE) };
	int fd = read_device(fixture, job.fd, ARCADE_LANE_MOUSE);
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, flood, &job), 0);
	run_for(fixture, NSEC_PER_SEC);
	atomic_store(&job.stop, true);
	pthread_join(thread, NULL);
	print_message("# figure: seen %lu times in a second\n", (unsigned long)fixture->nr_used);
	assert_true(fixture->nr_used >= 10 && fixture->nr_used <= 130);
	assert_int_equal(fixture->nr_used, fixture->facts.nr_seen);
	assert_true(fixture->facts.nr_flushed >= fixture->facts.nr_seen);
	close(fd);
	close(job.fd);
}

static void test_sticks_at_rest_open_nothing(void **state)
{
	struct fixture *fixture = *state;
	int uinput = device_open(UINPUT_GAMEPAD), fd = read_device(fixture, uinput, ARCADE_LANE_GAMEPAD);

	for (int i = 0; i < 20; i++) {
		waver(uinput, ABS_X, 0, 900, 20);
		run_for(fixture, 10 * NSEC_PER_MSEC);
	}
	assert_int_equal(fixture->nr_used, 0);
	assert_true(fixture->facts.nr_rest >= 5);
	assert_true(uinput_packet(uinput, EV_ABS, ABS_X, 20000));
	fixture->awaited = 1;
	assert_true(comes_true(fixture, used_enough, PATIENCE_NS));
	run_for(fixture, 20 * NSEC_PER_MSEC);
	assert_true(uinput_packet(uinput, EV_KEY, BTN_SOUTH, 1));
	fixture->awaited = 2;
	assert_true(comes_true(fixture, used_enough, PATIENCE_NS));
	close(fd);
	close(uinput);
}

static void test_a_device_that_vanishes(void **state)
{
	struct fixture *fixture = *state;
	int nr_fds = count_fds();

	for (int i = 0; i < 20; i++) {
		int uinput = device_open(UINPUT_MOUSE), fd = read_device(fixture, uinput, ARCADE_LANE_MOUSE);

		/* Before it was ever used, with a packet in its queue, and while it is left alone. */
		if (i % 3)
			assert_true(uinput_packet(uinput, EV_REL, REL_X, 1));
		if (i % 3 == 2)
			run_for(fixture, 3 * NSEC_PER_MSEC);
		close(fd);
		close(uinput);
		fixture->nr_gone = 0;
		assert_true(comes_true(fixture, is_gone, PATIENCE_NS));
		assert_null(fixture->evread);
		assert_int_equal(count_fds(), nr_fds);
	}
}

static void test_the_window_ends_by_itself(void **state)
{
	struct fixture *fixture = *state;

	bpf_open_window(fixture->bpf, ARCADE_LANE_MOUSE, now_ns());
	assert_int_equal(bpf_active_lanes(fixture->bpf, now_ns()), 1u << ARCADE_LANE_MOUSE);
	pause_ms(100);
	assert_int_equal(bpf_active_lanes(fixture->bpf, now_ns()), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hook_and_libevdev_agree, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_the_players_devices_count, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resting_sticks_do_not_count, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plugged_hundred_times, setup, teardown),
		cmocka_unit_test_setup_teardown(test_plugged_hundred_times_without_hook, setup_without_hook, teardown),
		cmocka_unit_test_setup_teardown(test_goes_while_it_is_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(test_permissions_that_come_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_key_code_arrives, setup_without_hook, teardown),
		cmocka_unit_test_setup_teardown(test_every_device_is_noticed, setup_without_hook, teardown),
		cmocka_unit_test_setup_teardown(test_a_fast_mouse_costs_little, setup_without_hook, teardown),
		cmocka_unit_test_setup_teardown(test_sticks_at_rest_open_nothing, setup_without_hook, teardown),
		cmocka_unit_test_setup_teardown(test_a_device_that_vanishes, setup_without_hook, teardown),
		cmocka_unit_test_setup_teardown(test_the_window_ends_by_itself, setup_without_hook, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
