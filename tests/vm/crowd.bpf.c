// SPDX-License-Identifier: GPL-2.0-only
/*
 * As many programs on input_event() as the kernel takes at one place (BPF_MAX_TRAMP_LINKS, 38): the next is refused.
 */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

#define ONE(n, where) \
	SEC(where "/input_event") \
	int crowd_##n(void *ctx) \
	{ \
		return 0; \
	}
#define FOUR(n, where) ONE(n##0, where) ONE(n##1, where) ONE(n##2, where) ONE(n##3, where)

FOUR(1, "fexit")
FOUR(2, "fexit")
FOUR(3, "fexit")
FOUR(4, "fexit")
FOUR(5, "fexit")
FOUR(6, "fexit")
FOUR(7, "fexit")
FOUR(8, "fexit")
FOUR(9, "fexit")
FOUR(10, "fexit")
FOUR(11, "fentry")
