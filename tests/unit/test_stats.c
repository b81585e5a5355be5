/* SPDX-License-Identifier: GPL-2.0-only */
/* The three ways of a snapshot onto paper, and the quantiles of its histograms. */
#include "unit.h"

#include "monitor.h"
#include "openmetrics.h"
#include "stats.h"
#include "stats_json.h"

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

static void test_line_shows_differences(void **state)
{
	struct stats_snapshot before = sample(), now = before;
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	now.time_ns += 2000000000;
	now.kernel.nr_packets += 500;
	stats_print_line(out, &now, &before);
	fclose(out);
	assert_non_null(strstr(text, "packets 250/s"));
	free(text);
	/* No time between two snapshots is no reason to divide by it. */
	out = open_memstream(&text, &len);
	stats_print_line(out, &before, &before);
	fclose(out);
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "inf"));
	free(text);
}

static void test_table_shows_differences(void **state)
{
	struct stats_snapshot before = sample(), now = before;
	json_object *was, *is;
	char *text = NULL;
	size_t len;
	FILE *out;

	now.time_ns += 2000000000;
	now.kernel.nr_packets += 500;
	snprintf(now.acting, sizeof(now.acting), "mouse");
	snprintf(now.mode, sizeof(now.mode), "\033[31mred");
	was = stats_json_top(&before);
	is = stats_json_top(&now);
	out = open_memstream(&text, &len);
	monitor_print(out, is, was);
	fclose(out);
	assert_non_null(strstr(text, "acts on: mouse\n"));
	assert_non_null(strstr(text, "packets                            1500        250.0\n"));
	assert_null(strchr(text, '\033'));
	free(text);
	/* The first one, one of a daemon that was started anew, and one that lacks everything. */
	json_object_put(was);
	out = open_memstream(&text, &len);
	monitor_print(out, is, NULL);
	was = stats_json_top(&now);
	json_object_put(is);
	is = stats_json_top(&before);
	monitor_print(out, is, was);
	json_object_put(is);
	is = json_object_new_object();
	monitor_print(out, is, was);
	fclose(out);
	assert_null(strstr(text, "nan"));
	assert_null(strstr(text, "-"));
	free(text);
	json_object_put(was);
	json_object_put(is);
}

static void test_lanes(void **state)
{
	char text[64];

	stats_describe_lanes(0, text, sizeof(text));
	assert_string_equal(text, "none");
	stats_describe_lanes(1u << ARCADE_LANE_MOUSE | 1u << ARCADE_LANE_KEYBOARD, text, sizeof(text));
	assert_string_equal(text, "keyboard, mouse");
	stats_describe_lanes(UINT32_MAX, text, 10);
	assert_int_equal(strlen(text), 9);
}

/* The form that collectors read, by hand: no two samples alike, families together, buckets that add up, an end. */
static void test_openmetrics(void **state)
{
	struct stats_snapshot now = sample();
	json_object *top, *chains;
	char *text = NULL, *line, *rest, family[128] = "";
	uint64_t bucket = 0, value;
	int nr_families = 0, nr_samples = 0;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	for (size_t i = 0; i < LOOP_HIST_BUCKETS; i++)
		now.loop.round_hist[i] = i;
	now.loop.busy_ns = 1500000001;
	snprintf(now.mode, sizeof(now.mode), "a\"b\\c");
	top = stats_json_top(&now);
	chains = stats_json_chains(&now);
	openmetrics_print(out, top, chains);
	fclose(out);
	assert_string_equal(text + len - strlen("\n# EOF\n"), "\n# EOF\n");
	assert_non_null(strstr(text, "\nscx_arcade_packets_total 1000\n"));
	assert_non_null(strstr(text, "\nscx_arcade_loop_round_seconds_sum 1.500000001\n"));
	assert_non_null(strstr(text, "\nscx_arcade_loop_round_seconds_bucket{le=\"0.000001000\"} 0\n"));
	assert_non_null(strstr(text, "mode=\"a\\\"b\\\\c\""));
	assert_non_null(strstr(text, "_bucket{root=\"audio\",hop=\"6\",le=\"+Inf\"}"));
	for (rest = text; (line = strsep(&rest, "\n")) && *line;) {
		char name[128];

		if (sscanf(line, "# TYPE %127s", name) == 1) {
			assert_string_not_equal(name, family);
			strcpy(family, name);
			nr_families++;
		} else if (*line != '#') {
			assert_int_equal(strncmp(line, family, strlen(family)), 0);
			assert_non_null(strrchr(line, ' '));
			nr_samples++;
			if (strstr(line, "_bucket{")) {
				value = strtoull(strrchr(line, ' ') + 1, NULL, 10);
				if (!strstr(line, "le=\"0.000001000\""))
					assert_true(value >= bucket);
				bucket = value;
			}
		}
	}
	assert_true(nr_families > 60);
	assert_true(nr_samples > 500);
	free(text);
	json_object_put(top);
	json_object_put(chains);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_json_is_one_balanced_line),
		cmocka_unit_test(test_help_names_every_member),
		cmocka_unit_test(test_line_shows_differences),
		cmocka_unit_test(test_table_shows_differences),
		cmocka_unit_test(test_lanes),
		cmocka_unit_test(test_openmetrics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
