/* SPDX-License-Identifier: GPL-2.0-only */
/* Who might be a game: found by number, made way for, no more than there is room for; and when each is looked at. */
#include "unit.h"

#include "candidates.h"

static int setup(void **state)
{
	struct candidates *candidates = calloc(1, sizeof(*candidates));

	assert_non_null(candidates);
	candidates_init(candidates);
	*state = candidates;
	return 0;
}

static int teardown(void **state)
{
	candidates_deinit(*state);
	free(*state);
	return 0;
}

static struct candidate *put(struct candidates *candidates, pid_t pid, uint64_t start_ticks)
{
	return candidates_find_or_add(candidates, &(struct proc_id){ .pid = pid, .start_ticks = start_ticks });
}

static void test_identity(void **state)
{
	struct candidates *candidates = *state;
	struct candidate *one = put(candidates, 77, 0);

	assert_ptr_equal(candidates_find(candidates, 77), one);
	assert_int_equal(one->due_ns, CANDIDATES_NEVER);
	assert_int_equal(one->pidfd, -1);
	/* Its start was not known; now it is. */
	assert_ptr_equal(put(candidates, 77, 5), one);
	assert_int_equal(one->id.start_ticks, 5);
	assert_ptr_equal(put(candidates, 77, 0), one);
	one->points = 80;
	/* Another process with this number. */
	one = put(candidates, 77, 6);
	assert_int_equal(one->points, 0);
	assert_int_equal(candidates->nr, 1);
	/* In the same bucket. */
	assert_non_null(put(candidates, 77 + CANDIDATES_BUCKETS, 7));
	candidates_drop(candidates, one);
	assert_null(candidates_find(candidates, 77));
	assert_int_equal(candidates_find(candidates, 77 + CANDIDATES_BUCKETS)->id.start_ticks, 7);
	assert_int_equal(candidates->nr, 1);
}

static void test_full(void **state)
{
	struct candidates *candidates = *state;
	struct unit_random random = { 5 };

	for (int i = 1; i <= GAMES_CANDIDATES_MAX; i++)
		assert_non_null(put(candidates, i, 1));
	assert_null(put(candidates, 5000, 1));
	assert_int_equal(candidates->nr_dropped, 1);
	assert_int_equal(candidates->nr, GAMES_CANDIDATES_MAX);
	for (int i = 0; i < 10 * GAMES_CANDIDATES_MAX; i++) {
		struct candidate *candidate = candidates_find(candidates, 1 + (pid_t)unit_random_below(&random, 3000));

		if (candidate)
			candidates_drop(candidates, candidate);
		put(candidates, 1 + (pid_t)unit_random_below(&random, 3000), 1);
	}
	for (pid_t pid = 1; pid <= 3000; pid++) {
		struct candidate *candidate = candidates_find(candidates, pid);

		if (candidate)
			candidates_drop(candidates, candidate);
	}
	assert_int_equal(candidates->nr, 0);
	for (int i = 1; i <= GAMES_CANDIDATES_MAX; i++)
		assert_non_null(put(candidates, i, 1));
}

/* What it holds is given back with it, or with the table; setup and teardown see to it under the sanitizers. */
static void test_what_it_holds(void **state)
{
	int fds = unit_count_fds();

	for (pid_t pid = 1; pid <= 2; pid++) {
		struct candidate *candidate = put(*state, pid, 1);

		candidate->pidfd = dup(STDOUT_FILENO);
		candidate->identity = calloc(1, sizeof(*candidate->identity));
		assert_true(candidate->pidfd >= 0 && candidate->identity);
	}
	candidates_drop(*state, candidates_find(*state, 1));
	assert_int_equal(unit_count_fds(), fds + 1);
	candidates_deinit(*state);
	assert_int_equal(unit_count_fds(), fds);
}

static void test_looks(void **state)
{
	const uint64_t ms = NSEC_PER_MSEC, s = NSEC_PER_SEC, base = 100 * s;
	struct candidate *candidate = put(*state, 77, 1);

	assert_int_equal(candidate_begin(candidate, base), base + 500 * ms);
	assert_int_equal(candidate_next_look(candidate, base + 500 * ms), base + 2 * s);
	assert_int_equal(candidate_next_look(candidate, base + 2 * s), base + 5 * s);
	/* One that was late. */
	assert_int_equal(candidate_next_look(candidate, base + 14 * s), base + 15 * s);
	assert_int_equal(candidate_next_look(candidate, base + 15 * s), CANDIDATES_NEVER);
	/* As long as there is something about it. */
	candidate->gpu = true;
	assert_int_equal(candidate_next_look(candidate, base + 15 * s), base + 45 * s);
	candidate->loading = true;
	assert_int_equal(candidate_next_look(candidate, base + 15 * s), base + 20 * s);
	candidate->loading = candidate->gpu = false;
	/* It is there since long, since some seconds, and longer than the clock has run. */
	candidate_begin_at_age(candidate, 60 * s, base);
	assert_int_equal(candidate_next_look(candidate, base), CANDIDATES_NEVER);
	candidate_begin_at_age(candidate, 3 * s, base);
	assert_int_equal(candidate_next_look(candidate, base), base + 2 * s);
	candidate_begin_at_age(candidate, 1000 * s, base);
	assert_int_equal(candidate_next_look(candidate, base), CANDIDATES_NEVER);
}

#define CANDIDATES_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CANDIDATES_TEST(test_identity), CANDIDATES_TEST(test_full), CANDIDATES_TEST(test_what_it_holds),
		CANDIDATES_TEST(test_looks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
