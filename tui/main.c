// SPDX-License-Identifier: GPL-2.0-only
/*
 * arcadetop - what scx_arcade does, on a terminal
 *
 * Needs no rights but to read the daemon's statistics, and changes nothing.
 */
#include <locale.h>

#include "app.h"
#include "args.h"
#include "once.h"
#include "status.h"

int main(int argc, char **argv)
{
	struct args args;

	/* Which characters there are; figures look the same everywhere. */
	setlocale(LC_CTYPE, "");
	switch (args_parse(&args, argc, argv)) {
	case ARGS_DONE:
		return STATUS_OK;
	case ARGS_WRONG:
		return STATUS_USAGE;
	default:
		return args.once ? once_run(&args) : app_run(&args);
	}
}
