// SPDX-License-Identifier: GPL-2.0-only
/*
 * compile - a parallel build: make -> cc -> cc1 | as
 *
 * Each job is one make that runs a compiler driver, waits for it, and runs the
 * next. The driver starts two stages with a pipe between them. How long a file
 * takes comes from a fixed sequence, so every run compiles the same files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "scene.h"
#include "tally.h"
#include "work.h"

#define UNIT_US			100
#define CHUNK_CC1_UNITS		5	/* 0.5 ms, then a page of output */
#define CHUNK_AS_UNITS		1
#define CHUNK_SIZE		4096	/* not above PIPE_BUF: a write is whole or waits */
#define DRIVER_US		50

/* Chunks of one file: 0.5 to 20 ms of cc1. Many are short, a few take most of the time. */
static const unsigned int file_chunks[] = { 1, 1, 2, 3, 4, 6, 9, 14, 20, 28, 40 };

struct compile {
	struct scene *scene;
	struct background_stats *stats;
	unsigned int nr_chunks;
};

static void do_units(struct compile *compile, unsigned int nr_units)
{
	struct scene_shared *shared = compile->scene->shared;
	uint64_t now_ns;

	work_do(work_from_us(compile->scene->iters_per_us, UNIT_US) * nr_units);
	now_ns = clock_now_ns();
	if (shared_is_counted(shared, now_ns) && now_ns < shared_end_ns(shared))
		atomic_fetch_add(&compile->stats->nr_units, nr_units);
}

static int run_cc1(struct compile *compile, int out)
{
	static const char chunk[CHUNK_SIZE];
	unsigned int i;

	for (i = 0; i < compile->nr_chunks; i++) {
		do_units(compile, CHUNK_CC1_UNITS);
		if (write(out, chunk, sizeof(chunk)) != sizeof(chunk))
			return -errno;
	}
	return 0;
}

static int run_as(struct compile *compile, int in)
{
	char chunk[CHUNK_SIZE];
	size_t have = 0;
	ssize_t size;

	while ((size = read(in, chunk, sizeof(chunk)))) {
		if (size < 0)
			return -errno;
		for (have += (size_t)size; have >= CHUNK_SIZE; have -= CHUNK_SIZE)
			do_units(compile, CHUNK_AS_UNITS);
	}
	return 0;
}

static pid_t start_stage(struct compile *compile, const char *name, int (*run)(struct compile *, int), int fd,
			 int other_fd)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_NAME, name);
	close(other_fd);
	_exit(run(compile, fd) ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* Return: whether it ended well. */
static bool wait_child(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return false;
	}
	return WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;
}

static bool run_driver(struct compile *compile)
{
	pid_t cc1, as;
	int fds[2];
	bool is_good;

	prctl(PR_SET_NAME, "cc");
	if (pipe2(fds, O_CLOEXEC))
		return false;
	work_do(work_from_us(compile->scene->iters_per_us, DRIVER_US));
	cc1 = start_stage(compile, "cc1", run_cc1, fds[1], fds[0]);
	as = start_stage(compile, "as", run_as, fds[0], fds[1]);
	close(fds[0]);
	close(fds[1]);
	is_good = cc1 > 0 && wait_child(cc1);
	return as > 0 && wait_child(as) && is_good;
}

int compile_run(struct scene *scene, unsigned int index)
{
	struct compile compile = { .scene = scene, .stats = &scene->shared->jobs[index] };
	const unsigned int nr_files = sizeof(file_chunks) / sizeof(file_chunks[0]);
	unsigned int file = index;
	struct tally tally;
	pid_t pid;

	tally_begin(&tally, scene);
	while (tally_goes_on(&tally)) {
		/* a step that has no divisor in common with their number: all sizes come, mixed */
		compile.nr_chunks = file_chunks[file % nr_files];
		file += 7;
		pid = fork();
		if (pid < 0)
			return scene_fail(scene, "can't fork: %s", strerror(errno));
		if (!pid)
			_exit(run_driver(&compile) ? EXIT_SUCCESS : EXIT_FAILURE);
		if (!wait_child(pid))
			return scene_fail(scene, "a compiler failed");
		tally_add(&tally);
	}
	tally_end(&tally, compile.stats);
	return 0;
}
