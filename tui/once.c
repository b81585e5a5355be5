// SPDX-License-Identifier: GPL-2.0-only
#include "once.h"

#include <langinfo.h>
#include <poll.h>

#include "feed.h"
#include "json_ascii.h"
#include "status.h"
#include "util.h"
#include "view.h"

/* Of the report, where the environment does not say how wide the reader's paper is. */
#define REPORT_COLS 100

/* Until the feed has something. Return: what it is. */
static enum feed_result wait_for_feed(struct feed *feed)
{
	enum feed_result result;

	while ((result = feed_step(feed, now_ns())) == FEED_NOTHING) {
		struct pollfd pollfd = { .fd = feed_fd(feed), .events = POLLIN };
		uint64_t now = now_ns(), due = feed_due_ns(feed);

		poll(&pollfd, 1, due > now ? (int)((due - now) / NSEC_PER_MSEC) + 1 : 0);
	}
	return result;
}

static int report_failure(const struct feed_facts *facts)
{
	char said[300];

	escape_text(said, sizeof(said), facts->said);
	fprintf(stderr, "arcadetop: error: %s (%s)%s%s\n", view_feed_error(facts), facts->path, *said ? ": " : "", said);
	switch (facts->state) {
	case FEED_ABSENT:
		return STATUS_NO_DAEMON;
	case FEED_FORBIDDEN:
		return STATUS_NO_PRIVILEGE;
	default:
		return STATUS_FAILED;
	}
}

static int report_out_of_memory(void)
{
	fprintf(stderr, "arcadetop: error: out of memory\n");
	return STATUS_FAILED;
}

static int print_json(const struct feed *feed)
{
	json_object *object = json_object_new_object();
	const char *text = NULL;

	for (enum target target = 0; object && target < NR_TARGETS; target++)
		if (json_object_object_add(object, snapshot_target_name(target), json_object_get(feed_answer(feed, target))))
			break;
	if (object)
		text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text) {
		json_ascii_print(text, stdout);
		fputc('\n', stdout);
	}
	json_object_put(object);
	return text ? 0 : report_out_of_memory();
}

static int print_report(const struct args *args, const struct feed *feed, const struct model *model)
{
	static const enum tab tabs[] = { TAB_OVERVIEW, TAB_CHAINS, TAB_THREADS, TAB_INPUT, TAB_EVENTS };
	struct canvas canvas = { .ascii = args->ascii || !streq(nl_langinfo(CODESET), "UTF-8") };
	const char *columns = getenv("COLUMNS");
	struct page page = { 0 };
	uint64_t cols = REPORT_COLS;
	struct ui ui;
	int err;

	if (columns && parse_u64_range(columns, VIEW_MIN_COLS, CANVAS_MAX_COLS, &cols))
		cols = REPORT_COLS;
	ui_init(&ui);
	err = canvas_resize(&canvas, VIEW_MIN_ROWS, (int)cols);
	if (!err)
		err = frame_draw(&canvas, &page, model, feed_facts(feed), &ui, now_ns());
	if (!err)
		canvas_print(&canvas, 0, 2, stdout);
	for (size_t i = 0; i < ARRAY_SIZE(tabs) && !err; i++) {
		ui.tab = tabs[i];
		err = frame_draw(&canvas, &page, model, feed_facts(feed), &ui, now_ns());
		if (err)
			break;
		fputc('\n', stdout);
		canvas_print(&page.canvas, 0, page.nr_rows, stdout);
	}
	canvas_deinit(&page.canvas);
	canvas_deinit(&canvas);
	return err ? report_out_of_memory() : 0;
}

int once_run(const struct args *args)
{
	_cleanup_free_ struct model *model = calloc(1, sizeof(*model));
	_cleanup_(feed_freep) struct feed *feed = NULL;
	int status = 0;

	if (!model || feed_new(args->socket, args->interval_ns, &feed))
		return report_out_of_memory();
	/* Rates are differences of two looks; JSON has none. */
	for (int look = 0; look < (args->json ? 1 : 2); look++) {
		if (wait_for_feed(feed) != FEED_SNAPSHOT)
			return report_failure(feed_facts(feed));
		model_update(model, feed_snapshot(feed));
	}
	status = args->json ? print_json(feed) : print_report(args, feed, model);
	if (!status && (fflush(stdout) || ferror(stdout))) {
		fprintf(stderr, "arcadetop: error: cannot write: %s\n", strerror(errno));
		return STATUS_FAILED;
	}
	return status;
}
