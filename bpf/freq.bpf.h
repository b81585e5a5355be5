/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * freq - how fast a CPU should run, for the governor that asks the scheduler (schedutil)
 *
 * Left alone, sched_ext asks for full speed everywhere. Here a CPU asks for
 * what it was busy in the last 10 ms and a quarter more, as schedutil would,
 * and for full speed as soon as it runs a class that is to have it: chains and
 * the game, unless the user wants otherwise. Off where no CPU uses schedutil:
 * then hardware or another governor decides, and nobody would listen.
 */
#ifndef ARCADE_FREQ_BPF_H
#define ARCADE_FREQ_BPF_H

#define FREQ_WINDOW_NS (10 * POLICY_NS_PER_MS)
/* Smaller changes are not worth a call of the governor. */
#define FREQ_STEP 64

/* Written by the daemon before load. */
const volatile bool freq_is_asked;

/* Only touched by its CPU. */
struct freq_cpu {
	u64 since_ns;
	u64 busy_ns;
	u32 perf;		/* last asked for, of 1024 */
	u32 pad[11];		/* a cache line each */
};

static struct freq_cpu freq_cpus[ARCADE_MAX_CPUS];

static __always_inline void freq_ask(s32 cpu, struct freq_cpu *fcpu, u32 perf)
{
	fcpu->perf = perf;
	if (bpf_ksym_exists(scx_bpf_cpuperf_set))
		scx_bpf_cpuperf_set(cpu, perf);
}

static __always_inline struct freq_cpu *freq_cpu_of(s32 cpu)
{
	return &freq_cpus[cpu & (ARCADE_MAX_CPUS - 1)];
}

static __always_inline void freq_running(s32 cpu, enum arcade_class class)
{
	struct freq_cpu *fcpu = freq_cpu_of(cpu);

	if (freq_is_asked && class >= knobs.full_speed_class && fcpu->perf != POLICY_PERF_MAX)
		freq_ask(cpu, fcpu, POLICY_PERF_MAX);
}

static __always_inline void freq_account(s32 cpu, u64 ran_ns)
{
	if (freq_is_asked)
		freq_cpu_of(cpu)->busy_ns += ran_ns;
}

/* Is a window over? */
static __always_inline void freq_check(s32 cpu, u64 now_ns)
{
	struct freq_cpu *fcpu = freq_cpu_of(cpu);
	u64 window_ns = now_ns - fcpu->since_ns;
	u32 perf;

	if (!freq_is_asked || window_ns < FREQ_WINDOW_NS)
		return;
	if (!fcpu->since_ns) {
		/* sched_ext begins with full speed. */
		fcpu->perf = POLICY_PERF_MAX;
	} else {
		perf = knobs.full_speed_class == ARCADE_CLASS_NONE ? POLICY_PERF_MAX : policy_perf(fcpu->busy_ns, window_ns);
		if (perf + FREQ_STEP <= fcpu->perf || perf >= fcpu->perf + FREQ_STEP)
			freq_ask(cpu, fcpu, perf);
	}
	fcpu->since_ns = now_ns;
	fcpu->busy_ns = 0;
}

#endif
