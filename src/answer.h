/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * answer - a line that is sent to clients
 *
 * Made once and shared: sixty clients that are slow to read the same statistics
 * hold one text. For the thread of the loop.
 */
#ifndef ARCADE_SRC_ANSWER_H
#define ARCADE_SRC_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include <json-c/json.h>

#include "util.h"

/* Bytes of a line, with its newline. */
#define ANSWER_MAX (1024 * 1024)

struct answer {
	size_t nr_refs;
	size_t len;		/* with the newline at the end */
	bool is_error;
	char text[];		/* not terminated */
};

/*
 * {"errno":@err,"args":{"resp":@resp}}. Takes @resp, also on failure; NULL is null. @err: of either sign. What is longer
 * than ANSWER_MAX becomes an error that says so. Return: NULL without memory.
 */
struct answer *answer_new(int err, json_object *resp);

/* With words, at most 511 bytes of them. @err must not be 0. */
struct answer *answer_error(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct answer *answer_ref(struct answer *answer);

/* Accepts NULL. */
void answer_unref(struct answer *answer);
DEFINE_CLEANUP(struct answer *, answer_unref)

/* A string of json-c from any bytes: escaped, so that it is UTF-8 and harmless on a terminal. NULL without memory. */
json_object *answer_text(const char *text);

#endif
