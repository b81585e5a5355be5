/* SPDX-License-Identifier: GPL-2.0-only */
/* The log's last lines: which are kept, how many, and that every thread may write while another one reads. */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "events.h"

#define NR_THREADS 4
#define NR_LINES   5000

static int setup(void **state)
{
	struct events *events = NULL;

	assert_int_equal(events_new(&events), 0);
	log_set_sink(events_log, events);
	*state = events;
	return 0;
}

static int teardown(void **state)
{
	log_set_sink(NULL, NULL);
	events_free(*state);
	return 0;
}

/* Their text does not belong on the tests' own stderr. */
static int mute(void)
{
	int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);

	dup2(null, STDERR_FILENO);
	close(null);
	return saved;
}

static void unmute(int saved)
{
	dup2(saved, STDERR_FILENO);
	close(saved);
}

static void test_which_lines_are_kept(void **state)
{
	struct events *events = *state;
	struct event event = {};
	int saved = mute();

	assert_int_equal(events_next(events, 0, &event), -ENOENT);
	log_notice("scheduling");
	log_info("slice 3000 us");
	log_info("game: process %d has come", 7);
	log_debug("game: not this one");
	log_error_errno(ENOENT, "odd \033[31m%s", "name\n\xff");
	unmute(saved);

	assert_int_equal(events_next(events, 0, &event), 0);
	assert_int_equal(event.seq, 1);
	assert_int_equal(event.level, LOG_LEVEL_NOTICE);
	assert_string_equal(event.text, "scheduling");
	assert_true(event.time_ms > 1600000000000ULL);
	assert_int_equal(events_next(events, event.seq, &event), 0);
	assert_string_equal(event.text, "game: process 7 has come");
	assert_int_equal(events_next(events, event.seq, &event), 0);
	assert_int_equal(event.seq, 3);
	assert_string_equal(event.text, "odd \\x1b[31mname\\n\\xff: No such file or directory");
	assert_int_equal(events_next(events, event.seq, &event), -ENOENT);
}

static void test_the_last_ones_are_kept(void **state)
{
	struct events *events = *state;
	struct event event = {};
	char longest[2 * EVENTS_TEXT_MAX];
	int saved = mute(), nr = 0;

	for (int i = 1; i <= EVENTS_MAX + 50; i++)
		log_notice("line %d", i);
	memset(longest, 'x', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	log_notice("%s", longest);
	unmute(saved);
	while (!events_next(events, event.seq, &event)) {
		if (nr == 0) {
			assert_int_equal(event.seq, 52);
			assert_string_equal(event.text, "line 52");
		}
		nr++;
	}
	assert_int_equal(nr, EVENTS_MAX);
	assert_int_equal(strlen(event.text), EVENTS_TEXT_MAX - 1);
	assert_string_equal(event.text + EVENTS_TEXT_MAX - 4, "...");
}

static void *write_lines(void *data)
{
	for (int i = 0; i < NR_LINES; i++)
		log_notice("thread %d says %d", (int)(intptr_t)data, i);
	return NULL;
}

static void test_threads(void **state)
{
	struct events *events = *state;
	pthread_t threads[NR_THREADS];
	struct event event = {};
	int saved = mute(), thread, line;
	uint64_t seq;

	for (intptr_t i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, (void *)i), 0);
	/* Numbers go up, and no line is a mixture. */
	do {
		seq = event.seq;
		if (!events_next(events, seq, &event)) {
			assert_true(event.seq > seq);
			assert_int_equal(sscanf(event.text, "thread %d says %d", &thread, &line), 2);
		} else {
			/* Who only asks keeps the others from writing for minutes under valgrind, which runs one thread at a time. */
			usleep(1000);
		}
	} while (event.seq < NR_THREADS * NR_LINES);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	unmute(saved);
	assert_int_equal(events_next(events, event.seq, &event), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_which_lines_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_last_ones_are_kept, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
