/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * settings - the value of every option now, and where it comes from
 *
 * Layers over the option table, the stronger above: default, mode, files,
 * command line, the section of the game in front, what was set at run time. A
 * change of any layer gives new effective options; who applies them is told
 * once per change, with both states, and every value that differs is logged
 * with the reason. Files are taken as a whole or not at all: with one mistake
 * all old values stay.
 *
 * For the thread of the loop, but for settings_reading_run(). Reading files does
 * not wait for FIFOs or devices, but as long as their disk does.
 */
#ifndef ARCADE_SRC_SETTINGS_H
#define ARCADE_SRC_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "options.h"
#include "util.h"

#define SETTINGS_FILE	     "/etc/scx_arcade.conf"
#define SETTINGS_VALUE_MAX   64
#define SETTINGS_HELP_MAX    256
#define SETTINGS_SOURCE_MAX  320
#define SETTINGS_MESSAGE_MAX 512	/* one line, safe for a log */

struct settings;

/* The order is that of their strength. */
enum settings_source {
	SETTINGS_DEFAULT,
	SETTINGS_MODE,
	SETTINGS_FROM_FILE,
	SETTINGS_COMMAND_LINE,	/* and the environment */
	SETTINGS_GAME,		/* a [game "NAME"] section */
	SETTINGS_CONTROL,	/* at run time */
	NR_SETTINGS_SOURCES,
};

/* One option as a list shows it. Strings by pointer are static. */
struct settings_row {
	const char *name;	/* "slice-us": the key of the files and of settings_set() */
	const char *section;	/* "daemon", "input", "chain" */
	const char *type;	/* "number", "bool", "word" */
	const char *unit;	/* "us"; "" if there is none */
	char help[SETTINGS_HELP_MAX];	/* one line */
	char words[SETTINGS_VALUE_MAX];	/* of type "word": "none|chains|game"; else "" */
	char value[SETTINGS_VALUE_MAX];
	char def[SETTINGS_VALUE_MAX];
	char min[SETTINGS_VALUE_MAX];	/* "" if the type has no limits */
	char max[SETTINGS_VALUE_MAX];
	bool live;		/* settings_set() can change it */
	bool restarts;		/* … by starting the scheduler anew, which takes a second */
	bool per_game;		/* may stand in a [game "NAME"] section */
	enum settings_source source;
	char source_text[SETTINGS_SOURCE_MAX];	/* "default", "mode gaming", "/etc/scx_arcade.conf:12", "ctl" … */
};

/* What is known of the game that is in front, to find its section. Strings are copied; NULL or "": not known. */
struct settings_game {
	uint64_t app_id;		/* of Steam; 0: not known */
	const char *name;		/* of the program, for Wine the .exe */
	const char *comm;
	const char *executable;		/* base name of its file */
	const char *window_class;	/* of its window that had the focus last */
};

/* What was effective, what is now; both valid during the call, which may not call settings_*() that change anything. */
typedef void (*settings_changed_fn)(const struct options *before, const struct options *after, void *data);

/*
 * Reads the command line and the environment, no file yet. @argv is borrowed for as long as the settings live. Return: 0,
 * -EINVAL after one line on @err, -ENOMEM.
 */
int settings_new(int argc, char **argv, FILE *err, struct settings **ret);

/* Accepts NULL. */
void settings_free(struct settings *settings);
DEFINE_CLEANUP(struct settings *, settings_free)

/*
 * For the start: read the files. Bad ones are logged, as by settings_take(), and the command line, mode and defaults hold
 * until they are right. Calls nothing back. Return: 0, -errno if files were bad.
 */
int settings_load(struct settings *settings);

/*
 * Read the files again, where nothing may wait: what is to be read is noted here, read by any thread, and taken here. The
 * reading knows nothing of the settings, which may be gone by then. What was read earlier must be taken earlier.
 */
struct settings_reading;

/* @only_if_other: not if the files are those that were taken last. Return: 0, -ENOMEM. */
int settings_reading_new(const struct settings *settings, bool only_if_other, struct settings_reading **ret);
void settings_reading_run(struct settings_reading *reading);

/*
 * @why: for the log, "SIGHUP". Each mistake is logged as file:line, and with any of them all old values stay. If the files
 * are as they were, nothing happens and nothing is logged. Return: 0, -EINVAL, -errno; @msg has one line that says what
 * happened (@msg may be NULL).
 */
int settings_take(struct settings *settings, struct settings_reading *reading, const char *why, char *msg, size_t size);

/* Accepts NULL. */
void settings_reading_free(struct settings_reading *reading);
DEFINE_CLEANUP(struct settings_reading *, settings_reading_free)

/* --check-config: what is wrong on @out, one line each, or that nothing is. Return: 0, -EINVAL, -errno. */
int settings_check(const char *file, FILE *out);

/* One callback; NULL for none. */
void settings_set_changed(struct settings *settings, settings_changed_fn fn, void *data);

/* Effective now. The pointer is good for as long as the settings live, what it points to changes. */
const struct options *settings_options(const struct settings *settings);

/*
 * At run time; holds until the daemon ends, or until the value "default" takes it back. @key "mode" as settings_set_mode().
 * Return: 0, also if nothing changed; -ENOENT unknown key, -EINVAL or -ERANGE bad value, -EPERM it cannot change while the
 * daemon runs. @msg has one line in each case: what is set now, or what was expected.
 */
int settings_set(struct settings *settings, const char *key, const char *value, char *msg, size_t size);
int settings_set_mode(struct settings *settings, const char *name, char *msg, size_t size);

/* "auto" */
const char *settings_mode(const struct settings *settings);

/* The names of the modes; NULL from @i on that there is none. */
const char *settings_mode_name(size_t i);

/* Options that a list shows: those of the files. Rows 0 to settings_nr() - 1; @row is filled. */
size_t settings_nr(const struct settings *settings);
void settings_row(const struct settings *settings, size_t i, struct settings_row *row);

/* The game in front is another one; NULL: none is. Its section, if there is one, is applied or taken back. */
void settings_set_game(struct settings *settings, const struct settings_game *game);

/* What would be effective without the section of a game. */
void settings_without_game(const struct settings *settings, struct options *ret);

/* The name of the section that is applied now; NULL: none. */
const char *settings_game_section(const struct settings *settings);

/* The file that is read and the folder beside it ("FILE.d"), for who watches them. */
const char *settings_file(const struct settings *settings);
const char *settings_dir(const struct settings *settings);

#endif
