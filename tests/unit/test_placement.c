/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The order of CPUs, on machines as they are sold and on generated ones. The topologies are made here, not read: what
 * sysfs says is test_topology's.
 */
#include "unit.h"

#include "placement.h"

#define MAX_CPUS 64

/* A machine of single-threaded full-speed CPUs in one LLC, to be changed by the test. */
struct machine {
	struct topology topology;
	struct topology_cpu cpus[MAX_CPUS];
	struct topology_llc llcs[MAX_CPUS];
};

static void machine_init(struct machine *machine, uint32_t nr_cpus)
{
	*machine = (struct machine){ 0 };
	machine->topology = (struct topology){
		.nr_cpu_ids = nr_cpus, .nr_possible = nr_cpus, .nr_online = nr_cpus, .nr_cores = nr_cpus,
		.nr_llcs = 1, .nr_nodes = 1, .smt = 1, .cpus = machine->cpus, .llcs = machine->llcs,
	};
	for (uint32_t cpu = 0; cpu < nr_cpus; cpu++)
		machine->cpus[cpu] = (struct topology_cpu){
			.possible = true, .online = true, .core = (int32_t)cpu, .sibling = -1,
			.capacity = TOPOLOGY_CAPACITY_MAX, .prefcore = -1,
		};
	machine->llcs[0] = (struct topology_llc){ .nr_cpus = nr_cpus };
}

static void make_siblings(struct machine *machine, uint32_t a, uint32_t b)
{
	machine->cpus[a].sibling = (int32_t)b;
	machine->cpus[b].sibling = (int32_t)a;
	machine->cpus[b].core = machine->cpus[a].core;
	machine->topology.smt = 2;
}

static void check_order(const struct machine *machine, const uint16_t *expected, uint32_t nr)
{
	uint16_t cpus[MAX_CPUS];

	assert_int_equal(placement_order(&machine->topology, cpus), nr);
	assert_memory_equal(cpus, expected, nr * sizeof(*cpus));
}

static void test_even(void **state)
{
	const uint16_t expected[] = { 0, 1, 2, 3 };
	struct machine machine;

	machine_init(&machine, 4);
	check_order(&machine, expected, 4);
	assert_int_equal(placement_nr_home(&machine.topology, expected, 4), 4);
	assert_false(placement_has_speeds(&machine.topology));
}

static void test_one_cpu(void **state)
{
	const uint16_t expected[] = { 0 };
	struct machine machine;

	machine_init(&machine, 1);
	check_order(&machine, expected, 1);
	assert_false(placement_has_speeds(&machine.topology));
}

/* Threads of a core are n and n+4, as AMD and most of Intel number them: the second ones are last. Nothing is uneven. */
static void test_second_threads_last(void **state)
{
	const uint16_t expected[] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	struct machine machine;

	machine_init(&machine, 8);
	for (uint32_t cpu = 0; cpu < 4; cpu++)
		make_siblings(&machine, cpu, cpu + 4);
	check_order(&machine, expected, 8);
	assert_false(placement_has_speeds(&machine.topology));
}

/* Neighbours are one core, as on hybrid Intel: with the numbering, the order changes. */
static void test_neighbours_are_siblings(void **state)
{
	const uint16_t expected[] = { 0, 2, 4, 6, 1, 3, 5, 7 };
	struct machine machine;

	machine_init(&machine, 8);
	for (uint32_t cpu = 0; cpu < 8; cpu += 2)
		make_siblings(&machine, cpu, cpu + 1);
	check_order(&machine, expected, 8);
}

/* Four threads a core: all but the first are second ones. */
static void test_four_threads(void **state)
{
	const uint16_t expected[] = { 0, 4, 1, 2, 3, 5, 6, 7 };
	struct machine machine;

	machine_init(&machine, 8);
	for (uint32_t cpu = 0; cpu < 8; cpu++)
		machine.cpus[cpu].sibling = (int32_t)(cpu / 4 * 4 + (cpu + 1) % 4);
	check_order(&machine, expected, 8);
}

/* Two LLCs; the topology has the larger one first whatever its CPUs are. All of it comes before the other. */
static void test_large_cache_first(void **state)
{
	const uint16_t expected[] = { 4, 5, 6, 7, 0, 1, 2, 3 };
	struct machine machine;

	machine_init(&machine, 8);
	machine.topology.nr_llcs = 2;
	for (uint32_t cpu = 0; cpu < 4; cpu++)
		machine.cpus[cpu].llc = 1;
	make_siblings(&machine, 0, 2);
	make_siblings(&machine, 1, 3);
	make_siblings(&machine, 4, 6);
	make_siblings(&machine, 5, 7);
	check_order(&machine, expected, 8);
	assert_false(placement_has_speeds(&machine.topology));
	assert_int_equal(placement_nr_home(&machine.topology, expected, 8), 4);
}

/* Performance cores with two threads, small cores with one: the second threads still come before the small cores. */
static void test_hybrid(void **state)
{
	const uint16_t expected[] = { 0, 2, 1, 3, 4, 5, 6, 7 };
	struct machine machine;

	machine_init(&machine, 8);
	make_siblings(&machine, 0, 1);
	make_siblings(&machine, 2, 3);
	for (uint32_t cpu = 4; cpu < 8; cpu++)
		machine.cpus[cpu].capacity = 600;
	check_order(&machine, expected, 8);
	assert_int_equal(placement_nr_home(&machine.topology, expected, 8), 4);
	assert_true(placement_has_speeds(&machine.topology));
}

/* The firmware's favourites come first, but not their second threads. */
static void test_preferred_cores(void **state)
{
	const uint16_t expected[] = { 2, 0, 1, 3, 6, 4, 5, 7 };
	struct machine machine;

	machine_init(&machine, 8);
	for (uint32_t cpu = 0; cpu < 4; cpu++) {
		make_siblings(&machine, cpu, cpu + 4);
		machine.cpus[cpu].prefcore = machine.cpus[cpu + 4].prefcore = cpu == 2 ? 236 : 211;
	}
	check_order(&machine, expected, 8);
	assert_true(placement_has_speeds(&machine.topology));
}

static void test_offline_cpus_are_left_out(void **state)
{
	const uint16_t expected[] = { 1, 3 };
	struct machine machine;

	machine_init(&machine, 5);
	machine.cpus[0].online = machine.cpus[2].online = machine.cpus[4].online = false;
	/* What an offline CPU is said to be does not matter. */
	machine.cpus[4].capacity = 300;
	check_order(&machine, expected, 2);
	assert_false(placement_has_speeds(&machine.topology));
	machine.cpus[3].capacity = 300;
	assert_true(placement_has_speeds(&machine.topology));
}

static bool comes_before(const struct topology_cpu *a, const struct topology_cpu *b)
{
	if (a->llc != b->llc)
		return a->llc < b->llc;
	return a->capacity > b->capacity;
}

/* Any machine at all: every online CPU once, LLCs in one piece, faster ones first in each. */
static void test_generated(void **state)
{
	struct unit_random random = { .state = 1 };

	for (int round = 0; round < FUZZ_ROUNDS; round++) {
		uint32_t nr = 1 + unit_random_below(&random, MAX_CPUS), nr_llcs = 1 + unit_random_below(&random, 4), places;
		uint16_t cpus[MAX_CPUS];
		uint64_t seen = 0;
		struct machine machine;

		machine_init(&machine, nr);
		machine.topology.nr_llcs = nr_llcs;
		for (uint32_t cpu = 0; cpu < nr; cpu++) {
			machine.cpus[cpu].online = unit_random_below(&random, 8) != 0;
			machine.cpus[cpu].llc = unit_random_below(&random, nr_llcs);
			machine.cpus[cpu].capacity = 512 * (1 + unit_random_below(&random, 2));
			machine.cpus[cpu].prefcore = (int32_t)unit_random_below(&random, 4) - 1;
		}
		for (uint32_t cpu = 0; cpu + 1 < nr; cpu += 2)
			if (unit_random_below(&random, 2) && machine.cpus[cpu].online && machine.cpus[cpu + 1].online)
				make_siblings(&machine, cpu, cpu + 1);
		places = placement_order(&machine.topology, cpus);
		for (uint32_t i = 0; i < places; i++) {
			assert_true(cpus[i] < nr && machine.cpus[cpus[i]].online);
			assert_false(seen >> cpus[i] & 1);
			seen |= 1ULL << cpus[i];
			if (i)
				assert_false(comes_before(&machine.cpus[cpus[i]], &machine.cpus[cpus[i - 1]]));
		}
		if (places) {
			uint32_t nr_home = placement_nr_home(&machine.topology, cpus, places);

			assert_in_range(nr_home, 1, places);
			assert_int_equal(machine.cpus[cpus[nr_home - 1]].llc, machine.cpus[cpus[0]].llc);
			assert_int_equal(machine.cpus[cpus[nr_home - 1]].capacity, machine.cpus[cpus[0]].capacity);
			if (nr_home < places)
				assert_true(comes_before(&machine.cpus[cpus[nr_home - 1]], &machine.cpus[cpus[nr_home]]));
		}
		for (uint32_t cpu = 0; cpu < nr; cpu++)
			assert_int_equal(seen >> cpu & 1, machine.cpus[cpu].online);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_even),
		cmocka_unit_test(test_one_cpu),
		cmocka_unit_test(test_second_threads_last),
		cmocka_unit_test(test_neighbours_are_siblings),
		cmocka_unit_test(test_four_threads),
		cmocka_unit_test(test_large_cache_first),
		cmocka_unit_test(test_hybrid),
		cmocka_unit_test(test_preferred_cores),
		cmocka_unit_test(test_offline_cpus_are_left_out),
		cmocka_unit_test(test_generated),
	};

	return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}
