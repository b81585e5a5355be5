/* SPDX-License-Identifier: GPL-2.0-only */
#include <getopt.h>
#include <stddef.h>

#include "modes.h"
#include "option_table.h"
#include "options.h"
#include "util.h"

#define PROGRAM "scx_arcade"

/* What getopt_long() returns for --NAME and --no-NAME of row i. Above every letter, so that it tells long from short. */
#define LONG_VALUE(i) (0x100 + 2 * (int)(i))
#define NO_VALUE(i)   (LONG_VALUE(i) + 1)
/* Width of "      --exit-dump-len N" and its gap. */
#define HELP_COLUMN   25
#define BAD_VALUE_MAX 64
/* The name of a file, which is what a program is known by. */
#define PROCESS_NAME_MAX 127
#define NO_NAME_MAX	 32

struct parser {
	struct options opts;
	uint64_t given;
	FILE *err;
};

static void set(struct parser *parser, const struct option_def *def, uint64_t value)
{
	option_set(&parser->opts, def, value);
	parser->given |= 1ULL << option_index(def);
}

static void set_text(struct parser *parser, const struct option_def *def, const char *text)
{
	*(const char **)((char *)&parser->opts + def->text_offset) = text;
	parser->given |= 1ULL << option_index(def);
}

void options_set_defaults(struct options *opts)
{
	*opts = (struct options){};
	for (size_t i = 0; i < option_table_nr; i++)
		if (option_table[i].type != OPTION_FILE)
			option_set(opts, &option_table[i], option_table[i].def);
}

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

/* The last of both counts: a number takes a name back, and the other way round. */
static int set_process_name(struct parser *parser, const struct option_def *def, const char *text)
{
	char bad[BAD_VALUE_MAX];

	/* A dash begins the next option: the value was forgotten. */
	if (*text && *text != '-' && strlen(text) <= PROCESS_NAME_MAX && !strchr(text, '/')) {
		set(parser, def, 0);
		set_text(parser, def, text);
		return 0;
	}
	escape_text(bad, sizeof(bad), text);
	fprintf(parser->err, PROGRAM ": --%s: '%s' is no name of a program, expected %d bytes at most, without a path; try --help\n",
		def->name, bad, PROCESS_NAME_MAX);
	return -EINVAL;
}

static int set_file(struct parser *parser, const struct option_def *def, const char *text)
{
	if (*text) {
		set_text(parser, def, text);
		return 0;
	}
	fprintf(parser->err, PROGRAM ": --%s: the path is empty; try --help\n", def->name);
	return -EINVAL;
}

static int set_value(struct parser *parser, const struct option_def *def, const char *text)
{
	char expected[OPTION_EXPECTED_MAX], bad[BAD_VALUE_MAX];
	uint64_t value;
	int r;

	if (def->type == OPTION_FILE || def->type == OPTION_FLAG_FILE)
		return set_file(parser, def, text);
	if (def->type == OPTION_PROCESS && !is_number(text))
		return set_process_name(parser, def, text);
	r = option_parse(def, text, &value);
	if (r == 0) {
		if (def->type == OPTION_PROCESS)
			set_text(parser, def, NULL);
		set(parser, def, value);
		return 0;
	}

	escape_text(bad, sizeof(bad), text);
	fprintf(parser->err, PROGRAM ": %s%s: '%s' is %s, expected %s; try --help\n", def->env ? "" : "--", def->name, bad,
		option_problem(def, r), option_expected(def, expected, sizeof(expected)));
	return -EINVAL;
}

/* @value: what getopt_long() returned or left in optopt. */
static const struct option_def *find_def(int value)
{
	if (value >= LONG_VALUE(0) && value < LONG_VALUE(option_table_nr))
		return &option_table[(value - LONG_VALUE(0)) / 2];
	for (size_t i = 0; i < option_table_nr; i++)
		if (option_table[i].letter && option_table[i].letter == value)
			return &option_table[i];
	return NULL;
}

static int complain(FILE *err, const char *what, const char *dashes, const char *text)
{
	char safe[BAD_VALUE_MAX];

	escape_text(safe, sizeof(safe), text);
	fprintf(err, PROGRAM ": %s '%s%s'; try --help\n", what, dashes, safe);
	return -EINVAL;
}

/* getopt_long() returned '?'; @word is the last one that it has taken. */
static int complain_unknown(FILE *err, int value, const char *word)
{
	char letter[2] = { (char)value, '\0' };

	if (find_def(value))
		return complain(err, "no value is accepted by option", value % 2 && value >= LONG_VALUE(0) ? "--no-" : "--",
				find_def(value)->name);
	if (value)
		return complain(err, "unknown option", "-", letter);
	return complain(err, "unknown or ambiguous option", "", word);
}

static int complain_missing(FILE *err, const struct option_def *def)
{
	char expected[OPTION_EXPECTED_MAX];

	fprintf(err, PROGRAM ": --%s: a value is missing, expected %s; try --help\n", def->name,
		option_expected(def, expected, sizeof(expected)));
	return -EINVAL;
}

static int argument_of(const struct option_def *def)
{
	switch (def->type) {
	case OPTION_FLAG:
	case OPTION_BOOL:
		return no_argument;
	case OPTION_FLAG_FILE:
		return optional_argument;
	default:
		return required_argument;
	}
}

/* Return: 0, -EINVAL. *@last: the row whose value may follow as a word of its own, NULL. */
static int take_option(struct parser *parser, int value, const struct option_def **last)
{
	const struct option_def *def = find_def(value);

	*last = NULL;
	switch (def->type) {
	case OPTION_FLAG:
		set(parser, def, true);
		return 0;
	case OPTION_BOOL:
		set(parser, def, value < LONG_VALUE(0) || value % 2 == 0);
		return 0;
	case OPTION_FLAG_FILE:
		set(parser, def, true);
		if (optarg)
			return set_value(parser, def, optarg);
		*last = def;
		return 0;
	default:
		return set_value(parser, def, optarg);
	}
}

static int parse_arguments(int argc, char **argv, struct parser *parser)
{
	struct option longs[2 * OPTION_TABLE_MAX + 1] = {};
	char no_names[OPTION_TABLE_MAX][NO_NAME_MAX];
	/* '-': a stray word is handed out where it stands; ':': a missing value is told from an unknown option. */
	char shorts[2 * OPTION_TABLE_MAX + 3] = "-:";
	const struct option_def *last = NULL;
	size_t nr_longs = 0, nr_shorts = 2;
	int value, r;

	for (size_t i = 0; i < option_table_nr; i++) {
		const struct option_def *def = &option_table[i];

		if (def->env)
			continue;
		longs[nr_longs++] = (struct option){ .name = def->name, .has_arg = argument_of(def), .val = LONG_VALUE(i) };
		if (def->type == OPTION_BOOL) {
			snprintf(no_names[i], sizeof(no_names[i]), "no-%s", def->name);
			longs[nr_longs++] = (struct option){ .name = no_names[i], .val = NO_VALUE(i) };
		}
		if (def->letter) {
			shorts[nr_shorts++] = def->letter;
			if (argument_of(def) == required_argument)
				shorts[nr_shorts++] = ':';
		}
	}

	opterr = 0;
	optind = 0;	/* GNU: start over, also after a run that was cut short */
	while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		if (value == 1 && last) {
			r = set_value(parser, last, optarg);
			last = NULL;
		} else if (value == 1) {
			return complain(parser->err, "unexpected argument", "", optarg);
		} else if (value == ':') {
			return complain_missing(parser->err, find_def(optopt));
		} else if (!find_def(value)) {
			return complain_unknown(parser->err, optopt, argv[optind - 1]);
		} else {
			r = take_option(parser, value, &last);
		}
		if (r < 0)
			return r;
	}
	if (optind < argc)
		return complain(parser->err, "unexpected argument", "", argv[optind]);
	return 0;
}

static int parse_environment(struct parser *parser)
{
	for (size_t i = 0; i < option_table_nr; i++) {
		const char *text;
		int r;

		if (!option_table[i].env)
			continue;
		text = getenv(option_table[i].name);
		if (!text)
			continue;
		r = set_value(parser, &option_table[i], text);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_together(const struct options *opts, FILE *err)
{
	const char *problem = NULL;

	if (opts->json && !opts->stats_ns && !opts->monitor_ns)
		problem = "--json needs --stats or --monitor";
	else if (opts->stats_ns && opts->monitor_ns)
		problem = "--stats and --monitor exclude each other: both write to the standard output";
	else if (opts->stats_openmetrics && (opts->stats_ns || opts->monitor_ns))
		problem = "--stats-openmetrics excludes --stats and --monitor: all write to the standard output";
	if (!problem)
		return 0;

	fprintf(err, PROGRAM ": %s; try --help\n", problem);
	return -EINVAL;
}

int options_parse(int argc, char **argv, struct options *opts, uint64_t *given, FILE *err)
{
	struct parser parser = { .err = err };
	int r;

	options_set_defaults(&parser.opts);
	r = parse_arguments(argc, argv, &parser);
	if (r < 0)
		return r;

	/* Who asks for help gets it, also with a bad environment. */
	if (!parser.opts.help && !parser.opts.help_stats && !parser.opts.version) {
		r = parse_environment(&parser);
		if (r < 0)
			return r;
		r = check_together(&parser.opts, err);
		if (r < 0)
			return r;
	}

	*opts = parser.opts;
	if (given)
		*given = parser.given;
	return 0;
}

static void print_limits(FILE *out, const struct option_def *def)
{
	char expected[OPTION_EXPECTED_MAX], value[OPTION_VALUE_MAX];

	if (def->type == OPTION_FLAG || def->type == OPTION_FILE || def->type == OPTION_FLAG_FILE || def->type == OPTION_PROCESS)
		return;
	if (def->type == OPTION_BOOL) {
		fprintf(out, "%*s(default %s)\n", HELP_COLUMN, "", def->def ? "yes" : "no");
		return;
	}
	fprintf(out, "%*s(%s", HELP_COLUMN, "", option_expected(def, expected, sizeof(expected)));
	if (def->type == OPTION_WORD)
		fprintf(out, ";\n%*s default %s", HELP_COLUMN, "", def->words[def->def]);
	else if (def->def >= def->min)
		fprintf(out, ", default %s", option_format(def, def->def, value, sizeof(value)));
	fprintf(out, ")\n");
}

static void print_def(FILE *out, const struct option_def *def)
{
	const char *line = def->help, *end;
	char label[64], letter[8] = "    ";

	if (def->letter)
		snprintf(letter, sizeof(letter), "-%c, ", def->letter);
	if (def->env)
		snprintf(label, sizeof(label), "  %s", def->name);
	else if (def->type == OPTION_FLAG_FILE)
		snprintf(label, sizeof(label), "  %s--%s [%s]", letter, def->name, def->arg);
	else
		snprintf(label, sizeof(label), "  %s--%s%s%s%s", letter, def->type == OPTION_BOOL ? "[no-]" : "", def->name,
			 def->arg ? " " : "", def->arg ? def->arg : "");

	if (strlen(label) > HELP_COLUMN - 2) {
		fprintf(out, "%s\n", label);
		label[0] = '\0';
	}
	while ((end = strchr(line, '\n'))) {
		fprintf(out, "%-*s%.*s\n", HELP_COLUMN, label, (int)(end - line), line);
		label[0] = '\0';
		line = end + 1;
	}
	fprintf(out, "%-*s%s\n", HELP_COLUMN, label, line);
	print_limits(out, def);
}

void options_print_help(FILE *out)
{
	fprintf(out, "Usage: " PROGRAM " [OPTION]...\n"
		     "       " PROGRAM " ctl COMMAND [ARGUMENT]... (see " PROGRAM " ctl --help)\n"
		     "\n"
		     "A sched_ext CPU scheduler for gaming desktops. Runs in the foreground until\n"
		     "SIGINT or SIGTERM; the kernel's default scheduler takes over again then.\n"
		     "Reads /etc/scx_arcade.conf, again on SIGHUP and when it changes; the command\n"
		     "line counts more.\n"
		     "\n"
		     "Options:\n");
	for (size_t i = 0; i < option_table_nr; i++)
		if (!option_table[i].env)
			print_def(out, &option_table[i]);
	fprintf(out, "\nEnvironment:\n");
	for (size_t i = 0; i < option_table_nr; i++)
		if (option_table[i].env)
			print_def(out, &option_table[i]);
}
