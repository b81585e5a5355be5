/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * fair - virtual-deadline queues, one per LLC and one per CPU
 *
 * A task waits in the queue of its LLC; if it can run on one CPU only, in the
 * queue of that CPU. Both are ordered by deadline, and a CPU takes the earlier
 * head of the two. A CPU that finds nothing takes from another LLC.
 *
 * Deadlines alone bound nobody's wait: while short tasks keep coming, a task of
 * low weight stays last. So from time to time the end of a queue is looked at,
 * and who has waited for long runs next, whatever its deadline; but not at once
 * if the player waits for somebody here.
 *
 * A CPU that is about to go offline is not asked for its next task any more, but
 * goes only when a grace period of RCU has ended, for which somebody in its own
 * queue may be needed. So others look there, too.
 *
 * The runtime that is charged is the kernel's own (sum_exec_runtime), so time
 * in interrupts is nobody's debt and no clock is read for it.
 */
#ifndef ARCADE_FAIR_BPF_H
#define ARCADE_FAIR_BPF_H

/* Queue ids, as tools show them: the CPU's number, or 0x10000 + the LLC's. */
#define FAIR_DSQ_LLC_BASE 0x10000ULL

/* Who has waited so long gets a turn out of order, one task of a CPU per look: hundreds of hogs wait no less by right. */
#define FAIR_WAIT_LONG_NS (200 * POLICY_NS_PER_MS)
/*
 * As long as somebody has waited so long, every dispatch takes one, whoever else waits. Well below the 1 s that nobody may wait:
 * whoever is found must still get his turn.
 */
#define FAIR_WAIT_MAX_NS (500 * POLICY_NS_PER_MS)
/* How often a CPU looks for such tasks, and how many of a queue it looks at, from the end. */
#define FAIR_AGE_CHECK_NS (20 * POLICY_NS_PER_MS)
#define FAIR_AGE_CHECK_NR 256
/* How often while the player waits for one who runs or is first in a queue: nobody may wait for a look that never comes. */
#define FAIR_PUT_OFF_NS (60 * POLICY_NS_PER_MS)
/* A CPU that has looked for nothing in so long is not asked for its next task: it goes offline, or is held by real-time work. */
#define FAIR_UNASKED_NS (100 * POLICY_NS_PER_MS)
/* How many CPUs one looks at each time, and how many tasks each of those gets. */
#define FAIR_UNASKED_CHECK_NR 64
#define FAIR_UNASKED_SERVE_NR 16

/* Never written. Not a constant, because the verifier would follow a search that starts with one task by task. */
static volatile u64 fair_wait_long_ns = FAIR_WAIT_LONG_NS;

/*
 * scx_bpf_now() of a CPU's last look for old tasks in its own queue and in its LLC's. By CPU, because what one may not take
 * another may.
 */
struct fair_looked {
	u64 own_ns;
	u64 llc_ns;
	u64 other_ns;		/* at one other LLC's */
	u64 unasked_ns;		/* for CPUs that are not asked: so this one was asked then */
	u32 unasked_first;	/* which is the first of those the next time */
	u32 other_llc;		/* which was that */
	u32 own_is_used;	/* bool: its own queue may hold somebody */
	u32 pad[5];		/* a cache line each */
};

static struct fair_looked fair_looked[ARCADE_MAX_CPUS];

static __always_inline struct fair_looked *fair_looked_of(s32 cpu)
{
	return &fair_looked[cpu & (ARCADE_MAX_CPUS - 1)];
}

/*
 * The kernel's object of an LLC's queue, as an address; 0: not seen yet. How many wait there is one of its fields, and every
 * switch asks three times; asked by id, the kernel looks in a hash table each time. It lives as long as the scheduler.
 */
static u64 fair_llc_queues[ARCADE_MAX_LLCS];

void *bpf_rdonly_cast(const void *obj, u32 btf_id) __ksym __weak;

static __always_inline u64 fair_dsq_of_llc(u32 llc)
{
	return FAIR_DSQ_LLC_BASE + llc;
}

static __always_inline u64 fair_dsq_of_cpu(s32 cpu)
{
	return cpu;
}

/* Asks the kernel, and notes where its queue is if a task shows it. A global function: rare, and verified once. */
__weak u32 fair_ask_llc(u32 llc)
{
	u64 dsq_id = fair_dsq_of_llc(llc);
	s32 nr = scx_bpf_dsq_nr_queued(dsq_id);
	struct bpf_iter_scx_dsq it;

	if (nr <= 0)
		return 0;
	if (!bpf_iter_scx_dsq_new(&it, dsq_id, 0)) {
		struct task_struct *p = bpf_iter_scx_dsq_next(&it);
		struct scx_dispatch_q *queue = p ? p->scx.dsq : NULL;

		/* It may have been moved on since. */
		if (queue && queue->id == dsq_id)
			fair_llc_queues[llc & (ARCADE_MAX_LLCS - 1)] = (u64)queue;
	}
	bpf_iter_scx_dsq_destroy(&it);
	return nr;
}

/* How many wait in the queue of @llc. */
static __always_inline u32 fair_nr_in_llc(u32 llc)
{
	u64 address = fair_llc_queues[llc & (ARCADE_MAX_LLCS - 1)];

	if (!address || !bpf_ksym_exists(bpf_rdonly_cast))
		return fair_ask_llc(llc);
	return ((struct scx_dispatch_q *)bpf_rdonly_cast((void *)address, bpf_core_type_id_kernel(struct scx_dispatch_q)))->nr;
}

/* Moves the task's vtime to the clock of @llc, with its lag. */
static __always_inline void fair_enter_llc(struct task_ctx *tctx, u32 llc)
{
	if (tctx->llc == llc)
		return;
	tctx->is_settled = false;
	tctx->vtime += *clock_of(llc) - *clock_of(tctx->llc);
	tctx->llc = llc;
}

/* Does @p belong to the processes of the game that is played? */
static __always_inline bool fair_is_game(const struct task_ctx *tctx)
{
	return knobs.game_tree && tctx->tree == knobs.game_tree;
}

/* How long has @tctx slept, which sleeps or has been woken? */
static __always_inline u64 fair_slept_ns(const struct task_ctx *tctx, u64 now_ns)
{
	return policy_slept(tctx->slept_at_ns, tctx->queued_at_ns ? tctx->queued_at_ns : now_ns);
}

/* CPU time that @tctx has a lead for with what it earns by a sleep that ends now. A global function: rare, and verified once. */
__weak u64 fair_ahead_after_sleep(struct task_ctx *tctx __arg_nonnull)
{
	return policy_get_ahead(tctx->ahead_ns, fair_slept_ns(tctx, scx_bpf_now()));
}

/* CPU time that @tctx has a lead for. */
static __always_inline u64 fair_ahead_ns(struct task_ctx *tctx)
{
	return policy_is_ahead(tctx->ahead_ns) || !tctx->slept_at_ns ? tctx->ahead_ns : fair_ahead_after_sleep(tctx);
}

/* One of the game's that computes without sleep? */
static __always_inline bool fair_is_loader(struct task_ctx *tctx)
{
	return fair_is_game(tctx) && !policy_is_ahead(fair_ahead_ns(tctx));
}

/* The class by which its turn is reckoned. */
static __always_inline enum arcade_class fair_turn(struct task_ctx *tctx, enum arcade_class class)
{
	return policy_is_game(class) ? policy_turn(class, fair_ahead_ns(tctx)) : class;
}

static __always_inline u32 fair_weight(const struct task_struct *p, const struct task_ctx *tctx)
{
	return policy_weight(p->scx.weight, tctx->group_weight, fair_is_game(tctx));
}

/*
 * Charges what @p has run since the last charge. Legal at any time that it is current on its CPU. Where nobody waits, time
 * itself moves the clock.
 */
static __always_inline void fair_charge(struct task_struct *p, struct task_ctx *tctx, enum arcade_class class)
{
	u64 exec_ns = p->se.sum_exec_runtime, ran_ns = exec_ns - tctx->exec_seen_ns;

	tctx->exec_seen_ns = exec_ns;
	tctx->is_settled = false;
	tctx->ahead_ns = policy_use_ahead(tctx->ahead_ns, ran_ns);
	tctx->vtime += policy_virtual(policy_charge(ran_ns, &tctx->burst_ns), fair_weight(p, tctx));
	if (!fair_nr_in_llc(tctx->llc))
		clock_move(tctx->llc, policy_clock_alone(*clock_of(tctx->llc), tctx->vtime, ran_ns, class));
	chain_charge(p, tctx, ran_ns);
	freq_account(compat_task_cpu(p), ran_ns);
}

/* Puts credit and debt of @p, by the clock of @llc, in bounds. */
static __always_inline void fair_clamp(struct task_struct *p, struct task_ctx *tctx, u32 llc)
{
	u64 clock;

	fair_enter_llc(tctx, llc);
	clock = *clock_of(llc);
	/* Choosing a CPU, queueing and running follow one another, mostly within one tick of that clock. */
	if (tctx->is_settled && tctx->settled_clock == clock)
		return;
	tctx->vtime = policy_clamp_vtime(tctx->vtime, clock, knobs.slice_ns, fair_weight(p, tctx),
					 fair_is_loader(tctx));
	tctx->settled_clock = clock;
	tctx->is_settled = true;
}

/* The same, with what its groups are now. From a callback that is about @p: others may not ask for groups. */
static __always_inline void fair_settle(struct task_struct *p, struct task_ctx *tctx, u32 llc)
{
	group_follow(p, tctx);
	fair_clamp(p, tctx, llc);
}

/* The class of @p as long as no chain leads to it. */
static __always_inline enum arcade_class fair_own_class(const struct task_struct *p, const struct task_ctx *tctx)
{
	if (!knobs.game_tree)
		return ARCADE_CLASS_NORMAL;
	if (tctx->tree == knobs.game_tree)
		return policy_is_frame_thread(tctx->chain_share) ? ARCADE_CLASS_FRAME : ARCADE_CLASS_GAME;
	if (tree_is_background(tctx->tree) || tree_is_background(tctx->group_tree) || p->policy == SCHED_BATCH ||
	    p->policy == SCHED_IDLE || p->static_prio >= PRIO_NICE_10)
		return ARCADE_CLASS_BACKGROUND;
	return ARCADE_CLASS_NORMAL;
}

static __always_inline enum arcade_class fair_class(struct task_struct *p, struct task_ctx *tctx)
{
	/* Kernel threads carry a chain but get nothing from it. */
	if (!(p->flags & PF_KTHREAD) && chain_is_live(p, tctx))
		return ARCADE_CLASS_CHAIN;
	return fair_own_class(p, tctx);
}

static __always_inline u64 fair_deadline(struct task_struct *p, struct task_ctx *tctx, enum arcade_class class)
{
	enum arcade_class turn = fair_turn(tctx, class);

	return policy_deadline(tctx->vtime, *clock_of(tctx->llc), knobs.slice_ns,
			       policy_weight(p->scx.weight, tctx->group_weight, policy_is_game(turn)), turn);
}

static __always_inline u64 fair_order(const struct task_ctx *tctx, enum arcade_class class)
{
	return class == ARCADE_CLASS_CHAIN ? policy_chain_order(&tctx->chain) : 0;
}

/* A task starts in its turn: if others wait, the clock is where it starts. */
static __always_inline void fair_start_clock(const struct task_ctx *tctx, enum arcade_class class)
{
	if (fair_nr_in_llc(tctx->llc))
		clock_move(tctx->llc, policy_clock(*clock_of(tctx->llc), tctx->vtime, class));
}

/* @p runs on @cpu from now on. */
static __always_inline void fair_note_running(s32 cpu, struct task_struct *p, struct task_ctx *tctx,
					      enum arcade_class class, u64 now_ns)
{
	preempt_note_running(cpu, fair_turn(tctx, class), fair_order(tctx, class), fair_deadline(p, tctx, class), now_ns);
}

static __always_inline u64 fair_slice(const struct task_ctx *tctx, enum arcade_class class)
{
	u64 slice_ns = knobs.slice_ns, budget_ns = knobs.chain_budget_ns;

	/* A member runs no longer than its budget in one go, then a slice (fair_dispatch()). */
	if (class == ARCADE_CLASS_CHAIN && tctx && tctx->chain.ran_ns < budget_ns &&
	    budget_ns - tctx->chain.ran_ns < slice_ns)
		return budget_ns - tctx->chain.ran_ns;
	return slice_ns;
}

/* Deadline of the first task in a queue. Return: false if it is empty, which it was not a moment ago. */
static __always_inline bool fair_first_deadline(u64 dsq_id, u64 *deadline)
{
	struct bpf_iter_scx_dsq it;
	struct task_struct *p;
	bool found = false;

	if (!bpf_iter_scx_dsq_new(&it, dsq_id, 0)) {
		p = bpf_iter_scx_dsq_next(&it);
		if (p) {
			*deadline = p->scx.dsq_vtime;
			found = true;
		}
	}
	bpf_iter_scx_dsq_destroy(&it);
	return found;
}

/*
 * A task that is taken out of a queue and put back, because its mask or its weight changes, has waited since it came first:
 * else whoever is changed often enough would wait for ever.
 */
static __always_inline void fair_note_queued(struct task_ctx *tctx)
{
	if (!tctx->queued_at_ns)
		tctx->queued_at_ns = scx_bpf_now();
}

/* How long @p has been in a queue of ours. */
static __always_inline u64 fair_waited_ns(struct task_struct *p, u64 now_ns)
{
	struct task_ctx *tctx = task_ctx_of(p);
	u64 since_ns = tctx ? tctx->queued_at_ns : 0;

	return since_ns && policy_before(since_ns, now_ns) ? now_ns - since_ns : 0;
}

/* Moving a task to a CPU that it may not use is an error that ends the scheduler. */
static __always_inline bool fair_may_run_on(const struct task_struct *p, s32 cpu)
{
	return bpf_cpumask_test_cpu(cpu, p->cpus_ptr) && !compat_migration_disabled(p);
}

/*
 * During an iteration: the CPU of @local_dsq runs @p next, whatever its deadline. Another CPU may run it before it is marked;
 * then a later start of it is taken for one out of turn. Return: false if it is gone from the queue.
 */
static __always_inline bool fair_take_out_of_turn(struct bpf_iter_scx_dsq *it, struct task_struct *p, u64 local_dsq)
{
	struct task_ctx *tctx = task_ctx_of(p);

	if (!scx_bpf_dsq_move(it, p, local_dsq, 0))
		return false;
	if (tctx)
		tctx->is_out_of_turn = true;
	return true;
}

/* May @p, of a queue that is the CPU's own or not, run on @cpu? What waits in a CPU's own queue can run nowhere else. */
static __always_inline bool fair_may_take(const struct task_struct *p, s32 cpu, bool is_pinned)
{
	return is_pinned || fair_may_run_on(p, cpu);
}

/*
 * Does the player wait for @p: is it a member of a chain, or one of the game's that is ahead? Only reads, as another CPU may be
 * running it by now; so who is a member by the next event only (chain_is_live()) does not count.
 */
static __always_inline bool fair_is_urgent(const struct task_struct *p, struct task_ctx *tctx)
{
	if (fair_is_game(tctx) && policy_is_ahead(fair_ahead_ns(tctx)))
		return true;
	return !(p->flags & PF_KTHREAD) &&
	       policy_chain_live(&tctx->chain, p->nvcsw, bpf_ktime_get_ns(), knobs.chain_budget_ns);
}

/* Is the first of a queue such a one, which @cpu may take? A global function: verified once. Return: bool. */
__weak int fair_first_is_urgent(u64 dsq_id, s32 cpu, bool is_pinned)
{
	struct bpf_iter_scx_dsq it;
	bool is_urgent = false;

	if (!bpf_iter_scx_dsq_new(&it, dsq_id, 0)) {
		struct task_struct *p = bpf_iter_scx_dsq_next(&it);
		struct task_ctx *tctx = p ? task_ctx_of(p) : NULL;

		is_urgent = tctx && fair_may_take(p, cpu, is_pinned) && fair_is_urgent(p, tctx);
	}
	bpf_iter_scx_dsq_destroy(&it);
	return is_urgent;
}

/* How long has the one waited who has waited longest in a queue and may run on this CPU? 0 if nobody has for long. */
static __always_inline u64 fair_longest_wait(u64 dsq_id, s32 cpu, bool is_pinned, u64 now_ns)
{
	u64 longest_ns = fair_wait_long_ns;
	struct bpf_iter_scx_dsq it;
	struct task_struct *p;
	int i;

	if (!bpf_iter_scx_dsq_new(&it, dsq_id, COMPAT_DSQ_ITER_REV)) {
		bpf_for(i, 0, FAIR_AGE_CHECK_NR) {
			u64 waited_ns;

			p = bpf_iter_scx_dsq_next(&it);
			if (!p)
				break;
			waited_ns = fair_waited_ns(p, now_ns);
			if (waited_ns > longest_ns && fair_may_take(p, cpu, is_pinned))
				longest_ns = waited_ns;
		}
	}
	bpf_iter_scx_dsq_destroy(&it);
	return longest_ns > fair_wait_long_ns ? longest_ns : 0;
}

/*
 * Takes the one who has waited longest, if that is long. A global function: the verifier looks at it once, not once per
 * queue. Return: how long; 0 if there was none; < 0 if another CPU was faster.
 */
__weak s64 fair_take_aged(u64 dsq_id, s32 cpu, bool is_pinned, u64 now_ns)
{
	u64 longest_ns = fair_longest_wait(dsq_id, cpu, is_pinned, now_ns);
	struct bpf_iter_scx_dsq it;
	struct task_struct *p;
	bool taken = false;
	int i;

	if (!longest_ns)
		return 0;
	if (!bpf_iter_scx_dsq_new(&it, dsq_id, COMPAT_DSQ_ITER_REV)) {
		bpf_for(i, 0, FAIR_AGE_CHECK_NR) {
			p = bpf_iter_scx_dsq_next(&it);
			if (!p)
				break;
			if (fair_waited_ns(p, now_ns) < longest_ns || !fair_may_take(p, cpu, is_pinned))
				continue;
			taken = fair_take_out_of_turn(&it, p, COMPAT_DSQ_LOCAL);
			break;
		}
	}
	bpf_iter_scx_dsq_destroy(&it);
	if (!taken)
		return -1;
	stats_inc(nr_aged);
	return longest_ns;
}

/*
 * A look that is due, @looked_ns being when the last was. Due again at once as long as there is somebody who has waited far too
 * long, or was, before another CPU took him. Return: was one taken?
 */
static __always_inline bool fair_look_for_aged(u64 *looked_ns, u64 dsq_id, s32 cpu, bool is_pinned, u64 now_ns)
{
	s64 waited_ns = fair_take_aged(dsq_id, cpu, is_pinned, now_ns);

	if (waited_ns >= 0 && waited_ns < FAIR_WAIT_MAX_NS)
		*looked_ns = now_ns;
	return waited_ns > 0;
}

/*
 * One of the old of one other LLC, of another each time: its own CPUs may be held by real-time work, or by more than their share.
 * But one per look: this LLC's own come first.
 */
static __always_inline bool fair_look_elsewhere(struct fair_looked *looked, s32 cpu, u32 llc, u64 now_ns)
{
	u32 other = topo_llc_after(looked->other_llc);

	if (other == llc)
		other = topo_llc_after(other);
	looked->other_llc = other;
	looked->other_ns = now_ns;
	return fair_take_aged(fair_dsq_of_llc(other), cpu, false, now_ns) > 0;
}

/*
 * Puts on @cpu, which is not asked for its next task, who has waited far too long in its own queue. From ops.dispatch of
 * another CPU. A global function: rare, and verified once.
 */
__weak int fair_serve_unasked(s32 cpu, u64 now_ns)
{
	struct bpf_iter_scx_dsq it;
	struct task_struct *p;
	u32 nr = 0;
	int i;

	if (!bpf_iter_scx_dsq_new(&it, fair_dsq_of_cpu(cpu), 0)) {
		bpf_for(i, 0, FAIR_AGE_CHECK_NR) {
			p = bpf_iter_scx_dsq_next(&it);
			if (!p || nr >= FAIR_UNASKED_SERVE_NR)
				break;
			if (fair_waited_ns(p, now_ns) < FAIR_WAIT_MAX_NS || !bpf_cpumask_test_cpu(cpu, p->cpus_ptr) ||
			    !fair_take_out_of_turn(&it, p, COMPAT_DSQ_LOCAL_ON | cpu))
				continue;
			stats_inc(nr_aged);
			nr++;
		}
	}
	bpf_iter_scx_dsq_destroy(&it);
	/* Before 6.19, and in early 6.18, the move alone wakes nobody. */
	if (nr)
		compat_kick_idle(cpu);
	return 0;
}

/*
 * Looks for CPUs that are not asked, from @first on. It may unlock the runqueue: what was known of the queues before may not be
 * true after it. A global function: rare, and verified once. Return: the first of the next time.
 */
__weak u32 fair_look_for_unasked(u32 first, s32 cpu, u64 now_ns)
{
	u32 end = first + FAIR_UNASKED_CHECK_NR, i;

	if (end > topo_nr_cpu_ids)
		end = topo_nr_cpu_ids;
	for (i = first; i < end && kernel_may_loop(); i++) {
		const struct fair_looked *other = fair_looked_of(i);

		if (i != cpu && other->own_is_used && !policy_before(now_ns, other->unasked_ns + FAIR_UNASKED_NS))
			fair_serve_unasked(i, now_ns);
	}
	return end < topo_nr_cpu_ids ? end : 0;
}

/* Takes a task of another LLC whose CPUs are all busy. */
static __always_inline bool fair_steal(u32 llc)
{
	u32 nr = topo_nr_llcs, i;

	bpf_for(i, 1, nr) {
		u32 other = llc + i;

		if (other >= nr)
			other -= nr;
		if (fair_nr_in_llc(other) && compat_dsq_move_to_local(fair_dsq_of_llc(other))) {
			stats_inc(nr_steals);
			return true;
		}
	}
	return false;
}

/*
 * Lets @prev, charged already, run on for another slice. Neither stopping nor running is called then, so who runs where is
 * noted here.
 */
static __always_inline void fair_renew(s32 cpu, struct task_struct *prev, struct task_ctx *tctx, enum arcade_class class)
{
	u64 now_ns = scx_bpf_now();

	/* Somebody has been put here meanwhile, and prev has lost its slice to him. */
	if (scx_bpf_dsq_nr_queued(COMPAT_DSQ_LOCAL))
		return;
	compat_task_set_slice(prev, fair_slice(tctx, class));
	if (tctx) {
		fair_start_clock(tctx, class);
		fair_note_running(cpu, prev, tctx, class, now_ns);
		freq_check(cpu, now_ns);
	}
	stats_inc(nr_kept);
}

/* Does the head of @dsq_id come before @deadline? */
static __always_inline bool fair_head_is_before(u64 dsq_id, u64 deadline)
{
	u64 head = 0;

	return fair_first_deadline(dsq_id, &head) && !policy_before(deadline, head);
}

/*
 * Somebody is about to be put in the queue of @cpu, whose runqueue is locked, as it is in fair_own_queue_is_used(). Others read
 * it without the lock: at worst they look in vain, or a look later.
 */
static __always_inline void fair_use_own_queue(s32 cpu)
{
	fair_looked_of(cpu)->own_is_used = true;
}

/* Mostly nobody has been there since it was last seen empty. */
static __always_inline bool fair_own_queue_is_used(struct fair_looked *looked, s32 cpu)
{
	if (!looked->own_is_used)
		return false;
	looked->own_is_used = scx_bpf_dsq_nr_queued(fair_dsq_of_cpu(cpu)) > 0;
	return looked->own_is_used;
}

/* Is it time for a look, the last having been at @looked_ns? */
static __always_inline bool fair_is_due(u64 looked_ns, u64 interval_ns, u64 now_ns)
{
	return !policy_before(now_ns, looked_ns + interval_ns);
}

/*
 * One of those who have waited for long, wherever this CPU may take him from. @is_urgent: the player waits for the one who runs.
 * Return: was there one?
 */
static __always_inline bool fair_dispatch_aged(struct fair_looked *looked, s32 cpu, u32 llc, bool in_cpu, bool in_llc,
					       bool is_urgent, u64 now_ns)
{
	u64 cpu_dsq = fair_dsq_of_cpu(cpu), llc_dsq = fair_dsq_of_llc(llc), interval_ns = FAIR_AGE_CHECK_NS;
	bool in_other = topo_nr_llcs > 1;

	if (!(in_cpu && fair_is_due(looked->own_ns, interval_ns, now_ns)) &&
	    !(in_llc && fair_is_due(looked->llc_ns, interval_ns, now_ns)) &&
	    !(in_other && fair_is_due(looked->other_ns, interval_ns, now_ns)))
		return false;
	if (is_urgent || (in_cpu && fair_first_is_urgent(cpu_dsq, cpu, true)) ||
	    (in_llc && fair_first_is_urgent(llc_dsq, cpu, false)))
		interval_ns = FAIR_PUT_OFF_NS;
	return (in_cpu && fair_is_due(looked->own_ns, interval_ns, now_ns) &&
		fair_look_for_aged(&looked->own_ns, cpu_dsq, cpu, true, now_ns)) ||
	       (in_llc && fair_is_due(looked->llc_ns, interval_ns, now_ns) &&
		fair_look_for_aged(&looked->llc_ns, llc_dsq, cpu, false, now_ns)) ||
	       (in_other && fair_is_due(looked->other_ns, interval_ns, now_ns) &&
		fair_look_elsewhere(looked, cpu, llc, now_ns));
}

/* Next task for @cpu, unless @prev, which still wants to run, is owed more. */
static __always_inline void fair_dispatch(s32 cpu, struct task_struct *prev)
{
	u32 llc = topo_llc_of(cpu);
	u64 llc_dsq = fair_dsq_of_llc(llc), cpu_dsq = fair_dsq_of_cpu(cpu), cpu_first = 0, now_ns = scx_bpf_now();
	struct fair_looked *looked = fair_looked_of(cpu);
	enum arcade_class class = ARCADE_CLASS_NORMAL, turn = ARCADE_CLASS_NORMAL;
	struct task_ctx *tctx;
	bool in_llc, in_cpu, prev_wants;

	if (!policy_before(now_ns, looked->unasked_ns + FAIR_AGE_CHECK_NS)) {
		looked->unasked_ns = now_ns;
		looked->unasked_first = fair_look_for_unasked(looked->unasked_first, cpu, now_ns);
	}
	in_llc = fair_nr_in_llc(llc) > 0;
	in_cpu = fair_own_queue_is_used(looked, cpu);
	prev_wants = prev && (prev->scx.flags & COMPAT_TASK_QUEUED);
	tctx = prev_wants ? task_ctx_of(prev) : NULL;
	if (tctx) {
		/*
		 * Whose budget ends with this turn is a member for one slice more: of a frame that is nearly made the player sees
		 * nothing, and in its own class it might wait for many.
		 */
		class = fair_class(prev, tctx);
		fair_charge(prev, tctx, class);
		/* It may have been alone for long: what it is owed has an end. */
		fair_clamp(prev, tctx, llc);
		turn = fair_turn(tctx, class);
	}
	if (fair_dispatch_aged(looked, cpu, llc, in_cpu, in_llc, turn > ARCADE_CLASS_NORMAL, now_ns))
		return;
	if (tctx) {
		u64 deadline = fair_deadline(prev, tctx, class);

		if (!(in_llc && fair_head_is_before(llc_dsq, deadline)) && !(in_cpu && fair_head_is_before(cpu_dsq, deadline))) {
			fair_renew(cpu, prev, tctx, class);
			return;
		}
	}
	/* The queue of the LLC may hold only tasks that cannot run here, so the CPU's is asked again after it. */
	if (in_cpu && (!in_llc || (fair_first_deadline(cpu_dsq, &cpu_first) && !fair_head_is_before(llc_dsq, cpu_first))) &&
	    compat_dsq_move_to_local(cpu_dsq))
		return;
	if (in_llc && compat_dsq_move_to_local(llc_dsq))
		return;
	if (in_cpu && compat_dsq_move_to_local(cpu_dsq))
		return;
	if (prev_wants) {
		fair_renew(cpu, prev, tctx, class);
		return;
	}
	fair_steal(llc);
}

#endif
