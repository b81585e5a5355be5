// SPDX-License-Identifier: GPL-2.0-only
/* Somebody else's scheduler: the least that the kernel takes. */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>

char _license[] SEC("license") = "GPL";

SEC(".struct_ops.link")
struct sched_ext_ops foreign_ops = { .name = "foreign" };
