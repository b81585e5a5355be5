// SPDX-License-Identifier: GPL-2.0-only
#include "canvas.h"

#include <math.h>
#include <stdarg.h>

#include "text.h"

int canvas_resize(struct canvas *canvas, int rows, int cols)
{
	struct cell *cells;

	rows = rows < 1 ? 1 : rows > CANVAS_MAX_ROWS ? CANVAS_MAX_ROWS : rows;
	cols = cols < 1 ? 1 : cols > CANVAS_MAX_COLS ? CANVAS_MAX_COLS : cols;
	if (!canvas->cells || rows != canvas->rows || cols != canvas->cols) {
		cells = calloc((size_t)rows * cols, sizeof(*cells));
		if (!cells)
			return -ENOMEM;
		free(canvas->cells);
		canvas->cells = cells;
		canvas->rows = rows;
		canvas->cols = cols;
	}
	canvas_clear(canvas);
	return 0;
}

void canvas_deinit(struct canvas *canvas)
{
	free(canvas->cells);
	canvas->cells = NULL;
	canvas->rows = canvas->cols = 0;
}

void canvas_clear(struct canvas *canvas)
{
	for (int i = 0; i < canvas->rows * canvas->cols; i++)
		canvas->cells[i] = (struct cell){ .ch = ' ', .style = STYLE_PLAIN };
}

/* Halves of wide characters do not stay behind alone. */
static void put(struct canvas *canvas, int row, int col, int width, enum style style, wchar_t ch)
{
	struct cell *line;

	if (row < 0 || row >= canvas->rows || col < 0 || col + width > canvas->cols)
		return;
	line = canvas->cells + row * canvas->cols;
	if (!line[col].ch && col)
		line[col - 1].ch = ' ';
	if (col + width < canvas->cols && !line[col + width].ch)
		line[col + width].ch = ' ';
	line[col] = (struct cell){ .ch = ch, .style = style };
	if (width == 2)
		line[col + 1] = (struct cell){ .ch = 0, .style = style };
}

static void put_narrow(struct canvas *canvas, int row, int col, enum style style, wchar_t ch)
{
	put(canvas, row, col, 1, style, canvas->ascii ? text_ascii(ch) : ch);
}

/* Columns of the next character on this canvas. */
static int next_char(const struct canvas *canvas, const char **text, wchar_t *ch)
{
	int width = text_next(text, ch);

	if (!width || !canvas->ascii)
		return width;
	*ch = text_ascii(*ch);
	return 1;
}

int canvas_text(struct canvas *canvas, int row, int col, int width, enum style style, const char *text)
{
	int used = 0, last = 0, columns;
	wchar_t ch;

	if (width > canvas->cols - col)
		width = canvas->cols - col;
	if (width <= 0)
		return 0;
	while ((columns = next_char(canvas, &text, &ch))) {
		if (used + columns > width) {
			/* Of the last column, or of the last character if that is a wide one, make the sign that there is more. */
			if (used == width)
				used -= last;
			put_narrow(canvas, row, col + used, style, L'…');
			return used + 1;
		}
		put(canvas, row, col + used, columns, style, ch);
		used += columns;
		last = columns;
	}
	return used;
}

void canvas_text_right(struct canvas *canvas, int row, int col, int width, enum style style, const char *text)
{
	int columns = 0, one;
	const char *p = text;
	wchar_t ch;

	while ((one = next_char(canvas, &p, &ch)) && columns < width)
		columns += one;
	if (columns > width)
		columns = width;
	canvas_text(canvas, row, col + width - columns, columns, style, text);
}

int canvas_printf(struct canvas *canvas, int row, int col, enum style style, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	return col + canvas_text(canvas, row, col, canvas->cols - col, style, text);
}

void canvas_fill(struct canvas *canvas, int row, int col, int width, enum style style, wchar_t ch)
{
	for (int i = 0; i < width && col + i < canvas->cols; i++)
		put_narrow(canvas, row, col + i, style, ch);
}

void canvas_bar(struct canvas *canvas, int row, int col, int width, enum style style, double share)
{
	static const wchar_t eighths[] = L" ▏▎▍▌▋▊▉";
	int full, steps;

	if (!(share > 0) || width <= 0)
		return;
	if (share > 1)
		share = 1;
	steps = (int)lround(share * width * 8);
	if (!steps)
		steps = 1;
	full = steps / 8;
	if (canvas->ascii) {
		full = (steps + 4) / 8;
		canvas_fill(canvas, row, col, full ? full : 1, style, L'█');
		return;
	}
	canvas_fill(canvas, row, col, full, style, L'█');
	if (steps % 8)
		put_narrow(canvas, row, col + full, style, eighths[steps % 8]);
}

wchar_t canvas_level(double share)
{
	static const wchar_t levels[] = L"▁▂▃▄▅▆▇█";
	int level;

	if (!(share > 0))
		return ' ';
	level = share >= 1 ? 7 : (int)(share * 8);
	return levels[level];
}

void canvas_spark(struct canvas *canvas, int row, int col, int width, enum style style, const struct series *series,
		  double max)
{
	if (width <= 0)
		return;
	if (!(max > 0))
		max = series_max(series, width);
	for (int i = 0; i < width; i++) {
		double value = series_at(series, width - 1 - i);

		if (isnan(value))
			continue;
		/* Known to be nothing is something else than not known. */
		if (value <= 0 || max <= 0)
			put_narrow(canvas, row, col + i, STYLE_DIM, L'·');
		else
			put_narrow(canvas, row, col + i, style, canvas_level(value / max));
	}
}

void canvas_copy_rows(struct canvas *canvas, int row, const struct canvas *from, int from_row, int nr)
{
	if (from->cols != canvas->cols)
		return;
	for (int i = 0; i < nr; i++) {
		if (row + i < 0 || row + i >= canvas->rows || from_row + i < 0 || from_row + i >= from->rows)
			continue;
		memcpy(canvas->cells + (row + i) * canvas->cols, from->cells + (from_row + i) * from->cols,
		       canvas->cols * sizeof(*canvas->cells));
	}
}

static void print_char(wchar_t ch, FILE *out)
{
	if (ch < 0x80) {
		fputc((int)ch, out);
	} else if (ch < 0x800) {
		fputc((int)(0xc0 | ch >> 6), out);
		fputc((int)(0x80 | (ch & 0x3f)), out);
	} else if (ch < 0x10000) {
		fputc((int)(0xe0 | ch >> 12), out);
		fputc((int)(0x80 | (ch >> 6 & 0x3f)), out);
		fputc((int)(0x80 | (ch & 0x3f)), out);
	} else {
		fputc((int)(0xf0 | ch >> 18), out);
		fputc((int)(0x80 | (ch >> 12 & 0x3f)), out);
		fputc((int)(0x80 | (ch >> 6 & 0x3f)), out);
		fputc((int)(0x80 | (ch & 0x3f)), out);
	}
}

void canvas_print(const struct canvas *canvas, int row, int nr, FILE *out)
{
	for (; nr > 0 && row < canvas->rows; nr--, row++) {
		int end = canvas->cols;

		while (end && canvas_cell(canvas, row, end - 1)->ch == ' ')
			end--;
		for (int col = 0; col < end; col++) {
			wchar_t ch = canvas_cell(canvas, row, col)->ch;

			if (ch)
				print_char(ch, out);
		}
		fputc('\n', out);
	}
}
