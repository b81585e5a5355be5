// SPDX-License-Identifier: GPL-2.0-only
#include "app.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "feed.h"
#include "screen.h"
#include "signals_pipe.h"
#include "status.h"
#include "util.h"
#include "view.h"

/* While there is nothing new the clock of a banner goes on. */
#define REDRAW_NS NSEC_PER_SEC

struct app {
	const struct args *args;
	struct feed *feed;
	struct model model;	/* goes on while the view is paused */
	struct model shown;	/* … and this one does not; a copy */
	struct ui ui;
	struct canvas canvas;
	struct page page;
	uint64_t nr_frames;
	uint64_t drawn_ns;
	bool dirty;
	bool has_keys;		/* standard input is a terminal */
	bool done;
	int signo;		/* to die of */
	int status;
};

static int draw(struct app *app, uint64_t now)
{
	int rows, cols, err;

	screen_size(&rows, &cols);
	app->canvas.ascii = screen_is_ascii();
	err = canvas_resize(&app->canvas, rows, cols);
	if (err)
		return err;
	err = frame_draw(&app->canvas, &app->page, app->ui.paused ? &app->shown : &app->model, feed_facts(app->feed), &app->ui,
			 now);
	if (err)
		return err;
	screen_draw(&app->canvas);
	app->drawn_ns = now;
	app->dirty = false;
	return 0;
}

static void handle_key(struct app *app, int key)
{
	switch (ui_handle_key(&app->ui, key)) {
	case UI_QUIT:
		app->done = true;
		break;
	case UI_RESET:
		model_reset(&app->model);
		if (app->ui.paused)
			app->shown = app->model;
		break;
	case UI_PAUSE:
		app->shown = app->model;
		break;
	case UI_REPAINT:
		screen_repaint();
		break;
	case UI_REDRAW:
		break;
	case UI_IGNORE:
		return;
	}
	app->dirty = true;
}

static void stop_self(struct app *app)
{
	screen_suspend();
	signals_pipe_stop_self();
	screen_resume();
	app->dirty = true;
}

static void handle_signal(struct app *app, int signo)
{
	switch (signo) {
	case SIGINT:
		app->done = true;
		break;
	case SIGQUIT:
	case SIGTERM:
	case SIGHUP:
		app->done = true;
		app->signo = signo;
		break;
	case SIGTSTP:
		stop_self(app);
		break;
	case SIGCONT:
		/* Whoever had the terminal meanwhile has left it otherwise. */
		screen_resume();
		app->dirty = true;
		break;
	default:
		app->dirty = true;
	}
}

static void step_feed(struct app *app, uint64_t now)
{
	switch (feed_step(app->feed, now)) {
	case FEED_SNAPSHOT:
		model_update(&app->model, feed_snapshot(app->feed));
		break;
	case FEED_CHANGED:
		model_lose(&app->model);
		break;
	default:
		return;
	}
	app->dirty = true;
	app->nr_frames++;
}

static int timeout_ms(const struct app *app, uint64_t now)
{
	uint64_t due = feed_due_ns(app->feed);

	if (feed_facts(app->feed)->state != FEED_LIVE && app->drawn_ns + REDRAW_NS < due)
		due = app->drawn_ns + REDRAW_NS;
	if (due <= now)
		return 0;
	return due - now > 60 * NSEC_PER_SEC ? 60000 : (int)((due - now) / NSEC_PER_MSEC) + 1;
}

static int run(struct app *app, int signals_fd)
{
	int err, key, signo;

	while (!app->done) {
		uint64_t now = now_ns();
		struct pollfd fds[] = {
			{ .fd = signals_fd, .events = POLLIN },
			{ .fd = app->has_keys ? STDIN_FILENO : -1, .events = POLLIN },
			{ .fd = -1, .events = POLLIN },
		};

		step_feed(app, now);
		if (feed_facts(app->feed)->state != FEED_LIVE && now >= app->drawn_ns + REDRAW_NS)
			app->dirty = true;
		if (app->dirty) {
			err = draw(app, now);
			if (err)
				return err;
		}
		if (app->args->frames && app->nr_frames >= app->args->frames)
			break;
		fds[2].fd = feed_fd(app->feed);
		if (poll(fds, ARRAY_SIZE(fds), timeout_ms(app, now)) < 0 && errno != EINTR)
			return -errno;
		while (!app->done && (signo = signals_pipe_next()))
			handle_signal(app, signo);
		while (!app->done && app->has_keys && (key = screen_key()))
			handle_key(app, key);
		/* The terminal is gone; its hangup may have been meant for somebody else. */
		if (fds[1].revents & (POLLHUP | POLLERR | POLLNVAL)) {
			app->done = true;
			app->status = STATUS_FAILED;
		}
	}
	return 0;
}

static int report(int err, const char *what)
{
	fprintf(stderr, "arcadetop: error: %s: %s\n", what, strerror(-err));
	return STATUS_FAILED;
}

int app_run(const struct args *args)
{
	_cleanup_free_ struct app *app = calloc(1, sizeof(*app));
	_cleanup_(feed_freep) struct feed *feed = NULL;
	int err, signals_fd;

	if (!app || feed_new(args->socket, args->interval_ns, &feed))
		return report(-ENOMEM, "start");
	app->args = args;
	app->feed = feed;
	app->dirty = true;
	app->has_keys = isatty(STDIN_FILENO);
	ui_init(&app->ui);
	/* Before the screen: ncurses leaves alone what is caught already. */
	signals_fd = signals_pipe_open(screen_rescue);
	if (signals_fd < 0)
		return report(signals_fd, "signals");
	err = screen_open(args->ascii);
	if (err == -ENOTTY) {
		fprintf(stderr, "arcadetop: error: standard output is no terminal (--once prints a report, --once --json an object)\n");
		signals_pipe_close();
		return STATUS_USAGE;
	}
	if (!err)
		err = run(app, signals_fd);
	screen_close();
	canvas_deinit(&app->page.canvas);
	canvas_deinit(&app->canvas);
	if (app->signo)
		signals_pipe_die_of(app->signo);
	signals_pipe_close();
	return err ? report(err, "terminal") : app->status;
}
