// SPDX-License-Identifier: GPL-2.0-only
#include "screen.h"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <curses.h>
#include <term.h>

/* Written and read around signal handlers: whole before `opened` is set. */
static const struct screen_kind *kind;
static struct termios saved_modes;
static bool has_saved_modes;
static char leave_text[256];
static size_t leave_len;
static bool without_utf8;

/* Can the cursor be moved? What is not known cannot. */
static bool knows_terminal(void)
{
	char *move;
	int err = 0;

	if (setupterm(NULL, STDOUT_FILENO, &err) != OK || err != 1)
		return false;
	move = tigetstr("cup");
	return move && move != (char *)-1 && *move;
}

static int keep_byte(int byte)
{
	if (leave_len < sizeof(leave_text))
		leave_text[leave_len++] = (char)byte;
	return byte;
}

/* What leaves the terminal usable, made ahead: a signal handler cannot look it up. */
static void prepare_leaving(void)
{
	static const char *const names[] = { "sgr0", "cnorm", "rmkx", "rmcup" };

	leave_len = 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char *text = tigetstr(names[i]);

		if (text && text != (char *)-1)
			tputs(text, 1, keep_byte);
	}
}

int screen_open(bool ascii)
{
	int err;

	if (!isatty(STDOUT_FILENO))
		return -ENOTTY;
	has_saved_modes = !tcgetattr(STDOUT_FILENO, &saved_modes);
	without_utf8 = ascii || !streq(nl_langinfo(CODESET), "UTF-8");
	kind = &screen_plain;
	if (knows_terminal()) {
		prepare_leaving();
		kind = &screen_curses;
	}
	/* What was looked up; ncurses looks it up for itself. */
	if (cur_term)
		del_curterm(cur_term);
	err = kind->open(without_utf8);
	if (err)
		kind = NULL;
	return err;
}

/* The terminal of a process in the background belongs to somebody else. */
static bool in_foreground(void)
{
	pid_t group = tcgetpgrp(STDOUT_FILENO);

	return group < 0 || group == getpgrp();
}

void screen_close(void)
{
	const struct screen_kind *open = kind;

	kind = NULL;
	if (!open || !in_foreground())
		return;
	open->close();
	if (has_saved_modes)
		tcsetattr(STDOUT_FILENO, TCSANOW, &saved_modes);
}

void screen_rescue(void)
{
	ssize_t n;

	if (!kind || !in_foreground())
		return;
	if (has_saved_modes)
		tcsetattr(STDOUT_FILENO, TCSANOW, &saved_modes);
	/* A terminal that takes nothing would keep us here. */
	unblock_terminal(STDOUT_FILENO);
	n = write(STDOUT_FILENO, leave_text, leave_len);
	(void)n;
	kind = NULL;
}

bool screen_is_ascii(void)
{
	return without_utf8;
}

void screen_size(int *rows, int *cols)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) || !size.ws_row || !size.ws_col) {
		*rows = 24;
		*cols = 80;
		return;
	}
	*rows = size.ws_row < CANVAS_MAX_ROWS ? size.ws_row : CANVAS_MAX_ROWS;
	*cols = size.ws_col < CANVAS_MAX_COLS ? size.ws_col : CANVAS_MAX_COLS;
}

void screen_draw(const struct canvas *canvas)
{
	kind->draw(canvas);
}

int screen_key(void)
{
	return kind->key();
}

void screen_suspend(void)
{
	kind->suspend();
}

void screen_resume(void)
{
	kind->resume();
}

void screen_repaint(void)
{
	kind->repaint();
}
