/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit.h"

#include "focus_rule.h"

#define MS NSEC_PER_MSEC

static void assert_front(struct focus_rule *rule, uint64_t at_ms, bool want)
{
	focus_rule_run(rule, at_ms * MS);
	assert_int_equal(rule->in_front, want);
}

static void test_starts_in_front(void **state)
{
	struct focus_rule rule;

	focus_rule_init(&rule);
	assert_int_equal(focus_rule_deadline(&rule), 0);
	assert_false(focus_rule_run(&rule, 1000000 * MS));
	assert_true(rule.in_front);
}

static void test_away_for_two_seconds(void **state)
{
	struct focus_rule rule;

	focus_rule_init(&rule);
	focus_rule_set(&rule, FOCUS_GAME, 1000 * MS);
	focus_rule_set(&rule, FOCUS_ELSEWHERE, 5000 * MS);
	assert_int_equal(focus_rule_deadline(&rule), 7000 * MS);
	assert_front(&rule, 6999, true);
	assert_true(focus_rule_run(&rule, 7000 * MS));
	assert_front(&rule, 7000, false);
	assert_int_equal(focus_rule_deadline(&rule), 0);
	assert_front(&rule, 99000, false);
	/* Back at once. */
	focus_rule_set(&rule, FOCUS_GAME, 99001 * MS);
	assert_true(rule.in_front);
	assert_int_equal(focus_rule_deadline(&rule), 0);
}

static void test_a_moment_elsewhere(void **state)
{
	struct focus_rule rule;

	focus_rule_init(&rule);
	for (uint64_t at = 0; at < 100; at++) {
		focus_rule_set(&rule, FOCUS_ELSEWHERE, (at * 2000 + 1) * MS);
		assert_front(&rule, at * 2000 + 1999, true);
		focus_rule_set(&rule, FOCUS_GAME, (at * 2000 + 2000) * MS);
	}
	assert_true(rule.in_front);
}

static void test_several_windows_elsewhere_add_up(void **state)
{
	struct focus_rule rule;

	focus_rule_init(&rule);
	focus_rule_set(&rule, FOCUS_GAME, 0);
	for (uint64_t at = 1000; at <= 2900; at += 100)
		focus_rule_set(&rule, at % 300 ? FOCUS_ELSEWHERE : FOCUS_NOWHERE, at * MS);
	assert_front(&rule, 2999, true);
	assert_front(&rule, 3000, false);
}

static void test_no_window_settles(void **state)
{
	struct focus_rule rule;

	focus_rule_init(&rule);
	focus_rule_set(&rule, FOCUS_GAME, 1000 * MS);
	focus_rule_set(&rule, FOCUS_NOWHERE, 2000 * MS);
	assert_int_equal(rule.where, FOCUS_GAME);
	assert_int_equal(focus_rule_deadline(&rule), 2100 * MS);
	assert_false(focus_rule_run(&rule, 2099 * MS));
	/* A second word of it does not begin anew. */
	focus_rule_set(&rule, FOCUS_NOWHERE, 2050 * MS);
	assert_true(focus_rule_run(&rule, 2100 * MS));
	assert_int_equal(rule.where, FOCUS_NOWHERE);
	/* Away from when it came, not from when it settled. */
	assert_int_equal(focus_rule_deadline(&rule), 4000 * MS);
	assert_front(&rule, 3999, true);
	assert_front(&rule, 4000, false);
}

static void test_no_window_in_between(void **state)
{
	struct focus_rule rule;

	focus_rule_init(&rule);
	focus_rule_set(&rule, FOCUS_GAME, 1000 * MS);
	focus_rule_set(&rule, FOCUS_NOWHERE, 2000 * MS);
	focus_rule_set(&rule, FOCUS_GAME, 2099 * MS);
	assert_int_equal(rule.where, FOCUS_GAME);
	assert_int_equal(focus_rule_deadline(&rule), 0);
	assert_false(focus_rule_run(&rule, 90000 * MS));
	assert_true(rule.in_front);
}

/* A loop that was held up decides as if it had not been. */
static void test_late(void **state)
{
	struct focus_rule rule;

	focus_rule_init(&rule);
	focus_rule_set(&rule, FOCUS_NOWHERE, 1000 * MS);
	assert_true(focus_rule_run(&rule, 9000 * MS));
	assert_int_equal(rule.where, FOCUS_NOWHERE);
	assert_false(rule.in_front);
	focus_rule_init(&rule);
	focus_rule_set(&rule, FOCUS_NOWHERE, 1000 * MS);
	/* It had settled before, so elsewhere counts from then. */
	focus_rule_set(&rule, FOCUS_ELSEWHERE, 2900 * MS);
	assert_front(&rule, 2999, true);
	assert_front(&rule, 3000, false);
}

static void test_unknown_is_no_loss(void **state)
{
	struct focus_rule rule;

	focus_rule_init(&rule);
	focus_rule_set(&rule, FOCUS_GAME, 0);
	focus_rule_set(&rule, FOCUS_UNKNOWN, 1 * MS);
	assert_int_equal(focus_rule_deadline(&rule), 0);
	assert_front(&rule, 100000, true);
	focus_rule_set(&rule, FOCUS_ELSEWHERE, 100001 * MS);
	assert_front(&rule, 103000, false);
	focus_rule_set(&rule, FOCUS_UNKNOWN, 103001 * MS);
	assert_true(rule.in_front);
}

/* Any events at any times: the deadline is never passed without a change, and front follows from the history. */
static void test_random_histories(void **state)
{
	struct unit_random random = { 0xf0c5 };

	for (int round = 0; round < FUZZ_ROUNDS; round++) {
		struct focus_rule rule;
		uint64_t now = 1, not_away = 1;
		enum focus_where raw = FOCUS_UNKNOWN;

		focus_rule_init(&rule);
		for (int i = 0; i < 50; i++) {
			uint64_t deadline = focus_rule_deadline(&rule);

			now += unit_random_below(&random, 1500) * MS;
			if (deadline && now >= deadline)
				assert_true(focus_rule_run(&rule, now));
			else
				assert_false(focus_rule_run(&rule, now));
			/* Nowhere for less than the settling time is what was before. */
			if (raw == FOCUS_GAME || raw == FOCUS_UNKNOWN)
				not_away = now;
			if (now - not_away >= FOCUS_AWAY_NS)
				assert_false(rule.in_front);
			if (raw == FOCUS_GAME || raw == FOCUS_UNKNOWN)
				assert_true(rule.in_front);
			raw = unit_random_below(&random, 4);
			focus_rule_set(&rule, raw, now);
			if (raw == FOCUS_GAME || raw == FOCUS_UNKNOWN)
				not_away = now;
			if (focus_rule_deadline(&rule))
				assert_true(focus_rule_deadline(&rule) > now);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_starts_in_front),
		cmocka_unit_test(test_away_for_two_seconds),
		cmocka_unit_test(test_a_moment_elsewhere),
		cmocka_unit_test(test_several_windows_elsewhere_add_up),
		cmocka_unit_test(test_no_window_settles),
		cmocka_unit_test(test_no_window_in_between),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_unknown_is_no_loss),
		cmocka_unit_test(test_random_histories),
	};

	return cmocka_run_group_tests_name("focus_rule", tests, NULL, NULL);
}
