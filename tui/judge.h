/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * judge - what is good, what is worth a look, what is bad
 *
 * The limits are those of a player: a frame of a 60 Hz display is 16.7 ms, of
 * a 240 Hz one 4.2 ms.
 */
#ifndef ARCADE_TUI_JUDGE_H
#define ARCADE_TUI_JUDGE_H

#include "canvas.h"
#include "model.h"

#define JUDGE_GOOD_US 4096
#define JUDGE_FAIR_US 16384

/* Of the 99th percentile from an input to its effect; 0: there is none. */
enum style judge_latency(uint64_t us);

/* Of a log level's name. */
enum style judge_level(const char *level);

/* Of a scheduling class's name. */
enum style judge_class(const char *class);

/* One sentence about the whole. */
enum style judge_verdict(const struct model *model, char *buf, size_t size);

/* Time of the day; of a clock that does not begin in 1970 seconds since it began. @buf: FORMAT_SIZE. Return: @buf. */
char *judge_event_time(char *buf, uint64_t time_ms);

#endif
