/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * topology - which CPUs share what
 *
 * Read once from sysfs. The files are the kernel's, but firmware and
 * hypervisors fill them: whatever is missing or makes no sense gets a default
 * that schedules correctly, only less well, and the flags say so.
 */
#ifndef ARCADE_SRC_TOPOLOGY_H
#define ARCADE_SRC_TOPOLOGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util.h"

#define TOPOLOGY_MAX_CPUS     CPU_BITMAP_BITS
#define TOPOLOGY_CAPACITY_MAX 1024	/* the kernel's SCHED_CAPACITY_SCALE */

enum topology_capacity_source {
	TOPOLOGY_CAPACITY_NONE,		/* nothing known: all CPUs TOPOLOGY_CAPACITY_MAX */
	TOPOLOGY_CAPACITY_FREQ,		/* from cpufreq/cpuinfo_max_freq */
	TOPOLOGY_CAPACITY_KERNEL,	/* from cpu_capacity */
	NR_TOPOLOGY_CAPACITY_SOURCES,
};

/* An offline CPU has no topology: llc 0, core -1, sibling -1, node 0, package 0, full capacity. */
struct topology_cpu {
	bool possible;
	bool online;
	uint32_t llc;		/* index into llcs[], always valid */
	int32_t core;		/* 0..nr_cores-1 by lowest CPU, -1 if offline */
	int32_t sibling;	/* next online thread of the core, round in a ring; -1 if alone */
	uint32_t node;		/* NUMA node as the kernel numbers it */
	uint32_t package;	/* as the kernel numbers it */
	uint32_t capacity;	/* 1..TOPOLOGY_CAPACITY_MAX */
	int32_t prefcore;	/* preferred-core ranking, higher is better; -1 if unknown */
};

/* Sorted: largest cache first, then lowest CPU. There is always at least one. */
struct topology_llc {
	uint32_t cache_kib;	/* 0 if unknown */
	uint32_t nr_cpus;	/* online */
	uint32_t first_cpu;	/* lowest online */
	uint32_t node;		/* of first_cpu */
};

struct topology {
	uint32_t nr_cpu_ids;	/* highest possible CPU + 1: length of cpus[] */
	uint32_t nr_possible;
	uint32_t nr_online;	/* at least 1 */
	uint32_t nr_cores;	/* with an online thread */
	uint32_t nr_llcs;	/* at least 1 */
	uint32_t nr_nodes;	/* with an online CPU */
	uint32_t smt;		/* most online threads of one core */
	bool llc_guessed;	/* some CPU has no usable cache information: one LLC per package for these */
	enum topology_capacity_source capacity_source;
	struct topology_cpu *cpus;
	struct topology_llc *llcs;
};

/*
 * @sysfs_root: "/sys", or a directory that looks like it.
 * Return: 0, -ERANGE for a machine with more than TOPOLOGY_MAX_CPUS, -ENOMEM. Missing files are no failure: an empty
 * root is a machine of one CPU.
 */
int topology_new(const char *sysfs_root, struct topology **ret);

/* Accepts NULL. */
void topology_free(struct topology *topology);
DEFINE_CLEANUP(struct topology *, topology_free)

/* One line for the log: "8 CPUs, 4 cores, 2 LLCs (32 MiB, 16 MiB), SMT 2". Return: length, less than @size. */
size_t topology_describe(const struct topology *topology, char *buf, size_t size);

#endif
