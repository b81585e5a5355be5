/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * view - draws a model: the frame around everything, and one page per tab
 *
 * A page is as long as it needs to be; the frame shows what fits of it, from
 * where the user has scrolled to. Its first rows may be headings that stay.
 */
#ifndef ARCADE_TUI_VIEW_H
#define ARCADE_TUI_VIEW_H

#include "canvas.h"
#include "feed.h"
#include "model.h"
#include "ui.h"

/* Below this there is nothing but a word about it. */
#define VIEW_MIN_ROWS 8
#define VIEW_MIN_COLS 40

struct page {
	struct canvas canvas;	/* as wide as the screen, CANVAS_MAX_ROWS high at most */
	int nr_rows;		/* drawn */
	int nr_fixed;		/* of these, headings */
	int visible_rows;	/* how many the frame has room for: a view may be more generous with blank lines */
};

typedef void (*view_fn)(struct page *page, const struct model *model, const struct ui *ui);

void view_overview(struct page *page, const struct model *model, const struct ui *ui);
void view_chains(struct page *page, const struct model *model, const struct ui *ui);
void view_threads(struct page *page, const struct model *model, const struct ui *ui);
void view_input(struct page *page, const struct model *model, const struct ui *ui);
void view_events(struct page *page, const struct model *model, const struct ui *ui);
void view_help(struct page *page, const struct model *model, const struct ui *ui);

/* What is wrong with the connection and what to do about it, on a whole page. */
void view_waiting(struct page *page, const struct feed_facts *feed, uint64_t now_ns);

/* The same in one line. */
const char *view_feed_words(const struct feed_facts *feed);

/* … and for whoever does not wait. */
const char *view_feed_error(const struct feed_facts *feed);

/* The whole screen: @canvas has its size. @page is room to draw in, grown as needed. Return: 0, -ENOMEM. */
int frame_draw(struct canvas *canvas, struct page *page, const struct model *model, const struct feed_facts *feed,
	       struct ui *ui, uint64_t now_ns);

/* ---- what the views share ---- */

/* A title, and what belongs beside it. Return: the next row. */
int view_title(struct page *page, int row, const char *title, const char *beside);

/* A sparkline from @col to the right edge. */
void view_spark(struct page *page, int row, int col, enum style style, const struct series *series, double max);

/* Figures in one column, right-aligned. */
void view_rate(struct page *page, int row, int col, enum style style, double rate);
void view_count(struct page *page, int row, int col, enum style style, uint64_t count);
void view_us(struct page *page, int row, int col, enum style style, uint64_t us);

/* A quantile is the upper end of a power of two: it says "at most". Blank of an empty histogram. */
void view_quantile(struct page *page, int row, int col, enum style style, const struct hist *hist, uint32_t permille);

/* Text over several lines, broken at blanks. Return: the next row. */
int view_paragraph(struct page *page, int row, int col, enum style style, const char *text);

#define VIEW_FIGURE_COLS 9

#endif
