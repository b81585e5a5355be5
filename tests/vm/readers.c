// SPDX-License-Identifier: GPL-2.0-only
/*
 * readers - threads that can run on one CPU only, each of them inside of an RCU read-side section whenever it waits
 *
 * Usage: readers CPU NR MS. Says "ready" when all of them run, and ends MS
 * milliseconds later: the kernel takes minutes to bring a CPU down on which
 * that goes on for ever, whatever the scheduler. Status 1 if a thread could not
 * do what it is for.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "readers.skel.h"

/* Longer than any slice, so that who is in the section is interrupted there. */
#define SECTION_NS 30000000
#define MAX_READERS 64

static struct readers_bpf *skel;
static _Atomic int nr_ready;
static _Atomic bool is_over;

static void *read_on(void *arg)
{
	struct { uint64_t burn_ns; } args = { SECTION_NS };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &args, .ctx_size_in = sizeof(args));
	int cpu = (intptr_t)arg;
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof(cpus), &cpus)) {
		perror("readers: sched_setaffinity");
		exit(1);
	}
	atomic_fetch_add(&nr_ready, 1);
	while (!atomic_load(&is_over)) {
		if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.read_rcu), &opts)) {
			perror("readers: BPF_PROG_TEST_RUN");
			exit(1);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int cpu = argc == 4 ? atoi(argv[1]) : -1, nr = argc == 4 ? atoi(argv[2]) : 0, ms = argc == 4 ? atoi(argv[3]) : 0;
	pthread_t threads[MAX_READERS];

	if (cpu < 0 || cpu >= CPU_SETSIZE || nr < 1 || nr > MAX_READERS || ms < 1) {
		fputs("Usage: readers CPU NR MS\n", stderr);
		return 2;
	}
	skel = readers_bpf__open_and_load();
	if (!skel) {
		perror("readers: readers.bpf.o");
		return 1;
	}
	for (int i = 0; i < nr; i++) {
		if (pthread_create(&threads[i], NULL, read_on, (void *)(intptr_t)cpu)) {
			fputs("readers: no thread\n", stderr);
			return 1;
		}
	}
	while (atomic_load(&nr_ready) < nr)
		usleep(10000);
	puts("ready");
	fflush(stdout);
	usleep(ms * 1000);
	atomic_store(&is_over, true);
	for (int i = 0; i < nr; i++)
		pthread_join(threads[i], NULL);
	readers_bpf__destroy(skel);
	return 0;
}
