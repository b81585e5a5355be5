/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * canvas - a picture made of characters, before any terminal sees it
 *
 * Views draw here, so they can be tested without a terminal, scrolled by
 * copying, and printed as plain text. Drawing beyond the edges is legal and
 * draws nothing; text passes through text_next(), so whatever a name holds, a
 * cell holds a harmless character.
 */
#ifndef ARCADE_TUI_CANVAS_H
#define ARCADE_TUI_CANVAS_H

#include <stdbool.h>
#include <stdio.h>
#include <wchar.h>

#include "series.h"
#include "util.h"

/* What a piece of text means; the screen decides what that looks like. */
enum style {
	STYLE_PLAIN,
	STYLE_DIM,	/* units, headings, what is beside the point */
	STYLE_STRONG,	/* the figures to look at */
	STYLE_TITLE,	/* of a part of a view */
	STYLE_BAR,	/* the typical case, and what is going on */
	STYLE_BAR_TAIL,	/* the slow rest */
	STYLE_GOOD,
	STYLE_WARN,
	STYLE_BAD,
	STYLE_HEAD,	/* the line on top */
	STYLE_TAB,
	STYLE_TAB_ON,	/* the tab that is shown */
	STYLE_BANNER,	/* something is wrong with the connection */
	NR_STYLES,
};

struct cell {
	wchar_t ch;	/* 0: the right half of a wide character */
	enum style style;
};

#define CANVAS_MAX_ROWS 1000
#define CANVAS_MAX_COLS 1000

struct canvas {
	int rows, cols;
	bool ascii;		/* draw with ASCII only */
	struct cell *cells;	/* owned */
};

/* Blank, of that size within the limits above. Return: 0, -ENOMEM with the canvas as it was. */
int canvas_resize(struct canvas *canvas, int rows, int cols);
void canvas_deinit(struct canvas *canvas);
void canvas_clear(struct canvas *canvas);

static inline const struct cell *canvas_cell(const struct canvas *canvas, int row, int col)
{
	return &canvas->cells[row * canvas->cols + col];
}

/* Text in at most @width columns; if it is cut its last column says so. Return: columns used. */
int canvas_text(struct canvas *canvas, int row, int col, int width, enum style style, const char *text);

/* The same, its end at column @col + @width. */
void canvas_text_right(struct canvas *canvas, int row, int col, int width, enum style style, const char *text);

/* As many columns as there are. Return: the column behind the text. */
int canvas_printf(struct canvas *canvas, int row, int col, enum style style, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

/* One character over and over. */
void canvas_fill(struct canvas *canvas, int row, int col, int width, enum style style, wchar_t ch);

/* @share of 1 of @width columns; an eighth of a column is the finest step where there is more than ASCII. */
void canvas_bar(struct canvas *canvas, int row, int col, int width, enum style style, double share);

/* The newest @width values, the newest to the right; @max is the full height, 0: that of the largest. */
void canvas_spark(struct canvas *canvas, int row, int col, int width, enum style style, const struct series *series,
		  double max);

/* A column of a graph, @share of 1 of the height of a line: nothing at 0, something above. */
wchar_t canvas_level(double share);

/* Copy @nr rows of another canvas of the same width. */
void canvas_copy_rows(struct canvas *canvas, int row, const struct canvas *from, int from_row, int nr);

/* As text, without blanks at the ends of lines; rows [@row, @row + @nr). */
void canvas_print(const struct canvas *canvas, int row, int nr, FILE *out);

#endif
