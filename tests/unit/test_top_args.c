// SPDX-License-Identifier: GPL-2.0-only
/* The command line of arcadetop. */
#include "unit.h"

#include "args.h"

/* Standard error of a parse, one line or none. */
static char said[1024];

static enum args_result parse(struct args *args, const char *line)
{
	char words[256], *argv[16] = { "arcadetop" };
	int argc = 1, saved = dup(STDERR_FILENO), fds[2];
	enum args_result result;
	ssize_t n;

	snprintf(words, sizeof(words), "%s", line);
	for (char *rest = words, *word; (word = strsep(&rest, " "));)
		if (*word)
			argv[argc++] = word;
	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	result = args_parse(args, argc, argv);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	n = read(fds[0], said, sizeof(said) - 1);
	said[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	return result;
}

static void test_right(void **state)
{
	struct args args;

	assert_int_equal(parse(&args, ""), ARGS_RUN);
	assert_string_equal(args.socket, "/run/scx/root/stats");
	assert_true(args.interval_ns == 1000000000);
	assert_int_equal(parse(&args, "-d 0.25 -n 3 --socket /x --ascii"), ARGS_RUN);
	assert_true(args.interval_ns == 250000000);
	assert_int_equal(args.frames, 3);
	assert_true(args.ascii && !args.once);
	assert_int_equal(parse(&args, "--once --json"), ARGS_RUN);
	assert_true(args.once && args.json);
}

static void test_wrong(void **state)
{
	static const char *const lines[] = {
		"-d 0",	       "-d 0.01",  "-d 4000", "-d x",	"-n 0", "-n -1", "-n 1e3",	   "--json",
		"--once -n 2", "--socket", "-d",      "--what", "-x",	"extra", "--once \x1b[2J",
	};
	struct args args;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_int_equal(parse(&args, lines[i]), ARGS_WRONG);
		assert_memory_equal(said, "arcadetop: error: ", 18);
		assert_true(strchr(said, '\n') == said + strlen(said) - 1);
		assert_null(strchr(said, '\x1b'));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_right), cmocka_unit_test(test_wrong) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
