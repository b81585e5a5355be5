// SPDX-License-Identifier: GPL-2.0-only
#include "answer.h"

#include <stdarg.h>

#define ERROR_MAX 512
#define TEXT_MAX  4096

static struct answer *make(const char *text, size_t len)
{
	struct answer *answer = malloc(sizeof(*answer) + len + 1);

	if (!answer)
		return NULL;
	answer->nr_refs = 1;
	answer->is_error = false;
	answer->len = len + 1;
	memcpy(answer->text, text, len);
	answer->text[len] = '\n';
	return answer;
}

static json_object *wrap(int err, json_object *resp)
{
	json_object *line = json_object_new_object(), *args = json_object_new_object();

	if (!line || !args || json_object_object_add(args, "resp", resp)) {
		json_object_put(resp);
		goto failed;
	}
	if (json_object_object_add(line, "errno", json_object_new_int(err < 0 ? -err : err)) ||
	    json_object_object_add(line, "args", args))
		goto failed;
	return line;
failed:
	json_object_put(args);
	json_object_put(line);
	return NULL;
}

struct answer *answer_new(int err, json_object *resp)
{
	json_object *line = wrap(err, resp);
	struct answer *answer = NULL;
	const char *text = NULL;
	size_t len = 0;

	if (line)
		text = json_object_to_json_string_length(line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	if (text && len < ANSWER_MAX)
		answer = make(text, len);
	else if (text)
		answer = answer_error(EMSGSIZE, "the answer is longer than %d bytes", ANSWER_MAX);
	if (answer && err)
		answer->is_error = true;
	json_object_put(line);
	return answer;
}

struct answer *answer_error(int err, const char *fmt, ...)
{
	char text[ERROR_MAX];
	json_object *string;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	string = answer_text(text);
	return string ? answer_new(err, string) : NULL;
}

struct answer *answer_ref(struct answer *answer)
{
	answer->nr_refs++;
	return answer;
}

void answer_unref(struct answer *answer)
{
	if (answer && --answer->nr_refs == 0)
		free(answer);
}

json_object *answer_text(const char *text)
{
	char safe[TEXT_MAX];

	return json_object_new_string_len(safe, (int)escape_text(safe, sizeof(safe), text));
}
