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

/* Do CPUs differ in speed, by their kind or by the firmware's ranking? */
bool placement_has_speeds(const struct topology *topology);

/* How many of the @nr CPUs in the order share the largest cache and the highest capacity: the first so many. */
uint32_t placement_nr_home(const struct topology *topology, const uint16_t *cpus, uint32_t nr);

#endif
