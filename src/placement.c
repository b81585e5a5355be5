// SPDX-License-Identifier: GPL-2.0-only
#include "placement.h"

#include <stdlib.h>

/* The sibling ring leads back to the lowest thread of the core: every other is a second one. */
static bool is_first_thread(const struct topology *topology, uint32_t cpu)
{
	for (int32_t other = topology->cpus[cpu].sibling; other >= 0 && other != (int32_t)cpu;
	     other = topology->cpus[other].sibling)
		if (other < (int32_t)cpu)
			return false;
	return true;
}

static int compare(const void *a, const void *b, void *data)
{
	const struct topology *topology = data;
	const uint16_t cpu_a = *(const uint16_t *)a, cpu_b = *(const uint16_t *)b;
	const struct topology_cpu *x = &topology->cpus[cpu_a], *y = &topology->cpus[cpu_b];
	const bool first_x = is_first_thread(topology, cpu_a), first_y = is_first_thread(topology, cpu_b);

	if (x->llc != y->llc)
		return x->llc < y->llc ? -1 : 1;
	if (x->capacity != y->capacity)
		return x->capacity > y->capacity ? -1 : 1;
	if (first_x != first_y)
		return first_x ? -1 : 1;
	if (x->prefcore != y->prefcore)
		return x->prefcore > y->prefcore ? -1 : 1;
	return cpu_a < cpu_b ? -1 : 1;
}

uint32_t placement_order(const struct topology *topology, uint16_t *cpus)
{
	uint32_t nr = 0;

	for (uint32_t cpu = 0; cpu < topology->nr_cpu_ids; cpu++)
		if (topology->cpus[cpu].online)
			cpus[nr++] = (uint16_t)cpu;
	qsort_r(cpus, nr, sizeof(*cpus), compare, (void *)topology);
	return nr;
}

bool placement_has_speeds(const struct topology *topology)
{
	const struct topology_cpu *first = NULL;

	for (uint32_t cpu = 0; cpu < topology->nr_cpu_ids; cpu++) {
		const struct topology_cpu *tc = &topology->cpus[cpu];

		if (!tc->online)
			continue;
		if (!first)
			first = tc;
		else if (tc->capacity != first->capacity || tc->prefcore != first->prefcore)
			return true;
	}
	return false;
}

uint32_t placement_nr_home(const struct topology *topology, const uint16_t *cpus, uint32_t nr)
{
	uint32_t nr_home = 0;

	while (nr_home < nr && topology->cpus[cpus[nr_home]].llc == topology->cpus[cpus[0]].llc &&
	       topology->cpus[cpus[nr_home]].capacity == topology->cpus[cpus[0]].capacity)
		nr_home++;
	return nr_home;
}
