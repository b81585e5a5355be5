/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * drm - a display for tests: two pictures that are flipped, by the kernel's own interface
 */
#ifndef ARCADE_TESTS_VM_DRM_H
#define ARCADE_TESTS_VM_DRM_H

#include <drm/drm.h>
#include <drm/drm_mode.h>
#include <drm/virtgpu_drm.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DRM_EVENT_WAIT_MS 10000

struct drm_display {
	int fd;
	uint32_t crtc;
	uint32_t fbs[2];
	uint32_t nr_flips;
};

/* Return: a descriptor of the first /dev/dri/NAME0..15 that @driver serves, -1. */
static inline int drm_open(const char *name, int first, const char *driver)
{
	for (int i = first; i < first + 16; i++) {
		char path[64], text[32] = "";
		struct drm_version version = { .name = text, .name_len = sizeof(text) - 1 };
		int fd;

		snprintf(path, sizeof(path), "/dev/dri/%s%d", name, i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && !ioctl(fd, DRM_IOCTL_VERSION, &version) && !strcmp(text, driver))
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

static inline bool drm_make_picture(int fd, const struct drm_mode_modeinfo *mode, uint32_t *fb)
{
	struct drm_mode_create_dumb dumb = { .width = mode->hdisplay, .height = mode->vdisplay, .bpp = 32 };
	struct drm_mode_fb_cmd cmd = { .width = mode->hdisplay, .height = mode->vdisplay, .bpp = 32, .depth = 24 };

	if (ioctl(fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb))
		return false;
	cmd.pitch = dumb.pitch;
	cmd.handle = dumb.handle;
	if (ioctl(fd, DRM_IOCTL_MODE_ADDFB, &cmd))
		return false;
	*fb = cmd.fb_id;
	return true;
}

/* Shows a picture on the first connector of the card of @driver. Return: false with errno, and @display->fd to be closed. */
static inline bool drm_display_open(struct drm_display *display, const char *driver)
{
	uint32_t crtcs[16], connectors[16], encoders[16];
	struct drm_mode_modeinfo modes[64];
	struct drm_mode_card_res res = {
		.crtc_id_ptr = (uintptr_t)crtcs, .connector_id_ptr = (uintptr_t)connectors, .count_crtcs = 16,
		.count_connectors = 16,
	};
	struct drm_mode_get_connector connector = {
		.modes_ptr = (uintptr_t)modes, .encoders_ptr = (uintptr_t)encoders, .count_modes = 64, .count_encoders = 16,
	};
	struct drm_mode_crtc crtc = { .count_connectors = 1, .mode_valid = 1 };

	*display = (struct drm_display){ .fd = drm_open("card", 0, driver) };
	if (display->fd < 0 || ioctl(display->fd, DRM_IOCTL_MODE_GETRESOURCES, &res) || !res.count_crtcs ||
	    !res.count_connectors)
		return false;
	connector.connector_id = connectors[0];
	if (ioctl(display->fd, DRM_IOCTL_MODE_GETCONNECTOR, &connector) || !connector.count_modes)
		return false;
	/* The kernel asks for the modes when room is given for none. */
	if (!drm_make_picture(display->fd, &modes[0], &display->fbs[0]) ||
	    !drm_make_picture(display->fd, &modes[0], &display->fbs[1]))
		return false;
	display->crtc = crtcs[0];
	crtc.crtc_id = crtcs[0];
	crtc.fb_id = display->fbs[0];
	crtc.set_connectors_ptr = (uintptr_t)&connectors[0];
	crtc.mode = modes[0];
	return !ioctl(display->fd, DRM_IOCTL_MODE_SETCRTC, &crtc);
}

/* Shows the other picture, and is told when. */
static inline bool drm_flip(struct drm_display *display)
{
	struct drm_mode_crtc_page_flip flip = {
		.crtc_id = display->crtc, .fb_id = display->fbs[++display->nr_flips % 2], .flags = DRM_MODE_PAGE_FLIP_EVENT,
	};

	return !ioctl(display->fd, DRM_IOCTL_MODE_PAGE_FLIP, &flip);
}

static inline bool drm_wait_flipped(struct drm_display *display)
{
	struct pollfd pollfd = { .fd = display->fd, .events = POLLIN };
	char text[256];

	return poll(&pollfd, 1, DRM_EVENT_WAIT_MS) == 1 && read(display->fd, text, sizeof(text)) > 0;
}

/* Gives a GPU of QEMU's an empty list of work. It may refuse that: it has been asked. */
static inline void drm_virtio_submit(int fd)
{
	struct drm_virtgpu_execbuffer buffer = { .fence_fd = -1 };

	ioctl(fd, DRM_IOCTL_VIRTGPU_EXECBUFFER, &buffer);
}

#endif
