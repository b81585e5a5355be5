/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * preempt - taking a busy CPU at once
 *
 * A slice that is cut short ends at the next tick, 4 ms later at HZ=250: too
 * late for a frame. Inserting with SCX_ENQ_PREEMPT on the CPU's own queue is
 * the way that works at once.
 *
 * Who runs where is kept here, by the CPU that runs it. Another CPU reads it
 * without a lock: what it sees may be a few microseconds old, and then a
 * preemption hits a task that has just been switched in. To keep two wakeups
 * from taking the same CPU, the taker writes its claim over the entry; the
 * next switch on that CPU overwrites it with the truth.
 *
 * A CPU that runs nothing of ours (real-time, deadline or idle) has class NONE
 * and is never taken.
 */
#ifndef ARCADE_PREEMPT_BPF_H
#define ARCADE_PREEMPT_BPF_H

/* Most CPUs that a wakeup looks at: its LLC's, and others' for chains and the game. */
#define PREEMPT_SEARCH_MAX 64
/* An ordinary task is not worth a longer look than this. */
#define PREEMPT_SEARCH_NORMAL 16

/* Never written. Not a constant, because the verifier would follow a search that starts with one CPU by CPU. */
static volatile s64 preempt_no_gain;
static volatile u32 preempt_first;

struct preempt_cpu {
	struct policy_victim task;
	u64 full_at_ns;		/* token bucket */
	u64 pad[3];		/* a cache line each */
};

static struct preempt_cpu preempt_cpus[ARCADE_MAX_CPUS];

static __always_inline struct preempt_cpu *preempt_cpu_of(s32 cpu)
{
	return &preempt_cpus[cpu & (ARCADE_MAX_CPUS - 1)];
}

static __always_inline void preempt_note_running(s32 cpu, enum arcade_class class, u64 order_ns, u64 deadline, u64 now_ns)
{
	struct preempt_cpu *pcpu = preempt_cpu_of(cpu);

	pcpu->task.order_ns = order_ns;
	pcpu->task.deadline = deadline;
	pcpu->task.started_ns = now_ns;
	pcpu->task.class = class;
}

static __always_inline void preempt_note_stopping(s32 cpu)
{
	preempt_cpu_of(cpu)->task.class = ARCADE_CLASS_NONE;
}

/* For how long has the task that runs there done so? For ever, as far as we know, if it is none of ours. */
static __always_inline u64 preempt_ran_ns(s32 cpu, u64 now_ns)
{
	const struct policy_victim *task = &preempt_cpu_of(cpu)->task;

	return task->class == ARCADE_CLASS_NONE ? now_ns : now_ns - task->started_ns;
}

/* Does nobody's task run there that is more than an ordinary one? */
static __always_inline bool preempt_is_ordinary(s32 cpu)
{
	u32 class = preempt_cpu_of(cpu)->task.class;

	return class == ARCADE_CLASS_NORMAL || class == ARCADE_CLASS_BACKGROUND;
}

/* One who wants a CPU. */
struct preempt_wakee {
	u64 deadline;		/* by the clock of @llc */
	u64 order_ns;		/* of a chain member */
	u64 now_ns;
	u32 llc;
	u32 class;
};

static __always_inline s64 preempt_gain(s32 cpu, const struct preempt_wakee *wakee)
{
	const struct preempt_cpu *pcpu = preempt_cpu_of(cpu);
	u32 llc = topo_llc_of(cpu);
	s64 diff;

	diff = pcpu->task.deadline - wakee->deadline;
	if (llc != wakee->llc)
		diff -= *clock_of(llc) - *clock_of(wakee->llc);
	return policy_preempt_gain(&pcpu->task, diff, wakee->now_ns, wakee->class, wakee->order_ns, llc != wakee->llc);
}

/* Both buckets must have a token; the task's is not taken when the CPU's is empty. */
static __always_inline bool preempt_take_tokens(struct task_ctx *tctx, s32 cpu, u64 now_ns)
{
	u64 interval_ns = knobs.preempt_interval_ns, burst = knobs.preempt_burst;
	u64 full_at_ns = tctx->preempt_full_at_ns;

	if (!policy_bucket_take(&full_at_ns, now_ns, interval_ns, burst) ||
	    !policy_bucket_take(&preempt_cpu_of(cpu)->full_at_ns, now_ns, interval_ns, burst)) {
		stats_inc(nr_preempt_no_token);
		return false;
	}
	tctx->preempt_full_at_ns = full_at_ns;
	return true;
}

/* May @wakee take @cpu, where it must or wants to run? Claims the CPU. */
static __always_inline bool preempt_claim(struct task_ctx *tctx, s32 cpu, const struct preempt_wakee *wakee)
{
	if (!preempt_take_tokens(tctx, cpu, wakee->now_ns))
		return false;
	/* By the clock of the CPU that is taken. */
	preempt_note_running(cpu, wakee->class, wakee->order_ns,
			     wakee->deadline + *clock_of(topo_llc_of(cpu)) - *clock_of(wakee->llc), wakee->now_ns);
	stats_inc(nr_preempts[wakee->class & 7]);
	return true;
}

/*
 * The CPU that @p takes, those that it would like being busy. At @home only the best CPUs of the machine are looked at, in
 * their order; else all of its LLC round @prev_cpu, so that among equals the warm cache wins, and for chain members and the
 * game's threads the other LLCs, too. Return: a CPU of p's mask, claimed; -1 if there is none to take, or no token.
 */
__weak s32 preempt_pick_cpu(struct task_struct *p __arg_trusted, struct task_ctx *tctx __arg_nonnull, s32 prev_cpu,
			    const struct preempt_wakee *wakee __arg_nonnull, bool home)
{
	bool is_urgent = wakee->class > ARCADE_CLASS_NORMAL;
	u32 nr = home ? topo_nr_home_places : is_urgent ? topo_nr_places : topo_llc_nr[wakee->llc & (ARCADE_MAX_LLCS - 1)];
	u32 max = is_urgent ? PREEMPT_SEARCH_MAX : PREEMPT_SEARCH_NORMAL, i;
	s64 best_gain = preempt_no_gain;
	s32 best = -1;

	if (nr > max)
		nr = max;
	for (i = preempt_first; i < nr && kernel_may_loop(); i++) {
		s32 cpu = home ? topo_cpu_at(i) : topo_cpu_near(prev_cpu, i);
		s64 gain = preempt_gain(cpu, wakee);

		if (gain > best_gain && bpf_cpumask_test_cpu(cpu, p->cpus_ptr)) {
			best_gain = gain;
			best = cpu;
		}
	}
	if (best < 0) {
		if (is_urgent && !home)
			stats_inc(nr_preempt_no_victim);
		return -1;
	}
	return preempt_claim(tctx, best, wakee) ? best : -1;
}

#endif
