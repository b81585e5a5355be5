// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon.h"
#include "explain.h"
#include "helper_child.h"
#include "log.h"
#include "options.h"
#include "scheduling.h"
#include "stats.h"
#include "status.h"
#include "util.h"

/*
 * A standard descriptor that is closed would be given to the first file we open, and our output would end up there.
 */
static int reserve_descriptor(int fd)
{
	int opened;

	if (fcntl(fd, F_GETFD) >= 0)
		return 0;
	opened = open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY);
	if (opened < 0)
		return -errno;
	return opened == fd ? 0 : -EBADF;
}

static enum status print_and_exit(void (*print)(FILE *))
{
	print(stdout);
	if (fflush(stdout) || ferror(stdout)) {
		log_error_errno(errno, "standard output");
		return STATUS_FAILED;
	}
	return STATUS_OK;
}

static void print_version(FILE *out)
{
	fprintf(out, "scx_arcade %s\n", ARCADE_VERSION);
}

static enum status run(const struct options *opts)
{
	struct daemon *daemon = NULL;
	enum status status;

	status = daemon_new(opts, &daemon);
	if (status)
		return status;
	status = daemon_run(daemon);
	daemon_free(daemon);
	return status;
}

int main(int argc, char **argv)
{
	struct options opts;
	bool stdout_closed;

	/* The daemon has executed itself: nothing of what follows is meant for that process. */
	if (argc == 2 && streq(argv[1], HELPER_ARGUMENT))
		return helper_main();
	if (reserve_descriptor(STDIN_FILENO))
		return STATUS_FAILED;
	stdout_closed = fcntl(STDOUT_FILENO, F_GETFD) < 0;
	if (reserve_descriptor(STDOUT_FILENO) || reserve_descriptor(STDERR_FILENO))
		return STATUS_FAILED;
	/* Without it (no /proc) a stopped terminal holds us up, but nothing else goes wrong. */
	unblock_terminal(STDOUT_FILENO);
	unblock_terminal(STDERR_FILENO);
	/* A reader that goes away is an error of write(2), to be told, not a death. */
	signal(SIGPIPE, SIG_IGN);
	/* Who starts us may have it ignored: then a child is gone, with its number, before anybody has asked how it ended. */
	signal(SIGCHLD, SIG_DFL);

	options_set_defaults(&opts);
	if (options_parse(argc, argv, &opts, stderr))
		return STATUS_USAGE;
	if (opts.verbose)
		log_set_level(LOG_LEVEL_DEBUG);
	if (stdout_closed && (opts.help || opts.help_stats || opts.version || opts.check || opts.explain_pid || opts.stats_ns || opts.monitor_ns)) {
		log_error("standard output is closed: nowhere to print to");
		return STATUS_FAILED;
	}
	if (opts.help)
		return print_and_exit(options_print_help);
	if (opts.help_stats)
		return print_and_exit(stats_print_help);
	if (opts.version)
		return print_and_exit(print_version);
	if (opts.explain_pid)
		return explain_print((pid_t)opts.explain_pid, stdout);
	if (opts.check)
		return scheduling_check(&opts);
	return run(&opts);
}
