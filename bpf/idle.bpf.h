/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * idle - finding a CPU that has nothing to do, and waking it
 *
 * Where all CPUs are alike the kernel's own search is used: it knows cores,
 * LLCs, nodes and synchronous wakeups. Where they are not, policy_search() says
 * from which end of the daemon's order a task searches: the game from the
 * largest cache and the fastest cores, what must not disturb it from the other
 * end. Whole cores come before second threads, the previous CPU before others
 * of its kind. A pick clears the idle bit, so two wakeups never get the same
 * CPU.
 */
#ifndef ARCADE_IDLE_BPF_H
#define ARCADE_IDLE_BPF_H

/* Most CPUs that one pass looks at; above, the kernel's search finds the rest. */
#define IDLE_SEARCH_MAX 128

static __always_inline bool idle_take(const struct task_struct *p, const struct cpumask *candidates, s32 cpu)
{
	return bpf_cpumask_test_cpu(cpu, candidates) && bpf_cpumask_test_cpu(cpu, p->cpus_ptr) &&
	       scx_bpf_test_and_clear_cpu_idle(cpu);
}

/* Return: an idle CPU among the first or last @nr of the order, < 0 if there is none. */
static __always_inline s32 idle_scan(const struct task_struct *p, const struct cpumask *candidates, s32 prev_cpu,
				     enum policy_search search, u32 nr)
{
	u32 i;

	if (policy_is_kept(search, topo_is_home(prev_cpu)) && idle_take(p, candidates, prev_cpu))
		return prev_cpu;
	bpf_for(i, 0, nr) {
		s32 cpu = topo_cpu_at(search == POLICY_SEARCH_FAST_FIRST ? i : topo_nr_places - 1 - i);

		if (idle_take(p, candidates, cpu))
			return cpu;
	}
	return -1;
}

/* @home: only among the best CPUs. */
__weak s32 idle_search(struct task_struct *p __arg_trusted, s32 prev_cpu, u32 search, bool home)
{
	u32 nr = home ? topo_nr_home_places : topo_nr_places;
	const struct cpumask *candidates;
	s32 cpu;

	if (!compat_can_read_idle_masks())
		return -1;
	if (nr > IDLE_SEARCH_MAX)
		nr = IDLE_SEARCH_MAX;
	candidates = scx_bpf_get_idle_smtmask();
	cpu = idle_scan(p, candidates, prev_cpu, search, nr);
	scx_bpf_put_idle_cpumask(candidates);
	if (cpu >= 0)
		return cpu;
	candidates = scx_bpf_get_idle_cpumask();
	cpu = idle_scan(p, candidates, prev_cpu, search, nr);
	scx_bpf_put_idle_cpumask(candidates);
	return cpu;
}

static __always_inline enum policy_search idle_search_of(const struct task_ctx *tctx, enum arcade_class class)
{
	if (!topo_is_uneven)
		return POLICY_SEARCH_KERNEL;
	return policy_search(class, fair_is_game(tctx), knobs.game_tree, topo_nr_llcs, topo_has_speeds);
}

/* On a wakeup. Sets @is_idle if the CPU that is returned was idle, and now is the task's. */
static __always_inline s32 idle_select(struct task_struct *p, const struct task_ctx *tctx, enum arcade_class class,
				       s32 prev_cpu, u64 wake_flags, bool *is_idle)
{
	enum policy_search search = idle_search_of(tctx, class);

	if (search != POLICY_SEARCH_KERNEL) {
		s32 cpu = idle_search(p, prev_cpu, search, false);

		if (cpu >= 0) {
			*is_idle = true;
			return cpu;
		}
	}
	return scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, is_idle);
}

/* An idle CPU for @p, which is not waking up. Return: < 0 if there is none. */
static __always_inline s32 idle_pick_cpu(struct task_struct *p, const struct task_ctx *tctx, enum arcade_class class,
					 s32 prev_cpu)
{
	enum policy_search search = idle_search_of(tctx, class);
	s32 cpu;

	if (search != POLICY_SEARCH_KERNEL)
		return idle_search(p, prev_cpu, search, false);
	cpu = scx_bpf_pick_idle_cpu(p->cpus_ptr, COMPAT_PICK_IDLE_CORE);
	return cpu >= 0 ? cpu : scx_bpf_pick_idle_cpu(p->cpus_ptr, 0);
}

/*
 * Called after an insert into a shared queue: a CPU may have looked there before it and have gone idle since. Whoever
 * woke the task reschedules the task's own CPU, so only others need a kick.
 */
static __always_inline void idle_kick_for(struct task_struct *p)
{
	s32 cpu;

	if (!compat_can_kick())
		return;
	cpu = scx_bpf_pick_idle_cpu(p->cpus_ptr, 0);
	if (cpu < 0)
		return;
	compat_kick_idle(cpu);
	stats_inc(nr_kicks);
}

#endif
