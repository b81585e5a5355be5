/* SPDX-License-Identifier: GPL-2.0-only */
#include <getopt.h>
#include <inttypes.h>
#include <stddef.h>

#include "options.h"
#include "util.h"

#define PROGRAM "scx_arcade"

enum option_type {
	OPTION_FLAG,	/* bool */
	OPTION_NUMBER,	/* uint64_t in the unit of the table */
	OPTION_SECONDS,	/* uint64_t in nanoseconds; decimals allowed */
	OPTION_PROCESS,	/* uint64_t of a process id, or another word: its name, a const char * at name_offset */
};

struct option_def {
	const char *name;	/* long option, or the variable if env is set */
	char letter;		/* 0: none */
	bool env;
	enum option_type type;
	const char *arg;
	const char *unit;
	uint64_t min;
	uint64_t max;
	uint64_t def;		/* 0 outside [min, max]: off unless given */
	size_t offset;
	size_t name_offset;	/* of OPTION_PROCESS */
	const char *help;	/* lines of --help, without the limits */
};

#define FIELD(name) offsetof(struct options, name)

/* A row is easier to read as a block than as a column. */
/* clang-format off */
static const struct option_def defs[] = {
	{
		.name = "slice-us", .type = OPTION_NUMBER, .arg = "N", .unit = "us",
		.min = 250, .max = 20000, .def = 3000, .offset = FIELD(slice_us),
		.help = "longest time a task runs before another may",
	}, {
		.name = "chain-ms", .type = OPTION_NUMBER, .arg = "N", .unit = "ms",
		.min = 1, .max = 100, .def = 33, .offset = FIELD(chain_ms),
		.help = "how long what an input event causes goes first",
	}, {
		.name = "no-input", .type = OPTION_FLAG, .offset = FIELD(no_input),
		.help = "do not look at input: no chains, a fair scheduler",
	}, {
		.name = "no-input-hook", .type = OPTION_FLAG, .offset = FIELD(no_input_hook),
		.help = "no hook in the kernel: the daemon notices input, and\n"
			"favours the game and the compositor for a moment",
	}, {
		.name = "no-preempt", .type = OPTION_FLAG, .offset = FIELD(no_preempt),
		.help = "never interrupt a running task for another",
	}, {
		.name = "no-roles", .type = OPTION_FLAG, .offset = FIELD(no_roles),
		.help = "do not watch display, audio and GPU: only input begins\n"
			"chains",
	}, {
		.name = "game", .type = OPTION_PROCESS, .arg = "PROC", .unit = "as a process id, or a name",
		.min = 2, .max = 4194304, .offset = FIELD(game_pid), .name_offset = FIELD(game_name),
		.help = "this process and its descendants are the game, nothing\n"
			"else is: a process id, or the name of a program that\n"
			"runs or will run (Wine: Game.exe)",
	}, {
		.name = "no-detect", .type = OPTION_FLAG, .offset = FIELD(no_detect),
		.help = "do not look for games and background programs",
	}, {
		.name = "explain", .type = OPTION_NUMBER, .arg = "PID", .unit = "as a process id",
		.min = 1, .max = 4194304, .offset = FIELD(explain_pid),
		.help = "say whether this process is a game, and why, and exit",
	}, {
		.name = "no-focus", .type = OPTION_FLAG, .offset = FIELD(no_focus),
		.help = "do not ask the desktop which window has the focus: no\n"
			"helper in the user's session",
	}, {
		.name = "stats", .type = OPTION_SECONDS, .arg = "SEC", .unit = "seconds",
		.min = NSEC_PER_SEC / 10, .max = 3600 * NSEC_PER_SEC, .offset = FIELD(stats_ns),
		.help = "run the scheduler and print its statistics every SEC",
	}, {
		.name = "monitor", .type = OPTION_SECONDS, .arg = "SEC", .unit = "seconds",
		.min = NSEC_PER_SEC / 10, .max = 3600 * NSEC_PER_SEC, .offset = FIELD(monitor_ns),
		.help = "show a live table of a running daemon every SEC; does not\n"
			"schedule, waits for a daemon if none runs",
	}, {
		.name = "stats-openmetrics", .type = OPTION_FLAG, .offset = FIELD(stats_openmetrics),
		.help = "print the statistics of a running daemon once, as\n"
			"OpenMetrics text, and exit",
	}, {
		.name = "json", .type = OPTION_FLAG, .offset = FIELD(json),
		.help = "with --stats or --monitor: one JSON object per line",
	}, {
		.name = "exit-dump-len", .type = OPTION_NUMBER, .arg = "N", .unit = "bytes",
		.min = 0, .max = 1048576, .def = 0, .offset = FIELD(exit_dump_len),
		.help = "size of the dump after an error; 0: kernel's default",
	}, {
		.name = "check", .type = OPTION_FLAG, .offset = FIELD(check),
		.help = "say whether this kernel can run the scheduler, and with\n"
			"which hooks; status 0 if it can, 1 if not",
	}, {
		.name = "verbose", .letter = 'v', .type = OPTION_FLAG, .offset = FIELD(verbose),
		.help = "log debugging details",
	}, {
		.name = "help-stats", .type = OPTION_FLAG, .offset = FIELD(help_stats),
		.help = "explain the statistics and exit",
	}, {
		.name = "version", .letter = 'V', .type = OPTION_FLAG, .offset = FIELD(version),
		.help = "print the version and exit",
	}, {
		.name = "help", .letter = 'h', .type = OPTION_FLAG, .offset = FIELD(help),
		.help = "print this text and exit",
	}, {
		.name = "SCX_TIMEOUT_MS", .env = true, .type = OPTION_NUMBER, .unit = "ms",
		.min = 1000, .max = 30000, .def = 5000, .offset = FIELD(timeout_ms),
		.help = "the kernel ends the scheduler if a runnable task waits\n"
			"this long",
	},
};
/* clang-format on */

/* What getopt_long() returns for defs[i]. Above every letter, so that it tells a long option from a short one. */
#define LONG_VALUE(i) (0x100 + (int)(i))
/* Width of "      --exit-dump-len N" and its gap. */
#define HELP_COLUMN   25
#define BAD_VALUE_MAX 64
/* The name of a file, which is what a program is known by. */
#define PROCESS_NAME_MAX 127

static void set_bool(struct options *opts, const struct option_def *def)
{
	*(bool *)((char *)opts + def->offset) = true;
}

static void set_number(struct options *opts, const struct option_def *def, uint64_t value)
{
	*(uint64_t *)((char *)opts + def->offset) = value;
}

void options_set_defaults(struct options *opts)
{
	*opts = (struct options){};
	for (size_t i = 0; i < ARRAY_SIZE(defs); i++)
		if (defs[i].type != OPTION_FLAG)
			set_number(opts, &defs[i], defs[i].def);
}

/* "0.1" for 100 ms: as few decimals as needed. */
static const char *format_value(const struct option_def *def, uint64_t value, char *buf, size_t size)
{
	size_t len;

	if (def->type != OPTION_SECONDS) {
		snprintf(buf, size, "%" PRIu64, value);
		return buf;
	}
	len = (size_t)snprintf(buf, size, "%llu.%09llu", (unsigned long long)(value / NSEC_PER_SEC),
			       (unsigned long long)(value % NSEC_PER_SEC));
	while (buf[len - 1] == '0')
		buf[--len] = '\0';
	if (buf[len - 1] == '.')
		buf[--len] = '\0';
	return buf;
}

static bool is_number(const char *text)
{
	return *text && !text[strspn(text, "0123456789")];
}

/* The last of both counts: a number takes a name back, and the other way round. */
static int set_process(struct options *opts, const struct option_def *def, const char *text, FILE *err)
{
	char bad[BAD_VALUE_MAX];

	*(const char **)((char *)opts + def->name_offset) = NULL;
	set_number(opts, def, 0);
	/* A dash begins the next option: the value was forgotten. */
	if (*text && *text != '-' && strlen(text) <= PROCESS_NAME_MAX && !strchr(text, '/')) {
		*(const char **)((char *)opts + def->name_offset) = text;
		return 0;
	}
	escape_text(bad, sizeof(bad), text);
	fprintf(err, PROGRAM ": --%s: '%s' is no name of a program, expected %d bytes at most, without a path; try --help\n",
		def->name, bad, PROCESS_NAME_MAX);
	return -EINVAL;
}

static int set_value(struct options *opts, const struct option_def *def, const char *text, FILE *err)
{
	char min[32], max[32], bad[BAD_VALUE_MAX];
	uint64_t value;
	int r;

	if (def->type == OPTION_PROCESS && !is_number(text))
		return set_process(opts, def, text, err);
	if (def->type == OPTION_SECONDS)
		r = parse_seconds_range(text, def->min, def->max, &value);
	else
		r = parse_u64_range(text, def->min, def->max, &value);
	if (r == 0) {
		if (def->type == OPTION_PROCESS)
			*(const char **)((char *)opts + def->name_offset) = NULL;
		set_number(opts, def, value);
		return 0;
	}

	escape_text(bad, sizeof(bad), text);
	fprintf(err, PROGRAM ": %s%s: '%s' is %s, expected %s to %s %s; try --help\n", def->env ? "" : "--", def->name,
		bad, r == -ERANGE ? "out of range" : "not a number", format_value(def, def->min, min, sizeof(min)),
		format_value(def, def->max, max, sizeof(max)), def->unit);
	return -EINVAL;
}

/* @value: what getopt_long() returned or left in optopt. */
static const struct option_def *find_def(int value)
{
	if (value >= LONG_VALUE(0) && value < LONG_VALUE(ARRAY_SIZE(defs)))
		return &defs[value - LONG_VALUE(0)];
	for (size_t i = 0; i < ARRAY_SIZE(defs); i++)
		if (defs[i].letter && defs[i].letter == value)
			return &defs[i];
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
		return complain(err, "no value is accepted by option", "--", find_def(value)->name);
	if (value)
		return complain(err, "unknown option", "-", letter);
	return complain(err, "unknown or ambiguous option", "", word);
}

static int complain_missing(FILE *err, const struct option_def *def)
{
	char min[32], max[32];

	fprintf(err, PROGRAM ": --%s: a value is missing, expected %s to %s %s; try --help\n", def->name,
		format_value(def, def->min, min, sizeof(min)), format_value(def, def->max, max, sizeof(max)),
		def->unit);
	return -EINVAL;
}

static int parse_arguments(int argc, char **argv, struct options *opts, FILE *err)
{
	struct option longs[ARRAY_SIZE(defs) + 1] = {};
	/* '-': a stray word is handed out where it stands; ':': a missing value is told from an unknown option. */
	char shorts[2 * ARRAY_SIZE(defs) + 3] = "-:";
	size_t nr_longs = 0, nr_shorts = 2;
	int value;

	for (size_t i = 0; i < ARRAY_SIZE(defs); i++) {
		bool has_arg = defs[i].type != OPTION_FLAG;

		if (defs[i].env)
			continue;
		longs[nr_longs++] = (struct option){
			.name = defs[i].name,
			.has_arg = has_arg ? required_argument : no_argument,
			.val = LONG_VALUE(i),
		};
		if (defs[i].letter) {
			shorts[nr_shorts++] = defs[i].letter;
			if (has_arg)
				shorts[nr_shorts++] = ':';
		}
	}

	opterr = 0;
	optind = 0;	/* GNU: start over, also after a run that was cut short */
	while ((value = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct option_def *def = find_def(value);
		int r;

		if (value == 1)
			return complain(err, "unexpected argument", "", optarg);
		if (value == ':')
			return complain_missing(err, find_def(optopt));
		if (!def)
			return complain_unknown(err, optopt, argv[optind - 1]);
		if (def->type == OPTION_FLAG) {
			set_bool(opts, def);
			continue;
		}
		r = set_value(opts, def, optarg, err);
		if (r < 0)
			return r;
	}
	if (optind < argc)
		return complain(err, "unexpected argument", "", argv[optind]);
	return 0;
}

static int parse_environment(struct options *opts, FILE *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(defs); i++) {
		const char *text;
		int r;

		if (!defs[i].env)
			continue;
		text = getenv(defs[i].name);
		if (!text)
			continue;
		r = set_value(opts, &defs[i], text, err);
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

int options_parse(int argc, char **argv, struct options *opts, FILE *err)
{
	struct options parsed;
	int r;

	options_set_defaults(&parsed);
	r = parse_arguments(argc, argv, &parsed, err);
	if (r < 0)
		return r;

	/* Who asks for help gets it, also with a bad environment. */
	if (!parsed.help && !parsed.help_stats && !parsed.version) {
		r = parse_environment(&parsed, err);
		if (r < 0)
			return r;
		r = check_together(&parsed, err);
		if (r < 0)
			return r;
	}

	*opts = parsed;
	return 0;
}

static void print_limits(FILE *out, const struct option_def *def)
{
	char min[32], max[32], value[32];

	if (def->type == OPTION_PROCESS)
		return;
	fprintf(out, "%*s(%s to %s %s", HELP_COLUMN, "", format_value(def, def->min, min, sizeof(min)),
		format_value(def, def->max, max, sizeof(max)), def->unit);
	if (def->def >= def->min)
		fprintf(out, ", default %s", format_value(def, def->def, value, sizeof(value)));
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
	else
		snprintf(label, sizeof(label), "  %s--%s%s%s", letter, def->name, def->arg ? " " : "",
			 def->arg ? def->arg : "");

	while ((end = strchr(line, '\n'))) {
		fprintf(out, "%-*s%.*s\n", HELP_COLUMN, label, (int)(end - line), line);
		label[0] = '\0';
		line = end + 1;
	}
	fprintf(out, "%-*s%s\n", HELP_COLUMN, label, line);
	if (def->type != OPTION_FLAG)
		print_limits(out, def);
}

void options_print_help(FILE *out)
{
	fprintf(out, "Usage: " PROGRAM " [OPTION]...\n"
		     "\n"
		     "A sched_ext CPU scheduler for gaming desktops. Runs in the foreground until\n"
		     "SIGINT or SIGTERM; the kernel's default scheduler takes over again then.\n"
		     "\n"
		     "Options:\n");
	for (size_t i = 0; i < ARRAY_SIZE(defs); i++)
		if (!defs[i].env)
			print_def(out, &defs[i]);
	fprintf(out, "\nEnvironment:\n");
	for (size_t i = 0; i < ARRAY_SIZE(defs); i++)
		if (defs[i].env)
			print_def(out, &defs[i]);
}
