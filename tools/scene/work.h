/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * work - CPU work in fixed amounts
 *
 * Work is a number of loop iterations and not a span of time: a slower run
 * must not do less. The rate is measured once, before anything else runs.
 */
#ifndef SCENE_WORK_H
#define SCENE_WORK_H

#include <stdint.h>

/* Iterations per microsecond at the best of several short runs. */
double work_calibrate(void);

uint64_t work_from_us(double iters_per_us, double work_us);

void work_do(uint64_t nr_iters);

#endif
