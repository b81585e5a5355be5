// SPDX-License-Identifier: GPL-2.0-only
/* What answers become on a screen of any size, and what keys do. */
#include "unit.h"

#include "view.h"

static struct snapshot snapshot;
static struct model model;
static struct feed_facts feed;
static struct ui ui;
static struct canvas canvas;
static struct page page;

static int begin(void **state)
{
	memset(&snapshot, 0, sizeof(snapshot));
	memset(&model, 0, sizeof(model));
	memset(&feed, 0, sizeof(feed));
	feed.state = FEED_LIVE;
	ui_init(&ui);
	return 0;
}

static int end(void **state)
{
	canvas_deinit(&canvas);
	canvas_deinit(&page.canvas);
	return 0;
}

static void decode(enum target target, const char *text)
{
	json_object *answer = json_tokener_parse(text);

	assert_non_null(answer);
	assert_int_equal(snapshot_decode(&snapshot, target, answer), 0);
	json_object_put(answer);
}

/* The whole screen as text. */
static const char *screen(int rows, int cols)
{
	static char text[256 * 1024];
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_non_null(out);
	assert_int_equal(canvas_resize(&canvas, rows, cols), 0);
	assert_int_equal(frame_draw(&canvas, &page, &model, &feed, &ui, 5000000000ULL), 0);
	canvas_print(&canvas, 0, rows, out);
	fputc('\0', out);
	fclose(out);
	return text;
}

static void assert_shows(const char *text, const char *what)
{
	if (!strstr(text, what))
		fail_msg("not on the screen: %s\n%s", what, text);
}

static void make_game(void)
{
	decode(TARGET_TOP, "{\"version\":\"0.1.0\",\"kernel\":\"7.3.4\",\"mode\":\"gaming\",\"state\":\"scheduling\","
			   "\"uptime_ns\":60000000000,\"time_ns\":90000000000,\"nr_cpus\":16,\"game_pid\":4242,"
			   "\"game_name\":\"Hades II\",\"game_in_front\":1,\"packets\":1000,\"idle_direct\":50,"
			   "\"lane_packets\":[0,10,990,0,0],\"flips\":600}");
	decode(TARGET_CHAINS,
	       "{\"roots\":[{\"root\":\"input\",\"hops\":[{\"hop\":1,\"count\":990,\"hist\":[0,0,0,0,990]},"
	       "{\"hop\":2,\"count\":980,\"hist\":[0,0,0,0,0,980]},{\"hop\":77,\"count\":1}],"
	       "\"ends\":[{\"end\":\"flip\",\"count\":90,\"hist\":[0,0,0,0,0,0,0,0,0,0,0,90]}]},{\"root\":\"moon\"}]}");
	decode(TARGET_THREADS,
	       "{\"threads\":[{\"pid\":1201,\"tgid\":1201,\"comm\":\"kwin_wayland\",\"process\":\"kwin_wayland\","
	       "\"class\":\"chain\",\"roles\":[\"input\",\"compositor\"],\"hop\":1,\"root\":\"input\","
	       "\"wait_p99_us\":64}]}");
	decode(TARGET_INPUT,
	       "{\"hook\":\"input_event\",\"devices\":[{\"node\":\"event5\",\"name\":\"Mouse \\u001b[2J\",\"kind\":"
	       "\"mouse\",\"packets\":990,\"open\":1}],\"rings\":[{\"ring\":3,\"records\":990,\"drops\":2}]}");
	decode(TARGET_EVENTS,
	       "{\"events\":[{\"seq\":1,\"time_ms\":1790000000000,\"level\":\"notice\",\"text\":\"scheduling\"}]}");
	decode(TARGET_OPTIONS,
	       "{\"mode\":\"auto\",\"modes\":[\"auto\",\"gaming\"],\"options\":[{\"name\":\"slice-us\",\"value\":2000,"
	       "\"default\":3000,\"unit\":\"us\",\"source\":\"mode\",\"live\":true}]}");
	decode(TARGET_STATUS, "{\"report\":[\"input   every packet\"]}");
	model_update(&model, &snapshot);
}

static void test_pages(void **state)
{
	const char *text;

	make_game();
	text = screen(24, 80);
	assert_shows(text, "scx_arcade 0.1.0   mode gaming   game: Hades II (4242)");
	assert_shows(text, "up 1 m 00 s");
	assert_shows(text, "[1 Overview]");
	assert_shows(text, "2 input records were lost");
	assert_shows(text, "≤2.05 ms");
	ui_handle_key(&ui, '2');
	text = screen(24, 80);
	assert_shows(text, " 1 compositor kwin_wayl…");
	assert_shows(text, "  → screen (flip)");
	assert_shows(text, "█████");
	ui_handle_key(&ui, '3');
	assert_shows(screen(24, 80), "   1201 kwin_wayland    kwin_wayla… chain      in+comp");
	ui_handle_key(&ui, '4');
	text = screen(24, 80);
	assert_shows(text, "Mouse ?[2J");
	assert_null(strchr(text, '\x1b'));
	assert_shows(text, " 3      -/s  lost 2");
	ui_handle_key(&ui, '5');
	assert_shows(screen(24, 80), "notice   scheduling");
	ui_handle_key(&ui, '6');
	text = screen(100, 80);
	assert_shows(text, "slice-us                2000 us");
	assert_shows(text, "auto gaming");
	assert_shows(text, "input   every packet");
}

static void test_another_schedulers_answer(void **state)
{
	json_object *answer = json_tokener_parse("{\"nr_layers\":3}");

	assert_int_equal(snapshot_decode(&snapshot, TARGET_TOP, answer), -EPROTO);
	json_object_put(answer);
	assert_int_equal(snapshot_decode(&snapshot, TARGET_TOP, NULL), -EPROTO);
}

static void test_waiting(void **state)
{
	static const struct {
		enum feed_state state;
		const char *words;
	} table[] = {
		{ FEED_ABSENT, "scx_arcade is not running: waiting for it" },
		{ FEED_FORBIDDEN, "usermod -aG scx_arcade" },
		{ FEED_SILENT, "does not answer" },
		{ FEED_RUBBISH, "makes no sense" },
		{ FEED_FOREIGN, "Another scheduler" },
		{ FEED_CLOSED, "has closed the connection" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		feed.state = table[i].state;
		assert_shows(screen(24, 80), table[i].words);
	}
	/* With old figures, they stay below a line about it. */
	make_game();
	feed.state = FEED_ABSENT;
	assert_shows(screen(24, 80), "not running: waiting for it, for 5 s. The figures are old.");
	assert_shows(screen(24, 80), "Click to frame");
}

static void test_keys(void **state)
{
	assert_int_equal(ui_handle_key(&ui, 'q'), UI_QUIT);
	assert_int_equal(ui_handle_key(&ui, 'r'), UI_RESET);
	assert_int_equal(ui_handle_key(&ui, 'x'), UI_IGNORE);
	assert_int_equal(ui_handle_key(&ui, UI_KEY_OTHER), UI_IGNORE);
	assert_int_equal(ui_handle_key(&ui, 'p'), UI_PAUSE);
	assert_true(ui.paused);
	ui_handle_key(&ui, 'p');
	assert_false(ui.paused);
	ui_handle_key(&ui, UI_KEY_LEFT);
	assert_int_equal(ui.tab, TAB_HELP);
	ui_handle_key(&ui, '\t');
	assert_int_equal(ui.tab, TAB_OVERVIEW);
	for (int i = 0; i < NR_SORTS; i++)
		ui_handle_key(&ui, 's');
	assert_int_equal(ui.sort, SORT_RANK);
}

static void test_scrolling(void **state)
{
	for (int i = 0; i < 50; i++) {
		snprintf(snapshot.events[i].text, sizeof(snapshot.events[i].text), "event %d.", i);
		snprintf(snapshot.threads[i].comm, sizeof(snapshot.threads[i].comm), "thread %d.", i);
	}
	snapshot.nr_events = snapshot.nr_threads = 50;
	model_update(&model, &snapshot);
	/* Events begin at their end, and stay there when more come. */
	ui_handle_key(&ui, '5');
	assert_shows(screen(24, 80), "event 49.");
	ui_handle_key(&ui, UI_KEY_HOME);
	assert_shows(screen(24, 80), "event 0.");
	assert_null(strstr(screen(24, 80), "event 49."));
	ui_handle_key(&ui, UI_KEY_END);
	assert_shows(screen(24, 80), "event 49.");
	/* Threads begin at their head; headings stay. */
	ui_handle_key(&ui, '3');
	assert_shows(screen(24, 80), "thread 0.");
	for (int i = 0; i < 10; i++)
		ui_handle_key(&ui, UI_KEY_PAGE_DOWN);
	assert_shows(screen(24, 80), "thread 49.");
	assert_shows(screen(24, 80), "WAIT p99");
	ui_handle_key(&ui, UI_KEY_UP);
	assert_null(strstr(screen(24, 80), "thread 49."));
	assert_shows(screen(24, 80), "thread 48.");
	/* Fewer of them: no empty screen. */
	snapshot.nr_threads = 3;
	snapshot.top.time_ns++;
	model_update(&model, &snapshot);
	assert_shows(screen(24, 80), "thread 0.");
}

/* Every size, hostile figures and names, any keys: no crash, and no line beyond its width. */
static void test_any_size(void **state)
{
	struct unit_random random = { 20261124 };

	for (int i = 0; i < 3000; i++) {
		int rows = 1 + (int)unit_random_below(&random, 50), cols = 1 + (int)unit_random_below(&random, 240);
		uint64_t *words = (uint64_t *)&snapshot.top.game_pid;

		for (int k = 0; k < 20; k++) {
			struct thread_facts *thread = &snapshot.threads[k];

			unit_random_string(&random, "ab\xe5\x8e\x9f", thread->comm, sizeof(thread->comm) - 1);
			unit_random_string(&random, "ab ", thread->roles[k % SNAPSHOT_MAX_ROLES], 15);
			unit_random_string(&random, "ab ", snapshot.events[k].text,
					   sizeof(snapshot.events[k].text) - 1);
			unit_random_string(&random, "ab ", snapshot.devices[k].name,
					   sizeof(snapshot.devices[k].name) - 1);
			thread->pid = unit_random_next(&random);
			thread->hop = unit_random_below(&random, 8);
			thread->wait_p99_us = unit_random_next(&random);
			strcpy(thread->root, "input");
		}
		unit_random_string(&random, "ab ", snapshot.top.game_name, sizeof(snapshot.top.game_name) - 1);
		words[0] = unit_random_next(&random);
		snapshot.nr_threads = snapshot.nr_events = snapshot.nr_devices = unit_random_below(&random, 20);
		for (int k = 0; k < NR_COUNTERS; k++)
			snapshot.top.counters[k] += unit_random_next(&random) >> unit_random_below(&random, 64);
		for (int root = 0; root < NR_ROOTS; root++)
			for (int hop = 0; hop < SNAPSHOT_MAX_HOPS; hop++)
				snapshot.chains[root]
					.hops[hop]
					.buckets[unit_random_below(&random, ARCADE_HIST_BUCKETS)] =
					unit_random_next(&random);
		snapshot.top.time_ns += unit_random_below(&random, 2000000000);
		snapshot.top.uptime_ns = snapshot.top.time_ns / 2;
		feed.state = unit_random_below(&random, NR_FEED_STATES);
		model_update(&model, &snapshot);
		ui_handle_key(&ui,
			      (int)unit_random_below(&random, 128) == 'q' ? 'p' : (int)unit_random_below(&random, 128));
		ui_handle_key(&ui, UI_KEY_UP + (int)unit_random_below(&random, 10));
		canvas.ascii = unit_random_below(&random, 2);
		screen(rows, cols);
	}
	canvas.ascii = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_pages, begin, end),
		cmocka_unit_test_setup_teardown(test_another_schedulers_answer, begin, end),
		cmocka_unit_test_setup_teardown(test_waiting, begin, end),
		cmocka_unit_test_setup_teardown(test_keys, begin, end),
		cmocka_unit_test_setup_teardown(test_scrolling, begin, end),
		cmocka_unit_test_setup_teardown(test_any_size, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
