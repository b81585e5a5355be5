/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * group - cpu.weight of control groups
 *
 * The weight of a task is its own times that of its groups, from its own up to
 * the root, each relative to the default of 100: a thread in a group of weight
 * 50 that lies in a group of weight 20 counts a tenth. Unlike the kernel's own
 * hierarchy it does not divide a group's weight among its members: on a desktop
 * the groups are applications, and one with many threads is not the user's
 * wish to slow each of them down.
 *
 * A product is kept per group and read by a task when it has changed: a count
 * that every change raises tells.
 */
#ifndef ARCADE_GROUP_BPF_H
#define ARCADE_GROUP_BPF_H

#define GROUP_DEPTH_MAX 16

struct group_ctx {
	u32 weight;		/* own, 1..10000 */
	u32 is_idle;		/* cpu.idle */
};

struct {
	__uint(type, BPF_MAP_TYPE_CGRP_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct group_ctx);
} group_ctxs SEC(".maps");

/* Raised by every change of a weight; never 0. A task that has seen another number looks again. */
static volatile u32 group_generation = 1;

struct cgroup *scx_bpf_task_cgroup(struct task_struct *p) __ksym __weak;
struct cgroup *bpf_cgroup_ancestor(struct cgroup *cgrp, int level) __ksym __weak;
void bpf_cgroup_release(struct cgroup *cgrp) __ksym __weak;

static __always_inline struct group_ctx *group_of(struct cgroup *cgrp)
{
	return bpf_cgrp_storage_get(&group_ctxs, cgrp, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/* First the value, then the count: who has seen the new count reads the new value. */
static __always_inline void group_set(u32 *field, u32 value)
{
	*field = value;
	__sync_fetch_and_add(&group_generation, 2);
}

static __always_inline void group_set_weight(struct cgroup *cgrp, u32 weight)
{
	struct group_ctx *group = group_of(cgrp);

	if (group)
		group_set(&group->weight, weight);
}

static __always_inline void group_set_idle(struct cgroup *cgrp, bool is_idle)
{
	struct group_ctx *group = group_of(cgrp);

	if (group)
		group_set(&group->is_idle, is_idle);
}

/* The product over the groups of @p, 100 if none says anything. */
static __always_inline u32 group_weight_of(struct task_struct *p)
{
	u32 product = POLICY_WEIGHT_DEFAULT;
	struct cgroup *cgrp;
	int level, nr_levels;

	cgrp = scx_bpf_task_cgroup(p);
	nr_levels = cgrp->level;
	bpf_for(level, 0, GROUP_DEPTH_MAX) {
		struct cgroup *ancestor;
		struct group_ctx *group;

		if (level >= nr_levels)
			break;
		/* The root has no weight. */
		ancestor = bpf_cgroup_ancestor(cgrp, level + 1);
		if (!ancestor)
			break;
		group = bpf_cgrp_storage_get(&group_ctxs, ancestor, NULL, 0);
		if (group)
			product = policy_group_weight(product, group->weight, group->is_idle);
		bpf_cgroup_release(ancestor);
	}
	bpf_cgroup_release(cgrp);
	return product;
}

/* Brings what is known of the groups of @p up to date. Only from a callback whose argument is @p: the kernel ends who asks from another. */
static __always_inline void group_follow(struct task_struct *p, struct task_ctx *tctx)
{
	u32 generation = group_generation;

	if (tctx->group_seen == generation || !bpf_ksym_exists(scx_bpf_task_cgroup))
		return;
	tctx->group_weight = group_weight_of(p);
	tctx->group_seen = generation;
	tctx->is_settled = false;
}

#endif
