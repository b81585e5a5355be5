/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * compat - the kernel functions we call, and everything that differs between kernels
 *
 * No other room names a kernel version or asks whether a function exists.
 * Declared here and weak, because the prototypes in vmlinux.h change with the
 * kernel it was made from. A call to a function that the running kernel lacks
 * is removed by the verifier as dead code behind bpf_ksym_exists().
 *
 * Debian's 7.2 has a BTF defect that hides scx_bpf_kick_cpu and
 * scx_bpf_task_set_slice, among others.
 */
#ifndef ARCADE_COMPAT_BPF_H
#define ARCADE_COMPAT_BPF_H

/*
 * Some of these numbers have moved between kernels (SCX_ENQ_CPU_SELECTED is 0x400 in 6.18 and 0x100000 in 7.3): all are
 * taken from the running one.
 */
#define COMPAT_ENQ_WAKEUP	bpf_core_enum_value(enum scx_enq_flags, SCX_ENQ_WAKEUP)
#define COMPAT_ENQ_PREEMPT	bpf_core_enum_value(enum scx_enq_flags, SCX_ENQ_PREEMPT)
#define COMPAT_ENQ_REENQ	bpf_core_enum_value(enum scx_enq_flags, SCX_ENQ_REENQ)
#define COMPAT_ENQ_CPU_SELECTED bpf_core_enum_value(enum scx_enq_flags, SCX_ENQ_CPU_SELECTED)
/* From 7.1 on: a task that cannot run at once, or that real-time work displaces, comes back to us. */
#define COMPAT_ENQ_IMMED                                                       \
	(bpf_core_enum_value_exists(enum scx_enq_flags___7_1, SCX_ENQ_IMMED___7_1) ? \
		 bpf_core_enum_value(enum scx_enq_flags___7_1, SCX_ENQ_IMMED___7_1) : 0)
#define COMPAT_DSQ_LOCAL	bpf_core_enum_value(enum scx_dsq_id_flags, SCX_DSQ_LOCAL)
#define COMPAT_DSQ_LOCAL_ON	bpf_core_enum_value(enum scx_dsq_id_flags, SCX_DSQ_LOCAL_ON)
#define COMPAT_DSQ_GLOBAL	bpf_core_enum_value(enum scx_dsq_id_flags, SCX_DSQ_GLOBAL)
#define COMPAT_DSQ_ITER_REV	bpf_core_enum_value(enum scx_dsq_iter_flags, SCX_DSQ_ITER_REV)
#define COMPAT_PICK_IDLE_CORE	bpf_core_enum_value(enum scx_pick_idle_cpu_flags, SCX_PICK_IDLE_CORE)
#define COMPAT_KICK_IDLE	bpf_core_enum_value(enum scx_kick_flags, SCX_KICK_IDLE)
#define COMPAT_TASK_QUEUED	bpf_core_enum_value(enum scx_ent_flags, SCX_TASK_QUEUED)

enum scx_enq_flags___7_1 {
	SCX_ENQ_IMMED___7_1 = 1ULL << 33,
};

s32 scx_bpf_create_dsq(u64 dsq_id, s32 node) __ksym __weak;
s32 scx_bpf_dsq_nr_queued(u64 dsq_id) __ksym __weak;
s32 scx_bpf_select_cpu_dfl(struct task_struct *p, s32 prev_cpu, u64 wake_flags, bool *is_idle) __ksym __weak;
s32 scx_bpf_pick_idle_cpu(const struct cpumask *cpus_allowed, u64 flags) __ksym __weak;
bool scx_bpf_test_and_clear_cpu_idle(s32 cpu) __ksym __weak;
const struct cpumask *scx_bpf_get_idle_cpumask(void) __ksym __weak;
const struct cpumask *scx_bpf_get_idle_smtmask(void) __ksym __weak;
void scx_bpf_put_idle_cpumask(const struct cpumask *idle_mask) __ksym __weak;
void scx_bpf_cpuperf_set(s32 cpu, u32 perf) __ksym __weak;
void scx_bpf_kick_cpu(s32 cpu, u64 flags) __ksym __weak;
s32 scx_bpf_task_cpu(const struct task_struct *p) __ksym __weak;
u64 scx_bpf_now(void) __ksym __weak;
u32 scx_bpf_reenqueue_local(void) __ksym __weak;
void scx_bpf_dump_bstr(char *fmt, unsigned long long *data, u32 data__sz) __ksym __weak;
void scx_bpf_error_bstr(char *fmt, unsigned long long *data, u32 data__sz) __ksym __weak;

int bpf_iter_scx_dsq_new(struct bpf_iter_scx_dsq *it, u64 dsq_id, u64 flags) __ksym __weak;
struct task_struct *bpf_iter_scx_dsq_next(struct bpf_iter_scx_dsq *it) __ksym __weak;
void bpf_iter_scx_dsq_destroy(struct bpf_iter_scx_dsq *it) __ksym __weak;

/* 6.13 to 7.3, and the forms that replace them from 6.19 on: arguments in a struct, a verdict as result. */
void scx_bpf_dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice, u64 enq_flags) __ksym __weak;
bool scx_bpf_dsq_insert___v2___compat(struct task_struct *p, u64 dsq_id, u64 slice, u64 enq_flags) __ksym __weak;
void scx_bpf_dsq_insert_vtime(struct task_struct *p, u64 dsq_id, u64 slice, u64 vtime, u64 enq_flags) __ksym __weak;
bool scx_bpf_dsq_move_to_local(u64 dsq_id) __ksym __weak;
bool scx_bpf_dsq_move_to_local___v2___compat(u64 dsq_id, u64 enq_flags) __ksym __weak;

struct scx_bpf_dsq_insert_vtime_args___compat {
	u64 dsq_id;
	u64 slice;
	u64 vtime;
	u64 enq_flags;
} __attribute__((preserve_access_index));

bool __scx_bpf_dsq_insert_vtime(struct task_struct *p, struct scx_bpf_dsq_insert_vtime_args___compat *args) __ksym __weak;

/* During an iteration, from ops.dispatch. */
bool scx_bpf_dsq_move(struct bpf_iter_scx_dsq *it__iter, struct task_struct *p, u64 dsq_id, u64 enq_flags) __ksym __weak;

/* From 6.19 on; where it is not there the field is written. */
bool scx_bpf_task_set_slice(struct task_struct *p, u64 slice) __ksym __weak;

/*
 * x86 keeps the nesting of interrupts in a per-CPU word. Where that is absent (other architectures keep it in the
 * thread's info) every context counts as the task's own. Kernels that count disabled interrupts there too (7.3, seen by
 * the variable that came with it) moved the upper fields. Both layouts were read from running kernels.
 */
extern const int __preempt_count __ksym __weak;
extern const int local_interrupt_disable_state __ksym __weak;

#define COMPAT_SERVING_SOFTIRQ	     0x00000100u
#define COMPAT_HARDIRQ_NMI	     0x00ff0000u
#define COMPAT_HARDIRQ_NMI_SINCE_7_3 0xff000000u

/* 0 in the task's own context, else bits that tell one interrupt nesting from another. */
static __always_inline u32 compat_interrupt_level(void)
{
	const int *count;

	if (!bpf_ksym_exists(&__preempt_count))
		return 0;
	count = bpf_this_cpu_ptr(&__preempt_count);
	if (bpf_ksym_exists(&local_interrupt_disable_state))
		return *count & (COMPAT_SERVING_SOFTIRQ | COMPAT_HARDIRQ_NMI_SINCE_7_3);
	return *count & (COMPAT_SERVING_SOFTIRQ | COMPAT_HARDIRQ_NMI);
}

/* Where the kernel keeps the number in the task, no call is made for it. */
struct thread_info___compat {
	u32 cpu;
} __attribute__((preserve_access_index));

struct task_struct___compat {
	struct thread_info___compat thread_info;
} __attribute__((preserve_access_index));

static __always_inline s32 compat_task_cpu(const struct task_struct *p)
{
	const struct task_struct___compat *task = (const void *)p;

	if (bpf_core_field_exists(task->thread_info.cpu))
		return task->thread_info.cpu;
	return scx_bpf_task_cpu(p);
}

static __always_inline void compat_dsq_insert(struct task_struct *p, u64 dsq_id, u64 slice_ns, u64 enq_flags)
{
	if (bpf_ksym_exists(scx_bpf_dsq_insert))
		scx_bpf_dsq_insert(p, dsq_id, slice_ns, enq_flags);
	else
		scx_bpf_dsq_insert___v2___compat(p, dsq_id, slice_ns, enq_flags);
}

static __always_inline void compat_dsq_insert_vtime(struct task_struct *p, u64 dsq_id, u64 slice_ns, u64 vtime,
						    u64 enq_flags)
{
	if (bpf_ksym_exists(scx_bpf_dsq_insert_vtime)) {
		scx_bpf_dsq_insert_vtime(p, dsq_id, slice_ns, vtime, enq_flags);
	} else {
		struct scx_bpf_dsq_insert_vtime_args___compat args = {
			.dsq_id = dsq_id,
			.slice = slice_ns,
			.vtime = vtime,
			.enq_flags = enq_flags,
		};

		__scx_bpf_dsq_insert_vtime(p, &args);
	}
}

static __always_inline bool compat_dsq_move_to_local(u64 dsq_id)
{
	if (bpf_ksym_exists(scx_bpf_dsq_move_to_local))
		return scx_bpf_dsq_move_to_local(dsq_id);
	return scx_bpf_dsq_move_to_local___v2___compat(dsq_id, 0);
}

/* Where it cannot, do not look for idle CPUs to kick: looking claims them. */
static __always_inline bool compat_can_kick(void)
{
	return bpf_ksym_exists(scx_bpf_kick_cpu);
}

static __always_inline bool compat_can_read_idle_masks(void)
{
	return bpf_ksym_exists(scx_bpf_get_idle_smtmask) && bpf_ksym_exists(scx_bpf_get_idle_cpumask);
}

static __always_inline void compat_kick_idle(s32 cpu)
{
	if (compat_can_kick())
		scx_bpf_kick_cpu(cpu, COMPAT_KICK_IDLE);
}

/*
 * A global function, which the verifier looks at once: where the kernel has a function for it, but one that cannot be called
 * (Debian's 7.2), each look says in the kernel log that this is deprecated. Return: 0.
 */
__weak int compat_write_slice(struct task_struct *p __arg_trusted, u64 slice_ns)
{
	p->scx.slice = slice_ns;
	return 0;
}

static __always_inline void compat_task_set_slice(struct task_struct *p, u64 slice_ns)
{
	if (bpf_ksym_exists(scx_bpf_task_set_slice))
		scx_bpf_task_set_slice(p, slice_ns);
	else
		compat_write_slice(p, slice_ns);
}

/*
 * May @p be moved to another CPU? Running a BPF program disables migration of the current task by one, so for that task
 * one is none.
 */
static __always_inline bool compat_migration_disabled(const struct task_struct *p)
{
	if (p->migration_disabled == 1)
		return bpf_get_current_task_btf() != p;
	return p->migration_disabled;
}

#endif
