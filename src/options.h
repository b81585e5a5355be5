/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * options - the command line
 *
 * One table in options.c names every option with its unit, limits and default;
 * the parser, the error messages and --help are all made from it. Parsing has
 * no effect beyond its result, prints nothing but the one error line and never
 * exits.
 */
#ifndef ARCADE_SRC_OPTIONS_H
#define ARCADE_SRC_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct options {
	uint64_t slice_us;
	uint64_t chain_ms;
	uint64_t stats_ns;	/* 0: no --stats */
	uint64_t monitor_ns;	/* 0: no --monitor */
	uint64_t game_pid;	/* 0: no --game PID */
	const char *game_name;	/* NULL: no --game NAME; lives in argv */
	uint64_t explain_pid;	/* 0: no --explain */
	uint64_t exit_dump_len;	/* bytes, 0: the kernel's default */
	uint64_t timeout_ms;	/* from the environment: SCX_TIMEOUT_MS */
	bool no_input;
	bool no_input_hook;
	bool no_preempt;
	bool no_roles;
	bool no_detect;
	bool no_focus;
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
 * Reads @argv and the environment; the last of repeated options counts. Not for several threads (getopt).
 * Return: 0, or -EINVAL after one line on @err that names option, value and accepted range. @opts is untouched then.
 */
int options_parse(int argc, char **argv, struct options *opts, FILE *err);

void options_print_help(FILE *out);

#endif
