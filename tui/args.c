// SPDX-License-Identifier: GPL-2.0-only
#include "args.h"

#include <getopt.h>
#include <stdio.h>

#include "util.h"

#define INTERVAL_MIN_NS (100 * NSEC_PER_MSEC)
#define INTERVAL_MAX_NS (3600 * NSEC_PER_SEC)

static const struct option options[] = {
	{ "socket", required_argument, NULL, 'S' },   { "interval", required_argument, NULL, 'd' },
	{ "frames", required_argument, NULL, 'n' },   { "once", no_argument, NULL, 'o' },
	{ "json", no_argument, NULL, 'j' },	      { "ascii", no_argument, NULL, 'a' },
	{ "version", no_argument, NULL, 'V' },	      { "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
	"Usage: arcadetop [OPTION]...\n"
	"Shows what the CPU scheduler scx_arcade does, live.\n"
	"\n"
	"  -d, --interval SEC   time between two looks, 0.1 to 3600 (default 1)\n"
	"  -n, --frames N       leave after N of them\n"
	"      --once           print a report and leave; figures are of one interval\n"
	"      --once --json    print everything that the daemon tells as one JSON object\n"
	"      --socket PATH    of the daemon's statistics (default " ARGS_SOCKET ")\n"
	"      --ascii          draw with ASCII only, whatever the locale is\n"
	"  -V, --version        print the version\n"
	"  -h, --help           print this\n"
	"\n"
	"Keys: 1-6 pages, arrows, p pause, r count from now, s sort, q quit; h explains.\n"
	"NO_COLOR in the environment turns colours off.\n"
	"\n"
	"Exit status: 0 done, 1 an error of this machine or the daemon, 2 wrong usage,\n"
	"3 not permitted, 8 no daemon runs. Without --once it waits for the daemon.\n";

static enum args_result wrong(const char *what, const char *value)
{
	char text[200];

	escape_text(text, sizeof(text), value);
	fprintf(stderr, "arcadetop: error: %s: %s (see --help)\n", text, what);
	return ARGS_WRONG;
}

static enum args_result done(void)
{
	return fflush(stdout) || ferror(stdout) ? ARGS_WRONG : ARGS_DONE;
}

enum args_result args_parse(struct args *args, int argc, char **argv)
{
	int opt;

	*args = (struct args){ .socket = ARGS_SOCKET, .interval_ns = NSEC_PER_SEC };
	opterr = 0;
	optind = 0;	/* so that it may be called again */
	while ((opt = getopt_long(argc, argv, ":d:n:Vh", options, NULL)) != -1) {
		switch (opt) {
		case 'S':
			if (!*optarg || strlen(optarg) >= 108)
				return wrong("not a path of a socket: 1 to 107 bytes", optarg);
			args->socket = optarg;
			break;
		case 'd':
			if (parse_seconds_range(optarg, INTERVAL_MIN_NS, INTERVAL_MAX_NS, &args->interval_ns))
				return wrong("not an interval: seconds from 0.1 to 3600", optarg);
			break;
		case 'n':
			if (parse_u64_range(optarg, 1, 1000000000, &args->frames))
				return wrong("not a number of frames: 1 or more", optarg);
			break;
		case 'o':
			args->once = true;
			break;
		case 'j':
			args->json = true;
			break;
		case 'a':
			args->ascii = true;
			break;
		case 'V':
			printf("arcadetop %s\n", ARCADE_VERSION);
			return done();
		case 'h':
			fputs(help, stdout);
			return done();
		case ':':
			return wrong("needs a value", argv[optind - 1]);
		default:
			return wrong("no such option", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return wrong("not an option", argv[optind]);
	if (args->json && !args->once)
		return wrong("goes with --once only", "--json");
	if (args->once && args->frames)
		return wrong("does not go with --once", "--frames");
	return ARGS_RUN;
}
