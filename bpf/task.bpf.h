/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * task - what we know of a task
 *
 * Lives in task storage: made when the scheduler takes the task on, freed by
 * the kernel with the task or with the map, whichever goes first. It exists
 * for every task, whatever its scheduling class, so that a chain can run
 * through a real-time compositor.
 */
#ifndef ARCADE_TASK_BPF_H
#define ARCADE_TASK_BPF_H

/* A root that a context is in, see root.bpf.h. */
struct root {
	u64 root_ns;		/* 0: none */
	u64 ttl_ns;		/* of the chains that begin with it */
	u64 context;		/* level of interrupts, or of a task how often it has slept */
	u8 kind;		/* enum arcade_root */
	u8 lane;		/* enum arcade_lane, of input */
	u16 depth;		/* of roots within it, itself included */
	u32 pad;
};

/* Written with the task's runqueue lock held, except where noted. */
struct task_ctx {
	u64 vtime;		/* relative to the clock of llc */
	u64 burst_ns;		/* CPU time that is charged at a lower price, see policy_charge() */
	u64 ahead_ns;		/* CPU time that it has a lead for as a thread of the game, see policy_get_ahead() */
	u64 slept_at_ns;	/* scx_bpf_now() when it went to sleep, 0 while awake */
	u64 ran_nvcsw;		/* voluntary switches when it last started to run */
	u64 exec_seen_ns;	/* p->se.sum_exec_runtime that is charged already */
	u64 queued_at_ns;	/* scx_bpf_now(), since it was first queued, 0 since it runs */
	u64 settled_clock;
	/* Address of the kernel's object for all groups that it is in, as looked up: not unique in time, so not all there is. */
	u64 group_set;
	u64 preempt_full_at_ns;	/* token bucket; the wakee's pi_lock */
	u32 llc;
	u32 group_weight;	/* product over its control groups, 0: not looked up yet, counts as 100 */
	u32 group_seen;		/* generation of that, see group.bpf.h */
	u32 group_tree;		/* … and of this: the last mark as background of one of its groups, 0: none */
	u32 tree;		/* process tree that the task was born in, 0: none of interest; see tree.bpf.h */
	u16 chain_share;	/* how often it runs as member of a chain, see policy_learn() */
	u8 roles;		/* bits 1 << enum arcade_thread_role; by whoever sees it, a bit lost is set again */
	bool is_out_of_turn;	/* taken from a queue before others with an earlier deadline */
	bool was_member;	/* of a chain, when it last stopped to sleep */
	bool is_newborn;	/* forked, and not yet scheduled by us */
	bool is_tree_root;	/* its process is the one that was marked; written by the daemon's program only */
	bool is_settled;	/* credit and debt are in bounds by the clock at settled_clock, and nothing was charged since */
	bool chain_first_run;	/* joined, and has not run since; pi_lock or rq lock */

	/* Written by the waker under the wakee's pi_lock; the budget under the rq lock while it runs. */
	struct policy_chain chain;

	/* Opened and closed by the task itself. */
	struct root root;

	/* By the task itself, or whichever thread of its process is first. */
	u64 frame_root_ns[NR_ARCADE_FRAME_ENDS];	/* root of the last chain that it has closed */
	u32 member_run_ns;	/* CPU time until it sleeps, as member, see policy_learn_run(); 0: not known */
	u32 gpu_told;		/* of a first thread: which of its programs was told to give work to a GPU; 0: none */

	u16 waits[ARCADE_HIST_BUCKETS];	/* from ready to running, see thread.bpf.h */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct task_ctx);
} task_ctxs SEC(".maps");

/* NULL for idle tasks, and for a task whose state could not be allocated. */
static __always_inline struct task_ctx *task_ctx_of(struct task_struct *p)
{
	return bpf_task_storage_get(&task_ctxs, p, NULL, 0);
}

#endif
