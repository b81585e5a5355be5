// SPDX-License-Identifier: GPL-2.0-only
/* What comes in: packets by kind, devices, and the rings between kernel half and daemon. */
#include "view.h"

#include <inttypes.h>
#include <math.h>

#include "format.h"

#define COL_RATE  16
#define COL_TOTAL (COL_RATE + VIEW_FIGURE_COLS + 1)
#define COL_REST  (COL_TOTAL + VIEW_FIGURE_COLS + 2)

static int draw_lanes(struct page *page, const struct model *model, int row)
{
	static const char *const names[NR_ARCADE_LANES] = { "other", "keyboard", "mouse", "gamepad", "touch" };
	static const enum arcade_lane order[] = { ARCADE_LANE_MOUSE, ARCADE_LANE_KEYBOARD, ARCADE_LANE_GAMEPAD,
						  ARCADE_LANE_TOUCH, ARCADE_LANE_OTHER };
	int graph_row = row + 1;

	view_title(page, row, "Packets", "");
	canvas_text_right(&page->canvas, row, COL_RATE, VIEW_FIGURE_COLS, STYLE_DIM, "per s");
	canvas_text_right(&page->canvas, row, COL_TOTAL, VIEW_FIGURE_COLS, STYLE_DIM, "total");
	canvas_text(&page->canvas, row++, COL_REST, 40, STYLE_DIM, "all, per s");
	view_spark(page, graph_row, COL_REST, STYLE_BAR, &model->series[SERIES_PACKETS], 0);
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		enum arcade_lane lane = order[i];
		bool active = model->lane_rates[lane] > 0;

		/* Lid switches and power buttons are of interest only if they send something. */
		if (lane == ARCADE_LANE_OTHER && !model->now.top.lane_packets[lane])
			continue;
		canvas_text(&page->canvas, row, 3, COL_RATE - 3, active ? STYLE_BAR : STYLE_PLAIN, names[lane]);
		view_rate(page, row, COL_RATE, active ? STYLE_STRONG : STYLE_DIM, model->lane_rates[lane]);
		view_count(page, row++, COL_TOTAL, STYLE_PLAIN, model->lane_packets[lane]);
	}
	return row;
}

/* Beside the lanes, below the graph. */
static void draw_hook(struct page *page, const struct model *model, int row)
{
	struct canvas *canvas = &page->canvas;
	uint64_t missed = model->totals[COUNTER_PACKETS_MISSED], rest = model->totals[COUNTER_REST_PACKETS];
	char figure[FORMAT_SIZE];

	if (*model->now.hook)
		canvas_printf(canvas, row, COL_REST, STYLE_PLAIN, "hook   %s", model->now.hook);
	canvas_printf(canvas, row + 1, COL_REST, STYLE_PLAIN, "read after at most %s",
		      format_ns(figure, model->now.top.record_delay_max_ns));
	if (missed)
		canvas_printf(canvas, row + 2, COL_REST, STYLE_WARN, "missed %s", format_count(figure, missed));
	else if (rest)
		canvas_printf(canvas, row + 2, COL_REST, STYLE_DIM, "resting sticks' noise left out: %s", format_count(figure, rest));
}

static int draw_rings(struct page *page, const struct model *model, int row)
{
	struct canvas *canvas = &page->canvas;
	uint64_t lost = model_drops(model);
	int per_row = (canvas->cols - 2) / 26, nr = 0;
	char rate[FORMAT_SIZE], drops[FORMAT_SIZE], text[96];

	snprintf(text, sizeof(text), "%u", model->now.nr_rings);
	view_title(page, row, "Rings", text);
	canvas_text_right(canvas, row, COL_TOTAL, VIEW_FIGURE_COLS, STYLE_DIM, "lost");
	view_count(page, row, COL_REST, lost ? STYLE_BAD : STYLE_GOOD, lost);
	row++;
	for (uint32_t i = 0; i < model->now.nr_rings; i++) {
		const struct ring_facts *ring = &model->now.rings[i];
		int col = 3 + nr % (per_row ? per_row : 1) * 26;

		if (!ring->records && !ring->drops)
			continue;
		snprintf(text, sizeof(text), "%2" PRIu64 " %6s/s  lost %s", ring->ring, format_rate(rate, model->ring_rates[i]),
			 format_count(drops, model->ring_drops[i]));
		canvas_text(canvas, row, col, 25, model->ring_drops[i] ? STYLE_BAD : model->ring_rates[i] > 0 ? STYLE_PLAIN : STYLE_DIM,
			    text);
		nr++;
		if (nr % (per_row ? per_row : 1) == 0)
			row++;
	}
	if (!nr)
		canvas_text(canvas, row, 3, canvas->cols - 4, STYLE_DIM, "no records yet");
	return row + (!nr || nr % (per_row ? per_row : 1));
}

static int draw_devices(struct page *page, const struct model *model, int row)
{
	struct canvas *canvas = &page->canvas;
	char text[32];

	snprintf(text, sizeof(text), "%u", model->now.nr_devices);
	view_title(page, row, "Devices", text);
	canvas_text_right(canvas, row, COL_RATE, VIEW_FIGURE_COLS, STYLE_DIM, "per s");
	canvas_text_right(canvas, row, COL_TOTAL, VIEW_FIGURE_COLS, STYLE_DIM, "total");
	canvas_text(canvas, row, COL_REST, 9, STYLE_DIM, "kind");
	canvas_text(canvas, row++, COL_REST + 10, 20, STYLE_DIM, "name");
	for (uint32_t i = 0; i < model->now.nr_devices; i++) {
		const struct device_facts *device = &model->now.devices[i];
		bool active = model->device_rates[i] > 0;

		canvas_text(canvas, row, 3, COL_RATE - 4, active ? STYLE_BAR : STYLE_PLAIN, device->node);
		view_rate(page, row, COL_RATE, active ? STYLE_STRONG : STYLE_DIM, model->device_rates[i]);
		view_count(page, row, COL_TOTAL, STYLE_PLAIN, model->device_packets[i]);
		canvas_text(canvas, row, COL_REST, 9, STYLE_PLAIN, device->kind);
		canvas_text(canvas, row, COL_REST + 10, canvas->cols - COL_REST - 11, active ? STYLE_STRONG : STYLE_DIM, device->name);
		if (!device->open)
			canvas_text_right(canvas, row, canvas->cols - 18, 17, STYLE_WARN, " cannot be opened");
		row++;
	}
	if (!model->now.nr_devices)
		canvas_text(canvas, row++, 3, canvas->cols - 4, STYLE_DIM, "none");
	return row;
}

void view_input(struct page *page, const struct model *model, const struct ui *ui)
{
	bool generous = page->visible_rows >= 24;
	int row = draw_lanes(page, model, 0);

	draw_hook(page, model, 2);
	row = draw_rings(page, model, row + generous);
	row = draw_devices(page, model, row + generous);
	page->nr_rows = row;
}
