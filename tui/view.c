// SPDX-License-Identifier: GPL-2.0-only
#include "view.h"

#include <math.h>

#include "format.h"
#include "text.h"

#define SPARK_MAX_COLS 90

int view_title(struct page *page, int row, const char *title, const char *beside)
{
	struct canvas *canvas = &page->canvas;
	int col = 1 + canvas_text(canvas, row, 1, canvas->cols, STYLE_TITLE, title);

	canvas_text(canvas, row, col + 2, canvas->cols - col - 3, STYLE_DIM, beside);
	return row + 1;
}

void view_spark(struct page *page, int row, int col, enum style style, const struct series *series, double max)
{
	int width = page->canvas.cols - col - 1;

	/* Farther from the figures the eye does not see that they belong together. */
	if (width > SPARK_MAX_COLS)
		width = SPARK_MAX_COLS;
	canvas_spark(&page->canvas, row, col, width, style, series, max);
}

void view_rate(struct page *page, int row, int col, enum style style, double rate)
{
	char buf[FORMAT_SIZE];

	canvas_text_right(&page->canvas, row, col, VIEW_FIGURE_COLS, isnan(rate) ? STYLE_DIM : style, format_rate(buf, rate));
}

void view_count(struct page *page, int row, int col, enum style style, uint64_t count)
{
	char buf[FORMAT_SIZE];

	canvas_text_right(&page->canvas, row, col, VIEW_FIGURE_COLS, style, format_count(buf, count));
}

void view_us(struct page *page, int row, int col, enum style style, uint64_t us)
{
	char buf[FORMAT_SIZE];

	canvas_text_right(&page->canvas, row, col, VIEW_FIGURE_COLS, style, format_us(buf, us));
}

void view_quantile(struct page *page, int row, int col, enum style style, const struct hist *hist, uint32_t permille)
{
	uint64_t us = hist_quantile_us(hist, permille);
	char figure[FORMAT_SIZE], text[2 * FORMAT_SIZE];

	if (us)
		snprintf(text, sizeof(text), "≤%s", format_us(figure, us));
	canvas_text_right(&page->canvas, row, col, VIEW_FIGURE_COLS, us ? style : STYLE_DIM, us ? text : "-");
}

int view_paragraph(struct page *page, int row, int col, enum style style, const char *text)
{
	int width = page->canvas.cols - col - 1;

	if (width < 1)
		return row;
	while (*text) {
		const char *p = text, *end = NULL, *rest = NULL;
		char line[1024];
		int used = 0, columns;
		wchar_t ch;

		/* As many whole words as fit; a word that is longer than a line is broken. */
		for (;;) {
			const char *before = p;

			columns = text_next(&p, &ch);
			if (!columns) {
				end = rest = before;
				break;
			}
			if (ch == ' ') {
				end = before;
				rest = p;
			}
			used += columns;
			if (used > width || p - text >= (ptrdiff_t)sizeof(line) - 4) {
				if (!end || end == text)
					end = rest = before == text ? p : before;
				break;
			}
		}
		snprintf(line, sizeof(line), "%.*s", (int)(end - text), text);
		canvas_text(&page->canvas, row++, col, width, style, line);
		text = rest;
	}
	return row;
}
