/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * app - the live viewer: feed, model, screen and keys in one loop that never waits for the daemon
 */
#ifndef ARCADE_TUI_APP_H
#define ARCADE_TUI_APP_H

#include "args.h"

/* Return: an exit status; what went wrong has been said. May die of a signal instead, the terminal restored. */
int app_run(const struct args *args);

#endif
