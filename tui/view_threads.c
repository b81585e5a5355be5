// SPDX-License-Identifier: GPL-2.0-only
/* The threads that matter: what the scheduler takes them for, how much they run, how long they wait for a CPU. */
#include "view.h"

#include <inttypes.h>
#include <math.h>

#include "format.h"
#include "judge.h"
#include "text.h"

enum column { PID, THREAD, PROCESS, CLASS, ROLE, CPU, RUNS, P50, P99, SHARE, CHAIN, NR_COLUMNS };

static const struct column_kind {
	const char *head;
	int cols;
	int min_cols;		/* of the page: narrower ones do without */
	bool right;
	enum sort sort;		/* marked when sorted by this */
} kinds[NR_COLUMNS] = {
	[PID] = { "PID", 7, 0, true, SORT_RANK },
	[THREAD] = { "THREAD", 15, 0, false, SORT_NAME },
	[PROCESS] = { "PROCESS", 11, 0, false, SORT_RANK },
	[CLASS] = { "CLASS", 10, 0, false, SORT_RANK },
	[ROLE] = { "ROLE", 10, 0, false, SORT_RANK },
	[CPU] = { "CPU", 5, 0, true, SORT_CPU },
	[RUNS] = { "RUNS/s", 6, 0, true, SORT_RUNS },
	[P50] = { "WAIT p50", 8, 100, true, SORT_RANK },
	[P99] = { "WAIT p99", 8, 0, true, SORT_WAIT },
	[SHARE] = { "IN CHAINS", 9, 110, true, SORT_RANK },
	[CHAIN] = { "LAST CHAIN", 10, 120, false, SORT_RANK },
};

static const char *const sort_words[NR_SORTS] = {
	[SORT_RANK] = "what matters first", [SORT_CPU] = "CPU", [SORT_WAIT] = "longest wait", [SORT_RUNS] = "runs", [SORT_NAME] = "name",
};

/* Names take what is over. */
static int column_cols(const struct page *page, enum column column)
{
	int more = page->canvas.cols - 130;

	if (more > 0 && (column == THREAD || column == PROCESS || column == ROLE))
		return kinds[column].cols + (more > 36 ? 12 : more / 3);
	return kinds[column].cols;
}

static void put(struct page *page, int row, int col, int cols, enum column column, enum style style, const char *text)
{
	if (kinds[column].right)
		canvas_text_right(&page->canvas, row, col, cols, style, text);
	else
		canvas_text(&page->canvas, row, col, cols, style, text);
}

static const char *short_role(const char *role)
{
	static const struct {
		const char *role, *text;
	} table[] = { { "input", "in" }, { "compositor", "comp" }, { "submit", "gpu" }, { "display", "disp" } };

	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (streq(table[i].role, role))
			return table[i].text;
	return role;
}

static void join_roles(const struct thread_facts *thread, bool shorten, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (int i = 0; i < SNAPSHOT_MAX_ROLES && *thread->roles[i] && used < size; i++)
		used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? "+" : "",
					 shorten ? short_role(thread->roles[i]) : thread->roles[i]);
}

static enum style cell_text(const struct model *model, uint32_t index, enum column column, int cols, char *buf, size_t size)
{
	const struct thread_facts *thread = &model->now.threads[index];
	double cpu = model->thread_cpu[index], runs = model->thread_runs[index];

	buf[0] = '\0';
	switch (column) {
	case PID:
		snprintf(buf, size, "%" PRIu64, thread->pid);
		return STYLE_DIM;
	case THREAD:
		text_copy(buf, size, thread->comm);
		return judge_class(thread->class);
	case PROCESS:
		text_copy(buf, size, thread->process);
		return STYLE_DIM;
	case CLASS:
		text_copy(buf, size, thread->class);
		return judge_class(thread->class);
	case ROLE:
		join_roles(thread, false, buf, size);
		if (text_width(buf) > cols)
			join_roles(thread, true, buf, size);
		return STYLE_PLAIN;
	case CPU:
		format_percent(buf, cpu);
		return isnan(cpu) || cpu < 0.0005 ? STYLE_DIM : STYLE_PLAIN;
	case RUNS:
		format_rate(buf, runs);
		return isnan(runs) || runs < 0.005 ? STYLE_DIM : STYLE_PLAIN;
	case P50:
	case P99: {
		uint64_t us = column == P50 ? thread->wait_p50_us : thread->wait_p99_us;
		bool felt = *thread->class && !streq(thread->class, "background") && !streq(thread->class, "normal");

		if (!us) {
			snprintf(buf, size, "-");
			return STYLE_DIM;
		}
		format_us(buf, us);
		return column == P99 && felt ? judge_latency(us) : STYLE_PLAIN;
	}
	case SHARE:
		format_percent(buf, (double)thread->share_permille / 1000);
		return thread->share_permille ? STYLE_PLAIN : STYLE_DIM;
	default:
		if (thread->hop)
			snprintf(buf, size, "%s %" PRIu64, thread->root, thread->hop);
		return STYLE_DIM;
	}
}

static void draw_heads(struct page *page, const struct ui *ui, int row)
{
	int col = 0;

	for (enum column column = 0; column < NR_COLUMNS; column++) {
		bool marked = ui->sort != SORT_RANK && kinds[column].sort == ui->sort;
		int cols = column_cols(page, column);

		if (page->canvas.cols < kinds[column].min_cols)
			continue;
		put(page, row, col, cols, column, marked ? STYLE_STRONG : STYLE_DIM, kinds[column].head);
		col += cols + 1;
	}
}

static void draw_thread(struct page *page, const struct model *model, uint32_t index, int row)
{
	int col = 0;

	for (enum column column = 0; column < NR_COLUMNS; column++) {
		int cols = column_cols(page, column);
		enum style style;
		char text[128];

		if (page->canvas.cols < kinds[column].min_cols)
			continue;
		style = cell_text(model, index, column, cols, text, sizeof(text));
		put(page, row, col, cols, column, style, text);
		col += cols + 1;
	}
}

void view_threads(struct page *page, const struct model *model, const struct ui *ui)
{
	uint32_t order[SNAPSHOT_MAX_THREADS];
	char beside[96];
	int row;

	snprintf(beside, sizeof(beside), "%u, sorted by: %s (s: another)", model->now.nr_threads, sort_words[ui->sort]);
	row = view_title(page, 0, "Threads", beside);
	draw_heads(page, ui, row++);
	page->nr_fixed = row;
	model_sort_threads(model, ui->sort, order);
	for (uint32_t i = 0; i < model->now.nr_threads; i++)
		draw_thread(page, model, order[i], row++);
	if (!model->now.nr_threads)
		row = view_paragraph(page, row, 1, STYLE_DIM,
				     "The daemon names no threads: its kernel has no iterator over tasks, or it is an older one.");
	page->nr_rows = row;
}
