/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * request - one line of a client, taken apart
 *
 * {"req":"stats","args":{"target":"top"}}; "args" may be missing, members that
 * are not known are left alone. A line is measured before a parser sees it: no
 * request nests deeply or has many members, so one that does costs nothing.
 */
#ifndef ARCADE_SRC_REQUEST_H
#define ARCADE_SRC_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

/* Bytes of a line, without its newline. */
#define REQUEST_MAX (64 * 1024)

/* Commas, colons and brackets outside of strings. */
#define REQUEST_MARKS_MAX 128
#define REQUEST_DEPTH_MAX 8

struct request {
	json_object *root;
	const char *name;	/* "req" */
	json_object *args;	/* NULL: none */
};

/*
 * @line need not be terminated. Return: 0; -EINVAL, -E2BIG, -ENOMEM with @message pointing to a static word on why, @ret
 * untouched.
 */
int request_parse(const char *line, size_t len, struct request *ret, const char **message);

void request_deinit(struct request *request);

/* An argument. Return: NULL if there is none, or it is no string. */
const char *request_string(const struct request *request, const char *key);

/* A whole number, or a string of one: some clients have only strings. Return: 0, -ENOENT, -EINVAL. */
int request_integer(const struct request *request, const char *key, int64_t *ret);

#endif
