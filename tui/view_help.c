// SPDX-License-Identifier: GPL-2.0-only
/* Keys, words, colours; what works on this kernel; what is set. */
#include "view.h"

struct line {
	const char *left;
	const char *right;
};

static const struct line keys[] = {
	{ "1 to 6, Tab, ← →", "another page; h and ? come here" },
	{ "↑ ↓ PgUp PgDn Home End", "move within the page; also k j, space, g G" },
	{ "p", "pause: the figures stand still; p again goes on" },
	{ "r", "reset: totals and distributions count from now, here only" },
	{ "s", "threads: sort by another column" },
	{ "Ctrl-L", "draw the screen anew" },
	{ "q, Ctrl-C", "leave; the scheduler goes on" },
};

static const struct line words[] = {
	{ "p50, p99", "half of all, and 99 of 100, took no longer than this" },
	{ "≤", "times are counted by powers of two: what is shown is the upper end" },
	{ "packet", "what a device sends at once: a movement, a key; which key is never read" },
	{ "chain, hop", "who is woken by your input is hop 1, whom that one wakes hop 2, and so on" },
	{ "submit", "work is given to the GPU: the game has drawn its picture" },
	{ "flip", "a picture is given to the screen" },
	{ "preemption", "a busy CPU is taken from a program that can wait" },
	{ "class chain", "runs before all others, while what you did is on its way" },
	{ "class frame", "of the game, and found in such chains again and again" },
	{ "class game", "another thread of the game" },
	{ "class background", "compilers, updaters and the like, while a game is in front" },
	{ "wait", "from ready to running: what the scheduler is answerable for" },
	{ "in chains", "how many of a thread's last activations were as part of a chain" },
	{ "ring, lost", "records of input on their way to the daemon; lost ones are not waited for" },
};

static const struct {
	enum style style;
	const char *left;
	const char *right;
} colours[] = {
	{ STYLE_GOOD, "green", "up to 4 ms: a frame at 240 Hz" },
	{ STYLE_WARN, "yellow", "up to 16 ms: a frame at 60 Hz; or worth a look" },
	{ STYLE_BAD, "red", "more, or lost" },
	{ STYLE_BAR, "blue", "what is going on now" },
};

static int draw_lines(struct page *page, int row, const struct line *lines, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		canvas_text(&page->canvas, row, 3, 23, STYLE_STRONG, lines[i].left);
		row = view_paragraph(page, row, 27, STYLE_PLAIN, lines[i].right);
	}
	return row + 1;
}

static int draw_options(struct page *page, const struct model *model, int row)
{
	struct canvas *canvas = &page->canvas;
	int width = canvas->cols;

	row = view_title(page, row, "Options",
			 "value, where it is from; scx_arcade ctl set NAME VALUE changes it");
	for (uint32_t i = 0; i < model->now.nr_options; i++) {
		const struct option_facts *option = &model->now.options[i];
		bool changed = !streq(option->value, option->default_value);
		int col;

		canvas_text(canvas, row, 3, 23, STYLE_PLAIN, option->name);
		col = canvas_printf(canvas, row, 27, changed ? STYLE_STRONG : STYLE_PLAIN, "%s",
				    *option->value ? option->value : "-");
		if (*option->value)
			col = canvas_printf(canvas, row, col + 1, STYLE_DIM, "%s", option->unit);
		col = canvas_printf(canvas, row, col < 40 ? 40 : col + 2, STYLE_DIM, "%s%s", option->source,
				    !option->live ? ", at start" : option->restarts ? " (restarts)" : "");
		if (width >= 110)
			canvas_text(canvas, row, col < 72 ? 72 : col + 2, width - 73, STYLE_DIM, option->help);
		row++;
	}
	if (*model->now.modes)
		row = view_paragraph(page, row, 3, STYLE_DIM, model->now.modes);
	return row + 1;
}

void view_help(struct page *page, const struct model *model, const struct ui *ui)
{
	int row = view_title(page, 0, "Keys", "");

	row = draw_lines(page, row, keys, ARRAY_SIZE(keys));
	row = view_title(page, row, "Colours", "");
	for (size_t i = 0; i < ARRAY_SIZE(colours); i++) {
		canvas_text(&page->canvas, row, 3, 23, colours[i].style, colours[i].left);
		row = view_paragraph(page, row, 27, STYLE_PLAIN, colours[i].right);
	}
	row = view_title(page, row + 1, "Words", "");
	row = draw_lines(page, row, words, ARRAY_SIZE(words));
	if (model->now.nr_report) {
		row = view_title(page, row, "What works on this kernel", model->now.top.kernel);
		for (uint32_t i = 0; i < model->now.nr_report; i++)
			row = view_paragraph(page, row, 3, STYLE_PLAIN, model->now.report[i]);
		row++;
	}
	if (model->now.nr_options)
		row = draw_options(page, model, row);
	page->nr_rows = row - 1;
}
