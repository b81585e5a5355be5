/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit.h"

#include "modes.h"
#include "option_table.h"
#include "options.h"
#include "util.h"

#define MAX_WORDS 32

static char err_text[4096];

/* Parses @words, split at spaces, into @opts; what was said is in err_text. */
static int parse(const char *words, struct options *opts)
{
	static char *copy;	/* words are kept by the options: until the next parse */
	char *argv[MAX_WORDS + 2] = { (char *)"scx_arcade" };
	char *rest, *word;
	FILE *err;
	int argc = 1, r;

	free(copy);
	rest = copy = strdup(words);
	assert_non_null(copy);
	while ((word = strsep(&rest, " ")) && argc <= MAX_WORDS)
		if (*word || strchr(words, '='))
			argv[argc++] = word;
	assert_null(rest);

	memset(err_text, 0, sizeof(err_text));
	err = fmemopen(err_text, sizeof(err_text), "w");
	assert_non_null(err);
	r = options_parse(argc, argv, opts, NULL, err);
	fclose(err);
	return r;
}

static void check_good(const char *words, struct options *opts)
{
	if (parse(words, opts) != 0)
		fail_msg("'%s': %s", words, err_text);
	assert_string_equal(err_text, "");
}

/* Fails with exactly this line, and leaves @opts alone. */
static void check_bad(const char *words, const char *message)
{
	struct options opts, before;
	char expected[1024];

	memset(&opts, 0x5a, sizeof(opts));
	before = opts;
	assert_int_equal(parse(words, &opts), -EINVAL);
	snprintf(expected, sizeof(expected), "scx_arcade: %s; try --help\n", message);
	assert_string_equal(err_text, expected);
	assert_memory_equal(&opts, &before, sizeof(opts));
}

static int setup(void **state)
{
	(void)state;
	unsetenv("SCX_TIMEOUT_MS");
	unsetenv("POSIXLY_CORRECT");
	return 0;
}

static void test_defaults(void **state)
{
	struct options opts, defaults;

	(void)state;
	check_good("", &opts);
	assert_int_equal(opts.slice_us, 3000);
	assert_int_equal(opts.chain_ms, 33);
	assert_int_equal(opts.timeout_ms, 5000);
	assert_int_equal(opts.exit_dump_len, 0);
	assert_int_equal(opts.stats_ns, 0);
	assert_int_equal(opts.monitor_ns, 0);
	assert_false(opts.no_input || opts.no_input_hook || opts.no_preempt || opts.no_roles || opts.json || opts.verbose || opts.check ||
		     opts.version || opts.help || opts.help_stats);

	memset(&defaults, 0, sizeof(defaults));
	options_set_defaults(&defaults);
	assert_int_equal(defaults.slice_us, 3000);
	assert_int_equal(defaults.timeout_ms, 5000);
}

static void test_every_option(void **state)
{
	struct options opts;

	(void)state;
	check_good("--slice-us 250 --chain-ms=100 --no-input --no-input-hook --no-preempt --no-roles --stats 0.1 --json --verbose "
		   "--exit-dump-len 1048576 --check --version --help --help-stats",
		   &opts);
	assert_int_equal(opts.slice_us, 250);
	assert_int_equal(opts.chain_ms, 100);
	assert_true(opts.stats_ns == NSEC_PER_SEC / 10);
	assert_int_equal(opts.exit_dump_len, 1048576);
	assert_true(opts.no_input && opts.no_input_hook && opts.no_preempt && opts.no_roles && opts.json && opts.verbose && opts.check &&
		    opts.version && opts.help && opts.help_stats);

	check_good("--monitor 2.5 --json", &opts);
	assert_true(opts.monitor_ns == 2500 * NSEC_PER_MSEC);
	check_good("-vVh", &opts);
	assert_true(opts.verbose && opts.version && opts.help && !opts.help_stats);
	check_good("--game 2", &opts);
	assert_int_equal(opts.game_pid, 2);
	assert_null(opts.game_name);
	check_good("--game 2 --game Game.exe --no-detect --explain 1", &opts);
	assert_int_equal(opts.game_pid, 0);
	assert_string_equal(opts.game_name, "Game.exe");
	assert_true(opts.no_detect);
	assert_int_equal(opts.explain_pid, 1);
	check_good("--game 0ad --game 4194304", &opts);
	assert_int_equal(opts.game_pid, 4194304);
	assert_null(opts.game_name);
	check_good("--slice-us 20000 --chain-ms 1 --monitor 3600", &opts);
	assert_int_equal(opts.slice_us, 20000);
	/* The last one counts; a clear abbreviation will do, as everywhere. */
	check_good("--slice-us 300 --slice 400", &opts);
	assert_int_equal(opts.slice_us, 400);
	check_good("--", &opts);
}

/* What a mode or a file switches off, the command line switches on again. */
static void test_bool_and_words(void **state)
{
	struct options opts;

	(void)state;
	check_good("--no-preempt --preempt --input --no-input", &opts);
	assert_false(opts.no_preempt);
	assert_true(opts.no_input);
	check_good("-v --no-verbose", &opts);
	assert_false(opts.verbose);
	check_good("--mode server --full-speed=none", &opts);
	assert_int_equal(opts.mode, MODE_SERVER);
	assert_int_equal(opts.full_speed, OPTIONS_FULL_SPEED_NONE);
	check_good("", &opts);
	assert_int_equal(opts.mode, MODE_AUTO);
	assert_int_equal(opts.full_speed, OPTIONS_FULL_SPEED_GAME);
	check_bad("--mode fast", "--mode: 'fast' is none of the words, expected auto, gaming, lowlatency, powersave or server");
	check_bad("--mode", "--mode: a value is missing, expected auto, gaming, lowlatency, powersave or server");
	check_bad("--no-input=1", "no value is accepted by option '--no-input'");
	check_bad("--no-slice-us", "unknown or ambiguous option '--no-slice-us'");
}

static void test_files(void **state)
{
	struct options opts;

	(void)state;
	check_good("--config a/b.conf", &opts);
	assert_string_equal(opts.config_file, "a/b.conf");
	assert_false(opts.check_config);
	check_good("--check-config", &opts);
	assert_true(opts.check_config);
	assert_null(opts.check_config_file);
	check_good("--check-config x.conf", &opts);
	assert_string_equal(opts.check_config_file, "x.conf");
	check_good("--check-config=y.conf -v", &opts);
	assert_string_equal(opts.check_config_file, "y.conf");
	check_good("--check", &opts);
	assert_true(opts.check && !opts.check_config);
	check_bad("--check-config -v x.conf", "unexpected argument 'x.conf'");
	check_bad("--check-config x.conf y.conf", "unexpected argument 'y.conf'");
	check_bad("--config", "--config: a value is missing, expected the path of a file");
	check_bad("--config=", "--config: the path is empty");
}

/* Every row can be said on the command line, with what it says of itself. */
static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < option_table_nr; i++) {
		const struct option_def *def = &option_table[i];
		char text[OPTION_VALUE_MAX], expected[OPTION_EXPECTED_MAX];
		uint64_t value = ~def->def;
		struct options opts;

		assert_true(strlen(def->name) < 28 && def->help && *def->help);
		if (def->section) {
			assert_ptr_equal(option_find(def->name), def);
			assert_int_not_equal(def->effect, OPTION_AT_START);
			assert_true(option_has_value(def) && def->type != OPTION_PROCESS);
			assert_true(def->type == OPTION_BOOL || def->type == OPTION_WORD || (def->unit && def->def >= def->min && def->def <= def->max));
			assert_int_equal(option_parse(def, option_format(def, def->def, text, sizeof(text)), &value), 0);
			assert_int_equal(value, def->def);
			assert_true(strlen(option_expected(def, expected, sizeof(expected))) < sizeof(expected) - 1);
		} else {
			assert_int_equal(def->effect, OPTION_AT_START);
			assert_false(def->per_game);
		}
		/* A row has a member of its own. */
		if (!option_has_value(def) || def->type == OPTION_PROCESS)
			continue;
		options_set_defaults(&opts);
		assert_int_equal(option_get(&opts, def), def->def);
		option_set(&opts, def, !def->def);
		assert_int_equal(option_get(&opts, def), !def->def);
		for (size_t j = 0; j < option_table_nr; j++)
			if (j != i && option_table[j].type != OPTION_FILE)
				assert_int_equal(option_get(&opts, &option_table[j]), option_table[j].def);
	}
	assert_null(option_find("help"));
	assert_null(option_find("SCX_TIMEOUT_MS"));
	assert_null(option_find("no-input"));
}

static void test_modes(void **state)
{
	(void)state;
	for (int mode = 0; mode < NR_MODES; mode++) {
		assert_true(modes_names[mode] && *modes_help(mode));
		for (const struct mode_value *preset = modes_values(mode); preset->option; preset++) {
			const struct option_def *def = option_find(preset->option);
			uint64_t value;

			assert_non_null(def);
			assert_int_equal(option_parse(def, preset->value, &value), 0);
			/* A preset that says the default says nothing. */
			assert_int_not_equal(value, def->def);
			assert_true(preset->reason && *preset->reason);
		}
	}
	assert_null(modes_names[NR_MODES]);
	assert_null(modes_values(MODE_AUTO)->option);
}

static void test_given(void **state)
{
	char *argv[] = { (char *)"scx_arcade", (char *)"--slice-us", (char *)"3000", (char *)"--no-input", NULL };
	struct options opts;
	uint64_t given = 0;

	(void)state;
	assert_int_equal(options_parse(4, argv, &opts, &given, stderr), 0);
	assert_true(given == (1ULL << option_index(option_find("slice-us")) | 1ULL << option_index(option_find("input"))));
}

static void test_bad_values(void **state)
{
	(void)state;
	check_bad("--game 1", "--game: '1' is out of range, expected 2 to 4194304 as a process id, or a name");
	check_bad("--game --no-roles", "--game: '--no-roles' is no name of a program, expected 127 bytes at most, without a path");
	check_bad("--game", "--game: a value is missing, expected 2 to 4194304 as a process id, or a name");
	check_bad("--game 4194305", "--game: '4194305' is out of range, expected 2 to 4194304 as a process id, or a name");
	check_bad("--game=", "--game: '' is no name of a program, expected 127 bytes at most, without a path");
	check_bad("--game /bin/doom", "--game: '/bin/doom' is no name of a program, expected 127 bytes at most, without a path");
	check_bad("--explain 0", "--explain: '0' is out of range, expected 1 to 4194304 as a process id");
	check_bad("--explain doom", "--explain: 'doom' is not a number, expected 1 to 4194304 as a process id");
	check_bad("--slice-us 249", "--slice-us: '249' is out of range, expected 250 to 20000 us");
	check_bad("--slice-us 20001", "--slice-us: '20001' is out of range, expected 250 to 20000 us");
	check_bad("--slice-us=-300", "--slice-us: '-300' is not a number, expected 250 to 20000 us");
	check_bad("--slice-us 3ms", "--slice-us: '3ms' is not a number, expected 250 to 20000 us");
	check_bad("--slice-us=", "--slice-us: '' is not a number, expected 250 to 20000 us");
	check_bad("--slice-us 1000.5", "--slice-us: '1000.5' is not a number, expected 250 to 20000 us");
	check_bad("--chain-ms 0", "--chain-ms: '0' is out of range, expected 1 to 100 ms");
	check_bad("--chain-ms 99999999999999999999",
		  "--chain-ms: '99999999999999999999' is out of range, expected 1 to 100 ms");
	check_bad("--stats 0", "--stats: '0' is out of range, expected 0.1 to 3600 seconds");
	check_bad("--stats 0.099999999", "--stats: '0.099999999' is out of range, expected 0.1 to 3600 seconds");
	check_bad("--monitor 3600.1", "--monitor: '3600.1' is out of range, expected 0.1 to 3600 seconds");
	check_bad("--monitor 1s", "--monitor: '1s' is not a number, expected 0.1 to 3600 seconds");
	check_bad("--exit-dump-len 1048577",
		  "--exit-dump-len: '1048577' is out of range, expected 0 to 1048576 bytes");
	/* A later mistake spoils what was right before. */
	check_bad("--slice-us 300 --chain-ms x", "--chain-ms: 'x' is not a number, expected 1 to 100 ms");
}

static void test_bad_words(void **state)
{
	(void)state;
	check_bad("--nope", "unknown or ambiguous option '--nope'");
	check_bad("--no", "unknown or ambiguous option '--no'");
	check_bad("--nope=7", "unknown or ambiguous option '--nope=7'");
	check_bad("-x", "unknown option '-x'");
	check_bad("-vx", "unknown option '-x'");
	check_bad("-\xff", "unknown option '-\\xff'");
	check_bad("--json=1", "no value is accepted by option '--json'");
	check_bad("--slice-us", "--slice-us: a value is missing, expected 250 to 20000 us");
	check_bad("--monitor", "--monitor: a value is missing, expected 0.1 to 3600 seconds");
	check_bad("start", "unexpected argument 'start'");
	check_bad("-v start --nope", "unexpected argument 'start'");
	check_bad("-v -- --json", "unexpected argument '--json'");
	check_bad("-", "unexpected argument '-'");
	check_bad("--SCX_TIMEOUT_MS 2000", "unknown or ambiguous option '--SCX_TIMEOUT_MS'");
	/* With this variable other parsers stop at the first word: here it is a mistake all the same. */
	setenv("POSIXLY_CORRECT", "1", 1);
	check_bad("-v start", "unexpected argument 'start'");
}

static void test_together(void **state)
{
	struct options opts;

	(void)state;
	check_bad("--json", "--json needs --stats or --monitor");
	check_bad("--json --slice-us 300", "--json needs --stats or --monitor");
	check_bad("--stats 1 --monitor 1",
		  "--stats and --monitor exclude each other: both write to the standard output");
	check_good("--json --stats 1", &opts);
	check_good("--json --help", &opts);
}

static void test_hostile_values(void **state)
{
	char words[600] = "--slice-us=";
	struct options opts;

	(void)state;
	check_bad("--slice-us=\033[2J\n3000", "--slice-us: '\\x1b[2J\\n3000' is not a number, expected 250 to 20000 us");
	memset(words + strlen(words), '9', 500);
	assert_int_equal(parse(words, &opts), -EINVAL);
	assert_true(strlen(err_text) < 200);
	assert_non_null(strstr(err_text, "...' is out of range, expected 250 to 20000 us; try --help\n"));
}

static void test_environment(void **state)
{
	struct options opts;

	(void)state;
	setenv("SCX_TIMEOUT_MS", "1000", 1);
	check_good("", &opts);
	assert_int_equal(opts.timeout_ms, 1000);
	setenv("SCX_TIMEOUT_MS", "30000", 1);
	check_good("", &opts);
	assert_int_equal(opts.timeout_ms, 30000);
	setenv("SCX_TIMEOUT_MS", "30001", 1);
	check_bad("", "SCX_TIMEOUT_MS: '30001' is out of range, expected 1000 to 30000 ms");
	setenv("SCX_TIMEOUT_MS", "", 1);
	check_bad("", "SCX_TIMEOUT_MS: '' is not a number, expected 1000 to 30000 ms");
	setenv("SCX_TIMEOUT_MS", "5s", 1);
	check_bad("-v", "SCX_TIMEOUT_MS: '5s' is not a number, expected 1000 to 30000 ms");
	/* Help is not refused for that. */
	check_good("--help", &opts);
	assert_true(opts.help);
	assert_int_equal(opts.timeout_ms, 5000);
	check_good("--version", &opts);
	check_good("--help-stats", &opts);
}

static void test_without_arguments(void **state)
{
	char *none[] = { NULL };
	struct options opts;

	(void)state;
	/* execve() with an empty argument list. */
	assert_int_equal(options_parse(0, none, &opts, NULL, stderr), 0);
	assert_int_equal(opts.slice_us, 3000);
}

static void test_unwritable_error(void **state)
{
	_cleanup_fclose_ FILE *full = fopen("/dev/full", "we");
	char *argv[] = { (char *)"scx_arcade", (char *)"--nope", NULL };
	struct options opts;

	(void)state;
	assert_non_null(full);
	assert_int_equal(options_parse(2, argv, &opts, NULL, full), -EINVAL);
}

static void test_help(void **state)
{
	static const char *const expected[] = {
		"Usage: scx_arcade [OPTION]...\n",
		"      --slice-us N       ",
		"(250 to 20000 us, default 3000)\n",
		"      --chain-ms N       ",
		"(1 to 100 ms, default 33)\n",
		"      --mode NAME        ",
		"(auto, gaming, lowlatency, powersave or server;\n",
		"      --[no-]input       ",
		"      --[no-]input-hook  ",
		"      --[no-]preempt     ",
		"(default yes)\n",
		"      --check-config [FILE]\n",
		"      --stats SEC        run the scheduler and print",
		"      --monitor SEC      show a live table of a running daemon",
		"(0.1 to 3600 seconds)\n",
		"      --json             ",
		"      --exit-dump-len N  ",
		"(0 to 1048576 bytes, default 0)\n",
		"      --check            ",
		"  -v, --[no-]verbose     ",
		"      --help-stats       ",
		"  -V, --version          ",
		"  -h, --help             ",
		"  SCX_TIMEOUT_MS         ",
		"(1000 to 30000 ms, default 5000)\n",
	};
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	(void)state;
	assert_non_null(out);
	options_print_help(out);
	fclose(out);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		if (!strstr(text, expected[i]))
			fail_msg("not in the help: %s", expected[i]);
	/* It fits a terminal. */
	for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1)
		assert_true(end - line <= 80);
}

static void test_fuzz(void **state)
{
	static const char *const words[] = {
		"--slice-us", "--chain-ms=", "--stats", "--monitor", "--json", "-v", "-V", "--he", "--exit-dump-len", "--",
		"1", "300", "0.5", "--no-", "--check", "", "-", "99999999999999999999",
	};
	struct unit_random random = { 0x0971035 };
	int nr_good = 0;

	(void)state;
	for (int round = 0; round < FUZZ_ROUNDS; round++) {
		uint32_t n = unit_random_below(&random, 6);
		char line[400] = "", text[33];
		struct options opts;
		int r;

		for (uint32_t i = 0; i < n; i++) {
			if (unit_random_below(&random, 4) == 0) {
				unit_random_string(&random, "-vVhx=019.", text, sizeof(text) - 1);
				strcat(line, text);
			} else {
				strcat(line, words[unit_random_below(&random, ARRAY_SIZE(words))]);
			}
			strcat(line, " ");
		}
		r = parse(line, &opts);
		if (r == 0) {
			nr_good++;
			assert_string_equal(err_text, "");
			assert_in_range(opts.slice_us, 250, 20000);
			assert_in_range(opts.chain_ms, 1, 100);
			assert_true(opts.stats_ns == 0 || opts.stats_ns >= NSEC_PER_SEC / 10);
		} else {
			/* One line, which says where to read more. */
			assert_int_equal(r, -EINVAL);
			assert_int_equal(strncmp(err_text, "scx_arcade: ", 12), 0);
			assert_ptr_equal(strstr(err_text, "; try --help\n"), strchr(err_text, '\n') - 12);
			assert_ptr_equal(strchr(err_text, '\n'), err_text + strlen(err_text) - 1);
		}
	}
	assert_true(nr_good > 50);
}

#define OPTIONS_TEST(name) cmocka_unit_test_setup(name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPTIONS_TEST(test_defaults),
		OPTIONS_TEST(test_every_option),
		OPTIONS_TEST(test_bool_and_words),
		OPTIONS_TEST(test_files),
		OPTIONS_TEST(test_table),
		OPTIONS_TEST(test_modes),
		OPTIONS_TEST(test_given),
		OPTIONS_TEST(test_bad_values),
		OPTIONS_TEST(test_bad_words),
		OPTIONS_TEST(test_together),
		OPTIONS_TEST(test_hostile_values),
		OPTIONS_TEST(test_environment),
		OPTIONS_TEST(test_without_arguments),
		OPTIONS_TEST(test_unwritable_error),
		OPTIONS_TEST(test_help),
		OPTIONS_TEST(test_fuzz),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
