/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * format - figures for people: three digits that mean something, and a unit
 *
 * All return @buf, which is FORMAT_SIZE bytes long. Any value gives a text of
 * at most FORMAT_COLUMNS columns (durations two more), so that columns stay columns.
 */
#ifndef ARCADE_TUI_FORMAT_H
#define ARCADE_TUI_FORMAT_H

#include <stdint.h>

#define FORMAT_SIZE    24
#define FORMAT_COLUMNS 8

/* 7, 999, 12.3k, 4.56M */
char *format_count(char *buf, uint64_t count);

/* Per second: 0, 0.25, 59.9, 998, 12.3k; a dash for NaN. */
char *format_rate(char *buf, double rate);

/* 64 us, 1.02 ms, 16.4 ms, 2.10 s */
char *format_us(char *buf, uint64_t us);
char *format_ns(char *buf, uint64_t ns);

/* 42 s, 5 m 12 s, 1 h 03 m, 12 d 4 h */
char *format_duration(char *buf, uint64_t ns);

/* 0.7%, 12.3%, 100%; a dash for NaN. */
char *format_percent(char *buf, double share);

/* The time of day, local, of milliseconds since 1970. */
char *format_clock(char *buf, uint64_t time_ms);

#endif
