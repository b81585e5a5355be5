// SPDX-License-Identifier: GPL-2.0-only
#include "focus_rule.h"

static bool is_away(enum focus_where where)
{
	return where == FOCUS_NOWHERE || where == FOCUS_ELSEWHERE;
}

static void settle(struct focus_rule *rule, enum focus_where where, uint64_t since_ns)
{
	if (is_away(where) && !is_away(rule->where))
		rule->away_ns = since_ns;
	rule->where = where;
	rule->leaving = false;
	if (!is_away(where))
		rule->in_front = true;
}

void focus_rule_init(struct focus_rule *rule)
{
	*rule = (struct focus_rule){ .where = FOCUS_UNKNOWN, .in_front = true };
}

bool focus_rule_run(struct focus_rule *rule, uint64_t now_ns)
{
	struct focus_rule before = *rule;

	if (rule->leaving && now_ns - rule->leaving_ns >= FOCUS_NONE_NS)
		settle(rule, FOCUS_NOWHERE, rule->leaving_ns);
	if (is_away(rule->where) && now_ns - rule->away_ns >= FOCUS_AWAY_NS)
		rule->in_front = false;
	return rule->where != before.where || rule->in_front != before.in_front;
}

void focus_rule_set(struct focus_rule *rule, enum focus_where where, uint64_t now_ns)
{
	/* What time has decided before stays decided. */
	focus_rule_run(rule, now_ns);
	if (where != FOCUS_NOWHERE) {
		/* Left for another window by way of none: away since then. */
		settle(rule, where, rule->leaving ? rule->leaving_ns : now_ns);
	} else if (rule->where != FOCUS_NOWHERE && !rule->leaving) {
		rule->leaving = true;
		rule->leaving_ns = now_ns;
	}
}

uint64_t focus_rule_deadline(const struct focus_rule *rule)
{
	uint64_t none_ns = rule->leaving ? rule->leaving_ns + FOCUS_NONE_NS : 0;
	uint64_t away_ns = is_away(rule->where) && rule->in_front ? rule->away_ns + FOCUS_AWAY_NS : 0;

	if (!none_ns || !away_ns)
		return none_ns ? none_ns : away_ns;
	return none_ns < away_ns ? none_ns : away_ns;
}
