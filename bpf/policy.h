/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * policy - the arithmetic of every decision, and nothing else
 *
 * No maps, no clocks, no kernel types: time and state come in, a verdict goes
 * out. The same text compiles into the BPF object and into the host tests, so
 * what is tested is what runs.
 *
 * Virtual time. A task's vtime advances by the CPU time it used, scaled by
 * 100 / weight. The clock of a queue follows the tasks that it runs. A task
 * that slept may lag behind that clock by at most one credit, a task that ran
 * more than its share may be ahead by at most one debt. The deadline is the vtime at
 * which the next slice will be used up, shifted by the offset of the class:
 * who is owed most, or asks for least, runs first.
 *
 * All comparisons survive the wrap of a u64.
 *
 * Chains. A membership belongs to one activation: the time between two
 * voluntary context switches of the task. The count of these switches is
 * stored with it, so it ends by itself when the task blocks, without a hook
 * and without anything to forget. It also ends with its time and its budget.
 * Only the reader of a stream of events, who is not woken again as long as he
 * is busy with the last, lives on with each new event (policy_chain_renew).
 */
#ifndef ARCADE_POLICY_H
#define ARCADE_POLICY_H

#include "arcade/abi.h"

#define POLICY_NS_PER_US 1000ULL
#define POLICY_NS_PER_MS 1000000ULL

/* Weight of nice 0, as sched_ext scales it (kernel: SCX_TASK weight, 1..10000). */
#define POLICY_WEIGHT_DEFAULT 100u

/* A sleeper may be owed this much vtime: two frames at 60 Hz would let a burst run one through. */
#define POLICY_CREDIT_NS (20 * POLICY_NS_PER_MS)
/*
 * Debt is at most this many of the task's own virtual slices: enough to keep shares in proportion to weights, too little
 * to shut out for long who was allowed to run ahead as a member of chains.
 */
#define POLICY_DEBT_SLICES 2
/* And at most this: bounds the wait of a nice 19 task. */
#define POLICY_DEBT_MAX_NS (400 * POLICY_NS_PER_MS)
/* How much earlier the deadline of a chain member is: ahead of every credit. */
#define POLICY_CHAIN_OFFSET_NS (40 * POLICY_NS_PER_MS)

/* A CPU whose current task has no rank cannot be taken. */
#define POLICY_RANK_NEVER (~0ULL)

/* One task's membership in a chain. All zero but nvcsw: no membership. */
struct policy_chain {
	u64 root_ns;		/* CLOCK_MONOTONIC of the event that caused it */
	u64 expires_ns;		/* CLOCK_MONOTONIC */
	u64 nvcsw;		/* voluntary switches of the task when it joined */
	u64 ran_ns;		/* CPU time used as member */
	u8 root;		/* enum arcade_root */
	u8 hop;			/* 1: woken by the event itself */
	u16 nr_handed_on;
	u8 lane;		/* enum arcade_lane of the root */
	u8 pad[3];
};

static inline bool policy_before(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

static inline u64 policy_max_time(u64 a, u64 b)
{
	return policy_before(a, b) ? b : a;
}

/* CPU time as virtual time of a task of @weight. */
static inline u64 policy_virtual(u64 ns, u32 weight)
{
	if (weight == POLICY_WEIGHT_DEFAULT)
		return ns;
	return ns * POLICY_WEIGHT_DEFAULT / (weight ? weight : 1);
}

/* The vtime with which a task enters a queue whose clock shows @clock. */
static inline u64 policy_clamp_vtime(u64 vtime, u64 clock, u64 slice_ns, u32 weight)
{
	u64 debt_ns = POLICY_DEBT_SLICES * policy_virtual(slice_ns, weight);

	if (debt_ns > POLICY_DEBT_MAX_NS)
		debt_ns = POLICY_DEBT_MAX_NS;
	if (policy_before(vtime, clock - POLICY_CREDIT_NS))
		return clock - POLICY_CREDIT_NS;
	if (policy_before(clock + debt_ns, vtime))
		return clock + debt_ns;
	return vtime;
}

/*
 * A chain member's debt does not count: it ran ahead because we let it, and its budget bounds how far. Otherwise the
 * reader of a fast mouse would come last as soon as it cannot preempt.
 */
static inline u64 policy_deadline(u64 vtime, u64 clock, u64 slice_ns, u32 weight, enum arcade_class class)
{
	if (class != ARCADE_CLASS_CHAIN)
		return vtime + policy_virtual(slice_ns, weight);
	if (policy_before(clock, vtime))
		vtime = clock;
	return vtime + policy_virtual(slice_ns, weight) - POLICY_CHAIN_OFFSET_NS;
}

/* @nvcsw: the task's count now. Cheap part first: for most tasks it is also the last. */
static inline bool policy_chain_joined(const struct policy_chain *chain, u64 nvcsw)
{
	return chain->hop && chain->nvcsw == nvcsw;
}

static inline bool policy_chain_live(const struct policy_chain *chain, u64 nvcsw, u64 now_ns, u64 budget_ns)
{
	return policy_chain_joined(chain, nvcsw) && policy_before(now_ns, chain->expires_ns) &&
	       chain->ran_ns < budget_ns;
}

static inline void policy_chain_start(struct policy_chain *wakee, u64 wakee_nvcsw, enum arcade_root root, u32 lane,
				      u64 root_ns, u64 ttl_ns)
{
	wakee->root_ns = root_ns;
	wakee->expires_ns = root_ns + ttl_ns;
	wakee->nvcsw = wakee_nvcsw;
	wakee->ran_ns = 0;
	wakee->root = root;
	wakee->lane = lane;
	wakee->hop = 1;
	wakee->nr_handed_on = 0;
}

/* Share of a CPU, as divisor, that a stream of events gives back of its reader's budget. */
#define POLICY_RENEW_DIVISOR 2

/*
 * Another event came at @root_ns in the lane of a first-hop member. He is reading it now or soon, so his chain is that
 * event's from here on. Of his budget he gets back half of the time between the two: a reader that never sleeps keeps
 * half a CPU, not a whole one.
 */
static inline void policy_chain_renew(struct policy_chain *chain, u64 root_ns, u64 ttl_ns)
{
	u64 back_ns;

	if (chain->hop != 1 || !policy_before(chain->root_ns, root_ns))
		return;
	back_ns = (root_ns - chain->root_ns) / POLICY_RENEW_DIVISOR;
	chain->ran_ns = chain->ran_ns > back_ns ? chain->ran_ns - back_ns : 0;
	chain->root_ns = root_ns;
	chain->expires_ns = root_ns + ttl_ns;
	chain->nr_handed_on = 0;
}

/* The caller has checked hop and fan-out of the live @waker. */
static inline void policy_chain_hand_on(struct policy_chain *waker, struct policy_chain *wakee, u64 wakee_nvcsw)
{
	wakee->root_ns = waker->root_ns;
	wakee->expires_ns = waker->expires_ns;
	wakee->nvcsw = wakee_nvcsw;
	wakee->ran_ns = 0;
	wakee->root = waker->root;
	wakee->lane = waker->lane;
	wakee->hop = waker->hop + 1;
	wakee->nr_handed_on = 0;
	waker->nr_handed_on++;
}

/*
 * Token bucket in one word: the time at which it would be full again. A take is allowed while that is less than
 * @burst intervals ahead.
 */
static inline bool policy_bucket_take(u64 *full_at_ns, u64 now_ns, u64 interval_ns, u64 burst)
{
	u64 full_at = policy_max_time(*full_at_ns, now_ns);

	if (full_at - now_ns + interval_ns > burst * interval_ns)
		return false;
	*full_at_ns = full_at + interval_ns;
	return true;
}

/*
 * Rank of a busy CPU as a victim; the lowest yields. First the class, then the LLC, then the time left of the slice: who
 * has had most of its run yields, who has just started keeps it. A chain member yields only to an earlier cause.
 */
static inline u64 policy_victim_rank(enum arcade_class victim_class, u64 victim_root_ns, u64 victim_left_ns,
				     u64 root_ns, bool other_llc)
{
	u64 left_us = victim_left_ns / POLICY_NS_PER_US;

	if (victim_class == ARCADE_CLASS_NONE)
		return POLICY_RANK_NEVER;
	if (victim_class == ARCADE_CLASS_CHAIN && !policy_before(root_ns, victim_root_ns))
		return POLICY_RANK_NEVER;
	if (left_us > 0xffffffffULL)
		left_us = 0xffffffffULL;
	return (u64)victim_class << 40 | (u64)other_llc << 36 | left_us;
}

/* Bucket of a log2 histogram of microseconds. */
static inline u32 policy_hist_bucket(u64 ns)
{
	u64 us = ns / POLICY_NS_PER_US;
	u32 bucket = 0;

	for (int i = 0; i < ARCADE_HIST_BUCKETS - 1; i++) {
		if (!us)
			break;
		us >>= 1;
		bucket++;
	}
	return bucket;
}

#endif
