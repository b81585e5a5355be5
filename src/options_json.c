// SPDX-License-Identifier: GPL-2.0-only
#include "options_json.h"

#include "stats_json.h"

static json_object *make_row(const struct settings_row *row)
{
	struct json_build object = json_build_object();

	json_put_text(&object, "name", row->name);
	json_put_text(&object, "section", row->section);
	json_put_text(&object, "type", row->type);
	json_put_text(&object, "unit", row->unit);
	json_put_text(&object, "words", row->words);
	json_put_text(&object, "value", row->value);
	json_put_text(&object, "default", row->def);
	json_put_text(&object, "min", row->min);
	json_put_text(&object, "max", row->max);
	json_put_u64(&object, "live", row->live);
	json_put_u64(&object, "restarts", row->restarts);
	json_put_u64(&object, "per_game", row->per_game);
	json_put_text(&object, "source", row->source_text);
	json_put_text(&object, "help", row->help);
	return json_finish(&object);
}

json_object *options_json(const struct settings *settings)
{
	struct json_build object = json_build_object(), modes = json_build_array(), rows = json_build_array();
	struct settings_row row;

	for (size_t i = 0; settings_mode_name(i); i++)
		json_append_value(&modes, json_object_new_string(settings_mode_name(i)));
	for (size_t i = 0; i < settings_nr(settings); i++) {
		settings_row(settings, i, &row);
		json_append_value(&rows, make_row(&row));
	}
	json_put_text(&object, "mode", settings_mode(settings));
	json_put_value(&object, "modes", json_finish(&modes));
	json_put_value(&object, "options", json_finish(&rows));
	return json_finish(&object);
}
