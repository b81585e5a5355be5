// SPDX-License-Identifier: GPL-2.0-only
/* Figures for people: three digits, a unit, never wider than a column. */
#include "unit.h"

#include <math.h>
#include <time.h>

#include "format.h"

static char buf[FORMAT_SIZE];

static void test_counts(void **state)
{
	assert_string_equal(format_count(buf, 0), "0");
	assert_string_equal(format_count(buf, 9999), "9999");
	assert_string_equal(format_count(buf, 10000), "10.0k");
	assert_string_equal(format_count(buf, 123456), "123k");
	assert_string_equal(format_count(buf, 999499), "999k");
	assert_string_equal(format_count(buf, 999500), "1.00M");
	assert_string_equal(format_count(buf, 4560000), "4.56M");
	assert_string_equal(format_count(buf, UINT64_MAX), "18.4E");
}

static void test_rates(void **state)
{
	assert_string_equal(format_rate(buf, NAN), "-");
	assert_string_equal(format_rate(buf, 0), "0");
	assert_string_equal(format_rate(buf, 0.25), "0.25");
	assert_string_equal(format_rate(buf, 9.996), "10.0");
	assert_string_equal(format_rate(buf, 59.94), "59.9");
	assert_string_equal(format_rate(buf, 99.96), "100");
	assert_string_equal(format_rate(buf, 999.7), "1000");
	assert_string_equal(format_rate(buf, 12345), "12.3k");
	assert_string_equal(format_rate(buf, 1e30), "huge");
	assert_string_equal(format_rate(buf, INFINITY), "huge");
}

static void test_times(void **state)
{
	assert_string_equal(format_us(buf, 0), "0 us");
	assert_string_equal(format_us(buf, 512), "512 us");
	assert_string_equal(format_us(buf, 1024), "1.02 ms");
	assert_string_equal(format_us(buf, 16384), "16.4 ms");
	assert_string_equal(format_us(buf, 999500), "1.00 s");
	assert_string_equal(format_us(buf, UINT64_MAX), "> 999 s");
	assert_string_equal(format_ns(buf, 0), "0 us");
	assert_string_equal(format_ns(buf, 999), "< 1 us");
	assert_string_equal(format_ns(buf, 3210000), "3.21 ms");
	assert_string_equal(format_duration(buf, 59999999999ULL), "59 s");
	assert_string_equal(format_duration(buf, 312ULL * 1000000000), "5 m 12 s");
	assert_string_equal(format_duration(buf, 3780ULL * 1000000000), "1 h 03 m");
	assert_string_equal(format_duration(buf, 1051200ULL * 1000000000), "12 d 4 h");
	assert_string_equal(format_duration(buf, UINT64_MAX), "> 999 d");
}

static void test_shares(void **state)
{
	assert_string_equal(format_percent(buf, NAN), "-");
	assert_string_equal(format_percent(buf, 0), "0%");
	assert_string_equal(format_percent(buf, 0.123), "12.3%");
	assert_string_equal(format_percent(buf, 1), "100%");
	assert_string_equal(format_percent(buf, 1e9), "huge");
}

static void test_clock(void **state)
{
	setenv("TZ", "UTC", 1);
	tzset();
	assert_string_equal(format_clock(buf, 1790000000000ULL), "14:13:20");
	/* A year that has no name. */
	format_clock(buf, UINT64_MAX);
	assert_true(strlen(buf) == 8);
}

/* Whatever comes, a column of figures stays a column. */
static void test_any_value_fits(void **state)
{
	struct unit_random random = { 20261121 };

	for (int i = 0; i < 200000; i++) {
		uint64_t value = unit_random_next(&random) >> unit_random_below(&random, 64);
		double rate = (double)value / 997;

		assert_true(strlen(format_count(buf, value)) <= FORMAT_COLUMNS);
		assert_true(strlen(format_rate(buf, rate)) <= FORMAT_COLUMNS);
		assert_true(strlen(format_us(buf, value)) <= FORMAT_COLUMNS);
		assert_true(strlen(format_ns(buf, value)) <= FORMAT_COLUMNS);
		assert_true(strlen(format_percent(buf, rate)) <= FORMAT_COLUMNS);
		assert_true(strlen(format_duration(buf, value)) <= FORMAT_COLUMNS + 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts), cmocka_unit_test(test_rates), cmocka_unit_test(test_times),
		cmocka_unit_test(test_shares), cmocka_unit_test(test_clock), cmocka_unit_test(test_any_value_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
