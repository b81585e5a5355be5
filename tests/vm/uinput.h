/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uinput - devices for tests, each a row of a table
 */
#ifndef ARCADE_TESTS_VM_UINPUT_H
#define ARCADE_TESTS_VM_UINPUT_H

#include <fcntl.h>
#include <linux/uinput.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "arcade/abi.h"

enum uinput_kind {
	UINPUT_MOUSE,
	UINPUT_KEYBOARD,
	UINPUT_GAMEPAD,		/* as the driver of one console reports: 16 bits, small fuzz and flat */
	UINPUT_TABLET,
	UINPUT_POWER_BUTTON,
	UINPUT_WHEEL,
	UINPUT_GAMEPAD_8BIT,	/* of another: 8 bits, nothing said of noise */
	UINPUT_STEAM_PAD,	/* what Steam makes of a controller */
	UINPUT_TOUCHPAD,
	UINPUT_TOUCHSCREEN,
	UINPUT_LID,
	UINPUT_HEADSET,
	UINPUT_MEDIA_KEYS,
	UINPUT_MOTION_SENSOR,	/* a controller's: axes without a button */
	UINPUT_RECEIVER,	/* a keyboard that claims a joystick's buttons */
	NR_UINPUT_KINDS,
};

struct uinput_range {
	int first, last;	/* 0, 0: none */
};

struct uinput_axes {
	int first, last;	/* 0, 0: none, but for axis 0 alone */
	int minimum, maximum, fuzz, flat;
};

struct uinput_spec {
	const char *name;
	int vendor, product;
	struct uinput_range keys[4];
	struct uinput_range rels[2];
	struct uinput_axes axes[3];
	int sw, prop;		/* plus one; 0: none */
	enum arcade_lane lane;	/* what it is */
	enum arcade_lane seen;	/* what its bits alone say */
	int type, code;		/* of a packet that such a device sends */
};

#define UINPUT_ALIKE(l) .lane = ARCADE_LANE_##l, .seen = ARCADE_LANE_##l

static const struct uinput_spec uinput_specs[NR_UINPUT_KINDS] = {
	[UINPUT_MOUSE] = { .name = "test mouse", .keys = { { BTN_LEFT, BTN_LEFT } }, .rels = { { REL_X, REL_Y } },
			   UINPUT_ALIKE(MOUSE), .type = EV_REL, .code = REL_X },
	[UINPUT_KEYBOARD] = { .name = "test keyboard", .keys = { { KEY_ESC, KEY_F24 } }, UINPUT_ALIKE(KEYBOARD),
			      .type = EV_KEY, .code = KEY_Q },
	[UINPUT_GAMEPAD] = { .name = "test gamepad", .keys = { { BTN_SOUTH, BTN_THUMBR } },
			     .axes = { { ABS_X, ABS_RZ, -32768, 32767, 16, 128 }, { ABS_HAT0X, ABS_HAT0Y, -1, 1, 0, 0 } },
			     UINPUT_ALIKE(GAMEPAD), .type = EV_KEY, .code = BTN_SOUTH },
	[UINPUT_TABLET] = { .name = "test tablet", .keys = { { BTN_TOOL_PEN, BTN_TOOL_PEN }, { BTN_LEFT, BTN_LEFT } },
			    .axes = { { ABS_X, ABS_Y, 0, 20000, 4, 0 } }, UINPUT_ALIKE(TOUCH), .type = EV_KEY,
			    .code = BTN_TOOL_PEN },
	[UINPUT_POWER_BUTTON] = { .name = "test power button", .keys = { { KEY_POWER, KEY_POWER } }, UINPUT_ALIKE(OTHER),
				  .type = EV_KEY, .code = KEY_POWER },
	[UINPUT_WHEEL] = { .name = "test wheel", .keys = { { BTN_JOYSTICK, BTN_JOYSTICK } },
			   .axes = { { ABS_X, ABS_Z, 0, 65535, 0, 0 } }, UINPUT_ALIKE(GAMEPAD), .type = EV_KEY,
			   .code = BTN_JOYSTICK },
	[UINPUT_GAMEPAD_8BIT] = { .name = "test gamepad of 8 bits", .vendor = 0x054c, .product = 0x0ce6,
				  .keys = { { BTN_SOUTH, BTN_THUMBR } },
				  .axes = { { ABS_X, ABS_RZ, 0, 255, 0, 0 }, { ABS_HAT0X, ABS_HAT0Y, -1, 1, 0, 0 } },
				  UINPUT_ALIKE(GAMEPAD), .type = EV_KEY, .code = BTN_EAST },
	[UINPUT_STEAM_PAD] = { .name = "Microsoft X-Box 360 pad 0", .vendor = 0x28de, .product = 0x11ff,
			       .keys = { { BTN_SOUTH, BTN_THUMBR } },
			       .axes = { { ABS_X, ABS_RZ, -32768, 32767, 16, 128 }, { ABS_HAT0X, ABS_HAT0Y, -1, 1, 0, 0 } },
			       UINPUT_ALIKE(GAMEPAD), .type = EV_KEY, .code = BTN_SOUTH },
	[UINPUT_TOUCHPAD] = { .name = "test touchpad",
			      .keys = { { BTN_LEFT, BTN_LEFT }, { BTN_TOUCH, BTN_TOUCH }, { BTN_TOOL_FINGER, BTN_TOOL_FINGER } },
			      .axes = { { ABS_X, ABS_Y, 0, 3000, 0, 0 } }, .prop = INPUT_PROP_POINTER + 1,
			      UINPUT_ALIKE(TOUCH), .type = EV_KEY, .code = BTN_TOUCH },
	[UINPUT_TOUCHSCREEN] = { .name = "test touchscreen", .keys = { { BTN_TOUCH, BTN_TOUCH } },
				 .axes = { { ABS_X, ABS_Y, 0, 1920, 0, 0 } }, .prop = INPUT_PROP_DIRECT + 1,
				 UINPUT_ALIKE(TOUCH), .type = EV_KEY, .code = BTN_TOUCH },
	[UINPUT_LID] = { .name = "test lid switch", .sw = SW_LID + 1, UINPUT_ALIKE(OTHER), .type = EV_SW, .code = SW_LID },
	[UINPUT_HEADSET] = { .name = "test headset",
			     .keys = { { KEY_MUTE, KEY_VOLUMEUP }, { KEY_NEXTSONG, KEY_PREVIOUSSONG }, { KEY_MEDIA, KEY_MEDIA } },
			     UINPUT_ALIKE(OTHER), .type = EV_KEY, .code = KEY_PLAYPAUSE },
	[UINPUT_MEDIA_KEYS] = { .name = "test consumer control",
				.keys = { { KEY_MUTE, KEY_POWER }, { KEY_BRIGHTNESSDOWN, KEY_BRIGHTNESSUP } },
				UINPUT_ALIKE(OTHER), .type = EV_KEY, .code = KEY_VOLUMEUP },
	[UINPUT_MOTION_SENSOR] = { .name = "test motion sensors", .axes = { { ABS_X, ABS_RZ, -32768, 32767, 0, 0 } },
				   .prop = INPUT_PROP_ACCELEROMETER + 1, UINPUT_ALIKE(OTHER), .type = EV_ABS, .code = ABS_X },
	[UINPUT_RECEIVER] = { .name = "test receiver", .keys = { { KEY_ESC, KEY_F24 }, { BTN_JOYSTICK, BTN_JOYSTICK } },
			      .lane = ARCADE_LANE_KEYBOARD, .seen = ARCADE_LANE_GAMEPAD, .type = EV_KEY, .code = KEY_Q },
};

/* Return: a descriptor whose close() removes the device, -1 with errno. */
static inline int uinput_open(enum uinput_kind kind)
{
	const struct uinput_spec *spec = &uinput_specs[kind];
	struct uinput_setup device = { .id = { .bustype = BUS_VIRTUAL, .vendor = spec->vendor, .product = spec->product } };
	int fd = open("/dev/uinput", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	snprintf(device.name, sizeof(device.name), "%s", spec->name);
	for (int i = 0; i < 4 && spec->keys[i].last; i++) {
		ioctl(fd, UI_SET_EVBIT, EV_KEY);
		for (int key = spec->keys[i].first; key <= spec->keys[i].last; key++)
			ioctl(fd, UI_SET_KEYBIT, key);
	}
	for (int i = 0; i < 2 && spec->rels[i].last; i++) {
		ioctl(fd, UI_SET_EVBIT, EV_REL);
		for (int rel = spec->rels[i].first; rel <= spec->rels[i].last; rel++)
			ioctl(fd, UI_SET_RELBIT, rel);
	}
	for (int i = 0; i < 3 && spec->axes[i].maximum; i++) {
		const struct uinput_axes *axes = &spec->axes[i];

		ioctl(fd, UI_SET_EVBIT, EV_ABS);
		for (int axis = axes->first; axis <= axes->last; axis++) {
			struct uinput_abs_setup abs = { .code = axis, .absinfo = { .minimum = axes->minimum,
				.maximum = axes->maximum, .fuzz = axes->fuzz, .flat = axes->flat } };

			ioctl(fd, UI_ABS_SETUP, &abs);
		}
	}
	if (spec->sw) {
		ioctl(fd, UI_SET_EVBIT, EV_SW);
		ioctl(fd, UI_SET_SWBIT, spec->sw - 1);
	}
	if (spec->prop)
		ioctl(fd, UI_SET_PROPBIT, spec->prop - 1);
	if (ioctl(fd, UI_DEV_SETUP, &device) || ioctl(fd, UI_DEV_CREATE)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The number of "event7" of a device made here. Return: -1 if there is none. */
static inline int uinput_event_number(int fd)
{
	char sysname[32], path[96];

	if (ioctl(fd, UI_GET_SYSNAME(sizeof(sysname)), sysname) < 0)
		return -1;
	for (int i = 0; i < 1024; i++) {
		snprintf(path, sizeof(path), "/sys/devices/virtual/input/%s/event%d", sysname, i);
		if (!access(path, F_OK))
			return i;
	}
	return -1;
}

static inline bool uinput_emit(int fd, int type, int code, int value)
{
	struct input_event event = { .type = type, .code = code, .value = value };

	return write(fd, &event, sizeof(event)) == sizeof(event);
}

/* A packet of one event. */
static inline bool uinput_packet(int fd, int type, int code, int value)
{
	return uinput_emit(fd, type, code, value) && uinput_emit(fd, EV_SYN, SYN_REPORT, 0);
}

#endif
