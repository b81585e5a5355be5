// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl.h"
#include "daemon.h"
#include "explain.h"
#include "helper_child.h"
#include "log.h"
#include "monitor.h"
#include "openmetrics.h"
#include "scheduling.h"
#include "settings.h"
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

static enum status complain_closed(void)
{
	log_error("standard output is closed: nowhere to print to");
	return STATUS_FAILED;
}

static void print_version(FILE *out)
{
	fprintf(out, "scx_arcade %s\n", ARCADE_VERSION);
}

static enum status run(struct settings *settings)
{
	struct daemon *daemon = NULL;
	enum status status;

	status = daemon_new(settings, &daemon);
	if (status)
		return status;
	status = daemon_run(daemon);
	daemon_free(daemon);
	return status;
}

static enum status check_config(const struct options *opts)
{
	int err = settings_check(opts->check_config_file ? opts->check_config_file : opts->config_file, stdout);

	if (fflush(stdout) || ferror(stdout)) {
		log_error_errno(errno, "standard output");
		return STATUS_FAILED;
	}
	return err ? STATUS_USAGE : STATUS_OK;
}

int main(int argc, char **argv)
{
	_cleanup_(settings_freep) struct settings *settings = NULL;
	const struct options *opts;
	bool stdout_closed;
	int err;

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

	if (argc >= 2 && streq(argv[1], "ctl"))
		return stdout_closed ? complain_closed() : ctl_run(argc - 2, argv + 2, NULL);
	err = settings_new(argc, argv, stderr, &settings);
	if (err == -EINVAL)
		return STATUS_USAGE;
	if (err) {
		log_error_errno(err, "start");
		return STATUS_FAILED;
	}
	opts = settings_options(settings);
	if (opts->verbose)
		log_set_level(LOG_LEVEL_DEBUG);
	if (stdout_closed && (opts->help || opts->help_stats || opts->version || opts->check || opts->check_config ||
			      opts->explain_pid || opts->stats_ns || opts->monitor_ns || opts->stats_openmetrics))
		return complain_closed();
	if (opts->help)
		return print_and_exit(options_print_help);
	if (opts->help_stats)
		return print_and_exit(stats_print_help);
	if (opts->version)
		return print_and_exit(print_version);
	if (opts->explain_pid)
		return explain_print((pid_t)opts->explain_pid, stdout);
	if (opts->monitor_ns)
		return monitor_run(NULL, opts->monitor_ns, opts->json);
	if (opts->stats_openmetrics)
		return openmetrics_run(NULL);
	if (opts->check_config)
		return check_config(opts);
	/* A daemon must come up, whatever is in the files. */
	settings_load(settings);
	log_set_level(opts->verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	return opts->check ? scheduling_check(opts) : run(settings);
}
