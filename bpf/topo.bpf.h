/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * topo - which CPUs share what, and which come first, written by the daemon before load
 *
 * A place is the position of an online CPU in the daemon's order: LLC by LLC,
 * the largest cache first, in each the fastest CPUs first and the second
 * threads of cores last. A CPU that was offline at load counts to LLC 0 and has
 * place 0. Hotplug restarts the scheduler, so nothing here changes while it
 * runs.
 */
#ifndef ARCADE_TOPO_BPF_H
#define ARCADE_TOPO_BPF_H

const volatile u32 topo_nr_cpu_ids = 1;
const volatile u32 topo_nr_llcs = 1;
const volatile u32 topo_nr_places = 1;
/* Does it matter where a task runs: several LLCs, or CPUs of different speed? */
const volatile bool topo_is_uneven;
const volatile bool topo_has_speeds;
/* The first so many places have the largest cache and full speed. */
const volatile u32 topo_nr_home_places = 1;
const volatile u16 topo_cpu_llc[ARCADE_MAX_CPUS];
const volatile u16 topo_cpu_place[ARCADE_MAX_CPUS];
const volatile u16 topo_place_cpu[ARCADE_MAX_CPUS];
/* An LLC's places are in a row: the first, and how many. */
const volatile u16 topo_llc_place[ARCADE_MAX_LLCS];
const volatile u16 topo_llc_nr[ARCADE_MAX_LLCS];

static __always_inline u32 topo_llc_of(s32 cpu)
{
	return topo_cpu_llc[cpu & (ARCADE_MAX_CPUS - 1)] & (ARCADE_MAX_LLCS - 1);
}

static __always_inline u32 topo_llc_after(u32 llc)
{
	return llc + 1 < topo_nr_llcs ? llc + 1 : 0;
}

static __always_inline u32 topo_place_of(s32 cpu)
{
	return topo_cpu_place[cpu & (ARCADE_MAX_CPUS - 1)];
}

static __always_inline bool topo_is_home(s32 cpu)
{
	return topo_place_of(cpu) < topo_nr_home_places;
}

/* Does who could be on @other lose nothing by being on @cpu? */
static __always_inline bool topo_is_no_worse(s32 cpu, s32 other)
{
	return topo_llc_of(cpu) == topo_llc_of(other) && (topo_is_home(cpu) || !topo_is_home(other));
}

static __always_inline s32 topo_cpu_at(u32 place)
{
	return topo_place_cpu[place & (ARCADE_MAX_CPUS - 1)];
}

/* The @i-th CPU to look at from @cpu on: itself, round its LLC, then the others in order. @i < topo_nr_places. */
static __always_inline s32 topo_cpu_near(s32 cpu, u32 i)
{
	u32 llc = topo_llc_of(cpu), first = topo_llc_place[llc], nr = topo_llc_nr[llc], place;

	if (i < nr) {
		place = topo_place_of(cpu) + i;
		if (place >= first + nr)
			place -= nr;
	} else {
		place = first + i;
		if (place >= topo_nr_places)
			place -= topo_nr_places;
	}
	return topo_cpu_at(place);
}

#endif
