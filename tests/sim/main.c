// SPDX-License-Identifier: GPL-2.0-only
/*
 * main - options of the simulator
 */
#include "sim.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

static const char usage[] =
"Usage: sim [OPTION]...\n"
"Play a gaming desktop in a simulated machine under several schedulers: policy.h as it is, with what the kernel half\n"
"does around it, and something like the kernel's default. Milliseconds are of the model; relations are what to look at.\n"
"\n"
"  --machine NAME   2, 8smt (default), 16-2llc (one with V-Cache), 8p8e, 64, or all\n"
"  --arm NAME       eevdf, nice-10 (eevdf, the game at nice -10), neutral (ours, no game known), game, or all (default)\n"
"  --seconds N      that count, after one that does not (3)\n"
"  --seed N         (1)\n"
"  --load PERCENT   of hogs per CPU; builds and forkers go with it (200)\n"
"  --hz N           frames per second (60, 144 or 240, as fits the machine)\n"
"  --json           one object per machine\n"
"  --check          test what must hold on every machine, and print TAP\n"
"  --help\n";

static int complain(const char *what, const char *arg)
{
	fprintf(stderr, "sim: %s '%s' (see --help)\n", what, arg);
	return 2;
}

static int run(struct sim_options *opt, const char *arm, bool json)
{
	struct sim_result results[NR_SIM_ARMS];
	int nr = 0;

	for (int i = 0; i < NR_SIM_ARMS; i++) {
		if (strcmp(arm, "all") != 0 && strcmp(arm, arm_names[i]) != 0)
			continue;
		opt->arm = (enum sim_arm)i;
		if (!result_of_run(opt, &results[nr++]))
			return complain("no machine", opt->machine);
	}
	if (!nr)
		return complain("no arm", arm);
	(json ? report_json : report_table)(opt, results, nr);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "machine", required_argument, NULL, 'm' }, { "arm", required_argument, NULL, 'a' },
		{ "seconds", required_argument, NULL, 's' }, { "seed", required_argument, NULL, 'r' },
		{ "load", required_argument, NULL, 'l' },    { "hz", required_argument, NULL, 'z' },
		{ "json", no_argument, NULL, 'j' },	     { "check", no_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },	     { NULL, 0, NULL, 0 },
	};
	struct sim_options opt = { .machine = "8smt", .seconds = 3, .seed = 1, .load_percent = 200 };
	bool json = false, check = false;
	const char *arm = "all";
	u64 value;
	int c, status = 0;

	opterr = 0;
	while ((c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		switch (c) {
		case 'm':
			opt.machine = optarg;
			break;
		case 'a':
			arm = optarg;
			break;
		case 's':
			if (parse_u64_range(optarg, 1, 3600, &opt.seconds))
				return complain("--seconds is a number from 1 to 3600, not", optarg);
			break;
		case 'r':
			if (parse_u64_range(optarg, 0, 1ULL << 40, &opt.seed))
				return complain("--seed is a number, not", optarg);
			break;
		case 'l':
			if (parse_u64_range(optarg, 0, 600, &value))
				return complain("--load is a number from 0 to 600, not", optarg);
			opt.load_percent = (u32)value;
			break;
		case 'z':
			if (parse_u64_range(optarg, 10, 1000, &value))
				return complain("--hz is a number from 10 to 1000, not", optarg);
			opt.hz = (u32)value;
			break;
		case 'j':
			json = true;
			break;
		case 'c':
			check = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			return complain(c == ':' ? "a value is missing for" : "unknown option", argv[optind - 1]);
		}
	}
	if (optind < argc)
		return complain("unexpected argument", argv[optind]);
	if (check)
		return check_all(opt.seed);
	if (strcmp(opt.machine, "all") != 0)
		return run(&opt, arm, json);
	for (int i = 0; machine_names[i] && !status; i++) {
		opt.machine = machine_names[i];
		status = run(&opt, arm, json);
		if (!json)
			printf("\n");
	}
	return status;
}
