// SPDX-License-Identifier: GPL-2.0-only
#include "ctl.h"

#include <inttypes.h>

#include "ask.h"
#include "log.h"
#include "util.h"

#define PROGRAM "scx_arcade ctl"
#define PID_LAST 4194304
#define WORD_MAX 256

struct command {
	const char *name;
	const char *args;	/* as the help shows them, one word each; "" for none */
	const char *help;
	/* Return: the request, or NULL with a line on why. */
	json_object *(*make)(const struct command *command, char **words);
	void (*print)(json_object *resp);
};

/* ---- answers ---- */

/* What comes from the socket is safe for a terminal, whoever serves it. */
static void print_text(const char *text)
{
	char safe[4096];

	escape_text(safe, sizeof(safe), text ? text : "");
	fputs(safe, stdout);
}

static json_object *member(json_object *object, const char *name)
{
	json_object *value = NULL;

	return object && json_object_object_get_ex(object, name, &value) ? value : NULL;
}

static const char *text_of(json_object *object, const char *name)
{
	json_object *value = member(object, name);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static void print_row(const char *name, const char *text)
{
	printf("%-16s ", name);
	print_text(text);
	putchar('\n');
}

static void print_message(json_object *resp)
{
	print_text(text_of(resp, "message"));
	putchar('\n');
}

static void print_game(json_object *game)
{
	int64_t override = json_object_get_int64(member(game, "override"));
	int64_t pid = json_object_get_int64(member(game, "pid"));
	char text[WORD_MAX * 2];

	if (pid)
		snprintf(text, sizeof(text), "%.*s (process %" PRId64 "), %s%s", WORD_MAX, text_of(game, "name"), pid,
			 json_object_get_int64(member(game, "in_front")) ? "in front" : "not in front",
			 override > 0 ? ", by ctl" : "");
	else
		snprintf(text, sizeof(text), "none%s", override == 0 ? ", by ctl" : "");
	print_row("game", text);
}

static void print_status(json_object *resp)
{
	json_object *report = member(resp, "report");

	print_row("version", text_of(resp, "version"));
	print_row("state", text_of(resp, "state"));
	print_row("mode", text_of(resp, "mode"));
	print_game(member(resp, "game"));
	for (size_t i = 0; json_object_is_type(report, json_type_array) && i < json_object_array_length(report); i++) {
		print_text(json_object_get_string(json_object_array_get_idx(report, i)));
		putchar('\n');
	}
}

static void print_verdict(json_object *resp)
{
	char text[WORD_MAX];

	snprintf(text, sizeof(text), "%s%s%s%s%s%s", text_of(resp, "verdict"), *text_of(resp, "reason") ? ": " : "",
		 text_of(resp, "reason"), *text_of(resp, "list") ? ": [" : "", text_of(resp, "list"),
		 *text_of(resp, "list") ? "]" : "");
	print_row("verdict", text);
}

static void print_explanation(json_object *resp)
{
	json_object *signs = member(resp, "signs");
	char text[WORD_MAX];

	snprintf(text, sizeof(text), "%" PRId64 ", comm %s%s", json_object_get_int64(member(resp, "pid")),
		 text_of(resp, "comm"), json_object_get_int64(member(resp, "is_the_game")) ? ": it is the game now" : "");
	print_row("process", text);
	print_row("program", text_of(resp, "program"));
	snprintf(text, sizeof(text), "%" PRIu64 ", %" PRIu64 " MiB", json_object_get_uint64(member(resp, "threads")),
		 (uint64_t)(json_object_get_uint64(member(resp, "memory_bytes")) >> 20));
	print_row("threads, memory", text);
	print_verdict(resp);
	snprintf(text, sizeof(text), "%" PRId64 " of %" PRId64 ", from %" PRIu64 " kinds of signs of %" PRIu64,
		 json_object_get_int64(member(resp, "score")), json_object_get_int64(member(resp, "threshold")),
		 json_object_get_uint64(member(resp, "families")), json_object_get_uint64(member(resp, "families_min")));
	print_row("score", text);
	for (size_t i = 0; json_object_is_type(signs, json_type_array) && i < json_object_array_length(signs); i++) {
		json_object *sign = json_object_array_get_idx(signs, i);

		printf("%-16s %+4d  ", "", json_object_get_int(member(sign, "weight")));
		print_text(text_of(sign, "name"));
		putchar('\n');
	}
}

static void print_dump(json_object *resp)
{
	printf("%s\n", json_object_to_json_string_ext(resp, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void print_json(json_object *resp)
{
	printf("%s\n", json_object_to_json_string_ext(resp, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

/* ---- requests ---- */

static json_object *make_plain(const struct command *command, char **words)
{
	return client_make_request(command->name, NULL, NULL);
}

static json_object *make_mode(const struct command *command, char **words)
{
	return client_make_request(command->name, "name", words[0]);
}

static json_object *make_set(const struct command *command, char **words)
{
	json_object *req = client_make_request(command->name, "key", words[0]), *value = json_object_new_string(words[1]);

	if (req && value && !json_object_object_add(member(req, "args"), "value", value))
		return req;
	json_object_put(value);
	json_object_put(req);
	return NULL;
}

static json_object *make_pid(const struct command *command, char **words)
{
	uint64_t pid;
	char safe[64];

	if (!parse_u64_range(words[0], 1, PID_LAST, &pid))
		return client_make_request(command->name, "pid", words[0]);
	escape_text(safe, sizeof(safe), words[0]);
	log_error(PROGRAM " %s: '%s' is no process id, expected 1 to %d%s", command->name, safe, PID_LAST,
		  streq(command->name, "game") ? ", none or auto" : "");
	return NULL;
}

static json_object *make_game(const struct command *command, char **words)
{
	if (streq(words[0], "none"))
		return client_make_request(command->name, "pid", "0");
	if (streq(words[0], "auto"))
		return client_make_request(command->name, "pid", "-1");
	return make_pid(command, words);
}

static const struct command commands[] = {
	{ "status", "", "what runs, and what this kernel can do", make_plain, print_status },
	{ "mode", "NAME", "auto, gaming, lowlatency, powersave or server, until it is changed again", make_mode, print_message },
	{ "set", "KEY VALUE", "change an option until the daemon stops; VALUE default takes it back", make_set, print_message },
	{ "game", "PID|none|auto", "this process is the game, no process is, or games are looked for", make_game, print_message },
	{ "explain", "PID", "is this process a game, and why; with what the daemon knows of it", make_pid, print_explanation },
	{ "dump", "", "everything for a report of a fault, as JSON", make_plain, print_dump },
	{ "stop", "", "stop the daemon", make_plain, print_message },
};

void ctl_print_help(FILE *out)
{
	fprintf(out, "Usage: " PROGRAM " COMMAND [--json]\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		char usage[64];

		snprintf(usage, sizeof(usage), "%s %s", commands[i].name, commands[i].args);
		fprintf(out, "  %-22s %s\n", usage, commands[i].help);
	}
	fprintf(out, "\nstatus and explain are for root, members of the group scx_arcade and the user of the active graphical\n"
		     "session; the rest is for root. --json prints the answer as one line of JSON.\n"
		     "Exit status: 0 done, 1 the daemon refused or failed, 2 usage, 3 not permitted, 8 no daemon runs.\n");
}

/* ---- the command line ---- */

static size_t nr_words(const char *args)
{
	size_t nr = *args != '\0';

	for (; *args; args++)
		nr += *args == ' ';
	return nr;
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (streq(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static enum status complain(const char *what, const char *word)
{
	char safe[64];

	escape_text(safe, sizeof(safe), word);
	log_error(PROGRAM ": %s '%s'; try " PROGRAM " --help", what, safe);
	return STATUS_USAGE;
}

static enum status ask(const struct command *command, json_object *req, bool json, const char *path)
{
	struct client *client = NULL;
	json_object *resp = NULL;
	enum status status = ask_connect(path ? path : CLIENT_CONTROL_PATH, &client);

	if (status != STATUS_OK) {
		json_object_put(req);
		return status;
	}
	status = ask_request(client, req, &resp);
	if (status == STATUS_OK) {
		if (json)
			print_json(resp);
		else
			command->print(resp);
		status = ask_flush();
	}
	json_object_put(resp);
	client_free(client);
	return status;
}

enum status ctl_run(int argc, char **argv, const char *path)
{
	const struct command *command;
	char *words[4] = { NULL };
	bool json = false;
	size_t nr = 0, wanted;
	json_object *req;

	for (int i = 0; i < argc; i++) {
		if (streq(argv[i], "--json"))
			json = true;
		else if (streq(argv[i], "--help") || streq(argv[i], "-h")) {
			ctl_print_help(stdout);
			return ask_flush();
		} else if (argv[i][0] == '-' && nr != 2) {
			/* A value may begin with a dash, nothing else does. */
			return complain("unknown option", argv[i]);
		} else if (nr == ARRAY_SIZE(words)) {
			return complain("unexpected argument", argv[i]);
		} else {
			words[nr++] = argv[i];
		}
	}
	if (!nr) {
		log_error(PROGRAM ": a command is missing: status, mode, set, game, explain, dump, stop; try " PROGRAM " --help");
		return STATUS_USAGE;
	}
	command = find_command(words[0]);
	if (!command)
		return complain("unknown command", words[0]);
	wanted = nr_words(command->args);
	if (nr - 1 < wanted) {
		log_error(PROGRAM " %s: expected %s; try " PROGRAM " --help", command->name, command->args);
		return STATUS_USAGE;
	}
	if (nr - 1 > wanted)
		return complain("unexpected argument", words[wanted + 1]);
	for (size_t i = 1; i < nr; i++)
		if (strlen(words[i]) > WORD_MAX)
			return complain("too long is", words[i]);
	req = command->make(command, words + 1);
	return req ? ask(command, req, json, path) : STATUS_USAGE;
}
