// SPDX-License-Identifier: GPL-2.0-only
#include "option_table.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "arcade/abi.h"
#include "modes.h"
#include "util.h"

#define FIELD(name) offsetof(struct options, name)

static const char *const full_speed_words[] = {
	[OPTIONS_FULL_SPEED_NONE] = "none",
	[OPTIONS_FULL_SPEED_CHAINS] = "chains",
	[OPTIONS_FULL_SPEED_GAME] = "game",
	[OPTIONS_FULL_SPEED_ALL] = "all",
	NULL,
};

static const char *const section_names[NR_OPTION_SECTIONS] = {
	[OPTION_DAEMON] = "daemon",
	[OPTION_INPUT] = "input",
	[OPTION_CHAIN] = "chain",
};

/* A row is easier to read as a block than as a column. */
/* clang-format off */
const struct option_def option_table[] = {
	{
		.name = "mode", .type = OPTION_WORD, .arg = "NAME", .words = modes_names,
		.effect = OPTION_LIVE, .section = OPTION_DAEMON, .offset = FIELD(mode),
		.help = "a set of values for a purpose; what is said of a single\n"
			"option counts more",
	}, {
		.name = "slice-us", .type = OPTION_NUMBER, .arg = "N", .unit = "us",
		.effect = OPTION_LIVE, .section = OPTION_DAEMON, .per_game = true,
		.min = 250, .max = 20000, .def = 3000, .offset = FIELD(slice_us),
		.help = "longest time a task runs before another may",
	}, {
		.name = "preempt", .type = OPTION_BOOL, .inverted = true,
		.effect = OPTION_LIVE, .section = OPTION_DAEMON, .per_game = true,
		.def = 1, .offset = FIELD(no_preempt),
		.help = "interrupt a running task for one that comes before it",
	}, {
		.name = "full-speed", .type = OPTION_WORD, .arg = "WHO", .words = full_speed_words,
		.effect = OPTION_LIVE, .section = OPTION_DAEMON, .per_game = true,
		.def = OPTIONS_FULL_SPEED_GAME, .offset = FIELD(full_speed),
		.help = "who gets a CPU's full speed at once, where schedutil\n"
			"asks: chains, these and the game, or all; the others\n"
			"get what they have used lately",
	}, {
		.name = "chain-ms", .type = OPTION_NUMBER, .arg = "N", .unit = "ms",
		.effect = OPTION_LIVE, .section = OPTION_CHAIN, .per_game = true,
		.min = 1, .max = ARCADE_MAX_CHAIN_MS, .def = 33, .offset = FIELD(chain_ms),
		.help = "how long what an input event causes goes first",
	}, {
		.name = "frame-ms", .type = OPTION_NUMBER, .arg = "N", .unit = "ms",
		.effect = OPTION_LIVE, .section = OPTION_CHAIN, .per_game = true,
		.min = 1, .max = ARCADE_MAX_CHAIN_MS, .def = 16, .offset = FIELD(frame_ms),
		.help = "how long what a frame of the display causes goes first",
	}, {
		.name = "chain-budget-us", .type = OPTION_NUMBER, .arg = "N", .unit = "us",
		.effect = OPTION_LIVE, .section = OPTION_CHAIN, .per_game = true,
		.min = 250, .max = 50000, .def = 4000, .offset = FIELD(chain_budget_us),
		.help = "CPU time that a thread may use as a member of a chain,\n"
			"each time it wakes up, and then a slice",
	}, {
		.name = "roles", .type = OPTION_BOOL, .inverted = true,
		.effect = OPTION_RESCHEDULE, .section = OPTION_CHAIN,
		.def = 1, .offset = FIELD(no_roles),
		.help = "watch display, audio and GPU; without, only input\n"
			"begins chains",
	}, {
		.name = "input", .type = OPTION_BOOL, .inverted = true,
		.effect = OPTION_RESCHEDULE, .section = OPTION_INPUT,
		.def = 1, .offset = FIELD(no_input),
		.help = "look at input; without: no chains, a fair scheduler",
	}, {
		.name = "input-hook", .type = OPTION_BOOL, .inverted = true,
		.effect = OPTION_RESCHEDULE, .section = OPTION_INPUT,
		.def = 1, .offset = FIELD(no_input_hook),
		.help = "see input in the kernel; without, the daemon notices\n"
			"it, and favours game and compositor for a moment",
	}, {
		.name = "detect", .type = OPTION_BOOL, .inverted = true,
		.effect = OPTION_LIVE, .section = OPTION_DAEMON,
		.def = 1, .offset = FIELD(no_detect),
		.help = "look for games and background programs",
	}, {
		.name = "focus", .type = OPTION_BOOL, .inverted = true,
		.effect = OPTION_LIVE, .section = OPTION_DAEMON,
		.def = 1, .offset = FIELD(no_focus),
		.help = "ask the desktop which window has the focus, by a helper\n"
			"in the user's session",
	}, {
		.name = "follow-focus", .type = OPTION_BOOL, .inverted = true,
		.effect = OPTION_LIVE, .section = OPTION_DAEMON, .per_game = true,
		.def = 1, .offset = FIELD(no_follow_focus),
		.help = "a game whose window has lost the focus is scheduled\n"
			"like any other; without, it stays the game",
	}, {
		.name = "exit-dump-len", .type = OPTION_NUMBER, .arg = "N", .unit = "bytes",
		.effect = OPTION_RESCHEDULE, .section = OPTION_DAEMON,
		.min = 0, .max = 1048576, .def = 0, .offset = FIELD(exit_dump_len),
		.help = "size of the dump after an error; 0: kernel's default",
	}, {
		.name = "verbose", .letter = 'v', .type = OPTION_BOOL,
		.effect = OPTION_LIVE, .section = OPTION_DAEMON, .offset = FIELD(verbose),
		.help = "log debugging details",
	}, {
		.name = "game", .type = OPTION_PROCESS, .arg = "PROC", .unit = "as a process id",
		.min = 2, .max = 4194304, .offset = FIELD(game_pid), .text_offset = FIELD(game_name),
		.help = "this process and its descendants are the game, nothing\n"
			"else is: a process id, or the name of a program that\n"
			"runs or will run (Wine: Game.exe)",
	}, {
		.name = "config", .type = OPTION_FILE, .arg = "FILE", .text_offset = FIELD(config_file),
		.help = "read this file and FILE.d/*.conf instead of\n"
			"/etc/scx_arcade.conf and /etc/scx_arcade.conf.d/*.conf",
	}, {
		.name = "check-config", .type = OPTION_FLAG_FILE, .arg = "FILE",
		.offset = FIELD(check_config), .text_offset = FIELD(check_config_file),
		.help = "say what is wrong with the files, or with FILE and\n"
			"FILE.d/*.conf, and exit; status 0 if nothing is, else 2",
	}, {
		.name = "explain", .type = OPTION_NUMBER, .arg = "PID", .unit = "as a process id",
		.min = 1, .max = 4194304, .offset = FIELD(explain_pid),
		.help = "say whether this process is a game, and why, and exit",
	}, {
		.name = "stats", .type = OPTION_SECONDS, .arg = "SEC", .unit = "seconds",
		.min = NSEC_PER_SEC / 10, .max = 3600 * NSEC_PER_SEC, .offset = FIELD(stats_ns),
		.help = "run the scheduler and print its statistics every SEC",
	}, {
		.name = "monitor", .type = OPTION_SECONDS, .arg = "SEC", .unit = "seconds",
		.min = NSEC_PER_SEC / 10, .max = 3600 * NSEC_PER_SEC, .offset = FIELD(monitor_ns),
		.help = "a live table of a running daemon every SEC; schedules\n"
			"nothing, waits for a daemon if none runs",
	}, {
		.name = "stats-openmetrics", .type = OPTION_FLAG, .offset = FIELD(stats_openmetrics),
		.help = "the statistics of a running daemon, once, as\n"
			"OpenMetrics text",
	}, {
		.name = "json", .type = OPTION_FLAG, .offset = FIELD(json),
		.help = "with --stats or --monitor: one JSON object per line",
	}, {
		.name = "check", .type = OPTION_FLAG, .offset = FIELD(check),
		.help = "say whether this kernel can run the scheduler, and with\n"
			"which hooks; status 0 if it can, 1 if not",
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

const size_t option_table_nr = ARRAY_SIZE(option_table);
_Static_assert(ARRAY_SIZE(option_table) <= OPTION_TABLE_MAX, "a set of options is a word of bits");

const char *option_section_name(enum option_section section)
{
	return section_names[section];
}

const struct option_def *option_find(const char *name)
{
	for (size_t i = 0; i < option_table_nr; i++)
		if (option_table[i].section && streq(option_table[i].name, name))
			return &option_table[i];
	return NULL;
}

static bool is_bool(const struct option_def *def)
{
	return def->type == OPTION_FLAG || def->type == OPTION_BOOL || def->type == OPTION_FLAG_FILE;
}

uint64_t option_get(const struct options *opts, const struct option_def *def)
{
	const char *member = (const char *)opts + def->offset;

	if (is_bool(def))
		return *(const bool *)member != def->inverted;
	return *(const uint64_t *)member;
}

void option_set(struct options *opts, const struct option_def *def, uint64_t value)
{
	char *member = (char *)opts + def->offset;

	if (is_bool(def))
		*(bool *)member = !!value != def->inverted;
	else
		*(uint64_t *)member = value;
}

static int parse_word(const char *const *words, const char *text, uint64_t *value)
{
	for (size_t i = 0; words[i]; i++) {
		if (streq(words[i], text)) {
			*value = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_bool(const char *text, uint64_t *value)
{
	/* At even places what means no. */
	static const char *const words[] = { "no", "yes", "false", "true", "off", "on", "0", "1", NULL };
	int err = parse_word(words, text, value);

	if (!err)
		*value %= 2;
	return err;
}

int option_parse(const struct option_def *def, const char *text, uint64_t *value)
{
	switch (def->type) {
	case OPTION_BOOL:
		return parse_bool(text, value);
	case OPTION_WORD:
		return parse_word(def->words, text, value);
	case OPTION_SECONDS:
		return parse_seconds_range(text, def->min, def->max, value);
	case OPTION_NUMBER:
	case OPTION_PROCESS:
		return parse_u64_range(text, def->min, def->max, value);
	default:
		return -EINVAL;
	}
}

char *option_format(const struct option_def *def, uint64_t value, char *buf, size_t size)
{
	size_t len;

	if (is_bool(def)) {
		snprintf(buf, size, "%s", value ? "yes" : "no");
		return buf;
	}
	if (def->type == OPTION_WORD) {
		snprintf(buf, size, "%s", def->words[value]);
		return buf;
	}
	if (def->type != OPTION_SECONDS) {
		snprintf(buf, size, "%" PRIu64, value);
		return buf;
	}
	/* "0.1" for 100 ms: as few decimals as needed. */
	len = (size_t)snprintf(buf, size, "%llu.%09llu", (unsigned long long)(value / NSEC_PER_SEC),
			       (unsigned long long)(value % NSEC_PER_SEC));
	while (buf[len - 1] == '0')
		buf[--len] = '\0';
	if (buf[len - 1] == '.')
		buf[--len] = '\0';
	return buf;
}

char *option_expected(const struct option_def *def, char *buf, size_t size)
{
	char min[OPTION_VALUE_MAX], max[OPTION_VALUE_MAX];
	size_t len = 0;

	switch (def->type) {
	case OPTION_BOOL:
		snprintf(buf, size, "yes or no");
		break;
	case OPTION_WORD:
		buf[0] = '\0';
		for (size_t i = 0; def->words[i] && len < size; i++)
			len += (size_t)snprintf(buf + len, size - len, "%s%s",
						!i ? "" : def->words[i + 1] ? ", " : " or ", def->words[i]);
		break;
	case OPTION_FILE:
	case OPTION_FLAG_FILE:
		snprintf(buf, size, "the path of a file");
		break;
	default:
		snprintf(buf, size, "%s to %s %s%s", option_format(def, def->min, min, sizeof(min)),
			 option_format(def, def->max, max, sizeof(max)), def->unit,
			 def->type == OPTION_PROCESS ? ", or a name" : "");
	}
	return buf;
}

const char *option_problem(const struct option_def *def, int err)
{
	if (err == -ERANGE)
		return "out of range";
	return def->type == OPTION_BOOL || def->type == OPTION_WORD ? "none of the words" : "not a number";
}
