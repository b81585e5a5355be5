// SPDX-License-Identifier: GPL-2.0-only
#include "config.h"

#include <ctype.h>
#include <fcntl.h>
#include <ini.h>
#include <inttypes.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

/* As much of a path or a word as a message has. */
#define SAFE_PATH_MAX 256
#define SAFE_WORD_MAX 64

enum place {
	PLACE_NONE,	/* before the first section, or in one that is unknown */
	PLACE_UNKNOWN,
	PLACE_OPTIONS,
	PLACE_GAME,
};

struct parser {
	struct config *config;
	config_error_fn fn;
	void *data;
	int err;		/* of the first mistake */
	unsigned int nr_errors;

	/* Of a file. */
	const char *path;
	const char *text;
	const char *end;
	uint16_t file;
	uint32_t line;		/* number of the last one handed out */
	bool expects_pair;	/* that line is neither comment nor section, and libinih has not found a pair in it */
	enum place place;
	enum option_section section;
	struct config_game *game;
	bool game_is_new;	/* in this file */
};

static void complain(struct parser *parser, int err, uint32_t line, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* @line: 0 if it is about the file. */
static void complain(struct parser *parser, int err, uint32_t line, const char *fmt, ...)
{
	char path[SAFE_PATH_MAX], message[CONFIG_MESSAGE_MAX];
	size_t len;
	va_list ap;

	if (!parser->err)
		parser->err = err;
	if (++parser->nr_errors > CONFIG_ERRORS_MAX)
		return;
	escape_text(path, sizeof(path), parser->path);
	if (line)
		len = (size_t)snprintf(message, sizeof(message), "%s:%" PRIu32 ": ", path, line);
	else
		len = (size_t)snprintf(message, sizeof(message), "%s: ", path);
	va_start(ap, fmt);
	vsnprintf(message + len, sizeof(message) - len, fmt, ap);
	va_end(ap);
	parser->fn(parser->data, message);
}

/* ---- lines ---- */

/* Overlong forms, surrogates and what is above the last code point are no UTF-8. Return: length of the character, 0. */
static size_t utf8_len(const unsigned char *text, size_t size)
{
	uint32_t code = text[0], min;
	size_t len;

	if (code < 0x80)
		return 1;
	if (code >= 0xc2 && code < 0xe0)
		len = 2, code &= 0x1f, min = 0x80;
	else if (code >= 0xe0 && code < 0xf0)
		len = 3, code &= 0x0f, min = 0x800;
	else if (code >= 0xf0 && code < 0xf5)
		len = 4, code &= 0x07, min = 0x10000;
	else
		return 0;
	if (len > size)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3f);
	}
	return code >= min && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? len : 0;
}

static const char *check_encoding(const char *line, size_t len)
{
	for (size_t i = 0, step; i < len; i += step) {
		unsigned char c = (unsigned char)line[i];

		step = utf8_len((const unsigned char *)line + i, len - i);
		if (!step)
			return "bytes that are not UTF-8";
		if (!c)
			return "a NUL byte";
		/* C1 controls are two bytes, the first of which is 0xc2. */
		if ((c < ' ' && c != '\t') || c == 0x7f || (c == 0xc2 && (unsigned char)line[i + 1] < 0xa0))
			return "a control character";
	}
	return NULL;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void trim(const char **line, size_t *len)
{
	while (*len && is_blank((*line)[*len - 1]))
		(*len)--;
	while (*len && is_blank(**line)) {
		(*line)++;
		(*len)--;
	}
}

static struct config_game *find_game(const struct config *config, const char *name)
{
	for (struct config_game *game = config->games; game; game = game->next)
		if (streq(game->name, name))
			return game;
	return NULL;
}

/* [game "NAME"], without the brackets and "game". */
static void enter_game(struct parser *parser, const char *text, size_t len)
{
	struct config *config = parser->config;
	char name[CONFIG_SECTION_MAX + 1];
	struct config_game *game;

	trim(&text, &len);
	if (len < 3 || text[0] != '"' || text[len - 1] != '"' || memchr(text + 1, '"', len - 2) || memchr(text, ']', len)) {
		complain(parser, -EINVAL, parser->line, "a game's section needs a name, expected [game \"NAME\"]");
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(len - 2), text + 1);
	game = find_game(config, name);
	if (!game) {
		if (config->nr_games == CONFIG_GAMES_MAX) {
			complain(parser, -E2BIG, parser->line, "more than %d games", CONFIG_GAMES_MAX);
			return;
		}
		game = calloc(1, sizeof(*game));
		if (!game) {
			complain(parser, -ENOMEM, parser->line, "%s", strerror(ENOMEM));
			return;
		}
		memcpy(game->name, name, sizeof(name));
		game->file = parser->file;
		game->line = parser->line;
		game->next = config->games;
		config->games = game;
		config->nr_games++;
	}
	parser->game = game;
	parser->place = PLACE_GAME;
}

static void enter_section(struct parser *parser, const char *line, size_t len)
{
	char safe[SAFE_WORD_MAX], name[CONFIG_SECTION_MAX + 1];
	const char *close = memchr(line, ']', len);

	parser->place = PLACE_UNKNOWN;
	if (!close || close != line + len - 1) {
		complain(parser, -EINVAL, parser->line, "a section is a line of its own, expected [NAME]");
		return;
	}
	line++;
	len -= 2;
	if (len > CONFIG_SECTION_MAX) {
		complain(parser, -EINVAL, parser->line, "the section's name is longer than %d bytes", CONFIG_SECTION_MAX);
		return;
	}
	if (len >= 4 && !memcmp(line, "game", 4) && (len == 4 || is_blank(line[4]) || line[4] == '"')) {
		enter_game(parser, line + 4, len - 4);
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)len, line);
	for (int section = OPTION_NO_SECTION + 1; section < NR_OPTION_SECTIONS; section++) {
		if (streq(name, option_section_name(section))) {
			parser->place = PLACE_OPTIONS;
			parser->section = section;
			return;
		}
	}
	escape_text(safe, sizeof(safe), name);
	complain(parser, -EINVAL, parser->line, "unknown section [%s], expected [daemon], [input], [chain] or [game \"NAME\"]",
		 safe);
}

static void check_pair(struct parser *parser)
{
	if (parser->expects_pair)
		complain(parser, -EINVAL, parser->line, "this is no section, comment or KEY = VALUE");
	parser->expects_pair = false;
}

/* What is handed to libinih for a line of which nothing is to be made. */
static char *hand_out_nothing(char *buf)
{
	memcpy(buf, "\n", 2);
	return buf;
}

/*
 * The ini_reader: one line each, without what is around it, so that none goes on from the one before. Sections are looked
 * at here: libinih says nothing of one that is empty.
 */
static char *next_line(char *buf, int size, void *data)
{
	struct parser *parser = data;
	const char *line = parser->text, *newline, *problem;
	size_t len;

	check_pair(parser);
	if (line == parser->end)
		return NULL;
	newline = memchr(line, '\n', (size_t)(parser->end - line));
	len = (size_t)((newline ? newline : parser->end) - line);
	parser->text = line + len + (newline ? 1 : 0);
	parser->line++;
	if (parser->line == 1 && len >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) {
		line += 3;
		len -= 3;
	}
	if (newline && len && line[len - 1] == '\r')
		len--;
	trim(&line, &len);
	problem = check_encoding(line, len);
	if (problem) {
		complain(parser, -EILSEQ, parser->line, "%s", problem);
		return hand_out_nothing(buf);
	}
	if (!len || *line == '#' || *line == ';')
		return hand_out_nothing(buf);
	if (len > CONFIG_LINE_MAX || (int)len + 2 > size) {
		complain(parser, -EINVAL, parser->line, "the line is longer than %d bytes", CONFIG_LINE_MAX);
		return hand_out_nothing(buf);
	}
	if (*line == '[')
		enter_section(parser, line, len);
	else
		parser->expects_pair = true;
	memcpy(buf, line, len);
	memcpy(buf + len, "\n", 2);
	return buf;
}

/* ---- pairs ---- */

static void set_text(struct parser *parser, char *dst, const char *key, const char *value)
{
	if (!*value || strlen(value) >= CONFIG_MATCH_MAX)
		complain(parser, -EINVAL, parser->line, "%s: expected 1 to %d bytes", key, CONFIG_MATCH_MAX - 1);
	else if (streq(key, "executable") && strpbrk(value, "/\\"))
		complain(parser, -EINVAL, parser->line, "%s: expected the name of a program, without a path", key);
	else
		snprintf(dst, CONFIG_MATCH_MAX, "%s", value);
}

/* Return: is @key one of what a game is matched by? */
static bool take_match(struct parser *parser, const char *key, const char *value)
{
	struct config_game *game = parser->game;

	if (streq(key, "app-id")) {
		if (parse_u64_range(value, 1, UINT64_MAX, &game->app_id))
			complain(parser, -EINVAL, parser->line, "app-id: expected Steam's number of the game, 1 or more");
		return true;
	}
	if (streq(key, "executable")) {
		set_text(parser, game->executable, key, value);
		return true;
	}
	if (streq(key, "window-class")) {
		set_text(parser, game->window_class, key, value);
		return true;
	}
	return false;
}

static void take_option(struct parser *parser, const char *key, const char *value)
{
	const struct option_def *def = option_find(key);
	char expected[OPTION_EXPECTED_MAX], safe[SAFE_WORD_MAX];
	struct config_value *slot;
	uint64_t number;
	int err;

	escape_text(safe, sizeof(safe), key);
	if (!def) {
		complain(parser, -EINVAL, parser->line, "unknown key '%s'", safe);
		return;
	}
	if (parser->place == PLACE_GAME && !def->per_game) {
		complain(parser, -EINVAL, parser->line, "%s cannot be set per game", safe);
		return;
	}
	if (parser->place == PLACE_OPTIONS && def->section != parser->section) {
		complain(parser, -EINVAL, parser->line, "%s belongs into [%s]", safe, option_section_name(def->section));
		return;
	}
	slot = parser->place == PLACE_GAME ? &parser->game->values[option_index(def)] :
					     &parser->config->values[option_index(def)];
	if (slot->is_set && slot->file == parser->file) {
		complain(parser, -EINVAL, parser->line, "%s is said twice, first in line %" PRIu32, safe, slot->line);
		return;
	}
	err = option_parse(def, value, &number);
	if (err) {
		char bad[SAFE_WORD_MAX];

		escape_text(bad, sizeof(bad), value);
		complain(parser, -EINVAL, parser->line, "%s: '%s' is %s, expected %s", safe, bad, option_problem(def, err),
			 option_expected(def, expected, sizeof(expected)));
		return;
	}
	*slot = (struct config_value){ .is_set = true, .file = parser->file, .line = parser->line, .value = number };
}

static int handle_pair(void *data, const char *section, const char *key, const char *value)
{
	struct parser *parser = data;

	parser->expects_pair = false;
	if (parser->place == PLACE_NONE)
		complain(parser, -EINVAL, parser->line, "a key before the first section");
	else if (parser->place == PLACE_OPTIONS || (parser->place == PLACE_GAME && !take_match(parser, key, value)))
		take_option(parser, key, value);
	return 1;
}

/* ---- files ---- */

static void take_text(struct parser *parser, const char *path, const char *text, size_t len)
{
	struct config *config = parser->config;
	char *name = strdup(path);

	parser->path = path;
	if (!name) {
		complain(parser, -ENOMEM, 0, "%s", strerror(ENOMEM));
		return;
	}
	parser->file = (uint16_t)config->nr_files;
	config->files[config->nr_files++] = name;
	parser->text = text;
	parser->end = text + len;
	parser->line = 0;
	parser->expects_pair = false;
	parser->place = PLACE_NONE;
	if (ini_parse_stream(next_line, parser, handle_pair, parser) < 0)
		complain(parser, -ENOMEM, 0, "%s", strerror(ENOMEM));
	check_pair(parser);
}

static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a directory, not a file";
	case S_IFIFO:
		return "a FIFO, not a file";
	case S_IFSOCK:
		return "a socket, not a file";
	default:
		return "a device, not a file";
	}
}

/* Opened only if it is a regular file: to open a device can have effects. Return: a descriptor, -errno; tells. */
static int open_file(struct parser *parser, int dirfd, const char *name)
{
	struct stat st;
	int fd;

	if (fstatat(dirfd, name, &st, 0)) {
		int err = errno;

		if (err != ENOENT)
			complain(parser, -err, 0, "%s", strerror(err));
		else if (!fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW))
			complain(parser, -err, 0, "a link to nothing");
		return -1;
	}
	if (!S_ISREG(st.st_mode)) {
		complain(parser, -EINVAL, 0, "%s", kind_of(st.st_mode));
		return -1;
	}
	fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0) {
		if (errno != ENOENT)
			complain(parser, -errno, 0, "%s", strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
		complain(parser, -EINVAL, 0, "no regular file");
		return close_fd(fd);
	}
	return fd;
}

/* @path is for messages, @name is opened in @dirfd. One that is not there is no mistake. */
static void take_file(struct parser *parser, int dirfd, const char *name, const char *path)
{
	_cleanup_free_ char *text = NULL;
	_cleanup_close_ int fd = -1;
	size_t len = 0;
	int err;

	parser->path = path;
	fd = open_file(parser, dirfd, name);
	if (fd < 0)
		return;
	err = dropin_read(fd, CONFIG_FILE_MAX, &text, &len);
	if (!err)
		take_text(parser, path, text, len);
	else if (err == -EFBIG)
		complain(parser, err, 0, "larger than %d KiB", CONFIG_FILE_MAX / 1024);
	else
		complain(parser, err, 0, "%s", strerror(-err));
}

static void take_dir(struct parser *parser, const char *path)
{
	_cleanup_(dropin_deinit) struct dropin dropin;
	int err = dropin_init(&dropin, path);

	parser->path = path;
	if (err == -E2BIG)
		complain(parser, err, 0, "more than %d files", DROPIN_FILES_MAX);
	else if (err)
		complain(parser, err, 0, "%s", strerror(-err));
	if (err)
		return;
	for (size_t i = 0; i < dropin.nr; i++) {
		_cleanup_free_ char *file = NULL;

		if (asprintf(&file, "%s/%s", path, dropin.names[i]) < 0) {
			file = NULL;
			complain(parser, -ENOMEM, 0, "%s", strerror(ENOMEM));
			return;
		}
		take_file(parser, dirfd(dropin.dir), dropin.names[i], file);
	}
}

/* A section that fits no game, or every one, is a mistake. */
static void check_games(struct parser *parser)
{
	for (const struct config_game *game = parser->config->games; game; game = game->next) {
		char safe[SAFE_WORD_MAX];

		if (game->app_id || *game->executable || *game->window_class)
			continue;
		escape_text(safe, sizeof(safe), game->name);
		parser->path = parser->config->files[game->file];
		complain(parser, -EINVAL, game->line, "[game \"%s\"] says not which game: expected app-id, executable or window-class",
			 safe);
	}
}

static int finish(struct parser *parser, struct config **ret)
{
	check_games(parser);
	if (parser->nr_errors > CONFIG_ERRORS_MAX) {
		char message[64];

		snprintf(message, sizeof(message), "... and %u mistakes more", parser->nr_errors - CONFIG_ERRORS_MAX);
		parser->fn(parser->data, message);
	}
	if (!parser->err)
		*ret = steal_ptr(&parser->config);
	return parser->err;
}

int config_new(const char *file, const char *dir, config_error_fn fn, void *data, struct config **ret)
{
	_cleanup_(config_freep) struct config *config = calloc(1, sizeof(*config));
	struct parser parser = { .config = config, .fn = fn, .data = data, .path = file };
	int err;

	if (!config) {
		complain(&parser, -ENOMEM, 0, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	take_file(&parser, AT_FDCWD, file, file);
	if (dir)
		take_dir(&parser, dir);
	err = finish(&parser, ret);
	config = parser.config;
	return err;
}

int config_new_text(const char *name, const char *text, size_t len, config_error_fn fn, void *data, struct config **ret)
{
	_cleanup_(config_freep) struct config *config = calloc(1, sizeof(*config));
	struct parser parser = { .config = config, .fn = fn, .data = data, .path = name };
	int err;

	if (!config) {
		complain(&parser, -ENOMEM, 0, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	take_text(&parser, name, text, len);
	err = finish(&parser, ret);
	config = parser.config;
	return err;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	while (config->games) {
		struct config_game *game = config->games;

		config->games = game->next;
		free(game);
	}
	for (size_t i = 0; i < config->nr_files; i++)
		free(config->files[i]);
	free(config);
}

/* ---- matching ---- */

/* "Game" is what a user calls Game.exe, too; a comm is cut at 15 bytes by the kernel. */
static bool is_named(const char *pattern, const char *name)
{
	size_t len = strlen(pattern);

	if (!name || !*name)
		return false;
	if (!strcasecmp(pattern, name))
		return true;
	return !strncasecmp(pattern, name, len) && !strcasecmp(name + len, ".exe");
}

static bool fits(const struct config_game *game, const struct config_match *match)
{
	bool named = !*game->executable;

	if (game->app_id && game->app_id != match->app_id)
		return false;
	if (*game->window_class && (!match->window_class || strcasecmp(game->window_class, match->window_class)))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(match->names); i++)
		named |= is_named(game->executable, match->names[i]);
	return named;
}

const struct config_game *config_find_game(const struct config *config, const struct config_match *match)
{
	for (const struct config_game *game = config->games; game; game = game->next)
		if (fits(game, match))
			return game;
	return NULL;
}

char *config_where(const struct config *config, const struct config_value *value, char *buf, size_t size)
{
	char path[SAFE_PATH_MAX];

	escape_text(path, sizeof(path), config->files[value->file]);
	snprintf(buf, size, "%s:%" PRIu32, path, value->line);
	return buf;
}
