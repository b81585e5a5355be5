// SPDX-License-Identifier: GPL-2.0-only
/* Around every page: who runs and for whom, the tabs, what is wrong, and the keys. */
#include "view.h"

#include <inttypes.h>

#include "format.h"
#include "text.h"

/* Rows above and below a page. */
#define HEAD_ROWS 3
#define FOOT_ROWS 1

static const view_fn views[NR_TABS] = {
	[TAB_OVERVIEW] = view_overview, [TAB_CHAINS] = view_chains, [TAB_THREADS] = view_threads,
	[TAB_INPUT] = view_input,	[TAB_EVENTS] = view_events, [TAB_HELP] = view_help,
};

static void draw_too_small(struct canvas *canvas)
{
	canvas_printf(canvas, 0, 0, STYLE_STRONG, "%dx%d: too small", canvas->cols, canvas->rows);
	canvas_printf(canvas, 1, 0, STYLE_PLAIN, "needs %dx%d", VIEW_MIN_COLS, VIEW_MIN_ROWS);
}

static void describe_game(const struct top_facts *top, char *buf, size_t size)
{
	if (!top->game_pid)
		snprintf(buf, size, "no game");
	else
		snprintf(buf, size, "game: %s (%" PRIu64 ")%s", *top->game_name ? top->game_name : "?", top->game_pid,
			 top->game_in_front ? "" : ", not in front");
}

static void draw_head(struct canvas *canvas, const struct model *model)
{
	const struct top_facts *top = &model->now.top;
	char figure[FORMAT_SIZE], text[192];
	int col, right;

	canvas_fill(canvas, 0, 0, canvas->cols, STYLE_HEAD, ' ');
	if (!model->valid) {
		canvas_printf(canvas, 0, 1, STYLE_HEAD, "arcadetop %s", ARCADE_VERSION);
		return;
	}
	col = canvas_printf(canvas, 0, 1, STYLE_HEAD, "scx_arcade %s", top->version);
	if (*top->mode)
		col = canvas_printf(canvas, 0, col + 3, STYLE_HEAD, "mode %s", top->mode);
	snprintf(text, sizeof(text), "up %s", format_duration(figure, top->uptime_ns));
	right = canvas->cols - text_width(text) - 1;
	canvas_text(canvas, 0, right, canvas->cols, STYLE_HEAD, text);
	describe_game(top, text, sizeof(text));
	canvas_text(canvas, 0, col + 3, right - col - 5, STYLE_HEAD, text);

	snprintf(text, sizeof(text), "figures since %s%s", model->base.time_ns ? "reset: " : "start: ",
		 format_duration(figure, model_span_ns(model)));
	right = canvas->cols - text_width(text) - 1;
	canvas_text(canvas, 1, right, canvas->cols, model->base.time_ns ? STYLE_STRONG : STYLE_DIM, text);
	col = 1 + canvas_text(canvas, 1, 1, right - 3, STYLE_DIM, top->kernel);
	snprintf(text, sizeof(text), "%s%" PRIu64 " CPU%s", *top->kernel ? " · " : "", top->nr_cpus, top->nr_cpus == 1 ? "" : "s");
	if (top->nr_cpus)
		col += canvas_text(canvas, 1, col, right - col - 2, STYLE_DIM, text);
	if (*top->state)
		col += canvas_text(canvas, 1, col, right - col - 2, STYLE_DIM, " · ");
	canvas_text(canvas, 1, col, right - col - 2, streq(top->state, "scheduling") ? STYLE_GOOD : STYLE_WARN, top->state);
}

static void draw_tabs(struct canvas *canvas, const struct ui *ui, int row)
{
	/* Names where there is room for them, else numbers. */
	bool narrow = canvas->cols < 74;
	int col = 1;

	for (enum tab tab = 0; tab < NR_TABS; tab++) {
		enum style style = tab == ui->tab ? STYLE_TAB_ON : STYLE_TAB;
		char text[32];

		if (narrow && tab != ui->tab)
			snprintf(text, sizeof(text), " %d ", tab + 1);
		else if (tab == ui->tab)
			/* Seen without colour, too. */
			snprintf(text, sizeof(text), "[%d %s]", tab + 1, ui_tab_name(tab));
		else
			snprintf(text, sizeof(text), " %d %s ", tab + 1, ui_tab_name(tab));
		col += canvas_text(canvas, row, col, canvas->cols - col, style, text);
	}
}

static void draw_foot(struct canvas *canvas, const struct feed_facts *feed, const struct ui *ui, int first, int nr_rows,
		      int page_rows)
{
	int row = canvas->rows - 1, right;
	char text[64] = "";

	canvas_fill(canvas, row, 0, canvas->cols, STYLE_TAB, ' ');
	if (nr_rows > page_rows)
		snprintf(text, sizeof(text), "%d-%d of %d  ", first + 1,
			 first + page_rows < nr_rows ? first + page_rows : nr_rows, nr_rows);
	strncat(text, ui->paused ? "PAUSED" : feed->state == FEED_LIVE ? "● live" : "○ waiting", sizeof(text) - strlen(text) - 1);
	right = canvas->cols - text_width(text) - 1;
	canvas_text(canvas, row, 1, right - 2, STYLE_TAB,
		    canvas->cols < 74 ? "q quit  h help" : "1-6 page  arrows move  p pause  r reset  s sort  q quit");
	canvas_text(canvas, row, right, canvas->cols - right, ui->paused ? STYLE_STRONG : STYLE_TAB, text);
}

/* A page is drawn on a canvas of its own height, which grows when the page turns out longer. */
static int draw_page(struct page *page, const struct canvas *canvas, const struct model *model, const struct feed_facts *feed,
		     const struct ui *ui, uint64_t now_ns)
{
	int err, rows = page->canvas.rows > page->visible_rows ? page->canvas.rows : page->visible_rows;

	page->canvas.ascii = canvas->ascii;
	for (;;) {
		err = canvas_resize(&page->canvas, rows, canvas->cols);
		if (err)
			return err;
		page->nr_rows = page->nr_fixed = 0;
		if (!model->valid && ui->tab != TAB_HELP)
			view_waiting(page, feed, now_ns);
		else
			views[ui->tab](page, model, ui);
		if (page->nr_rows <= page->canvas.rows || page->canvas.rows >= CANVAS_MAX_ROWS)
			break;
		rows = page->nr_rows;
	}
	if (page->nr_rows > page->canvas.rows)
		page->nr_rows = page->canvas.rows;
	return 0;
}

int frame_draw(struct canvas *canvas, struct page *page, const struct model *model, const struct feed_facts *feed,
	       struct ui *ui, uint64_t now_ns)
{
	bool banner = model->valid && feed->state != FEED_LIVE;
	int top = HEAD_ROWS + banner, room, scrolled, first, err;
	char figure[FORMAT_SIZE];

	canvas_clear(canvas);
	if (canvas->rows < VIEW_MIN_ROWS || canvas->cols < VIEW_MIN_COLS) {
		draw_too_small(canvas);
		return 0;
	}
	page->visible_rows = canvas->rows - top - FOOT_ROWS;
	err = draw_page(page, canvas, model, feed, ui, now_ns);
	if (err)
		return err;
	draw_head(canvas, model);
	draw_tabs(canvas, ui, 2);
	if (banner) {
		canvas_fill(canvas, 3, 0, canvas->cols, STYLE_BANNER, ' ');
		canvas_printf(canvas, 3, 1, STYLE_BANNER, "%s, for %s. The figures are old.", view_feed_words(feed),
			      format_duration(figure, now_ns > feed->since_ns ? now_ns - feed->since_ns : 0));
	}
	room = page->visible_rows - page->nr_fixed;
	scrolled = page->nr_rows - page->nr_fixed;
	first = ui_clamp_scroll(ui, scrolled, room > 0 ? room : 1);
	canvas_copy_rows(canvas, top, &page->canvas, 0, page->nr_fixed);
	canvas_copy_rows(canvas, top + page->nr_fixed, &page->canvas, page->nr_fixed + first,
			 scrolled - first < room ? scrolled - first : room);
	draw_foot(canvas, feed, ui, first, scrolled, room);
	return 0;
}
