/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * chain - latency follows causality
 *
 * A root is a moment in which the kernel hands something the player feels to
 * user space (root.bpf.h): while input_event() runs, the wakeups made by this
 * context are caused by the input. A task woken so is the first hop. Whom a
 * member wakes, while its membership lives, is the next hop with the root and
 * the end of life of its waker.
 *
 * All marking happens in one place, at the sched_waking tracepoint: it sees
 * wakeups of tasks of every scheduling class and of tasks that have not yet
 * left the CPU, which the callbacks of sched_ext do not. It runs with
 * interrupts off and the wakee's pi_lock held, before the scheduler chooses a
 * CPU for the wakee.
 *
 * Whose wakeup is it? In the task's own context it is the current task's. In
 * an interrupt the current task is a bystander: only a root that was opened in
 * exactly this nesting of interrupts counts, never the bystander's chain. A
 * driver that reports input in process context (uinput, Bluetooth) may be
 * preempted and migrate while it is in input_event(), so then the root is the
 * task's; in interrupts it is the CPU's.
 */
#ifndef ARCADE_CHAIN_BPF_H
#define ARCADE_CHAIN_BPF_H

/* Latest event per lane: the maximum of old and new, so that races of two CPUs lose nothing. Read by the daemon, too. */
u64 chain_lane_root_ns[ARCADE_MAX_LANES];

/* The current context enters an input event of @lane. */
static __always_inline void chain_input_enter(u64 now_ns, u32 lane, u32 level, u32 cpu)
{
	u64 *latest_ns = &chain_lane_root_ns[lane & (ARCADE_MAX_LANES - 1)];

	if (policy_before(*latest_ns, now_ns))
		*latest_ns = now_ns;
	root_enter(now_ns, ARCADE_ROOT_INPUT, lane, knobs.chain_ttl_ns, level, cpu);
}

/*
 * Is @p a member now? Reads the clock only if it might be. Renewing here may race with another CPU's look at the same
 * task; both write the same event.
 */
static __always_inline bool chain_is_live(const struct task_struct *p, struct task_ctx *tctx)
{
	struct policy_chain *chain = &tctx->chain;
	u64 *latest_ns = &chain_lane_root_ns[chain->lane & (ARCADE_MAX_LANES - 1)], back_ns;

	if (!policy_chain_joined(chain, p->nvcsw) &&
	    !policy_chain_rejoin(chain, tctx->chain_share, tctx->burst_ns, p->nvcsw, *latest_ns))
		return false;
	back_ns = policy_chain_renew(chain, tctx->chain_share, *latest_ns, knobs.chain_ttl_ns);
	if (back_ns)
		tctx->burst_ns = policy_burst(tctx->burst_ns + back_ns);
	return policy_chain_live(chain, p->nvcsw, bpf_ktime_get_ns(), knobs.chain_budget_ns);
}

static __always_inline void chain_mark_root(struct task_struct *wakee, const struct root *root)
{
	struct task_ctx *tctx;

	if (bpf_ktime_get_ns() - root->root_ns > ROOT_WINDOW_NS)
		return;
	tctx = task_ctx_of(wakee);
	if (!tctx)
		return;
	policy_chain_start(&tctx->chain, wakee->nvcsw, root->kind, root->lane, root->root_ns, root->ttl_ns);
	tctx->chain_first_run = true;
	stats_inc(nr_chain_marks[root->kind & (NR_ARCADE_ROOTS - 1)][0]);
}

static __always_inline void chain_hand_on(struct task_ctx *waker, struct task_struct *wakee)
{
	struct task_ctx *tctx;
	u32 hop = waker->chain.hop;

	if (hop >= ARCADE_MAX_HOPS) {
		stats_inc(nr_chain_hops_over);
		return;
	}
	if (waker->chain.nr_handed_on >= knobs.chain_fanout) {
		stats_inc(nr_chain_fanout_over);
		return;
	}
	tctx = task_ctx_of(wakee);
	/* Who is woken now is not one that nobody wakes: what it has by habit must not stand in for this. */
	if (!tctx || (policy_chain_joined(&tctx->chain, wakee->nvcsw) && chain_is_live(wakee, tctx)))
		return;
	policy_chain_hand_on(&waker->chain, &tctx->chain, wakee->nvcsw);
	tctx->chain_first_run = true;
	stats_inc(nr_chain_marks[waker->chain.root & (NR_ARCADE_ROOTS - 1)][hop]);
}

/*
 * Where there is no hook on input_event() the daemon reads the devices, late and without knowing whom they wake. Then, for
 * as long as a chain lives, every wakeup of the game's threads and of the compositor's begins one. The daemon says until
 * when; more than a chain's life ahead it cannot be, so nothing stays open when the daemon is gone. @p wakes up. A global
 * function: the verifier looks at it once, not once per way that leads to it. Return: 0.
 */
__weak int chain_join_window(struct task_struct *p __arg_trusted, struct task_ctx *tctx __arg_nonnull)
{
	u64 until_ns = knobs.input_window_until_ns, now_ns;

	if (!until_ns || (p->flags & PF_KTHREAD))
		return 0;
	if (!(knobs.game_tree && tctx->tree == knobs.game_tree) &&
	    !(knobs.compositor_tgid && (u32)p->tgid == knobs.compositor_tgid))
		return 0;
	now_ns = bpf_ktime_get_ns();
	if (!policy_before(now_ns, until_ns) || until_ns - now_ns > knobs.chain_ttl_ns || chain_is_live(p, tctx))
		return 0;
	/* No lane of its own: nothing but the next wakeup renews it. How late it is nobody knows, so it is not measured. */
	policy_chain_start(&tctx->chain, p->nvcsw, ARCADE_ROOT_INPUT, ARCADE_LANE_OTHER, until_ns - knobs.chain_ttl_ns,
			   knobs.chain_ttl_ns);
	tctx->chain_first_run = false;
	stats_inc(nr_window_marks);
	return 0;
}

/* @wakee is being woken by the current context. */
static __always_inline void chain_follow_wakeup(struct task_struct *wakee)
{
	u32 level = compat_interrupt_level();
	struct task_struct *current;
	struct task_ctx *tctx;

	if (level) {
		const struct root *root = root_of_interrupt(level, bpf_get_smp_processor_id());

		if (root->root_ns && root->context == level)
			chain_mark_root(wakee, root);
		return;
	}
	current = bpf_get_current_task_btf();
	tctx = task_ctx_of(current);
	if (!tctx)
		return;
	if (tctx->root.root_ns && tctx->root.context == current->nvcsw)
		chain_mark_root(wakee, &tctx->root);
	else if (chain_is_live(current, tctx))
		chain_hand_on(tctx, wakee);
	else if (policy_chain_joined(&tctx->chain, current->nvcsw))
		stats_inc(nr_chain_expired);
}

/*
 * @p, which sleeps no longer, may have been marked while it was on its way to sleep, before that was counted: what wakes it
 * now is what it was marked for. Without this a thread that has got behind at such a moment stays behind: it does not sleep
 * again, so nobody marks it again.
 */
static __always_inline void chain_confirm(const struct task_struct *p, struct task_ctx *tctx)
{
	if (tctx->chain_first_run && tctx->chain.nvcsw + 1 == p->nvcsw)
		tctx->chain.nvcsw = p->nvcsw;
}

/*
 * @p, which has just been woken, is a member, and no CPU is idle. Is it to wait for @cpu, this one, which its waker is about
 * to leave, who has run there for @ran_ns, or more if that was charged already? It is put in the queue of the LLC then, so
 * whichever CPU comes first takes it.
 */
static __always_inline bool chain_gives_cpu(const struct task_struct *p, const struct task_ctx *tctx, s32 cpu, u64 ran_ns)
{
	struct task_struct *current;
	struct task_ctx *waker;

	/* In an interrupt the current task is a bystander. */
	if (!tctx->chain_first_run || tctx->chain.hop < 2 || compat_interrupt_level())
		return false;
	current = bpf_get_current_task_btf();
	waker = task_ctx_of(current);
	if (!waker || !policy_chain_joined(&waker->chain, current->nvcsw) ||
	    !policy_hands_over(&waker->chain, &tctx->chain, waker->member_run_ns, waker->chain.ran_ns + ran_ns) ||
	    !bpf_cpumask_test_cpu(cpu, p->cpus_ptr))
		return false;
	waker->chain.gave_cpu = true;
	return true;
}

/* @p starts to run: how long after its root? */
static __always_inline void chain_account_run(struct task_struct *p, struct task_ctx *tctx)
{
	struct arcade_stats *stats;
	u64 delay_ns;
	u32 root, hop;

	if (!tctx->chain_first_run)
		return;
	tctx->chain_first_run = false;
	if (!policy_chain_joined(&tctx->chain, p->nvcsw)) {
		/* Marked, but it has slept again before it ran. */
		stats_inc(nr_chain_void);
		return;
	}
	stats = stats_this_cpu();
	root = tctx->chain.root;
	hop = tctx->chain.hop - 1;
	if (!stats || root >= NR_ARCADE_ROOTS || hop >= ARCADE_MAX_HOPS)
		return;
	if (!hop && root)
		tctx->roles |= 1 << (root - ARCADE_ROOT_INPUT + ARCADE_THREAD_INPUT);
	delay_ns = bpf_ktime_get_ns() - tctx->chain.root_ns;
	stats->chain_run_ns[root][hop] += delay_ns;
	stats->chain_hist[root][hop][policy_hist_bucket(delay_ns) & 31]++;
}

/* @ran_ns were used; the last of a budget ends the membership, but for a slice more (fair_dispatch()). */
static __always_inline void chain_charge(struct task_struct *p, struct task_ctx *tctx, u64 ran_ns)
{
	u64 before_ns = tctx->chain.ran_ns;

	if (!policy_chain_joined(&tctx->chain, p->nvcsw))
		return;
	tctx->chain.ran_ns += ran_ns;
	if (before_ns < knobs.chain_budget_ns && tctx->chain.ran_ns >= knobs.chain_budget_ns)
		stats_inc(nr_chain_budget_over);
}

#endif
