/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit.h"

#include "topology.h"
#include "util.h"

/* One machine's sysfs, written file by file under a temporary root. */
static const char *root;

static __attribute__((format(printf, 2, 3))) void put(const char *name, const char *fmt, ...)
{
	char text[READ_LINE_MAX * 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text) - 1, fmt, ap);
	va_end(ap);
	strcat(text, "\n");
	unit_write_text(root, name, text);
}

static __attribute__((format(printf, 3, 4))) void put_cpu(int cpu, const char *file, const char *fmt, ...)
{
	char name[256], text[READ_LINE_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(name, sizeof(name), "devices/system/cpu/cpu%d/%s", cpu, file);
	put(name, "%s", text);
}

static void put_core(int cpu, int package, int core, const char *siblings)
{
	put_cpu(cpu, "topology/physical_package_id", "%d", package);
	put_cpu(cpu, "topology/core_id", "%d", core);
	put_cpu(cpu, "topology/thread_siblings_list", "%s", siblings);
}

static void put_cache(int cpu, int index, int level, const char *type, const char *size, const char *shared)
{
	char dir[64], name[128];

	snprintf(dir, sizeof(dir), "cache/index%d", index);
	snprintf(name, sizeof(name), "%s/level", dir);
	put_cpu(cpu, name, "%d", level);
	snprintf(name, sizeof(name), "%s/type", dir);
	put_cpu(cpu, name, "%s", type);
	snprintf(name, sizeof(name), "%s/size", dir);
	put_cpu(cpu, name, "%s", size);
	snprintf(name, sizeof(name), "%s/shared_cpu_list", dir);
	put_cpu(cpu, name, "%s", shared);
}

static void put_private_caches(int cpu, const char *siblings)
{
	put_cache(cpu, 0, 1, "Data", "32K", siblings);
	put_cache(cpu, 1, 1, "Instruction", "32K", siblings);
	put_cache(cpu, 2, 2, "Unified", "1024K", siblings);
}

static void put_cpus(const char *possible, const char *online)
{
	put("devices/system/cpu/possible", "%s", possible);
	put("devices/system/cpu/online", "%s", online);
}

static struct topology *read_topology(void)
{
	struct topology *topo = NULL;
	int fds = unit_count_fds();

	assert_int_equal(topology_new(root, &topo), 0);
	assert_non_null(topo);
	assert_int_equal(unit_count_fds(), fds);
	return topo;
}

static void check_describe(const struct topology *topo, const char *expected)
{
	char text[256];

	assert_int_equal(topology_describe(topo, text, sizeof(text)), strlen(expected));
	assert_string_equal(text, expected);
}

/* What holds on every machine, however strange its files are. */
static void check_sane(const struct topology *topo)
{
	uint32_t nr_online = 0, nr_possible = 0, llc_cpus = 0;
	char text[4096];

	assert_in_range(topo->nr_cpu_ids, 1, TOPOLOGY_MAX_CPUS);
	assert_in_range(topo->nr_online, 1, topo->nr_cpu_ids);
	assert_in_range(topo->nr_llcs, 1, topo->nr_online);
	assert_in_range(topo->nr_cores, 1, topo->nr_online);
	assert_in_range(topo->nr_nodes, 1, topo->nr_online);
	assert_in_range(topo->smt, 1, topo->nr_online);
	for (uint32_t cpu = 0; cpu < topo->nr_cpu_ids; cpu++) {
		const struct topology_cpu *tc = &topo->cpus[cpu];

		nr_online += tc->online;
		nr_possible += tc->possible;
		assert_true(tc->llc < topo->nr_llcs);
		assert_in_range(tc->capacity, 1, TOPOLOGY_CAPACITY_MAX);
		if (!tc->online) {
			assert_int_equal(tc->core, -1);
			assert_int_equal(tc->sibling, -1);
			assert_int_equal(tc->llc, 0);
			continue;
		}
		assert_true(tc->possible);
		assert_true(tc->core >= 0 && (uint32_t)tc->core < topo->nr_cores);
		if (tc->sibling >= 0) {
			uint32_t next = (uint32_t)tc->sibling, steps = 1;

			/* The ring closes, within the core. */
			while (next != cpu) {
				assert_int_equal(topo->cpus[next].core, tc->core);
				assert_true(steps++ < topo->smt);
				next = (uint32_t)topo->cpus[next].sibling;
			}
		}
	}
	assert_int_equal(nr_online, topo->nr_online);
	assert_int_equal(nr_possible, topo->nr_possible);
	for (uint32_t i = 0; i < topo->nr_llcs; i++) {
		const struct topology_llc *tl = &topo->llcs[i];

		assert_int_equal(topo->cpus[tl->first_cpu].llc, i);
		llc_cpus += tl->nr_cpus;
		if (i > 0)
			assert_true(tl->cache_kib < tl[-1].cache_kib ||
				    (tl->cache_kib == tl[-1].cache_kib && tl->first_cpu > tl[-1].first_cpu));
	}
	assert_int_equal(llc_cpus, topo->nr_online);
	for (size_t size = 0; size < sizeof(text); size += 7)
		assert_true(topology_describe(topo, text, size) < (size ? size : 1));
}

/* --- machines --- */

/* The CCD with the stacked cache is the second here, so that the order by size is seen. */
static void test_ryzen_x3d(void **state)
{
	struct topology *topo;
	char siblings[32];

	(void)state;
	put_cpus("0-31", "0-31");
	for (int cpu = 0; cpu < 32; cpu++) {
		int core = cpu % 16;
		bool stacked = core >= 8;

		snprintf(siblings, sizeof(siblings), "%d,%d", core, core + 16);
		put_core(cpu, 0, core, siblings);
		put_private_caches(cpu, siblings);
		put_cache(cpu, 3, 3, "Unified", stacked ? "98304K" : "32768K", stacked ? "8-15,24-31" : "0-7,16-23");
		put_cpu(cpu, "cpufreq/cpuinfo_max_freq", "%d", stacked ? 5250000 : 5700000);
		put_cpu(cpu, "cpufreq/amd_pstate_prefcore_ranking", "%d", 236 - core * 5);
	}
	put("devices/system/node/online", "0");
	put("devices/system/node/node0/cpulist", "0-31");

	topo = read_topology();
	check_sane(topo);
	check_describe(topo, "32 CPUs, 16 cores, 2 LLCs (96 MiB, 32 MiB), SMT 2");
	assert_int_equal(topo->nr_cpu_ids, 32);
	assert_int_equal(topo->nr_nodes, 1);
	assert_false(topo->llc_guessed);
	assert_int_equal(topo->llcs[0].cache_kib, 98304);
	assert_int_equal(topo->llcs[0].first_cpu, 8);
	assert_int_equal(topo->llcs[0].nr_cpus, 16);
	assert_int_equal(topo->llcs[1].first_cpu, 0);
	assert_int_equal(topo->capacity_source, TOPOLOGY_CAPACITY_FREQ);
	for (int cpu = 0; cpu < 32; cpu++) {
		bool stacked = cpu % 16 >= 8;

		assert_int_equal(topo->cpus[cpu].core, cpu % 16);
		assert_int_equal(topo->cpus[cpu].sibling, (cpu + 16) % 32);
		assert_int_equal(topo->cpus[cpu].llc, stacked ? 0 : 1);
		assert_int_equal(topo->cpus[cpu].capacity, stacked ? 943 : 1024);
		assert_int_equal(topo->cpus[cpu].prefcore, 236 - cpu % 16 * 5);
	}
	topology_free(topo);
}

/* 8 cores with two threads each, neighbours; 8 small ones in clusters of four that share an L2. */
static void put_hybrid(void)
{
	put_cpus("0-23", "0-23");
	for (int cpu = 0; cpu < 24; cpu++) {
		bool big = cpu < 16;
		char siblings[32], cluster[32];

		if (big)
			snprintf(siblings, sizeof(siblings), "%d-%d", cpu & ~1, cpu | 1);
		else
			snprintf(siblings, sizeof(siblings), "%d", cpu);
		snprintf(cluster, sizeof(cluster), "%d-%d", cpu & ~3, cpu | 3);
		/* As numbered by the firmware: with gaps. */
		put_core(cpu, 0, big ? cpu / 2 * 4 : 32 + cpu - 16, siblings);
		put_cache(cpu, 0, 1, "Data", "48K", siblings);
		put_cache(cpu, 1, 1, "Instruction", "32K", siblings);
		put_cache(cpu, 2, 2, "Unified", "2048K", big ? siblings : cluster);
		put_cache(cpu, 3, 3, "Unified", "36864K", "0-23");
		put_cpu(cpu, "cpufreq/cpuinfo_max_freq", "%d", big ? 5500000 : 4200000);
	}
}

static void test_intel_hybrid(void **state)
{
	struct topology *topo;

	(void)state;
	put_hybrid();
	topo = read_topology();
	check_sane(topo);
	check_describe(topo, "24 CPUs, 16 cores, 1 LLC (36 MiB), SMT 2");
	assert_int_equal(topo->cpus[15].core, 7);
	assert_int_equal(topo->cpus[16].core, 8);
	assert_int_equal(topo->cpus[3].sibling, 2);
	assert_int_equal(topo->cpus[20].sibling, -1);
	assert_int_equal(topo->cpus[0].capacity, 1024);
	assert_int_equal(topo->cpus[20].capacity, 781);
	assert_int_equal(topo->cpus[0].prefcore, -1);
	topology_free(topo);

	/* The kernel's own figures are better than the clock rate. */
	for (int cpu = 0; cpu < 24; cpu++)
		put_cpu(cpu, "cpu_capacity", "%d", cpu < 16 ? 1024 : 623);
	topo = read_topology();
	check_sane(topo);
	assert_int_equal(topo->capacity_source, TOPOLOGY_CAPACITY_KERNEL);
	assert_int_equal(topo->cpus[20].capacity, 623);
	topology_free(topo);

	/* One of them makes no sense: two scales are not mixed. */
	put_cpu(5, "cpu_capacity", "%d", 4096);
	topo = read_topology();
	assert_int_equal(topo->capacity_source, TOPOLOGY_CAPACITY_FREQ);
	assert_int_equal(topo->cpus[20].capacity, 781);
	topology_free(topo);

	put_cpu(5, "cpufreq/cpuinfo_max_freq", "%d", 0);
	topo = read_topology();
	assert_int_equal(topo->capacity_source, TOPOLOGY_CAPACITY_NONE);
	assert_int_equal(topo->cpus[20].capacity, 1024);
	topology_free(topo);
}

/* Two more cores on the base tile, without an L3 but with an L2 between them. */
static void test_low_power_island(void **state)
{
	struct topology *topo;

	(void)state;
	put_cpus("0-5", "0-5");
	for (int cpu = 0; cpu < 6; cpu++) {
		bool island = cpu >= 4;
		char self[32];

		snprintf(self, sizeof(self), "%d", cpu);
		put_core(cpu, 0, cpu, self);
		put_cache(cpu, 0, 1, "Data", "48K", self);
		put_cache(cpu, 2, 2, "Unified", "2048K", island ? "4-5" : self);
		if (!island)
			put_cache(cpu, 3, 3, "Unified", "24576K", "0-3");
	}
	topo = read_topology();
	check_sane(topo);
	check_describe(topo, "6 CPUs, 6 cores, 2 LLCs (24 MiB, 2 MiB), SMT 1");
	assert_false(topo->llc_guessed);
	assert_int_equal(topo->cpus[4].llc, 1);
	assert_int_equal(topo->cpus[5].llc, 1);
	topology_free(topo);
}

static void test_one_cpu_without_cache(void **state)
{
	struct topology *topo;

	(void)state;
	put_cpus("0", "0");
	put_core(0, 0, 0, "0");
	topo = read_topology();
	check_sane(topo);
	check_describe(topo, "1 CPU, 1 core, 1 LLC, SMT 1, no cache information");
	assert_true(topo->llc_guessed);
	assert_int_equal(topo->llcs[0].cache_kib, 0);
	assert_int_equal(topo->llcs[0].nr_cpus, 1);
	topology_free(topo);
}

static void test_two_packages_without_cache(void **state)
{
	struct topology *topo;

	(void)state;
	put_cpus("0-7", "0-7");
	for (int cpu = 0; cpu < 8; cpu++) {
		char self[32];

		snprintf(self, sizeof(self), "%d", cpu);
		put_core(cpu, cpu % 2, cpu / 2, self);
	}
	put("devices/system/node/online", "0-1");
	put("devices/system/node/node0/cpulist", "0,2,4,6");
	put("devices/system/node/node1/cpulist", "1,3,5,7");
	topo = read_topology();
	check_sane(topo);
	check_describe(topo, "8 CPUs, 8 cores, 2 LLCs, SMT 1, 2 NUMA nodes, no cache information");
	for (int cpu = 0; cpu < 8; cpu++) {
		assert_int_equal(topo->cpus[cpu].llc, cpu % 2);
		assert_int_equal(topo->cpus[cpu].package, cpu % 2);
		assert_int_equal(topo->cpus[cpu].node, cpu % 2);
	}
	assert_int_equal(topo->llcs[1].node, 1);
	topology_free(topo);
}

/* Some hypervisors show the caches of a core and hide what the cores share. */
static void test_private_caches_only(void **state)
{
	struct topology *topo;

	(void)state;
	put_cpus("0-3", "0-3");
	for (int cpu = 0; cpu < 4; cpu++) {
		const char *siblings = cpu < 2 ? "0-1" : "2-3";

		put_core(cpu, 0, cpu / 2, siblings);
		put_private_caches(cpu, siblings);
	}
	topo = read_topology();
	check_sane(topo);
	check_describe(topo, "4 CPUs, 2 cores, 1 LLC, SMT 2, no cache information");
	topology_free(topo);

	/* An L3 is the last level, even when each core has one alone. */
	for (int cpu = 0; cpu < 4; cpu++)
		put_cache(cpu, 3, 3, "Unified", "16384K", cpu < 2 ? "0-1" : "2-3");
	topo = read_topology();
	check_sane(topo);
	check_describe(topo, "4 CPUs, 2 cores, 2 LLCs (16 MiB, 16 MiB), SMT 2");
	topology_free(topo);
}

/* One CPU's cache files are broken: it goes with its package instead of being alone. */
static void test_one_cpu_of_many_without_cache(void **state)
{
	struct topology *topo;

	(void)state;
	put_hybrid();
	put_cpu(0, "cache/index3/shared_cpu_list", "%s", "garbage");
	put_cpu(0, "cache/index2/shared_cpu_list", "%s", "1-24x");
	topo = read_topology();
	check_sane(topo);
	assert_int_equal(topo->nr_llcs, 1);
	assert_true(topo->llc_guessed);
	assert_int_equal(topo->llcs[0].first_cpu, 0);
	assert_int_equal(topo->llcs[0].nr_cpus, 24);
	topology_free(topo);
}

/* The core number repeats over packages, and the sibling lists are missing. */
static void test_core_ids_only(void **state)
{
	struct topology *topo;

	(void)state;
	put_cpus("0-7", "0-7");
	for (int cpu = 0; cpu < 8; cpu++) {
		put_cpu(cpu, "topology/physical_package_id", "%d", cpu / 4);
		put_cpu(cpu, "topology/core_id", "%d", cpu % 2);
	}
	topo = read_topology();
	check_sane(topo);
	assert_int_equal(topo->nr_cores, 4);
	assert_int_equal(topo->smt, 2);
	assert_int_equal(topo->cpus[0].sibling, 2);
	assert_int_equal(topo->cpus[2].sibling, 0);
	assert_int_equal(topo->cpus[4].sibling, 6);
	topology_free(topo);
}

static void test_smt_four(void **state)
{
	struct topology *topo;

	(void)state;
	put_cpus("0-7", "0-7");
	for (int cpu = 0; cpu < 8; cpu++)
		put_core(cpu, 0, cpu / 4, cpu < 4 ? "0-3" : "4-7");
	topo = read_topology();
	check_sane(topo);
	assert_int_equal(topo->smt, 4);
	for (int cpu = 0; cpu < 8; cpu++)
		assert_int_equal(topo->cpus[cpu].sibling, cpu % 4 == 3 ? cpu - 3 : cpu + 1);
	topology_free(topo);
}

/* An offline CPU has no directories, and its sibling is alone. */
static void test_offline_cpus(void **state)
{
	struct topology *topo;
	char path[512];

	(void)state;
	put_cpus("0-9", "0,2-6");
	for (int cpu = 0; cpu < 8; cpu++) {
		char list[32];

		if (cpu == 1 || cpu == 7)
			continue;
		snprintf(list, sizeof(list), cpu == 0 || cpu == 6 ? "%d" : "%d-%d", cpu & ~1, cpu | 1);
		put_core(cpu, 0, cpu / 2, list);
		put_private_caches(cpu, list);
		put_cache(cpu, 3, 3, "Unified", cpu < 4 ? "16M" : "32M", cpu < 4 ? "0,2-3" : "4-6");
	}
	snprintf(path, sizeof(path), "%s/devices/system/cpu/cpu1/hotplug/", root);
	unit_make_dirs(path);
	/* What a careless kernel could leave behind counts for nothing. */
	put_cpu(7, "topology/core_id", "%d", 0);
	put("devices/system/node/online", "0");
	put("devices/system/node/node0/cpulist", "0-9");

	topo = read_topology();
	check_sane(topo);
	check_describe(topo, "6 CPUs, 4 cores, 2 LLCs (32 MiB, 16 MiB), SMT 2, 4 offline");
	assert_int_equal(topo->nr_cpu_ids, 10);
	assert_true(topo->cpus[7].possible);
	assert_false(topo->cpus[7].online);
	assert_int_equal(topo->cpus[0].sibling, -1);
	assert_int_equal(topo->cpus[2].sibling, 3);
	assert_int_equal(topo->cpus[0].llc, 1);
	assert_int_equal(topo->cpus[1].llc, 0);
	assert_int_equal(topo->cpus[4].llc, 0);
	topology_free(topo);
}

static void test_gaps_in_possible(void **state)
{
	struct topology *topo;

	(void)state;
	put_cpus("0,4,1023", "4,1023");
	topo = read_topology();
	check_sane(topo);
	assert_int_equal(topo->nr_cpu_ids, 1024);
	assert_int_equal(topo->nr_possible, 3);
	assert_int_equal(topo->nr_cores, 2);
	assert_false(topo->cpus[1].possible);
	topology_free(topo);
}

static void test_describe_many(void **state)
{
	struct topology *topo;
	char short_text[12];

	(void)state;
	put_cpus("0-15", "0-15");
	for (int cpu = 0; cpu < 16; cpu++) {
		char pair[32];

		snprintf(pair, sizeof(pair), "%d-%d", cpu & ~1, cpu | 1);
		put_core(cpu, 0, cpu, "x");
		put_cache(cpu, 0, 3, "Unified", cpu < 4 ? "16384K" : cpu < 6 ? "1000K" : "98304K", pair);
	}
	topo = read_topology();
	check_sane(topo);
	check_describe(topo, "16 CPUs, 16 cores, 8 LLCs (5 x 96 MiB, 2 x 16 MiB, 1000 KiB), SMT 1");
	assert_int_equal(topology_describe(topo, short_text, sizeof(short_text)), 11);
	assert_string_equal(short_text, "16 CPUs, 16");
	topology_free(topo);
}

/* --- hostile --- */

static void test_empty_root(void **state)
{
	struct topology *topo;

	(void)state;
	topo = read_topology();
	check_sane(topo);
	check_describe(topo, "1 CPU, 1 core, 1 LLC, SMT 1, no cache information");
	topology_free(topo);

	assert_int_equal(topology_new("/nonexistent/sys", &topo), 0);
	check_sane(topo);
	topology_free(topo);
	/* A file where a directory is expected. */
	put("devices/system/cpu", "%s", "file");
	topo = read_topology();
	check_sane(topo);
	topology_free(topo);
	topology_free(NULL);
}

static void test_lists_missing(void **state)
{
	struct topology *topo;

	(void)state;
	for (int cpu = 0; cpu < 4; cpu++)
		put_core(cpu, 0, cpu / 2, cpu < 2 ? "0-1" : "2-3");
	put("devices/system/cpu/cpufreq/boost", "1");
	put("devices/system/cpu/cpu99999/topology/core_id", "1");
	put("devices/system/cpu/cpu-1/topology/core_id", "1");
	topo = read_topology();
	check_sane(topo);
	assert_int_equal(topo->nr_online, 4);
	assert_int_equal(topo->nr_cores, 2);
	topology_free(topo);

	/* One of the two is enough. */
	put("devices/system/cpu/online", "0-2");
	topo = read_topology();
	check_sane(topo);
	assert_int_equal(topo->nr_cpu_ids, 3);
	topology_free(topo);
	put("devices/system/cpu/possible", "0-7");
	put("devices/system/cpu/online", "0-2;reboot");
	topo = read_topology();
	check_sane(topo);
	assert_int_equal(topo->nr_online, 8);
	topology_free(topo);
	/* Online but not possible: it runs, so it counts. */
	put_cpus("0-1", "0-3");
	topo = read_topology();
	check_sane(topo);
	assert_int_equal(topo->nr_possible, 4);
	topology_free(topo);
}

static void test_too_many_cpus(void **state)
{
	struct topology *topo = (struct topology *)0x5a;

	(void)state;
	put_cpus("0-1024", "0-3");
	assert_int_equal(topology_new(root, &topo), -ERANGE);
	put_cpus("0-1023", "0-99999");
	assert_int_equal(topology_new(root, &topo), -ERANGE);
	assert_ptr_equal(topo, (struct topology *)0x5a);
}

static void test_all_1024(void **state)
{
	struct topology *topo;

	(void)state;
	put_cpus("0-1023", "0-1023");
	/* A firmware that puts everything into one core, seen by one CPU only. */
	put_core(7, 0, 0, "0-1023");
	topo = read_topology();
	check_sane(topo);
	assert_int_equal(topo->nr_online, 1024);
	assert_int_equal(topo->smt, 2);
	topology_free(topo);
}

static void test_garbage(void **state)
{
	static const char *const garbage[] = {
		"", "-1", "x", "0-", "4294967296", "18446744073709551616", "\xff\xfe", "0,0,0,,", "9-0", "1-2",
	};
	struct topology *topo;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++) {
		const char *text = garbage[i];

		put_cpus("0-1", "0-1");
		for (int cpu = 0; cpu < 2; cpu++) {
			put_cpu(cpu, "topology/physical_package_id", "%s", text);
			put_cpu(cpu, "topology/core_id", "%s", text);
			put_cpu(cpu, "topology/thread_siblings_list", "%s", text);
			put_cache(cpu, 0, 3, "Unified", text, text);
			put_cache(cpu, 1, 3, text, "32K", "0-1");
			put_cpu(cpu, "cache/index2/level", "%s", text);
			put_cpu(cpu, "cpu_capacity", "%s", text);
			put_cpu(cpu, "cpufreq/cpuinfo_max_freq", "%s", text);
			put_cpu(cpu, "cpufreq/amd_pstate_prefcore_ranking", "%s", text);
		}
		put("devices/system/node/online", "%s", text);
		put("devices/system/node/node0/cpulist", "%s", text);
		topo = read_topology();
		check_sane(topo);
		assert_int_equal(topo->nr_online, 2);
		topology_free(topo);
	}
}

static void test_huge_and_wrong_kind(void **state)
{
	size_t size = 1 << 20;
	char *huge = malloc(size), path[512];
	struct topology *topo;

	(void)state;
	assert_non_null(huge);
	memset(huge, '0', size);
	put_cpus("0-1", "0-1");
	unit_write_bytes(root, "devices/system/cpu/cpu0/topology/core_id", huge, size);
	unit_write_bytes(root, "devices/system/cpu/cpu0/topology/thread_siblings_list", huge, size);
	unit_write_bytes(root, "devices/system/cpu/cpu0/cpu_capacity", huge, size);
	free(huge);
	/* Directories and a FIFO instead of files. */
	snprintf(path, sizeof(path), "%s/devices/system/cpu/cpu1/topology/core_id/x/", root);
	unit_make_dirs(path);
	snprintf(path, sizeof(path), "%s/devices/system/cpu/cpu1/cache/index0/level/", root);
	unit_make_dirs(path);
	snprintf(path, sizeof(path), "%s/devices/system/cpu/cpu1/cpu_capacity", root);
	assert_int_equal(mkfifo(path, 0600), 0);
	/* A link that leads to itself, a file instead of a directory. */
	snprintf(path, sizeof(path), "%s/devices/system/cpu/cpu1/cpufreq", root);
	assert_int_equal(symlink("cpufreq", path), 0);
	put_cpu(1, "cache/index1", "%s", "file");

	topo = read_topology();
	check_sane(topo);
	assert_int_equal(topo->nr_cores, 2);
	topology_free(topo);
}

/* Lists that contradict each other: any answer will do that holds together. */
static void test_contradictions(void **state)
{
	struct topology *topo;

	(void)state;
	put_cpus("0-3", "0-3");
	put_core(0, 0, 0, "0-3");
	put_core(1, 0, 0, "1-2");
	put_core(2, 1, 0, "0-1");	/* without itself */
	put_core(3, 0, 0, "3,900");	/* with one that is not there */
	put_cache(0, 0, 3, "Unified", "32768K", "0-1");
	put_cache(1, 0, 3, "Unified", "16384K", "1-3");
	put_cache(2, 0, 2, "Unified", "99999999999K", "0-3");
	put_cache(3, 0, 3, "Unified", "9999999G", "2-3");
	topo = read_topology();
	check_sane(topo);
	topology_free(topo);
}

static void test_without_descriptors(void **state)
{
	struct topology *topo = (struct topology *)0x5a;
	struct rlimit old, few;
	int r, fds = unit_count_fds();

	(void)state;
	put_hybrid();
	old = unit_forbid_fds();
	r = topology_new(root, &topo);
	unit_allow_fds(old);
	/* Not "one CPU": wrong answers are worse than none. */
	assert_int_equal(r, -EMFILE);
	assert_ptr_equal(topo, (struct topology *)0x5a);

	/* It runs out later: the same. */
	few = old;
	for (rlim_t n = 3; n < 64; n++) {
		few.rlim_cur = n;
		assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
		r = topology_new(root, &topo);
		unit_allow_fds(old);
		if (r == 0)
			break;
		assert_int_equal(r, -EMFILE);
	}
	assert_int_equal(r, 0);
	assert_int_equal(topo->nr_online, 24);
	assert_int_equal(topo->nr_llcs, 1);
	topology_free(topo);
	assert_int_equal(unit_count_fds(), fds);
}

static void test_fuzz(void **state)
{
	static const char *const files[] = {
		"topology/physical_package_id", "topology/core_id", "topology/thread_siblings_list", "cache/index0/level",
		"cache/index0/type", "cache/index0/size", "cache/index0/shared_cpu_list", "cache/index1/level",
		"cache/index1/size", "cache/index1/shared_cpu_list", "cpu_capacity", "cpufreq/cpuinfo_max_freq",
		"cpufreq/amd_pstate_prefcore_ranking",
	};
	struct unit_random random = { 0x70b0 };
	char text[25];

	(void)state;
	put_cpus("0-5", "0-5");
	for (int cpu = 0; cpu < 6; cpu++) {
		put_core(cpu, 0, cpu, "0-5");
		put_cache(cpu, 0, 3, "Unified", "32768K", "0-5");
		put_cache(cpu, 1, 2, "Unified", "2048K", "0-2");
	}
	for (int round = 0; round < FUZZ_ROUNDS; round++) {
		struct topology *topo = NULL;
		int cpu = (int)unit_random_below(&random, 6);
		int r;

		unit_random_string(&random, "012345-,K", text, sizeof(text) - 1);
		switch (unit_random_below(&random, 20)) {
		case 0:
			put("devices/system/cpu/online", "%s", text);
			break;
		case 1:
			put("devices/system/cpu/online", "%s", "0-5");
			break;
		case 2:
			put("devices/system/node/online", "%s", text);
			break;
		case 3:
			put("devices/system/node/node1/cpulist", "%s", text);
			break;
		default:
			put_cpu(cpu, files[unit_random_below(&random, ARRAY_SIZE(files))], "%s", text);
			break;
		}
		r = topology_new(root, &topo);
		if (r == 0)
			check_sane(topo);
		else
			assert_int_equal(r, -ERANGE);
		topology_free(topo);
	}
}

/* This machine, whatever it is. */
static void test_real(void **state)
{
	struct topology *topo;
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	(void)state;
	assert_int_equal(topology_new("/sys", &topo), 0);
	check_sane(topo);
	if (access("/sys/devices/system/cpu/online", R_OK) == 0)
		assert_int_equal(topo->nr_online, online);
	topology_free(topo);
}

static int setup(void **state)
{
	*state = unit_tempdir_new();
	root = *state;
	return 0;
}

static int teardown(void **state)
{
	unit_tempdir_free(*state);
	root = NULL;
	return 0;
}

#define TOPOLOGY_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TOPOLOGY_TEST(test_ryzen_x3d),
		TOPOLOGY_TEST(test_intel_hybrid),
		TOPOLOGY_TEST(test_low_power_island),
		TOPOLOGY_TEST(test_one_cpu_without_cache),
		TOPOLOGY_TEST(test_two_packages_without_cache),
		TOPOLOGY_TEST(test_private_caches_only),
		TOPOLOGY_TEST(test_one_cpu_of_many_without_cache),
		TOPOLOGY_TEST(test_core_ids_only),
		TOPOLOGY_TEST(test_smt_four),
		TOPOLOGY_TEST(test_offline_cpus),
		TOPOLOGY_TEST(test_gaps_in_possible),
		TOPOLOGY_TEST(test_describe_many),
		TOPOLOGY_TEST(test_empty_root),
		TOPOLOGY_TEST(test_lists_missing),
		TOPOLOGY_TEST(test_too_many_cpus),
		TOPOLOGY_TEST(test_all_1024),
		TOPOLOGY_TEST(test_garbage),
		TOPOLOGY_TEST(test_huge_and_wrong_kind),
		TOPOLOGY_TEST(test_contradictions),
		TOPOLOGY_TEST(test_without_descriptors),
		TOPOLOGY_TEST(test_fuzz),
		TOPOLOGY_TEST(test_real),
	};

	return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
