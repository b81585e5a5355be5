// SPDX-License-Identifier: GPL-2.0-only
/*
 * budget - how large the programs of the kernel half are, and whether they stay so
 *
 * Loads them as the daemon does, for a machine of fixed size, and asks the
 * kernel how many instructions the verifier looked at and how many bytes the
 * JIT made of them. What may attach only to a module that is not used is not
 * there: drivers for drm and snd_pcm are to be loaded. The table is budget.txt:
 *
 *	PROGRAM KERNEL VERIFIED XLATED JITED # reason
 *
 * --print writes such lines for the running kernel. --check compares: nothing
 * may grow by more than a compiler's whim, no program may be missing from the
 * table, none in it may be gone.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "bpf.h"
#include "log.h"
#include "progs.h"
#include "roles.h"

#define TOLERANCE_PERCENT 2
/* Sixteen CPUs in two LLCs. */
#define NR_CPUS	16
#define NR_LLCS 2

#define REFRESH "'make bpf-budget' measures anew and keeps the reasons"

/* scx_flash of scx 1.1.2, verified instructions: the least of the schedulers for desktops. */
static const struct {
	const char *callback;
	uint32_t peer;
} per_switch[] = {
	{ "select_cpu", 86 }, { "enqueue", 275 }, { "dispatch", 162 }, { "running", 85 }, { "stopping", 85 },
};

struct line {
	char program[64];
	uint32_t verified, xlated, jited;
	bool seen;
};

static struct prog all[PROGS_MAX], earlier[PROGS_MAX];
static struct line table[PROGS_MAX];

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct prog *)a)->name, ((const struct prog *)b)->name);
}

static bool was_there(const struct prog *prog, int nr_earlier)
{
	for (int i = 0; i < nr_earlier; i++)
		if (earlier[i].id == prog->id)
			return true;
	return false;
}

/* Fills all[] with what loading adds. Return: how many, -errno. */
static int load_and_read(void)
{
	struct topology_cpu cpus[NR_CPUS];
	struct topology_llc llcs[NR_LLCS];
	struct topology topology = {
		.nr_cpu_ids = NR_CPUS, .nr_possible = NR_CPUS, .nr_online = NR_CPUS, .nr_cores = NR_CPUS, .nr_llcs = NR_LLCS,
		.nr_nodes = 1, .smt = 1, .cpus = cpus, .llcs = llcs,
	};
	int nr_earlier, nr_all, nr = 0, err;
	struct roles *roles = NULL;
	struct bpf *bpf = NULL;
	struct options opts;

	for (int cpu = 0; cpu < NR_CPUS; cpu++)
		cpus[cpu] = (struct topology_cpu){
			.possible = true, .online = true, .llc = cpu / (NR_CPUS / NR_LLCS), .core = cpu, .sibling = -1,
			.capacity = TOPOLOGY_CAPACITY_MAX, .prefcore = -1,
		};
	for (int llc = 0; llc < NR_LLCS; llc++)
		llcs[llc] = (struct topology_llc){
			.cache_kib = 32768, .nr_cpus = NR_CPUS / NR_LLCS, .first_cpu = llc * (NR_CPUS / NR_LLCS),
		};
	options_set_defaults(&opts);
	nr_earlier = progs_read(earlier);
	if (nr_earlier < 0)
		return nr_earlier;
	err = bpf_new(&opts, &topology, 0, &bpf);
	if (!err)
		err = roles_new(&opts, bpf, NULL, &roles);
	if (err) {
		bpf_free(bpf);
		return err;
	}
	nr_all = progs_read(all);
	for (int i = 0; i < nr_all; i++)
		if (!was_there(&all[i], nr_earlier))
			all[nr++] = all[i];
	roles_free(roles);
	bpf_free(bpf);
	if (nr_all < 0)
		return nr_all;
	qsort(all, nr, sizeof(*all), by_name);
	return nr;
}

/* "7.3" of "7.3.4+deb13-amd64". */
static void read_series(char *series, size_t size)
{
	struct utsname uts;
	int major = 0, minor = 0;

	uname(&uts);
	sscanf(uts.release, "%d.%d", &major, &minor);
	snprintf(series, size, "%d.%d", major, minor);
}

static void print_lines(const char *series, int nr)
{
	for (int i = 0; i < nr; i++)
		printf("%-28s %-5s %9u %7u %7u\n", all[i].name, series, all[i].verified, all[i].xlated, all[i].jited);
}

/* Return: number of lines for @series, -errno. */
static int read_table(const char *path, const char *series)
{
	FILE *file = fopen(path, "re");
	char text[512], kernel[16];
	int nr = 0, nr_line = 0;

	if (!file)
		return -errno;
	while (nr < PROGS_MAX && fgets(text, sizeof(text), file)) {
		struct line *line = &table[nr];

		nr_line++;
		if (*text == '#' || *text == '\n')
			continue;
		*line = (struct line){ 0 };
		if (sscanf(text, "%63s %15s %u %u %u", line->program, kernel, &line->verified, &line->xlated, &line->jited) != 5) {
			fprintf(stderr, "error: %s:%d: not PROGRAM KERNEL VERIFIED XLATED JITED\n", path, nr_line);
			fclose(file);
			return -EINVAL;
		}
		if (!strcmp(kernel, series))
			nr++;
	}
	fclose(file);
	return nr;
}

static bool grew(const char *program, const char *what, uint32_t is, uint32_t was)
{
	if ((uint64_t)is * 100 <= (uint64_t)was * (100 + TOLERANCE_PERCENT))
		return false;
	printf("# %s: %s %u, in the table %u (+%.1f %%)\n", program, what, is, was, (is - (double)was) * 100 / was);
	return true;
}

static int nr_tests;

static bool tell(bool good, const char *what)
{
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++nr_tests, what);
	if (!good)
		printf("#   if that is meant: " REFRESH "\n");
	return good;
}

static int check_against(const char *path, const char *series, int nr)
{
	int nr_table = read_table(path, series), nr_unknown = 0, nr_grown = 0, nr_gone = 0;
	bool good = true;

	if (nr_table <= 0) {
		fprintf(stderr, "error: %s: %s\n", path, nr_table ? strerror(-nr_table) : "nothing for this kernel");
		return 1;
	}
	for (int i = 0; i < nr; i++) {
		struct line *line = NULL;

		for (int k = 0; k < nr_table && !line; k++)
			if (!strcmp(table[k].program, all[i].name))
				line = &table[k];
		if (!line) {
			printf("# %s: not in the table\n", all[i].name);
			nr_unknown++;
			continue;
		}
		line->seen = true;
		if (grew(all[i].name, "verified instructions", all[i].verified, line->verified) |
		    grew(all[i].name, "instructions", all[i].xlated, line->xlated) |
		    grew(all[i].name, "bytes of machine code", all[i].jited, line->jited))
			nr_grown++;
	}
	for (int k = 0; k < nr_table; k++) {
		if (table[k].seen)
			continue;
		printf("# %s: in the table, but not loaded\n", table[k].program);
		nr_gone++;
	}
	good &= tell(!nr_unknown, "every program is in the budget");
	good &= tell(!nr_gone, "every program of the budget is loaded");
	good &= tell(!nr_grown, "no program is larger than its budget");
	printf("1..%d\n", nr_tests);
	return !good;
}

/* The callbacks that a context switch calls, beside the leanest peer's. */
static void print_sums(int nr, const char *prefix)
{
	uint32_t ours = 0, peer = 0;
	char text[256] = "";

	for (size_t i = 0; i < ARRAY_SIZE(per_switch); i++) {
		char name[64];

		snprintf(name, sizeof(name), "arcade_%s", per_switch[i].callback);
		for (int k = 0; k < nr; k++) {
			if (strcmp(all[k].name, name))
				continue;
			ours += all[k].verified;
			snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s %u/%u", *text ? ", " : "",
				 per_switch[i].callback, all[k].verified, per_switch[i].peer);
		}
		peer += per_switch[i].peer;
	}
	printf("%sfigure: verified instructions, ours/scx_flash: %s; sum %u/%u\n", prefix, text, ours, peer);
}

int main(int argc, char **argv)
{
	bool check = argc == 3 && !strcmp(argv[1], "--check");
	char series[16];
	int nr;

	if (!check && (argc != 2 || strcmp(argv[1], "--print"))) {
		fprintf(stderr, "Usage: %s --print | --check TABLE\n", argv[0]);
		return 2;
	}
	log_set_level(LOG_LEVEL_WARNING);
	bpf_init_logging();
	nr = load_and_read();
	if (nr <= 0) {
		fprintf(stderr, "error: cannot load the kernel half\n");
		return 1;
	}
	read_series(series, sizeof(series));
	if (!check) {
		print_lines(series, nr);
		print_sums(nr, "# ");
		return 0;
	}
	print_sums(nr, "# ");
	return check_against(argv[2], series, nr);
}
