// SPDX-License-Identifier: GPL-2.0-only
/*
 * Computes in the calling thread inside of an RCU read-side section, which a preemptible kernel may interrupt: until the
 * thread has run to its end, no grace period that began meanwhile ends. The kernel has disabled migration for a program like
 * this, so the thread stays on a CPU that goes offline.
 */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

#include "burn.bpf.h"

void bpf_rcu_read_lock(void) __ksym;
void bpf_rcu_read_unlock(void) __ksym;

char _license[] SEC("license") = "GPL";

struct readers_args {
	u64 burn_ns;
};

SEC("syscall")
int read_rcu(struct readers_args *args)
{
	bpf_rcu_read_lock();
	burn(args->burn_ns);
	bpf_rcu_read_unlock();
	return 0;
}
