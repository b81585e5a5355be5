/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * modes - values for a purpose, as presets over the option table
 *
 * A mode is weaker than anything that names an option itself: files, command
 * line and what is set at run time. What a preset leaves out has its default.
 */
#ifndef ARCADE_SRC_MODES_H
#define ARCADE_SRC_MODES_H

#include <stddef.h>

enum mode {
	MODE_AUTO,
	MODE_GAMING,
	MODE_LOWLATENCY,
	MODE_POWERSAVE,
	MODE_SERVER,
	NR_MODES,
};

struct mode_value {
	const char *option;
	const char *value;	/* as a file would say it */
	const char *reason;
};

/* By enum mode, NULL at the end. */
extern const char *const modes_names[NR_MODES + 1];

/* One line: what it is for. */
const char *modes_help(enum mode mode);

/* Return: its values, ending with one without an option. */
const struct mode_value *modes_values(enum mode mode);

#endif
