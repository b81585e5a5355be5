/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * programs - lists of programs by name: games, never games, launchers, background work
 *
 * One file with the defaults and a folder with the administrator's additions
 * (NAME.conf, in the order of their names). A line is a [section] or a name, in
 * which * and ? stand for anything; case does not count. Of several lines that
 * fit a name the last one counts, so an addition overrules the defaults.
 *
 * The result never changes and is shared by counting its users, from any thread.
 */
#ifndef ARCADE_SRC_PROGRAMS_H
#define ARCADE_SRC_PROGRAMS_H

#include <stddef.h>

#include "dropin.h"
#include "util.h"

#define PROGRAMS_NAME_MAX    128	/* bytes of a line's name */
#define PROGRAMS_FILE_MAX    (256 * 1024)
#define PROGRAMS_FILES_MAX   DROPIN_FILES_MAX
#define PROGRAMS_ENTRIES_MAX 8192
#define PROGRAMS_MESSAGE_MAX 512

#define PROGRAMS_DIR "/etc/scx_arcade/programs.d"

enum programs_section {
	PROGRAMS_NONE,		/* not listed */
	PROGRAMS_GAME,		/* always a game */
	PROGRAMS_NEVER,
	PROGRAMS_LAUNCHER,	/* never, but what it starts may be one */
	PROGRAMS_BACKGROUND,	/* never, and behind everybody while a game is played */
	NR_PROGRAMS_SECTIONS,
};

struct programs;

/*
 * Read @file, then the folder @dir; NULL or one that is not there counts as empty, @file then as the defaults that are
 * built in. Never waits for a FIFO. Return: 0, or -errno with one line for the user in @message, which names file and
 * line.
 */
int programs_new(const char *file, const char *dir, char message[PROGRAMS_MESSAGE_MAX], struct programs **ret);

/* The same from memory, without a folder; @name is for messages. For the built-in defaults and for tests. */
int programs_new_text(const char *name, const char *text, size_t len, char message[PROGRAMS_MESSAGE_MAX],
		      struct programs **ret);

struct programs *programs_ref(struct programs *programs);

/* Accepts NULL. */
void programs_unref(struct programs *programs);
DEFINE_CLEANUP(struct programs *, programs_unref)

/* @name: the base name of a program. */
enum programs_section programs_find(const struct programs *programs, const char *name);

size_t programs_nr(const struct programs *programs);

/* "game" */
const char *programs_section_name(enum programs_section section);

/* The defaults that come with the program, for own_file_find(); without the file its built-in copy is used. */
#define PROGRAMS_FILE "programs.conf"

#endif
