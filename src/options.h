/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * options - the command line
 *
 * The parser, its messages and --help are all made from the option table.
 * Parsing has no effect beyond its result, prints nothing but the one error
 * line and never exits.
 */
#ifndef ARCADE_SRC_OPTIONS_H
#define ARCADE_SRC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* The order is that of the energy it takes. */
enum options_full_speed {
	OPTIONS_FULL_SPEED_NONE,
	OPTIONS_FULL_SPEED_CHAINS,
	OPTIONS_FULL_SPEED_GAME,	/* and chains */
	OPTIONS_FULL_SPEED_ALL,
};

struct options {
	uint64_t mode;			/* enum mode */
	uint64_t slice_us;
	uint64_t chain_ms;
	uint64_t frame_ms;
	uint64_t chain_budget_us;
	uint64_t full_speed;		/* enum options_full_speed */
	uint64_t stats_ns;		/* 0: no --stats */
	uint64_t monitor_ns;		/* 0: no --monitor */
	uint64_t game_pid;		/* 0: no --game PID */
	const char *game_name;		/* NULL: no --game NAME; lives in argv */
	uint64_t explain_pid;		/* 0: no --explain */
	uint64_t exit_dump_len;		/* bytes, 0: the kernel's default */
	uint64_t timeout_ms;		/* from the environment: SCX_TIMEOUT_MS */
	const char *config_file;	/* NULL: the usual one; lives in argv, as the next */
	const char *check_config_file;	/* NULL: config_file */
	bool check_config;
	bool no_input;
	bool no_input_hook;
	bool no_preempt;
	bool no_roles;
	bool no_detect;
	bool no_focus;
	bool no_follow_focus;
	bool json;
	bool stats_openmetrics;
	bool verbose;
	bool check;
	bool version;
	bool help;
	bool help_stats;
};

/* The defaults of the table. */
void options_set_defaults(struct options *opts);

/*
 * Reads @argv and the environment; the last of repeated options counts. Not for several threads (getopt). @given: a bit
 * for each row of the option table that was named, may be NULL.
 * Return: 0, or -EINVAL after one line on @err that names option, value and accepted range. @opts is untouched then.
 */
int options_parse(int argc, char **argv, struct options *opts, uint64_t *given, FILE *err);

void options_print_help(FILE *out);

#endif
