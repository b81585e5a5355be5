/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * config - the configuration files, read and checked
 *
 * FILE and FILE.d/NAME.conf in the order of their names, as INI: [daemon],
 * [input] and [chain] with the keys of the option table, [game "NAME"] with
 * app-id, executable and window-class, of which those that are given must all
 * fit, and any option that may be set per game. Of two files the later one
 * counts, key by key. Comments are lines that begin with # or ;, and what comes
 * after " ;".
 *
 * Everything is checked here and every mistake is told, with file and line;
 * with any there is no result. Only regular files are opened, nothing waits,
 * sizes are bounded. The result never changes.
 */
#ifndef ARCADE_SRC_CONFIG_H
#define ARCADE_SRC_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dropin.h"
#include "option_table.h"
#include "util.h"

/* What libinih takes in one line, a section's name, and a key. */
#define CONFIG_LINE_MAX	   198
#define CONFIG_SECTION_MAX 49
#define CONFIG_FILE_MAX	   (64 * 1024)
#define CONFIG_FILES_MAX   DROPIN_FILES_MAX
#define CONFIG_GAMES_MAX   256
#define CONFIG_MATCH_MAX   128
#define CONFIG_ERRORS_MAX  32		/* told; the rest is counted */
#define CONFIG_MESSAGE_MAX 512

struct config_value {
	bool is_set;
	uint16_t file;		/* index, see config_where() */
	uint32_t line;
	uint64_t value;
};

struct config_game {
	struct config_game *next;
	uint16_t file;
	uint32_t line;
	uint64_t app_id;	/* 0: any */
	char name[CONFIG_SECTION_MAX + 1];
	char executable[CONFIG_MATCH_MAX];	/* "": any */
	char window_class[CONFIG_MATCH_MAX];	/* "": any */
	struct config_value values[OPTION_TABLE_MAX];
};

struct config {
	struct config_value values[OPTION_TABLE_MAX];
	struct config_game *games;	/* the last one said comes first */
	size_t nr_games;
	char *files[CONFIG_FILES_MAX + 1];
	size_t nr_files;
};

/* One mistake; @message is safe for a log: "/etc/scx_arcade.conf:3: unknown key 'slice'". */
typedef void (*config_error_fn)(void *data, const char *message);

/*
 * @file and @dir, of which either may be absent. Return: 0, -EINVAL, or another -errno of the first thing that went wrong;
 * each was told to @fn.
 */
int config_new(const char *file, const char *dir, config_error_fn fn, void *data, struct config **ret);

/* The same from memory; @name is for messages. */
int config_new_text(const char *name, const char *text, size_t len, config_error_fn fn, void *data, struct config **ret);

/* Accepts NULL. */
void config_free(struct config *config);
DEFINE_CLEANUP(struct config *, config_free)

/* What a game is matched by; NULL or 0: not known. Names are compared without their case. Return: NULL if none fits. */
struct config_match {
	uint64_t app_id;
	const char *names[3];	/* program, comm, executable */
	const char *window_class;
};
const struct config_game *config_find_game(const struct config *config, const struct config_match *match);

/* "/etc/scx_arcade.conf:12" Return: @buf. */
char *config_where(const struct config *config, const struct config_value *value, char *buf, size_t size);

#endif
