/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * idle - finding a CPU that has nothing to do, and waking it
 *
 * The kernel's own idle tracking knows cores, LLCs and nodes. A pick clears the
 * idle bit, so two wakeups never get the same CPU.
 */
#ifndef ARCADE_IDLE_BPF_H
#define ARCADE_IDLE_BPF_H

/* An idle CPU that may run @p; the whole core if one is free. Return: < 0 if there is none. */
static __always_inline s32 idle_pick_cpu(struct task_struct *p)
{
	s32 cpu = scx_bpf_pick_idle_cpu(p->cpus_ptr, COMPAT_PICK_IDLE_CORE);

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
