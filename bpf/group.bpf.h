/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * group - what the control groups of a task say of it: cpu.weight, and background work
 *
 * The weight of a task is its own times that of its groups, from its own up to
 * the root, each relative to the default of 100: a thread in a group of weight
 * 50 that lies in a group of weight 20 counts a tenth. Unlike the kernel's own
 * hierarchy it does not divide a group's weight among its members: on a desktop
 * the groups are applications, and one with many threads is not the user's
 * wish to slow each of them down.
 *
 * Background work is what is in a group of so low a weight, or that is idle; in
 * systemd's background.slice; or in a group that the daemon has marked, by a
 * number like that of a tree of processes. One of the groups above is enough.
 *
 * A task looks all of this up again when something has changed: a count that
 * every change raises tells, and that the kernel has put it into other groups.
 * Only the latter tells of a move between groups without a cpu controller of
 * their own: these share one above them, and no callback comes.
 */
#ifndef ARCADE_GROUP_BPF_H
#define ARCADE_GROUP_BPF_H

#define GROUP_DEPTH_MAX 16

/* systemd.special(7): for low-priority background tasks of the user. systemd gives it the weight 30. */
#define GROUP_BACKGROUND_SLICE "background.slice"

struct group_ctx {
	u32 weight;		/* own, 1..10000; 0: none is known */
	u32 is_idle;		/* cpu.idle */
	u32 tree;		/* 0: not marked; with ARCADE_TREE_BACKGROUND */
};

struct {
	__uint(type, BPF_MAP_TYPE_CGRP_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct group_ctx);
} group_ctxs SEC(".maps");

/* Raised by every change of a group; never 0. A task that has seen another number looks again. */
static volatile u32 group_generation = 1;

struct cgroup *scx_bpf_task_cgroup(struct task_struct *p) __ksym __weak;
struct cgroup *bpf_cgroup_ancestor(struct cgroup *cgrp, int level) __ksym __weak;
struct cgroup *bpf_cgroup_from_id(u64 cgid) __ksym __weak;
void bpf_cgroup_release(struct cgroup *cgrp) __ksym __weak;

static __always_inline struct group_ctx *group_of(struct cgroup *cgrp)
{
	return bpf_cgrp_storage_get(&group_ctxs, cgrp, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

/* First the value, then the count: who has seen the new count reads the new value. */
static __always_inline void group_set(u32 *field, u32 value)
{
	if (*field == value)
		return;
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

static __always_inline bool group_is_background_slice(struct cgroup *cgrp)
{
	char name[sizeof(GROUP_BACKGROUND_SLICE) + 1] = { 0 };

	/* A longer name fills the room for one more byte. */
	return bpf_probe_read_kernel_str(name, sizeof(name), cgrp->kn->name) == sizeof(GROUP_BACKGROUND_SLICE) &&
	       !bpf_strncmp(name, sizeof(name), GROUP_BACKGROUND_SLICE);
}

/*
 * The group is made, gets a cpu controller, or the scheduler starts. Nobody need look again for that: who comes into it, or
 * is in it when it gets its controller, is in another set of groups then. Groups cannot be renamed.
 */
static __always_inline void group_begin(struct cgroup *cgrp, u32 weight, bool is_idle)
{
	struct group_ctx *group = group_of(cgrp);

	if (!group)
		return;
	group->weight = weight;
	group->is_idle = is_idle;
	if (group_is_background_slice(cgrp))
		group->tree = ARCADE_TREE_BACKGROUND_ALWAYS;
}

static __always_inline void group_mark(struct arcade_group_mark *mark)
{
	struct group_ctx *group;
	struct cgroup *cgrp;

	mark->state = ARCADE_GROUP_UNSUPPORTED;
	/* Without the second a task does not look at its groups. */
	if (!bpf_ksym_exists(bpf_cgroup_from_id) || !bpf_ksym_exists(scx_bpf_task_cgroup))
		return;
	mark->state = ARCADE_GROUP_ABSENT;
	cgrp = bpf_cgroup_from_id(mark->id);
	if (!cgrp)
		return;
	/* Of the root everybody is a member, and further down nobody looks. */
	group = cgrp->level > 0 && cgrp->level <= GROUP_DEPTH_MAX ? group_of(cgrp) : NULL;
	if (group) {
		if (group->tree != ARCADE_TREE_BACKGROUND_ALWAYS)
			group_set(&group->tree, mark->tree);
		mark->state = ARCADE_GROUP_MARKED;
	}
	bpf_cgroup_release(cgrp);
}

/* What the groups of a task come to. */
struct group_sum {
	u32 weight;		/* product, 100 if none says anything */
	u32 tree;		/* the highest number: taking marks back goes by order, so that one lives longest */
	bool is_idle;
};

/* The groups of the hierarchy that has cpu.weight. */
static __always_inline void group_add_weights(struct task_struct *p, struct group_sum *sum)
{
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
		if (group) {
			sum->weight = policy_group_weight(sum->weight, group->weight, group->is_idle);
			sum->is_idle |= group->is_idle;
		}
		bpf_cgroup_release(ancestor);
	}
	bpf_cgroup_release(cgrp);
}

/*
 * Marks are on groups of the unified hierarchy, and mostly further down: a group of its own need not have a cpu controller.
 * What one had before it lost that is remembered, so its weight is asked for above only.
 */
static __always_inline void group_add_marks(struct task_struct *p, struct group_sum *sum)
{
	struct cgroup *cgrp = p->cgroups->dfl_cgrp;
	int level, nr_levels = cgrp->level;

	bpf_for(level, 0, GROUP_DEPTH_MAX) {
		struct cgroup *ancestor;
		struct group_ctx *group;

		if (level >= nr_levels)
			break;
		ancestor = bpf_cgroup_ancestor(cgrp, level + 1);
		if (!ancestor)
			break;
		group = bpf_cgrp_storage_get(&group_ctxs, ancestor, NULL, 0);
		if (group && group->tree > sum->tree)
			sum->tree = group->tree;
		bpf_cgroup_release(ancestor);
	}
}

/* Not inlined: rare, and its callers are many. */
static __noinline void group_look(struct task_struct *p, struct task_ctx *tctx, u32 generation)
{
	struct group_sum sum = { .weight = POLICY_WEIGHT_DEFAULT };

	group_add_weights(p, &sum);
	group_add_marks(p, &sum);
	tctx->group_weight = sum.weight;
	tctx->group_tree = policy_group_is_background(sum.weight, sum.is_idle) ? ARCADE_TREE_BACKGROUND_ALWAYS : sum.tree;
	tctx->group_seen = generation;
	tctx->is_settled = false;
}

/* Brings what is known of the groups of @p up to date. Only from a callback whose argument is @p: the kernel ends who asks from another. */
static __always_inline void group_follow(struct task_struct *p, struct task_ctx *tctx)
{
	u32 generation = group_generation;
	u64 set = (u64)p->cgroups;

	if ((tctx->group_seen == generation && tctx->group_set == set) || !bpf_ksym_exists(scx_bpf_task_cgroup))
		return;
	tctx->group_set = set;
	group_look(p, tctx, generation);
}

#endif
