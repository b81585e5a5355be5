/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kernel - what the running kernel says about sched_ext
 *
 * Reads sysfs and this process's capabilities; changes nothing.
 */
#ifndef ARCADE_SRC_KERNEL_H
#define ARCADE_SRC_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum kernel_sched_state {
	KERNEL_SCHED_ABSENT,	/* no sched_ext */
	KERNEL_SCHED_DISABLED,
	KERNEL_SCHED_ENABLED,	/* some scheduler runs */
	KERNEL_SCHED_CHANGING,	/* one is being enabled or disabled */
	NR_KERNEL_SCHED_STATES,
};

enum kernel_sched_state kernel_sched_state(void);

/* Name of the active scheduler, as the kernel shows it. Return: 0, -errno; @buf holds "unknown" on failure. */
int kernel_sched_name(char *buf, size_t size);

/* Number of CPU hotplug events so far, as struct sched_ext_ops wants it. Return: 0, -errno. */
int kernel_hotplug_seq(uint64_t *ret);

/* Does the frequency governor of any CPU ask the scheduler? As it is now: a change is seen at the next start. */
bool kernel_uses_schedutil(void);

/* What the kernel shows of our own schedulers begins with this. */
#define KERNEL_OUR_NAME "arcade_"

/*
 * Wait until no scheduler runs, or one whose name begins otherwise. Blocks: for starts and stops only.
 * Return: 0, -ETIMEDOUT.
 */
int kernel_wait_gone(const char *prefix, uint64_t timeout_ns);

/* May this process load and attach BPF programs? (CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN, effective.) */
bool kernel_may_load_bpf(void);

/* May it look into the processes of users: program, environment, mapped files? */
bool kernel_may_read_processes(void);

/* May a child of this process become a user? Not in every sandbox. */
bool kernel_may_become_user(void);

#endif
