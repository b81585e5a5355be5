// SPDX-License-Identifier: GPL-2.0-only
#include "openmetrics.h"

#include <inttypes.h>

#include "ask.h"
#include "stats_fields.h"
#include "util.h"

#define PREFIX "scx_arcade_"

static json_object *member(json_object *object, const char *name)
{
	json_object *value = NULL;

	return object && json_object_object_get_ex(object, name, &value) ? value : NULL;
}

/* As label values and help texts want it. */
static void print_escaped(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			fprintf(out, "\\%c", *text);
		else if (*text == '\n')
			fputs("\\n", out);
		else
			fputc(*text, out);
	}
}

/* Seconds with all of their nanoseconds, without the rounding of a double. */
static void print_seconds(FILE *out, uint64_t ns)
{
	fprintf(out, "%" PRIu64 ".%09" PRIu64, (uint64_t)(ns / NSEC_PER_SEC), (uint64_t)(ns % NSEC_PER_SEC));
}

/* "record_delay_max_ns" is in seconds here: the name without its unit. */
static void base_name(const struct stats_field *field, char *buf, size_t size)
{
	size_t len = strlen(field->name), unit = strlen(field->unit);

	if (unit && len > unit + 1 && field->name[len - unit - 1] == '_' && streq(field->name + len - unit, field->unit))
		len -= unit + 1;
	snprintf(buf, size, PREFIX "%.*s%s", (int)len, field->name, unit ? "_seconds" : "");
}

static void print_head(FILE *out, const char *name, const char *type, const char *unit, const char *desc)
{
	fprintf(out, "# TYPE %s %s\n", name, type);
	if (*unit)
		fprintf(out, "# UNIT %s %s\n", name, unit);
	fprintf(out, "# HELP %s ", name);
	print_escaped(out, desc);
	fputc('\n', out);
}

static void print_number(FILE *out, const struct stats_field *field, json_object *value)
{
	uint64_t number = json_object_get_uint64(value);

	if (*field->unit)
		print_seconds(out, number);
	else
		fprintf(out, "%" PRIu64, number);
	fputc('\n', out);
}

static void print_plain(FILE *out, const struct stats_field *field, json_object *value)
{
	const char *suffix = field->type == STATS_COUNTER ? "_total" : "";
	char name[96], label[16];

	base_name(field, name, sizeof(name));
	print_head(out, name, *suffix ? "counter" : "gauge", *field->unit ? "seconds" : "", field->desc);
	if (!json_object_is_type(value, json_type_array)) {
		fprintf(out, "%s%s ", name, suffix);
		print_number(out, field, value);
		return;
	}
	for (size_t i = 0; i < json_object_array_length(value) && i < field->length; i++) {
		fprintf(out, "%s%s{%s=\"%s\"} ", name, suffix, stats_label_name(field->label),
			stats_label_value(field->label, (uint32_t)i, label));
		print_number(out, field, json_object_array_get_idx(value, i));
	}
}

/* @labels: "root=\"input\",hop=\"1\"," or "". */
static void print_histogram(FILE *out, const char *name, const char *labels, json_object *hist, uint64_t sum_ns)
{
	size_t nr = json_object_array_length(hist);
	uint64_t seen = 0;
	int len = (int)strlen(labels);

	for (size_t i = 0; i < nr; i++) {
		seen += json_object_get_uint64(json_object_array_get_idx(hist, i));
		fprintf(out, "%s_bucket{%sle=\"", name, labels);
		/* The last one has no upper end. */
		if (i + 1 < nr)
			print_seconds(out, (1ULL << i) * NSEC_PER_USEC);
		else
			fputs("+Inf", out);
		fprintf(out, "\"} %" PRIu64 "\n", seen);
	}
	/* Without the last comma. */
	if (len) {
		fprintf(out, "%s_count{%.*s} %" PRIu64 "\n%s_sum{%.*s} ", name, len - 1, labels, seen, name, len - 1, labels);
	} else {
		fprintf(out, "%s_count %" PRIu64 "\n%s_sum ", name, seen, name);
	}
	print_seconds(out, sum_ns);
	fputc('\n', out);
}

static void print_top_histogram(FILE *out, const struct stats_field *field, json_object *top, json_object *value)
{
	char name[96];

	snprintf(name, sizeof(name), PREFIX "%.*s_seconds", (int)(strlen(field->name) - strlen("_hist")), field->name);
	print_head(out, name, "histogram", "seconds", field->desc);
	print_histogram(out, name, "", value, json_object_get_uint64(member(top, field->sum)));
}

/* A sum that is part of a histogram is no metric of its own. */
static bool is_sum(const struct stats_field *field)
{
	for (size_t i = 0; i < stats_fields_nr(); i++)
		if (stats_field(i)->sum && streq(stats_field(i)->sum, field->name))
			return true;
	return false;
}

static void print_info(FILE *out, json_object *top)
{
	static const char *const names[] = { "version", "kernel", "mode", "state" };

	print_head(out, PREFIX "build", "info", "", "what runs, and how");
	fputs(PREFIX "build_info{", out);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		json_object *value = member(top, names[i]);

		fprintf(out, "%s%s=\"", i ? "," : "", names[i]);
		print_escaped(out, json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "");
		fputc('"', out);
	}
	fputs("} 1\n", out);
}

static void print_chains(FILE *out, json_object *chains, const char *list, const char *key, const char *name, const char *desc)
{
	json_object *roots = member(chains, "roots");
	char labels[128];

	if (!json_object_is_type(roots, json_type_array))
		return;
	print_head(out, name, "histogram", "seconds", desc);
	for (size_t i = 0; i < json_object_array_length(roots); i++) {
		json_object *root = json_object_array_get_idx(roots, i), *items = member(root, list);

		for (size_t k = 0; json_object_is_type(items, json_type_array) && k < json_object_array_length(items); k++) {
			json_object *item = json_object_array_get_idx(items, k), *hist = member(item, "hist");
			const char *root_name = json_object_get_string(member(root, "root"));
			const char *value = json_object_get_string(member(item, key));

			/* Names of ours: nothing in them has to be escaped, and what has is not ours. */
			if (!json_object_is_type(hist, json_type_array) || !root_name || !value ||
			    strpbrk(root_name, "\\\"\n") || strpbrk(value, "\\\"\n"))
				continue;
			snprintf(labels, sizeof(labels), "root=\"%.32s\",%s=\"%.32s\",", root_name, key, value);
			print_histogram(out, name, labels, hist, json_object_get_uint64(member(item, "sum_ns")));
		}
	}
}

void openmetrics_print(FILE *out, json_object *top, json_object *chains)
{
	print_info(out, top);
	for (size_t i = 0; i < stats_fields_nr(); i++) {
		const struct stats_field *field = stats_field(i);
		json_object *value = member(top, field->name);

		if (!value || is_sum(field) || streq(field->name, "time_ns"))
			continue;
		if (field->type == STATS_HISTOGRAM && json_object_is_type(value, json_type_array))
			print_top_histogram(out, field, top, value);
		else if (field->type == STATS_COUNTER || field->type == STATS_GAUGE || field->type == STATS_MAXIMUM)
			print_plain(out, field, value);
	}
	print_chains(out, chains, "hops", "hop", PREFIX "chain_run_seconds",
		     "time from an event until a thread that it led to ran, by kind of event and number of wakeups between");
	print_chains(out, chains, "ends", "end", PREFIX "chain_end_seconds",
		     "time from an event until work was given to a GPU (submit) or a picture to the display (flip)");
	fputs("# EOF\n", out);
}

enum status openmetrics_run(const char *path)
{
	json_object *top = NULL, *chains = NULL;
	struct client *client = NULL;
	enum status status;

	status = ask_connect(path ? path : CLIENT_STATS_PATH, &client);
	if (status == STATUS_OK)
		status = ask_target(client, "top", &top);
	if (status == STATUS_OK)
		status = ask_target(client, "chains", &chains);
	if (status == STATUS_OK) {
		openmetrics_print(stdout, top, chains);
		status = ask_flush();
	}
	json_object_put(top);
	json_object_put(chains);
	client_free(client);
	return status;
}
