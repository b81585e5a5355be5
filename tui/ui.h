/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ui - what the user has chosen to see, and what keys do to that
 */
#ifndef ARCADE_TUI_UI_H
#define ARCADE_TUI_UI_H

#include <stdbool.h>

#include "model.h"

enum tab { TAB_OVERVIEW, TAB_CHAINS, TAB_THREADS, TAB_INPUT, TAB_EVENTS, TAB_HELP, NR_TABS };

/* Keys that are no character. */
enum ui_key {
	UI_KEY_NONE = 0,
	UI_KEY_UP = 0x110000,	/* behind the last character */
	UI_KEY_DOWN,
	UI_KEY_LEFT,
	UI_KEY_RIGHT,
	UI_KEY_PAGE_UP,
	UI_KEY_PAGE_DOWN,
	UI_KEY_HOME,
	UI_KEY_END,
	UI_KEY_BACKTAB,
	UI_KEY_OTHER,		/* none of ours */
};

enum ui_action { UI_IGNORE, UI_REDRAW, UI_REPAINT, UI_RESET, UI_PAUSE, UI_QUIT };

struct ui {
	enum tab tab;
	enum sort sort;
	bool paused;
	bool follow;		/* the end of the events */
	int scroll[NR_TABS];	/* first row shown of those that scroll */
	int page_rows;		/* rows shown, set when drawn */
};

void ui_init(struct ui *ui);

/* @key: a character or one of enum ui_key. What only the caller can do is returned; ui->paused is turned here. */
enum ui_action ui_handle_key(struct ui *ui, int key);

/* Keep the shown rows within @nr_rows rows, of which @page_rows fit. Return: the first to show. */
int ui_clamp_scroll(struct ui *ui, int nr_rows, int page_rows);

const char *ui_tab_name(enum tab tab);

#endif
