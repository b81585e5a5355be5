/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * futex - a chain member that waits for a lock hands its place to the holder
 *
 * A frame's thread that blocks on a mutex waits for whoever holds it, and that
 * may be a thread which nobody is in a hurry to run: of low weight, or behind
 * a row of hogs. So when a member goes to wait for a futex, the holder joins
 * its chain as the next hop, and if it is in a queue, the CPU that the member
 * leaves runs it next.
 *
 * Who holds it is written in the lock itself, for those that say so: glibc's
 * mutexes keep the owner's thread id beside the futex word, others in the word.
 * What is found there is the program's own word, so it counts only if it is a
 * thread of the same process. A wrong guess costs one early turn of a thread of
 * the program that made it. Locks that name no holder are not followed; nor is
 * ntsync, whose owners are numbers of Wine's.
 *
 * The holder's membership is written here without its pi_lock. A wakeup of it
 * in the same moment may mix the two: both are causes that live, and budget and
 * end of life hold for either.
 */
#ifndef ARCADE_FUTEX_BPF_H
#define ARCADE_FUTEX_BPF_H

/* include/uapi/linux/futex.h */
#define FUTEX_TID_MASK 0x3fffffff
/* The waiter blocks some microseconds after it has told us: a hint that is older led to nothing. */
#define FUTEX_HINT_NS (1 * POLICY_NS_PER_MS)
/* How far down its queue the holder is looked for. */
#define FUTEX_SEARCH_MAX 64

/* What lies at a glibc mutex (struct __pthread_mutex_s): its futex word comes first. */
struct futex_lock {
	u32 word;
	u32 count;
	u32 owner;
};

/* Whom this CPU should run next. Only touched by the CPU itself. */
struct futex_hint {
	u64 told_ns;
	s32 pid;		/* 0: nobody */
	u32 llc;
	u64 pad[6];		/* a cache line each */
};

static struct futex_hint futex_hints[ARCADE_MAX_CPUS];

struct task_struct *bpf_task_from_vpid(s32 vpid) __ksym __weak;
struct task_struct *bpf_task_from_pid(s32 pid) __ksym __weak;
void bpf_task_release(struct task_struct *p) __ksym __weak;

static __always_inline struct futex_hint *futex_hint_of(s32 cpu)
{
	return &futex_hints[cpu & (ARCADE_MAX_CPUS - 1)];
}

/* Thread ids in a lock are those of the program's pid namespace; up to 6.13 only the first one's can be looked up. */
static __always_inline struct task_struct *futex_find_task(u32 tid)
{
	if (bpf_ksym_exists(bpf_task_from_vpid))
		return bpf_task_from_vpid(tid);
	return bpf_task_from_pid(tid);
}

static __always_inline bool futex_hand_on(struct task_struct *waiter, struct task_ctx *wctx, u32 tid)
{
	struct task_struct *holder;
	struct futex_hint *hint;
	struct task_ctx *tctx;
	bool found = false;

	if (!tid || tid > FUTEX_TID_MASK)
		return false;
	holder = futex_find_task(tid);
	if (!holder)
		return false;
	if (holder->tgid == waiter->tgid && holder != waiter) {
		found = true;
		chain_hand_on(wctx, holder);
		tctx = task_ctx_of(holder);
		if (tctx && tctx->queued_at_ns) {
			hint = futex_hint_of(bpf_get_smp_processor_id());
			hint->pid = holder->pid;
			hint->llc = tctx->llc;
			hint->told_ns = scx_bpf_now();
		}
		stats_inc(nr_lock_handovers);
	}
	bpf_task_release(holder);
	return found;
}

/* The current task goes to wait at @uaddr. */
static __always_inline void futex_waits(const void *uaddr)
{
	struct task_struct *waiter = bpf_get_current_task_btf();
	struct task_ctx *wctx = task_ctx_of(waiter);
	struct futex_lock lock = {};

	if (!wctx || !chain_is_live(waiter, wctx))
		return;
	/* Does not fault: a page that is not there is a lock that says nothing. A lone word may end its page. */
	if (bpf_probe_read_user(&lock, sizeof(lock), uaddr) && bpf_probe_read_user(&lock.word, sizeof(lock.word), uaddr))
		return;
	if (!futex_hand_on(waiter, wctx, lock.owner))
		futex_hand_on(waiter, wctx, lock.word & FUTEX_TID_MASK);
}

/* Moves task @pid from a queue to this CPU, if it may run here. Return: was it there? */
static __always_inline bool futex_take(u64 dsq_id, s32 pid, s32 cpu, bool is_pinned)
{
	struct bpf_iter_scx_dsq it;
	struct task_struct *p;
	bool taken = false;
	int i;

	if (!scx_bpf_dsq_nr_queued(dsq_id))
		return false;
	if (!bpf_iter_scx_dsq_new(&it, dsq_id, 0)) {
		bpf_for(i, 0, FUTEX_SEARCH_MAX) {
			p = bpf_iter_scx_dsq_next(&it);
			if (!p)
				break;
			if (p->pid != pid)
				continue;
			taken = fair_may_take(p, cpu, is_pinned) && fair_take_out_of_turn(&it, p, COMPAT_DSQ_LOCAL);
			break;
		}
	}
	bpf_iter_scx_dsq_destroy(&it);
	return taken;
}

/* Runs the holder that a member has left this CPU to, if it is still waiting. Return: was it taken? */
static __always_inline bool futex_dispatch(s32 cpu)
{
	struct futex_hint *hint = futex_hint_of(cpu);
	s32 pid = hint->pid;

	if (!pid)
		return false;
	hint->pid = 0;
	if (scx_bpf_now() - hint->told_ns > FUTEX_HINT_NS)
		return false;
	return futex_take(fair_dsq_of_llc(hint->llc & (ARCADE_MAX_LLCS - 1)), pid, cpu, false) ||
	       futex_take(fair_dsq_of_cpu(cpu), pid, cpu, true);
}

#endif
