// SPDX-License-Identifier: GPL-2.0-only
/* What the daemon has said of late, the newest last. */
#include "view.h"

#include "format.h"
#include "judge.h"

#define COL_TIME  1
#define COL_LEVEL 11
#define COL_TEXT  20

void view_events(struct page *page, const struct model *model, const struct ui *ui)
{
	struct canvas *canvas = &page->canvas;
	char clock[FORMAT_SIZE], beside[64];
	int row;

	snprintf(beside, sizeof(beside), "%u, newest at the end", model->now.nr_events);
	row = view_title(page, 0, "Events", beside);
	page->nr_fixed = row;
	for (uint32_t i = 0; i < model->now.nr_events; i++) {
		const struct event_facts *event = &model->now.events[i];
		enum style style = judge_level(event->level);
		int next;

		canvas_text(canvas, row, COL_TIME, COL_LEVEL - COL_TIME - 1, STYLE_DIM, judge_event_time(clock, event->time_ms));
		canvas_text(canvas, row, COL_LEVEL, COL_TEXT - COL_LEVEL - 1, style, event->level);
		next = view_paragraph(page, row, COL_TEXT, style, event->text);
		row = next > row ? next : row + 1;
	}
	if (!model->now.nr_events)
		canvas_text(canvas, row++, 1, canvas->cols - 2, STYLE_DIM, "nothing yet");
	page->nr_rows = row;
}
