// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench - the hot paths of the kernel half, each alone in a loop that times itself
 *
 * Includes the rooms as they are, so what is timed is what runs. A program
 * calls one path bench_calls times and leaves the time in bench_ns; the loop
 * itself is timed with an empty body, to be subtracted. All of it in an RCU
 * section, where the real programs are, too.
 */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "arcade/abi.h"
#include "policy.h"
#include "kernel.bpf.h"
/*
 * A kernel without CONFIG_KALLSYMS_ALL has the variable in its BTF but no address for it, and refuses the program. Under
 * another name it is absent, and absent is what the rooms know how to do without.
 */
#ifdef BENCH_WITHOUT_KERNEL_VARIABLES
#define __preempt_count		      bench_absent_preempt_count
#define local_interrupt_disable_state bench_absent_interrupt_state
#endif
#include "compat.bpf.h"

#define BENCH_LIFE_NS (1000 * POLICY_NS_PER_MS)

/* Budgets and buckets that never end, so that every call takes the same path. */
struct arcade_knobs knobs SEC(".data.knobs") = {
	.version = ARCADE_ABI_VERSION,
	.preempt = 1,
	.slice_ns = 3 * POLICY_NS_PER_MS,
	.chain_ttl_ns = BENCH_LIFE_NS,
	.chain_budget_ns = BENCH_LIFE_NS,
	.chain_fanout = 8,
	.input_wakeup_hz = 50,
	.preempt_interval_ns = 0,
	.preempt_burst = 16,
};

#include "stats.bpf.h"
#include "topo.bpf.h"
#include "clock.bpf.h"
#include "task.bpf.h"
#include "tree.bpf.h"
#include "detect.bpf.h"
#include "root.bpf.h"
#include "chain.bpf.h"
#include "role.bpf.h"
#include "input.bpf.h"
#include "group.bpf.h"
#include "freq.bpf.h"
#include "preempt.bpf.h"
#include "fair.bpf.h"

char _license[] SEC("license") = "GPL";

/* Never dereferenced: the table of devices knows it. */
#define BENCH_DEVICE 0x1000

struct task_struct *bpf_task_from_pid(s32 pid) __ksym __weak;
void bpf_task_release(struct task_struct *p) __ksym __weak;
void bpf_rcu_read_lock(void) __ksym __weak;
void bpf_rcu_read_unlock(void) __ksym __weak;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, ARCADE_RING_BYTES);
} bare_ring SEC(".maps");

/* Arguments and result. */
u32 bench_calls;
u32 bench_wakee;	/* pid of a task that sleeps */
u64 bench_ns;

/* Keeps results alive. */
volatile u64 bench_sink;

#define BENCH_LOOP(call)					\
	do {							\
		u32 nr_ = bench_calls, i_;			\
		u64 start_ns_;					\
								\
		bpf_rcu_read_lock();				\
		start_ns_ = bpf_ktime_get_ns();			\
		bpf_for(i_, 0, nr_) {				\
			call;					\
		}						\
		bench_ns = bpf_ktime_get_ns() - start_ns_;	\
		bpf_rcu_read_unlock();				\
	} while (0)

/* A program that is one call of what several share. */
#define BENCH_PROGRAM(name, call)	\
	SEC("syscall")			\
	int name(void *ctx)		\
	{				\
		return call;		\
	}

static __always_inline struct task_ctx *bench_ctx(struct task_struct *p)
{
	return bpf_task_storage_get(&task_ctxs, p, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
}

static __always_inline void bench_join(const struct task_struct *p, struct task_ctx *tctx)
{
	policy_chain_start(&tctx->chain, p->nvcsw, ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE, bpf_ktime_get_ns(), BENCH_LIFE_NS);
}

/* ---- what the rest is compared with ---- */

SEC("syscall")
int empty_call(void *ctx)
{
	BENCH_LOOP(barrier());
	return 0;
}

static __always_inline void bench_write_bare(void)
{
	u64 *record = bpf_ringbuf_reserve(&bare_ring, 24, 0);

	if (!record)
		return;
	record[0] = 1;
	record[1] = 2;
	record[2] = 3;
	bpf_ringbuf_submit(record, BPF_RB_NO_WAKEUP);
}

SEC("syscall")
int bare_ring_write(void *ctx)
{
	BENCH_LOOP(bench_write_bare());
	return 0;
}

/* ---- what paths are made of ---- */

SEC("syscall")
int read_clock(void *ctx)
{
	BENCH_LOOP(bench_sink = bpf_ktime_get_ns());
	return 0;
}

SEC("syscall")
int find_task_ctx(void *ctx)
{
	struct task_struct *p = bpf_get_current_task_btf();

	if (!bench_ctx(p))
		return 1;
	BENCH_LOOP(bench_sink = (u64)task_ctx_of(p));
	return 0;
}

SEC("syscall")
int find_device(void *ctx)
{
	const struct input_dev *dev = bpf_rdonly_cast((void *)BENCH_DEVICE, bpf_core_type_id_kernel(struct input_dev));
	struct arcade_device device = { .index = 7, .lane = ARCADE_LANE_MOUSE };
	u64 key = BENCH_DEVICE;

	bpf_map_update_elem(&input_devices, &key, &device, BPF_ANY);
	BENCH_LOOP(bench_sink = input_look_up(dev).index);
	return bench_sink == 7 ? 0 : 2;
}

/* ---- input ---- */

SEC("syscall")
int input_body(void *ctx)
{
	const struct arcade_device device = { .index = 7, .lane = ARCADE_LANE_MOUSE };
	u64 now_ns = bpf_ktime_get_ns();

	BENCH_LOOP(input_packet(now_ns, bpf_get_smp_processor_id(), &device, 3));
	return 0;
}

/* What the entry and the exit of input_event() do for the last event of a packet. */
static __always_inline void bench_hook(const struct input_dev *dev)
{
	input_packet_ends(dev, 3);
	root_leave();
}

SEC("syscall")
int input_hooks(void *ctx)
{
	const struct input_dev *dev = bpf_rdonly_cast((void *)BENCH_DEVICE, bpf_core_type_id_kernel(struct input_dev));
	struct arcade_device device = { .index = 7, .lane = ARCADE_LANE_MOUSE };
	u64 key = BENCH_DEVICE;

	if (!bench_ctx(bpf_get_current_task_btf()))
		return 1;
	bpf_map_update_elem(&input_devices, &key, &device, BPF_ANY);
	BENCH_LOOP(bench_hook(dev));
	return 0;
}

/* Most drivers report in an interrupt; a timer's callback is one, too (softirq). */
struct bench_timer {
	struct bpf_timer timer;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct bench_timer);
} bench_timers SEC(".maps");

u32 bench_level;	/* compat_interrupt_level() in the callback */
u32 bench_done;

static int bench_in_interrupt(void *map, u32 *key, struct bench_timer *timer)
{
	const struct input_dev *dev = bpf_rdonly_cast((void *)BENCH_DEVICE, bpf_core_type_id_kernel(struct input_dev));

	bench_level = compat_interrupt_level();
	BENCH_LOOP(bench_hook(dev));
	bench_done = 1;
	return 0;
}

SEC("syscall")
int input_hooks_interrupt(void *ctx)
{
	struct arcade_device device = { .index = 7, .lane = ARCADE_LANE_MOUSE };
	u64 device_key = BENCH_DEVICE;
	struct bench_timer *timer;
	u32 zero = 0;

	bpf_map_update_elem(&input_devices, &device_key, &device, BPF_ANY);
	bench_done = 0;
	timer = bpf_map_lookup_elem(&bench_timers, &zero);
	if (!timer)
		return 1;
	/* Fails but for the first time, and then it is as it should be. */
	bpf_timer_init(&timer->timer, &bench_timers, 1 /* CLOCK_MONOTONIC */);
	if (bpf_timer_set_callback(&timer->timer, bench_in_interrupt))
		return 2;
	return bpf_timer_start(&timer->timer, 0, 0) ? 3 : 0;
}

/* ---- chains ---- */

/* The waker is the current task; the wakee sleeps. */
static __always_inline int bench_wakeups(bool waker_is_member, bool wakee_is_member, bool in_root)
{
	struct task_struct *waker = bpf_get_current_task_btf(), *wakee = bpf_task_from_pid(bench_wakee);
	struct task_ctx *waker_ctx = bench_ctx(waker), *wakee_ctx;

	if (!wakee)
		return 1;
	wakee_ctx = bench_ctx(wakee);
	if (!waker_ctx || !wakee_ctx) {
		bpf_task_release(wakee);
		return 1;
	}
	waker_ctx->root.root_ns = 0;
	waker_ctx->chain.hop = 0;
	wakee_ctx->chain.hop = 0;
	if (waker_is_member)
		bench_join(waker, waker_ctx);
	if (wakee_is_member)
		bench_join(wakee, wakee_ctx);
	if (in_root)
		root_enter(bpf_ktime_get_ns(), ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE, BENCH_LIFE_NS, 0,
			   bpf_get_smp_processor_id());
	if (waker_is_member && !wakee_is_member)
		/* The wakee leaves again, and the waker may hand on once more: three stores. */
		BENCH_LOOP(chain_follow_wakeup(wakee); wakee_ctx->chain.hop = 0; waker_ctx->chain.nr_handed_on = 0);
	else
		BENCH_LOOP(chain_follow_wakeup(wakee));
	waker_ctx->root.root_ns = 0;
	waker_ctx->chain.hop = 0;
	bpf_task_release(wakee);
	return 0;
}

BENCH_PROGRAM(wakeup_by_others, bench_wakeups(false, false, false))
BENCH_PROGRAM(wakeup_in_root, bench_wakeups(false, false, true))
BENCH_PROGRAM(wakeup_hands_on, bench_wakeups(true, false, false))
BENCH_PROGRAM(wakeup_of_member, bench_wakeups(true, true, false))

static __always_inline int bench_is_live(bool member)
{
	struct task_struct *p = bpf_get_current_task_btf();
	struct task_ctx *tctx = bench_ctx(p);

	if (!tctx)
		return 1;
	tctx->chain.hop = 0;
	if (member)
		bench_join(p, tctx);
	BENCH_LOOP(bench_sink = chain_is_live(p, tctx));
	tctx->chain.hop = 0;
	return bench_sink == member ? 0 : 2;
}

BENCH_PROGRAM(is_live_other, bench_is_live(false))
BENCH_PROGRAM(is_live_member, bench_is_live(true))

/* ---- processes and roles ---- */

SEC("syscall")
int tell_process(void *ctx)
{
	struct task_struct *p = bpf_get_current_task_btf();

	if (!bench_ctx(p))
		return 1;
	BENCH_LOOP(bench_sink = detect_tell_process(ARCADE_CONTROL_TASK_EXEC, p));
	return bench_sink ? 0 : 2;
}

static __always_inline void bench_root(void)
{
	role_root_enter(ARCADE_ROOT_VBLANK, BENCH_LIFE_NS);
	root_leave();
}

SEC("syscall")
int root_hooks(void *ctx)
{
	struct task_ctx *tctx = bench_ctx(bpf_get_current_task_btf());

	if (!tctx)
		return 1;
	tctx->root.root_ns = 0;
	BENCH_LOOP(bench_root());
	return 0;
}

/* What is behind the look at the request. */
static __always_inline int bench_frame_ends(bool member, u32 end)
{
	struct task_struct *p = bpf_get_current_task_btf();
	struct task_ctx *tctx = bench_ctx(p);

	if (!tctx)
		return 1;
	tctx->chain.hop = 0;
	/* Told already, as all but the first time. */
	tctx->gpu_told = (u32)p->self_exec_id + 1;
	if (member)
		bench_join(p, tctx);
	/* Each time the chain of another root: a store. */
	if (end == ARCADE_FRAME_FLIP)
		BENCH_LOOP(role_flips(p, tctx); tctx->frame_root_ns[ARCADE_FRAME_FLIP] = 0);
	else
		BENCH_LOOP(role_submits(p, tctx); tctx->frame_root_ns[ARCADE_FRAME_SUBMIT] = 0);
	tctx->chain.hop = 0;
	return 0;
}

SEC("syscall")
int flip_by_other(void *ctx)
{
	return bench_frame_ends(false, ARCADE_FRAME_FLIP);
}

SEC("syscall")
int flip_by_member(void *ctx)
{
	return bench_frame_ends(true, ARCADE_FRAME_FLIP);
}

SEC("syscall")
int submit_by_member(void *ctx)
{
	return bench_frame_ends(true, ARCADE_FRAME_SUBMIT);
}

/* ---- the fair queues; all of these need the fields of sched_ext ---- */

static __always_inline int bench_deadline(enum arcade_class class)
{
	struct task_struct *p = bpf_get_current_task_btf();
	struct task_ctx *tctx = bench_ctx(p);

	if (!tctx)
		return 1;
	BENCH_LOOP(bench_sink = fair_deadline(p, tctx, class));
	return 0;
}

BENCH_PROGRAM(deadline_normal, bench_deadline(ARCADE_CLASS_NORMAL))
BENCH_PROGRAM(deadline_chain, bench_deadline(ARCADE_CLASS_CHAIN))

SEC("syscall")
int settle_and_charge(void *ctx)
{
	struct task_struct *p = bpf_get_current_task_btf();
	struct task_ctx *tctx = bench_ctx(p);

	if (!tctx)
		return 1;
	/* Something to charge each time. */
	BENCH_LOOP(fair_settle(p, tctx, 0); tctx->exec_seen_ns -= 1000; fair_charge(p, tctx, ARCADE_CLASS_NORMAL));
	return 0;
}

/* Runs long enough to be taken, and the more of them the later: each is a better victim than the one before. */
static __always_inline void bench_note_victim(u32 cpu, u64 now_ns)
{
	preempt_note_running(cpu, ARCADE_CLASS_NORMAL, 0, BENCH_LIFE_NS + cpu * POLICY_NS_PER_MS, now_ns - POLICY_NS_PER_MS);
}

/* Each CPU is asked whether the task may run there. The daemon's order of CPUs is that of their numbers. */
static __always_inline int bench_search(enum arcade_class class)
{
	struct task_struct *p = bpf_get_current_task_btf();
	struct preempt_wakee wakee = { .now_ns = bpf_ktime_get_ns(), .class = class };
	struct task_ctx *tctx = bench_ctx(p);
	u32 nr = topo_nr_places, cpu;
	s32 victim = -1;

	if (!tctx)
		return 1;
	wakee.order_ns = class == ARCADE_CLASS_CHAIN ? wakee.now_ns : 0;
	bpf_for(cpu, 0, nr)
		bench_note_victim(cpu, wakee.now_ns);
	/* Gives back what it took: a few stores. */
	BENCH_LOOP(victim = preempt_pick_cpu(p, tctx, 0, &wakee, false); bench_note_victim(victim, wakee.now_ns));
	return victim < 0 ? 2 : 0;
}

BENCH_PROGRAM(search_chain, bench_search(ARCADE_CLASS_CHAIN))
BENCH_PROGRAM(search_normal, bench_search(ARCADE_CLASS_NORMAL))
