/* SPDX-License-Identifier: GPL-2.0-only */
/* burn - computing in a BPF program, for a time that the verifier need not follow */
#ifndef ARCADE_TESTS_BURN_BPF_H
#define ARCADE_TESTS_BURN_BPF_H

/* The most that bpf_loop() takes (kernel: BPF_MAX_LOOPS). */
#define BURN_LOOPS_MAX (1 << 23)

static long burn_is_over(u32 i, u64 *end_ns)
{
	return bpf_ktime_get_ns() >= *end_ns;
}

static void burn(u64 ns)
{
	u64 end_ns = bpf_ktime_get_ns() + ns;

	bpf_loop(BURN_LOOPS_MAX, burn_is_over, &end_ns, 0);
}

#endif
