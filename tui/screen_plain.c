// SPDX-License-Identifier: GPL-2.0-only
/* A terminal that can do nothing but lines: picture after picture, and keys without Enter. */
#include "screen.h"

#include <termios.h>
#include <unistd.h>

static void set_modes(void)
{
	struct termios modes;

	if (tcgetattr(STDIN_FILENO, &modes))
		return;
	modes.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
	modes.c_iflag &= ~(tcflag_t)IXON;
	modes.c_cc[VMIN] = 0;
	modes.c_cc[VTIME] = 0;
	tcsetattr(STDIN_FILENO, TCSANOW, &modes);
}

static int open_plain(bool ascii)
{
	set_modes();
	return 0;
}

static void close_plain(void)
{
	fflush(stdout);
}

static void draw_plain(const struct canvas *canvas)
{
	canvas_print(canvas, 0, canvas->rows, stdout);
	fputc('\n', stdout);
	fflush(stdout);
}

static int key_plain(void)
{
	unsigned char byte;

	if (read(STDIN_FILENO, &byte, 1) != 1)
		return UI_KEY_NONE;
	return byte && byte < 0x80 ? byte : UI_KEY_OTHER;
}

static void nothing(void)
{
}

const struct screen_kind screen_plain = {
	.open = open_plain,
	.close = close_plain,
	.draw = draw_plain,
	.key = key_plain,
	.suspend = nothing,
	.resume = set_modes,
	.repaint = nothing,
};
