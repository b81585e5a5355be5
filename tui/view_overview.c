// SPDX-License-Identifier: GPL-2.0-only
/* The first look: is all well, how fast is a click, what comes in and goes out, who gets a CPU. */
#include "view.h"

#include <inttypes.h>
#include <math.h>

#include "format.h"
#include "judge.h"

#define COL_NOW	  27
#define COL_TOTAL (COL_NOW + VIEW_FIGURE_COLS + 1)
#define COL_GRAPH (COL_TOTAL + VIEW_FIGURE_COLS + 3)

static int blank(const struct page *page, int row)
{
	return row + (page->visible_rows >= 24);
}

static int draw_verdict(struct page *page, const struct model *model, int row)
{
	char text[200];
	enum style style = judge_verdict(model, text, sizeof(text));
	int col = 1 + canvas_text(&page->canvas, row, 1, 2, style, "●");

	canvas_text(&page->canvas, row, col + 1, page->canvas.cols - col - 2, style, text);
	return row + 1;
}

static void heads(struct page *page, int row, const char *now, const char *total, const char *graph)
{
	canvas_text_right(&page->canvas, row, COL_NOW, VIEW_FIGURE_COLS, STYLE_DIM, now);
	canvas_text_right(&page->canvas, row, COL_TOTAL, VIEW_FIGURE_COLS, STYLE_DIM, total);
	canvas_text(&page->canvas, row, COL_GRAPH, page->canvas.cols - COL_GRAPH - 1, STYLE_DIM, graph);
}

static int draw_click(struct page *page, const struct model *model, int row)
{
	static const struct {
		const char *label;
		enum chain_end end;
		enum series_id series;
	} rows[] = {
		{ "  to the GPU (submit)", END_SUBMIT, SERIES_CLICK_SUBMIT },
		{ "  to the screen (flip)", END_FLIP, SERIES_CLICK_FLIP },
	};

	view_title(page, row, "Click to frame", "");
	heads(page, row++, "p50", "p99", "recent p99");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct hist *hist = &model->chains[ROOT_INPUT].ends[rows[i].end];

		canvas_text(&page->canvas, row, 1, COL_NOW - 1, STYLE_PLAIN, rows[i].label);
		view_quantile(page, row, COL_NOW, STYLE_STRONG, hist, 500);
		view_quantile(page, row, COL_TOTAL, judge_latency(hist_quantile_us(hist, 990)), hist, 990);
		view_spark(page, row, COL_GRAPH, STYLE_BAR, &model->series[rows[i].series], 0);
		row++;
	}
	return blank(page, row);
}

static void draw_counter(struct page *page, const struct model *model, int row, const char *label, enum counter counter)
{
	canvas_text(&page->canvas, row, 1, COL_NOW - 1, STYLE_PLAIN, label);
	view_rate(page, row, COL_NOW, STYLE_STRONG, model->rates[counter]);
	view_count(page, row, COL_TOTAL, STYLE_PLAIN, model->totals[counter]);
}

static int draw_input(struct page *page, const struct model *model, int row)
{
	static const char *const names[NR_ARCADE_LANES] = { "other", "keys", "mouse", "gamepad", "touch" };
	struct canvas *canvas = &page->canvas;
	uint64_t lost = model_drops(model);
	char figure[FORMAT_SIZE];
	int col = COL_GRAPH;

	view_title(page, row, "Input", "");
	heads(page, row++, "per s", "total", "packets per s");
	draw_counter(page, model, row, "  packets", COUNTER_PACKETS);
	view_spark(page, row++, COL_GRAPH, STYLE_BAR, &model->series[SERIES_PACKETS], 0);
	canvas_text(canvas, row, 1, COL_NOW - 1, STYLE_PLAIN, "  records lost");
	view_count(page, row, COL_TOTAL, lost ? STYLE_BAD : STYLE_GOOD, lost);
	for (int lane = 0; lane < NR_ARCADE_LANES; lane++)
		if (model->lane_rates[lane] > 0)
			col = 2 + canvas_printf(canvas, row, col, STYLE_DIM, "%s %s", names[lane],
						format_rate(figure, model->lane_rates[lane]));
	return blank(page, row + 1);
}

static int draw_picture(struct page *page, const struct model *model, int row)
{
	view_title(page, row, "Picture and sound", "");
	heads(page, row++, "per s", "total", "per s");
	draw_counter(page, model, row, "  pictures shown (flips)", COUNTER_FLIPS);
	view_spark(page, row++, COL_GRAPH, STYLE_BAR, &model->series[SERIES_FLIPS], 0);
	draw_counter(page, model, row, "  GPU work (submits)", COUNTER_GPU_SUBMITS);
	view_spark(page, row++, COL_GRAPH, STYLE_BAR, &model->series[SERIES_SUBMITS], 0);
	draw_counter(page, model, row++, "  display frames (vblank)", COUNTER_VBLANKS);
	draw_counter(page, model, row++, "  audio periods", COUNTER_AUDIO_PERIODS);
	return blank(page, row);
}

static void draw_preempts(struct page *page, const struct model *model, int row)
{
	static const struct {
		const char *name;
		enum counter counter;
	} kinds[] = {
		{ "chain", COUNTER_PREEMPTS_CHAIN },
		{ "frame", COUNTER_PREEMPTS_FRAME },
		{ "game", COUNTER_PREEMPTS_GAME },
		{ "other", COUNTER_PREEMPTS_NORMAL },
	};
	int col = COL_GRAPH;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		double rate = model->rates[kinds[i].counter];
		char figure[FORMAT_SIZE], text[48];

		if (!(rate >= 0.5))
			continue;
		/* Whole ones, or nothing: the sum is beside it. */
		snprintf(text, sizeof(text), "%s %s", kinds[i].name, format_count(figure, (uint64_t)(rate < 1e18 ? rate + 0.5 : 1e18)));
		if (col + (int)strlen(text) >= page->canvas.cols)
			break;
		col += 2 + canvas_text(&page->canvas, row, col, page->canvas.cols, STYLE_DIM, text);
	}
}

static int draw_cpus(struct page *page, const struct model *model, int row)
{
	struct canvas *canvas = &page->canvas;
	double idle = model_idle_share(model);
	uint64_t queued = 0, preempts = 0;
	char figure[FORMAT_SIZE];
	int width = canvas->cols - COL_GRAPH - 8;

	if (__builtin_add_overflow(model->totals[COUNTER_QUEUED_LLC], model->totals[COUNTER_QUEUED_CPU], &queued))
		queued = UINT64_MAX;
	for (int i = COUNTER_PREEMPTS_CHAIN; i <= COUNTER_PREEMPTS_NORMAL; i++)
		if (__builtin_add_overflow(preempts, model->totals[i], &preempts))
			preempts = UINT64_MAX;
	view_title(page, row, "Who gets a CPU", "");
	heads(page, row++, "per s", "total", "");
	draw_counter(page, model, row, "  a free one, at once", COUNTER_IDLE_DIRECT);
	canvas_printf(canvas, row, COL_GRAPH, isnan(idle) ? STYLE_DIM : STYLE_PLAIN, "%6s", format_percent(figure, idle));
	if (width > 60)
		width = 60;
	if (!isnan(idle)) {
		canvas_fill(canvas, row, COL_GRAPH + 7, width, STYLE_DIM, L'░');
		canvas_bar(canvas, row, COL_GRAPH + 7, width, STYLE_BAR, idle);
	}
	row++;
	canvas_text(canvas, row, 1, COL_NOW - 1, STYLE_PLAIN, "  after queueing");
	view_rate(page, row, COL_NOW, STYLE_STRONG, model->rates[COUNTER_QUEUED_LLC] + model->rates[COUNTER_QUEUED_CPU]);
	view_count(page, row, COL_TOTAL, STYLE_PLAIN, queued);
	canvas_printf(canvas, row++, COL_GRAPH, STYLE_DIM, "longest wait %s", format_ns(figure, model->now.top.wait_max_ns));
	canvas_text(canvas, row, 1, COL_NOW - 1, STYLE_PLAIN, "  a busy one (preemption)");
	view_rate(page, row, COL_NOW, STYLE_STRONG, model_preempt_rate(model));
	view_count(page, row, COL_TOTAL, STYLE_PLAIN, preempts);
	draw_preempts(page, model, row++);
	return blank(page, row);
}

/* The rest of a high window: what happened last. */
static int draw_last_events(struct page *page, const struct model *model, int row)
{
	int room = page->visible_rows - row - 1;
	uint32_t nr = model->now.nr_events;
	char clock[FORMAT_SIZE];

	if (room < 1 || !nr)
		return row;
	row = view_title(page, row, "Last events", "");
	for (uint32_t i = nr > (uint32_t)room ? nr - (uint32_t)room : 0; i < nr; i++) {
		const struct event_facts *event = &model->now.events[i];

		canvas_text(&page->canvas, row, 3, 9, STYLE_DIM, judge_event_time(clock, event->time_ms));
		canvas_text(&page->canvas, row, 13, page->canvas.cols - 14, judge_level(event->level), event->text);
		row++;
	}
	return row;
}

void view_overview(struct page *page, const struct model *model, const struct ui *ui)
{
	int row = draw_verdict(page, model, 0);

	row = blank(page, row);
	row = draw_click(page, model, row);
	row = draw_input(page, model, row);
	row = draw_picture(page, model, row);
	row = draw_cpus(page, model, row);
	page->nr_rows = draw_last_events(page, model, row);
}
