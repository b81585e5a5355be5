/* SPDX-License-Identifier: GPL-2.0-only */
/* The three ways of a snapshot onto paper, and the quantiles of its histograms. */
#include "unit.h"

#include "stats.h"

static struct stats_snapshot sample(void)
{
	struct stats_snapshot snapshot = { .time_ns = 7000000000 };
	uint64_t *words = (uint64_t *)&snapshot.kernel;

	for (size_t i = 0; i < sizeof(snapshot.kernel) / sizeof(*words); i++)
		words[i] = 1000 + i;
	return snapshot;
}

static void test_quantiles(void **state)
{
	uint64_t hist[ARCADE_HIST_BUCKETS] = { 0 };

	assert_int_equal(stats_hist_quantile_us(hist, 500), 0);
	hist[3] = 98;
	hist[10] = 2;
	assert_int_equal(stats_hist_quantile_us(hist, 500), 8);
	assert_int_equal(stats_hist_quantile_us(hist, 980), 8);
	assert_int_equal(stats_hist_quantile_us(hist, 990), 1024);
	assert_int_equal(stats_hist_quantile_us(hist, 1000), 1024);
}

static void test_json_is_one_balanced_line(void **state)
{
	struct stats_snapshot snapshot = sample();
	char *text = NULL;
	int braces = 0, brackets = 0, newlines = 0;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	stats_print_json(out, &snapshot);
	fclose(out);
	for (size_t i = 0; i < len; i++) {
		braces += (text[i] == '{') - (text[i] == '}');
		brackets += (text[i] == '[') - (text[i] == ']');
		newlines += text[i] == '\n';
		assert_true(braces >= (i + 1 < len - 1) && brackets >= 0);
	}
	assert_int_equal(braces, 0);
	assert_int_equal(brackets, 0);
	assert_int_equal(newlines, 1);
	assert_int_equal(text[len - 1], '\n');
	assert_non_null(strstr(text, "\"packets\":1000,"));
	assert_non_null(strstr(text, "\"wait_max_ns\":"));
	free(text);
}

/* Every member that --help-stats names is in the object, and no member is there twice. */
static void test_help_names_every_member(void **state)
{
	struct stats_snapshot snapshot = sample();
	char *json = NULL, *help = NULL, *line, *rest, member[64];
	size_t len;
	FILE *out = open_memstream(&json, &len);
	int nr = 0;

	stats_print_json(out, &snapshot);
	fclose(out);
	out = open_memstream(&help, &len);
	stats_print_help(out);
	fclose(out);
	for (rest = help; (line = strsep(&rest, "\n"));) {
		char name[48];

		if (strncmp(line, "  ", 2) || sscanf(line, " %47s", name) != 1 || strstr(name, "hopN"))
			continue;
		snprintf(member, sizeof(member), "\"%s\":", name);
		assert_non_null(strstr(json, member));
		assert_null(strstr(strstr(json, member) + 1, member));
		nr++;
	}
	assert_true(nr > 30);
	free(json);
	free(help);
}

static void test_line_and_table_show_differences(void **state)
{
	struct stats_snapshot before = sample(), now = before;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	now.time_ns += 2000000000;
	now.kernel.nr_packets += 500;
	now.active_lanes = 1u << ARCADE_LANE_MOUSE;
	stats_print_line(out, &now, &before);
	stats_print_table(out, &now, &before);
	fclose(out);
	assert_non_null(strstr(text, "packets 250/s"));
	assert_non_null(strstr(text, "acts on: mouse\n"));
	free(text);
	/* No time between two snapshots is no reason to divide by it. */
	out = open_memstream(&text, &len);
	stats_print_line(out, &before, &before);
	fclose(out);
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "inf"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_json_is_one_balanced_line),
		cmocka_unit_test(test_help_names_every_member),
		cmocka_unit_test(test_line_and_table_show_differences),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
