/* SPDX-License-Identifier: GPL-2.0-only */
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <unistd.h>

#include "topology.h"

/* cache/indexN that are looked at. x86 has four or five; the bound stops a directory that never ends. */
#define CACHE_INDEX_MAX 16
/* From this level on a cache that nobody else shares is still the last level: one core may have an L3 of its own. */
#define CACHE_LEVEL_LLC 3
/* Longest attribute with one word or number. */
#define WORD_MAX 64
/* Above this, equal LLCs are described as "8 x 32 MiB". */
#define DESCRIBE_LLCS_MAX 4

/* Identifies what CPUs share before it has a dense index. Keys of different kinds never meet. */
struct share_key {
	enum { KEY_NONE, KEY_LIST, KEY_ID } kind;
	uint64_t a;
	uint64_t b;
};

struct raw_cpu {
	struct share_key core;
	struct share_key cache;		/* KEY_NONE: nothing usable */
	uint32_t cache_kib;
};

struct reader {
	int cpu_dir;
	int node_dir;
	struct cpu_bitmap possible;
	struct cpu_bitmap online;
	struct raw_cpu *raw;
	int error;	/* out of descriptors or memory: not the same as a missing file */
};

static bool key_equal(const struct share_key *x, const struct share_key *y)
{
	return x->kind == y->kind && x->a == y->a && x->b == y->b;
}

static int note(struct reader *reader, int r)
{
	if (r == -EMFILE || r == -ENFILE || r == -ENOMEM)
		reader->error = r;
	return r;
}

/* Return: -1 on failure, which reads below it answer with EBADF. */
static int open_dir(struct reader *reader, int dirfd, const char *path)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		note(reader, -errno);
	return fd;
}

static int read_list(struct reader *reader, int dirfd, const char *path, struct cpu_bitmap *ret)
{
	char line[READ_LINE_MAX];
	int r;

	r = note(reader, read_file_line_at(dirfd, path, line, sizeof(line)));
	if (r < 0)
		return r;
	return parse_cpulist(line, ret);
}

static int read_u64(struct reader *reader, int dirfd, const char *path, uint64_t min, uint64_t max, uint64_t *ret)
{
	return note(reader, read_file_u64_at(dirfd, path, min, max, ret));
}

/* A list that names what shares something with @cpu, cut to the CPUs that are online. Refused if @cpu is not in it. */
static int read_shared(struct reader *reader, int dirfd, const char *path, int cpu, struct cpu_bitmap *ret)
{
	struct cpu_bitmap map;
	int r;

	r = read_list(reader, dirfd, path, &map);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(map.words); i++)
		map.words[i] &= reader->online.words[i];
	if (!cpu_bitmap_test(&map, (uint32_t)cpu))
		return -EINVAL;

	*ret = map;
	return 0;
}

/* The CPUs that have a directory, where the lists are missing. */
static void scan_cpu_dirs(struct reader *reader, struct cpu_bitmap *map)
{
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	int fd;

	fd = open_dir(reader, reader->cpu_dir, ".");
	if (fd < 0)
		return;
	dir = fdopendir(fd);
	if (!dir) {
		note(reader, -errno);
		close_fd(fd);
		return;
	}

	while ((entry = readdir(dir))) {
		uint64_t cpu;

		if (strncmp(entry->d_name, "cpu", 3) == 0 &&
		    parse_u64_range(entry->d_name + 3, 0, TOPOLOGY_MAX_CPUS - 1, &cpu) == 0)
			cpu_bitmap_set(map, (uint32_t)cpu);
	}
}

static int read_cpu_sets(struct reader *reader)
{
	int r_possible, r_online;

	r_possible = read_list(reader, reader->cpu_dir, "possible", &reader->possible);
	r_online = read_list(reader, reader->cpu_dir, "online", &reader->online);
	if (r_possible == -ERANGE || r_online == -ERANGE)
		return -ERANGE;

	if (cpu_bitmap_weight(&reader->possible) == 0 && cpu_bitmap_weight(&reader->online) == 0)
		scan_cpu_dirs(reader, &reader->possible);
	if (cpu_bitmap_weight(&reader->possible) == 0 && cpu_bitmap_weight(&reader->online) == 0)
		cpu_bitmap_set(&reader->possible, 0);
	if (cpu_bitmap_weight(&reader->online) == 0)
		reader->online = reader->possible;

	/* Whoever is online is possible, whatever the other file says. */
	for (size_t i = 0; i < ARRAY_SIZE(reader->possible.words); i++)
		reader->possible.words[i] |= reader->online.words[i];
	return reader->error;
}

static void read_core(struct reader *reader, int dirfd, int cpu, struct topology_cpu *tc, struct share_key *key)
{
	struct cpu_bitmap threads;
	uint64_t package, id;

	/* "-1" on boards whose firmware does not say. */
	if (read_u64(reader, dirfd, "topology/physical_package_id", 0, INT32_MAX, &package) == 0)
		tc->package = (uint32_t)package;

	/* The list first: core_id repeats across the dies and clusters of some packages. */
	if (read_shared(reader, dirfd, "topology/thread_siblings_list", cpu, &threads) == 0)
		*key = (struct share_key){ KEY_LIST, (uint64_t)cpu_bitmap_next(&threads, 0), 0 };
	else if (read_u64(reader, dirfd, "topology/core_id", 0, INT32_MAX, &id) == 0)
		*key = (struct share_key){ KEY_ID, tc->package, id };
	else
		*key = (struct share_key){ KEY_LIST, (uint64_t)cpu, 0 };
}

/* "32768K". Return: KiB, 0 if it is not a size. */
static uint32_t parse_cache_kib(char *text)
{
	size_t len = strlen(text);
	unsigned int shift = 0;
	uint64_t value;

	if (len == 0)
		return 0;
	switch (text[len - 1]) {
	case 'G':
		shift = 20;
		break;
	case 'M':
		shift = 10;
		break;
	case 'K':
		break;
	default:
		return 0;
	}
	text[len - 1] = '\0';
	if (parse_u64_range(text, 0, UINT32_MAX, &value) < 0 || value << shift > UINT32_MAX)
		return 0;
	return (uint32_t)(value << shift);
}

/* Do the online CPUs of @map all have the key of one core? Needs the keys of the cores. */
static bool one_core_only(const struct reader *reader, const struct cpu_bitmap *map, int cpu)
{
	cpu_bitmap_for_each(other, map)
		if (!key_equal(&reader->raw[other].core, &reader->raw[cpu].core))
			return false;
	return true;
}

static void read_cache(struct reader *reader, int dirfd, int cpu, struct raw_cpu *raw)
{
	struct cpu_bitmap shared = {};
	uint64_t best = 0;

	for (int i = 0; i < CACHE_INDEX_MAX; i++) {
		_cleanup_close_ int index_dir = -1;
		struct cpu_bitmap map;
		char name[32], word[WORD_MAX];
		uint64_t level;

		snprintf(name, sizeof(name), "cache/index%d", i);
		index_dir = open_dir(reader, dirfd, name);
		if (index_dir < 0)
			continue;
		if (read_u64(reader, index_dir, "level", 1, 15, &level) < 0 || level <= best)
			continue;
		if (note(reader, read_file_line_at(index_dir, "type", word, sizeof(word))) < 0 ||
		    (!streq(word, "Unified") && !streq(word, "Data")))
			continue;
		if (read_shared(reader, index_dir, "shared_cpu_list", cpu, &map) < 0)
			continue;

		best = level;
		shared = map;
		raw->cache_kib = 0;
		if (note(reader, read_file_line_at(index_dir, "size", word, sizeof(word))) == 0)
			raw->cache_kib = parse_cache_kib(word);
	}

	/*
	 * A private L1 or L2 as the last that is known: a hypervisor or a board that hides the cache which the cores
	 * share. An LLC per core would tear the machine into queues of one CPU.
	 */
	if (best == 0 || (best < CACHE_LEVEL_LLC && one_core_only(reader, &shared, cpu))) {
		raw->cache_kib = 0;
		return;
	}
	raw->cache = (struct share_key){ KEY_LIST, best, (uint64_t)cpu_bitmap_next(&shared, 0) };
}

static void read_prefcore(struct reader *reader, int dirfd, struct topology_cpu *tc)
{
	uint64_t ranking;

	if (read_u64(reader, dirfd, "cpufreq/amd_pstate_prefcore_ranking", 0, UINT16_MAX, &ranking) == 0)
		tc->prefcore = (int32_t)ranking;
}

static int open_cpu(struct reader *reader, int cpu)
{
	char name[32];

	snprintf(name, sizeof(name), "cpu%d", cpu);
	return open_dir(reader, reader->cpu_dir, name);
}

static void read_cpus(struct reader *reader, struct topology *topo)
{
	cpu_bitmap_for_each(cpu, &reader->online) {
		_cleanup_close_ int dirfd = open_cpu(reader, cpu);

		read_core(reader, dirfd, cpu, &topo->cpus[cpu], &reader->raw[cpu].core);
		if (dirfd >= 0)
			read_prefcore(reader, dirfd, &topo->cpus[cpu]);
	}

	/* Second, for it compares cores. */
	cpu_bitmap_for_each(cpu, &reader->online) {
		_cleanup_close_ int dirfd = open_cpu(reader, cpu);

		if (dirfd >= 0)
			read_cache(reader, dirfd, cpu, &reader->raw[cpu]);
	}
}

static void read_nodes(struct reader *reader, struct topology *topo)
{
	struct cpu_bitmap nodes = {}, used = {};

	if (reader->node_dir >= 0)
		read_list(reader, reader->node_dir, "online", &nodes);

	cpu_bitmap_for_each(node, &nodes) {
		struct cpu_bitmap cpus;
		char name[32];

		snprintf(name, sizeof(name), "node%d/cpulist", node);
		if (read_list(reader, reader->node_dir, name, &cpus) < 0)
			continue;
		cpu_bitmap_for_each(cpu, &cpus)
			if (cpu_bitmap_test(&reader->online, (uint32_t)cpu))
				topo->cpus[cpu].node = (uint32_t)node;
	}

	cpu_bitmap_for_each(cpu, &reader->online)
		cpu_bitmap_set(&used, topo->cpus[cpu].node);
	topo->nr_nodes = cpu_bitmap_weight(&used);
}

/* All online CPUs or none: values of two scales cannot be compared. Return: whether @values is filled. */
static bool read_for_all(struct reader *reader, const char *path, uint64_t max, uint64_t *values)
{
	cpu_bitmap_for_each(cpu, &reader->online) {
		char name[64];

		snprintf(name, sizeof(name), "cpu%d/%s", cpu, path);
		if (read_u64(reader, reader->cpu_dir, name, 1, max, &values[cpu]) < 0)
			return false;
	}
	return true;
}

static int read_capacity(struct reader *reader, struct topology *topo)
{
	_cleanup_free_ uint64_t *values = NULL;
	uint64_t highest = 1;

	values = calloc(topo->nr_cpu_ids, sizeof(*values));
	if (!values)
		return -ENOMEM;

	if (read_for_all(reader, "cpu_capacity", TOPOLOGY_CAPACITY_MAX, values)) {
		cpu_bitmap_for_each(cpu, &reader->online)
			topo->cpus[cpu].capacity = (uint32_t)values[cpu];
		topo->capacity_source = TOPOLOGY_CAPACITY_KERNEL;
		return 0;
	}

	/* kHz */
	if (!read_for_all(reader, "cpufreq/cpuinfo_max_freq", UINT32_MAX, values))
		return 0;
	cpu_bitmap_for_each(cpu, &reader->online)
		if (values[cpu] > highest)
			highest = values[cpu];
	cpu_bitmap_for_each(cpu, &reader->online) {
		uint64_t capacity = values[cpu] * TOPOLOGY_CAPACITY_MAX / highest;

		topo->cpus[cpu].capacity = capacity > 0 ? (uint32_t)capacity : 1;
	}
	topo->capacity_source = TOPOLOGY_CAPACITY_FREQ;
	return 0;
}

/* Dense core numbers in the order of the lowest CPU, and the rings of siblings. Each step looks back only. */
static void number_cores(struct reader *reader, struct topology *topo)
{
	cpu_bitmap_for_each(cpu, &reader->online) {
		struct topology_cpu *tc = &topo->cpus[cpu];
		uint32_t threads = 1;
		int first = -1, last = -1;

		cpu_bitmap_for_each(other, &reader->online) {
			if (other >= cpu)
				break;
			if (!key_equal(&reader->raw[other].core, &reader->raw[cpu].core))
				continue;
			if (first < 0)
				first = other;
			last = other;
			threads++;
		}

		if (first < 0) {
			tc->core = (int32_t)topo->nr_cores++;
		} else {
			tc->core = topo->cpus[first].core;
			topo->cpus[last].sibling = cpu;
			tc->sibling = first;
		}
		if (threads > topo->smt)
			topo->smt = threads;
	}
}

static bool same_llc(const struct reader *reader, const struct topology *topo, int x, int y)
{
	const struct share_key *kx = &reader->raw[x].cache, *ky = &reader->raw[y].cache;

	if (kx->kind == KEY_NONE && ky->kind == KEY_NONE)
		return topo->cpus[x].package == topo->cpus[y].package;
	return key_equal(kx, ky);
}

static void llc_add_cpu(struct reader *reader, struct topology *topo, uint32_t llc, int cpu)
{
	struct topology_llc *tl = &topo->llcs[llc];

	if (tl->nr_cpus == 0 || (uint32_t)cpu < tl->first_cpu) {
		tl->first_cpu = (uint32_t)cpu;
		tl->node = topo->cpus[cpu].node;
	}
	if (reader->raw[cpu].cache_kib > tl->cache_kib)
		tl->cache_kib = reader->raw[cpu].cache_kib;
	tl->nr_cpus++;
	topo->cpus[cpu].llc = llc;
}

/* The LLC of the lowest CPU before @limit that @cpu can join. Return: the index, or -1. */
static int find_llc(struct reader *reader, struct topology *topo, int cpu, int limit)
{
	bool known = reader->raw[cpu].cache.kind != KEY_NONE;

	cpu_bitmap_for_each(other, &reader->online) {
		if (other >= limit)
			break;
		if (same_llc(reader, topo, other, cpu))
			return (int)topo->cpus[other].llc;
	}
	if (known)
		return -1;

	/* One CPU without information among others of its package that have it: rather with them than alone. */
	cpu_bitmap_for_each(other, &reader->online)
		if (reader->raw[other].cache.kind != KEY_NONE && topo->cpus[other].package == topo->cpus[cpu].package)
			return (int)topo->cpus[other].llc;
	return -1;
}

static int compare_llcs(const void *a, const void *b)
{
	const struct topology_llc *x = a, *y = b;

	if (x->cache_kib != y->cache_kib)
		return x->cache_kib > y->cache_kib ? -1 : 1;
	return x->first_cpu < y->first_cpu ? -1 : x->first_cpu > y->first_cpu;
}

static void number_llcs(struct reader *reader, struct topology *topo)
{
	uint32_t first_cpu[TOPOLOGY_MAX_CPUS];

	/* Those with information first, so that the others find them. */
	for (int round = 0; round < 2; round++) {
		cpu_bitmap_for_each(cpu, &reader->online) {
			bool known = reader->raw[cpu].cache.kind != KEY_NONE;
			int llc;

			if (known != (round == 0))
				continue;
			if (!known)
				topo->llc_guessed = true;
			llc = find_llc(reader, topo, cpu, cpu);
			if (llc < 0)
				llc = (int)topo->nr_llcs++;
			llc_add_cpu(reader, topo, (uint32_t)llc, cpu);
		}
	}

	for (uint32_t i = 0; i < topo->nr_llcs; i++)
		first_cpu[i] = topo->llcs[i].first_cpu;
	qsort(topo->llcs, topo->nr_llcs, sizeof(*topo->llcs), compare_llcs);
	cpu_bitmap_for_each(cpu, &reader->online) {
		uint32_t first = first_cpu[topo->cpus[cpu].llc];

		for (uint32_t i = 0; i < topo->nr_llcs; i++) {
			if (topo->llcs[i].first_cpu == first) {
				topo->cpus[cpu].llc = i;
				break;
			}
		}
	}
}

static int topology_alloc(struct reader *reader, struct topology **ret)
{
	_cleanup_(topology_freep) struct topology *topo = NULL;

	topo = calloc(1, sizeof(*topo));
	if (!topo)
		return -ENOMEM;

	cpu_bitmap_for_each(cpu, &reader->possible)
		topo->nr_cpu_ids = (uint32_t)cpu + 1;
	topo->nr_possible = cpu_bitmap_weight(&reader->possible);
	topo->nr_online = cpu_bitmap_weight(&reader->online);
	topo->cpus = calloc(topo->nr_cpu_ids, sizeof(*topo->cpus));
	topo->llcs = calloc(topo->nr_online, sizeof(*topo->llcs));
	reader->raw = calloc(topo->nr_cpu_ids, sizeof(*reader->raw));
	if (!topo->cpus || !topo->llcs || !reader->raw)
		return -ENOMEM;

	for (uint32_t cpu = 0; cpu < topo->nr_cpu_ids; cpu++)
		topo->cpus[cpu] = (struct topology_cpu){
			.possible = cpu_bitmap_test(&reader->possible, cpu),
			.online = cpu_bitmap_test(&reader->online, cpu),
			.core = -1,
			.sibling = -1,
			.capacity = TOPOLOGY_CAPACITY_MAX,
			.prefcore = -1,
		};

	*ret = steal_ptr(&topo);
	return 0;
}

static void reader_deinit(struct reader *reader)
{
	free(reader->raw);
	reader->node_dir = close_fd(reader->node_dir);
	reader->cpu_dir = close_fd(reader->cpu_dir);
}

int topology_new(const char *sysfs_root, struct topology **ret)
{
	_cleanup_(reader_deinit) struct reader reader = { .cpu_dir = -1, .node_dir = -1 };
	_cleanup_(topology_freep) struct topology *topo = NULL;
	_cleanup_close_ int root = -1;
	int r;

	root = open_dir(&reader, AT_FDCWD, sysfs_root);
	if (root >= 0) {
		reader.cpu_dir = open_dir(&reader, root, "devices/system/cpu");
		reader.node_dir = open_dir(&reader, root, "devices/system/node");
	}

	r = read_cpu_sets(&reader);
	if (r < 0)
		return r;
	r = topology_alloc(&reader, &topo);
	if (r < 0)
		return r;

	read_cpus(&reader, topo);
	read_nodes(&reader, topo);
	r = read_capacity(&reader, topo);
	if (r < 0)
		return r;
	if (reader.error)
		return reader.error;

	number_cores(&reader, topo);
	number_llcs(&reader, topo);

	*ret = steal_ptr(&topo);
	return 0;
}

void topology_free(struct topology *topology)
{
	if (!topology)
		return;
	free(topology->llcs);
	free(topology->cpus);
	free(topology);
}

struct text {
	char *buf;
	size_t size;
	size_t len;
};

static __attribute__((format(printf, 2, 3))) void text_add(struct text *text, const char *fmt, ...)
{
	size_t room = text->size - text->len;
	va_list ap;
	int n;

	if (room <= 1)
		return;
	va_start(ap, fmt);
	n = vsnprintf(text->buf + text->len, room, fmt, ap);
	va_end(ap);
	if (n > 0)
		text->len += (size_t)n < room ? (size_t)n : room - 1;
}

static void text_add_count(struct text *text, uint32_t count, const char *noun)
{
	text_add(text, "%" PRIu32 " %s%s", count, noun, count == 1 ? "" : "s");
}

static void text_add_kib(struct text *text, uint32_t kib)
{
	if (kib == 0)
		text_add(text, "unknown");
	else if (kib % 1024 == 0)
		text_add(text, "%" PRIu32 " MiB", kib / 1024);
	else
		text_add(text, "%" PRIu32 " KiB", kib);
}

static void text_add_llcs(struct text *text, const struct topology *topo)
{
	uint32_t i = 0;

	/* Sorted by size: if the first is unknown, all are. */
	if (topo->llcs[0].cache_kib == 0)
		return;

	text_add(text, " (");
	while (i < topo->nr_llcs) {
		uint32_t run = 1;

		if (topo->nr_llcs > DESCRIBE_LLCS_MAX)
			while (i + run < topo->nr_llcs && topo->llcs[i + run].cache_kib == topo->llcs[i].cache_kib)
				run++;
		if (i > 0)
			text_add(text, ", ");
		if (run > 1)
			text_add(text, "%" PRIu32 " x ", run);
		text_add_kib(text, topo->llcs[i].cache_kib);
		i += run;
	}
	text_add(text, ")");
}

size_t topology_describe(const struct topology *topology, char *buf, size_t size)
{
	struct text text = { .buf = buf, .size = size };

	if (size == 0)
		return 0;
	buf[0] = '\0';

	text_add_count(&text, topology->nr_online, "CPU");
	text_add(&text, ", ");
	text_add_count(&text, topology->nr_cores, "core");
	text_add(&text, ", ");
	text_add_count(&text, topology->nr_llcs, "LLC");
	text_add_llcs(&text, topology);
	text_add(&text, ", SMT %" PRIu32, topology->smt);
	if (topology->nr_nodes > 1)
		text_add(&text, ", %" PRIu32 " NUMA nodes", topology->nr_nodes);
	if (topology->nr_possible > topology->nr_online)
		text_add(&text, ", %" PRIu32 " offline", topology->nr_possible - topology->nr_online);
	if (topology->llc_guessed)
		text_add(&text, ", no cache information");
	return text.len;
}
