/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * screen - a canvas on a terminal, and keys from it
 *
 * Two kinds: ncurses, and for terminals that cannot move their cursor (TERM=dumb)
 * plain lines, one picture after the other. There is one terminal, so there is
 * one screen.
 */
#ifndef ARCADE_TUI_SCREEN_H
#define ARCADE_TUI_SCREEN_H

#include "canvas.h"
#include "ui.h"

/*
 * Standard output must be a terminal. Whether there is UTF-8 is for setlocale(LC_CTYPE) to say before; @ascii does without.
 * Return: 0, -ENOTTY, -errno.
 */
int screen_open(bool ascii);

/* Leaves the terminal as it was. Legal at any time, also twice. */
void screen_close(void);

/* The same from a signal handler; nothing else is legal afterwards. */
void screen_rescue(void);

bool screen_is_ascii(void);

/* As it is now. */
void screen_size(int *rows, int *cols);

void screen_draw(const struct canvas *canvas);

/* The next key: a character or one of enum ui_key; UI_KEY_NONE if none is there. */
int screen_key(void);

/* Before and after somebody else has the terminal. */
void screen_suspend(void);
void screen_resume(void);

/* Draw everything next time, whatever is thought to be there. */
void screen_repaint(void);

/* ---- the two kinds, for screen.c ---- */

struct screen_kind {
	int (*open)(bool ascii);
	void (*close)(void);
	void (*draw)(const struct canvas *canvas);
	int (*key)(void);
	void (*suspend)(void);
	void (*resume)(void);
	void (*repaint)(void);
};

extern const struct screen_kind screen_curses, screen_plain;

#endif
