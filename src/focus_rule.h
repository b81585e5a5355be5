/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * focus_rule - is the game in front?
 *
 * Events and times in, a decision out; no clock, no descriptor. The focus
 * wanders for moments without meaning it: most window changes pass through "no
 * window" for a millisecond, a notification or the switcher has it for a
 * second. So
 *
 * - no window counts after 100 ms, and then from when it came;
 * - the game loses the front when the focus has been elsewhere for 2 s in a
 *   row, whoever had it in that time, and has it back at once;
 * - while nobody knows where the focus is (no helper, a window whose process
 *   cannot be told), the game keeps the front: only a known loss counts.
 */
#ifndef ARCADE_SRC_FOCUS_RULE_H
#define ARCADE_SRC_FOCUS_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "util.h"

#define FOCUS_NONE_NS (100 * NSEC_PER_MSEC)
#define FOCUS_AWAY_NS (2 * NSEC_PER_SEC)

enum focus_where {
	FOCUS_UNKNOWN,
	FOCUS_NOWHERE,	/* no window has it */
	FOCUS_GAME,
	FOCUS_ELSEWHERE,
};

struct focus_rule {
	enum focus_where where;	/* settled */
	bool leaving;		/* no window since leaving_ns, not settled yet */
	uint64_t leaving_ns;
	uint64_t away_ns;	/* since when the focus is nowhere or elsewhere */
	bool in_front;
};

/* Unknown, in front. */
void focus_rule_init(struct focus_rule *rule);

/* The focus has gone to @where at @now_ns. Times do not go back. */
void focus_rule_set(struct focus_rule *rule, enum focus_where where, uint64_t now_ns);

/* Let the time pass. Return: has where or in_front changed? */
bool focus_rule_run(struct focus_rule *rule, uint64_t now_ns);

/* When time alone will change something. Return: 0 if it will not. */
uint64_t focus_rule_deadline(const struct focus_rule *rule);

#endif
