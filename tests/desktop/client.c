// SPDX-License-Identifier: GPL-2.0-only
/*
 * client - a window on a Wayland desktop, for tests
 *
 * Usage: client CLASS [--fullscreen]
 *
 * Shows one window of that application class; its title is "arcade-client PID",
 * so that a test can find it. Commands on the standard input, one letter each:
 * f full screen, w window again, m minimise, q quit. The end of the input
 * means nothing.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <wayland-client.h>

#include "xdg-shell-client.h"

#define WIDTH  320
#define HEIGHT 200

static struct wl_compositor *compositor;
static struct wl_shm *shm;
static struct xdg_wm_base *wm_base;
static struct wl_surface *surface;
static struct xdg_toplevel *toplevel;
static int width = WIDTH, height = HEIGHT;
static bool closed;

static void die(const char *what)
{
	fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void release_buffer(void *data, struct wl_buffer *buffer)
{
	wl_buffer_destroy(buffer);
}

static const struct wl_buffer_listener buffer_listener = { .release = release_buffer };

static void draw(void)
{
	const int size = width * height * 4;
	struct wl_shm_pool *pool;
	struct wl_buffer *buffer;
	int fd = memfd_create("client", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, size))
		die("memory");
	pool = wl_shm_create_pool(shm, fd, size);
	buffer = wl_shm_pool_create_buffer(pool, 0, width, height, width * 4, WL_SHM_FORMAT_XRGB8888);
	wl_buffer_add_listener(buffer, &buffer_listener, NULL);
	wl_shm_pool_destroy(pool);
	close(fd);
	wl_surface_attach(surface, buffer, 0, 0);
	wl_surface_damage(surface, 0, 0, width, height);
	wl_surface_commit(surface);
}

static void configure_surface(void *data, struct xdg_surface *xdg_surface, uint32_t serial)
{
	xdg_surface_ack_configure(xdg_surface, serial);
	draw();
}

static const struct xdg_surface_listener xdg_surface_listener = { .configure = configure_surface };

static void configure_toplevel(void *data, struct xdg_toplevel *top, int32_t w, int32_t h, struct wl_array *states)
{
	width = w > 0 ? w : WIDTH;
	height = h > 0 ? h : HEIGHT;
}

static void close_toplevel(void *data, struct xdg_toplevel *top)
{
	closed = true;
}

static const struct xdg_toplevel_listener toplevel_listener = { .configure = configure_toplevel, .close = close_toplevel };

static void answer_ping(void *data, struct xdg_wm_base *base, uint32_t serial)
{
	xdg_wm_base_pong(base, serial);
}

static const struct xdg_wm_base_listener wm_base_listener = { .ping = answer_ping };

static void add_global(void *data, struct wl_registry *registry, uint32_t name, const char *interface, uint32_t version)
{
	if (!strcmp(interface, wl_compositor_interface.name)) {
		compositor = wl_registry_bind(registry, name, &wl_compositor_interface, 1);
	} else if (!strcmp(interface, wl_shm_interface.name)) {
		shm = wl_registry_bind(registry, name, &wl_shm_interface, 1);
	} else if (!strcmp(interface, xdg_wm_base_interface.name)) {
		wm_base = wl_registry_bind(registry, name, &xdg_wm_base_interface, 1);
		xdg_wm_base_add_listener(wm_base, &wm_base_listener, NULL);
	}
}

static void remove_global(void *data, struct wl_registry *registry, uint32_t name)
{
}

static const struct wl_registry_listener registry_listener = { .global = add_global, .global_remove = remove_global };

/* Return: whether the input may say more. */
static bool obey(void)
{
	char command;

	if (read(STDIN_FILENO, &command, 1) != 1)
		return false;
	if (command == 'f')
		xdg_toplevel_set_fullscreen(toplevel, NULL);
	else if (command == 'w')
		xdg_toplevel_unset_fullscreen(toplevel);
	else if (command == 'm')
		xdg_toplevel_set_minimized(toplevel);
	else if (command == 'q')
		closed = true;
	return true;
}

static void run(struct wl_display *display)
{
	struct pollfd fds[2] = {
		{ .fd = wl_display_get_fd(display), .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};

	while (!closed) {
		while (wl_display_prepare_read(display))
			wl_display_dispatch_pending(display);
		wl_display_flush(display);
		if (poll(fds, 2, -1) < 0)
			die("poll");
		if (fds[0].revents)
			wl_display_read_events(display);
		else
			wl_display_cancel_read(display);
		if (wl_display_dispatch_pending(display) < 0)
			exit(1);
		if (fds[1].revents && !obey())
			fds[1].fd = -1;
	}
}

int main(int argc, char **argv)
{
	struct xdg_surface *xdg_surface;
	struct wl_display *display;
	char title[64];

	if (argc < 2)
		return 2;
	display = wl_display_connect(NULL);
	if (!display)
		die("no display");
	wl_registry_add_listener(wl_display_get_registry(display), &registry_listener, NULL);
	wl_display_roundtrip(display);
	if (!compositor || !shm || !wm_base)
		die("the compositor lacks something");
	surface = wl_compositor_create_surface(compositor);
	xdg_surface = xdg_wm_base_get_xdg_surface(wm_base, surface);
	xdg_surface_add_listener(xdg_surface, &xdg_surface_listener, NULL);
	toplevel = xdg_surface_get_toplevel(xdg_surface);
	xdg_toplevel_add_listener(toplevel, &toplevel_listener, NULL);
	snprintf(title, sizeof(title), "arcade-client %d", (int)getpid());
	xdg_toplevel_set_title(toplevel, title);
	xdg_toplevel_set_app_id(toplevel, argv[1]);
	if (argc > 2 && !strcmp(argv[2], "--fullscreen"))
		xdg_toplevel_set_fullscreen(toplevel, NULL);
	wl_surface_commit(surface);
	run(display);
	wl_display_disconnect(display);
	return 0;
}
