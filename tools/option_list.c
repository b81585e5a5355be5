/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * option_list - the option table in the forms that are made from it at build time
 *
 * Usage: option-list man|env|conf|example|modes|bash|zsh|fish|keys|mode-names|help
 *   man      options of the command line, for scx_arcade(8)
 *   env      the variables of the environment, likewise
 *   conf     options of the files by section, for scx_arcade.conf(5)
 *   example  the same as a file, commented out
 *   modes    the modes and what they set, for scx_arcade.conf(5)
 *   bash     one line per option: its name, what follows it (nothing, value, file, process, or words) and the words
 *   zsh      one line per option, as _arguments takes it
 *   fish     one command per option
 *   keys     what `ctl set` takes, in one line
 *   mode-names  what `ctl mode` takes
 *   help     what --help prints
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "modes.h"
#include "option_table.h"
#include "options.h"
#include "util.h"

static bool takes_value(const struct option_def *def)
{
	return def->type != OPTION_FLAG && def->type != OPTION_BOOL;
}

/* Text for troff: no line begins with a control character, a dash is a dash. */
static void put_roff(const char *text)
{
	for (bool start = true; *text; text++) {
		if (start && (*text == '.' || *text == '\''))
			fputs("\\&", stdout);
		if (*text == '-' || *text == '\\')
			putchar('\\');
		putchar(*text == '\\' ? 'e' : *text);
		start = *text == '\n';
	}
}

/* The lines of the help as one, in single quotes of the shell's; @special are its other characters that need a backslash. */
static void put_line(const char *text, const char *quote, const char *special)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs(quote, stdout);
		else
			printf("%s%c", strchr(special, *text) ? "\\" : "", *text == '\n' ? ' ' : *text);
	}
}

#define ZSH_QUOTE    "'\\''"
#define ZSH_SPECIAL  "[]:\\"
#define FISH_QUOTE   "\\'"
#define FISH_SPECIAL "\\"

static bool has_default(const struct option_def *def)
{
	return def->type == OPTION_BOOL || def->type == OPTION_WORD || def->def >= def->min;
}

/* "(250 to 20000 us, default 3000)" */
static void put_limits(const struct option_def *def)
{
	char text[OPTION_EXPECTED_MAX];

	if (!option_has_value(def))
		return;
	put_roff("\n(");
	put_roff(option_expected(def, text, sizeof(text)));
	if (has_default(def)) {
		put_roff(", default ");
		put_roff(option_format(def, def->def, text, sizeof(text)));
	}
	putchar(')');
}

static void put_dashed(const char *prefix, const char *name)
{
	printf("\\fB\\-\\-%s", prefix);
	put_roff(name);
	fputs("\\fR", stdout);
}

static void print_man(const struct option_def *def)
{
	if (def->env)
		return;
	puts(".TP");
	if (def->letter)
		printf("\\fB\\-%c\\fR, ", def->letter);
	put_dashed("", def->name);
	if (def->type == OPTION_BOOL) {
		fputs(", ", stdout);
		put_dashed("no\\-", def->name);
	} else if (def->type == OPTION_FLAG_FILE) {
		printf(" [\\fI%s\\fR]", def->arg);
	} else if (def->arg) {
		printf(" \\fI%s\\fR", def->arg);
	}
	putchar('\n');
	put_roff(def->help);
	put_limits(def);
	putchar('\n');
}

static void print_env(void)
{
	for (size_t i = 0; i < option_table_nr; i++) {
		const struct option_def *def = &option_table[i];

		if (!def->env)
			continue;
		printf(".TP\n\\fB%s\\fR\n", def->name);
		put_roff(def->help);
		put_limits(def);
		putchar('\n');
	}
}

static void print_modes(void)
{
	for (int mode = 0; mode < NR_MODES; mode++) {
		printf(".TP\n\\fB%s\\fR\n", modes_names[mode]);
		put_roff(modes_help(mode));
		putchar('\n');
		for (const struct mode_value *preset = modes_values(mode); preset->option; preset++) {
			fputs(".br\n\\fB", stdout);
			put_roff(preset->option);
			printf("\\fR = %s: ", preset->value);
			put_roff(preset->reason);
			putchar('\n');
		}
	}
}

static void print_section_of(enum option_section section, void (*print)(const struct option_def *))
{
	for (size_t i = 0; i < option_table_nr; i++)
		if (option_table[i].section == section)
			print(&option_table[i]);
}

static void print_conf(const struct option_def *def)
{
	fputs(".TP\n\\fB", stdout);
	put_roff(def->name);
	printf("\\fR = \\fI%s\\fR\n", def->arg ? def->arg : "yes|no");
	put_roff(def->help);
	put_limits(def);
	if (def->effect == OPTION_RESCHEDULE)
		put_roff(".\nThe scheduler is started anew for it");
	if (def->per_game)
		put_roff(".\nMay stand in the section of a game");
	puts(".");
}

static void print_example(const struct option_def *def)
{
	char text[OPTION_EXPECTED_MAX];
	const char *line = def->help, *end;

	putchar('\n');
	while ((end = strchr(line, '\n'))) {
		printf("# %.*s\n", (int)(end - line), line);
		line = end + 1;
	}
	printf("# %s\n# (%s)\n", line, option_expected(def, text, sizeof(text)));
	printf("#%s = %s\n", def->name, option_format(def, def->def, text, sizeof(text)));
}

static void print_sections(bool example)
{
	for (enum option_section section = OPTION_NO_SECTION + 1; section < NR_OPTION_SECTIONS; section++) {
		if (example)
			printf("%s[%s]\n", section > OPTION_NO_SECTION + 1 ? "\n" : "", option_section_name(section));
		else
			printf(".SS [%s]\n", option_section_name(section));
		print_section_of(section, example ? print_example : print_conf);
	}
}

static void put_words(const struct option_def *def)
{
	for (size_t i = 0; def->words[i]; i++)
		printf("%s%s", i ? " " : "", def->words[i]);
}

static void print_bash(const struct option_def *def)
{
	static const char *const kinds[] = {
		[OPTION_FLAG] = "nothing",    [OPTION_BOOL] = "nothing",    [OPTION_NUMBER] = "value", [OPTION_SECONDS] = "value",
		[OPTION_PROCESS] = "process", [OPTION_FILE] = "file", [OPTION_FLAG_FILE] = "file", [OPTION_WORD] = "words",
	};

	printf("--%s %s", def->name, kinds[def->type]);
	if (def->type == OPTION_WORD) {
		putchar(' ');
		put_words(def);
	}
	putchar('\n');
	if (def->type == OPTION_BOOL)
		printf("--no-%s nothing\n", def->name);
	if (def->letter)
		printf("-%c nothing\n", def->letter);
}

static void print_zsh(const struct option_def *def)
{
	if (def->letter) {
		printf("'-%c[", def->letter);
		put_line(def->help, ZSH_QUOTE, ZSH_SPECIAL);
		puts("]'");
	}
	/* "--mode gaming" and "--mode=gaming". */
	printf("'--%s%s[", def->name, takes_value(def) ? "=" : "");
	put_line(def->help, ZSH_QUOTE, ZSH_SPECIAL);
	putchar(']');
	if (takes_value(def)) {
		printf("%s%s:", def->type == OPTION_FLAG_FILE ? "::" : ":", def->arg);
		if (def->type == OPTION_WORD) {
			putchar('(');
			put_words(def);
			putchar(')');
		} else if (def->type == OPTION_PROCESS) {
			fputs("_pids", stdout);
		} else if (def->type == OPTION_FILE || def->type == OPTION_FLAG_FILE) {
			fputs("_files", stdout);
		}
	}
	puts("'");
	if (def->type == OPTION_BOOL)
		printf("'--no-%s[the opposite of --%s]'\n", def->name, def->name);
}

static void print_fish(const struct option_def *def)
{
	printf("complete -c scx_arcade -n 'not __fish_seen_subcommand_from ctl' -l %s", def->name);
	if (def->letter)
		printf(" -s %c", def->letter);
	switch (def->type) {
	case OPTION_FILE:
		fputs(" -r -F", stdout);
		break;
	case OPTION_FLAG_FILE:
		fputs(" -F", stdout);
		break;
	case OPTION_WORD:
		fputs(" -x -a '", stdout);
		put_words(def);
		putchar('\'');
		break;
	case OPTION_PROCESS:
		fputs(" -x -a '(__fish_complete_pids)'", stdout);
		break;
	case OPTION_NUMBER:
	case OPTION_SECONDS:
		fputs(" -x", stdout);
		break;
	default:
		fputs(" -f", stdout);
	}
	fputs(" -d '", stdout);
	put_line(def->help, FISH_QUOTE, FISH_SPECIAL);
	puts("'");
	if (def->type == OPTION_BOOL)
		printf("complete -c scx_arcade -n 'not __fish_seen_subcommand_from ctl' -l no-%s -f -d 'the opposite of --%s'\n",
		       def->name, def->name);
}

static void print_all(void (*print)(const struct option_def *))
{
	for (size_t i = 0; i < option_table_nr; i++)
		if (!option_table[i].env)
			print(&option_table[i]);
}

static void put_keys(void)
{
	for (size_t i = 0, nr = 0; i < option_table_nr; i++)
		if (option_table[i].section && option_table[i].effect != OPTION_AT_START)
			printf("%s%s", nr++ ? " " : "", option_table[i].name);
}

static void put_modes(void)
{
	for (size_t i = 0; modes_names[i]; i++)
		printf("%s%s", i ? " " : "", modes_names[i]);
}

int main(int argc, char **argv)
{
	const char *form = argc == 2 ? argv[1] : "";

	if (streq(form, "man")) {
		print_all(print_man);
	} else if (streq(form, "conf") || streq(form, "example")) {
		print_sections(streq(form, "example"));
	} else if (streq(form, "bash")) {
		print_all(print_bash);
	} else if (streq(form, "zsh")) {
		print_all(print_zsh);
	} else if (streq(form, "fish")) {
		print_all(print_fish);
	} else if (streq(form, "keys")) {
		put_keys();
		putchar('\n');
	} else if (streq(form, "env")) {
		print_env();
	} else if (streq(form, "modes")) {
		print_modes();
	} else if (streq(form, "help")) {
		options_print_help(stdout);
	} else if (streq(form, "mode-names")) {
		put_modes();
		putchar('\n');
	} else {
		fprintf(stderr, "option-list: error: usage: option-list man|env|conf|example|modes|bash|zsh|fish|keys|mode-names|help\n");
		return 2;
	}
	if (fflush(stdout) || ferror(stdout)) {
		fprintf(stderr, "option-list: error: %s\n", strerror(errno));
		return 1;
	}
	return 0;
}
