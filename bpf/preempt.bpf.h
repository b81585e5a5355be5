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

/* Never written. Not a constant, because the verifier would follow a search that starts with one CPU by CPU. */
static volatile u64 preempt_rank_never = POLICY_RANK_NEVER;

struct preempt_cpu {
	u64 root_ns;		/* of the running chain */
	u64 slice_end_ns;	/* scx_bpf_now() */
	u64 full_at_ns;		/* token bucket */
	u32 class;		/* enum arcade_class */
	u32 pad;
	u64 pad2[4];		/* a cache line each */
};

static struct preempt_cpu preempt_cpus[ARCADE_MAX_CPUS];

static __always_inline struct preempt_cpu *preempt_cpu_of(s32 cpu)
{
	return &preempt_cpus[cpu & (ARCADE_MAX_CPUS - 1)];
}

static __always_inline void preempt_note_running(s32 cpu, enum arcade_class class, u64 root_ns, u64 slice_end_ns)
{
	struct preempt_cpu *pcpu = preempt_cpu_of(cpu);

	pcpu->root_ns = root_ns;
	pcpu->slice_end_ns = slice_end_ns;
	pcpu->class = class;
}

static __always_inline void preempt_note_stopping(s32 cpu)
{
	preempt_cpu_of(cpu)->class = ARCADE_CLASS_NONE;
}

/* A global function: the verifier looks at it once, not once per CPU of a search. */
__weak u64 preempt_rank(s32 cpu, u64 now_ns, u64 root_ns, bool other_llc)
{
	const struct preempt_cpu *pcpu = preempt_cpu_of(cpu);
	u64 end_ns = pcpu->slice_end_ns;

	return policy_victim_rank(pcpu->class, pcpu->root_ns, policy_before(now_ns, end_ns) ? end_ns - now_ns : 0,
				  root_ns, other_llc);
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

/* May chain member @p take @cpu, where it must or wants to run? Claims the CPU. */
static __always_inline bool preempt_claim(struct task_ctx *tctx, s32 cpu, u64 now_ns)
{
	if (!preempt_take_tokens(tctx, cpu, now_ns))
		return false;
	preempt_note_running(cpu, ARCADE_CLASS_CHAIN, tctx->chain.root_ns, now_ns + knobs.slice_ns);
	stats_inc(nr_preempts);
	return true;
}

/*
 * The CPU that live chain member @p takes, all being busy. Starts the search at @prev_cpu, so that among equals the warm
 * cache wins. Return: a CPU of p's mask, claimed; -1 if there is none to take, or no token.
 */
static __always_inline s32 preempt_pick_cpu(struct task_struct *p, struct task_ctx *tctx, s32 prev_cpu)
{
	u64 now_ns = scx_bpf_now(), best_rank = preempt_rank_never, root_ns = tctx->chain.root_ns;
	u32 nr = topo_nr_cpu_ids, llc = topo_llc_of(prev_cpu), i;
	s32 best = -1;

	if (!knobs.preempt)
		return -1;
	bpf_for(i, 0, nr) {
		u32 cpu = prev_cpu + i < nr ? prev_cpu + i : prev_cpu + i - nr;
		u64 rank = preempt_rank(cpu, now_ns, root_ns, topo_llc_of(cpu) != llc);

		if (rank < best_rank && bpf_cpumask_test_cpu(cpu, p->cpus_ptr)) {
			best_rank = rank;
			best = cpu;
		}
	}
	if (best < 0) {
		stats_inc(nr_preempt_no_victim);
		return -1;
	}
	return preempt_claim(tctx, best, now_ns) ? best : -1;
}

#endif
