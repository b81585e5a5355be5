/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * explain - says of one process whether it is a game, and why
 *
 * For the user, without the daemon: what the daemon knows besides (GPU, focus,
 * GameMode) is named as missing.
 */
#ifndef ARCADE_SRC_EXPLAIN_H
#define ARCADE_SRC_EXPLAIN_H

#include <stdio.h>
#include <sys/types.h>

#include "status.h"

/* Return: STATUS_OK, also if it is no game; STATUS_FAILED if there is no such process, STATUS_NO_PRIVILEGE; logs. */
enum status explain_print(pid_t pid, FILE *out);

#endif
