/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * options_json - the configuration as the target "options" tells it
 */
#ifndef ARCADE_SRC_OPTIONS_JSON_H
#define ARCADE_SRC_OPTIONS_JSON_H

#include <json-c/json.h>

#include "settings.h"

/* Return: the caller's, NULL without memory. */
json_object *options_json(const struct settings *settings);

#endif
