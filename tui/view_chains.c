// SPDX-License-Identifier: GPL-2.0-only
/* Who is woken by an input, a frame of the display or an audio period, hop by hop, and how long after it they run. */
#include "view.h"

#include "format.h"
#include "judge.h"

#define COL_NAME 1

/* The axis is logarithmic, a column or more per power of two; what takes more than a second ends at the edge. */
#define AXIS_BUCKETS 21

static const struct root {
	const char *title;
	const char *hop_names[2];	/* while the daemon names no threads */
	bool judged;			/* the player feels it */
} roots[NR_ROOTS] = {
	[ROOT_INPUT] = { "After a click or a key", { "who reads the input", "whom that one wakes" }, true },
	[ROOT_VBLANK] = { "After a display frame", { "compositor", "whom that one wakes" }, false },
	[ROOT_AUDIO] = { "After an audio period", { "who fills the buffer", "whom that one wakes" }, false },
};

/* Columns, by the width of the page. */
struct layout {
	int name_cols;
	int rate, p50, p99, bars;
	int scale;		/* columns per power of two */
	int shape;		/* where the distribution begins, 0: no room */
};

static struct layout layout_of(const struct page *page)
{
	int cols = page->canvas.cols;
	struct layout layout = { .name_cols = 24 };

	if (cols >= 120)
		layout.name_cols = 32;
	layout.rate = COL_NAME + layout.name_cols;
	layout.p50 = layout.rate + VIEW_FIGURE_COLS + 1;
	layout.p99 = layout.p50 + VIEW_FIGURE_COLS + 1;
	layout.bars = layout.p99 + VIEW_FIGURE_COLS + 2;
	layout.scale = (cols - layout.bars - 1) / AXIS_BUCKETS;
	if (layout.scale > 5)
		layout.scale = 5;
	if (layout.scale < 0)
		layout.scale = 0;
	layout.shape = layout.bars + AXIS_BUCKETS * layout.scale + 3;
	if (layout.shape + AXIS_BUCKETS >= cols)
		layout.shape = 0;
	return layout;
}

/* Column of the upper end of a time. */
static int bar_length(uint64_t us, int scale)
{
	int bucket = us ? 64 - __builtin_clzll(us) : 0;

	return (bucket > AXIS_BUCKETS ? AXIS_BUCKETS : bucket) * scale;
}

static void draw_axis(struct page *page, const struct layout *layout, int row)
{
	static const struct {
		uint64_t us;
		const char *name;
	} marks[] = { { 8, "8us" }, { 128, "128us" }, { 2048, "2ms" }, { 32768, "33ms" }, { 524288, "524ms" } };
	int scale = layout->scale;

	for (size_t i = 0; i < ARRAY_SIZE(marks) && scale; i++) {
		/* Where there is a column per power of two, every other mark has room. */
		if (scale == 1 && i % 2)
			continue;
		canvas_text_right(&page->canvas, row,
				  layout->bars + bar_length(marks[i].us, scale) - 6, 6, STYLE_DIM, marks[i].name);
	}
}

static void draw_heads(struct page *page, const struct layout *layout, int row)
{
	struct canvas *canvas = &page->canvas;

	canvas_text_right(canvas, row, layout->rate, VIEW_FIGURE_COLS, STYLE_DIM, "per s");
	canvas_text_right(canvas, row, layout->p50, VIEW_FIGURE_COLS, STYLE_DIM, "p50");
	canvas_text_right(canvas, row, layout->p99, VIEW_FIGURE_COLS, STYLE_DIM, "p99");
	draw_axis(page, layout, row);
	if (layout->shape)
		canvas_text(canvas, row, layout->shape, AXIS_BUCKETS, STYLE_DIM, "1us  distribution  1s");
}

/* Up to the median full, from there to the 99th percentile half. Beside it, where there is room, the distribution. */
static void draw_bar(struct page *page, const struct layout *layout, int row, const struct hist *hist)
{
	struct canvas *canvas = &page->canvas;
	int scale = layout->scale;
	int p50 = bar_length(hist_quantile_us(hist, 500), scale), p99 = bar_length(hist_quantile_us(hist, 990), scale);
	uint64_t max = 0;

	if (!p99)
		return;
	canvas_fill(canvas, row, layout->bars, p99, STYLE_BAR_TAIL, L'▒');
	canvas_fill(canvas, row, layout->bars, p50, STYLE_BAR, L'█');
	if (!layout->shape)
		return;
	for (int i = 0; i < AXIS_BUCKETS; i++)
		max = hist->buckets[i] > max ? hist->buckets[i] : max;
	for (int i = 0; i < AXIS_BUCKETS; i++)
		canvas_fill(canvas, row, layout->shape + i, 1, hist->buckets[i] ? STYLE_PLAIN : STYLE_DIM,
			    hist->buckets[i] ? canvas_level((double)hist->buckets[i] / (double)max) : L'·');
}

static void draw_figures(struct page *page, const struct layout *layout, int row, double rate, const struct hist *hist, bool judged)
{
	enum style style = judged ? judge_latency(hist_quantile_us(hist, 990)) : STYLE_PLAIN;

	view_rate(page, row, layout->rate, STYLE_PLAIN, rate);
	view_quantile(page, row, layout->p50, STYLE_STRONG, hist, 500);
	view_quantile(page, row, layout->p99, style, hist, 990);
	draw_bar(page, layout, row, hist);
}

static const char *role_of(const struct thread_facts *thread)
{
	for (int i = 0; i < SNAPSHOT_MAX_ROLES; i++) {
		const char *role = thread->roles[i];

		if (streq(role, "compositor") || streq(role, "audio"))
			return role;
		if (streq(role, "submit"))
			return "render";
	}
	return streq(thread->class, "game") || streq(thread->class, "frame") ? "game" : "";
}

static void draw_hop_name(struct page *page, const struct layout *layout, const struct model *model, int row,
			  enum chain_root root, uint32_t hop)
{
	const struct thread_facts *thread = model_hop_thread(model, root, hop);
	struct canvas *canvas = &page->canvas;
	int col = canvas_printf(canvas, row, COL_NAME, STYLE_DIM, "%2u ", hop), end = layout->rate;
	const char *role;

	if (!thread) {
		canvas_text(canvas, row, col, end - col, STYLE_PLAIN, hop <= 2 ? roots[root].hop_names[hop - 1] : "and so on");
		return;
	}
	role = role_of(thread);
	if (*role)
		col += 1 + canvas_text(canvas, row, col, end - col, STYLE_STRONG, role);
	canvas_text(canvas, row, col, end - col, *role ? STYLE_DIM : STYLE_STRONG, thread->comm);
}

static int draw_root(struct page *page, const struct layout *layout, const struct model *model, int row,
		     enum chain_root root)
{
	static const char *const end_names[NR_ENDS] = { [END_SUBMIT] = "→ GPU (submit)", [END_FLIP] = "→ screen (flip)" };
	const struct model_chain *chain = &model->chains[root];
	const struct root *words = &roots[root];
	bool empty = true;

	view_title(page, row, words->title, "");
	draw_heads(page, layout, row++);
	for (int hop = 0; hop < SNAPSHOT_MAX_HOPS; hop++) {
		if (!hist_count(&chain->hops[hop]) && !(chain->hop_rates[hop] > 0))
			continue;
		empty = false;
		draw_hop_name(page, layout, model, row, root, (uint32_t)hop + 1);
		draw_figures(page, layout, row++, chain->hop_rates[hop], &chain->hops[hop], words->judged);
	}
	for (int end = 0; end < NR_ENDS; end++) {
		/* What a click leads to is worth a line even if nothing came of it yet. */
		if (!hist_count(&chain->ends[end]) && root != ROOT_INPUT)
			continue;
		if (empty && root == ROOT_INPUT && !hist_count(&chain->ends[end]))
			continue;
		empty = false;
		canvas_text(&page->canvas, row, COL_NAME + 1, layout->name_cols - 2, STYLE_PLAIN, end_names[end]);
		draw_figures(page, layout, row++, chain->end_rates[end], &chain->ends[end], words->judged);
	}
	if (empty)
		canvas_text(&page->canvas, row++, COL_NAME + 3, page->canvas.cols, STYLE_DIM,
			    root == ROOT_INPUT ? "nothing yet: move the mouse or press a key" : "nothing yet");
	return row;
}

void view_chains(struct page *page, const struct model *model, const struct ui *ui)
{
	struct layout layout = layout_of(page);
	bool generous = page->visible_rows >= 24;
	int row = 0;

	for (enum chain_root root = 0; root < NR_ROOTS; root++) {
		row = draw_root(page, &layout, model, row, root);
		row += root + 1 < NR_ROOTS && generous;
	}
	if (generous || row < page->visible_rows) {
		row += generous;
		canvas_text(&page->canvas, row++, 1, page->canvas.cols - 2, STYLE_DIM,
			    "Bars: █ to p50, ▒ to p99; time since the cause, log scale. ≤ means at most.");
	}
	page->nr_rows = row;
}
