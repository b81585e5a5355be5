/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit.h"

#include <ctype.h>
#include <pthread.h>
#include <time.h>

#include "programs.h"

struct world {
	char *dir;
	int fds;
	struct programs *programs;
	char message[PROGRAMS_MESSAGE_MAX];
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->fds = unit_count_fds();
	world->dir = unit_tempdir_new();
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	programs_unref(world->programs);
	unit_tempdir_free(world->dir);
	assert_int_equal(unit_count_fds(), world->fds);
	free(world);
	return 0;
}

static int parse(struct world *world, const char *text)
{
	programs_unref(world->programs);
	world->programs = NULL;
	memset(world->message, 0, sizeof(world->message));
	return programs_new_text("list", text, strlen(text), world->message, &world->programs);
}

static void check_good(struct world *world, const char *text)
{
	if (parse(world, text))
		fail_msg("'%s': %s", text, world->message);
}

static void check_bad(struct world *world, const char *text, const char *message)
{
	assert_int_equal(parse(world, text), -EINVAL);
	assert_string_equal(world->message, message);
	assert_null(world->programs);
}

static void check_section(struct world *world, const char *name, enum programs_section section)
{
	if (programs_find(world->programs, name) != section)
		fail_msg("'%s' is in [%s], not in [%s]", name,
			 programs_section_name(programs_find(world->programs, name)), programs_section_name(section));
}

static void test_sections(void **state)
{
	struct world *world = *state;

	check_good(world, "# a comment\n\n[game]\n  doom \t\n; another\n[never]\nRDR2 Launcher.exe\r\nfire*\n[background]\ncc?\n"
			  "[launcher]\nlutris");
	assert_int_equal(programs_nr(world->programs), 5);
	check_section(world, "doom", PROGRAMS_GAME);
	check_section(world, "DOOM", PROGRAMS_GAME);
	check_section(world, "doom2", PROGRAMS_NONE);
	check_section(world, "rdr2 launcher.exe", PROGRAMS_NEVER);
	check_section(world, "fire", PROGRAMS_NEVER);
	check_section(world, "firefox-bin", PROGRAMS_NEVER);
	check_section(world, "wildfire", PROGRAMS_NONE);
	check_section(world, "cc1", PROGRAMS_BACKGROUND);
	check_section(world, "cc", PROGRAMS_NONE);
	check_section(world, "cc12", PROGRAMS_NONE);
	check_section(world, "lutris", PROGRAMS_LAUNCHER);
	check_section(world, "", PROGRAMS_NONE);
	check_good(world, "");
	assert_int_equal(programs_nr(world->programs), 0);
	check_section(world, "doom", PROGRAMS_NONE);
}

static void test_last_line_counts(void **state)
{
	struct world *world = *state;

	check_good(world, "[never]\n*launcher.exe\n[game]\nmy launcher.exe\n[never]\nyour*\n");
	check_section(world, "their launcher.exe", PROGRAMS_NEVER);
	check_section(world, "my launcher.exe", PROGRAMS_GAME);
	check_good(world, "[game]\nmy launcher.exe\n[never]\n*launcher.exe\n");
	check_section(world, "my launcher.exe", PROGRAMS_NEVER);
}

static void test_globs(void **state)
{
	struct world *world = *state;

	check_good(world, "[game]\n*ab*cd*\n[never]\nx?z*\n[background]\n**end\n");
	check_section(world, "abcd", PROGRAMS_GAME);
	check_section(world, "aab-acd-cdx", PROGRAMS_GAME);
	check_section(world, "acbd", PROGRAMS_NONE);
	check_section(world, "xyz", PROGRAMS_NEVER);
	check_section(world, "xyzzy", PROGRAMS_NEVER);
	check_section(world, "xz", PROGRAMS_NONE);
	check_section(world, "end", PROGRAMS_BACKGROUND);
	check_section(world, "the end", PROGRAMS_BACKGROUND);
	check_section(world, "ends", PROGRAMS_NONE);
}

static void test_bad_lines(void **state)
{
	struct world *world = *state;
	char text[300];

	check_bad(world, "doom\n", "list:1: a name before the first section");
	check_bad(world, "\n#\n[games]\n",
		  "list:3: unknown section, expected [game], [never], [launcher] or [background]");
	check_bad(world, "[game\n", "list:1: unknown section, expected [game], [never], [launcher] or [background]");
	check_bad(world, "[none]\n", "list:1: unknown section, expected [game], [never], [launcher] or [background]");
	check_bad(world, "[game]\n*\n", "list:2: this fits nearly every program");
	check_bad(world, "[game]\n*?a?*\n", "list:2: this fits nearly every program");
	check_bad(world, "[game]\ndo\001om\n", "list:2: a control character in the name");
	check_bad(world, "[game]\n/usr/bin/doom\n", "list:2: a path: only names of programs are known here");
	check_bad(world, "[game]\nC:\\doom.exe\n", "list:2: a path: only names of programs are known here");
	memset(text, 'a', sizeof(text));
	memcpy(text, "[game]\n", 7);
	text[7 + PROGRAMS_NAME_MAX] = '\0';
	check_good(world, text);
	text[7 + PROGRAMS_NAME_MAX] = 'a';
	text[7 + PROGRAMS_NAME_MAX + 1] = '\0';
	check_bad(world, text, "list:2: the name is too long");
	programs_unref(world->programs);
	world->programs = NULL;
	assert_int_equal(programs_new_text("list", "[game]\nab\0cd\n", 13, world->message, &world->programs), -EINVAL);
	assert_string_equal(world->message, "list:2: a control character in the name");
}

static void test_too_many(void **state)
{
	struct world *world = *state;
	size_t size = 16 + 8 * (PROGRAMS_ENTRIES_MAX + 1);
	char *text = malloc(size), expected[64];
	size_t len;

	assert_non_null(text);
	len = (size_t)snprintf(text, size, "[game]\n");
	for (int i = 0; i < PROGRAMS_ENTRIES_MAX; i++)
		len += (size_t)snprintf(text + len, size - len, "g%d\n", 10000 + i);
	check_good(world, text);
	assert_int_equal(programs_nr(world->programs), PROGRAMS_ENTRIES_MAX);
	snprintf(text + len, size - len, "more\n");
	snprintf(expected, sizeof(expected), "list:%d: too many names", PROGRAMS_ENTRIES_MAX + 2);
	check_bad(world, text, expected);
	free(text);
}

static int load(struct world *world, const char *file, const char *dir)
{
	char file_path[512], dir_path[512];

	programs_unref(world->programs);
	world->programs = NULL;
	memset(world->message, 0, sizeof(world->message));
	snprintf(file_path, sizeof(file_path), "%s/%s", world->dir, file ? file : "");
	snprintf(dir_path, sizeof(dir_path), "%s/%s", world->dir, dir ? dir : "");
	return programs_new(file ? file_path : NULL, dir ? dir_path : NULL, world->message, &world->programs);
}

static void test_builtin(void **state)
{
	struct world *world = *state;

	if (load(world, NULL, NULL))
		fail_msg("%s", world->message);
	assert_true(programs_nr(world->programs) > 300);
	check_section(world, "firefox", PROGRAMS_NEVER);
	check_section(world, "steamwebhelper", PROGRAMS_NEVER);
	check_section(world, "reaper", PROGRAMS_NEVER);
	check_section(world, "wineserver64", PROGRAMS_NEVER);
	check_section(world, "UnityCrashHandler64.exe", PROGRAMS_NEVER);
	check_section(world, "steam", PROGRAMS_LAUNCHER);
	check_section(world, "fossilize_replay", PROGRAMS_BACKGROUND);
	check_section(world, "cc1plus", PROGRAMS_BACKGROUND);
	check_section(world, "x86_64-linux-gnu-gcc-12", PROGRAMS_BACKGROUND);
	check_section(world, "retroarch", PROGRAMS_GAME);
	check_section(world, "Cyberpunk2077.exe", PROGRAMS_NONE);
	check_section(world, "hl2_linux", PROGRAMS_NONE);
	check_section(world, "factorio", PROGRAMS_NONE);
	/* A file that is not there is no reason to go without. */
	assert_int_equal(load(world, "absent", "absent.d"), 0);
	check_section(world, "firefox", PROGRAMS_NEVER);
}

static void test_files(void **state)
{
	struct world *world = *state;

	unit_write_text(world->dir, "list", "[never]\ndoom\nquake\n");
	unit_write_text(world->dir, "more.d/20-second.conf", "[never]\nheretic\n");
	unit_write_text(world->dir, "more.d/10-first.conf", "[game]\ndoom\nheretic\n");
	unit_write_text(world->dir, "more.d/.hidden.conf", "nonsense");
	unit_write_text(world->dir, "more.d/notes.txt", "nonsense");
	assert_int_equal(load(world, "list", "more.d"), 0);
	check_section(world, "doom", PROGRAMS_GAME);
	check_section(world, "quake", PROGRAMS_NEVER);
	check_section(world, "heretic", PROGRAMS_NEVER);
	check_section(world, "firefox", PROGRAMS_NONE);
}

static void test_bad_file_is_named(void **state)
{
	struct world *world = *state;
	char expected[1024];

	unit_write_text(world->dir, "list", "[never]\n");
	unit_write_text(world->dir, "more.d/10-good.conf", "[game]\ndoom\n");
	unit_write_text(world->dir, "more.d/20-bad.conf", "[game]\nquake\n\n[gmae]\n");
	assert_int_equal(load(world, "list", "more.d"), -EINVAL);
	snprintf(expected, sizeof(expected),
		 "%s/more.d/20-bad.conf:4: unknown section, expected [game], [never], [launcher] or [background]",
		 world->dir);
	assert_string_equal(world->message, expected);
	assert_null(world->programs);
}

static void make_fifo(struct world *world, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", world->dir, name);
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void check_refused(struct world *world, const char *file, const char *dir, int err, const char *what)
{
	struct timespec before, after;

	clock_gettime(CLOCK_MONOTONIC, &before);
	assert_int_equal(load(world, file, dir), err);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(after.tv_sec - before.tv_sec < 5);
	if (!strstr(world->message, what))
		fail_msg("'%s' says nothing of '%s'", world->message, what);
	assert_null(world->programs);
}

/* A FIFO without a writer would be waited for until the end of time. */
static void test_no_regular_file(void **state)
{
	struct world *world = *state;
	char path[512];

	make_fifo(world, "fifo");
	check_refused(world, "fifo", NULL, -EINVAL, "no regular file");
	unit_write_text(world->dir, "dir/x", "");
	check_refused(world, "dir", NULL, -EINVAL, "no regular file");
	unit_write_text(world->dir, "list", "");
	make_fifo(world, "dir/a.conf");
	check_refused(world, "list", "dir", -EINVAL, "dir/a.conf: no regular file");
	check_refused(world, "list", "list", -ENOTDIR, "list: ");
	check_refused(world, "list", "fifo", -ENOTDIR, "fifo: ");
	snprintf(path, sizeof(path), "%s/loop", world->dir);
	assert_int_equal(symlink("loop", path), 0);
	check_refused(world, "loop", NULL, -ELOOP, "loop: ");
	snprintf(path, sizeof(path), "%s/zero", world->dir);
	assert_int_equal(symlink("/dev/zero", path), 0);
	check_refused(world, "zero", NULL, -EINVAL, "no regular file");
}

static void test_huge_file(void **state)
{
	struct world *world = *state;
	char *text = malloc(PROGRAMS_FILE_MAX + 1);
	char path[512];

	assert_non_null(text);
	memset(text, '#', PROGRAMS_FILE_MAX + 1);
	unit_write_bytes(world->dir, "list", text, PROGRAMS_FILE_MAX);
	assert_int_equal(load(world, "list", NULL), 0);
	unit_write_bytes(world->dir, "list", text, PROGRAMS_FILE_MAX + 1);
	check_refused(world, "list", NULL, -EFBIG, "larger than 256 KiB");
	/* Mostly a hole: nothing of a terabyte is read. */
	snprintf(path, sizeof(path), "%s/list", world->dir);
	assert_int_equal(truncate(path, 1LL << 40), 0);
	check_refused(world, "list", NULL, -EFBIG, "larger than 256 KiB");
	free(text);
}

static void test_many_files(void **state)
{
	struct world *world = *state;
	char name[64];

	unit_write_text(world->dir, "list", "");
	for (int i = 0; i <= PROGRAMS_FILES_MAX; i++) {
		snprintf(name, sizeof(name), "more.d/%d.conf", i);
		unit_write_text(world->dir, name, "[game]\nsame\n");
		if (i == PROGRAMS_FILES_MAX - 1)
			assert_int_equal(load(world, "list", "more.d"), 0);
	}
	check_refused(world, "list", "more.d", -E2BIG, "more than 64 files");
}

static void test_without_descriptors(void **state)
{
	struct world *world = *state;
	struct rlimit old;
	int err;

	unit_write_text(world->dir, "list", "");
	old = unit_forbid_fds();
	err = load(world, "list", NULL);
	unit_allow_fds(old);
	assert_int_equal(err, -EMFILE);
}

static void test_any_bytes(void **state)
{
	struct world *world = *state;
	struct unit_random random = { .state = 4711 };
	char text[256];

	for (int i = 0; i < FUZZ_ROUNDS; i++) {
		int err;

		unit_random_string(&random, "[]gamenvrbckoud*?#; \n\r\t", text, sizeof(text) - 1);
		err = parse(world, text);
		assert_true(err == 0 || err == -EINVAL);
		assert_true(!err == !!world->programs);
		assert_true(!err || !strncmp(world->message, "list:", 5));
		if (!err)
			programs_find(world->programs, text);
	}
}

/* Patterns that are exponential for a matcher that backs up. */
static void test_expensive_globs(void **state)
{
	struct world *world = *state;
	struct timespec before, after;
	char name[256];

	check_good(world, "[game]\n*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b\n");
	memset(name, 'a', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	clock_gettime(CLOCK_MONOTONIC, &before);
	for (int i = 0; i < 1000; i++)
		check_section(world, name, PROGRAMS_NONE);
	clock_gettime(CLOCK_MONOTONIC, &after);
	assert_true(after.tv_sec - before.tv_sec < 10);
	name[254] = 'b';
	check_section(world, name, PROGRAMS_GAME);
}

static void *drop_reference(void *arg)
{
	for (int i = 0; i < 10000; i++)
		programs_unref(programs_ref(arg));
	programs_unref(arg);
	return NULL;
}

static void test_shared(void **state)
{
	struct world *world = *state;
	pthread_t threads[4];

	check_good(world, "[game]\ndoom\n");
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, drop_reference, programs_ref(world->programs)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	check_section(world, "doom", PROGRAMS_GAME);
	programs_unref(NULL);
}

#define PROGRAMS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROGRAMS_TEST(test_sections),	     PROGRAMS_TEST(test_last_line_counts),
		PROGRAMS_TEST(test_globs),	     PROGRAMS_TEST(test_bad_lines),
		PROGRAMS_TEST(test_too_many),	     PROGRAMS_TEST(test_builtin),
		PROGRAMS_TEST(test_files),	     PROGRAMS_TEST(test_bad_file_is_named),
		PROGRAMS_TEST(test_no_regular_file), PROGRAMS_TEST(test_huge_file),
		PROGRAMS_TEST(test_many_files),	     PROGRAMS_TEST(test_without_descriptors),
		PROGRAMS_TEST(test_any_bytes),	     PROGRAMS_TEST(test_expensive_globs),
		PROGRAMS_TEST(test_shared),
	};

	return cmocka_run_group_tests_name("programs", tests, NULL, NULL);
}
