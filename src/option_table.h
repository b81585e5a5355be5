/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * option_table - every option, once
 *
 * The command line, --help, the parser of the configuration, the lists that
 * others show, the manual pages and the shells' completions are all made from
 * this table, and the modes are presets over it. To add an option: a row here, a
 * member in struct options, and whoever applies it.
 */
#ifndef ARCADE_SRC_OPTION_TABLE_H
#define ARCADE_SRC_OPTION_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "options.h"

/* A set of options is a word of bits. */
#define OPTION_TABLE_MAX 64
/* Of a value as text. */
#define OPTION_VALUE_MAX 64
/* Of what is accepted, in words. */
#define OPTION_EXPECTED_MAX 160

enum option_type {
	OPTION_FLAG,	/* something to do once: bool; command line only */
	OPTION_BOOL,	/* bool; --NAME and --no-NAME, yes and no */
	OPTION_NUMBER,	/* uint64_t in the unit of the table */
	OPTION_SECONDS,	/* uint64_t in nanoseconds; decimals allowed */
	OPTION_WORD,	/* uint64_t, the index of one of a few words */
	OPTION_PROCESS,	/* uint64_t of a process id, or another word: its name, a const char * at text_offset */
	OPTION_FILE,	/* const char * at text_offset; command line only */
	OPTION_FLAG_FILE,/* bool, and a const char * at text_offset if a file follows */
};

/* When a new value counts. */
enum option_effect {
	OPTION_AT_START,	/* of the program: command line or environment only */
	OPTION_LIVE,		/* at once */
	OPTION_RESCHEDULE,	/* at once, but the scheduler is started anew for it */
};

enum option_section {
	OPTION_NO_SECTION,	/* not in a file */
	OPTION_DAEMON,
	OPTION_INPUT,
	OPTION_CHAIN,
	NR_OPTION_SECTIONS,
};

struct option_def {
	const char *name;	/* long option, key of the files, or the variable if env is set */
	char letter;		/* 0: none */
	bool env;
	bool per_game;		/* may stand in a [game "NAME"] section */
	bool inverted;		/* of OPTION_BOOL: the member says that it is off */
	enum option_type type;
	enum option_effect effect;
	enum option_section section;
	const char *arg;	/* as --help calls its value */
	const char *unit;	/* "us"; NULL: none */
	const char *const *words;	/* of OPTION_WORD, NULL at the end */
	uint64_t min;
	uint64_t max;
	uint64_t def;		/* 0 outside [min, max]: off unless given */
	size_t offset;		/* in struct options */
	size_t text_offset;
	const char *help;	/* lines of --help, without the limits */
};

extern const struct option_def option_table[];
extern const size_t option_table_nr;

/* "daemon"; NULL for OPTION_NO_SECTION. */
const char *option_section_name(enum option_section section);

/* By its name, of those that may stand in a file. Return: NULL if there is none. */
const struct option_def *option_find(const char *name);

static inline size_t option_index(const struct option_def *def)
{
	return (size_t)(def - option_table);
}

/* The member of @opts; a bool that is inverted comes out straight. */
uint64_t option_get(const struct options *opts, const struct option_def *def);
void option_set(struct options *opts, const struct option_def *def, uint64_t value);

/*
 * The types that are numbers in the end: bool, number, seconds, word, process. Return: 0, -EINVAL if it is nothing of
 * the kind, -ERANGE if it is outside the limits.
 */
int option_parse(const struct option_def *def, const char *text, uint64_t *value);

/* "3000", "0.1", "yes", "gaming": as option_parse() takes it. Return: @buf. */
char *option_format(const struct option_def *def, uint64_t value, char *buf, size_t size);

/* "250 to 20000 us", "yes or no", "none, chains or game": what is accepted. Return: @buf. */
char *option_expected(const struct option_def *def, char *buf, size_t size);

/* "out of range", "not a number": what option_parse() found with @err. */
const char *option_problem(const struct option_def *def, int err);

/* Is one of its values set, or is there something to be done? */
static inline bool option_has_value(const struct option_def *def)
{
	return def->type != OPTION_FLAG && def->type != OPTION_FLAG_FILE && def->type != OPTION_FILE;
}

#endif
