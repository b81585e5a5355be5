/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tree - which tree of processes a task was born into
 *
 * A tree is named by a number that the daemon chooses. It is handed down at
 * fork and kept for life: it survives exec, setsid and the death of the parent,
 * which Wine and launchers use freely. The daemon marks the processes that
 * exist already.
 *
 * A mark goes down to the descendants of a process, but not past one of them
 * that has a mark of its own: the game that a launcher started in the background
 * stays the game, and a shader compiler that the game has started stays behind
 * it, whichever was found first.
 */
#ifndef ARCADE_TREE_BPF_H
#define ARCADE_TREE_BPF_H

/* How far up the ancestors of a process are looked at. A game of Steam's is some eight processes below init. */
#define TREE_DEPTH_MAX 32

int bpf_iter_task_new(struct bpf_iter_task *it, struct task_struct *task, unsigned int flags) __ksym __weak;
struct task_struct *bpf_iter_task_next(struct bpf_iter_task *it) __ksym __weak;
void bpf_iter_task_destroy(struct bpf_iter_task *it) __ksym __weak;
struct task_struct *bpf_task_from_pid(s32 pid) __ksym __weak;
void bpf_task_release(struct task_struct *task) __ksym __weak;

/* @p is being made by the current task. It is in its parent's tree, and where its parent is in virtual time. */
static __always_inline void tree_inherit(const struct task_struct *p, struct task_ctx *child)
{
	struct task_struct *maker = bpf_get_current_task_btf();
	struct task_ctx *parent = task_ctx_of(maker);

	if (!parent)
		return;
	child->tree = parent->tree;
	child->is_tree_root = parent->is_tree_root && p->tgid == maker->tgid;
	child->vtime = parent->vtime;
	child->llc = parent->llc;
	child->is_newborn = true;
}

/* Is it one of those that do background work? Numbers are given in order, so one knob takes all back that came before. */
static __always_inline bool tree_is_background(u32 tree)
{
	return (tree & ARCADE_TREE_BACKGROUND) && tree > knobs.background_cleared;
}

/* Does a mark count that was made earlier, now that @tree is being marked? Of games there is one at a time. */
static __always_inline bool tree_is_kept(u32 earlier, u32 tree)
{
	if (tree_is_background(earlier))
		return true;
	return (tree & ARCADE_TREE_BACKGROUND) && earlier && earlier == knobs.known_tree;
}

static __always_inline bool tree_descends_from(struct task_struct *task, u32 tgid, u32 tree)
{
	struct task_ctx *tctx;
	int i;

	bpf_for(i, 0, TREE_DEPTH_MAX) {
		if (task->tgid == tgid)
			return true;
		if (task->tgid <= 1)
			break;
		task = task->group_leader;
		tctx = task_ctx_of(task);
		if (tctx && tctx->is_tree_root && tree_is_kept(tctx->tree, tree))
			break;
		task = task->real_parent;
	}
	return false;
}

static __always_inline void tree_ask(struct arcade_tree_query *query)
{
	struct task_struct *task = bpf_task_from_pid(query->tgid);
	struct task_ctx *tctx;

	query->tree = 0;
	if (!task)
		return;
	__builtin_memcpy(query->comm, task->comm, sizeof(query->comm));
	tctx = task_ctx_of(task);
	if (tctx)
		query->tree = tctx->tree;
	bpf_task_release(task);
}

static __always_inline void tree_mark(struct arcade_tree_mark *mark)
{
	struct bpf_iter_task it;
	struct task_struct *task;
	struct task_ctx *tctx;

	bpf_rcu_read_lock();
	if (!bpf_iter_task_new(&it, NULL, BPF_TASK_ITER_ALL_THREADS)) {
		while ((task = bpf_iter_task_next(&it))) {
			tctx = task_ctx_of(task);
			if (!tctx || !tree_descends_from(task, mark->tgid, mark->tree))
				continue;
			if (task->tgid == mark->tgid)
				tctx->is_tree_root = true;
			mark->nr_found++;
			if (tctx->tree == mark->tree)
				continue;
			tctx->tree = mark->tree;
			mark->nr_marked++;
		}
	}
	bpf_iter_task_destroy(&it);
	bpf_rcu_read_unlock();
}

#endif
