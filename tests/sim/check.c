// SPDX-License-Identifier: GPL-2.0-only
/*
 * check - what must hold on every machine, as TAP
 *
 * Each property is tested over a few seeds; the worst of them is what counts,
 * and what is shown when it does not hold.
 */
#include "sim.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

#define NR_SEEDS 3
#define SECONDS 3
#define LOAD_FULL 200	/* more than there are CPUs for */
#define LOAD_MOST 70	/* seldom an idle CPU, and it is the other LLC's */
#define LOAD_PART 50	/* some CPU is idle most of the time */
/* An idle CPU is kicked and wakes up, with all delays of the model. */
#define STARVED_MAX_MS 0.25

static int nr_tests, nr_failed;

static void __attribute__((format(printf, 2, 3))) ok(bool holds, const char *format, ...)
{
	va_list args;

	printf("%sok %d - ", holds ? "" : "not ", ++nr_tests);
	nr_failed += !holds;
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf("\n");
}

struct runs {
	struct sim_result arms[NR_SIM_ARMS][NR_SEEDS];
};

static void run_all(struct runs *runs, const char *machine, u32 load_percent, u64 seed)
{
	struct sim_options opt = { .machine = machine, .seconds = SECONDS, .load_percent = load_percent };

	for (int i = 0; i < NR_SEEDS; i++) {
		opt.seed = seed + (u64)i;
		for (int arm = 0; arm < NR_SIM_ARMS; arm++) {
			opt.arm = (enum sim_arm)arm;
			result_of_run(&opt, &runs->arms[arm][i]);
		}
	}
}

static double member_of(const struct sim_result *result, size_t offset)
{
	return *(const double *)(const void *)((const char *)result + offset);
}

/* Over the seeds. */
static double most(const struct sim_result *results, size_t offset)
{
	double value = member_of(&results[0], offset);

	for (int i = 1; i < NR_SEEDS; i++)
		value = fmax(value, member_of(&results[i], offset));
	return value;
}

static double least(const struct sim_result *results, size_t offset)
{
	double value = member_of(&results[0], offset);

	for (int i = 1; i < NR_SEEDS; i++)
		value = fmin(value, member_of(&results[i], offset));
	return value;
}

static double least_ratio(const struct sim_result *a, const struct sim_result *b, size_t offset)
{
	double value = INFINITY;

	for (int i = 0; i < NR_SEEDS; i++)
		value = fmin(value, member_of(&a[i], offset) / member_of(&b[i], offset));
	return value;
}

#define MOST(arm, member)  most(runs.arms[arm], offsetof(struct sim_result, member))
#define LEAST(arm, member) least(runs.arms[arm], offsetof(struct sim_result, member))

static void check_arm(const char *machine, u32 load_percent, const struct runs *all, enum sim_arm arm)
{
	const struct runs runs = *all;
	const char *name = arm_names[arm];
	double value;

	value = MOST(arm, wait_max_ms);
	ok(value < 1000, "%s, load %u, %s: nobody waits for a second (%.0f ms)", machine, load_percent, name, value);
	value = MOST(arm, idle_starved_ms);
	ok(value < STARVED_MAX_MS, "%s, load %u, %s: no CPU is idle beside a queue (%.3f ms)", machine, load_percent, name, value);
	value = MOST(arm, xruns_percent);
	ok(value == 0, "%s, load %u, %s: no audio xruns (%.2f %%)", machine, load_percent, name, value);
	value = MOST(arm, input_game_p99_us);
	ok(value < LEAST(SIM_ARM_EEVDF, input_game_p99_us) && value < LEAST(SIM_ARM_NICE, input_game_p99_us),
	   "%s, load %u, %s: input to game p99 below the baseline's (%.0f, eevdf %.0f, nice -10 %.0f us)", machine,
	   load_percent, name, value, LEAST(SIM_ARM_EEVDF, input_game_p99_us), LEAST(SIM_ARM_NICE, input_game_p99_us));
}

static void check_machine(const char *machine, u32 load_percent, u64 seed, bool has_better_cpus)
{
	struct runs runs;
	double value;

	run_all(&runs, machine, load_percent, seed);
	check_arm(machine, load_percent, &runs, SIM_ARM_NEUTRAL);
	check_arm(machine, load_percent, &runs, SIM_ARM_GAME);
	value = MOST(SIM_ARM_GAME, missed_percent);
	ok(value == 0, "%s, load %u, game: no frame is missed (%.2f %%, eevdf %.2f, nice -10 %.2f)", machine, load_percent,
	   value, LEAST(SIM_ARM_EEVDF, missed_percent), LEAST(SIM_ARM_NICE, missed_percent));
	value = least_ratio(runs.arms[SIM_ARM_GAME], runs.arms[SIM_ARM_NICE],
			    offsetof(struct sim_result, background_cpus));
	ok(value >= 0.95, "%s, load %u, game: the background gets as much as with nice -10 (%.3f of it)", machine,
	   load_percent, value);
	if (!has_better_cpus)
		return;
	value = LEAST(SIM_ARM_GAME, home_percent);
	ok(value > 90, "%s, load %u, game: the game runs on the best CPUs (%.1f %%)", machine, load_percent, value);
}

static void check_determinism(const char *machine, u64 seed)
{
	for (int arm = 0; arm < NR_SIM_ARMS; arm++) {
		struct sim_options opt = { .machine = machine, .seconds = 1, .load_percent = LOAD_FULL, .seed = seed,
					   .arm = (enum sim_arm)arm };
		struct sim_result first, second, other;

		result_of_run(&opt, &first);
		result_of_run(&opt, &second);
		opt.seed++;
		result_of_run(&opt, &other);
		ok(result_is_same(&first, &second) && !result_is_same(&first, &other),
		   "%s, %s: the same seed gives the same run, another another", machine, arm_names[arm]);
	}
}

int check_all(u64 seed)
{
	for (int i = 0; machine_names[i]; i++) {
		bool has_better_cpus = !strcmp(machine_names[i], "16-2llc") || !strcmp(machine_names[i], "8p8e");

		check_determinism(machine_names[i], seed);
		check_machine(machine_names[i], LOAD_FULL, seed, has_better_cpus);
		check_machine(machine_names[i], LOAD_MOST, seed, has_better_cpus);
		check_machine(machine_names[i], LOAD_PART, seed, has_better_cpus);
	}
	printf("1..%d\n", nr_tests);
	return nr_failed > 0;
}
