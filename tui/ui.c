// SPDX-License-Identifier: GPL-2.0-only
#include "ui.h"

void ui_init(struct ui *ui)
{
	*ui = (struct ui){ .follow = true, .page_rows = 1 };
}

const char *ui_tab_name(enum tab tab)
{
	static const char *const names[NR_TABS] = {
		[TAB_OVERVIEW] = "Overview", [TAB_CHAINS] = "Chains", [TAB_THREADS] = "Threads",
		[TAB_INPUT] = "Input",	     [TAB_EVENTS] = "Events", [TAB_HELP] = "Help",
	};

	return names[tab];
}

static enum ui_action show(struct ui *ui, enum tab tab)
{
	ui->tab = tab;
	return UI_REDRAW;
}

static enum ui_action scroll(struct ui *ui, int by)
{
	/* Far beyond any list, and far from an overflow: clamped when it is drawn. */
	const int limit = 1 << 20;
	int to = ui->scroll[ui->tab] + by;

	ui->scroll[ui->tab] = to < 0 ? 0 : to > limit ? limit : to;
	if (ui->tab == TAB_EVENTS)
		ui->follow = false;
	return UI_REDRAW;
}

enum ui_action ui_handle_key(struct ui *ui, int key)
{
	int page = ui->page_rows > 1 ? ui->page_rows - 1 : 1;

	switch (key) {
	case '1' ... '6':
		return show(ui, TAB_OVERVIEW + (key - '1'));
	case '\t':
	case UI_KEY_RIGHT:
		return show(ui, (ui->tab + 1) % NR_TABS);
	case UI_KEY_BACKTAB:
	case UI_KEY_LEFT:
		return show(ui, (ui->tab + NR_TABS - 1) % NR_TABS);
	case 'h':
	case '?':
		return show(ui, TAB_HELP);
	case UI_KEY_UP:
	case 'k':
		return scroll(ui, -1);
	case UI_KEY_DOWN:
	case 'j':
		return scroll(ui, 1);
	case UI_KEY_PAGE_UP:
		return scroll(ui, -page);
	case UI_KEY_PAGE_DOWN:
	case ' ':
		return scroll(ui, page);
	case UI_KEY_HOME:
	case 'g':
		return scroll(ui, -ui->scroll[ui->tab]);
	case UI_KEY_END:
	case 'G':
		scroll(ui, 1 << 20);
		ui->follow |= ui->tab == TAB_EVENTS;
		return UI_REDRAW;
	case 'p':
		ui->paused = !ui->paused;
		return UI_PAUSE;
	case 'r':
		return UI_RESET;
	case 's':
		ui->sort = (ui->sort + 1) % NR_SORTS;
		return UI_REDRAW;
	case 'L' - '@':	/* Ctrl-L: something else has written on this terminal */
		return UI_REPAINT;
	case 'q':
	case 'Q':
		return UI_QUIT;
	default:
		return UI_IGNORE;
	}
}

int ui_clamp_scroll(struct ui *ui, int nr_rows, int page_rows)
{
	int last = nr_rows > page_rows ? nr_rows - page_rows : 0;
	int *first = &ui->scroll[ui->tab];

	ui->page_rows = page_rows;
	if (*first >= last && ui->tab == TAB_EVENTS)
		ui->follow = true;
	if (*first > last || (ui->tab == TAB_EVENTS && ui->follow))
		*first = last;
	return *first;
}
