/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * threads - which threads the scheduler favours, and how they fare
 *
 * The kernel half keeps what it knows of a thread with the thread. It is read
 * by a task iterator when somebody asks, and costs nothing otherwise. Kept are
 * the ones that matter: who was in a chain a moment ago, the game's, then those
 * that have used most CPU time. Nothing is kept of a thread that has ended.
 *
 * A read never holds the loop up for longer than a few milliseconds: on a
 * machine with so many threads that they take longer, it goes on where it was
 * with the next call, and until it has seen them all the answer is that of the
 * round before.
 */
#ifndef ARCADE_SRC_THREADS_H
#define ARCADE_SRC_THREADS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "arcade/abi.h"
#include "bpf.h"
#include "util.h"

/* Most threads that are told. */
#define THREADS_MAX 128

/* A name of ARCADE_COMM_LEN bytes, each perhaps written as \xNN. */
#define THREADS_NAME_LEN (4 * ARCADE_COMM_LEN)

struct threads;

/* Since a thread began, except where noted. */
struct thread {
	pid_t pid;		/* in the first pid namespace, as tgid */
	pid_t tgid;
	char name[THREADS_NAME_LEN];	/* escaped: UTF-8, safe on a terminal */
	char process[THREADS_NAME_LEN];	/* name of the first thread of its process, likewise */
	enum arcade_class class;	/* now, of a thread that sleeps as it ran last */
	uint32_t roles;		/* bits 1 << enum arcade_thread_role */
	uint32_t share_permille;/* how many of its last dozen activations were as a member of a chain */
	uint64_t nr_runs;	/* times it has left a CPU */
	uint64_t run_ns;	/* CPU time */
	uint64_t nr_waits;	/* that the next two are of: its last thousands, while the scheduler was active */
	uint64_t wait_p50_us;	/* from ready to running, upper bound of a power of two; 0 if nr_waits is */
	uint64_t wait_p99_us;
	uint32_t hop;		/* in its last chain; 0: in none since the scheduler is active */
	enum arcade_root root;	/* of that */
	uint64_t chain_ago_ns;	/* how long ago that began; 0 if there was none */
};

/* @bpf stays the caller's, and must outlive it. Return: 0, -ENOMEM. */
int threads_new(struct bpf *bpf, struct threads **ret);

/* Accepts NULL. */
void threads_free(struct threads *threads);
DEFINE_CLEANUP(struct threads *, threads_free)

/*
 * The threads that matter, first who matters most: @nr of them, at most THREADS_MAX, valid until the next call or free.
 * None where the kernel has no task iterator: that is no failure. A call within 100 ms of the last answers the same.
 * Return: 0, -errno of the kernel with the outputs untouched; does not log.
 */
int threads_read(struct threads *threads, const struct thread **array, size_t *nr);

/* Names as the statistics tell them: "chain", "input", "vblank"…; static strings, "" if there is none such. */
const char *threads_class_name(enum arcade_class class);
const char *threads_role_name(uint32_t role);
const char *threads_root_name(enum arcade_root root);

#endif
