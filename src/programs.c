// SPDX-License-Identifier: GPL-2.0-only
#include "programs.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

/* The defaults are a part of the program, so that it never runs without: an installed file goes before them. */
__asm__(".pushsection .rodata\n"
	"programs_builtin_start:\n"
	".incbin \"tools/dist/programs.conf\"\n"
	"programs_builtin_end:\n"
	".popsection\n");
extern const char programs_builtin_start[], programs_builtin_end[];

struct entry {
	enum programs_section section;
	char name[];
};

struct programs {
	atomic_uint nr_users;
	size_t nr;
	size_t size;
	struct entry **entries;
};

static const char *const section_names[NR_PROGRAMS_SECTIONS] = {
	[PROGRAMS_NONE] = "none",	  [PROGRAMS_GAME] = "game",	      [PROGRAMS_NEVER] = "never",
	[PROGRAMS_LAUNCHER] = "launcher", [PROGRAMS_BACKGROUND] = "background",
};

const char *programs_section_name(enum programs_section section)
{
	return section_names[section];
}

static struct programs *programs_alloc(void)
{
	struct programs *programs = calloc(1, sizeof(*programs));

	if (programs)
		atomic_init(&programs->nr_users, 1);
	return programs;
}

struct programs *programs_ref(struct programs *programs)
{
	atomic_fetch_add_explicit(&programs->nr_users, 1, memory_order_relaxed);
	return programs;
}

void programs_unref(struct programs *programs)
{
	if (!programs || atomic_fetch_sub_explicit(&programs->nr_users, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < programs->nr; i++)
		free(programs->entries[i]);
	free(programs->entries);
	free(programs);
}

static int add_entry(struct programs *programs, enum programs_section section, const char *name, size_t len)
{
	struct entry *entry;

	if (programs->nr == programs->size) {
		size_t size = programs->size ? 2 * programs->size : 256;
		struct entry **more = realloc(programs->entries, size * sizeof(*more));

		if (!more)
			return -ENOMEM;
		programs->entries = more;
		programs->size = size;
	}
	entry = malloc(sizeof(*entry) + len + 1);
	if (!entry)
		return -ENOMEM;
	entry->section = section;
	for (size_t i = 0; i < len; i++)
		entry->name[i] = (char)tolower((unsigned char)name[i]);
	entry->name[len] = '\0';
	programs->entries[programs->nr++] = entry;
	return 0;
}

/* ---- one file ---- */

/* What is wrong with the line, or NULL. */
static const char *take_line(struct programs *programs, const char *line, size_t len, enum programs_section *section,
			     int *err)
{
	size_t nr_letters = 0;

	while (len && (line[len - 1] == ' ' || line[len - 1] == '\t' || line[len - 1] == '\r'))
		len--;
	while (len && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	if (!len || *line == '#' || *line == ';')
		return NULL;
	*err = -EINVAL;
	if (*line == '[') {
		for (int i = PROGRAMS_GAME; i < NR_PROGRAMS_SECTIONS; i++) {
			size_t name_len = strlen(section_names[i]);

			if (len == name_len + 2 && line[len - 1] == ']' && !memcmp(line + 1, section_names[i], name_len)) {
				*section = (enum programs_section)i;
				*err = 0;
				return NULL;
			}
		}
		return "unknown section, expected [game], [never], [launcher] or [background]";
	}
	if (*section == PROGRAMS_NONE)
		return "a name before the first section";
	if (len > PROGRAMS_NAME_MAX)
		return "the name is too long";
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			return "a control character in the name";
		if (line[i] == '/' || line[i] == '\\')
			return "a path: only names of programs are known here";
		nr_letters += line[i] != '*' && line[i] != '?';
	}
	if (nr_letters < 2)
		return "this fits nearly every program";
	if (programs->nr == PROGRAMS_ENTRIES_MAX)
		return "too many names";
	*err = add_entry(programs, *section, line, len);
	return *err ? strerror(-*err) : NULL;
}

static int take_text(struct programs *programs, const char *name, const char *text, size_t len,
		     char message[PROGRAMS_MESSAGE_MAX])
{
	enum programs_section section = PROGRAMS_NONE;
	size_t number = 1;

	for (const char *line = text, *end = text + len; line < end; number++) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t line_len = (size_t)((newline ? newline : end) - line);
		const char *problem;
		int err = 0;

		problem = take_line(programs, line, line_len, &section, &err);
		if (problem) {
			snprintf(message, PROGRAMS_MESSAGE_MAX, "%s:%zu: %s", name, number, problem);
			return err;
		}
		line += line_len + 1;
	}
	return 0;
}

static int fail(char message[PROGRAMS_MESSAGE_MAX], const char *name, int err, const char *text)
{
	snprintf(message, PROGRAMS_MESSAGE_MAX, "%s: %s", name, text ? text : strerror(-err));
	return err;
}

/* @path is for messages, @name is opened in @dirfd. Return: 1 if there is no such file, 0, -errno. */
static int take_file(struct programs *programs, int dirfd, const char *name, const char *path,
		     char message[PROGRAMS_MESSAGE_MAX])
{
	_cleanup_close_ int fd = openat(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	struct stat st;
	size_t len = 0;
	int err;

	if (fd < 0)
		return errno == ENOENT ? 1 : fail(message, path, -errno, NULL);
	if (fstat(fd, &st) < 0)
		return fail(message, path, -errno, NULL);
	if (!S_ISREG(st.st_mode))
		return fail(message, path, -EINVAL, "no regular file");
	err = dropin_read(fd, PROGRAMS_FILE_MAX, &text, &len);
	if (err)
		return fail(message, path, err, err == -EFBIG ? "larger than 256 KiB" : NULL);
	return take_text(programs, path, text, len, message);
}

/* ---- the folder ---- */

static int take_dir(struct programs *programs, const char *path, char message[PROGRAMS_MESSAGE_MAX])
{
	_cleanup_(dropin_deinit) struct dropin dropin;
	int err = dropin_init(&dropin, path);

	if (err)
		return fail(message, path, err, err == -E2BIG ? "more than 64 files" : NULL);
	for (size_t i = 0; i < dropin.nr; i++) {
		char file[PROGRAMS_MESSAGE_MAX - 128];

		snprintf(file, sizeof(file), "%s/%s", path, dropin.names[i]);
		/* A file that goes away meanwhile was not there. */
		err = take_file(programs, dirfd(dropin.dir), dropin.names[i], file, message);
		if (err < 0)
			return err;
	}
	return 0;
}

int programs_new_text(const char *name, const char *text, size_t len, char message[PROGRAMS_MESSAGE_MAX],
		      struct programs **ret)
{
	_cleanup_(programs_unrefp) struct programs *programs = programs_alloc();
	int err;

	if (!programs)
		return fail(message, name, -ENOMEM, NULL);
	err = take_text(programs, name, text, len, message);
	if (err)
		return err;
	*ret = steal_ptr(&programs);
	return 0;
}

int programs_new(const char *file, const char *dir, char message[PROGRAMS_MESSAGE_MAX], struct programs **ret)
{
	_cleanup_(programs_unrefp) struct programs *programs = programs_alloc();
	int err = 1;

	if (!programs)
		return fail(message, "lists of programs", -ENOMEM, NULL);
	if (file)
		err = take_file(programs, AT_FDCWD, file, file, message);
	if (err > 0)
		err = take_text(programs, "built-in programs.conf", programs_builtin_start,
				(size_t)(programs_builtin_end - programs_builtin_start), message);
	if (err)
		return err;
	if (dir) {
		err = take_dir(programs, dir, message);
		if (err)
			return err;
	}
	*ret = steal_ptr(&programs);
	return 0;
}

/* ---- looking names up ---- */

/* Greedy with one step back: linear in all but contrived patterns, whose length is bounded; never recursive. */
static bool fits(const char *pattern, const char *name)
{
	const char *star = NULL, *from = NULL;

	while (*name) {
		if (*pattern == '*') {
			star = pattern++;
			from = name;
		} else if (*pattern == '?' || *pattern == *name) {
			pattern++;
			name++;
		} else if (star) {
			pattern = star + 1;
			name = ++from;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

enum programs_section programs_find(const struct programs *programs, const char *name)
{
	char lower[256];
	size_t len = strlen(name);

	if (!len || len >= sizeof(lower))
		return PROGRAMS_NONE;
	for (size_t i = 0; i <= len; i++)
		lower[i] = (char)tolower((unsigned char)name[i]);
	for (size_t i = programs->nr; i-- > 0;)
		if (fits(programs->entries[i]->name, lower))
			return programs->entries[i]->section;
	return PROGRAMS_NONE;
}

size_t programs_nr(const struct programs *programs)
{
	return programs->nr;
}
