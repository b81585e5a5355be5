// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz_config - any bytes as a configuration file
 *
 * What must hold: no result without a reason, no reason with a result, and
 * whatever is accepted is in the limits of the option table.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void tell(void *data, const char *message)
{
	unsigned int *nr = data;

	(*nr)++;
	must(*nr <= CONFIG_ERRORS_MAX + 1);
	must(strlen(message) < CONFIG_MESSAGE_MAX);
	for (const char *c = message; *c; c++)
		must((unsigned char)*c >= ' ' && *c != 0x7f);
}

static void check_values(const struct config *config, const struct config_value *values)
{
	char text[OPTION_VALUE_MAX], where[512];
	uint64_t value;

	for (size_t i = 0; i < option_table_nr; i++) {
		if (!values[i].is_set)
			continue;
		must(option_table[i].section != OPTION_NO_SECTION);
		option_format(&option_table[i], values[i].value, text, sizeof(text));
		must(!option_parse(&option_table[i], text, &value) && value == values[i].value);
		must(*config_where(config, &values[i], where, sizeof(where)));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config *config = NULL;
	unsigned int nr_mistakes = 0;
	int err = config_new_text("f", (const char *)data, size, tell, &nr_mistakes, &config);

	must(!err == !nr_mistakes && !err == !!config);
	if (!config)
		return 0;
	check_values(config, config->values);
	for (const struct config_game *game = config->games; game; game = game->next) {
		const struct config_match match = {
			.app_id = game->app_id,
			.names = { game->executable },
			.window_class = game->window_class,
		};

		check_values(config, game->values);
		/* It fits itself, so there is one. */
		must(config_find_game(config, &match) != NULL);
	}
	config_free(config);
	return 0;
}
