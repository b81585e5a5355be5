// SPDX-License-Identifier: GPL-2.0-only
/*
 * report - one run, its figures, and the table of several
 */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>

#include "util.h"

#define WARM_UP_NS SIM_S

const char *const arm_names[] = {
	[SIM_ARM_EEVDF] = "eevdf", [SIM_ARM_NICE] = "nice-10", [SIM_ARM_NEUTRAL] = "neutral", [SIM_ARM_GAME] = "game",
};

void samples_add(struct sim_samples *samples, u64 value)
{
	if (samples->nr == samples->max) {
		samples->max = samples->max ? 2 * samples->max : 4096;
		samples->values = realloc(samples->values, samples->max * sizeof(*samples->values));
		if (!samples->values)
			abort();
	}
	samples->values[samples->nr++] = value;
}

static int compare_values(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* 0 when there are none. */
u64 samples_percentile(struct sim_samples *samples, double percent)
{
	if (!samples->nr)
		return 0;
	qsort(samples->values, samples->nr, sizeof(*samples->values), compare_values);
	return samples->values[(u32)((samples->nr - 1) * percent / 100)];
}

static void sim_free(struct sim *sim)
{
	for (s32 i = 0; i < sim->nr_tasks; i++)
		free(sim->tasks[i]);
	free(sim->events);
	free(sim->scene);
	free(sim->sched_data);
	free(sim->stats.frame.values);
	free(sim->stats.input_game.values);
	free(sim->stats.input_render.values);
	free(sim);
}

static double percent_of(u64 part, u64 whole)
{
	return whole ? 100.0 * (double)part / (double)whole : 0;
}

bool result_of_run(const struct sim_options *opt, struct sim_result *result)
{
	struct sim *sim = calloc(1, sizeof(*sim));
	struct sim_stats *stats;
	u64 nr_frames;
	double ns;

	if (!sim)
		abort();
	stats = &sim->stats;
	sim->opt = opt;
	sim->sched = opt->arm == SIM_ARM_EEVDF || opt->arm == SIM_ARM_NICE ? &sched_eevdf : &sched_arcade;
	if (!machine_init(sim, opt->machine)) {
		free(sim);
		return false;
	}
	sim->measure_ns = WARM_UP_NS;
	sim->end_ns = WARM_UP_NS + opt->seconds * SIM_S;
	sim->sched->init(sim);
	work_init(sim);
	sim_run(sim);
	work_end(sim);

	ns = (double)(opt->seconds * SIM_S);
	nr_frames = stats->nr_frames + stats->nr_frames_skipped;
	*result = (struct sim_result){
		.arm = opt->arm,
		.missed_percent = percent_of(stats->nr_frames_late + stats->nr_frames_skipped, nr_frames),
		.frame_p50_us = (double)samples_percentile(&stats->frame, 50) / 1e3,
		.frame_p99_us = (double)samples_percentile(&stats->frame, 99) / 1e3,
		.input_game_p50_us = (double)samples_percentile(&stats->input_game, 50) / 1e3,
		.input_game_p99_us = (double)samples_percentile(&stats->input_game, 99) / 1e3,
		.input_render_p99_us = (double)samples_percentile(&stats->input_render, 99) / 1e3,
		.xruns_percent = percent_of(stats->nr_xruns, stats->nr_periods),
		.hogs_cpus = (double)stats->hog_ns / ns,
		.compile_cpus = (double)stats->compile_ns / ns,
		.background_cpus = (double)(stats->hog_ns + stats->compile_ns + stats->fork_ns) / ns,
		.forks_per_s = (double)stats->nr_forks / (double)opt->seconds,
		.migrations_per_s = (double)stats->nr_migrations / (double)opt->seconds,
		.home_percent = percent_of(stats->game_home_ns, stats->game_ns),
		.wait_max_ms = (double)stats->wait_max_ns / 1e6,
		.wait_max_name = stats->wait_max_name ? stats->wait_max_name : "-",
		.idle_starved_ms = (double)stats->idle_starved_max_ns / 1e6,
		.steals_per_s = (double)stats->nr_steals / (double)opt->seconds,
		.cpus_given_per_s = (double)stats->nr_cpus_given / (double)opt->seconds,
		.preempts_per_s = (double)stats->nr_preempts / (double)opt->seconds,
		.aged_per_s = (double)stats->nr_aged / (double)opt->seconds,
	};
	sim_free(sim);
	return true;
}

static const struct {
	const char *name, *key;
	size_t offset;
	int decimals;
} rows[] = {
#define ROW(name, member, decimals) { name, #member, offsetof(struct sim_result, member), decimals }
	ROW("frames missed, %", missed_percent, 2),
	ROW("frame time p50, us", frame_p50_us, 0),
	ROW("frame time p99, us", frame_p99_us, 0),
	ROW("input to game p50, us", input_game_p50_us, 0),
	ROW("input to game p99, us", input_game_p99_us, 0),
	ROW("input to render p99, us", input_render_p99_us, 0),
	ROW("audio xruns, %", xruns_percent, 2),
	ROW("hogs, CPUs of full speed", hogs_cpus, 3),
	ROW("builds, CPUs of full speed", compile_cpus, 3),
	ROW("all background", background_cpus, 3),
	ROW("forks/s", forks_per_s, 0),
	ROW("migrations/s", migrations_per_s, 0),
	ROW("game on best CPUs, %", home_percent, 1),
	ROW("longest wait, ms", wait_max_ms, 1),
	ROW("idle beside a queue, ms", idle_starved_ms, 3),
	ROW("preemptions/s", preempts_per_s, 0),
	ROW("left to their waker's CPU/s", cpus_given_per_s, 0),
	ROW("taken from other queues/s", steals_per_s, 0),
	ROW("taken for their age/s", aged_per_s, 1),
};

static double value_of(const struct sim_result *result, size_t row)
{
	return *(const double *)(const void *)((const char *)result + rows[row].offset);
}

/* To the last bit. */
bool result_is_same(const struct sim_result *a, const struct sim_result *b)
{
	for (size_t row = 0; row < ARRAY_SIZE(rows); row++)
		if (value_of(a, row) != value_of(b, row))
			return false;
	return a->arm == b->arm && !strcmp(a->wait_max_name, b->wait_max_name);
}

void report_table(const struct sim_options *opt, const struct sim_result *results, int nr)
{
	printf("machine %s, load %u %%, seed %llu, %llu s\n\n%-28s", opt->machine, opt->load_percent,
	       (unsigned long long)opt->seed, (unsigned long long)opt->seconds, "");
	for (int i = 0; i < nr; i++)
		printf(" %12s", arm_names[results[i].arm]);
	printf("\n");
	for (size_t row = 0; row < ARRAY_SIZE(rows); row++) {
		printf("%-28s", rows[row].name);
		for (int i = 0; i < nr; i++)
			printf(" %12.*f", rows[row].decimals, value_of(&results[i], row));
		printf("\n");
	}
	printf("%-28s", "  who waited longest");
	for (int i = 0; i < nr; i++)
		printf(" %12.12s", results[i].wait_max_name);
	printf("\n");
}

void report_json(const struct sim_options *opt, const struct sim_result *results, int nr)
{
	printf("{\"machine\": \"%s\", \"load_percent\": %u, \"seed\": %llu, \"seconds\": %llu, \"arms\": {", opt->machine,
	       opt->load_percent, (unsigned long long)opt->seed, (unsigned long long)opt->seconds);
	for (int i = 0; i < nr; i++) {
		printf("%s\"%s\": {", i ? ", " : "", arm_names[results[i].arm]);
		for (size_t row = 0; row < ARRAY_SIZE(rows); row++)
			printf("%s\"%s\": %.6g", row ? ", " : "", rows[row].key, value_of(&results[i], row));
		printf(", \"wait_max_name\": \"%s\"}", results[i].wait_max_name);
	}
	printf("}}\n");
}
