/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit.h"

#include <libevdev/libevdev.h>
#include <sys/sysmacros.h>

#include "devices.h"
#include "policy.h"

struct range {
	unsigned int type, first, last;
};

static enum arcade_lane classify(const struct range *ranges, size_t nr)
{
	const struct input_absinfo abs = { .maximum = 255 };
	struct libevdev *evdev = libevdev_new();
	enum arcade_lane lane;

	assert_non_null(evdev);
	for (size_t i = 0; i < nr; i++)
		for (unsigned int code = ranges[i].first; code <= ranges[i].last; code++)
			assert_int_equal(libevdev_enable_event_code(evdev, ranges[i].type, code,
								    ranges[i].type == EV_ABS ? &abs : NULL), 0);
	lane = devices_classify(evdev);
	libevdev_free(evdev);
	return lane;
}

#define CLASSIFY(...) classify((const struct range[]){ __VA_ARGS__ }, ARRAY_SIZE(((const struct range[]){ __VA_ARGS__ })))

static void test_classes(void **state)
{
	assert_int_equal(CLASSIFY({ EV_KEY, KEY_ESC, KEY_KPDOT }), ARCADE_LANE_KEYBOARD);
	assert_int_equal(CLASSIFY({ EV_KEY, KEY_SPACE, KEY_SPACE }), ARCADE_LANE_KEYBOARD);
	assert_int_equal(CLASSIFY({ EV_KEY, KEY_CAPSLOCK, KEY_CAPSLOCK }), ARCADE_LANE_OTHER);
	assert_int_equal(CLASSIFY({ EV_REL, REL_X, REL_Y }), ARCADE_LANE_MOUSE);
	assert_int_equal(CLASSIFY({ EV_REL, REL_WHEEL, REL_WHEEL }), ARCADE_LANE_OTHER);
	assert_int_equal(CLASSIFY({ EV_KEY, BTN_LEFT, BTN_LEFT }), ARCADE_LANE_MOUSE);
	/* A mouse with keys for macros is a mouse. */
	assert_int_equal(CLASSIFY({ EV_KEY, BTN_LEFT, BTN_TASK }, { EV_REL, REL_X, REL_Y }, { EV_KEY, KEY_1, KEY_0 }),
			 ARCADE_LANE_MOUSE);
	assert_int_equal(CLASSIFY({ EV_KEY, BTN_SOUTH, BTN_SOUTH }), ARCADE_LANE_GAMEPAD);
	assert_int_equal(CLASSIFY({ EV_KEY, BTN_TRIGGER, BTN_TRIGGER }, { EV_ABS, ABS_X, ABS_Y }), ARCADE_LANE_GAMEPAD);
	assert_int_equal(CLASSIFY({ EV_KEY, BTN_TOUCH, BTN_TOUCH }, { EV_KEY, BTN_LEFT, BTN_LEFT }), ARCADE_LANE_TOUCH);
	assert_int_equal(CLASSIFY({ EV_KEY, BTN_TOOL_PEN, BTN_TOOL_PEN }), ARCADE_LANE_TOUCH);
	assert_int_equal(CLASSIFY({ EV_ABS, ABS_X, ABS_RZ }), ARCADE_LANE_OTHER);
	assert_int_equal(CLASSIFY({ EV_KEY, KEY_POWER, KEY_POWER }), ARCADE_LANE_OTHER);
	assert_int_equal(CLASSIFY({ EV_SW, SW_LID, SW_LID }), ARCADE_LANE_OTHER);
	/* A keyboard that claims joystick buttons, and a pad with a keyboard's keys. */
	assert_int_equal(CLASSIFY({ EV_KEY, KEY_ESC, KEY_F12 }, { EV_KEY, BTN_JOYSTICK, BTN_JOYSTICK }), ARCADE_LANE_KEYBOARD);
	assert_int_equal(CLASSIFY({ EV_KEY, KEY_ESC, KEY_F12 }, { EV_KEY, BTN_SOUTH, BTN_SOUTH }, { EV_ABS, ABS_X, ABS_Y }),
			 ARCADE_LANE_GAMEPAD);
}

static void assert_no_devices(const char *dir)
{
	struct devices *devices = NULL;
	int nr_fds = unit_count_fds();
	uint64_t start_ns = now_ns();

	assert_int_equal(devices_new(NULL, NULL, dir, false, &devices), 0);
	assert_true(now_ns() - start_ns < NSEC_PER_SEC);
	for (int lane = 0; lane < NR_ARCADE_LANES; lane++)
		assert_int_equal(devices_facts(devices)->nr[lane], 0);
	assert_int_equal(devices_facts(devices)->nr_closed, 0);
	assert_int_equal(unit_count_fds(), nr_fds);
	/* Also when something is said of them. */
	for (int what = 0; what < NR_WATCH_WHATS; what++) {
		for (int i = 0; i < 8; i++) {
			char path[600];

			snprintf(path, sizeof(path), "%s/event%d", dir, i);
			devices_handle_event(devices, &(struct watch_event){ WATCH_DEV_INPUT, what, path });
		}
		devices_handle_event(devices, &(struct watch_event){ WATCH_DEV_INPUT, what, "" });
		devices_handle_event(devices, &(struct watch_event){ WATCH_DEV_INPUT, what, dir });
		devices_handle_event(devices, &(struct watch_event){ WATCH_DEV_INPUT, what, "/x/event99999999999999999999" });
		devices_handle_event(devices, &(struct watch_event){ WATCH_DEV_INPUT, what, "/x/event-1" });
	}
	assert_int_equal(devices_facts(devices)->nr_closed, 0);
	devices_check(devices);
	devices_free(devices);
	assert_int_equal(unit_count_fds(), nr_fds);
}

static void test_traps_are_not_opened(void **state)
{
	char *dir = unit_tempdir_new(), path[600];

	snprintf(path, sizeof(path), "%s/event0", dir);
	assert_int_equal(mkfifo(path, 0666), 0);
	snprintf(path, sizeof(path), "%s/event1", dir);
	assert_int_equal(symlink("/dev/zero", path), 0);
	snprintf(path, sizeof(path), "%s/event2", dir);
	assert_int_equal(symlink("nowhere", path), 0);
	unit_write_text(dir, "event3", "x");
	snprintf(path, sizeof(path), "%s/event4", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	/* Another kind of device; making one needs root. */
	snprintf(path, sizeof(path), "%s/event5", dir);
	if (mknod(path, S_IFCHR | 0666, makedev(1, 5)))
		assert_int_equal(errno, EPERM);
	unit_write_text(dir, "event", "");
	unit_write_text(dir, "event-1", "");
	unit_write_text(dir, "event07x", "");
	unit_write_text(dir, "event4294967296", "");
	unit_write_text(dir, "mouse0", "");
	assert_no_devices(dir);
	unit_tempdir_free(dir);
}

static void test_no_folder(void **state)
{
	struct devices *devices = NULL;
	char text[200];

	assert_no_devices("/nonexistent/input");
	assert_int_equal(devices_new(NULL, NULL, "/nonexistent/input", true, &devices), 0);
	devices_describe(devices, text, sizeof(text));
	assert_string_equal(text, "none: there is no /nonexistent/input");
	devices_free(devices);
	devices_free(NULL);
	evread_free(NULL);
}

static void test_more_than_there_is_room_for(void **state)
{
	char *dir = unit_tempdir_new(), text[16];
	struct devices *devices = NULL;

	/* None of them can be opened, and none is a device. */
	for (int i = 0; i < 400; i++) {
		char name[32];

		snprintf(name, sizeof(name), "event%d", i);
		unit_write_text(dir, name, "");
	}
	assert_int_equal(devices_new(NULL, NULL, dir, false, &devices), 0);
	/* A text that does not fit is cut. */
	devices_describe(devices, text, sizeof(text));
	assert_true(strlen(text) < sizeof(text));
	devices_free(devices);
	unit_tempdir_free(dir);
}

static void test_axis_moves(void **state)
{
	/* 16 bits with a driver that says little, at rest and beyond. */
	assert_false(policy_axis_moved(500, -500, -32768, 32767, 16, 128));
	assert_true(policy_axis_moved(2048, 0, -32768, 32767, 16, 128));
	assert_false(policy_axis_moved(20000, 19000, -32768, 32767, 16, 128));
	assert_true(policy_axis_moved(20000, 17900, -32768, 32767, 16, 128));
	/* The driver's dead zone counts in the middle only. */
	assert_false(policy_axis_moved(3900, -3900, -32768, 32767, 16, 4000));
	assert_true(policy_axis_moved(4100, 0, -32768, 32767, 16, 4000));
	assert_true(policy_axis_moved(25000, 20000, -32768, 32767, 16, 6000));
	/* … and no more than a quarter of the way is believed. */
	assert_true(policy_axis_moved(32767, 0, -32768, 32767, INT32_MAX, INT32_MAX));
	assert_true(policy_axis_moved(-32768, 32767, -32768, 32767, INT32_MAX, INT32_MAX));
	/* 8 bits, a switch of three places, and nonsense. */
	assert_false(policy_axis_moved(131, 125, 0, 255, 0, 0));
	assert_true(policy_axis_moved(136, 128, 0, 255, 0, 0));
	assert_true(policy_axis_moved(1, 0, -1, 1, 0, 0));
	assert_true(policy_axis_moved(1, 0, 0, 0, 0, 0));
	assert_true(policy_axis_moved(INT32_MAX, INT32_MIN, INT32_MIN, INT32_MAX, 0, 0));
	assert_false(policy_axis_moved(INT32_MAX, INT32_MAX, INT32_MIN, INT32_MAX, INT32_MIN, INT32_MIN));
	assert_true(policy_axis_moved(5, 4, 7, -7, 100, 100));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_traps_are_not_opened),
		cmocka_unit_test(test_no_folder),
		cmocka_unit_test(test_more_than_there_is_room_for),
		cmocka_unit_test(test_axis_moves),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
