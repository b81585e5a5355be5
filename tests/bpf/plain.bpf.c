// SPDX-License-Identifier: GPL-2.0-only
/*
 * plain - the measure of what a context switch costs: a scheduler that does nothing but share time
 *
 * Five callbacks, one queue, virtual time by weight, an idle CPU if there is
 * one: what nobody in the field does without. No preemption, no classes, no
 * bound of anybody's wait.
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

#define PLAIN_DSQ      0
#define PLAIN_SLICE_NS (3 * POLICY_NS_PER_MS)

static u64 plain_clock;

char _license[] SEC("license") = "GPL";

SEC("struct_ops/plain_select_cpu")
s32 BPF_PROG(plain_select_cpu, struct task_struct *p, s32 prev_cpu, u64 wake_flags)
{
	bool is_idle = false;
	s32 cpu = scx_bpf_select_cpu_dfl(p, prev_cpu, wake_flags, &is_idle);

	if (is_idle)
		compat_dsq_insert(p, COMPAT_DSQ_LOCAL, PLAIN_SLICE_NS, 0);
	return cpu;
}

SEC("struct_ops/plain_enqueue")
void BPF_PROG(plain_enqueue, struct task_struct *p, u64 enq_flags)
{
	u64 vtime = policy_max_time(p->scx.dsq_vtime, plain_clock - PLAIN_SLICE_NS);

	compat_dsq_insert_vtime(p, PLAIN_DSQ, PLAIN_SLICE_NS, vtime, enq_flags);
}

SEC("struct_ops/plain_dispatch")
void BPF_PROG(plain_dispatch, s32 cpu, struct task_struct *prev)
{
	compat_dsq_move_to_local(PLAIN_DSQ);
}

SEC("struct_ops/plain_running")
void BPF_PROG(plain_running, struct task_struct *p)
{
	if (policy_before(plain_clock, p->scx.dsq_vtime))
		plain_clock = p->scx.dsq_vtime;
}

SEC("struct_ops/plain_stopping")
void BPF_PROG(plain_stopping, struct task_struct *p, bool runnable)
{
	p->scx.dsq_vtime += policy_virtual(PLAIN_SLICE_NS - p->scx.slice, p->scx.weight);
}

SEC("struct_ops.s/plain_init")
s32 BPF_PROG(plain_init)
{
	return scx_bpf_create_dsq(PLAIN_DSQ, -1);
}

SEC(".struct_ops.link")
struct sched_ext_ops plain_ops = {
	.select_cpu = (void *)plain_select_cpu,
	.enqueue = (void *)plain_enqueue,
	.dispatch = (void *)plain_dispatch,
	.running = (void *)plain_running,
	.stopping = (void *)plain_stopping,
	.init = (void *)plain_init,
	.name = "plain",
};
