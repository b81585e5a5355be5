// SPDX-License-Identifier: GPL-2.0-only
/*
 * arcade - a CPU scheduler for gaming desktops: latency follows causality
 *
 * Every task is scheduled fairly by virtual deadline (fair.bpf.h). A task that
 * was woken, directly or through others, by an input event is a member of a
 * chain (chain.bpf.h) until it blocks: it gets an idle CPU first, a busy one at
 * once if there is none (preempt.bpf.h), and an early deadline if even that
 * fails. The marks come from small programs beside the scheduler: entry and exit
 * of input_event(), the sched_waking tracepoint, and for locks the entry of
 * futex_wait(). They are optional; without them this is a plain fair scheduler.
 *
 * This file holds the callbacks and nothing else; each room explains itself.
 */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "arcade/abi.h"
#include "policy.h"
#include "kernel.bpf.h"
#include "compat.bpf.h"

/* Live: the daemon writes them through the mapped section. */
struct arcade_knobs knobs SEC(".data.knobs") = {
	.version = ARCADE_ABI_VERSION,
	.preempt = 1,
	.slice_ns = 3 * POLICY_NS_PER_MS,
	.chain_ttl_ns = 33 * POLICY_NS_PER_MS,
	.vblank_ttl_ns = 16 * POLICY_NS_PER_MS,
	.audio_ttl_max_ns = 20 * POLICY_NS_PER_MS,
	.chain_budget_ns = 4 * POLICY_NS_PER_MS,
	.chain_fanout = 8,
	.input_wakeup_hz = 50,
	.preempt_interval_ns = 125 * POLICY_NS_PER_US,
	.preempt_burst = 16,
	.full_speed_class = ARCADE_CLASS_GAME,
};

/* Read by the daemon when the scheduler has ended. */
struct arcade_exit exit_record SEC(".data.exit");

/* ops.exit cannot print the kernel's dump; the daemon sizes both before load. */
const volatile u32 exit_dump_len = 8;
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(u32));
	__uint(value_size, 8);
} exit_dump SEC(".maps");

/* One record in its life, which no flood of others may crowd out. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} end_ring SEC(".maps");

#include "stats.bpf.h"
#include "topo.bpf.h"
#include "clock.bpf.h"
#include "task.bpf.h"
#include "tree.bpf.h"
#include "detect.bpf.h"
#include "root.bpf.h"
#include "chain.bpf.h"
#include "input.bpf.h"
#include "group.bpf.h"
#include "freq.bpf.h"
#include "preempt.bpf.h"
#include "fair.bpf.h"
#include "futex.bpf.h"
#include "idle.bpf.h"
#include "dump.bpf.h"
#include "thread.bpf.h"

char _license[] SEC("license") = "GPL";

/* ---- hooks, all optional ---- */

SEC("fentry/input_event")
int BPF_PROG(input_event_entry, struct input_dev *dev, unsigned int type, unsigned int code)
{
	if (type == INPUT_EV_SYN && code == INPUT_SYN_REPORT && dev->num_vals)
		input_packet_ends(dev, dev->num_vals);
	return 0;
}

SEC("fexit/input_event")
int BPF_PROG(input_event_exit, struct input_dev *dev, unsigned int type, unsigned int code)
{
	if (type == INPUT_EV_SYN && code == INPUT_SYN_REPORT)
		root_leave();
	return 0;
}

/* At the end: until then a packet may still come, and would make the entry again. */
SEC("fexit/input_unregister_device")
int BPF_PROG(input_device_gone, struct input_dev *dev)
{
	input_forget(dev);
	return 0;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(chain_waking, struct task_struct *wakee)
{
	chain_follow_wakeup(wakee);
	return 0;
}

SEC("fentry/futex_wait")
int BPF_PROG(chain_futex_wait, const void *uaddr)
{
	futex_waits(uaddr);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task)
{
	detect_tell_process(ARCADE_CONTROL_TASK_EXEC, task);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task, bool group_dead)
{
	if (group_dead && !(task->flags & PF_KTHREAD))
		detect_tell_process(ARCADE_CONTROL_TASK_EXIT, task);
	return 0;
}

SEC("tp_btf/module_load")
int BPF_PROG(module_loaded, struct module *module)
{
	detect_tell_module(ARCADE_CONTROL_MODULE_LOAD, module);
	return 0;
}

SEC("tp_btf/module_free")
int BPF_PROG(module_freed, struct module *module)
{
	detect_tell_module(ARCADE_CONTROL_MODULE_FREE, module);
	return 0;
}

/* Run once after load: what only the loaded program knows of its kernel. */
u32 fact_can_kick;
u32 fact_has_set_slice;
u32 fact_has_immed;

SEC("syscall")
int tell_facts(void *ctx)
{
	fact_can_kick = compat_can_kick();
	fact_has_set_slice = bpf_ksym_exists(scx_bpf_task_set_slice);
	fact_has_immed = COMPAT_ENQ_IMMED != 0;
	return 0;
}

/* Run when a game or background work is found: its processes and threads that live already. */
struct arcade_tree_mark tree_mark_args SEC(".data.mark");

SEC("syscall")
int mark_tree(void *ctx)
{
	tree_mark(&tree_mark_args);
	return 0;
}

/* Run when background work has a group of its own. */
struct arcade_group_mark group_mark_args SEC(".data.group");

SEC("syscall")
int mark_group(void *ctx)
{
	group_mark(&group_mark_args);
	return 0;
}

/* Run when another window is in front. */
struct arcade_tree_query tree_query SEC(".data.query");

SEC("syscall")
int ask_tree(void *ctx)
{
	tree_ask(&tree_query);
	return 0;
}

/* Read when somebody asks which threads are favoured. */
SEC("iter/task")
int tell_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (task)
		thread_tell(ctx->meta->seq, task);
	return 0;
}

/* ---- the scheduler ---- */

static __always_inline struct preempt_wakee wakee_of(struct task_struct *p, struct task_ctx *tctx,
							  enum arcade_class class)
{
	return (struct preempt_wakee){
		.deadline = fair_deadline(p, tctx, class),
		.order_ns = fair_order(tctx, class),
		.now_ns = scx_bpf_now(),
		.llc = tctx->llc,
		.class = fair_turn(tctx, class),
	};
}

/* Puts @p, which wakes up, on a CPU that is busy with somebody who comes after it. Return: that CPU, < 0 if there is none. */
static __always_inline s32 preempt_for(struct task_struct *p, struct task_ctx *tctx, s32 prev_cpu,
				       enum arcade_class class, bool home)
{
	struct preempt_wakee wakee;
	s32 victim;

	if (!knobs.preempt)
		return -1;
	fair_settle(p, tctx, topo_llc_of(prev_cpu));
	wakee = wakee_of(p, tctx, class);
	victim = preempt_pick_cpu(p, tctx, prev_cpu, &wakee, home);
	if (victim >= 0)
		compat_dsq_insert(p, COMPAT_DSQ_LOCAL, fair_slice(tctx, class), COMPAT_ENQ_PREEMPT | COMPAT_ENQ_IMMED);
	return victim;
}

SEC("struct_ops/arcade_select_cpu")
s32 BPF_PROG(arcade_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	struct task_ctx *tctx = task_ctx_of(p);
	enum arcade_class class;
	bool is_idle = false;
	s32 cpu, victim;

	if (!tctx)
		return scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, &is_idle);
	chain_confirm(p, tctx);
	if (knobs.input_window_until_ns)
		chain_join_window(p, tctx);
	class = fair_class(p, tctx);
	/* The game would rather take a CPU at home than have one elsewhere that is idle. */
	if (topo_is_uneven && fair_is_game(tctx)) {
		cpu = idle_search(p, prev_cpu, POLICY_SEARCH_FAST_FIRST, true);
		is_idle = cpu >= 0;
		victim = is_idle ? -1 : preempt_for(p, tctx, prev_cpu, class, true);
		if (victim >= 0)
			return victim;
	}
	if (!is_idle)
		cpu = idle_select(p, tctx, class, prev_cpu, wake_flags, &is_idle);
	if (is_idle) {
		compat_dsq_insert(p, COMPAT_DSQ_LOCAL, fair_slice(tctx, class), COMPAT_ENQ_IMMED);
		stats_inc(nr_idle_direct);
		return cpu;
	}
	if (class == ARCADE_CLASS_CHAIN && knobs.preempt) {
		s32 waker_cpu = bpf_get_smp_processor_id();

		if (topo_is_no_worse(waker_cpu, cpu) &&
		    chain_gives_cpu(p, tctx, waker_cpu, preempt_ran_ns(waker_cpu, scx_bpf_now()))) {
			stats_inc(nr_chain_cpus_given);
			return waker_cpu;
		}
	}
	victim = preempt_for(p, tctx, cpu, class, false);
	return victim >= 0 ? victim : cpu;
}

/* For a task that can run on its CPU only. */
static __always_inline void enqueue_pinned(struct task_struct *p, struct task_ctx *tctx, s32 cpu,
					   enum arcade_class class, u64 enq_flags)
{
	u64 slice_ns = fair_slice(tctx, class);

	if (scx_bpf_test_and_clear_cpu_idle(cpu)) {
		compat_dsq_insert(p, COMPAT_DSQ_LOCAL, slice_ns, enq_flags | COMPAT_ENQ_IMMED);
		stats_inc(nr_idle_direct);
		return;
	}
	if ((enq_flags & COMPAT_ENQ_WAKEUP) && knobs.preempt) {
		struct preempt_wakee wakee = wakee_of(p, tctx, class);

		if (preempt_gain(cpu, &wakee) > 0 && preempt_claim(tctx, cpu, &wakee)) {
			compat_dsq_insert(p, COMPAT_DSQ_LOCAL, slice_ns, enq_flags | COMPAT_ENQ_PREEMPT | COMPAT_ENQ_IMMED);
			return;
		}
		/* A CPU's own kernel threads work for whatever runs there, in short runs. */
		if ((p->flags & PF_KTHREAD) && preempt_is_ordinary(cpu) &&
		    preempt_take_tokens(tctx, cpu, wakee.now_ns)) {
			compat_dsq_insert(p, COMPAT_DSQ_LOCAL, slice_ns, enq_flags | COMPAT_ENQ_PREEMPT | COMPAT_ENQ_IMMED);
			stats_inc(nr_kthread_preempts);
			return;
		}
	}
	fair_note_queued(tctx);
	fair_use_own_queue(cpu);
	compat_dsq_insert_vtime(p, fair_dsq_of_cpu(cpu), slice_ns, fair_deadline(p, tctx, class), enq_flags);
	stats_inc(nr_queued_cpu);
	if (compat_can_kick() && scx_bpf_test_and_clear_cpu_idle(cpu)) {
		compat_kick_idle(cpu);
		stats_inc(nr_kicks);
	}
}

SEC("struct_ops/arcade_enqueue")
void BPF_PROG(arcade_enqueue, struct task_struct *p, u64 enq_flags)
{
	struct task_ctx *tctx = task_ctx_of(p);
	s32 cpu = compat_task_cpu(p), idle;
	enum arcade_class class;
	u32 llc;

	if (!tctx) {
		/* The kernel's own queue is consumed by every CPU: late rather than lost. */
		stats_inc(nr_task_ctx_failed);
		compat_dsq_insert(p, COMPAT_DSQ_GLOBAL, knobs.slice_ns, enq_flags);
		return;
	}
	/* It comes back from a CPU that it could not have: the claim on that was for nothing. */
	if (enq_flags & COMPAT_ENQ_REENQ)
		preempt_note_stopping(cpu);
	llc = topo_llc_of(cpu);
	fair_settle(p, tctx, llc);
	/* select_cpu, which has done that, is not asked for a task that can run on one CPU only. */
	if (knobs.input_window_until_ns && (enq_flags & COMPAT_ENQ_WAKEUP))
		chain_join_window(p, tctx);
	class = fair_class(p, tctx);

	if (p->nr_cpus_allowed == 1 || compat_migration_disabled(p)) {
		enqueue_pinned(p, tctx, cpu, class, enq_flags);
		return;
	}
	/* Not asked in select_cpu: a slice that ended, a preempted task, a changed mask. */
	if (!(enq_flags & COMPAT_ENQ_CPU_SELECTED)) {
		idle = idle_pick_cpu(p, tctx, class, cpu);
		if (idle >= 0) {
			compat_dsq_insert(p, COMPAT_DSQ_LOCAL_ON | idle, fair_slice(tctx, class),
					  enq_flags | COMPAT_ENQ_IMMED);
			stats_inc(nr_idle_direct);
			return;
		}
	}
	fair_note_queued(tctx);
	compat_dsq_insert_vtime(p, fair_dsq_of_llc(llc), fair_slice(tctx, class), fair_deadline(p, tctx, class),
				enq_flags);
	stats_inc(nr_queued_llc);
	idle_kick_for(p);
}

SEC("struct_ops/arcade_dispatch")
void BPF_PROG(arcade_dispatch, s32 cpu, struct task_struct *prev)
{
	if (!futex_dispatch(cpu))
		fair_dispatch(cpu, prev);
}

SEC("struct_ops/arcade_running")
void BPF_PROG(arcade_running, struct task_struct *p)
{
	struct task_ctx *tctx = task_ctx_of(p);
	s32 cpu = compat_task_cpu(p);
	u64 now_ns = scx_bpf_now(), since_ns;
	enum arcade_class class;

	if (!tctx)
		return;
	fair_settle(p, tctx, topo_llc_of(cpu));
	tctx->exec_seen_ns = p->se.sum_exec_runtime;
	chain_confirm(p, tctx);

	/* A change of nice value, mask or group stops a running task as if it slept; its switches tell. */
	if (tctx->slept_at_ns && tctx->ran_nvcsw != p->nvcsw) {
		u64 slept_ns = fair_slept_ns(tctx, now_ns);

		tctx->burst_ns = policy_burst(slept_ns);
		tctx->ahead_ns = policy_get_ahead(tctx->ahead_ns, slept_ns);
		tctx->chain_share = policy_learn(tctx->chain_share, tctx->was_member);
	}
	tctx->slept_at_ns = 0;
	tctx->ran_nvcsw = p->nvcsw;
	since_ns = tctx->queued_at_ns;
	if (since_ns) {
		struct arcade_stats *stats = stats_this_cpu();
		u64 waited_ns = now_ns - since_ns;

		/* Clocks of two CPUs may differ by a little. */
		if (stats && (s64)waited_ns > 0 && waited_ns > stats->wait_max_ns)
			stats->wait_max_ns = waited_ns;
		tctx->queued_at_ns = 0;
	}
	class = fair_class(p, tctx);
	if (class > ARCADE_CLASS_NORMAL)
		thread_note_wait(p, tctx, since_ns, now_ns);
	/* The clock is where those are who run in their turn: one of low weight that is let in may be far ahead. */
	if (!tctx->is_out_of_turn)
		fair_start_clock(tctx, class);
	tctx->is_out_of_turn = false;
	chain_account_run(p, tctx);
	fair_note_running(cpu, p, tctx, class, now_ns);
	freq_running(cpu, class);
}

SEC("struct_ops/arcade_stopping")
void BPF_PROG(arcade_stopping, struct task_struct *p, bool runnable)
{
	struct task_ctx *tctx = task_ctx_of(p);
	s32 cpu = compat_task_cpu(p);
	u64 now_ns;

	preempt_note_stopping(cpu);
	if (tctx) {
		now_ns = scx_bpf_now();
		fair_charge(p, tctx, fair_class(p, tctx));
		freq_check(cpu, now_ns);
		if (!runnable) {
			tctx->slept_at_ns = now_ns;
			tctx->was_member = policy_chain_was_woken(&tctx->chain, p->nvcsw);
			if (tctx->was_member)
				tctx->member_run_ns = policy_learn_run(tctx->member_run_ns, tctx->chain.ran_ns);
		}
	}
	/*
	 * Stopped in mid-slice: a real-time task takes the CPU. With a slice left the kernel would keep p at the head of
	 * the CPU's own queue, ahead of everyone, until real-time is done. Without one it is queued by its deadline, and
	 * any CPU may take it.
	 */
	if (runnable && p->scx.slice)
		compat_task_set_slice(p, 0);
}

SEC("struct_ops/arcade_enable")
void BPF_PROG(arcade_enable, struct task_struct *p)
{
	struct task_ctx *tctx = task_ctx_of(p);
	u32 llc;

	if (!tctx)
		return;
	/*
	 * From another class: neither owed nor owing. A child starts with its parent's debt, or who makes children all the
	 * time would come before everyone else; its credit it does not get.
	 */
	llc = topo_llc_of(compat_task_cpu(p));
	if (tctx->is_newborn) {
		fair_enter_llc(tctx, llc);
		tctx->vtime = policy_max_time(tctx->vtime, *clock_of(llc));
	} else {
		tctx->vtime = *clock_of(llc);
		tctx->llc = llc;
	}
	tctx->is_settled = false;
	tctx->is_newborn = false;
	tctx->burst_ns = 0;
	tctx->ahead_ns = 0;
	tctx->member_run_ns = 0;
	tctx->slept_at_ns = 0;
	tctx->exec_seen_ns = p->se.sum_exec_runtime;
	tctx->queued_at_ns = 0;
}

/* Up to 6.18: real-time work takes the CPU, what waits on its local queue must not wait for the end of it. */
SEC("struct_ops/arcade_cpu_release")
void BPF_PROG(arcade_cpu_release, s32 cpu, struct scx_cpu_release_args *args)
{
	preempt_note_stopping(cpu);
	if (bpf_ksym_exists(scx_bpf_reenqueue_local))
		scx_bpf_reenqueue_local();
}

/* Sleepable, so that the allocation may wait for memory. A task that gets none is scheduled plainly, not refused. */
SEC("struct_ops.s/arcade_init_task")
s32 BPF_PROG(arcade_init_task, struct task_struct *p, struct scx_init_task_args *args)
{
	struct task_ctx *tctx = bpf_task_storage_get(&task_ctxs, p, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (tctx && args->fork)
		tree_inherit(p, tctx);
	return 0;
}

SEC("struct_ops.s/arcade_cgroup_init")
s32 BPF_PROG(arcade_cgroup_init, struct cgroup *cgrp, struct scx_cgroup_init_args *args)
{
	group_begin(cgrp, args->weight, bpf_core_field_exists(args->sched_idle) && args->sched_idle);
	return 0;
}

SEC("struct_ops/arcade_cgroup_set_weight")
void BPF_PROG(arcade_cgroup_set_weight, struct cgroup *cgrp, u32 weight)
{
	group_set_weight(cgrp, weight);
}

SEC("struct_ops/arcade_cgroup_set_idle")
void BPF_PROG(arcade_cgroup_set_idle, struct cgroup *cgrp, bool is_idle)
{
	group_set_idle(cgrp, is_idle);
}

SEC("struct_ops/arcade_cgroup_move")
void BPF_PROG(arcade_cgroup_move, struct task_struct *p, struct cgroup *from, struct cgroup *to)
{
	struct task_ctx *tctx = task_ctx_of(p);

	if (tctx)
		tctx->group_seen = 0;
}

SEC("struct_ops/arcade_dump")
void BPF_PROG(arcade_dump, struct scx_dump_ctx *dctx)
{
	dump_all();
}

SEC("struct_ops/arcade_dump_cpu")
void BPF_PROG(arcade_dump_cpu, struct scx_dump_ctx *dctx, s32 cpu, bool idle)
{
	if (!idle)
		dump_cpu_state(cpu);
}

SEC("struct_ops/arcade_dump_task")
void BPF_PROG(arcade_dump_task, struct scx_dump_ctx *dctx, struct task_struct *p)
{
	dump_task_ctx(p);
}

SEC("struct_ops.s/arcade_init")
s32 BPF_PROG(arcade_init)
{
	u32 nr_cpus = topo_nr_cpu_ids, nr_llcs = topo_nr_llcs, i;
	s32 err;

	bpf_for(i, 0, nr_cpus) {
		err = scx_bpf_create_dsq(fair_dsq_of_cpu(i), -1);
		if (err)
			return err;
	}
	bpf_for(i, 0, nr_llcs) {
		fair_llc_queues[i & (ARCADE_MAX_LLCS - 1)] = 0;
		err = scx_bpf_create_dsq(fair_dsq_of_llc(i), -1);
		if (err)
			return err;
	}
	return 0;
}

SEC("struct_ops/arcade_exit")
void BPF_PROG(arcade_exit, struct scx_exit_info *ei)
{
	struct arcade_control_record record = { .type = ARCADE_CONTROL_EXIT };
	u32 zero = 0;
	char *dump;

	bpf_probe_read_kernel_str(exit_record.reason, sizeof(exit_record.reason), ei->reason);
	bpf_probe_read_kernel_str(exit_record.msg, sizeof(exit_record.msg), ei->msg);
	dump = bpf_map_lookup_elem(&exit_dump, &zero);
	if (dump)
		bpf_probe_read_kernel_str(dump, exit_dump_len, ei->dump);
	exit_record.code = ei->exit_code;
	exit_record.kind = ei->kind;
	bpf_ringbuf_output(&end_ring, &record, sizeof(record), BPF_RB_FORCE_WAKEUP);
}

SEC(".struct_ops.link")
struct sched_ext_ops arcade_ops = {
	.select_cpu = (void *)arcade_select_cpu,
	.enqueue = (void *)arcade_enqueue,
	.dispatch = (void *)arcade_dispatch,
	.running = (void *)arcade_running,
	.stopping = (void *)arcade_stopping,
	.enable = (void *)arcade_enable,
	.cpu_release = (void *)arcade_cpu_release,
	.init_task = (void *)arcade_init_task,
	.cgroup_init = (void *)arcade_cgroup_init,
	.cgroup_move = (void *)arcade_cgroup_move,
	.cgroup_set_weight = (void *)arcade_cgroup_set_weight,
	.cgroup_set_idle = (void *)arcade_cgroup_set_idle,
	.dump = (void *)arcade_dump,
	.dump_cpu = (void *)arcade_dump_cpu,
	.dump_task = (void *)arcade_dump_task,
	.init = (void *)arcade_init,
	.exit = (void *)arcade_exit,
	.flags = SCX_OPS_ENQ_EXITING | SCX_OPS_ENQ_MIGRATION_DISABLED,
	.timeout_ms = 5000,
	.name = "arcade_" ARCADE_VERSION,
};
