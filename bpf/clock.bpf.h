/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * clock - virtual time, one clock per LLC
 */
#ifndef ARCADE_CLOCK_BPF_H
#define ARCADE_CLOCK_BPF_H

/* Written by every CPU of the LLC without a lock: it only needs to move on, and a lost step is made up by the next task. */
struct clock_llc {
	u64 vtime;
	u64 pad[7];		/* a cache line each */
};

static struct clock_llc clock_llcs[ARCADE_MAX_LLCS];

static __always_inline u64 *clock_of(u32 llc)
{
	return &clock_llcs[llc & (ARCADE_MAX_LLCS - 1)].vtime;
}

/* Moves it on, never back. Written only if it changes: every CPU of the LLC reads this line. */
static __always_inline void clock_move(u32 llc, u64 vtime)
{
	u64 *clock = clock_of(llc);

	if (policy_before(*clock, vtime))
		*clock = vtime;
}

#endif
