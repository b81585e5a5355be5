/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stats - counters, per CPU, never reset
 *
 * The daemon reads the map and adds up. A counter is one instruction on the
 * CPU's own memory; only the input hook needs the atomic form, see abi.h.
 */
#ifndef ARCADE_STATS_BPF_H
#define ARCADE_STATS_BPF_H

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct arcade_stats);
} arcade_stats SEC(".maps");

/* Never NULL for a verified program; the check is for the verifier. */
static __always_inline struct arcade_stats *stats_this_cpu(void)
{
	u32 zero = 0;

	return bpf_map_lookup_elem(&arcade_stats, &zero);
}

#define stats_inc(field)                                       \
	({                                                     \
		struct arcade_stats *stats_ = stats_this_cpu(); \
		if (stats_)                                    \
			stats_->field++;                       \
	})

#define stats_add_atomic(field, value)                                 \
	({                                                             \
		struct arcade_stats *stats_ = stats_this_cpu();         \
		if (stats_)                                            \
			__sync_fetch_and_add(&stats_->field, (value)); \
	})

#define stats_inc_atomic(field) stats_add_atomic(field, 1)

#endif
