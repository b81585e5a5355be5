/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Runs failalloc_probe with failalloc.so. Both are looked for beside this program, or where FAILALLOC_SO and
 * FAILALLOC_PROBE say; without them the tests are skipped, and say so.
 */
#include "unit.h"

#include <sys/wait.h>

#include "util.h"

#define NR_PROBE_ALLOCS 7

static char so_path[1024], probe_path[1024];

static void find_file(char *path, size_t size, const char *variable, const char *name)
{
	const char *given = getenv(variable);
	char self[512];
	ssize_t n;

	if (given) {
		snprintf(path, size, "%s", given);
		return;
	}
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	assert_true(n > 0);
	self[n] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(path, size, "%s/%s", self, name);
}

static void need_files(void)
{
	find_file(so_path, sizeof(so_path), "FAILALLOC_SO", "failalloc.so");
	find_file(probe_path, sizeof(probe_path), "FAILALLOC_PROBE", "failalloc_probe");
	if (access(so_path, R_OK) < 0 || access(probe_path, X_OK) < 0) {
		print_message("skipped: %s and %s are not both there\n", so_path, probe_path);
		skip();
	}
}

/* Return: the exit status of the probe; @out is what it printed. */
static int run_probe(const char *n, const char *report, const char *argument, char *out, size_t size)
{
	int ends[2], status;
	ssize_t len;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		setenv("LD_PRELOAD", so_path, 1);
		unsetenv("FAILALLOC_N");
		unsetenv("FAILALLOC_REPORT");
		if (n)
			setenv("FAILALLOC_N", n, 1);
		if (report)
			setenv("FAILALLOC_REPORT", report, 1);
		execl(probe_path, probe_path, argument, NULL);
		_exit(127);
	}
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	len = read(ends[0], out, size - 1);
	close(ends[0]);
	assert_true(len >= 0);
	out[len] = '\0';
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void test_none_fails(void **state)
{
	char out[64];

	(void)state;
	need_files();
	assert_int_equal(run_probe(NULL, NULL, NULL, out, sizeof(out)), 0);
	assert_string_equal(out, "0\n");
	assert_int_equal(run_probe("0", NULL, NULL, out, sizeof(out)), 0);
	assert_string_equal(out, "0\n");
	assert_int_equal(run_probe("8", NULL, NULL, out, sizeof(out)), 0);
	assert_string_equal(out, "0\n");
}

static void test_each_fails(void **state)
{
	(void)state;
	need_files();
	for (int i = 1; i <= NR_PROBE_ALLOCS; i++) {
		char n[16], expected[16], out[64];

		snprintf(n, sizeof(n), "%d", i);
		snprintf(expected, sizeof(expected), "%d\n", i);
		assert_int_equal(run_probe(n, NULL, NULL, out, sizeof(out)), 1);
		assert_string_equal(out, expected);
	}
}

static void test_report(void **state)
{
	char *dir, path[1024], out[64], text[64];
	int dirfd;

	(void)state;
	need_files();
	/* To a descriptor: standard output here. */
	assert_int_equal(run_probe(NULL, "1", NULL, out, sizeof(out)), 0);
	assert_string_equal(out, "0\n7\n");
	assert_int_equal(run_probe("3", "1", NULL, out, sizeof(out)), 1);
	assert_string_equal(out, "3\n7\n");
	assert_int_equal(run_probe(NULL, "1", "--fork", out, sizeof(out)), 0);
	assert_string_equal(out, "0\n7\n");

	dir = unit_tempdir_new();
	snprintf(path, sizeof(path), "%s/report", dir);
	assert_int_equal(run_probe(NULL, path, NULL, out, sizeof(out)), 0);
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(read_file_line_at(dirfd, "report", text, sizeof(text)), 0);
	assert_string_equal(text, "7");
	close(dirfd);
	unit_tempdir_free(dir);

	/* A report that is lost is not silent. */
	assert_int_equal(run_probe(NULL, "/nonexistent/report", NULL, out, sizeof(out)), 125);
	assert_int_equal(run_probe(NULL, "99", NULL, out, sizeof(out)), 125);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none_fails),
		cmocka_unit_test(test_each_fails),
		cmocka_unit_test(test_report),
	};

	return cmocka_run_group_tests_name("failalloc", tests, NULL, NULL);
}
