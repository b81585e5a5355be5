/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit.h"

#include "threads.h"
#include "threads_best.h"

#define NOW_NS (1000 * NSEC_PER_SEC)

static int tier(const struct arcade_thread *thread)
{
	return thread->chain_ns && NOW_NS - thread->chain_ns < THREADS_CHAIN_RECENT_NS ? 2 : thread->is_game;
}

/* Who matters more comes first: the rule, told in another way than the room does. */
static int by_rank(const void *a, const void *b)
{
	const struct arcade_thread *x = a, *y = b;
	uint64_t keys_x[] = { tier(x), tier(x) ? x->chain_share : 0, x->run_ns, UINT32_MAX - x->pid };
	uint64_t keys_y[] = { tier(y), tier(y) ? y->chain_share : 0, y->run_ns, UINT32_MAX - y->pid };

	for (size_t i = 0; i < ARRAY_SIZE(keys_x); i++)
		if (keys_x[i] != keys_y[i])
			return keys_x[i] > keys_y[i] ? -1 : 1;
	return 0;
}

static void fill_at_random(struct arcade_thread *threads, uint32_t nr, struct unit_random *random)
{
	memset(threads, 0, nr * sizeof(*threads));
	for (uint32_t i = 0; i < nr; i++) {
		threads[i].pid = i + 1;
		/* Few values, so that many are equal. */
		threads[i].run_ns = unit_random_below(random, 50);
		threads[i].chain_share = (uint16_t)unit_random_below(random, 4);
		threads[i].is_game = unit_random_below(random, 10) == 0;
		if (unit_random_below(random, 5) == 0)
			threads[i].chain_ns = NOW_NS - unit_random_below(random, 10) * NSEC_PER_SEC;
	}
}

static void test_the_best_are_kept_in_order(void **state)
{
	static struct arcade_thread threads[1000];
	static struct threads_best best;
	struct unit_random random = { .state = 3 };
	struct arcade_thread least;

	for (int round = 0; round < 100; round++) {
		uint32_t nr = unit_random_below(&random, round % 2 ? ARRAY_SIZE(threads) : 2 * THREADS_MAX);
		uint32_t nr_kept = nr < THREADS_MAX ? nr : THREADS_MAX;

		fill_at_random(threads, nr, &random);
		threads_best_init(&best, NOW_NS);
		for (uint32_t i = 0; i < nr; i++)
			threads_best_add(&best, &threads[i]);
		assert_int_equal(best.nr, nr_kept);
		qsort(threads, nr, sizeof(*threads), by_rank);
		for (uint32_t i = nr_kept; i-- > 0;) {
			threads_best_take_least(&best, &least);
			assert_memory_equal(&least, &threads[i], sizeof(least));
		}
		assert_int_equal(best.nr, 0);
	}
}

static void test_waits_as_upper_bounds(void **state)
{
	uint16_t waits[ARCADE_HIST_BUCKETS] = { 0 };

	assert_int_equal(threads_wait_us(waits, 0, 500), 0);
	waits[0] = 1;
	assert_int_equal(threads_wait_us(waits, 1, 500), 1);
	assert_int_equal(threads_wait_us(waits, 1, 990), 1);
	/* 99 of 100 below 2^4 units of 1.024 us, one in the last. */
	waits[0] = 0;
	waits[4] = 99;
	waits[ARCADE_HIST_BUCKETS - 1] = 1;
	assert_int_equal(threads_wait_us(waits, 100, 500), 16);
	assert_int_equal(threads_wait_us(waits, 100, 990), 16);
	waits[4] = 98;
	waits[5] = 1;
	assert_int_equal(threads_wait_us(waits, 100, 990), 32);
	assert_int_equal(threads_wait_us(waits, 100, 1000), (1024ULL << (ARCADE_HIST_BUCKETS - 1)) / 1000);
}

static void test_names(void **state)
{
	assert_string_equal(threads_class_name(ARCADE_CLASS_CHAIN), "chain");
	assert_string_equal(threads_class_name(ARCADE_CLASS_BACKGROUND), "background");
	assert_string_equal(threads_class_name(NR_ARCADE_CLASSES), "");
	assert_string_equal(threads_class_name(-1), "");
	assert_string_equal(threads_role_name(ARCADE_THREAD_COMPOSITOR), "compositor");
	assert_string_equal(threads_role_name(NR_ARCADE_THREAD_ROLES), "");
	assert_string_equal(threads_root_name(ARCADE_ROOT_VBLANK), "vblank");
	assert_string_equal(threads_root_name(NR_ARCADE_ROOTS), "");
	for (int class = 0; class < NR_ARCADE_CLASSES; class++)
		assert_true(*threads_class_name(class));
	for (uint32_t role = 0; role < NR_ARCADE_THREAD_ROLES; role++)
		assert_true(*threads_role_name(role));
	for (int root = 0; root < NR_ARCADE_ROOTS; root++)
		assert_true(*threads_root_name(root));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_best_are_kept_in_order),
		cmocka_unit_test(test_waits_as_upper_bounds),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
