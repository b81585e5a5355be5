// SPDX-License-Identifier: GPL-2.0-only
/*
 * option_list - prints the option table for manual pages and shells, at build time
 *
 * Usage: option-list man|conf|modes|help|bash|zsh|fish
 *
 * man is the OPTIONS section of scx_arcade(8), conf the one of
 * scx_arcade.conf(5), modes its list of modes, all three in man(7);
 * the shells' are whole completions of scx_arcade's own options.
 */
#include <stdio.h>
#include <string.h>

#include "modes.h"
#include "option_table.h"
#include "options.h"
#include "util.h"

#define NAME_MAX_LEN 32

/* roff: what would be taken for a request or an escape. */
static void put_roff(const char *text)
{
	for (; *text; text++) {
		if (*text == '\\')
			fputs("\\e", stdout);
		else if (*text == '-')
			fputs("\\-", stdout);
		else if (*text == '\n')
			putchar(' ');
		else
			putchar(*text);
	}
}

static void put_limits(const struct option_def *def)
{
	char expected[OPTION_EXPECTED_MAX], value[OPTION_VALUE_MAX];

	if (!option_has_value(def) || def->type == OPTION_PROCESS)
		return;
	fputs("\n.br\n", stdout);
	put_roff(option_expected(def, expected, sizeof(expected)));
	if (def->type == OPTION_WORD || def->type == OPTION_BOOL || def->def >= def->min)
		fputs("; default ", stdout), put_roff(option_format(def, def->def, value, sizeof(value)));
}

static void print_man(void)
{
	for (size_t i = 0; i < option_table_nr; i++) {
		const struct option_def *def = &option_table[i];

		if (def->env)
			continue;
		fputs(".TP\n", stdout);
		if (def->letter)
			printf("\\fB\\-%c\\fR, ", def->letter);
		fputs("\\fB\\-\\-", stdout);
		put_roff(def->name);
		fputs("\\fR", stdout);
		if (def->type == OPTION_BOOL) {
			fputs(", \\fB\\-\\-no\\-", stdout);
			put_roff(def->name);
			fputs("\\fR", stdout);
		}
		if (def->arg)
			printf(def->type == OPTION_FLAG_FILE ? " [\\fI%s\\fR]" : " \\fI%s\\fR", def->arg);
		putchar('\n');
		put_roff(def->help);
		put_limits(def);
		putchar('\n');
	}
	fputs(".SH ENVIRONMENT\n", stdout);
	for (size_t i = 0; i < option_table_nr; i++) {
		if (!option_table[i].env)
			continue;
		printf(".TP\n\\fB%s\\fR\n", option_table[i].name);
		put_roff(option_table[i].help);
		put_limits(&option_table[i]);
		putchar('\n');
	}
}

static void print_conf(void)
{
	for (int section = OPTION_NO_SECTION + 1; section < NR_OPTION_SECTIONS; section++) {
		printf(".SS [%s]\n", option_section_name(section));
		for (size_t i = 0; i < option_table_nr; i++) {
			const struct option_def *def = &option_table[i];

			if ((int)def->section != section)
				continue;
			fputs(".TP\n\\fB", stdout);
			put_roff(def->name);
			fputs("\\fR\n", stdout);
			put_roff(def->help);
			put_limits(def);
			fputs(def->effect == OPTION_RESCHEDULE ? "; a change starts the scheduler anew" : "", stdout);
			puts(def->per_game ? "; also per game" : "");
		}
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
			printf(" = %s\\fR: ", preset->value);
			put_roff(preset->reason);
			putchar('\n');
		}
	}
}

/* Options as words: --NAME and, of a bool, --no-NAME. */
static void for_each_word(void (*emit)(const struct option_def *def, const char *name))
{
	char name[NAME_MAX_LEN];

	for (size_t i = 0; i < option_table_nr; i++) {
		const struct option_def *def = &option_table[i];

		if (def->env)
			continue;
		emit(def, def->name);
		snprintf(name, sizeof(name), "no-%s", def->name);
		if (def->type == OPTION_BOOL)
			emit(def, name);
	}
}

static void emit_bash(const struct option_def *def, const char *name)
{
	printf(" --%s", name);
}

static void print_bash(void)
{
	fputs("_scx_arcade()\n{\n\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
	      "\t[ \"$cur\" != = ] || cur=\n"
	      "\t[ \"$prev\" != = ] || prev=${COMP_WORDS[COMP_CWORD-2]}\n"
	      "\tcase $prev in\n", stdout);
	for (size_t i = 0; i < option_table_nr; i++) {
		const struct option_def *def = &option_table[i];

		if (def->env || def->type == OPTION_FLAG || def->type == OPTION_BOOL)
			continue;
		printf("\t--%s)", def->name);
		if (def->type == OPTION_WORD) {
			fputs(" mapfile -t COMPREPLY < <(compgen -W '", stdout);
			for (size_t word = 0; def->words[word]; word++)
				printf("%s%s", word ? " " : "", def->words[word]);
			fputs("' -- \"$cur\"); return ;;\n", stdout);
		} else if (def->type == OPTION_FILE || def->type == OPTION_FLAG_FILE) {
			fputs(" mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return ;;\n", stdout);
		} else {
			fputs(" return ;;\n", stdout);
		}
	}
	fputs("\tesac\n\tmapfile -t COMPREPLY < <(compgen -W '", stdout);
	for_each_word(emit_bash);
	fputs("' -- \"$cur\")\n}\ncomplete -F _scx_arcade scx_arcade\n", stdout);
}

/* Inside '' of a shell; for zsh also without what its _arguments takes for its own. */
static void put_quoted(const char *text, bool is_zsh)
{
	for (; *text; text++) {
		if (*text == '\'')
			fputs(is_zsh ? "'\\''" : "\\'", stdout);
		else if (is_zsh && (*text == ':' || *text == '[' || *text == ']'))
			printf("\\%c", *text);
		else
			putchar(*text == '\n' ? ' ' : *text);
	}
}

static void emit_zsh(const struct option_def *def, const char *name)
{
	bool takes_value = def->type != OPTION_FLAG && def->type != OPTION_BOOL;

	printf("\t'--%s%s[%s", name, !takes_value ? "" : def->type == OPTION_FLAG_FILE ? "=-" : "=",
	       !streq(name, def->name) ? "not: " : "");
	put_quoted(def->help, true);
	putchar(']');
	if (def->type == OPTION_WORD) {
		printf(":%s:(", def->arg);
		for (size_t word = 0; def->words[word]; word++)
			printf("%s%s", word ? " " : "", def->words[word]);
		putchar(')');
	} else if (def->type == OPTION_FILE || def->type == OPTION_FLAG_FILE) {
		printf("%s:%s:_files", def->type == OPTION_FLAG_FILE ? ":" : "", def->arg);
	} else if (takes_value) {
		printf(":%s:", def->arg);
	}
	puts("' \\");
}

static void print_zsh(void)
{
	fputs("#compdef scx_arcade\n_arguments \\\n", stdout);
	for_each_word(emit_zsh);
	fputs("\t'-v[log debugging details]' '-V[print the version and exit]' '-h[print help and exit]'\n", stdout);
}

static void emit_fish(const struct option_def *def, const char *name)
{
	bool takes_value = def->type != OPTION_FLAG && def->type != OPTION_BOOL && def->type != OPTION_FLAG_FILE;

	printf("complete -c scx_arcade -l %s%s", name, def->type == OPTION_FILE || def->type == OPTION_FLAG_FILE ? " -F" : " -f");
	if (def->letter && streq(name, def->name))
		printf(" -s %c", def->letter);
	if (takes_value)
		fputs(" -r", stdout);
	if (def->type == OPTION_WORD) {
		fputs(" -a '", stdout);
		for (size_t word = 0; def->words[word]; word++)
			printf("%s%s", word ? " " : "", def->words[word]);
		putchar('\'');
	}
	fputs(" -d '", stdout);
	fputs(streq(name, def->name) ? "" : "not: ", stdout);
	put_quoted(def->help, false);
	puts("'");
}

static void print_fish(void)
{
	for_each_word(emit_fish);
}

static void print_help(void)
{
	options_print_help(stdout);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} forms[] = {
		{ "man", print_man },	{ "conf", print_conf }, { "modes", print_modes }, { "help", print_help },
		{ "bash", print_bash }, { "zsh", print_zsh },	{ "fish", print_fish },
	};

	for (size_t i = 0; argc == 2 && i < ARRAY_SIZE(forms); i++) {
		if (!streq(argv[1], forms[i].name))
			continue;
		forms[i].print();
		return fflush(stdout) || ferror(stdout) ? 1 : 0;
	}
	fprintf(stderr, "Usage: %s man|conf|modes|help|bash|zsh|fish\n", argv[0]);
	return 2;
}
