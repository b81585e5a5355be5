// SPDX-License-Identifier: GPL-2.0-only
#include "judge.h"

#include <inttypes.h>
#include <math.h>

#include "format.h"
#include "util.h"

/* A time of day before this (2001) is none. */
#define YEAR_2001_MS 1000000000000ULL

enum style judge_latency(uint64_t us)
{
	if (!us)
		return STYLE_DIM;
	return us <= JUDGE_GOOD_US ? STYLE_GOOD : us <= JUDGE_FAIR_US ? STYLE_WARN : STYLE_BAD;
}

enum style judge_level(const char *level)
{
	if (streq(level, "error"))
		return STYLE_BAD;
	if (streq(level, "warning"))
		return STYLE_WARN;
	return streq(level, "notice") ? STYLE_STRONG : STYLE_PLAIN;
}

enum style judge_class(const char *class)
{
	if (streq(class, "chain"))
		return STYLE_BAR;
	if (streq(class, "frame") || streq(class, "game"))
		return STYLE_STRONG;
	return streq(class, "background") ? STYLE_DIM : STYLE_PLAIN;
}

enum style judge_verdict(const struct model *model, char *buf, size_t size)
{
	const struct top_facts *top = &model->now.top;
	const struct hist *submit = &model->chains[ROOT_INPUT].ends[END_SUBMIT];
	const struct hist *flip = &model->chains[ROOT_INPUT].ends[END_FLIP];
	/* Whatever the player's picture needs last. */
	const struct hist *end = hist_count(flip) ? flip : submit;
	uint64_t lost = model_drops(model), p99_us = hist_quantile_us(end, 990);
	char figure[FORMAT_SIZE];

	if (*top->state && !streq(top->state, "scheduling")) {
		snprintf(buf, size, "Not scheduling at the moment: %s", top->state);
		return STYLE_WARN;
	}
	if (lost) {
		snprintf(buf, size, "%s input records were lost: the daemon was kept from reading for too long",
			 format_count(figure, lost));
		return STYLE_WARN;
	}
	if (p99_us) {
		snprintf(buf, size, "99 of 100 clicks and keys reach the %s within %s", end == flip ? "screen" : "GPU",
			 format_us(figure, p99_us));
		return judge_latency(p99_us);
	}
	if (model->rates[COUNTER_PACKETS] > 0) {
		snprintf(buf, size, "Scheduling; input arrives");
		return STYLE_GOOD;
	}
	snprintf(buf, size, "Scheduling; no input at the moment: move the mouse");
	return STYLE_GOOD;
}

char *judge_event_time(char *buf, uint64_t time_ms)
{
	if (time_ms >= YEAR_2001_MS)
		return format_clock(buf, time_ms);
	snprintf(buf, FORMAT_SIZE, "%" PRIu64 " s", time_ms / 1000);
	return buf;
}
