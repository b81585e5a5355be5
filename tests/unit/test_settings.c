/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit.h"

#include "log.h"
#include "settings.h"

#define MAX_WORDS 16

struct world {
	char *dir;
	char file[600];
	char *argv[MAX_WORDS + 4];
	struct settings *settings;
	char err_text[1024];
	/* What the callback was told. */
	int nr_changes;
	struct options before, after;
};

static void take_change(const struct options *before, const struct options *after, void *data)
{
	struct world *world = data;

	world->nr_changes++;
	world->before = *before;
	world->after = *after;
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	unsetenv("SCX_TIMEOUT_MS");
	world->dir = unit_tempdir_new();
	snprintf(world->file, sizeof(world->file), "%s/a.conf", world->dir);
	log_set_level(LOG_LEVEL_ERROR);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	settings_free(world->settings);
	unit_tempdir_free(world->dir);
	free(world);
	return 0;
}

/* @words, split at spaces, and the world's file; @text is what it holds, NULL: there is none. */
static void start(struct world *world, char *words, const char *text)
{
	int argc = 3;
	char *word;

	world->argv[0] = (char *)"scx_arcade";
	world->argv[1] = (char *)"--config";
	world->argv[2] = world->file;
	while ((word = strsep(&words, " ")) && argc < MAX_WORDS)
		if (*word)
			world->argv[argc++] = word;
	world->argv[argc] = NULL;
	if (text)
		unit_write_text(world->dir, "a.conf", text);
	settings_free(world->settings);
	assert_int_equal(settings_new(argc, world->argv, stderr, &world->settings), 0);
	settings_load(world->settings);
	settings_set_changed(world->settings, take_change, world);
}

static const struct options *now(const struct world *world)
{
	return settings_options(world->settings);
}

static void check_row(const struct world *world, const char *name, const char *value, enum settings_source source, const char *text)
{
	struct settings_row row;

	for (size_t i = 0; i < settings_nr(world->settings); i++) {
		settings_row(world->settings, i, &row);
		if (!streq(row.name, name))
			continue;
		assert_string_equal(row.value, value);
		assert_int_equal(row.source, source);
		if (text)
			assert_string_equal(row.source_text, text);
		return;
	}
	fail_msg("no row %s", name);
}

static int reload(struct world *world, char *msg, size_t size)
{
	_cleanup_(settings_reading_freep) struct settings_reading *reading = NULL;

	assert_int_equal(settings_reading_new(world->settings, false, &reading), 0);
	settings_reading_run(reading);
	return settings_take(world->settings, reading, "test", msg, size);
}

/* Takes the files if they are others than those that were taken last. Return: are they? */
static bool take_if_other(struct world *world)
{
	_cleanup_(settings_reading_freep) struct settings_reading *reading = NULL;
	char msg[SETTINGS_MESSAGE_MAX];

	assert_int_equal(settings_reading_new(world->settings, true, &reading), 0);
	settings_reading_run(reading);
	assert_int_equal(settings_take(world->settings, reading, "test", msg, sizeof(msg)), 0);
	return strcmp(msg, "the files are as they were") != 0;
}

static void test_layers(void **state)
{
	struct world *world = *state;
	char words[] = "--chain-ms 40 --mode gaming", where[700], msg[SETTINGS_MESSAGE_MAX];

	start(world, words, "[daemon]\nmode = server\nslice-us = 1500\n[chain]\nchain-ms = 50\nframe-ms = 8\n"
			    "[game \"doom\"]\nexecutable = doom\nframe-ms = 4\nchain-ms = 60\n");
	check_row(world, "mode", "gaming", SETTINGS_COMMAND_LINE, "command line");
	assert_string_equal(settings_mode(world->settings), "gaming");
	check_row(world, "preempt", "yes", SETTINGS_DEFAULT, "default");
	check_row(world, "follow-focus", "no", SETTINGS_MODE, "mode gaming");
	snprintf(where, sizeof(where), "%s:3", world->file);
	check_row(world, "slice-us", "1500", SETTINGS_FROM_FILE, where);
	check_row(world, "chain-ms", "40", SETTINGS_COMMAND_LINE, "command line");
	check_row(world, "frame-ms", "8", SETTINGS_FROM_FILE, NULL);
	settings_set_game(world->settings, &(struct settings_game){ .name = "Doom.exe", .comm = "x" });
	assert_string_equal(settings_game_section(world->settings), "doom");
	snprintf(where, sizeof(where), "[game \"doom\"], %s:9", world->file);
	check_row(world, "frame-ms", "4", SETTINGS_GAME, where);
	check_row(world, "chain-ms", "60", SETTINGS_GAME, NULL);
	assert_int_equal(settings_set(world->settings, "chain-ms", "70", msg, sizeof(msg)), 0);
	assert_string_equal(msg, "chain-ms is 70 ms: ctl");
	check_row(world, "chain-ms", "70", SETTINGS_CONTROL, "ctl");
	assert_int_equal(now(world)->chain_ms, 70);
	/* And down again. */
	assert_int_equal(settings_set(world->settings, "chain-ms", "default", msg, sizeof(msg)), 0);
	check_row(world, "chain-ms", "60", SETTINGS_GAME, NULL);
	settings_set_game(world->settings, NULL);
	assert_null(settings_game_section(world->settings));
	check_row(world, "chain-ms", "40", SETTINGS_COMMAND_LINE, NULL);
	check_row(world, "frame-ms", "8", SETTINGS_FROM_FILE, NULL);
}

static void test_changes(void **state)
{
	struct world *world = *state;
	char words[] = "", msg[SETTINGS_MESSAGE_MAX];

	start(world, words, "[daemon]\nslice-us = 1500\n");
	assert_int_equal(reload(world, msg, sizeof(msg)), 0);
	assert_int_equal(world->nr_changes, 0);
	unit_write_text(world->dir, "a.conf", "[daemon]\nslice-us = 1600\npreempt = no\n");
	assert_true(take_if_other(world));
	assert_int_equal(reload(world, msg, sizeof(msg)), 0);
	assert_false(take_if_other(world));
	/* Both at once. */
	assert_int_equal(world->nr_changes, 1);
	assert_int_equal(world->before.slice_us, 1500);
	assert_int_equal(world->after.slice_us, 1600);
	assert_true(!world->before.no_preempt && world->after.no_preempt);
	/* A mistake, and nothing of the file counts. */
	unit_write_text(world->dir, "a.conf", "[daemon]\nslice-us = 1700\npreempt = perhaps\n");
	log_set_level(LOG_LEVEL_ERROR);
	assert_int_equal(reload(world, msg, sizeof(msg)), -EINVAL);
	assert_int_equal(world->nr_changes, 1);
	assert_int_equal(now(world)->slice_us, 1600);
	/* It has to be there, as it was named. */
	assert_int_equal(unlink(world->file), 0);
	assert_int_equal(reload(world, NULL, 0), -ENOENT);
	assert_int_equal(now(world)->slice_us, 1600);
	unit_write_text(world->dir, "a.conf", "");
	unit_write_text(world->dir, "a.conf.d/x.conf", "[chain]\nchain-ms = 7\n");
	assert_true(take_if_other(world));
	assert_int_equal(reload(world, NULL, 0), 0);
	assert_int_equal(now(world)->slice_us, 3000);
	assert_int_equal(now(world)->chain_ms, 7);
	assert_int_equal(world->nr_changes, 2);
	/* What does not count makes no difference. */
	unit_write_text(world->dir, "a.conf.d/x.conf~", "x");
	assert_false(take_if_other(world));
}

static void test_bad_start(void **state)
{
	struct world *world = *state;
	char words[] = "--slice-us 700";

	start(world, words, "[daemon]\nverbose = yes\nslice = 3\n");
	assert_int_equal(now(world)->slice_us, 700);
	assert_false(now(world)->verbose);
	unit_write_text(world->dir, "a.conf", "[daemon]\nverbose = yes\n");
	assert_int_equal(reload(world, NULL, 0), 0);
	assert_true(now(world)->verbose);
}

static void check_refused(struct world *world, const char *key, const char *value, int err, const char *text)
{
	char msg[SETTINGS_MESSAGE_MAX] = "";
	int nr = world->nr_changes;

	assert_int_equal(settings_set(world->settings, key, value, msg, sizeof(msg)), err);
	assert_string_equal(msg, text);
	assert_int_equal(world->nr_changes, nr);
}

static void test_set(void **state)
{
	struct world *world = *state;
	char words[] = "", msg[SETTINGS_MESSAGE_MAX];

	start(world, words, "");
	check_refused(world, "slice-us", "9", -ERANGE, "slice-us: '9' is out of range, expected 250 to 20000 us, or default");
	check_refused(world, "slice-us", "", -EINVAL, "slice-us: '' is not a number, expected 250 to 20000 us, or default");
	check_refused(world, "slice\n", "9", -ENOENT, "unknown key 'slice\\n'");
	check_refused(world, "stats", "9", -EPERM, "stats cannot change while the daemon runs");
	check_refused(world, "mode", "fast", -EINVAL,
		      "mode: 'fast' is none of the words, expected auto, gaming, lowlatency, powersave or server, or default");
	check_refused(world, "preempt", "yes", 0, "preempt is yes: ctl");
	assert_int_equal(settings_set_mode(world->settings, "powersave", msg, sizeof(msg)), 0);
	assert_string_equal(msg, "mode is powersave: ctl");
	assert_int_equal(now(world)->full_speed, OPTIONS_FULL_SPEED_NONE);
	assert_int_equal(now(world)->slice_us, 6000);
	assert_int_equal(world->nr_changes, 1);
	assert_int_equal(settings_set_mode(world->settings, "server", NULL, 0), 0);
	assert_true(now(world)->no_input && now(world)->no_roles && now(world)->no_detect && now(world)->no_focus);
	assert_int_equal(settings_set_mode(world->settings, "default", NULL, 0), 0);
	assert_false(now(world)->no_input);
	assert_string_equal(settings_mode(world->settings), "auto");
	/* It holds over a new file. */
	assert_int_equal(settings_set(world->settings, "slice-us", "999", NULL, 0), 0);
	unit_write_text(world->dir, "a.conf", "[daemon]\nslice-us = 1600\n");
	assert_int_equal(reload(world, NULL, 0), 0);
	assert_int_equal(now(world)->slice_us, 999);
}

static void test_game_over_reload(void **state)
{
	struct world *world = *state;
	const struct settings_game game = { .app_id = 570, .name = "dota2", .window_class = "Dota" };
	char words[] = "";

	start(world, words, "");
	settings_set_game(world->settings, &game);
	assert_int_equal(world->nr_changes, 0);
	/* The section comes while its game is in front, changes, and goes. */
	unit_write_text(world->dir, "a.conf", "[game \"d\"]\napp-id = 570\nslice-us = 1000\n");
	assert_int_equal(reload(world, NULL, 0), 0);
	assert_int_equal(now(world)->slice_us, 1000);
	unit_write_text(world->dir, "a.conf", "[game \"d\"]\nwindow-class = dota\nslice-us = 1100\nfollow-focus = no\n");
	assert_int_equal(reload(world, NULL, 0), 0);
	assert_int_equal(now(world)->slice_us, 1100);
	assert_true(now(world)->no_follow_focus);
	unit_write_text(world->dir, "a.conf", "");
	assert_int_equal(reload(world, NULL, 0), 0);
	assert_int_equal(now(world)->slice_us, 3000);
	assert_null(settings_game_section(world->settings));
}

static void test_rows(void **state)
{
	struct world *world = *state;
	struct settings_row row;
	char words[] = "";

	start(world, words, "");
	for (size_t i = 0; i < settings_nr(world->settings); i++) {
		settings_row(world->settings, i, &row);
		assert_true(*row.help && !strchr(row.help, '\n') && strlen(row.help) < sizeof(row.help) - 1);
		assert_true(row.live && *row.section && *row.value);
		assert_string_equal(row.value, row.def);
		assert_int_equal(streq(row.type, "number"), *row.min != '\0');
		assert_int_equal(streq(row.type, "word"), *row.words != '\0');
		assert_true(strlen(row.words) < sizeof(row.words) - 1);
		if (streq(row.name, "mode"))
			assert_string_equal(row.words, "auto|gaming|lowlatency|powersave|server");
		if (streq(row.name, "input"))
			assert_true(row.restarts && !row.per_game);
	}
	assert_string_equal(settings_mode_name(0), "auto");
	assert_null(settings_mode_name(5));
}

static void test_check(void **state)
{
	struct world *world = *state;
	char text[4096] = "";
	FILE *out = fmemopen(text, sizeof(text), "w");

	unit_write_text(world->dir, "a.conf", "[daemon]\nslice-us = 1600\n");
	assert_int_equal(settings_check(world->file, out), 0);
	unit_write_text(world->dir, "a.conf.d/x.conf", "[daemon]\nx = 1600\n");
	assert_int_equal(settings_check(world->file, out), -EINVAL);
	assert_int_equal(unlink(world->file), 0);
	assert_int_equal(settings_check(world->file, out), -ENOENT);
	fclose(out);
	assert_non_null(strstr(text, ": 1 file, no mistakes\n"));
	assert_non_null(strstr(text, "x.conf:2: unknown key 'x'\n"));
}

#define SETTINGS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SETTINGS_TEST(test_layers), SETTINGS_TEST(test_changes),	    SETTINGS_TEST(test_bad_start),
		SETTINGS_TEST(test_set),    SETTINGS_TEST(test_game_over_reload), SETTINGS_TEST(test_rows),
		SETTINGS_TEST(test_check),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
