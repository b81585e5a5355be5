/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files beside the program: this program copies itself into trees and asks there.
 */
#include "unit.h"

#include <limits.h>
#include <sys/wait.h>

#include "own_file.h"
#include "util.h"

#define ASK "--ask"

/* In the copy: print the path, or nothing. */
static int ask(size_t size)
{
	char path[PATH_MAX] = "untouched";
	int err = own_file_find("file", "sub/file", path, size);

	printf("%s", path);
	return err ? -err : 0;
}

static char *dir;

static int setup(void **state)
{
	char path[PATH_MAX];

	dir = unit_tempdir_new();
	snprintf(path, sizeof(path), "%s/bin", dir);
	return mkdir(path, 0755);
}

static int teardown(void **state)
{
	unit_tempdir_free(dir);
	return 0;
}

/* Return: its status; @said is at least PATH_MAX. */
static int run_copy(const char *size, char *said)
{
	char command[2 * PATH_MAX];
	FILE *out;
	size_t n;

	snprintf(command, sizeof(command), "cp -p /proc/%d/exe %s/bin/program && exec %s/bin/program " ASK " %s", (int)getpid(), dir, dir, size);
	out = popen(command, "r");
	assert_non_null(out);
	n = fread(said, 1, PATH_MAX - 1, out);
	said[n] = '\0';
	return WEXITSTATUS(pclose(out));
}

static void assert_finds(const char *expected)
{
	char said[PATH_MAX], path[PATH_MAX], real[PATH_MAX];

	assert_int_equal(run_copy("4096", said), 0);
	snprintf(path, sizeof(path), "%s/%s", dir, expected);
	assert_non_null(realpath(path, real));
	assert_string_equal(said, real);
}

static void test_installed(void **state)
{
	unit_write_text(dir, "share/scx_arcade/file", "x");
	assert_finds("share/scx_arcade/file");
}

static void test_in_tree(void **state)
{
	unit_write_text(dir, "tools/dist/sub/file", "x");
	assert_finds("tools/dist/sub/file");
}

static void test_installed_first(void **state)
{
	unit_write_text(dir, "tools/dist/sub/file", "x");
	unit_write_text(dir, "share/scx_arcade/file", "x");
	assert_finds("share/scx_arcade/file");
}

static void test_neither(void **state)
{
	char said[PATH_MAX];

	assert_int_equal(run_copy("4096", said), ENOENT);
	assert_string_equal(said, "");
}

static void test_no_room(void **state)
{
	char said[PATH_MAX];

	unit_write_text(dir, "tools/dist/sub/file", "x");
	assert_int_equal(run_copy("4", said), ENAMETOOLONG);
	assert_string_equal(said, "");
}

#define OWN_FILE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		OWN_FILE_TEST(test_installed),
		OWN_FILE_TEST(test_in_tree),
		OWN_FILE_TEST(test_installed_first),
		OWN_FILE_TEST(test_neither),
		OWN_FILE_TEST(test_no_room),
	};

	if (argc == 3 && streq(argv[1], ASK))
		return ask(strtoul(argv[2], NULL, 10));
	return cmocka_run_group_tests_name("own_file", tests, NULL, NULL);
}
