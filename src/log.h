/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * log - lines on stderr
 *
 * One write(2) per line, so lines of several threads never mix. Under the
 * journal a line starts with its "<N>" priority, on a terminal it is coloured.
 * Control characters are escaped after formatting: a hostile process name
 * cannot forge a line or move the cursor.
 *
 * Logging never fails and never waits: a line that cannot be written at once
 * (full disk, closed stderr, stopped terminal, reader that does not read) is
 * counted, and the number is said before the next line that can be written.
 * The program ignores SIGPIPE and SIGXFSZ. Nothing here allocates; every thread may log.
 */
#ifndef ARCADE_SRC_LOG_H
#define ARCADE_SRC_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

/* Bytes of a line with prefix and newline. Below PIPE_BUF, so that a write to a pipe is whole. */
#define LOG_LINE_MAX 2048

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_NOTICE,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
	NR_LOG_LEVELS,
};

/* Lines above @level are dropped before they are formatted. Default: LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);
bool log_enabled(enum log_level level);

/* Lines lost since the process started, for the statistics. */
uint64_t log_nr_lost(void);

/*
 * Told every line that passes the level, besides stderr; its text is not escaped, and has no level. Any thread; not twice at
 * the same time. May not log.
 */
typedef void (*log_sink_fn)(enum log_level level, const char *text, void *data);

/* NULL: none. When this returns, the one before is not called any more. */
void log_set_sink(log_sink_fn fn, void *data);

/*
 * @err: an errno, of either sign, whose text is appended as ": text"; 0 appends nothing. errno survives.
 * Return: -|@err|, so that "return log_error_errno(err, ...)" reports and passes the error on.
 */
int log_line(enum log_level level, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int log_vline(enum log_level level, int err, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));

#define log_error(...)	 ((void)log_line(LOG_LEVEL_ERROR, 0, __VA_ARGS__))
#define log_warning(...) ((void)log_line(LOG_LEVEL_WARNING, 0, __VA_ARGS__))
#define log_notice(...)	 ((void)log_line(LOG_LEVEL_NOTICE, 0, __VA_ARGS__))
#define log_info(...)	 ((void)log_line(LOG_LEVEL_INFO, 0, __VA_ARGS__))
#define log_debug(...)	 ((void)log_line(LOG_LEVEL_DEBUG, 0, __VA_ARGS__))

#define log_error_errno(err, ...)   log_line(LOG_LEVEL_ERROR, (err), __VA_ARGS__)
#define log_warning_errno(err, ...) log_line(LOG_LEVEL_WARNING, (err), __VA_ARGS__)
#define log_notice_errno(err, ...)  log_line(LOG_LEVEL_NOTICE, (err), __VA_ARGS__)
#define log_info_errno(err, ...)    log_line(LOG_LEVEL_INFO, (err), __VA_ARGS__)
#define log_debug_errno(err, ...)   log_line(LOG_LEVEL_DEBUG, (err), __VA_ARGS__)

#endif
