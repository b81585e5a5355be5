/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel - macros of kernel headers, which BTF does not carry, and generic kernel functions
 */
#ifndef ARCADE_KERNEL_BPF_H
#define ARCADE_KERNEL_BPF_H

#define PF_EXITING 0x00000004	/* include/linux/sched.h */
#define PF_KTHREAD 0x00200000
#define SCHED_BATCH 3		/* include/uapi/linux/sched.h */
#define SCHED_IDLE 5
#define PRIO_NICE_10 130	/* static_prio, include/linux/sched/prio.h */

bool bpf_cpumask_test_cpu(u32 cpu, const struct cpumask *cpumask) __ksym __weak;
void bpf_rcu_read_lock(void) __ksym __weak;
void bpf_rcu_read_unlock(void) __ksym __weak;

#endif
