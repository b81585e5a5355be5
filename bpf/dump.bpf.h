/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * dump - what a bug report shows: printed by the kernel when it ends the scheduler, or by sysrq-D
 */
#ifndef ARCADE_DUMP_BPF_H
#define ARCADE_DUMP_BPF_H

#define dump_line(fmt, args...)                                               \
	({                                                                    \
		static char fmt_[] = fmt;                                     \
		unsigned long long args_[] = { args };                        \
		scx_bpf_dump_bstr(fmt_, args_, sizeof(args_));                \
	})

static __always_inline void dump_task_ctx(struct task_struct *p)
{
	struct task_ctx *tctx = task_ctx_of(p);

	if (!tctx)
		return;
	dump_line("task class=%llu vtime=%llu clock=%llu llc=%llu chain: hop=%llu order=%llu ran_us=%llu share=%llu\n",
		  fair_class(p, tctx), tctx->vtime, *clock_of(tctx->llc), tctx->llc, tctx->chain.hop,
		  policy_chain_order(&tctx->chain), tctx->chain.ran_ns / POLICY_NS_PER_US, tctx->chain_share);
}

static __always_inline void dump_cpu_state(s32 cpu)
{
	const struct preempt_cpu *pcpu = preempt_cpu_of(cpu);

	dump_line("class=%llu order=%llu llc=%llu queued: cpu=%lld llc=%lld\n", pcpu->task.class, pcpu->task.order_ns,
		  topo_llc_of(cpu), (s64)scx_bpf_dsq_nr_queued(fair_dsq_of_cpu(cpu)),
		  (s64)scx_bpf_dsq_nr_queued(fair_dsq_of_llc(topo_llc_of(cpu))));
}

static __always_inline void dump_all(void)
{
	dump_line("arcade: slice_us=%llu chain_ms=%llu budget_us=%llu preempt=%llu cpus=%llu llcs=%llu\n",
		  knobs.slice_ns / POLICY_NS_PER_US, knobs.chain_ttl_ns / POLICY_NS_PER_MS,
		  knobs.chain_budget_ns / POLICY_NS_PER_US, knobs.preempt, topo_nr_cpu_ids, topo_nr_llcs);
	for (int llc = 0; llc < 8 && llc < topo_nr_llcs; llc++)
		dump_line("arcade: llc %llu clock=%llu queued=%lld\n", llc, *clock_of(llc),
			  (s64)scx_bpf_dsq_nr_queued(fair_dsq_of_llc(llc)));
}

#endif
