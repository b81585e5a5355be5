// SPDX-License-Identifier: GPL-2.0-only
#include "settings.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config.h"
#include "log.h"
#include "modes.h"
#include "option_table.h"

#define BAD_VALUE_MAX 64
#define GAME_TEXT_MAX 256

/* What a config tells, its count of the rest, and one of the file itself. */
#define MISTAKES_MAX (CONFIG_ERRORS_MAX + 2)

struct settings {
	struct options command_line;
	uint64_t given;			/* on it: bits of the table */
	struct config *config;		/* NULL: no file was good yet */
	struct config_value control[OPTION_TABLE_MAX];
	struct options options;		/* effective */
	char *file;
	char *dir;
	uint64_t stamp;			/* of the files when they were read */
	bool file_is_given;		/* by name, so it has to be there */
	settings_changed_fn fn;
	void *data;

	const struct config_game *game;	/* its section, in config */
	bool has_game;
	uint64_t app_id;
	char names[3][GAME_TEXT_MAX];
	char window_class[GAME_TEXT_MAX];
};

/* One reading of the files. Of its own thread while that runs. */
struct settings_reading {
	char *file;
	char *dir;
	bool must_exist;
	bool only_if_other;
	uint64_t stamp;			/* of what was taken last; then of what was read */

	bool was_read;			/* and the rest holds */
	int err;
	struct config *config;		/* NULL if err */
	char *mistakes[MISTAKES_MAX];
	size_t nr_mistakes;
};

/* ---- layers ---- */

struct found {
	enum settings_source source;
	uint64_t value;
	const struct config_value *where;	/* of a file */
};

static bool find_preset(enum mode mode, const struct option_def *def, uint64_t *value)
{
	for (const struct mode_value *preset = modes_values(mode); preset->option; preset++)
		if (streq(preset->option, def->name))
			return !option_parse(def, preset->value, value);
	return false;
}

/* @mode: NR_MODES while it is the mode that is looked for. */
static struct found find_value(const struct settings *settings, const struct option_def *def, enum mode mode)
{
	struct found found = { .source = SETTINGS_DEFAULT, .value = def->def };
	size_t i = option_index(def);

	if (settings->control[i].is_set)
		return (struct found){ SETTINGS_CONTROL, settings->control[i].value, NULL };
	if (settings->game && settings->game->values[i].is_set)
		return (struct found){ SETTINGS_GAME, settings->game->values[i].value, &settings->game->values[i] };
	if (settings->given & 1ULL << i)
		return (struct found){ SETTINGS_COMMAND_LINE, option_get(&settings->command_line, def), NULL };
	if (settings->config && settings->config->values[i].is_set)
		return (struct found){ SETTINGS_FROM_FILE, settings->config->values[i].value, &settings->config->values[i] };
	if (mode < NR_MODES && find_preset(mode, def, &found.value))
		found.source = SETTINGS_MODE;
	return found;
}

static const struct option_def *mode_def(void)
{
	return option_find("mode");
}

static enum mode find_mode(const struct settings *settings)
{
	return (enum mode)find_value(settings, mode_def(), NR_MODES).value;
}

static void describe_source(const struct settings *settings, const struct found *found, char *buf, size_t size)
{
	char where[SETTINGS_SOURCE_MAX - 96], name[64];

	switch (found->source) {
	case SETTINGS_MODE:
		snprintf(buf, size, "mode %s", modes_names[find_mode(settings)]);
		break;
	case SETTINGS_FROM_FILE:
		config_where(settings->config, found->where, buf, size);
		break;
	case SETTINGS_COMMAND_LINE:
		snprintf(buf, size, "command line");
		break;
	case SETTINGS_GAME:
		escape_text(name, sizeof(name), settings->game->name);
		config_where(settings->config, found->where, where, sizeof(where));
		snprintf(buf, size, "[game \"%s\"], %s", name, where);
		break;
	case SETTINGS_CONTROL:
		snprintf(buf, size, "ctl");
		break;
	default:
		snprintf(buf, size, "default");
	}
}

static void log_value(const struct settings *settings, const struct option_def *def, const uint64_t *before, const char *why)
{
	struct found found = find_value(settings, def, def == mode_def() ? NR_MODES : find_mode(settings));
	char source[SETTINGS_SOURCE_MAX], value[OPTION_VALUE_MAX], old[OPTION_VALUE_MAX] = "";
	const char *unit = def->unit ? def->unit : "", *space = def->unit ? " " : "";

	describe_source(settings, &found, source, sizeof(source));
	option_format(def, found.value, value, sizeof(value));
	if (before)
		log_notice("settings: %s is %s%s%s now, was %s: %s (%s)", def->name, value, space, unit,
			   option_format(def, *before, old, sizeof(old)), source, why);
	else
		log_info("settings: %s is %s%s%s: %s", def->name, value, space, unit, source);
}

static void compute(const struct settings *settings, struct options *ret)
{
	enum mode mode = find_mode(settings);

	*ret = settings->command_line;
	for (size_t i = 0; i < option_table_nr; i++)
		if (option_table[i].section)
			option_set(ret, &option_table[i], find_value(settings, &option_table[i], mode).value);
}

/* A layer has changed. Return: number of values that are others now. */
static unsigned int update(struct settings *settings, const char *why)
{
	const struct options before = settings->options;
	unsigned int nr = 0;

	compute(settings, &settings->options);
	for (size_t i = 0; i < option_table_nr; i++) {
		const struct option_def *def = &option_table[i];
		uint64_t old = option_get(&before, def);

		if (!def->section || old == option_get(&settings->options, def))
			continue;
		log_value(settings, def, &old, why);
		nr++;
	}
	if (nr && settings->fn)
		settings->fn(&before, &settings->options, settings->data);
	return nr;
}

/* ---- life ---- */

static char *absolute_path(const char *path)
{
	char folder[PATH_MAX], *absolute = NULL;

	if (*path == '/')
		return strdup(path);
	if (!getcwd(folder, sizeof(folder)) || asprintf(&absolute, "%s/%s", folder, path) < 0)
		return NULL;
	return absolute;
}

int settings_new(int argc, char **argv, FILE *err, struct settings **ret)
{
	_cleanup_(settings_freep) struct settings *settings = calloc(1, sizeof(*settings));
	const char *file;
	int r;

	if (!settings)
		return -ENOMEM;
	r = options_parse(argc, argv, &settings->command_line, &settings->given, err);
	if (r)
		return r;
	file = settings->command_line.config_file;
	settings->file_is_given = file != NULL;
	settings->file = absolute_path(file ? file : SETTINGS_FILE);
	if (!settings->file || asprintf(&settings->dir, "%s.d", settings->file) < 0) {
		settings->dir = NULL;
		return -ENOMEM;
	}
	compute(settings, &settings->options);
	*ret = steal_ptr(&settings);
	return 0;
}

void settings_free(struct settings *settings)
{
	if (!settings)
		return;
	config_free(settings->config);
	free(settings->file);
	free(settings->dir);
	free(settings);
}

void settings_set_changed(struct settings *settings, settings_changed_fn fn, void *data)
{
	settings->fn = fn;
	settings->data = data;
}

const struct options *settings_options(const struct settings *settings)
{
	return &settings->options;
}

const char *settings_file(const struct settings *settings)
{
	return settings->file;
}

const char *settings_dir(const struct settings *settings)
{
	return settings->dir;
}

/* ---- files ---- */

static void note_mistake(void *data, const char *message)
{
	struct settings_reading *reading = data;

	if (reading->nr_mistakes == MISTAKES_MAX)
		return;
	reading->mistakes[reading->nr_mistakes] = strdup(message);
	reading->nr_mistakes += reading->mistakes[reading->nr_mistakes] != NULL;
}

static void print_mistake(void *data, const char *message)
{
	fprintf(data, "%s\n", message);
}

/* Tells what is wrong. Return: 0, -errno. */
static int read_files(const char *file, const char *dir, bool must_exist, config_error_fn fn, void *data,
		      struct config **ret)
{
	char message[SETTINGS_MESSAGE_MAX], safe[SETTINGS_SOURCE_MAX];
	struct stat st;

	if (must_exist && lstat(file, &st)) {
		int err = -errno;

		escape_text(safe, sizeof(safe), file);
		snprintf(message, sizeof(message), "%s: %s", safe, strerror(-err));
		fn(data, message);
		return err;
	}
	return config_new(file, dir, fn, data, ret);
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t len)
{
	for (const unsigned char *byte = bytes; len--; byte++)
		hash = (hash ^ *byte) * 0x100000001b3ULL;
	return hash;
}

static uint64_t stamp_file(int dirfd, const char *name)
{
	uint64_t hash = mix(0xcbf29ce484222325ULL, name, strlen(name));
	struct stat st;

	if (fstatat(dirfd, name, &st, 0))
		return mix(hash, &errno, sizeof(errno));
	hash = mix(hash, &st.st_dev, sizeof(st.st_dev));
	hash = mix(hash, &st.st_ino, sizeof(st.st_ino));
	hash = mix(hash, &st.st_mode, sizeof(st.st_mode));
	hash = mix(hash, &st.st_size, sizeof(st.st_size));
	hash = mix(hash, &st.st_mtim, sizeof(st.st_mtim));
	return mix(hash, &st.st_ctim, sizeof(st.st_ctim));
}

/* A number that is another when a file is another, came or went; the order of the folder does not count. */
static uint64_t stamp_files(const char *file, const char *dir_path)
{
	uint64_t sum = stamp_file(AT_FDCWD, file);
	_cleanup_closedir_ DIR *dir = opendir(dir_path);
	const struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		size_t len = strlen(entry->d_name);

		if (len >= 6 && streq(entry->d_name + len - 5, ".conf"))
			sum += stamp_file(dirfd(dir), entry->d_name);
	}
	return sum;
}

int settings_reading_new(const struct settings *settings, bool only_if_other, struct settings_reading **ret)
{
	_cleanup_(settings_reading_freep) struct settings_reading *reading = calloc(1, sizeof(*reading));

	if (!reading)
		return -ENOMEM;
	reading->file = strdup(settings->file);
	reading->dir = strdup(settings->dir);
	if (!reading->file || !reading->dir)
		return -ENOMEM;
	reading->must_exist = settings->file_is_given;
	reading->only_if_other = only_if_other;
	reading->stamp = settings->stamp;
	*ret = steal_ptr(&reading);
	return 0;
}

void settings_reading_run(struct settings_reading *reading)
{
	/* Before and not after: what changes meanwhile is seen to differ. */
	uint64_t stamp = stamp_files(reading->file, reading->dir);

	if (reading->only_if_other && stamp == reading->stamp)
		return;
	reading->was_read = true;
	reading->stamp = stamp;
	reading->err = read_files(reading->file, reading->dir, reading->must_exist, note_mistake, reading, &reading->config);
}

void settings_reading_free(struct settings_reading *reading)
{
	if (!reading)
		return;
	for (size_t i = 0; i < reading->nr_mistakes; i++)
		free(reading->mistakes[i]);
	config_free(reading->config);
	free(reading->file);
	free(reading->dir);
	free(reading);
}

/* Tells what is wrong. Return: 0 with the config, which is the caller's, -errno. */
static int take_files(struct settings *settings, struct settings_reading *reading, struct config **ret)
{
	settings->stamp = reading->stamp;
	for (size_t i = 0; i < reading->nr_mistakes; i++)
		log_error("settings: %s", reading->mistakes[i]);
	if (!reading->err)
		*ret = steal_ptr(&reading->config);
	return reading->err;
}

static void find_section(struct settings *settings)
{
	const struct config_match match = {
		.app_id = settings->app_id,
		.names = { settings->names[0], settings->names[1], settings->names[2] },
		.window_class = settings->window_class,
	};

	settings->game = settings->has_game && settings->config ? config_find_game(settings->config, &match) : NULL;
}

static void take_config(struct settings *settings, struct config *config)
{
	config_free(settings->config);
	settings->config = config;
	find_section(settings);
}

int settings_load(struct settings *settings)
{
	_cleanup_(settings_reading_freep) struct settings_reading *reading = NULL;
	struct config *config = NULL;
	int err = settings_reading_new(settings, false, &reading);

	if (err)
		return log_error_errno(err, "settings");
	settings_reading_run(reading);
	err = take_files(settings, reading, &config);
	if (err) {
		log_error("settings: no file counts until this is mended: the command line and the defaults hold");
		return err;
	}
	take_config(settings, config);
	compute(settings, &settings->options);
	for (size_t i = 0; i < option_table_nr; i++) {
		const struct option_def *def = &option_table[i];

		if (def->section && find_value(settings, def, find_mode(settings)).source > SETTINGS_DEFAULT)
			log_value(settings, def, NULL, NULL);
	}
	return 0;
}

static void say(char *msg, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void say(char *msg, size_t size, const char *fmt, ...)
{
	va_list ap;

	if (!msg)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, size, fmt, ap);
	va_end(ap);
}

int settings_take(struct settings *settings, struct settings_reading *reading, const char *why, char *msg, size_t size)
{
	struct config *config = NULL;
	unsigned int nr;
	int err;

	if (!reading->was_read) {
		say(msg, size, "the files are as they were");
		return 0;
	}
	err = take_files(settings, reading, &config);
	if (err) {
		log_error("settings: all old values stay (%s)", why);
		say(msg, size, "the files have mistakes, see the log: all old values stay");
		return err;
	}
	take_config(settings, config);
	nr = update(settings, why);
	if (!nr)
		log_info("settings: read again, no value has changed (%s)", why);
	say(msg, size, "%u values have changed", nr);
	return 0;
}

int settings_check(const char *file, FILE *out)
{
	_cleanup_(config_freep) struct config *config = NULL;
	_cleanup_free_ char *dir = NULL;
	const char *path = file ? file : SETTINGS_FILE;
	int err;

	if (asprintf(&dir, "%s.d", path) < 0) {
		dir = NULL;
		return -ENOMEM;
	}
	err = read_files(path, dir, file != NULL, print_mistake, out, &config);
	if (!err)
		fprintf(out, "%s and %s/*.conf: %zu %s, no mistakes\n", path, dir, config->nr_files,
			config->nr_files == 1 ? "file" : "files");
	return err;
}

/* ---- at run time ---- */

/* Return: 0, -EINVAL, -ERANGE; says what is wrong. */
static int parse_value(const struct option_def *def, const char *text, struct config_value *ret, char *msg, size_t size)
{
	char expected[OPTION_EXPECTED_MAX], bad[BAD_VALUE_MAX];
	struct config_value value = { .is_set = true };
	int err;

	if (streq(text, "default")) {
		*ret = (struct config_value){};
		return 0;
	}
	err = option_parse(def, text, &value.value);
	if (err) {
		escape_text(bad, sizeof(bad), text);
		say(msg, size, "%s: '%s' is %s, expected %s, or default", def->name, bad, option_problem(def, err),
		    option_expected(def, expected, sizeof(expected)));
		return err;
	}
	*ret = value;
	return 0;
}

int settings_set(struct settings *settings, const char *key, const char *value, char *msg, size_t size)
{
	const struct option_def *def = option_find(key);
	char safe[BAD_VALUE_MAX], text[OPTION_VALUE_MAX], source[SETTINGS_SOURCE_MAX];
	struct found found;
	int err;

	if (!def) {
		escape_text(safe, sizeof(safe), key);
		for (size_t i = 0; i < option_table_nr; i++) {
			if (streq(option_table[i].name, key)) {
				say(msg, size, "%s cannot change while the daemon runs", safe);
				return -EPERM;
			}
		}
		say(msg, size, "unknown key '%s'", safe);
		return -ENOENT;
	}
	err = parse_value(def, value, &settings->control[option_index(def)], msg, size);
	if (err)
		return err;
	update(settings, "ctl");
	found = find_value(settings, def, def == mode_def() ? NR_MODES : find_mode(settings));
	describe_source(settings, &found, source, sizeof(source));
	say(msg, size, "%s is %s%s%s: %s", def->name, option_format(def, found.value, text, sizeof(text)), def->unit ? " " : "",
	    def->unit ? def->unit : "", source);
	return 0;
}

int settings_set_mode(struct settings *settings, const char *name, char *msg, size_t size)
{
	return settings_set(settings, "mode", name, msg, size);
}

const char *settings_mode(const struct settings *settings)
{
	return modes_names[settings->options.mode];
}

const char *settings_mode_name(size_t i)
{
	return i < NR_MODES ? modes_names[i] : NULL;
}

/* ---- the game ---- */

static void copy_text(char *dst, const char *src)
{
	snprintf(dst, GAME_TEXT_MAX, "%s", src ? src : "");
}

void settings_set_game(struct settings *settings, const struct settings_game *game)
{
	const struct config_game *before = settings->game;
	char name[BAD_VALUE_MAX], why[BAD_VALUE_MAX + 64];

	settings->has_game = game != NULL;
	settings->app_id = game ? game->app_id : 0;
	copy_text(settings->names[0], game ? game->name : NULL);
	copy_text(settings->names[1], game ? game->comm : NULL);
	copy_text(settings->names[2], game ? game->executable : NULL);
	copy_text(settings->window_class, game ? game->window_class : NULL);
	find_section(settings);
	if (settings->game == before)
		return;
	escape_text(name, sizeof(name), settings->game ? settings->game->name : before->name);
	snprintf(why, sizeof(why), settings->game ? "\"%s\" is in front" : "\"%s\" is not in front any more", name);
	update(settings, why);
}

void settings_without_game(const struct settings *settings, struct options *ret)
{
	struct settings plain = *settings;

	plain.game = NULL;
	compute(&plain, ret);
}

const char *settings_game_section(const struct settings *settings)
{
	return settings->game ? settings->game->name : NULL;
}

/* ---- lists ---- */

size_t settings_nr(const struct settings *settings)
{
	size_t nr = 0;

	for (size_t i = 0; i < option_table_nr; i++)
		nr += option_table[i].section != OPTION_NO_SECTION;
	return nr;
}

static const char *type_name(enum option_type type)
{
	return type == OPTION_BOOL ? "bool" : type == OPTION_WORD ? "word" : "number";
}

void settings_row(const struct settings *settings, size_t i, struct settings_row *row)
{
	const struct option_def *def = option_table;
	struct found found;

	for (size_t left = i + 1;; def++)
		if (def->section && !--left)
			break;
	found = find_value(settings, def, def == mode_def() ? NR_MODES : find_mode(settings));
	*row = (struct settings_row){
		.name = def->name,
		.section = option_section_name(def->section),
		.type = type_name(def->type),
		.unit = def->unit ? def->unit : "",
		.live = true,
		.restarts = def->effect == OPTION_RESCHEDULE,
		.per_game = def->per_game,
		.source = found.source,
	};
	/* As one line, and what is accepted in words. */
	for (size_t at = 0; def->help[at] && at < sizeof(row->help) - 1; at++)
		row->help[at] = def->help[at] == '\n' ? ' ' : def->help[at];
	for (size_t word = 0, len = 0; def->type == OPTION_WORD && def->words[word] && len < sizeof(row->words); word++)
		len += (size_t)snprintf(row->words + len, sizeof(row->words) - len, "%s%s", word ? "|" : "", def->words[word]);
	option_format(def, found.value, row->value, sizeof(row->value));
	option_format(def, def->def, row->def, sizeof(row->def));
	if (def->type == OPTION_NUMBER || def->type == OPTION_SECONDS) {
		option_format(def, def->min, row->min, sizeof(row->min));
		option_format(def, def->max, row->max, sizeof(row->max));
	}
	describe_source(settings, &found, row->source_text, sizeof(row->source_text));
}
