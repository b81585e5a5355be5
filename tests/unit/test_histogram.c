// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scene's histogram: buckets without gap or overlap, percentiles that are
 * never too low and less than two percent too high.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../tools/scene/histogram.h"

#define MAX_VALUE	((1ull << HISTOGRAM_MAX_BITS) - 1)

static void test_buckets_join(void **state)
{
	unsigned int bucket;

	(void)state;
	assert_int_equal(histogram_bucket_of(0), 0);
	for (bucket = 0; bucket < HISTOGRAM_NR_BUCKETS; bucket++) {
		uint64_t last = histogram_bucket_last(bucket);

		assert_int_equal(histogram_bucket_of(last), bucket);
		if (bucket + 1 < HISTOGRAM_NR_BUCKETS)
			assert_int_equal(histogram_bucket_of(last + 1), bucket + 1);
	}
	assert_true(histogram_bucket_last(HISTOGRAM_NR_BUCKETS - 1) == MAX_VALUE);
}

static void test_bucket_error_is_small(void **state)
{
	uint64_t value;

	(void)state;
	for (value = 1; value < MAX_VALUE; value += value / 97 + 1) {
		uint64_t last = histogram_bucket_last(histogram_bucket_of(value));

		assert_true(last >= value);
		assert_true((double)(last - value) < 0.02 * (double)value);
	}
}

static void test_too_long_is_the_last_bucket(void **state)
{
	(void)state;
	assert_int_equal(histogram_bucket_of(MAX_VALUE + 1), HISTOGRAM_NR_BUCKETS - 1);
	assert_int_equal(histogram_bucket_of(UINT64_MAX), HISTOGRAM_NR_BUCKETS - 1);
}

static struct histogram *new_histogram(void)
{
	struct histogram *hist = calloc(1, sizeof(*hist));

	assert_non_null(hist);
	return hist;
}

static void test_empty(void **state)
{
	struct histogram *hist = new_histogram();

	(void)state;
	assert_int_equal(histogram_get_percentile(hist, 50), 0);
	assert_int_equal(histogram_get_percentile(hist, 100), 0);
	free(hist);
}

static void test_one_value_is_every_percentile(void **state)
{
	struct histogram *hist = new_histogram();
	double percent;

	(void)state;
	histogram_add(hist, 1234567);
	for (percent = 0; percent <= 100; percent += 12.5)
		assert_int_equal(histogram_get_percentile(hist, percent), 1234567);
	free(hist);
}

/* Small values have a bucket each: ranks can be told exactly. */
static void test_rank_is_exact(void **state)
{
	struct histogram *hist = new_histogram();
	int i;

	(void)state;
	for (i = 0; i < 999; i++)
		histogram_add(hist, 5);
	histogram_add(hist, 50);
	assert_int_equal(histogram_get_percentile(hist, 50), 5);
	assert_int_equal(histogram_get_percentile(hist, 99.9), 5);
	assert_int_equal(histogram_get_percentile(hist, 99.91), 50);
	assert_int_equal(histogram_get_percentile(hist, 100), 50);
	assert_int_equal(hist->nr, 1000);
	assert_int_equal(hist->sum_ns, 999 * 5 + 50);
	assert_int_equal(hist->max_ns, 50);
	free(hist);
}

static int compare_values(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* Against sorting, over values of every size, the same in every run. */
static void test_percentiles_match_sorting(void **state)
{
	static const double percents[] = { 1, 10, 50, 90, 99, 99.9, 100 };
	enum { NR_VALUES = 20000 };
	uint64_t *values = calloc(NR_VALUES, sizeof(*values)), x = 88172645463325252ull;
	struct histogram *hist = new_histogram();
	size_t i;

	(void)state;
	assert_non_null(values);
	for (i = 0; i < NR_VALUES; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		values[i] = (x >> 24) >> (x % HISTOGRAM_MAX_BITS);
		histogram_add(hist, values[i]);
	}
	qsort(values, NR_VALUES, sizeof(*values), compare_values);

	for (i = 0; i < sizeof(percents) / sizeof(percents[0]); i++) {
		size_t rank = (size_t)ceil(percents[i] / 100 * NR_VALUES - 1e-6);
		uint64_t exact = values[rank - 1];
		uint64_t got = histogram_get_percentile(hist, percents[i]);

		assert_true(got >= exact);
		assert_true((double)(got - exact) <= 0.02 * (double)exact);
	}
	assert_true(histogram_get_percentile(hist, 100) == values[NR_VALUES - 1]);
	free(values);
	free(hist);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buckets_join),
		cmocka_unit_test(test_bucket_error_is_small),
		cmocka_unit_test(test_too_long_is_the_last_bucket),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_one_value_is_every_percentile),
		cmocka_unit_test(test_rank_is_exact),
		cmocka_unit_test(test_percentiles_match_sorting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
