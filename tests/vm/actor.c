/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * actor - plays any program of a process tree, under the name of the file that it is linked to
 *
 * With "--" among its arguments it is a wrapper: runs what follows as its child and waits for it. Else it waits until it
 * is killed, in the shape that the variable ACTOR describes, a list of words with commas between:
 *
 *   detach       the first word only: away from its parent, with a session of its own, and init for a parent, as Wine's
 *                processes are
 *   threads=N    that many more threads
 *   mem=MIB      as much memory, touched
 *   map=PATH     that file mapped
 *   comm=NAME    its name, as Wine and many engines set it
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A test that is killed must not leave it behind. */
#define LIFE_SECONDS 600

static int fail(const char *what)
{
	fprintf(stderr, "actor: %s: %s\n", what, strerror(errno));
	return 1;
}

static int run_child(char **argv)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return fail("fork");
	if (!pid) {
		execvp(argv[0], argv);
		_exit(fail(argv[0]));
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return fail("wait");
	return WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}

static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static int add_threads(int nr)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 64 * 1024);
	for (int i = 0; i < nr; i++)
		if (pthread_create(&thread, &attr, wait_for_ever, NULL))
			return fail("thread");
	return 0;
}

static int map_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		return fail(path);
	close(fd);
	return 0;
}

static int take_memory(size_t mib)
{
	char *memory = malloc(mib << 20);

	if (!memory)
		return fail("memory");
	memset(memory, 1, mib << 20);
	return 0;
}

/* As Wine does it: two forks, and a new exec of the loader in the second. Returns only if it fails. */
static int detach(char **argv, const char *rest)
{
	char path[4096] = "";

	/* By its name, which becomes that of the process. */
	if (readlink("/proc/self/exe", path, sizeof(path) - 1) < 0)
		return fail("exe");
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return fail("fork");
		if (pid)
			_exit(0);
		setsid();
	}
	setenv("ACTOR", rest, 1);
	execv(path, argv);
	return fail("exec");
}

static int take_shape(char **argv, char *words)
{
	char *word;

	if (!strncmp(words, "detach", 6))
		return detach(argv, words + 6);
	while ((word = strsep(&words, ","))) {
		int err = 0;

		if (!strncmp(word, "threads=", 8))
			err = add_threads(atoi(word + 8));
		else if (!strncmp(word, "mem=", 4))
			err = take_memory((size_t)atoi(word + 4));
		else if (!strncmp(word, "map=", 4))
			err = map_file(word + 4);
		else if (!strncmp(word, "comm=", 5))
			err = prctl(PR_SET_NAME, word + 5, 0, 0, 0);
		else if (*word)
			err = fail(word);
		if (err)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	const char *shape = getenv("ACTOR");

	alarm(LIFE_SECONDS);
	for (int i = 1; i + 1 < argc; i++)
		if (!strcmp(argv[i], "--"))
			return run_child(argv + i + 1);
	if (shape && take_shape(argv, strdup(shape)))
		return 1;
	wait_for_ever(NULL);
}
