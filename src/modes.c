// SPDX-License-Identifier: GPL-2.0-only
#include "modes.h"

const char *const modes_names[NR_MODES + 1] = {
	[MODE_AUTO] = "auto",
	[MODE_GAMING] = "gaming",
	[MODE_LOWLATENCY] = "lowlatency",
	[MODE_POWERSAVE] = "powersave",
	[MODE_SERVER] = "server",
};

static const char *const help[NR_MODES] = {
	[MODE_AUTO] = "a desktop on which games are played now and then: a game is favoured while it is in front",
	[MODE_GAMING] = "a machine that is there to play: the game goes first, whatever window has the focus",
	[MODE_LOWLATENCY] = "music, virtual reality, competition: the shortest waits, whatever they cost",
	[MODE_POWERSAVE] = "on battery: input is still answered at once, the rest takes its time",
	[MODE_SERVER] = "nobody sits at it: a fair scheduler with long slices, nothing is watched",
};

static const struct mode_value auto_values[] = { { 0 } };

static const struct mode_value gaming_values[] = {
	{ "slice-us", "2000", "who works beside the game gives way sooner" },
	{ "chain-budget-us", "8000", "a thread that makes a whole frame of one input need not stop half way" },
	{ "follow-focus", "no", "a look at a chat or a guide takes nothing from a game that goes on" },
	{ 0 },
};

static const struct mode_value lowlatency_values[] = {
	{ "slice-us", "1000", "nobody waits longer than a millisecond for each that is before it" },
	{ "chain-budget-us", "8000", "a thread that makes a whole frame of one input need not stop half way" },
	{ "full-speed", "all", "no work begins at the low speed that came from a pause" },
	{ 0 },
};

static const struct mode_value powersave_values[] = {
	{ "slice-us", "6000", "half the switches between tasks, and warmer caches" },
	{ "chain-ms", "16", "one frame at 60 Hz: long enough for the answer to input, no work is rushed after it" },
	{ "full-speed", "none", "full speed costs the most energy for the same work: each CPU gets what it has used" },
	{ 0 },
};

static const struct mode_value server_values[] = {
	{ "slice-us", "10000", "throughput: fewer switches between tasks" },
	{ "input", "no", "there is no player: no hook on input, no chains" },
	{ "roles", "no", "no hooks on display, audio and GPU" },
	{ "detect", "no", "no look at processes" },
	{ "focus", "no", "no helper in a session" },
	{ 0 },
};

static const struct mode_value *const values[NR_MODES] = {
	[MODE_AUTO] = auto_values,
	[MODE_GAMING] = gaming_values,
	[MODE_LOWLATENCY] = lowlatency_values,
	[MODE_POWERSAVE] = powersave_values,
	[MODE_SERVER] = server_values,
};

const char *modes_help(enum mode mode)
{
	return help[mode];
}

const struct mode_value *modes_values(enum mode mode)
{
	return values[mode];
}
