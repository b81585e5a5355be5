// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_load - what the loaded BPF programs cost under a load, per call and per context switch
 *
 * Turns the kernel's BPF statistics on, runs the load, and tells what each
 * program took. Without a command the load is a byte that two processes hand
 * each other through pipes: nothing but sleeping, waking and switching, with
 * the same number of calls each time. Whose programs run is not its business.
 *
 * The kernel's own bookkeeping, two looks at the clock per run, is part of each
 * figure. What it is without a program is told, too.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "progs.h"

#define MAX_ROUNDS    10000000ULL
#define NR_EMPTY_RUNS 1000

static struct prog before[PROGS_MAX], after[PROGS_MAX];

static int read_all(struct prog *progs)
{
	int nr = progs_read(progs);

	if (nr < 0)
		fprintf(stderr, "error: cannot list BPF programs: %s\n", strerror(-nr));
	return nr;
}

/* Context switches of all CPUs since boot; 0 if unknown. */
static uint64_t nr_switches(void)
{
	unsigned long long nr = 0;
	FILE *file = fopen("/proc/stat", "re");
	char line[65536];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "ctxt %llu", &nr) == 1)
			break;
	if (file)
		fclose(file);
	return nr;
}

/* Return: 0, -errno. The child ends when its pipe does. */
static int hand_round(uint64_t nr_rounds)
{
	int there[2], back[2], status;
	pid_t child;
	char byte = 0;

	if (pipe(there) || pipe(back))
		return -errno;
	child = fork();
	if (child < 0)
		return -errno;
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(there[1]);
		while (read(there[0], &byte, 1) == 1)
			if (write(back[1], &byte, 1) != 1)
				_exit(1);
		_exit(0);
	}
	close(there[0]);
	close(back[1]);
	while (nr_rounds--)
		if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
			return -EIO;
	close(there[1]);
	close(back[0]);
	return waitpid(child, &status, 0) == child && !status ? 0 : -EIO;
}

static int run_command(char **argv)
{
	pid_t child = fork();
	int status, null;

	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* Standard output is for the table. */
		null = open("/dev/null", O_WRONLY);
		if (null >= 0 && dup2(null, STDOUT_FILENO) >= 0)
			execvp(argv[0], argv);
		fprintf(stderr, "error: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return -errno;
	return status ? -EIO : 0;
}

/* What the statistics show for a program that does nothing; < 0 if it cannot be told. */
static double bookkeeping_ns(void)
{
	const struct bpf_insn nothing[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	LIBBPF_OPTS(bpf_prog_load_opts, load, .prog_flags = BPF_F_SLEEPABLE);
	LIBBPF_OPTS(bpf_test_run_opts, run);
	struct bpf_prog_info info = { 0 };
	uint32_t len = sizeof(info);
	int fd = bpf_prog_load(BPF_PROG_TYPE_SYSCALL, "nothing", "GPL", nothing, 2, &load), err = fd < 0;

	for (int i = 0; i < NR_EMPTY_RUNS && !err; i++)
		err = bpf_prog_test_run_opts(fd, &run);
	if (!err)
		err = bpf_prog_get_info_by_fd(fd, &info, &len);
	if (fd >= 0)
		close(fd);
	return err || !info.run_cnt ? -1 : (double)info.run_time_ns / info.run_cnt;
}

static int by_time(const void *a, const void *b)
{
	const struct prog *x = a, *y = b;

	return x->run_ns < y->run_ns ? 1 : x->run_ns > y->run_ns ? -1 : strcmp(x->name, y->name);
}

/* Leaves in @after what ran meanwhile. */
static int subtract(int nr_before, int nr_after)
{
	int nr = 0;

	for (int i = 0; i < nr_after; i++) {
		for (int k = 0; k < nr_before; k++) {
			if (before[k].id != after[i].id)
				continue;
			after[i].run_ns -= before[k].run_ns;
			after[i].nr_runs -= before[k].nr_runs;
		}
		if (after[i].nr_runs)
			after[nr++] = after[i];
	}
	qsort(after, nr, sizeof(*after), by_time);
	return nr;
}

static int print_table(int nr, uint64_t switches, double empty_ns)
{
	uint64_t nr_runs = 0;
	double all_ns = 0;

	if (!nr || !switches) {
		fprintf(stderr, "error: no BPF program ran\n");
		return 1;
	}
	printf("%-28s %10s %12s %14s %14s\n", "program", "calls", "ns/call", "calls/switch", "ns/switch");
	for (int i = 0; i < nr; i++) {
		const struct prog *prog = &after[i];

		all_ns += prog->run_ns;
		nr_runs += prog->nr_runs;
		printf("%-28s %10llu %12.1f %14.3f %14.1f\n", prog->name, (unsigned long long)prog->nr_runs,
		       (double)prog->run_ns / prog->nr_runs, (double)prog->nr_runs / switches, (double)prog->run_ns / switches);
	}
	printf("%-28s %10llu %12s %14s %14.1f\n", "context switches, sum", (unsigned long long)switches, "", "",
	       all_ns / switches);
	if (empty_ns >= 0)
		printf("%-28s %10s %12.1f %14s %14.1f\n", "without the bookkeeping of", "", empty_ns, "",
		       (all_ns - nr_runs * empty_ns) / switches);
	return 0;
}

static int measure(uint64_t nr_rounds, char **command)
{
	int fd = bpf_enable_stats(BPF_STATS_RUN_TIME), nr_before, nr_after, err;
	double empty_ns;
	uint64_t switches;

	if (fd < 0) {
		fprintf(stderr, "error: cannot turn the kernel's BPF statistics on: %s\n", strerror(errno));
		return 1;
	}
	nr_before = read_all(before);
	switches = nr_switches();
	err = command ? run_command(command) : hand_round(nr_rounds);
	switches = nr_switches() - switches;
	nr_after = read_all(after);
	empty_ns = bookkeeping_ns();
	close(fd);
	if (err) {
		fprintf(stderr, "error: the load failed: %s\n", strerror(-err));
		return 1;
	}
	return nr_before < 0 || nr_after < 0 ? 1 : print_table(subtract(nr_before, nr_after), switches, empty_ns);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "rounds", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	uint64_t nr_rounds = 10000;
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) >= 0) {
		switch (c) {
		case 'r':
			if (!bench_read_number("rounds", optarg, MAX_ROUNDS, &nr_rounds))
				return 2;
			break;
		case 'h':
			printf("Usage: %s [--rounds N | -- COMMAND [ARG]...]\n", argv[0]);
			return 0;
		default:
			return 2;
		}
	}
	return measure(nr_rounds, optind < argc ? argv + optind : NULL);
}
