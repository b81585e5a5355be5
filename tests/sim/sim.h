/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * sim - a small machine in which schedulers can be compared
 *
 * Discrete events, integer time in ns, no threads and no clock of the host: the
 * same seed gives the same output. The engine (engine.c) knows CPUs, tasks and
 * time; a scheduler (arcade.c, eevdf.c) says who runs where; the work (work.c)
 * says what tasks do and notes what the player would have felt.
 *
 * What the machine models is in machine.c with its numbers: two busy threads of
 * a core slow each other down, E cores are slow, the game likes the large cache,
 * a task that moves pays for cold caches, a switch, an interrupt and an idle
 * CPU's wakeup take time. What it does not: memory bandwidth, frequencies, the
 * cost of the scheduler itself, locks.
 */
#ifndef ARCADE_SIM_H
#define ARCADE_SIM_H

#include "policy.h"
#include "topology.h"

#define SIM_MAX_CPUS  128
#define SIM_MAX_LLCS  8
#define SIM_MAX_TASKS 2048

#define SIM_US POLICY_NS_PER_US
#define SIM_MS POLICY_NS_PER_MS
#define SIM_S  (1000 * SIM_MS)

#define SIM_TICK_NS (4 * SIM_MS)	/* HZ=250 */
#define SIM_SWITCH_NS (2 * SIM_US)
#define SIM_IPI_NS (3 * SIM_US)
/* An idle CPU that has just fallen asleep is back sooner than one that sleeps deeply. */
#define SIM_WAKE_SHALLOW_NS (3 * SIM_US)
#define SIM_WAKE_DEEP_NS (40 * SIM_US)
#define SIM_DEEP_AFTER_NS (200 * SIM_US)
/* What a task of full footprint pays for caches that do not know it. */
#define SIM_COLD_CORE_NS (20 * SIM_US)
#define SIM_COLD_LLC_NS (150 * SIM_US)
/* Speeds, permille. */
#define SIM_SMT_SPEED 620
#define SIM_E_SPEED 600
#define SIM_VCACHE_SPEED 1150

struct sim;
struct sim_task;

struct sim_random {
	u64 state;
};

enum sim_state { SIM_SLEEPING, SIM_QUEUED, SIM_RUNNING, SIM_DEAD };

/* What a task does next, decided by its program whenever it has nothing left to compute. */
enum sim_action { SIM_COMPUTE, SIM_WAIT, SIM_SLEEP, SIM_EXIT };
typedef enum sim_action (*sim_program)(struct sim *sim, struct sim_task *task);

/* Of eevdf.c. */
struct sim_entity {
	s64 vruntime, deadline, lag, protected_until;
	u64 slept_at_ns;
	bool on_queue;
};

/* Of arcade.c: the kernel half's task_ctx, and what the kernel keeps for it. */
struct sim_task_ctx {
	u32 member_run_ns;
	u64 vtime, burst_ns, slept_at_ns, exec_seen_ns, queued_at_ns, preempt_full_at_ns;
	u64 ahead_ns;
	u32 llc;
	u16 chain_share;
	bool is_out_of_turn;
	struct policy_chain chain;
	u64 deadline, slice_ns, slice_exec_ns;
};

struct sim_task {
	s32 id;
	const char *name;
	enum sim_state state;
	s32 cpu;		/* last or present */
	s32 pinned_cpu;		/* -1: any */
	s32 nice;
	bool is_game, is_kthread, is_background;
	u32 footprint;		/* permille of the cold-cache penalties */
	u64 sum_exec_ns, work_ns, nvcsw, nr_migrations;
	u64 left_ns, overhead_ns;	/* to compute, at full speed */
	u64 queued_since_ns, wait_max_ns;
	u64 wake_serial;	/* of the timer that counts */

	/* the program */
	sim_program program;
	struct sim_random random;
	struct sim_task *peer;
	u64 mark_ns, value_ns;
	u32 step, nr_left;

	struct sim_entity entity;
	struct sim_task_ctx ctx;
};

struct sim_cpu {
	struct sim_task *curr;
	u64 accounted_ns;
	u64 rate_ppm;
	u64 generation;		/* of the event that ends what is computed */
	u64 resched_at_ns;	/* 0: none */
	u64 idle_since_ns, starved_since_ns;
	bool idle;		/* and nobody has claimed it */
	bool tick_pending;
	u64 slice_generation;
};

/* Who wakes: a task, or a device (with what the player did) in an interrupt of @cpu. */
struct sim_waker {
	struct sim_task *task;
	s32 cpu;
	u64 root_ns;		/* 0: no input */
};

struct sim_sched {
	const char *name;
	void (*init)(struct sim *sim);
	/* @task was asleep or is new: place it and ask for the reschedule. */
	void (*wake)(struct sim *sim, struct sim_task *task, const struct sim_waker *waker, bool is_fork);
	/* @task leaves its CPU to sleep or to end. */
	void (*sleep)(struct sim *sim, struct sim_task *task);
	/* The next for @cpu; @prev still wants to run, or is NULL. If another is returned @prev is queued. NULL: idle. */
	struct sim_task *(*pick)(struct sim *sim, s32 cpu, struct sim_task *prev);
	/* @task has got @cpu. */
	void (*start)(struct sim *sim, s32 cpu, struct sim_task *task);
	void (*tick)(struct sim *sim, s32 cpu);
	void (*slice_end)(struct sim *sim, s32 cpu);
};

enum sim_arm { SIM_ARM_EEVDF, SIM_ARM_NICE, SIM_ARM_NEUTRAL, SIM_ARM_GAME, NR_SIM_ARMS };

struct sim_options {
	const char *machine;
	enum sim_arm arm;
	u64 seconds, seed;
	u32 load_percent;	/* of hogs per CPU */
	u32 hz;			/* of the game, 0: as the machine's preset says */
};

struct sim_samples {
	u64 *values;
	u32 nr, max;
};

struct sim_stats {
	struct sim_samples frame, input_game, input_render;
	u64 nr_frames, nr_frames_late, nr_frames_skipped;
	u64 nr_periods, nr_xruns;
	u64 hog_ns, compile_ns, nr_forks, fork_ns;
	u64 nr_migrations, game_ns, game_home_ns;
	u64 idle_starved_max_ns, wait_max_ns;
	const char *wait_max_name;
	u64 nr_preempts, nr_cpus_given, nr_steals, nr_aged;
};

struct sim_event;

struct sim {
	const struct sim_options *opt;
	const struct sim_sched *sched;
	u64 now_ns, end_ns, measure_ns;
	struct topology topology;
	struct topology_cpu topology_cpus[SIM_MAX_CPUS];
	struct topology_llc topology_llcs[SIM_MAX_LLCS];
	u32 nr_cpus, nr_places, nr_home;
	bool has_speeds, has_vcache;
	u32 default_hz, nr_workers;
	u16 places[SIM_MAX_CPUS], place_of[SIM_MAX_CPUS];
	struct sim_cpu cpus[SIM_MAX_CPUS];
	struct sim_task *tasks[SIM_MAX_TASKS];
	s32 nr_tasks;
	struct sim_event *events;
	u32 nr_events, max_events;
	u64 event_serial;
	u32 nr_queued;		/* tasks that wait for a CPU and may run on any */
	struct sim_stats stats;
	void *sched_data;
	struct sim_scene *scene;
};

/* engine.c */
u64 sim_random_next(struct sim_random *random);
u64 sim_random_range(struct sim_random *random, u64 from, u64 to);
void sim_run(struct sim *sim);
struct sim_task *sim_task_new(struct sim *sim, const char *name, sim_program program);
void sim_wake(struct sim *sim, struct sim_task *task, const struct sim_waker *waker, bool is_fork);
void sim_sleep_until(struct sim *sim, struct sim_task *task, u64 ns);
/* Calls @fn at @ns, in an interrupt. */
void sim_call_at(struct sim *sim, u64 ns, void (*fn)(struct sim *sim));
void sim_resched(struct sim *sim, s32 cpu, s32 from_cpu);
void sim_slice_end_in(struct sim *sim, s32 cpu, u64 ns);
void sim_account(struct sim *sim, s32 cpu);
static inline bool sim_measures(const struct sim *sim)
{
	return sim->now_ns >= sim->measure_ns;
}
s32 sim_sibling(const struct sim *sim, s32 cpu);
u32 sim_llc_of(const struct sim *sim, s32 cpu);

/* machine.c. Return: false for a name that is none. */
bool machine_init(struct sim *sim, const char *name);
extern const char *const machine_names[];

/* work.c */
void work_init(struct sim *sim);
void work_end(struct sim *sim);

/* samples */
void samples_add(struct sim_samples *samples, u64 value);
u64 samples_percentile(struct sim_samples *samples, double percent);

extern const struct sim_sched sched_arcade, sched_eevdf;

/* report.c: one arm's run, and what is shown of it. */
struct sim_result {
	enum sim_arm arm;
	double missed_percent, frame_p50_us, frame_p99_us, input_game_p50_us, input_game_p99_us, input_render_p99_us;
	double xruns_percent, hogs_cpus, compile_cpus, background_cpus, forks_per_s, migrations_per_s, home_percent;
	double wait_max_ms, idle_starved_ms, steals_per_s, preempts_per_s, cpus_given_per_s, aged_per_s;
	const char *wait_max_name;
};

bool result_of_run(const struct sim_options *opt, struct sim_result *result);
bool result_is_same(const struct sim_result *a, const struct sim_result *b);
void report_table(const struct sim_options *opt, const struct sim_result *results, int nr);
void report_json(const struct sim_options *opt, const struct sim_result *results, int nr);
extern const char *const arm_names[];

/* check.c: TAP. Return: exit status. */
int check_all(u64 seed);

#endif
