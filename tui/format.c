// SPDX-License-Identifier: GPL-2.0-only
#include "format.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "util.h"

/* Three digits: 1.23, 12.3, 123. The limits are where rounding would make a fourth. */
static char *three_digits(char *buf, double value, const char *unit)
{
	int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;

	snprintf(buf, FORMAT_SIZE, "%.*f%s", decimals, value, unit);
	return buf;
}

static char *thousands(char *buf, double value)
{
	static const char *const units[] = { "k", "M", "G", "T", "P", "E" };
	size_t unit = 0;

	for (value /= 1000; value >= 999.5 && unit + 1 < ARRAY_SIZE(units); unit++)
		value /= 1000;
	if (value >= 999.5) {
		snprintf(buf, FORMAT_SIZE, "huge");
		return buf;
	}
	return three_digits(buf, value, units[unit]);
}

char *format_count(char *buf, uint64_t count)
{
	if (count >= 10000)
		return thousands(buf, (double)count);
	snprintf(buf, FORMAT_SIZE, "%" PRIu64, count);
	return buf;
}

char *format_rate(char *buf, double rate)
{
	if (isnan(rate))
		snprintf(buf, FORMAT_SIZE, "-");
	else if (rate < 0.005)
		snprintf(buf, FORMAT_SIZE, "0");
	else if (rate < 999.5)
		three_digits(buf, rate, "");
	else if (rate < 9999.5)
		snprintf(buf, FORMAT_SIZE, "%.0f", rate);
	else
		thousands(buf, rate);
	return buf;
}

char *format_us(char *buf, uint64_t us)
{
	if (us < 1000)
		snprintf(buf, FORMAT_SIZE, "%" PRIu64 " us", us);
	else if (us < 999500)
		three_digits(buf, us / 1e3, " ms");
	else if (us < 999500000)
		three_digits(buf, us / 1e6, " s");
	else
		snprintf(buf, FORMAT_SIZE, "> 999 s");
	return buf;
}

char *format_ns(char *buf, uint64_t ns)
{
	if (ns && ns < NSEC_PER_USEC) {
		snprintf(buf, FORMAT_SIZE, "< 1 us");
		return buf;
	}
	return format_us(buf, ns / NSEC_PER_USEC);
}

char *format_duration(char *buf, uint64_t ns)
{
	uint64_t s = ns / NSEC_PER_SEC;

	if (s < 60)
		snprintf(buf, FORMAT_SIZE, "%" PRIu64 " s", s);
	else if (s < 3600)
		snprintf(buf, FORMAT_SIZE, "%" PRIu64 " m %02" PRIu64 " s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, FORMAT_SIZE, "%" PRIu64 " h %02" PRIu64 " m", s / 3600, s / 60 % 60);
	else if (s < 86400 * 1000)
		snprintf(buf, FORMAT_SIZE, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s / 3600 % 24);
	else
		snprintf(buf, FORMAT_SIZE, "> 999 d");
	return buf;
}

char *format_percent(char *buf, double share)
{
	double percent = share * 100;

	if (isnan(percent))
		snprintf(buf, FORMAT_SIZE, "-");
	else if (percent < 0.05)
		snprintf(buf, FORMAT_SIZE, "0%%");
	else if (percent < 99.95)
		snprintf(buf, FORMAT_SIZE, "%.1f%%", percent);
	else if (percent < 99999)
		snprintf(buf, FORMAT_SIZE, "%.0f%%", percent);
	else
		snprintf(buf, FORMAT_SIZE, "huge");
	return buf;
}

char *format_clock(char *buf, uint64_t time_ms)
{
	time_t seconds = (time_t)(time_ms / 1000);
	struct tm tm;

	if (!localtime_r(&seconds, &tm) || !strftime(buf, FORMAT_SIZE, "%H:%M:%S", &tm))
		snprintf(buf, FORMAT_SIZE, "--:--:--");
	return buf;
}
