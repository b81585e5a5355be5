/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * placement - in which order CPUs are good for what the player feels
 *
 * Pure: topology in, a list of CPUs out. LLC by LLC, the largest cache first
 * (of two, the one with V-Cache); in an LLC the CPUs with the most capacity,
 * then by the firmware's ranking of preferred cores, second threads of cores
 * after all first ones of the same capacity.
 */
#ifndef ARCADE_SRC_PLACEMENT_H
#define ARCADE_SRC_PLACEMENT_H

#include "topology.h"

/* Writes the online CPUs to @cpus, which has room for all of nr_cpu_ids. Return: how many. */
uint32_t placement_order(const struct topology *topology, uint16_t *cpus);

/* Does it matter where a task runs, beyond the warmth of its cache? */
bool placement_is_uneven(const struct topology *topology);

#endif
