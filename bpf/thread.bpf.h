/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * thread - what is told of a thread, to whoever wants to know whom we favour
 *
 * Nothing is gathered for it that is not there anyway, but for two things: what
 * a thread was seen to do, a bit where it is seen, and how long it waits. The
 * wait ends where the thread starts to run; when it began our own queues know,
 * and for a thread that was put on a CPU at once the kernel does.
 *
 * Reading is the task iterator's business: it walks under RCU, takes no lock
 * that a scheduler would wait for, and looks at each thread for itself.
 */
#ifndef ARCADE_THREAD_BPF_H
#define ARCADE_THREAD_BPF_H

/* A thread that sleeps counts as what it was last, for so long: who is woken sixty times a second sleeps mostly. */
#define THREAD_RECENT_NS (1000 * POLICY_NS_PER_MS)

/* Halves its past: a thread that wakes up 60 times a second fades in some ten seconds. */
#define THREAD_WAITS_MAX 1024

/* Kept by the kernel if it has CONFIG_SCHED_INFO, by the clock of scx_bpf_now(): since when a thread is ready. */
struct sched_info___thread {
	unsigned long long last_queued;
} __attribute__((preserve_access_index));

struct task_struct___thread {
	struct sched_info___thread sched_info;
} __attribute__((preserve_access_index));

/* Since when @p, which was in no queue of ours, has been ready; 0 if nobody knows. */
static __always_inline u64 thread_ready_since(struct task_struct *p)
{
	struct task_struct___thread *info = (void *)p;

	return bpf_core_field_exists(info->sched_info.last_queued) ? info->sched_info.last_queued : 0;
}

/* A thread starts to run that has waited for @waited_ns, not exact to the clocks of two CPUs. */
static __always_inline void thread_note_wait(struct task_ctx *tctx, u64 waited_ns)
{
	u32 bucket = policy_log2_bucket((s64)waited_ns < 0 ? 0 : waited_ns);

	if (bucket >= ARCADE_HIST_BUCKETS)
		return;
	if (++tctx->waits[bucket] < THREAD_WAITS_MAX)
		return;
	for (u32 i = 0; i < ARCADE_HIST_BUCKETS; i++)
		tctx->waits[i] /= 2;
}

/* As it is now, or was when it went to sleep a moment ago. Unlike fair_class() it changes nothing. */
static __always_inline enum arcade_class thread_class(const struct task_struct *p, const struct task_ctx *tctx, u64 now_ns)
{
	const struct policy_chain *chain = &tctx->chain;
	bool was_member = tctx->slept_at_ns && tctx->was_member && now_ns - chain->root_ns < THREAD_RECENT_NS;

	if (!(p->flags & PF_KTHREAD) &&
	    (was_member || policy_chain_live(chain, p->nvcsw, now_ns, knobs.chain_budget_ns)))
		return ARCADE_CLASS_CHAIN;
	return fair_own_class(p, tctx);
}

/* Of the kernel's own threads only those that chains run through are of interest. */
static __always_inline void thread_tell(struct seq_file *seq, struct task_struct *p)
{
	const struct task_ctx *tctx = task_ctx_of(p);
	struct arcade_thread told = { 0 };
	u64 now_ns;

	if (!tctx || (p->flags & PF_EXITING) || ((p->flags & PF_KTHREAD) && !tctx->chain.hop))
		return;
	now_ns = bpf_ktime_get_ns();
	told.pid = p->pid;
	told.tgid = p->tgid;
	told.run_ns = p->se.sum_exec_runtime;
	told.nr_runs = p->nvcsw + p->nivcsw;
	told.chain_ns = tctx->chain.hop ? tctx->chain.root_ns : 0;
	told.chain_share = tctx->chain_share;
	told.class = thread_class(p, tctx, now_ns);
	told.roles = tctx->roles;
	told.root = tctx->chain.hop ? tctx->chain.root : ARCADE_ROOT_NONE;
	told.hop = tctx->chain.hop;
	told.is_game = knobs.known_tree && tctx->tree == knobs.known_tree;
	__builtin_memcpy(told.waits, tctx->waits, sizeof(told.waits));
	__builtin_memcpy(told.comm, p->comm, sizeof(told.comm));
	__builtin_memcpy(told.process, p->group_leader->comm, sizeof(told.process));
	bpf_seq_write(seq, &told, sizeof(told));
}

#endif
