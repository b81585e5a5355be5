/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ctl - `scx_arcade ctl …`: ask a running daemon, or tell it what to do
 */
#ifndef ARCADE_SRC_CTL_H
#define ARCADE_SRC_CTL_H

#include <stdio.h>

#include "status.h"

/*
 * @argv: the words after "ctl", @argc of them. @path: of the socket, NULL for the usual. Prints the answer on standard
 * output. Return: STATUS_OK, STATUS_USAGE, STATUS_NO_DAEMON, STATUS_NO_PRIVILEGE, or STATUS_FAILED if the daemon refuses
 * or cannot; logged in one line.
 */
enum status ctl_run(int argc, char **argv, const char *path);

void ctl_print_help(FILE *out);

#endif
