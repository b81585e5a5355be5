/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * once - one look without a terminal: a report to read, or one JSON object
 */
#ifndef ARCADE_TUI_ONCE_H
#define ARCADE_TUI_ONCE_H

#include "args.h"

/* Return: an exit status; what went wrong has been said on standard error. */
int once_run(const struct args *args);

#endif
