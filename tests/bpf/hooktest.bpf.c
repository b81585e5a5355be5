// SPDX-License-Identifier: GPL-2.0-only
/*
 * hooktest - the input and chain rooms without the scheduler, driven by BPF_PROG_TEST_RUN
 *
 * Includes the rooms as they are. Needs no sched_ext, so it runs on any kernel with BTF.
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

struct arcade_knobs knobs SEC(".data.knobs") = {
	.version = ARCADE_ABI_VERSION,
	.chain_ttl_ns = 33 * POLICY_NS_PER_MS,
	.chain_budget_ns = 4 * POLICY_NS_PER_MS,
	.chain_fanout = 8,
	.input_wakeup_hz = 50,
};

#include "stats.bpf.h"
#include "task.bpf.h"
#include "root.bpf.h"
#include "chain.bpf.h"
#include "topo.bpf.h"
#include "input.bpf.h"

char _license[] SEC("license") = "GPL";

/* Arguments and results, in .bss. */
u32 arg_packets;
u32 arg_lane;
u32 ret_level;

SEC("syscall")
int run_packets(void *ctx)
{
	struct arcade_device device = { .index = 7, .lane = arg_lane };
	u32 nr = arg_packets, i;

	bpf_for(i, 0, nr)
		input_packet(bpf_ktime_get_ns(), bpf_get_smp_processor_id(), &device, 3);
	return 0;
}

u64 arg_root_ns;

SEC("syscall")
int run_root(void *ctx)
{
	chain_input_enter(arg_root_ns, arg_lane, compat_interrupt_level(), bpf_get_smp_processor_id());
	root_leave();
	return 0;
}

/* Of roots within each other in this task's context. */
u32 ret_outer_opened, ret_inner_opened, ret_kind_after_inner, ret_stale_opened, ret_stale_kind;
u64 ret_root_after_outer;

SEC("syscall")
int run_nested_roots(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct task_ctx *tctx = bpf_task_storage_get(&task_ctxs, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	u64 now_ns = bpf_ktime_get_ns();

	if (!tctx)
		return 1;
	ret_outer_opened = root_enter(now_ns, ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE, 1000, 0, 0);
	ret_inner_opened = root_enter(now_ns, ARCADE_ROOT_VBLANK, ARCADE_LANE_OTHER, 1000, 0, 0);
	root_leave();
	ret_kind_after_inner = tctx->root.root_ns ? tctx->root.kind : ARCADE_ROOT_NONE;
	root_leave();
	ret_root_after_outer = tctx->root.root_ns;
	/* Its exit was missed: what comes later is no part of it. */
	root_enter(now_ns - 2 * ROOT_WINDOW_NS, ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE, 1000, 0, 0);
	ret_stale_opened = root_enter(now_ns, ARCADE_ROOT_AUDIO, ARCADE_LANE_OTHER, 1000, 0, 0);
	ret_stale_kind = tctx->root.kind;
	root_leave();
	return tctx->root.root_ns ? 2 : 0;
}

SEC("syscall")
int run_level(void *ctx)
{
	ret_level = compat_interrupt_level();
	return 0;
}

/* Seen from interrupts: the end of a sleep is one. */
u32 irq_levels_seen;
u32 softirq_levels_seen;

SEC("tp_btf/hrtimer_expire_entry")
int seen_irq(void *ctx)
{
	irq_levels_seen |= compat_interrupt_level();
	return 0;
}

SEC("tp_btf/softirq_entry")
int seen_softirq(void *ctx)
{
	softirq_levels_seen |= compat_interrupt_level();
	return 0;
}
