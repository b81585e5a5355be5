// SPDX-License-Identifier: GPL-2.0-only
/* Answers into plain memory: what is there, what is missing, and what nobody ever meant. */
#include "unit.h"

#include "snapshot.h"
#include "util.h"

static struct snapshot snapshot;

static int decode(enum target target, const char *text)
{
	json_object *answer = json_tokener_parse(text);
	int err = snapshot_decode(&snapshot, target, answer);

	json_object_put(answer);
	return err;
}

static int begin(void **state)
{
	memset(&snapshot, 0x5a, sizeof(snapshot));
	return 0;
}

static void test_numbers(void **state)
{
	assert_int_equal(
		decode(TARGET_TOP,
		       "{\"packets\":7,\"idle_direct\":-3,\"kicks\":18446744073709551615,\"aged\":1e3,"
		       "\"steals\":\"12\",\"flips\":1e300,\"game_pid\":null,\"lane_packets\":[1,\"x\",3,4,5,6,7]}"),
		0);
	assert_int_equal(snapshot.top.counters[COUNTER_PACKETS], 7);
	assert_int_equal(snapshot.top.counters[COUNTER_IDLE_DIRECT], 0);
	assert_true(snapshot.top.counters[COUNTER_KICKS] == UINT64_MAX);
	assert_int_equal(snapshot.top.counters[COUNTER_AGED], 1000);
	assert_int_equal(snapshot.top.counters[COUNTER_STEALS], 0);
	assert_int_equal(snapshot.top.counters[COUNTER_FLIPS], 0);
	assert_int_equal(snapshot.top.counters[COUNTER_GPU_SUBMITS], 0);
	assert_int_equal(snapshot.top.lane_packets[0], 1);
	assert_int_equal(snapshot.top.lane_packets[1], 0);
	assert_int_equal(snapshot.top.lane_packets[4], 5);
	assert_string_equal(snapshot.top.version, "");
}

static void test_truth(void **state)
{
	assert_int_equal(decode(TARGET_INPUT,
				"{\"devices\":[{\"open\":true},{\"open\":1},{\"open\":0},{\"open\":false},{}]}"),
			 0);
	assert_int_equal(snapshot.nr_devices, 5);
	assert_true(snapshot.devices[0].open && snapshot.devices[1].open);
	assert_false(snapshot.devices[2].open || snapshot.devices[3].open || snapshot.devices[4].open);
	assert_int_equal(snapshot.nr_rings, 0);
}

static void test_not_ours(void **state)
{
	assert_int_equal(decode(TARGET_TOP, "{}"), -EPROTO);
	assert_int_equal(decode(TARGET_TOP, "{\"packets\":1}"), -EPROTO);
	for (enum target target = 0; target < NR_TARGETS; target++) {
		assert_int_equal(decode(target, "[]"), -EPROTO);
		assert_int_equal(decode(target, "\"text\""), -EPROTO);
		assert_int_equal(decode(target, "null"), -EPROTO);
	}
}

/* An answer writes its part whole: nothing of the one before is left. */
static void test_empty_answers(void **state)
{
	for (enum target target = TARGET_CHAINS; target < NR_TARGETS; target++)
		assert_int_equal(decode(target, "{}"), 0);
	assert_int_equal(snapshot.nr_threads, 0);
	assert_int_equal(snapshot.nr_devices, 0);
	assert_int_equal(snapshot.nr_rings, 0);
	assert_int_equal(snapshot.nr_events, 0);
	assert_int_equal(snapshot.nr_options, 0);
	assert_int_equal(snapshot.nr_report, 0);
	assert_string_equal(snapshot.hook, "");
	assert_string_equal(snapshot.modes, "");
	for (int root = 0; root < NR_ROOTS; root++)
		for (int hop = 0; hop < SNAPSHOT_MAX_HOPS; hop++)
			assert_int_equal(hist_count(&snapshot.chains[root].hops[hop]), 0);
}

/* More than there is room for: the first of them, of events the last. */
static void test_too_many(void **state)
{
	char *text = malloc(200000);
	size_t len;

	assert_non_null(text);
	len = (size_t)sprintf(text, "{\"threads\":[");
	for (int i = 0; i < 1000; i++)
		len += (size_t)sprintf(text + len, "%s{\"pid\":%d}", i ? "," : "", i);
	sprintf(text + len, "]}");
	assert_int_equal(decode(TARGET_THREADS, text), 0);
	assert_int_equal(snapshot.nr_threads, SNAPSHOT_MAX_THREADS);
	assert_int_equal(snapshot.threads[SNAPSHOT_MAX_THREADS - 1].pid, SNAPSHOT_MAX_THREADS - 1);
	len = (size_t)sprintf(text, "{\"events\":[");
	for (int i = 0; i < 1000; i++)
		len += (size_t)sprintf(text + len, "%s{\"seq\":%d}", i ? "," : "", i);
	sprintf(text + len, "]}");
	assert_int_equal(decode(TARGET_EVENTS, text), 0);
	assert_int_equal(snapshot.nr_events, SNAPSHOT_MAX_EVENTS);
	assert_int_equal(snapshot.events[SNAPSHOT_MAX_EVENTS - 1].seq, 999);
	free(text);
}

/* A tree of members that are known and values that fit nowhere. */
static json_object *grow(struct unit_random *random, int depth)
{
	static const char *const names[] = {
		"packets", "idle_direct", "lane_packets", "version", "roots",	"root",	   "hops",  "hop",
		"hist",	   "count",	  "ends",	  "end",     "threads", "pid",	   "comm",  "roles",
		"class",   "devices",	  "node",	  "name",    "open",	"rings",   "ring",  "drops",
		"hook",	   "events",	  "text",	  "level",   "modes",	"options", "value", "report",
	};
	static const char *const words[] = { "input", "vblank", "submit", "flip", "", "\x1b[2J\xff\xfe", "chain" };
	json_object *value;
	char text[400];

	switch (unit_random_below(random, depth > 0 ? 9 : 6)) {
	case 0:
		return json_object_new_int64((int64_t)unit_random_next(random));
	case 1:
		return json_object_new_uint64(unit_random_below(random, 8));
	case 2:
		return json_object_new_double((double)(int64_t)unit_random_next(random) * 1e3);
	case 3:
		return json_object_new_string(words[unit_random_below(random, ARRAY_SIZE(words))]);
	case 4:
		unit_random_string(random, "\xe5\x8e\x9f", text, sizeof(text) - 1);
		return json_object_new_string(text);
	case 5:
		return unit_random_below(random, 2) ? NULL : json_object_new_boolean(1);
	case 6:
		value = json_object_new_array();
		for (uint32_t n = unit_random_below(random, 30); n; n--)
			json_object_array_add(value, grow(random, depth - 1));
		return value;
	default:
		value = json_object_new_object();
		for (uint32_t n = unit_random_below(random, 12); n; n--)
			json_object_object_add(value, names[unit_random_below(random, ARRAY_SIZE(names))],
					       grow(random, depth - 1));
		return value;
	}
}

static void assert_terminated(const char *text, size_t size)
{
	assert_true(memchr(text, '\0', size));
}

static void test_anything(void **state)
{
	struct unit_random random = { 20261125 };

	for (int i = 0; i < FUZZ_ROUNDS; i++) {
		json_object *answer = json_object_new_object();
		enum target target = unit_random_below(&random, NR_TARGETS);
		static const char *const lists[] = { "roots",	"threads", "devices", "rings", "events",
						     "options", "modes",   "report",  "hook" };

		/* Get beyond the first member. */
		for (size_t k = 0; k < ARRAY_SIZE(lists); k++)
			json_object_object_add(answer, lists[k], grow(&random, 5));
		json_object_object_add(answer, "packets", grow(&random, 1));
		snapshot_decode(&snapshot, target, answer);
		json_object_put(answer);
		assert_true(target != TARGET_THREADS || snapshot.nr_threads <= SNAPSHOT_MAX_THREADS);
		assert_true(target != TARGET_EVENTS || snapshot.nr_events <= SNAPSHOT_MAX_EVENTS);
		for (uint32_t k = 0; target == TARGET_THREADS && k < snapshot.nr_threads; k++)
			assert_terminated(snapshot.threads[k].comm, sizeof(snapshot.threads[k].comm));
		for (uint32_t k = 0; target == TARGET_EVENTS && k < snapshot.nr_events; k++)
			assert_terminated(snapshot.events[k].text, sizeof(snapshot.events[k].text));
		if (target == TARGET_OPTIONS)
			assert_terminated(snapshot.modes, sizeof(snapshot.modes));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_numbers, begin),	   cmocka_unit_test_setup(test_truth, begin),
		cmocka_unit_test_setup(test_not_ours, begin),	   cmocka_unit_test_setup(test_empty_answers, begin),
		cmocka_unit_test_setup(test_too_many, begin),	   cmocka_unit_test_setup(test_anything, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
