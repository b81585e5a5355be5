/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * failalloc_probe - a program with a known number of allocations
 *
 * Seven from main() to exit(), each by another function, and one before main().
 * Prints the number of the one that failed, 0 if none did. Built without a
 * sanitizer and without optimisation, which may remove an allocation.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *volatile early;

__attribute__((constructor)) static void before_main(void)
{
	early = malloc(10);
}

static void at_exit(void)
{
	free(early);
}

int main(int argc, char **argv)
{
	int failed = 0, r, fork_first = argc > 1 && strcmp(argv[1], "--fork") == 0;
	void *mem[7] = {}, *bigger;

	(void)argv;
	/* Unbuffered: stdio allocates nothing. */
	setvbuf(stdout, NULL, _IONBF, 0);
	if (!early)
		return 3;
	atexit(at_exit);
	/* A child that ends by exit() must not report for its parent. */
	if (fork_first && fork() == 0)
		exit(0);

#define CHECK(n, expr) \
	do { \
		errno = 0; \
		mem[(n) - 1] = (expr); \
		if (!mem[(n) - 1]) { \
			if (failed || errno != ENOMEM) \
				return 4; \
			failed = (n); \
		} \
	} while (0)

	CHECK(1, malloc(10));
	CHECK(2, calloc(10, 10));
	CHECK(3, realloc(NULL, 10));
	CHECK(4, strdup("text"));
	CHECK(5, aligned_alloc(64, 640));
	r = posix_memalign(&mem[5], 64, 100);
	if (r == ENOMEM)
		failed = failed ? 99 : 6;
	else if (r != 0)
		return 5;
	/* A realloc() that fails leaves the old block. */
	bigger = realloc(mem[0], 100000);
	if (bigger)
		mem[0] = bigger;
	else
		failed = failed ? 99 : 7;

	for (int i = 0; i < 7; i++)
		free(mem[i]);
	printf("%d\n", failed);
	return failed != 0;
}
