// SPDX-License-Identifier: GPL-2.0-only
/*
 * machine - the presets, as the daemon would read them
 *
 * The order of CPUs is the daemon's own (placement.c).
 */
#include "sim.h"

#include <string.h>

#include "placement.h"

const char *const machine_names[] = { "2", "8smt", "16-2llc", "8p8e", "64", NULL };

static void add_cpu(struct sim *sim, u32 cpu, u32 llc, s32 sibling, u32 capacity)
{
	struct topology_llc *tl = &sim->topology_llcs[llc];

	sim->topology_cpus[cpu] = (struct topology_cpu){
		.possible = true, .online = true, .llc = llc, .sibling = sibling, .capacity = capacity, .prefcore = -1,
		.core = sibling >= 0 && sibling < (s32)cpu ? sibling : (s32)cpu,
	};
	if (!tl->nr_cpus++)
		tl->first_cpu = cpu;
	if (llc >= sim->topology.nr_llcs)
		sim->topology.nr_llcs = llc + 1;
	sim->cpus[cpu].idle = true;
	sim->nr_cpus++;
}

/* @nr_cores of two threads each in one LLC: threads n and n + @stride. */
static void add_smt_cores(struct sim *sim, u32 first, u32 nr_cores, u32 stride, u32 llc)
{
	for (u32 cpu = first; cpu < first + nr_cores; cpu++) {
		add_cpu(sim, cpu, llc, (s32)(cpu + stride), TOPOLOGY_CAPACITY_MAX);
		add_cpu(sim, cpu + stride, llc, (s32)cpu, TOPOLOGY_CAPACITY_MAX);
	}
}

bool machine_init(struct sim *sim, const char *name)
{
	sim->default_hz = 144;
	sim->nr_workers = 4;
	if (!strcmp(name, "2")) {
		add_cpu(sim, 0, 0, -1, TOPOLOGY_CAPACITY_MAX);
		add_cpu(sim, 1, 0, -1, TOPOLOGY_CAPACITY_MAX);
		sim->default_hz = 60;
		sim->nr_workers = 2;
	} else if (!strcmp(name, "8smt")) {
		add_smt_cores(sim, 0, 4, 4, 0);
	} else if (!strcmp(name, "16-2llc")) {
		add_smt_cores(sim, 0, 8, 16, 0);
		add_smt_cores(sim, 8, 8, 16, 1);
		sim->topology_llcs[0].cache_kib = 96 * 1024;
		sim->topology_llcs[1].cache_kib = 32 * 1024;
		sim->has_vcache = true;
		sim->default_hz = 240;
		sim->nr_workers = 6;
	} else if (!strcmp(name, "8p8e")) {
		for (u32 cpu = 0; cpu < 16; cpu += 2)
			add_smt_cores(sim, cpu, 1, 1, 0);
		for (u32 cpu = 16; cpu < 24; cpu++)
			add_cpu(sim, cpu, 0, -1, TOPOLOGY_CAPACITY_MAX * SIM_E_SPEED / 1000);
		sim->default_hz = 240;
		sim->nr_workers = 6;
	} else if (!strcmp(name, "64")) {
		for (u32 llc = 0; llc < 4; llc++)
			add_smt_cores(sim, llc * 8, 8, 32, llc);
		sim->default_hz = 240;
		sim->nr_workers = 8;
	} else {
		return false;
	}
	sim->topology.cpus = sim->topology_cpus;
	sim->topology.llcs = sim->topology_llcs;
	sim->topology.nr_cpu_ids = sim->topology.nr_possible = sim->topology.nr_online = sim->nr_cpus;
	sim->nr_places = placement_order(&sim->topology, sim->places);
	sim->nr_home = placement_nr_home(&sim->topology, sim->places, sim->nr_places);
	sim->has_speeds = placement_has_speeds(&sim->topology);
	for (u32 i = 0; i < sim->nr_places; i++)
		sim->place_of[sim->places[i]] = (u16)i;
	return true;
}
