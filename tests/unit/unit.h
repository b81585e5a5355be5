/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * unit - what the unit tests share
 *
 * A random generator that gives the same numbers everywhere, temporary trees,
 * and counts of what a test must give back.
 */
#ifndef ARCADE_TESTS_UNIT_H
#define ARCADE_TESTS_UNIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNIT __attribute__((unused)) static

#define FUZZ_ROUNDS 2000

struct unit_random {
	uint64_t state;
};

/* xorshift64*: the seed is in the test, so that a failure comes again. */
UNIT uint64_t unit_random_next(struct unit_random *random)
{
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return random->state * 0x2545f4914f6cdd1dULL;
}

/* 0..@bound-1 */
UNIT uint32_t unit_random_below(struct unit_random *random, uint32_t bound)
{
	return (uint32_t)((unit_random_next(random) >> 32) % bound);
}

/*
 * A string of at most @max bytes: half of them made of @alphabet, so that a parser gets beyond the first byte, half of
 * any bytes.
 */
UNIT void unit_random_string(struct unit_random *random, const char *alphabet, char *buf, size_t max)
{
	size_t len = unit_random_below(random, (uint32_t)max + 1);
	bool any = unit_random_below(random, 2) == 0;

	for (size_t i = 0; i < len; i++) {
		if (any)
			buf[i] = (char)(1 + unit_random_below(random, 255));
		else
			buf[i] = alphabet[unit_random_below(random, (uint32_t)strlen(alphabet))];
	}
	buf[len] = '\0';
}

UNIT char *unit_tempdir_new(void)
{
	const char *base = getenv("TMPDIR");
	char *path = NULL;

	assert_true(asprintf(&path, "%s/arcade-unit-XXXXXX", base && *base ? base : "/tmp") > 0);
	assert_non_null(mkdtemp(path));
	return path;
}

UNIT int unit_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

UNIT void unit_tempdir_free(char *path)
{
	assert_int_equal(nftw(path, unit_remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
	free(path);
}

/* Makes the directories above as well. */
UNIT void unit_make_dirs(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) < 0)
			assert_int_equal(errno, EEXIST);
		*slash = '/';
	}
}

UNIT void unit_write_bytes(const char *root, const char *name, const void *bytes, size_t len)
{
	char path[1024];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	unit_make_dirs(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, len), len);
	close(fd);
}

UNIT void unit_write_text(const char *root, const char *name, const char *text)
{
	unit_write_bytes(root, name, text, strlen(text));
}

UNIT int unit_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* From now on no descriptor can be opened. */
UNIT struct rlimit unit_forbid_fds(void)
{
	struct rlimit old, none;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
	none = old;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	return old;
}

UNIT void unit_allow_fds(struct rlimit old)
{
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &old), 0);
}

#endif
