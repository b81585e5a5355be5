/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * schema - what the answers on the statistics socket are made of, described
 *
 * The descriptions that "stats_meta" hands out, in the form of the field: a map
 * of structs, each with its fields, their kind and a few words; the top one has
 * "top":"true". Kinds are i64, u64, float, string and {"struct":NAME}; truth
 * values are u64. User attributes: "_target" of a struct is what to ask for to
 * get it, "_om_prefix" and "_om_skip" are for exporters.
 */
#ifndef ARCADE_SRC_SCHEMA_H
#define ARCADE_SRC_SCHEMA_H

#include <json-c/json.h>

/* What answers the request "stats_meta". Return: NULL without memory; the caller's. */
json_object *schema_meta(void);

#endif
