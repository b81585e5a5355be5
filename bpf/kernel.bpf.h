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

/*
 * Condition of a loop whose rounds the verifier need not follow one by one: the instruction "may_goto", which leaves a loop
 * that does not end by itself. Cheaper than bpf_for(), which calls the kernel each round. By its number, because clang knows
 * its name from 19 on only.
 */
#define kernel_may_loop()                                                                                      \
	({                                                                                                     \
		__label__ over_;                                                                               \
		bool may_ = false;                                                                             \
		asm volatile goto("1: .byte 0xe5, 0; .long ((%l[over_] - 1b - 8) / 8) & 0xffff; .short 0" ::: \
				  : over_);                                                                    \
		may_ = true;                                                                                   \
over_:                                                                                                         \
		may_;                                                                                          \
	})

bool bpf_cpumask_test_cpu(u32 cpu, const struct cpumask *cpumask) __ksym __weak;
void bpf_rcu_read_lock(void) __ksym __weak;
void bpf_rcu_read_unlock(void) __ksym __weak;

#endif
