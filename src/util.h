/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * util - small tools that every room may use
 *
 * Ownership by scope (cleanup attributes), parsers that accept a whole string
 * or nothing, and readers for small files. Nothing here logs or allocates.
 */
#ifndef ARCADE_SRC_UTIL_H
#define ARCADE_SRC_UTIL_H

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NSEC_PER_USEC 1000ULL
#define NSEC_PER_MSEC 1000000ULL
#define NSEC_PER_SEC  1000000000ULL

/* Refuses pointers: the size of a negative array is a compile-time error. */
#define ARRAY_SIZE(a) \
	(sizeof(a) / sizeof((a)[0]) + \
	 0 * sizeof(char[1 - 2 * !!__builtin_types_compatible_p(__typeof__(a), __typeof__(&(a)[0]))]))

#ifndef container_of
#define container_of(ptr, type, member) ((type *)((char *)(1 ? (ptr) : &((type *)0)->member) - offsetof(type, member)))
#endif

/* Declare the variable with an initial value: the cleanup runs on every way out of the scope. */
#define _cleanup_(fn) __attribute__((cleanup(fn)))

/* Defines x_freep() for _cleanup_(x_freep) from x_free(), which accepts NULL. @type is the pointer type. */
#define DEFINE_CLEANUP(type, fn) \
	static inline __attribute__((unused)) void fn##p(type *p) \
	{ \
		fn(*p); \
	}

/* Close @fd unless it is negative. errno survives. Return: -1, to be assigned to the descriptor. */
int close_fd(int fd);

static inline void util_freep(void *p)
{
	void *mem;

	memcpy(&mem, p, sizeof(mem));
	free(mem);
}

static inline void util_closep(int *fd)
{
	close_fd(*fd);
}

static inline void util_fclosep(FILE **file)
{
	if (*file)
		fclose(*file);
}

static inline void util_closedirp(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

#define _cleanup_free_	   _cleanup_(util_freep)
#define _cleanup_close_	   _cleanup_(util_closep)
#define _cleanup_fclose_   _cleanup_(util_fclosep)
#define _cleanup_closedir_ _cleanup_(util_closedirp)

/* Hand ownership over: what is returned is no longer cleaned up by the scope. */
static inline int steal_fd(int *fd)
{
	int ret = *fd;

	*fd = -1;
	return ret;
}

#define steal_ptr(pptr) \
	({ \
		__typeof__(pptr) steal_pptr_ = (pptr); \
		__typeof__(*steal_pptr_) steal_ret_ = *steal_pptr_; \
		*steal_pptr_ = NULL; \
		steal_ret_; \
	})

/*
 * A terminal that has stopped makes write(2) sleep even if poll(2) said that it is writable. Puts an own, non-blocking
 * description of the terminal under @fd; the one that others share stays as it is. Anything but a terminal is left alone.
 * Return: 0, -errno with @fd unchanged.
 */
int unblock_terminal(int fd);

static inline bool streq(const char *a, const char *b)
{
	return strcmp(a, b) == 0;
}

/* CLOCK_MONOTONIC, the clock of loop timers and of the kernel half's records. */
uint64_t now_ns(void);

/*
 * Decimal digits only: no sign, no space, no base prefix, the whole string.
 * Return: 0, -EINVAL if it is not a number, -ERANGE if it is outside [@min, @max].
 */
int parse_u64_range(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/*
 * Seconds with at most nine decimals ("2", "0.25"), independent of the locale.
 * Return: 0, -EINVAL, or -ERANGE as above, with limits and result in nanoseconds.
 */
int parse_seconds_range(const char *text, uint64_t min_ns, uint64_t max_ns, uint64_t *ret_ns);

/* The largest number of CPUs that a bitmap holds; the kernel half's arrays have the same bound. */
#define CPU_BITMAP_BITS 1024

struct cpu_bitmap {
	uint64_t words[CPU_BITMAP_BITS / 64];
};

static inline bool cpu_bitmap_test(const struct cpu_bitmap *map, uint32_t cpu)
{
	return cpu < CPU_BITMAP_BITS && (map->words[cpu / 64] >> (cpu % 64) & 1);
}

static inline void cpu_bitmap_set(struct cpu_bitmap *map, uint32_t cpu)
{
	if (cpu < CPU_BITMAP_BITS)
		map->words[cpu / 64] |= 1ULL << (cpu % 64);
}

/* Number of set bits. */
uint32_t cpu_bitmap_weight(const struct cpu_bitmap *map);

/* Lowest set bit at or above @from. Return: the CPU, or -1 if there is none. */
int cpu_bitmap_next(const struct cpu_bitmap *map, uint32_t from);

#define cpu_bitmap_for_each(cpu, map) \
	for (int cpu = cpu_bitmap_next(map, 0); cpu >= 0; cpu = cpu_bitmap_next(map, (uint32_t)cpu + 1))

/*
 * The kernel's list format, "0-3,8,10-11". An empty string is an empty set.
 * Return: 0, -EINVAL for anything malformed (also "3-1"), -ERANGE for a CPU that the bitmap cannot hold.
 */
int parse_cpulist(const char *text, struct cpu_bitmap *ret);

/* What read_file_line_at() takes in at most; a sysfs attribute is one page. */
#define READ_LINE_MAX 4096

/*
 * First line of a small file, without its newline. Symbolic links are followed, as sysfs needs it.
 * Never waits (a FIFO reads as empty) and reads at most READ_LINE_MAX bytes.
 * Return: 0, -EMSGSIZE if the line does not fit @size, -EINVAL if it holds a NUL, -errno. @buf is untouched on failure.
 */
int read_file_line_at(int dirfd, const char *path, char *buf, size_t size);

/* The same, parsed as by parse_u64_range(). */
int read_file_u64_at(int dirfd, const char *path, uint64_t min, uint64_t max, uint64_t *ret);

/*
 * Copy @src so that it is safe on a terminal and stays one line: control characters (C0, DEL, C1) and bytes
 * that are not UTF-8 become \n, \t, \xNN. What does not fit is cut at a whole character and ends in "...".
 * Return: the length of @dst, which is always terminated; @size must be at least 4.
 */
size_t escape_text(char *dst, size_t size, const char *src);

#endif
