// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs in the calling task with migration disabled, as every sleepable program does: computes, may wait for a page of
 * its caller, computes again.
 */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "burn.bpf.h"

char _license[] SEC("license") = "GPL";

struct churn_hold_args {
	u64 burn_ns;
	u64 page;	/* user address, 0: do not wait */
};

/* Return: 0 as it should be, 1 migration was not disabled, 2 it ended on another CPU. */
SEC("syscall")
int churn_hold(struct churn_hold_args *args)
{
	struct task_struct *p = bpf_get_current_task_btf();
	u32 cpu = bpf_get_smp_processor_id();
	char byte;

	if (!p->migration_disabled)
		return 1;
	burn(args->burn_ns);
	if (args->page)
		bpf_copy_from_user(&byte, sizeof(byte), (void *)args->page);
	burn(args->burn_ns);
	return bpf_get_smp_processor_id() == cpu ? 0 : 2;
}
