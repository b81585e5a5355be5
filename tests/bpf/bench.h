/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * bench - what the programs that measure share
 */
#ifndef ARCADE_TESTS_BENCH_H
#define ARCADE_TESTS_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "util.h"

/* The value of --@option, a number from 1 to @max. Return: false if it is none, which has been said. */
static inline bool bench_read_number(const char *option, const char *text, uint64_t max, uint64_t *ret)
{
	if (!parse_u64_range(text, 1, max, ret))
		return true;
	fprintf(stderr, "error: --%s %s: not a number from 1 to %llu\n", option, text, (unsigned long long)max);
	return false;
}

#endif
