/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * root - the moments that chains begin with
 *
 * A root is a function of the kernel in which something the player feels is
 * handed to user space: input_event(), the end of a frame on the display, the
 * end of an audio period. Its entry opens a root for the context that it runs
 * in, its exit closes it. What is woken in between is caused by it (chain.bpf.h).
 *
 * In an interrupt the root is the CPU's: one for hard and one for soft
 * interrupts, because the first may come in the midst of the second. In a
 * task's own context it is the task's, which may be preempted and migrate. A
 * root within a root of the same context is the same cause: the outermost
 * counts, and only its exit closes it.
 */
#ifndef ARCADE_ROOT_BPF_H
#define ARCADE_ROOT_BPF_H

/* One this old was left behind by an exit hook that could not run. The longest input_event() is some 10 us. */
#define ROOT_WINDOW_NS (2 * POLICY_NS_PER_MS)

struct root_cpu {
	struct root soft;
	struct root hard;
};

/* Of each CPU; only touched by it, in interrupts. Shared with the object of the roles: alone in its section. */
static struct root_cpu root_cpus[ARCADE_MAX_CPUS] SEC(".bss.roots");

_Static_assert(sizeof(struct root_cpu) == 64, "a cache line each");

static __always_inline struct root_cpu *root_cpu_of(u32 cpu)
{
	return &root_cpus[cpu & (ARCADE_MAX_CPUS - 1)];
}

/* On @cpu, which is this one. */
static __always_inline struct root *root_of_interrupt(u32 level, u32 cpu)
{
	return level == COMPAT_SERVING_SOFTIRQ ? &root_cpu_of(cpu)->soft : &root_cpu_of(cpu)->hard;
}

/* The context now is one of interrupts at @level, or the task's own at its @nvcsw. */
static __always_inline bool root_is_open(const struct root *root, u64 context, u64 now_ns)
{
	return root->root_ns && root->context == context && now_ns - root->root_ns <= ROOT_WINDOW_NS;
}

/* Return: was it opened? Not within another, nor for a task of which nothing is known. */
static __always_inline bool root_open(struct root *root, u64 context, u64 now_ns, u32 kind, u32 lane, u64 ttl_ns)
{
	if (root_is_open(root, context, now_ns)) {
		root->depth++;
		return false;
	}
	root->ttl_ns = ttl_ns;
	root->context = context;
	root->kind = kind;
	root->lane = lane;
	root->depth = 1;
	root->root_ns = now_ns;
	return true;
}

static __always_inline void root_close(struct root *root)
{
	if (root->depth > 1)
		root->depth--;
	else
		root->root_ns = 0;
}

/* The current context, interrupts at @level or 0 on @cpu, enters a root of @kind. Return: as root_open(). */
static __always_inline bool root_enter(u64 now_ns, u32 kind, u32 lane, u64 ttl_ns, u32 level, u32 cpu)
{
	struct task_struct *task;
	struct task_ctx *tctx;

	if (level)
		return root_open(root_of_interrupt(level, cpu), level, now_ns, kind, lane, ttl_ns);
	task = bpf_get_current_task_btf();
	tctx = task_ctx_of(task);
	/* A missed exit cannot outlive the task's next sleep. */
	return tctx && root_open(&tctx->root, task->nvcsw, now_ns, kind, lane, ttl_ns);
}

/*
 * Which context is this? The innermost that has a root open: nothing of a soft interrupt or of a task runs while a hard
 * interrupt is in its root, nor anything of a task while a soft one is.
 */
static __always_inline void root_leave(void)
{
	struct root_cpu *cpu = root_cpu_of(bpf_get_smp_processor_id());
	struct task_ctx *tctx;

	if (cpu->hard.root_ns) {
		root_close(&cpu->hard);
		return;
	}
	if (cpu->soft.root_ns) {
		root_close(&cpu->soft);
		return;
	}
	tctx = task_ctx_of(bpf_get_current_task_btf());
	if (tctx)
		root_close(&tctx->root);
}

#endif
