// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_native - bench for kernels whose variables have no address (no CONFIG_KALLSYMS_ALL)
 */
#define BENCH_WITHOUT_KERNEL_VARIABLES
#include "bench.bpf.c"
