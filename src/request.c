// SPDX-License-Identifier: GPL-2.0-only
#include "request.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* Return: 0 if a parser may look at the line. */
static int measure(const char *line, size_t len, const char **message)
{
	size_t nr_marks = 0, depth = 0;
	bool in_string = false;

	if (memchr(line, '\0', len)) {
		*message = "the request has a NUL in it";
		return -EINVAL;
	}
	for (size_t i = 0; i < len; i++) {
		if (in_string) {
			if (line[i] == '\\')
				i++;
			else if (line[i] == '"')
				in_string = false;
			continue;
		}
		switch (line[i]) {
		case '"':
			in_string = true;
			break;
		case '{':
		case '[':
			depth++;
			nr_marks++;
			break;
		case '}':
		case ']':
			if (depth)
				depth--;
			break;
		case ',':
		case ':':
			nr_marks++;
			break;
		}
		if (depth > REQUEST_DEPTH_MAX || nr_marks > REQUEST_MARKS_MAX) {
			*message = "the request has more members than any that is known";
			return -E2BIG;
		}
	}
	return 0;
}

/* The whole line, and nothing after it but white space. */
static int parse(const char *line, size_t len, json_object **ret, const char **message)
{
	json_tokener *tokener = json_tokener_new_ex(REQUEST_DEPTH_MAX + 1);
	json_object *root;
	size_t end;

	if (!tokener) {
		*message = "out of memory";
		return -ENOMEM;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS | JSON_TOKENER_VALIDATE_UTF8);
	root = json_tokener_parse_ex(tokener, line, (int)len);
	end = json_tokener_get_parse_end(tokener);
	*message = json_tokener_get_error(tokener) == json_tokener_continue ?
			   "the request ends too early" : "the request is not JSON";
	json_tokener_free(tokener);
	while (end < len && strchr(" \t\r", line[end]))
		end++;
	if (!root || end < len || !json_object_is_type(root, json_type_object)) {
		if (root)
			*message = "the request is not one JSON object";
		json_object_put(root);
		return -EINVAL;
	}
	*ret = root;
	return 0;
}

int request_parse(const char *line, size_t len, struct request *ret, const char **message)
{
	json_object *root = NULL, *name = NULL, *args = NULL;
	int err = len > REQUEST_MAX ? -E2BIG : 0;

	*message = "the request is too long";
	if (!err)
		err = measure(line, len, message);
	if (!err)
		err = parse(line, len, &root, message);
	if (err)
		return err;
	if (!json_object_object_get_ex(root, "req", &name) || !json_object_is_type(name, json_type_string)) {
		*message = "the request has no \"req\"";
		json_object_put(root);
		return -EINVAL;
	}
	if (json_object_object_get_ex(root, "args", &args) && args && !json_object_is_type(args, json_type_object)) {
		*message = "\"args\" of the request is no object";
		json_object_put(root);
		return -EINVAL;
	}
	*ret = (struct request){ .root = root, .name = json_object_get_string(name), .args = args };
	return 0;
}

void request_deinit(struct request *request)
{
	json_object_put(request->root);
	*request = (struct request){};
}

const char *request_string(const struct request *request, const char *key)
{
	json_object *value = NULL;

	if (!request->args || !json_object_object_get_ex(request->args, key, &value) ||
	    !json_object_is_type(value, json_type_string))
		return NULL;
	/* A NUL written as an escape would end it early. */
	if (strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value))
		return NULL;
	return json_object_get_string(value);
}

int request_integer(const struct request *request, const char *key, int64_t *ret)
{
	json_object *value = NULL;
	const char *text;
	uint64_t number;
	bool negative;

	if (!request->args || !json_object_object_get_ex(request->args, key, &value))
		return -ENOENT;
	if (json_object_is_type(value, json_type_int)) {
		*ret = json_object_get_int64(value);
		return 0;
	}
	text = request_string(request, key);
	if (!text)
		return -EINVAL;
	negative = *text == '-';
	if (parse_u64_range(text + negative, 0, INT64_MAX, &number))
		return -EINVAL;
	*ret = negative ? -(int64_t)number : (int64_t)number;
	return 0;
}
