// SPDX-License-Identifier: GPL-2.0-only
#include "stats_json.h"

#include "answer.h"
#include "stats_fields.h"
#include "util.h"

/* ---- building ---- */

struct json_build json_build_object(void)
{
	json_object *object = json_object_new_object();

	return (struct json_build){ .object = object, .failed = !object };
}

struct json_build json_build_array(void)
{
	json_object *object = json_object_new_array();

	return (struct json_build){ .object = object, .failed = !object };
}

void json_put_value(struct json_build *build, const char *key, json_object *value)
{
	if (!build->failed && value && !json_object_object_add(build->object, key, value))
		return;
	json_object_put(value);
	build->failed = true;
}

void json_put_u64(struct json_build *build, const char *key, uint64_t value)
{
	json_put_value(build, key, json_object_new_uint64(value));
}

void json_put_i64(struct json_build *build, const char *key, int64_t value)
{
	json_put_value(build, key, json_object_new_int64(value));
}

void json_put_text(struct json_build *build, const char *key, const char *value)
{
	json_put_value(build, key, answer_text(value));
}

void json_append_value(struct json_build *build, json_object *value)
{
	if (!build->failed && value && !json_object_array_add(build->object, value))
		return;
	json_object_put(value);
	build->failed = true;
}

json_object *json_finish(struct json_build *build)
{
	if (!build->failed)
		return steal_ptr(&build->object);
	json_object_put(build->object);
	build->object = NULL;
	return NULL;
}

static json_object *make_array(const uint64_t *values, uint32_t nr)
{
	struct json_build array = json_build_array();

	for (uint32_t i = 0; i < nr; i++)
		json_append_value(&array, json_object_new_uint64(values[i]));
	return json_finish(&array);
}

/* ---- the answers ---- */

json_object *stats_json_top(const struct stats_snapshot *snapshot)
{
	struct json_build top = json_build_object();

	for (size_t i = 0; i < stats_fields_nr(); i++) {
		const struct stats_field *field = stats_field(i);

		if (field->type == STATS_TEXT)
			json_put_text(&top, field->name, stats_field_text(field, snapshot));
		else if (field->length > 1)
			json_put_value(&top, field->name, make_array(stats_field_values(field, snapshot), field->length));
		else
			json_put_u64(&top, field->name, stats_field_value(field, snapshot));
	}
	return json_finish(&top);
}

static void put_hist(struct json_build *build, const uint64_t *hist, uint64_t sum_ns)
{
	uint64_t count = 0;

	for (size_t i = 0; i < ARCADE_HIST_BUCKETS; i++)
		count += hist[i];
	json_put_u64(build, "count", count);
	json_put_u64(build, "sum_ns", sum_ns);
	json_put_u64(build, "p50_us", stats_hist_quantile_us(hist, 500));
	json_put_u64(build, "p99_us", stats_hist_quantile_us(hist, 990));
	json_put_value(build, "hist", make_array(hist, ARCADE_HIST_BUCKETS));
}

static json_object *make_hops(const struct stats_snapshot *snapshot, enum arcade_root root)
{
	struct json_build hops = json_build_array();

	for (uint32_t i = 0; i < ARCADE_MAX_HOPS; i++) {
		struct json_build hop = json_build_object();

		json_put_u64(&hop, "hop", i + 1);
		put_hist(&hop, snapshot->kernel.chain_hist[root][i], snapshot->kernel.chain_run_ns[root][i]);
		json_append_value(&hops, json_finish(&hop));
	}
	return json_finish(&hops);
}

static json_object *make_ends(const struct stats_snapshot *snapshot, enum arcade_root root)
{
	static const char *const names[NR_ARCADE_FRAME_ENDS] = {
		[ARCADE_FRAME_SUBMIT] = "submit",
		[ARCADE_FRAME_FLIP] = "flip",
	};
	struct json_build ends = json_build_array();

	for (uint32_t i = 0; i < NR_ARCADE_FRAME_ENDS; i++) {
		struct json_build end = json_build_object();

		json_put_text(&end, "end", names[i]);
		put_hist(&end, snapshot->kernel.frame_hist[i][root], snapshot->kernel.frame_ns[i][root]);
		json_append_value(&ends, json_finish(&end));
	}
	return json_finish(&ends);
}

json_object *stats_json_chains(const struct stats_snapshot *snapshot)
{
	static const char *const names[NR_ARCADE_ROOTS] = {
		[ARCADE_ROOT_INPUT] = "input",
		[ARCADE_ROOT_VBLANK] = "vblank",
		[ARCADE_ROOT_AUDIO] = "audio",
	};
	struct json_build chains = json_build_object(), roots = json_build_array();

	for (uint32_t i = ARCADE_ROOT_INPUT; i < NR_ARCADE_ROOTS; i++) {
		struct json_build root = json_build_object();

		json_put_text(&root, "root", names[i]);
		json_put_value(&root, "hops", make_hops(snapshot, (enum arcade_root)i));
		json_put_value(&root, "ends", make_ends(snapshot, (enum arcade_root)i));
		json_append_value(&roots, json_finish(&root));
	}
	json_put_value(&chains, "roots", json_finish(&roots));
	return json_finish(&chains);
}

json_object *stats_json_rings(const struct stats_snapshot *snapshot)
{
	struct json_build rings = json_build_array();

	for (uint32_t i = 0; i < ARCADE_NR_RINGS; i++) {
		struct json_build ring = json_build_object();

		json_put_u64(&ring, "ring", i);
		json_put_u64(&ring, "records", snapshot->kernel.nr_ring_records[i]);
		json_put_u64(&ring, "drops", snapshot->kernel.nr_ring_drops[i]);
		json_append_value(&rings, json_finish(&ring));
	}
	return json_finish(&rings);
}
