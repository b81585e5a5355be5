/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * failalloc - makes one allocation of a program fail
 *
 * Preloaded (LD_PRELOAD). It counts malloc, calloc, realloc, aligned_alloc,
 * posix_memalign and memalign, and with them everything that the C library
 * builds on them, from the first line of main() on, over all threads. Before
 * main() the dynamic linker and constructors allocate, which no program can
 * handle.
 *
 *   FAILALLOC_N=n       the nth of them returns NULL with ENOMEM, once;
 *                       absent or 0: none, only count
 *   FAILALLOC_REPORT=x  the total is written at exit: to descriptor x if it is
 *                       a number, else to the file x
 *
 *   FAILALLOC_SPARE=x   strdup() called from a shared object whose name has x
 *                       in it is neither counted nor made to fail: for
 *                       libraries that do not look at its result
 *
 * So: run once to learn the total, then once for each n up to it. The process
 * that ran main() reports; a forked child does not. _exit() and signals report
 * nothing. Not for programs built with a sanitizer, which have their own
 * allocator. For glibc: its second names are used, since looking names up with
 * dlsym() allocates.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

typedef int (*main_fn)(int argc, char **argv, char **envp);
typedef int (*start_main_fn)(main_fn real_main, int argc, char **argv, void (*init)(void), void (*fini)(void),
			     void (*rtld_fini)(void), void *stack_end);

EXPORT int __libc_start_main(main_fn real_main, int argc, char **argv, void (*init)(void), void (*fini)(void),
			     void (*rtld_fini)(void), void *stack_end);
EXPORT void *memalign(size_t alignment, size_t size);

static main_fn program_main;
static atomic_bool counting;
static atomic_ulong nr_allocs;
static unsigned long fail_at;
static const char *spared;
static pid_t counted_pid;

static int fails(void)
{
	if (!atomic_load_explicit(&counting, memory_order_relaxed))
		return 0;
	if (atomic_fetch_add(&nr_allocs, 1) + 1 != fail_at)
		return 0;
	errno = ENOMEM;
	return 1;
}

EXPORT void *malloc(size_t size)
{
	return fails() ? NULL : __libc_malloc(size);
}

EXPORT void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

EXPORT void *realloc(void *old, size_t size)
{
	/* With size 0 it is free(), which does not fail. */
	if (!(old && size == 0) && fails())
		return NULL;
	return __libc_realloc(old, size);
}

EXPORT void *memalign(size_t alignment, size_t size)
{
	return fails() ? NULL : __libc_memalign(alignment, size);
}

EXPORT void *aligned_alloc(size_t alignment, size_t size)
{
	return fails() ? NULL : __libc_memalign(alignment, size);
}

EXPORT int posix_memalign(void **ret, size_t alignment, size_t size)
{
	int saved = errno;
	void *mem;

	if (alignment < sizeof(void *) || (alignment & (alignment - 1)))
		return EINVAL;
	mem = fails() ? NULL : __libc_memalign(alignment, size);
	errno = saved;
	if (!mem)
		return ENOMEM;
	*ret = mem;
	return 0;
}

EXPORT char *strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	Dl_info caller;
	char *copy;

	if (spared && dladdr(__builtin_return_address(0), &caller) && strstr(caller.dli_fname, spared))
		copy = __libc_malloc(size);
	else
		copy = malloc(size);
	return copy ? memcpy(copy, text, size) : NULL;
}

static int counting_main(int argc, char **argv, char **envp)
{
	const char *text = getenv("FAILALLOC_N");

	fail_at = text ? strtoul(text, NULL, 10) : 0;
	spared = getenv("FAILALLOC_SPARE");
	counted_pid = getpid();
	atomic_store(&counting, 1);
	return program_main(argc, argv, envp);
}

EXPORT int __libc_start_main(main_fn real_main, int argc, char **argv, void (*init)(void), void (*fini)(void),
			     void (*rtld_fini)(void), void *stack_end)
{
	start_main_fn start_main = (start_main_fn)(uintptr_t)dlsym(RTLD_NEXT, "__libc_start_main");

	if (!start_main)
		abort();
	program_main = real_main;
	return start_main(counting_main, argc, argv, init, fini, rtld_fini, stack_end);
}

/* Runs after the exit handlers of the program, so that what these allocate is counted. */
__attribute__((destructor)) static void report(void)
{
	const char *where = getenv("FAILALLOC_REPORT");
	int fd, opened = -1, len;
	char text[32], *end;

	if (!where || !*where || getpid() != counted_pid)
		return;

	fd = (int)strtol(where, &end, 10);
	if (*end) {
		opened = open(where, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
		fd = opened;
	}
	len = snprintf(text, sizeof(text), "%lu\n", atomic_load(&nr_allocs));
	if (fd < 0 || write(fd, text, (size_t)len) != len)
		_exit(125);	/* a run whose count is lost must not look like a good one */
	if (opened >= 0)
		close(opened);
}
