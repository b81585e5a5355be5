/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * topo - which CPU belongs to which LLC, written by the daemon before load
 *
 * A CPU that was offline at load counts to LLC 0. Hotplug restarts the
 * scheduler, so nothing here changes while it runs.
 */
#ifndef ARCADE_TOPO_BPF_H
#define ARCADE_TOPO_BPF_H

const volatile u32 topo_nr_cpu_ids = 1;
const volatile u32 topo_nr_llcs = 1;
const volatile u16 topo_cpu_llc[ARCADE_MAX_CPUS];

static __always_inline u32 topo_llc_of(s32 cpu)
{
	return topo_cpu_llc[cpu & (ARCADE_MAX_CPUS - 1)] & (ARCADE_MAX_LLCS - 1);
}

#endif
