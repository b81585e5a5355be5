// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench_paths - what each hot path of the kernel half costs, beside a bare ring write
 *
 * Every path is called in batches that time themselves (bench.bpf.c). A batch
 * is as long as a ring has room, so that a write never finds it full unless
 * that is what is measured. The least batch is what the path costs, the median
 * shows how quiet the machine was; the loop's own time is subtracted from both.
 *
 * Built a second time, with the other object, for kernels that refuse the first.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <getopt.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arcade/abi.h"
#include "bench.h"
#include "util.h"
#ifdef BENCH_WITHOUT_KERNEL_VARIABLES
#include "bench_native.skel.h"
#define bench_bpf	    bench_native_bpf
#define bench_bpf__open	    bench_native_bpf__open
#define bench_bpf__load	    bench_native_bpf__load
#define bench_bpf__destroy  bench_native_bpf__destroy
#else
#include "bench.skel.h"
#endif

/* 24 bytes and the ring's header of 8 for each: fits in ARCADE_RING_BYTES. */
#define CALLS_PER_BATCH (ARCADE_RING_BYTES / 32 - 12)
#define MAX_BATCHES	100000
#define MAX_CPUS_SEARCH 16
#define INTERRUPT_TIMEOUT_NS NSEC_PER_SEC

#ifdef BENCH_WITHOUT_KERNEL_VARIABLES
static const bool has_variables = false;
#else
static const bool has_variables = true;
#endif

enum reader { READER_NONE, READER_EMPTIES, READER_LEAVES_FULL };

struct path {
	const char *program;
	const char *label;
	enum reader reader;
	bool needs_sched_ext;
	bool in_interrupt;	/* the program returns before its callback has run; needs the kernel's variables */
	double limit;		/* of the ratio to the bare write; 0: not judged */
	uint32_t nr_cpus;	/* 0: does not matter */
	/* Each call must have counted here; 0: counts nothing. */
	size_t counter;
};

#define COUNTS(field) (1 + offsetof(struct arcade_stats, field) / sizeof(uint64_t))

static const struct path paths[] = {
	{ .program = "empty_call", .label = "loop around nothing" },
	{ .program = "bare_ring_write", .label = "bare ring write, 24 bytes" },
	{ .program = "read_clock", .label = "  a look at the clock" },
	{ .program = "find_task_ctx", .label = "  a look for a task's state" },
	{ .program = "find_device", .label = "  a look for a device" },
	{ .program = "input_body", .label = "input_packet, no reader", .limit = 1, .counter = COUNTS(nr_lane_packets[ARCADE_LANE_MOUSE]) },
	{ .program = "input_body", .label = "input_packet, reader", .reader = READER_EMPTIES, .limit = 2,
	  .counter = COUNTS(nr_lane_packets[ARCADE_LANE_MOUSE]) },
	{ .program = "input_body", .label = "input_packet, ring full", .reader = READER_LEAVES_FULL,
	  .counter = COUNTS(nr_lane_packets[ARCADE_LANE_MOUSE]) },
	{ .program = "input_hooks", .label = "both input hooks, no reader", .limit = 1, .counter = COUNTS(nr_lane_packets[ARCADE_LANE_MOUSE]) },
	{ .program = "input_hooks", .label = "both input hooks, reader", .reader = READER_EMPTIES, .limit = 2,
	  .counter = COUNTS(nr_lane_packets[ARCADE_LANE_MOUSE]) },
	{ .program = "input_hooks", .label = "both input hooks, ring full", .reader = READER_LEAVES_FULL,
	  .counter = COUNTS(nr_lane_packets[ARCADE_LANE_MOUSE]) },
	{ .program = "input_hooks_interrupt", .label = "the same in an interrupt, no reader", .in_interrupt = true, .limit = 1,
	  .counter = COUNTS(nr_lane_packets[ARCADE_LANE_MOUSE]) },
	{ .program = "input_hooks_interrupt", .label = "the same in an interrupt, reader", .in_interrupt = true,
	  .reader = READER_EMPTIES, .limit = 2, .counter = COUNTS(nr_lane_packets[ARCADE_LANE_MOUSE]) },
	{ .program = "wakeup_by_others", .label = "wakeup by no member" },
	{ .program = "wakeup_in_root", .label = "wakeup in a root: marked", .counter = COUNTS(nr_chain_marks[ARCADE_ROOT_INPUT][0]) },
	{ .program = "wakeup_hands_on", .label = "wakeup by a member: handed on", .counter = COUNTS(nr_chain_marks[ARCADE_ROOT_INPUT][1]) },
	{ .program = "wakeup_of_member", .label = "wakeup of a member by another" },
	{ .program = "is_live_other", .label = "chain_is_live, no member" },
	{ .program = "is_live_member", .label = "chain_is_live, member" },
	{ .program = "tell_process", .label = "a process gets a program: told", .counter = COUNTS(nr_control_records) },
	{ .program = "root_hooks", .label = "display root: entry and exit", .counter = COUNTS(nr_roots[ARCADE_ROOT_VBLANK]) },
	{ .program = "flip_by_other", .label = "flip by no member", .counter = COUNTS(nr_frame_ends[ARCADE_FRAME_FLIP]) },
	{ .program = "flip_by_member", .label = "flip by a member: chain closed", .counter = COUNTS(nr_frame_ends[ARCADE_FRAME_FLIP]) },
	{ .program = "submit_by_member", .label = "submit by a member: chain closed",
	  .counter = COUNTS(nr_frame_ends[ARCADE_FRAME_SUBMIT]) },
	{ .program = "deadline_normal", .label = "deadline, normal", .needs_sched_ext = true },
	{ .program = "deadline_chain", .label = "deadline, chain", .needs_sched_ext = true },
	{ .program = "settle_and_charge", .label = "settle and charge", .needs_sched_ext = true },
	{ .program = "search_chain", .label = "member takes one of 2 CPUs", .needs_sched_ext = true,
	  .nr_cpus = 2, .counter = COUNTS(nr_preempts[ARCADE_CLASS_CHAIN]) },
	{ .program = "search_normal", .label = "other takes one of 2 CPUs", .needs_sched_ext = true,
	  .nr_cpus = 2, .counter = COUNTS(nr_preempts[ARCADE_CLASS_NORMAL]) },
	{ .program = "search_chain", .label = "member takes one of 8 CPUs", .needs_sched_ext = true,
	  .nr_cpus = 8, .counter = COUNTS(nr_preempts[ARCADE_CLASS_CHAIN]) },
	{ .program = "search_normal", .label = "other takes one of 8 CPUs", .needs_sched_ext = true,
	  .nr_cpus = 8, .counter = COUNTS(nr_preempts[ARCADE_CLASS_NORMAL]) },
	{ .program = "search_chain", .label = "member takes one of 16 CPUs", .needs_sched_ext = true,
	  .nr_cpus = MAX_CPUS_SEARCH, .counter = COUNTS(nr_preempts[ARCADE_CLASS_CHAIN]) },
	{ .program = "search_normal", .label = "other takes one of 16 CPUs", .needs_sched_ext = true,
	  .nr_cpus = MAX_CPUS_SEARCH, .counter = COUNTS(nr_preempts[ARCADE_CLASS_NORMAL]) },
};

struct figures {
	double least_ns;
	double median_ns;
	double instructions;	/* -1: not counted */
};

static uint64_t nr_batches = 2000;
static bool time_is_instructions;
static int instructions_fd = -1;

static int take(void *ctx, void *data, size_t size)
{
	return 0;
}

static uint64_t counter_total(struct bench_bpf *skel, size_t counter)
{
	int nr = libbpf_num_possible_cpus();
	struct arcade_stats *per_cpu = calloc(nr, sizeof(*per_cpu));
	uint64_t total = 0;
	uint32_t zero = 0;

	if (!per_cpu || bpf_map__lookup_elem(skel->maps.arcade_stats, &zero, sizeof(zero), per_cpu, nr * sizeof(*per_cpu), 0)) {
		fprintf(stderr, "error: cannot read the counters\n");
		exit(1);
	}
	for (int cpu = 0; cpu < nr; cpu++)
		total += ((uint64_t *)&per_cpu[cpu])[counter - 1];
	free(per_cpu);
	return total;
}

static bool interrupt_came(struct bench_bpf *skel)
{
	uint64_t deadline_ns = now_ns() + INTERRUPT_TIMEOUT_NS;

	while (!__atomic_load_n(&skel->bss->bench_done, __ATOMIC_ACQUIRE))
		if (now_ns() > deadline_ns)
			return false;
	return skel->bss->bench_level;
}

/* Runs one batch. Return: its time; ends the process when the path was not what it should be. */
static uint64_t run_batch(struct bench_bpf *skel, const struct path *path, struct bpf_program *program)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int err = bpf_prog_test_run_opts(bpf_program__fd(program), &opts);

	if (err || opts.retval) {
		fprintf(stderr, "error: %s: %s, result %d\n", path->label, err ? strerror(-err) : "ran", (int)opts.retval);
		exit(1);
	}
	if (path->in_interrupt && !interrupt_came(skel)) {
		fprintf(stderr, "error: %s: no interrupt came\n", path->label);
		exit(1);
	}
	return skel->bss->bench_ns;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t median(uint64_t *values, uint64_t nr)
{
	qsort(values, nr, sizeof(*values), by_value);
	return values[nr / 2];
}

static struct figures measure(struct bench_bpf *skel, const struct path *path, struct ring_buffer *rings)
{
	struct bpf_program *program = bpf_object__find_program_by_name(skel->obj, path->program);
	uint64_t *times = calloc(nr_batches, sizeof(*times)), *instructions = calloc(nr_batches, sizeof(*instructions));
	struct figures figures = { .instructions = -1 };
	uint64_t before = 0, counted;

	if (!program || !times || !instructions) {
		fprintf(stderr, "error: %s: %s\n", path->label, program ? "out of memory" : "no such program");
		exit(1);
	}
	skel->bss->bench_calls = CALLS_PER_BATCH;
	skel->bss->input_reader_attached = path->reader != READER_NONE;
	skel->bss->input_reader_polling = 1;
	ring_buffer__consume(rings);
	for (int i = 0; path->reader == READER_LEAVES_FULL && i < 4; i++)
		run_batch(skel, path, program);
	if (path->counter)
		before = counter_total(skel, path->counter);
	for (uint64_t i = 0; i < nr_batches; i++) {
		uint64_t start = 0, end = 0;

		if (path->reader != READER_LEAVES_FULL)
			ring_buffer__consume(rings);
		if (instructions_fd >= 0 && read(instructions_fd, &start, sizeof(start)) != sizeof(start))
			start = 0;
		times[i] = run_batch(skel, path, program);
		if (instructions_fd >= 0 && read(instructions_fd, &end, sizeof(end)) == sizeof(end))
			instructions[i] = end - start;
	}
	if (path->counter) {
		counted = counter_total(skel, path->counter) - before;
		if (counted != nr_batches * CALLS_PER_BATCH) {
			fprintf(stderr, "error: %s: %llu calls, %llu counted\n", path->label,
				(unsigned long long)nr_batches * CALLS_PER_BATCH, (unsigned long long)counted);
			exit(1);
		}
	}
	figures.median_ns = (double)median(times, nr_batches) / CALLS_PER_BATCH;
	figures.least_ns = (double)times[0] / CALLS_PER_BATCH;
	if (instructions_fd >= 0)
		figures.instructions = (double)median(instructions, nr_batches) / CALLS_PER_BATCH;
	free(times);
	free(instructions);
	return figures;
}

static bool kernel_has_sched_ext(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool has = btf && btf__find_by_name_kind(btf, "scx_bpf_now", BTF_KIND_FUNC) > 0;

	btf__free(btf);
	return has;
}

static struct bench_bpf *open_bench(uint32_t nr_cpus, bool sched_ext, int cpu)
{
	struct bench_bpf *skel = bench_bpf__open();

	if (!skel)
		return NULL;
	skel->rodata->topo_nr_cpu_ids = nr_cpus;
	skel->rodata->topo_nr_places = nr_cpus;
	skel->rodata->topo_llc_nr[0] = nr_cpus;
	for (uint32_t i = 0; i < nr_cpus; i++) {
		skel->rodata->topo_place_cpu[i] = i;
		skel->rodata->topo_cpu_place[i] = i;
	}
	skel->rodata->input_cpu_ring[cpu] = 0;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		bpf_program__set_autoload(bpf_object__find_program_by_name(skel->obj, paths[i].program),
					  sched_ext || !paths[i].needs_sched_ext);
	if (bench_bpf__load(skel)) {
		bench_bpf__destroy(skel);
		return NULL;
	}
	return skel;
}

static int take_nothing(struct bench_bpf *skel, struct ring_buffer **ret)
{
	struct ring_buffer *rings = ring_buffer__new(bpf_map__fd(skel->maps.bare_ring), take, NULL, NULL);

	if (!rings || ring_buffer__add(rings, bpf_map__fd(skel->maps.input_ring_0), take, NULL) ||
	    ring_buffer__add(rings, bpf_map__fd(skel->maps.control_ring), take, NULL))
		return -errno;
	*ret = rings;
	return 0;
}

static int pin_to_this_cpu(void)
{
	int cpu = sched_getcpu();
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	return cpu < 0 || sched_setaffinity(0, sizeof(cpus), &cpus) ? -1 : cpu;
}

static pid_t start_sleeper(void)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	return pid;
}

static int open_instruction_counter(void)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr),
		.type = PERF_TYPE_HARDWARE,
		.config = PERF_COUNT_HW_INSTRUCTIONS,
		.exclude_user = 1,
	};

	return syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
}

static void print_row(const struct path *path, const struct figures *figures, const struct figures *empty, double bare_ns)
{
	double least_ns = figures->least_ns - empty->least_ns;

	printf("%-36s %9.1f %9.1f", path->label, least_ns, figures->median_ns - empty->median_ns);
	if (time_is_instructions)
		printf(" %12.0f", least_ns);
	else if (figures->instructions >= 0)
		printf(" %12.0f", figures->instructions - empty->instructions);
	else
		printf(" %12s", "-");
	if (bare_ns > 0)
		printf(" %8.2f", least_ns / bare_ns);
	if (path->limit > 0)
		printf("  target %.0f: %s", path->limit, least_ns <= path->limit * bare_ns ? "holds" : "does not hold");
	printf("\n");
}

static int run_all(void)
{
	struct figures empty = { 0 }, figures;
	double bare_ns = 0;
	bool sched_ext = kernel_has_sched_ext();
	struct ring_buffer *rings = NULL;
	struct bench_bpf *skel = NULL;
	int cpu = pin_to_this_cpu(), nr_left_out = 0;
	pid_t sleeper = start_sleeper();
	uint32_t nr_cpus = 0;

	if (cpu < 0 || cpu >= ARCADE_MAX_CPUS || sleeper < 0) {
		fprintf(stderr, "error: cannot prepare: %s\n", strerror(errno));
		return 1;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("%-36s %9s %9s %12s %8s\n", "path, per call", "least ns", "median ns", "instructions", "ratio");
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		const struct path *path = &paths[i];

		if ((path->needs_sched_ext && !sched_ext) || (path->in_interrupt && !has_variables)) {
			nr_left_out++;
			continue;
		}
		if (!skel || (path->nr_cpus && path->nr_cpus != nr_cpus)) {
			ring_buffer__free(rings);
			bench_bpf__destroy(skel);
			rings = NULL;
			nr_cpus = path->nr_cpus ? path->nr_cpus : 1;
			skel = open_bench(nr_cpus, sched_ext, cpu);
			if (!skel || take_nothing(skel, &rings)) {
				fprintf(stderr, "error: this kernel does not load the programs\n");
				return 1;
			}
			skel->bss->bench_wakee = sleeper;
		}
		figures = measure(skel, path, rings);
		if (i == 0) {
			empty = figures;
			print_row(path, &figures, &(struct figures){ 0 }, 0);
			continue;
		}
		if (i == 1)
			bare_ns = figures.least_ns - empty.least_ns;
		print_row(path, &figures, &empty, bare_ns);
	}
	ring_buffer__free(rings);
	bench_bpf__destroy(skel);
	kill(sleeper, SIGKILL);
	waitpid(sleeper, NULL, 0);
	if (nr_left_out)
		printf("%d paths are left out: they need sched_ext, or CONFIG_KALLSYMS_ALL\n", nr_left_out);
	return 0;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return level == LIBBPF_WARN ? vfprintf(stderr, fmt, ap) : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "batches", required_argument, NULL, 'b' },
		{ "time-is-instructions", no_argument, NULL, 'i' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		switch (c) {
		case 'b':
			if (!bench_read_number("batches", optarg, MAX_BATCHES, &nr_batches))
				return 2;
			break;
		case 'i':
			time_is_instructions = true;
			break;
		case 'h':
			printf("Usage: %s [--batches N] [--time-is-instructions]\n", argv[0]);
			return 0;
		default:
			return 2;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "error: '%s': takes no arguments\n", argv[optind]);
		return 2;
	}
	libbpf_set_print(quiet);
	instructions_fd = time_is_instructions ? -1 : open_instruction_counter();
	return run_all();
}
