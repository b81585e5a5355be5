// SPDX-License-Identifier: GPL-2.0-only
/* From snapshots to figures: rates, distributions, history, resets and restarts. */
#include "unit.h"

#include <math.h>

#include "model.h"

#define SEC 1000000000ULL

static struct model model;
static struct snapshot snapshot;

static int begin(void **state)
{
	memset(&model, 0, sizeof(model));
	memset(&snapshot, 0, sizeof(snapshot));
	snapshot.top.time_ns = 1000 * SEC;
	snapshot.top.uptime_ns = 100 * SEC;
	return 0;
}

static void pass(double seconds)
{
	uint64_t ns = (uint64_t)(seconds * SEC);

	snapshot.top.time_ns += ns;
	snapshot.top.uptime_ns += ns;
}

static uint64_t *hist_of_clicks(void)
{
	return snapshot.chains[ROOT_INPUT].ends[END_SUBMIT].buckets;
}

static void test_hist(void **state)
{
	struct hist hist = { { 0 } }, before = { { 0 } }, since;

	assert_int_equal(hist_quantile_us(&hist, 500), 0);
	hist.buckets[0] = 1;
	assert_int_equal(hist_quantile_us(&hist, 500), 1);
	hist.buckets[0] = 0;
	hist.buckets[5] = 98;
	hist.buckets[9] = 2;
	assert_int_equal(hist_quantile_us(&hist, 500), 32);
	assert_int_equal(hist_quantile_us(&hist, 980), 32);
	assert_int_equal(hist_quantile_us(&hist, 990), 512);
	assert_int_equal(hist_count(&hist), 100);
	before.buckets[5] = 90;
	before.buckets[9] = 3;	/* began anew */
	since = hist_since(&hist, &before);
	assert_int_equal(since.buckets[5], 8);
	assert_int_equal(since.buckets[9], 2);
	for (int i = 0; i < ARCADE_HIST_BUCKETS; i++)
		hist.buckets[i] = UINT64_MAX;
	assert_true(hist_count(&hist) == UINT64_MAX);
	assert_int_equal(hist_quantile_us(&hist, 500), 1 << 11);
	assert_int_equal(hist_quantile_us(&hist, 1000), 1 << 23);
}

static void test_series(void **state)
{
	static struct series series;

	assert_true(isnan(series_at(&series, 0)));
	assert_true(series_max(&series, 10) == 0);
	for (int i = 0; i < 1000; i++)
		series_add(&series, i);
	assert_true(series_at(&series, 0) == 999);
	assert_true(series_at(&series, SERIES_LENGTH - 1) == 1000 - SERIES_LENGTH);
	assert_true(isnan(series_at(&series, SERIES_LENGTH)));
	series_add_gap(&series);
	assert_true(isnan(series_at(&series, 0)));
	assert_true(series_max(&series, 3) == 999);
}

static void test_rates(void **state)
{
	snapshot.top.counters[COUNTER_PACKETS] = 5000;
	model_update(&model, &snapshot);
	assert_true(isnan(model.rates[COUNTER_PACKETS]));
	assert_int_equal(model.totals[COUNTER_PACKETS], 5000);
	assert_int_equal(model.series[SERIES_PACKETS].nr, 0);
	pass(0.5);
	snapshot.top.counters[COUNTER_PACKETS] = 5500;
	snapshot.top.lane_packets[ARCADE_LANE_MOUSE] = 250;
	model_update(&model, &snapshot);
	assert_true(fabs(model.rates[COUNTER_PACKETS] - 1000) < 1e-6);
	assert_true(fabs(model.lane_rates[ARCADE_LANE_MOUSE] - 500) < 1e-6);
	assert_true(fabs(series_at(&model.series[SERIES_PACKETS], 0) - 1000) < 1e-6);
	/* The daemon's snapshot of a moment ago once more changes nothing. */
	model_update(&model, &snapshot);
	assert_true(fabs(model.rates[COUNTER_PACKETS] - 1000) < 1e-6);
	assert_int_equal(model.series[SERIES_PACKETS].nr, 1);
}

static void test_shares(void **state)
{
	model_update(&model, &snapshot);
	assert_true(isnan(model_idle_share(&model)));
	pass(1);
	snapshot.top.counters[COUNTER_IDLE_DIRECT] = 75;
	snapshot.top.counters[COUNTER_QUEUED_LLC] = 20;
	snapshot.top.counters[COUNTER_QUEUED_CPU] = 5;
	snapshot.top.counters[COUNTER_PREEMPTS_CHAIN] = 3;
	snapshot.top.counters[COUNTER_PREEMPTS_NORMAL] = 4;
	model_update(&model, &snapshot);
	assert_true(fabs(model_idle_share(&model) - 0.75) < 1e-9);
	assert_true(fabs(model_preempt_rate(&model) - 7) < 1e-9);
	/* Nobody woke up: there is no share of nothing. */
	pass(1);
	model_update(&model, &snapshot);
	assert_true(isnan(model_idle_share(&model)));
}

static void test_reset(void **state)
{
	snapshot.top.counters[COUNTER_FLIPS] = 600;
	hist_of_clicks()[12] = 100;
	snapshot.nr_rings = 2;
	snapshot.rings[1] = (struct ring_facts){ .ring = 1, .records = 50, .drops = 7 };
	snapshot.nr_devices = 1;
	strcpy(snapshot.devices[0].node, "event5");
	snapshot.devices[0].packets = 40;
	model_update(&model, &snapshot);
	assert_true(model_span_ns(&model) == 100 * SEC);
	assert_int_equal(model_drops(&model), 7);
	model_reset(&model);
	assert_true(model_span_ns(&model) == 0);
	assert_int_equal(model.totals[COUNTER_FLIPS], 0);
	assert_int_equal(hist_count(&model.chains[ROOT_INPUT].ends[END_SUBMIT]), 0);
	assert_int_equal(model_drops(&model), 0);
	assert_int_equal(model.device_packets[0], 0);
	pass(2);
	snapshot.top.counters[COUNTER_FLIPS] = 720;
	hist_of_clicks()[3] = 10;
	snapshot.rings[1].drops = 8;
	snapshot.devices[0].packets = 45;
	model_update(&model, &snapshot);
	assert_true(model_span_ns(&model) == 2 * SEC);
	assert_int_equal(model.totals[COUNTER_FLIPS], 120);
	assert_true(fabs(model.rates[COUNTER_FLIPS] - 60) < 1e-6);
	assert_int_equal(hist_quantile_us(&model.chains[ROOT_INPUT].ends[END_SUBMIT], 990), 8);
	assert_int_equal(model_drops(&model), 1);
	assert_int_equal(model.device_packets[0], 5);
	/* Of the interval, not of all time. */
	assert_true(series_at(&model.series[SERIES_CLICK_SUBMIT], 0) == 8);
}

/* A new daemon: no difference with the old one, and what was reset is no more. */
static void test_restart(void **state)
{
	snapshot.top.counters[COUNTER_PACKETS] = 1000000;
	model_update(&model, &snapshot);
	model_reset(&model);
	pass(1);
	snapshot.top.counters[COUNTER_PACKETS] = 1001000;
	model_update(&model, &snapshot);
	assert_int_equal(model.nr_restarts, 0);
	pass(5);
	snapshot.top.uptime_ns = 2 * SEC;
	snapshot.top.counters[COUNTER_PACKETS] = 300;
	model_update(&model, &snapshot);
	assert_int_equal(model.nr_restarts, 1);
	assert_true(isnan(model.rates[COUNTER_PACKETS]));
	assert_int_equal(model.totals[COUNTER_PACKETS], 300);
	assert_true(isnan(series_at(&model.series[SERIES_PACKETS], 0)));
	assert_true(model_span_ns(&model) == 2 * SEC);
	pass(1);
	snapshot.top.counters[COUNTER_PACKETS] = 400;
	model_update(&model, &snapshot);
	assert_true(fabs(model.rates[COUNTER_PACKETS] - 100) < 1e-6);
}

/* One that has more than the old one had already, because nobody looked for long. */
static void test_restart_overtakes(void **state)
{
	snapshot.top.uptime_ns = 3 * SEC;
	snapshot.top.counters[COUNTER_PACKETS] = 10;
	model_update(&model, &snapshot);
	snapshot.top.time_ns += 100 * SEC;
	snapshot.top.uptime_ns = 50 * SEC;
	snapshot.top.counters[COUNTER_PACKETS] = 100000;
	model_update(&model, &snapshot);
	assert_int_equal(model.nr_restarts, 1);
	assert_true(isnan(model.rates[COUNTER_PACKETS]));
}

/* The scheduler begins anew after CPU hotplug, the daemon's time does not. */
static void test_restart_of_counters(void **state)
{
	snapshot.top.counters[COUNTER_KICKS] = 10;
	model_update(&model, &snapshot);
	pass(1);
	snapshot.top.counters[COUNTER_KICKS] = 4;
	model_update(&model, &snapshot);
	assert_int_equal(model.nr_restarts, 1);
	assert_true(isnan(model.rates[COUNTER_KICKS]));
}

static void test_unknown_age(void **state)
{
	snapshot.top.uptime_ns = 0;
	model_update(&model, &snapshot);
	snapshot.top.time_ns += SEC;
	snapshot.top.counters[COUNTER_PACKETS] = 7;
	model_update(&model, &snapshot);
	assert_int_equal(model.nr_restarts, 0);
	assert_true(fabs(model.rates[COUNTER_PACKETS] - 7) < 1e-6);
}

static void test_loss(void **state)
{
	model_lose(&model);
	assert_int_equal(model.series[SERIES_PACKETS].nr, 0);
	model_update(&model, &snapshot);
	pass(1);
	model_update(&model, &snapshot);
	model_lose(&model);
	assert_true(isnan(model.rates[COUNTER_PACKETS]));
	assert_int_equal(model.series[SERIES_PACKETS].nr, 2);
	assert_true(isnan(series_at(&model.series[SERIES_PACKETS], 0)));
	assert_true(model.valid);
}

static void set_thread(uint32_t i, uint64_t pid, const char *name, uint64_t run_ns, uint64_t runs, uint64_t wait_us)
{
	snapshot.threads[i].pid = snapshot.threads[i].tgid = pid;
	snprintf(snapshot.threads[i].comm, sizeof(snapshot.threads[i].comm), "%s", name);
	snapshot.threads[i].run_ns = run_ns;
	snapshot.threads[i].runs = runs;
	snapshot.threads[i].wait_p99_us = wait_us;
	if (snapshot.nr_threads <= i)
		snapshot.nr_threads = i + 1;
}

static void test_threads(void **state)
{
	uint32_t order[SNAPSHOT_MAX_THREADS];

	set_thread(0, 10, "beta", 0, 0, 16);
	set_thread(1, 20, "Alpha", 500, 5, 64);
	set_thread(2, 30, "gamma", SEC, 100, 4);
	model_update(&model, &snapshot);
	pass(2);
	/* They changed places, and 20 is another thread now: its time is less than before. */
	set_thread(0, 30, "gamma", 2 * SEC, 300, 4);
	set_thread(1, 20, "Alpha", 100, 1, 64);
	set_thread(2, 10, "beta", SEC / 2, 2, 16);
	set_thread(3, 40, "delta", SEC, 2, 16);
	model_update(&model, &snapshot);
	assert_true(fabs(model.thread_cpu[0] - 0.5) < 1e-9);
	assert_true(fabs(model.thread_runs[0] - 100) < 1e-9);
	assert_true(isnan(model.thread_cpu[1]));
	assert_true(fabs(model.thread_cpu[2] - 0.25) < 1e-9);
	assert_true(isnan(model.thread_cpu[3]));

	model_sort_threads(&model, SORT_RANK, order);
	assert_int_equal(order[0], 0);
	assert_int_equal(order[3], 3);
	model_sort_threads(&model, SORT_CPU, order);
	assert_int_equal(order[0], 0);
	assert_int_equal(order[1], 2);
	assert_int_equal(order[2], 1);	/* not known: last, in the daemon's order */
	assert_int_equal(order[3], 3);
	model_sort_threads(&model, SORT_WAIT, order);
	assert_int_equal(order[0], 1);
	assert_int_equal(order[3], 0);
	model_sort_threads(&model, SORT_NAME, order);
	assert_int_equal(order[0], 1);
	assert_int_equal(order[1], 2);
}

static void test_hop_names(void **state)
{
	set_thread(0, 10, "reader", 0, 10, 0);
	set_thread(1, 11, "busy", 0, 10, 0);
	for (int i = 0; i < 2; i++) {
		snapshot.threads[i].hop = 2;
		strcpy(snapshot.threads[i].root, "input");
	}
	model_update(&model, &snapshot);
	pass(1);
	snapshot.threads[1].runs = 500;
	snapshot.threads[0].runs = 20;
	model_update(&model, &snapshot);
	assert_string_equal(model_hop_thread(&model, ROOT_INPUT, 2)->comm, "busy");
	assert_null(model_hop_thread(&model, ROOT_INPUT, 1));
	assert_null(model_hop_thread(&model, ROOT_AUDIO, 2));
}

/* A thousand snapshots of nonsense: no rate below nothing, nothing for UBSan. */
static void test_nonsense(void **state)
{
	struct unit_random random = { 20261123 };

	for (int i = 0; i < 1000; i++) {
		uint64_t *words = (uint64_t *)&snapshot.top.counters;

		pass(unit_random_below(&random, 3));
		if (unit_random_below(&random, 20) == 0)
			snapshot.top.uptime_ns = unit_random_next(&random);
		for (int k = 0; k < NR_COUNTERS; k++)
			words[k] = unit_random_below(&random, 3) ? words[k] + unit_random_below(&random, 1000) :
								    unit_random_next(&random);
		for (int k = 0; k < ARCADE_HIST_BUCKETS; k++)
			hist_of_clicks()[k] = unit_random_next(&random);
		snapshot.nr_rings = unit_random_below(&random, SNAPSHOT_MAX_RINGS + 1);
		for (uint32_t k = 0; k < snapshot.nr_rings; k++)
			snapshot.rings[k] = (struct ring_facts){ unit_random_next(&random) >> unit_random_below(&random, 64),
								 unit_random_next(&random), unit_random_next(&random) };
		if (unit_random_below(&random, 30) == 0)
			model_reset(&model);
		model_update(&model, &snapshot);
		model_drops(&model);
		for (int k = 0; k < NR_COUNTERS; k++)
			assert_true(isnan(model.rates[k]) || model.rates[k] >= 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_hist, begin),
		cmocka_unit_test_setup(test_series, begin),
		cmocka_unit_test_setup(test_rates, begin),
		cmocka_unit_test_setup(test_shares, begin),
		cmocka_unit_test_setup(test_reset, begin),
		cmocka_unit_test_setup(test_restart, begin),
		cmocka_unit_test_setup(test_restart_overtakes, begin),
		cmocka_unit_test_setup(test_restart_of_counters, begin),
		cmocka_unit_test_setup(test_unknown_age, begin),
		cmocka_unit_test_setup(test_loss, begin),
		cmocka_unit_test_setup(test_threads, begin),
		cmocka_unit_test_setup(test_hop_names, begin),
		cmocka_unit_test_setup(test_nonsense, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
