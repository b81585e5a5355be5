// SPDX-License-Identifier: GPL-2.0-only
/* The terminal through ncurses. */
#include "screen.h"

#include <locale.h>
#include <termios.h>
#include <unistd.h>

/* Last: it defines words like "border". */
#include <curses.h>

static SCREEN *curses;
static attr_t attributes[NR_STYLES];
static short pairs[NR_STYLES];

/* Colours of 256 where there are so many, else of 8; and what stands for them where there are none. */
static const struct look {
	short rich, plain;	/* foreground, -1: the terminal's own */
	attr_t always;		/* with colours */
	attr_t mono;		/* without */
} looks[NR_STYLES] = {
	[STYLE_PLAIN] = { -1, -1, 0, 0 },
	[STYLE_DIM] = { 245, -1, 0, 0 },
	[STYLE_STRONG] = { -1, -1, A_BOLD, A_BOLD },
	[STYLE_TITLE] = { 110, COLOR_CYAN, A_BOLD, A_BOLD },
	[STYLE_BAR] = { 74, COLOR_CYAN, 0, 0 },
	[STYLE_BAR_TAIL] = { 66, COLOR_BLUE, 0, 0 },
	[STYLE_GOOD] = { 108, COLOR_GREEN, 0, 0 },
	[STYLE_WARN] = { 179, COLOR_YELLOW, 0, A_BOLD },
	[STYLE_BAD] = { 167, COLOR_RED, A_BOLD, A_BOLD | A_UNDERLINE },
	[STYLE_HEAD] = { -1, -1, A_REVERSE, A_REVERSE },
	[STYLE_TAB] = { 245, -1, 0, 0 },
	[STYLE_TAB_ON] = { 110, COLOR_CYAN, A_BOLD | A_REVERSE, A_REVERSE },
	[STYLE_BANNER] = { 179, COLOR_YELLOW, A_REVERSE, A_REVERSE | A_BOLD },
};

/* https://no-color.org: any value but the empty one. */
static bool wants_colours(void)
{
	const char *no = getenv("NO_COLOR");

	return (!no || !*no) && has_colors();
}

static void choose_looks(void)
{
	bool coloured = wants_colours() && start_color() == OK && use_default_colors() == OK;

	for (int i = 0; i < NR_STYLES; i++) {
		short colour = COLORS >= 256 ? looks[i].rich : looks[i].plain;

		attributes[i] = coloured ? looks[i].always : looks[i].mono;
		pairs[i] = 0;
		if (coloured && colour >= 0 && init_pair((short)(i + 1), colour, -1) == OK)
			pairs[i] = (short)(i + 1);
	}
}

static int open_curses(bool ascii)
{
	struct termios modes;

	/* A lone Escape is no key of ours, but keys begin with one. */
	set_escdelay(25);
	curses = newterm(NULL, stdout, stdin);
	if (!curses)
		return -EIO;
	cbreak();
	noecho();
	nonl();
	/* Ctrl-S would make every write sleep. */
	if (!tcgetattr(STDOUT_FILENO, &modes)) {
		modes.c_iflag &= ~(tcflag_t)IXON;
		tcsetattr(STDOUT_FILENO, TCSANOW, &modes);
		def_prog_mode();
	}
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	curs_set(0);
	choose_looks();
	return 0;
}

static void close_curses(void)
{
	endwin();
	delscreen(curses);
	curses = NULL;
}

static void draw_cell(const struct cell *cell, int row, int col)
{
	wchar_t text[2] = { cell->ch, 0 };
	cchar_t ch;

	setcchar(&ch, text, attributes[cell->style], pairs[cell->style], NULL);
	mvadd_wch(row, col, &ch);
}

static void draw_curses(const struct canvas *canvas)
{
	if (canvas->rows != LINES || canvas->cols != COLS)
		resizeterm(canvas->rows, canvas->cols);
	erase();
	for (int row = 0; row < canvas->rows; row++) {
		for (int col = 0; col < canvas->cols; col++) {
			const struct cell *cell = canvas_cell(canvas, row, col);

			if (cell->ch && (cell->ch != ' ' || cell->style != STYLE_PLAIN))
				draw_cell(cell, row, col);
		}
	}
	refresh();
}

static int key_curses(void)
{
	static const struct {
		int curses;
		int key;
	} keys[] = {
		{ KEY_UP, UI_KEY_UP },	     { KEY_DOWN, UI_KEY_DOWN },	      { KEY_LEFT, UI_KEY_LEFT }, { KEY_RIGHT, UI_KEY_RIGHT },
		{ KEY_PPAGE, UI_KEY_PAGE_UP }, { KEY_NPAGE, UI_KEY_PAGE_DOWN }, { KEY_HOME, UI_KEY_HOME }, { KEY_END, UI_KEY_END },
		{ KEY_BTAB, UI_KEY_BACKTAB },
	};
	int ch = getch();

	if (ch == ERR)
		return UI_KEY_NONE;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].curses == ch)
			return keys[i].key;
	/* Of others ncurses knows many; to us they are all one. */
	return ch > 0 && ch < 0x80 ? ch : UI_KEY_OTHER;
}

static void suspend_curses(void)
{
	def_prog_mode();
	endwin();
}

static void resume_curses(void)
{
	reset_prog_mode();
	clearok(stdscr, TRUE);
	refresh();
}

static void repaint_curses(void)
{
	clearok(stdscr, TRUE);
}

const struct screen_kind screen_curses = {
	.open = open_curses,
	.close = close_curses,
	.draw = draw_curses,
	.key = key_curses,
	.suspend = suspend_curses,
	.resume = resume_curses,
	.repaint = repaint_curses,
};
