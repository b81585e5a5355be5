/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "config.h"

static char said[16384];

static void tell(void *data, const char *message)
{
	(void)data;
	assert_true(strlen(message) < CONFIG_MESSAGE_MAX && !strchr(message, '\n') && !strchr(message, '\033'));
	snprintf(said + strlen(said), sizeof(said) - strlen(said), "%s\n", message);
}

static struct config *parse_bytes(const char *text, size_t len)
{
	struct config *config = NULL;
	int err;

	said[0] = '\0';
	err = config_new_text("f", text, len, tell, NULL, &config);
	/* Who fails says why, and gives nothing. */
	assert_int_equal(err != 0, said[0] != '\0');
	assert_int_equal(err != 0, config == NULL);
	return config;
}

static struct config *parse(const char *text)
{
	return parse_bytes(text, strlen(text));
}

static void check_bad_bytes(const char *text, size_t len, const char *expected)
{
	assert_null(parse_bytes(text, len));
	assert_string_equal(said, expected);
}

static void check_bad(const char *text, const char *expected)
{
	check_bad_bytes(text, strlen(text), expected);
}

static const struct config_value *value_of(const struct config *config, const char *name)
{
	return &config->values[option_index(option_find(name))];
}

static void test_good(void **state)
{
	_cleanup_(config_freep) struct config *config =
		parse("\xef\xbb\xbf# with a mark, as Windows makes it\r\n"
		      "[daemon]\r\n"
		      "   slice-us = 2000\r\n"
		      "\tverbose: on\n"
		      "mode=gaming\n"
		      "; \xc3\xa4 comment\n"
		      "[input]\n"
		      "[chain]\n"
		      "chain-ms=20");
	char where[64];

	(void)state;
	assert_non_null(config);
	assert_int_equal(value_of(config, "slice-us")->value, 2000);
	assert_int_equal(value_of(config, "slice-us")->line, 3);
	assert_string_equal(config_where(config, value_of(config, "chain-ms"), where, sizeof(where)), "f:9");
	assert_int_equal(value_of(config, "verbose")->value, 1);
	assert_int_equal(value_of(config, "chain-ms")->value, 20);
	assert_false(value_of(config, "input")->is_set);
	config_free(parse(""));
	config_free(parse("\n\n[daemon]\n"));
}

static void test_mistakes(void **state)
{
	(void)state;
	check_bad("[daemon]\nslice = 3\n", "f:2: unknown key 'slice'\n");
	check_bad("[daemon]\nhelp = yes\n", "f:2: unknown key 'help'\n");
	check_bad("[demon]\nslice-us = 3000\n", "f:1: unknown section [demon], expected [daemon], [input], [chain] or [game \"NAME\"]\n");
	check_bad("\n[empty]\n", "f:2: unknown section [empty], expected [daemon], [input], [chain] or [game \"NAME\"]\n");
	check_bad("slice-us = 3000\n", "f:1: a key before the first section\n");
	check_bad("[chain]\nslice-us = 3000\n", "f:2: slice-us belongs into [daemon]\n");
	check_bad("[daemon]\nslice-us = 10\n", "f:2: slice-us: '10' is out of range, expected 250 to 20000 us\n");
	check_bad("[daemon]\nslice-us = -1\n", "f:2: slice-us: '-1' is not a number, expected 250 to 20000 us\n");
	check_bad("[daemon]\nslice-us =\n", "f:2: slice-us: '' is not a number, expected 250 to 20000 us\n");
	check_bad("[daemon]\npreempt = maybe\n", "f:2: preempt: 'maybe' is none of the words, expected yes or no\n");
	check_bad("[daemon]\nmode = fast\n",
		  "f:2: mode: 'fast' is none of the words, expected auto, gaming, lowlatency, powersave or server\n");
	check_bad("[daemon]\nslice-us\n", "f:2: this is no section, comment or KEY = VALUE\n");
	check_bad("[daemon]\nslice-us", "f:2: this is no section, comment or KEY = VALUE\n");
	check_bad("[daemon\n", "f:1: a section is a line of its own, expected [NAME]\n");
	check_bad("[daemon] slice-us = 3\n", "f:1: a section is a line of its own, expected [NAME]\n");
	check_bad("[daemon]\nslice-us = 3000\nslice-us = 4000\n", "f:3: slice-us is said twice, first in line 2\n");
	/* All of them, each with its line; an indented line goes on from none. */
	check_bad("[daemon]\nx = 1\n  slice-us = 0\nmode = ?\n",
		  "f:2: unknown key 'x'\n"
		  "f:3: slice-us: '0' is out of range, expected 250 to 20000 us\n"
		  "f:4: mode: '?' is none of the words, expected auto, gaming, lowlatency, powersave or server\n");
}

static void test_encoding(void **state)
{
	static const struct {
		const char *line, *problem;
	} bad[] = {
		{ "#\xff", "bytes that are not UTF-8" },	  { "#\xc3", "bytes that are not UTF-8" },
		{ "#\xc0\xaf", "bytes that are not UTF-8" },	  { "#\xed\xa0\x80", "bytes that are not UTF-8" },
		{ "#\xf4\x90\x80\x80", "bytes that are not UTF-8" }, { "#\xe2\x82", "bytes that are not UTF-8" },
		{ "#\xc2\x9b", "a control character" },		  { "#\x1b[2J", "a control character" },
		{ "#\x7f", "a control character" },		  { "#a\rb", "a control character" },
	};
	char text[64], expected[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(text, sizeof(text), "\n%s\n", bad[i].line);
		snprintf(expected, sizeof(expected), "f:2: %s\n", bad[i].problem);
		check_bad(text, expected);
	}
	check_bad_bytes("[daemon]\nslice-us\0=3000\n", 23, "f:2: a NUL byte\n");
	config_free(parse("#\xc3\xa4 \xe2\x82\xac \xf0\x9f\x8e\xae\n"));
	assert_string_equal(said, "");
}

static void test_long_lines(void **state)
{
	char text[70000];
	char expected[256];

	(void)state;
	/* As long as it may be, and one more. */
	memset(text, 0, sizeof(text));
	strcpy(text, "[daemon]\nslice-us = ");
	memset(text + strlen(text), '0', CONFIG_LINE_MAX - 11 - 4);
	strcat(text, "3000");
	config_free(parse(text));
	assert_string_equal(said, "");
	strcat(text, "0");
	snprintf(expected, sizeof(expected), "f:2: the line is longer than %d bytes\n", CONFIG_LINE_MAX);
	check_bad(text, expected);
	memset(text, '#', sizeof(text));
	memset(text, 'x', 1000);
	snprintf(expected, sizeof(expected), "f:1: the line is longer than %d bytes\n", CONFIG_LINE_MAX);
	check_bad_bytes(text, sizeof(text), expected);
	snprintf(text, sizeof(text), "[%060d]\n", 7);
	check_bad(text, "f:1: the section's name is longer than 49 bytes\n");
}

static void test_many_mistakes(void **state)
{
	char text[4096] = "";
	size_t nr = 0;

	(void)state;
	for (int i = 0; i < 100; i++)
		strcat(text, "[x]\n");
	assert_null(parse(text));
	for (const char *at = said; (at = strchr(at, '\n')); at++)
		nr++;
	assert_int_equal(nr, CONFIG_ERRORS_MAX + 1);
	assert_non_null(strstr(said, "... and 68 mistakes more\n"));
}

static const char *found(const struct config *config, uint64_t app_id, const char *name, const char *class)
{
	const struct config_match match = { .app_id = app_id, .names = { name, "comm", "" }, .window_class = class };
	const struct config_game *game = config_find_game(config, &match);

	return game ? game->name : "";
}

static void test_games(void **state)
{
	_cleanup_(config_freep) struct config *config =
		parse("[game \"by number\"]\napp-id = 570\nslice-us = 1000\n"
		      "[game \"by name\"]\nexecutable = Doom\nchain-ms = 50\n"
		      "[game \"both\"]\napp-id = 570\nexecutable = dota2\n"
		      "[game \"by class\"]\nwindow-class = org.Quake\n"
		      "[game \"by name\"]\nslice-us = 1500\n");
	const struct config_game *game;

	(void)state;
	assert_non_null(config);
	assert_int_equal(config->nr_games, 4);
	assert_string_equal(found(config, 570, "x", NULL), "by number");
	/* The last that fits counts, and all of what it says must fit. */
	assert_string_equal(found(config, 570, "DOTA2", NULL), "both");
	assert_string_equal(found(config, 571, "dota2", NULL), "");
	assert_string_equal(found(config, 0, "doom.exe", NULL), "by name");
	assert_string_equal(found(config, 0, "doom2.exe", NULL), "");
	assert_string_equal(found(config, 0, "Doo", NULL), "");
	assert_string_equal(found(config, 0, "", "org.quake"), "by class");
	assert_string_equal(found(config, 0, NULL, ""), "");
	game = config_find_game(config, &(struct config_match){ .names = { "doom" } });
	assert_int_equal(game->values[option_index(option_find("slice-us"))].value, 1500);
	assert_int_equal(game->values[option_index(option_find("chain-ms"))].value, 50);

	check_bad("[game \"x\"]\nslice-us = 1000\n",
		  "f:1: [game \"x\"] says not which game: expected app-id, executable or window-class\n");
	check_bad("[game]\n", "f:1: a game's section needs a name, expected [game \"NAME\"]\n");
	check_bad("[game x]\n", "f:1: a game's section needs a name, expected [game \"NAME\"]\n");
	check_bad("[game \"\"]\n", "f:1: a game's section needs a name, expected [game \"NAME\"]\n");
	check_bad("[game \"a\"b\"]\n", "f:1: a game's section needs a name, expected [game \"NAME\"]\n");
	check_bad("[game \"x\"]\napp-id = 0\n",
		  "f:2: app-id: expected Steam's number of the game, 1 or more\n"
		  "f:1: [game \"x\"] says not which game: expected app-id, executable or window-class\n");
	check_bad("[game \"x\"]\napp-id = 1\nexecutable = /bin/x\n", "f:3: executable: expected the name of a program, without a path\n");
	check_bad("[game \"x\"]\napp-id = 1\ninput = no\n", "f:3: input cannot be set per game\n");
	check_bad("[game \"x\"]\napp-id = 1\nslise-us = 1\n", "f:3: unknown key 'slise-us'\n");
}

/* ---- files ---- */

static struct config *read_files(const char *dir, int expected)
{
	char file[600], folder[600];
	struct config *config = NULL;

	snprintf(file, sizeof(file), "%s/a.conf", dir);
	snprintf(folder, sizeof(folder), "%s/a.conf.d", dir);
	said[0] = '\0';
	if (config_new(file, folder, tell, NULL, &config) != expected)
		fail_msg("said: %s", said);
	return config;
}

static void test_files(void **state)
{
	char *dir = unit_tempdir_new();
	struct config *config;
	char where[700], expected[700];

	(void)state;
	/* Nothing is there: nothing is said. */
	config = read_files(dir, 0);
	assert_int_equal(config->nr_files, 0);
	config_free(config);
	unit_write_text(dir, "a.conf", "[daemon]\nslice-us = 1000\nverbose = yes\n");
	unit_write_text(dir, "a.conf.d/20.conf", "[daemon]\nslice-us = 2000\n");
	unit_write_text(dir, "a.conf.d/10.conf", "[daemon]\nslice-us = 4000\n[game \"x\"]\napp-id = 3\n");
	unit_write_text(dir, "a.conf.d/30.conf~", "rubbish");
	unit_write_text(dir, "a.conf.d/.hidden.conf", "rubbish");
	config = read_files(dir, 0);
	assert_int_equal(config->nr_files, 3);
	assert_int_equal(value_of(config, "slice-us")->value, 2000);
	assert_int_equal(value_of(config, "verbose")->value, 1);
	snprintf(expected, sizeof(expected), "%s/a.conf.d/20.conf:2", dir);
	assert_string_equal(config_where(config, value_of(config, "slice-us"), where, sizeof(where)), expected);
	config_free(config);
	unit_tempdir_free(dir);
}

static void check_refused(const char *dir, int err, const char *name, const char *problem)
{
	char expected[700];
	int nr_fds = unit_count_fds();

	assert_null(read_files(dir, err));
	snprintf(expected, sizeof(expected), "%s/%s: %s\n", dir, name, problem);
	assert_string_equal(said, expected);
	assert_int_equal(unit_count_fds(), nr_fds);
}

/* What lies in the place of a file. Each of these would hang or hurt who opens and reads without a look. */
static void test_no_files(void **state)
{
	char *dir = unit_tempdir_new();
	char path[600], *big = calloc(1, CONFIG_FILE_MAX + 1);
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/a.conf", dir);
	assert_int_equal(mkdir(path, 0755), 0);
	check_refused(dir, -EINVAL, "a.conf", "a directory, not a file");
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0644), 0);
	check_refused(dir, -EINVAL, "a.conf", "a FIFO, not a file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/dev/zero", path), 0);
	check_refused(dir, -EINVAL, "a.conf", "a device, not a file");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("a.conf", path), 0);
	check_refused(dir, -ELOOP, "a.conf", strerror(ELOOP));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("nowhere", path), 0);
	check_refused(dir, -ENOENT, "a.conf", "a link to nothing");
	assert_int_equal(unlink(path), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%.100s", path);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	if (strlen(path) < 100 && !bind(fd, (struct sockaddr *)&address, sizeof(address))) {
		check_refused(dir, -EINVAL, "a.conf", "a socket, not a file");
		assert_int_equal(unlink(path), 0);
	}
	close(fd);
	memset(big, '\n', CONFIG_FILE_MAX + 1);
	unit_write_bytes(dir, "a.conf", big, CONFIG_FILE_MAX + 1);
	check_refused(dir, -EFBIG, "a.conf", "larger than 64 KiB");
	unit_write_bytes(dir, "a.conf", big, CONFIG_FILE_MAX);
	config_free(read_files(dir, 0));
	assert_int_equal(chmod(path, 0), 0);
	if (geteuid())
		check_refused(dir, -EACCES, "a.conf", strerror(EACCES));
	assert_int_equal(unlink(path), 0);
	unit_write_text(dir, "a.conf.d", "a file in the place of the folder");
	check_refused(dir, -ENOTDIR, "a.conf.d", strerror(ENOTDIR));
	free(big);
	unit_tempdir_free(dir);
}

static void test_too_many_files(void **state)
{
	char *dir = unit_tempdir_new();
	char name[64];

	(void)state;
	for (int i = 0; i < CONFIG_FILES_MAX; i++) {
		snprintf(name, sizeof(name), "a.conf.d/%d.conf", i);
		unit_write_text(dir, name, "[daemon]\n");
	}
	unit_write_text(dir, "a.conf", "[daemon]\n");
	config_free(read_files(dir, 0));
	unit_write_text(dir, "a.conf.d/more.conf", "[daemon]\n");
	check_refused(dir, -E2BIG, "a.conf.d", "more than 64 files");
	unit_tempdir_free(dir);
}

static void test_no_descriptors(void **state)
{
	char *dir = unit_tempdir_new();
	struct rlimit old;

	(void)state;
	unit_write_text(dir, "a.conf", "[daemon]\n");
	old = unit_forbid_fds();
	said[0] = '\0';
	assert_null(read_files(dir, -EMFILE));
	unit_allow_fds(old);
	unit_tempdir_free(dir);
}

static void test_random(void **state)
{
	struct unit_random random = { 0xc0f16 };
	char text[301];

	(void)state;
	for (int round = 0; round < FUZZ_ROUNDS; round++) {
		unit_random_string(&random, "[]=\n #;\"game daemon slice-us 3000\t\r\xc3\xa4", text, sizeof(text) - 1);
		config_free(parse(text));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),	      cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_encoding),      cmocka_unit_test(test_long_lines),
		cmocka_unit_test(test_many_mistakes), cmocka_unit_test(test_games),
		cmocka_unit_test(test_files),	      cmocka_unit_test(test_no_files),
		cmocka_unit_test(test_too_many_files), cmocka_unit_test(test_no_descriptors),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
