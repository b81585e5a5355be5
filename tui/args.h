/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * args - the command line of arcadetop
 */
#ifndef ARCADE_TUI_ARGS_H
#define ARCADE_TUI_ARGS_H

#include <stdbool.h>
#include <stdint.h>

/* The name that the field knows; /var/run is a link to /run. */
#define ARGS_SOCKET "/run/scx/root/stats"

struct args {
	const char *socket;	/* borrowed from argv */
	uint64_t interval_ns;
	uint64_t frames;	/* leave after so many, 0: never */
	bool once;
	bool json;
	bool ascii;
};

enum args_result { ARGS_RUN, ARGS_DONE, ARGS_WRONG };

/* ARGS_DONE: --help or --version has been printed. ARGS_WRONG: what is wrong has, in one line. */
enum args_result args_parse(struct args *args, int argc, char **argv);

#endif
