/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * uinput - devices for tests
 */
#ifndef ARCADE_TESTS_VM_UINPUT_H
#define ARCADE_TESTS_VM_UINPUT_H

#include <fcntl.h>
#include <linux/uinput.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum uinput_kind { UINPUT_MOUSE, UINPUT_KEYBOARD, UINPUT_GAMEPAD, UINPUT_TABLET, UINPUT_POWER_BUTTON, UINPUT_WHEEL };

/* Return: a descriptor whose close() removes the device, -1 with errno. */
static inline int uinput_open(enum uinput_kind kind)
{
	struct uinput_setup device = { .id.bustype = BUS_VIRTUAL, .name = "scx_arcade test" };
	int fd = open("/dev/uinput", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	ioctl(fd, UI_SET_EVBIT, EV_KEY);
	switch (kind) {
	case UINPUT_MOUSE:
		ioctl(fd, UI_SET_EVBIT, EV_REL);
		ioctl(fd, UI_SET_RELBIT, REL_X);
		ioctl(fd, UI_SET_RELBIT, REL_Y);
		ioctl(fd, UI_SET_KEYBIT, BTN_LEFT);
		break;
	case UINPUT_KEYBOARD:
		for (int key = KEY_ESC; key <= KEY_F24; key++)
			ioctl(fd, UI_SET_KEYBIT, key);
		break;
	case UINPUT_GAMEPAD:
		ioctl(fd, UI_SET_EVBIT, EV_ABS);
		ioctl(fd, UI_SET_KEYBIT, BTN_SOUTH);
		for (int axis = ABS_X; axis <= ABS_RZ; axis++) {
			struct uinput_abs_setup abs = { .code = axis, .absinfo = { .minimum = -32768, .maximum = 32767 } };

			ioctl(fd, UI_ABS_SETUP, &abs);
		}
		break;
	case UINPUT_TABLET:
		ioctl(fd, UI_SET_KEYBIT, BTN_TOOL_PEN);
		ioctl(fd, UI_SET_KEYBIT, BTN_LEFT);
		break;
	case UINPUT_POWER_BUTTON:
		ioctl(fd, UI_SET_KEYBIT, KEY_POWER);
		break;
	case UINPUT_WHEEL:
		ioctl(fd, UI_SET_KEYBIT, BTN_JOYSTICK);
		break;
	}
	if (ioctl(fd, UI_DEV_SETUP, &device) || ioctl(fd, UI_DEV_CREATE)) {
		close(fd);
		return -1;
	}
	return fd;
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
