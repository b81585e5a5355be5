/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * stats_json - a snapshot as JSON: the answers "top", "chains", and the part of "input" that is counted
 *
 * All return what is the caller's, or NULL without memory. Objects of others
 * are built with the json_put_*() here: what fails is left out and makes the
 * whole NULL in json_finish(), so that nobody has to ask after every member.
 */
#ifndef ARCADE_SRC_STATS_JSON_H
#define ARCADE_SRC_STATS_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <json-c/json.h>

#include "stats.h"

json_object *stats_json_top(const struct stats_snapshot *snapshot);
json_object *stats_json_chains(const struct stats_snapshot *snapshot);
json_object *stats_json_rings(const struct stats_snapshot *snapshot);

/* An object or array that is being built. */
struct json_build {
	json_object *object;
	bool failed;
};

struct json_build json_build_object(void);
struct json_build json_build_array(void);

/* @value is taken. NULL is a failure. */
void json_put_value(struct json_build *build, const char *key, json_object *value);
void json_put_u64(struct json_build *build, const char *key, uint64_t value);
void json_put_i64(struct json_build *build, const char *key, int64_t value);
/* Escaped. */
void json_put_text(struct json_build *build, const char *key, const char *value);
/* The same to the end of an array. */
void json_append_value(struct json_build *build, json_object *value);

/* Return: the object, or NULL if anything has failed; the caller's. */
json_object *json_finish(struct json_build *build);

#endif
