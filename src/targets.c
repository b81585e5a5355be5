// SPDX-License-Identifier: GPL-2.0-only
#include "targets.h"

#include "answer.h"
#include "stats_fields.h"
#include "stats_json.h"
#include "threads.h"

static json_object *make_top(const struct view *view)
{
	return stats_json_top(view->snapshot);
}

static json_object *make_chains(const struct view *view)
{
	return stats_json_chains(view->snapshot);
}

/* ---- threads ---- */

static json_object *make_roles(uint32_t roles)
{
	struct json_build names = json_build_array();

	for (uint32_t i = 0; i < 32; i++)
		if (roles & 1u << i && *threads_role_name(i))
			json_append_value(&names, json_object_new_string(threads_role_name(i)));
	return json_finish(&names);
}

static json_object *make_thread(const struct thread *thread)
{
	struct json_build object = json_build_object();

	json_put_u64(&object, "pid", (uint64_t)thread->pid);
	json_put_u64(&object, "tgid", (uint64_t)thread->tgid);
	json_put_text(&object, "comm", thread->name);
	json_put_text(&object, "process", thread->process);
	json_put_text(&object, "class", thread->class == ARCADE_CLASS_NONE ? "" : threads_class_name(thread->class));
	json_put_value(&object, "roles", make_roles(thread->roles));
	json_put_u64(&object, "share_permille", thread->share_permille);
	json_put_u64(&object, "runs", thread->nr_runs);
	json_put_u64(&object, "run_ns", thread->run_ns);
	json_put_u64(&object, "wait_p50_us", thread->wait_p50_us);
	json_put_u64(&object, "wait_p99_us", thread->wait_p99_us);
	json_put_u64(&object, "hop", thread->hop);
	json_put_text(&object, "root", thread->hop ? threads_root_name(thread->root) : "");
	return json_finish(&object);
}

static json_object *make_threads(const struct view *view)
{
	struct json_build object = json_build_object(), list = json_build_array();
	const struct thread *threads = NULL;
	size_t nr = 0;

	/* What the kernel does not tell is not there. */
	if (view->scheduling && threads_read(scheduling_threads(view->scheduling), &threads, &nr))
		nr = 0;
	for (size_t i = 0; i < nr; i++)
		json_append_value(&list, make_thread(&threads[i]));
	json_put_value(&object, "threads", json_finish(&list));
	return json_finish(&object);
}

/* ---- input ---- */

/* The hook counts by the order of first packets; which device that is, it tells. */
static uint64_t packets_of(const struct stats_snapshot *snapshot, uint32_t number, const struct arcade_device *seen,
			   uint32_t nr_seen)
{
	for (uint32_t i = 0; i < nr_seen; i++)
		if (seen[i].number == number && seen[i].index < ARCADE_MAX_DEVICES)
			return snapshot->rings.nr_device_records[seen[i].index];
	return 0;
}

static json_object *make_devices(const struct view *view)
{
	const struct devices *devices = view->scheduling ? scheduling_devices(view->scheduling) : NULL;
	struct arcade_device seen[ARCADE_MAX_DEVICES];
	struct json_build list = json_build_array();
	struct devices_item *items;
	uint32_t nr, nr_seen;
	char node[32];

	if (!devices)
		return json_finish(&list);
	items = calloc(ARCADE_MAX_DEVICES, sizeof(*items));
	if (!items) {
		json_append_value(&list, NULL);
		return json_finish(&list);
	}
	nr = devices_list(devices, items);
	nr_seen = bpf_list_devices(scheduling_bpf(view->scheduling), seen);
	for (uint32_t i = 0; i < nr; i++) {
		struct json_build object = json_build_object();

		snprintf(node, sizeof(node), "event%u", items[i].event);
		json_put_text(&object, "node", node);
		json_put_text(&object, "name", items[i].name);
		json_put_text(&object, "kind", stats_lane_name(items[i].lane));
		json_put_u64(&object, "packets", packets_of(view->snapshot, items[i].number, seen, nr_seen));
		json_put_u64(&object, "open", items[i].is_known);
		json_append_value(&list, json_finish(&object));
	}
	free(items);
	return json_finish(&list);
}

struct lines {
	struct json_build list;
	const char *wanted;	/* only what is said of this, without its name; NULL: everything */
};

static void add_line(void *data, const char *line)
{
	struct lines *lines = data;
	size_t len = lines->wanted ? strlen(lines->wanted) : 0;

	if (!lines->wanted) {
		json_append_value(&lines->list, answer_text(line));
	} else if (!strncmp(line, lines->wanted, len) && line[len] == ' ') {
		line += len;
		json_append_value(&lines->list, answer_text(line + strspn(line, " ")));
	}
}

static json_object *make_report(const struct view *view, const char *wanted)
{
	struct lines lines = { .list = json_build_array(), .wanted = wanted };

	if (view->scheduling && view->opts)
		scheduling_report(view->scheduling, view->opts, add_line, &lines);
	return json_finish(&lines.list);
}

static json_object *make_input(const struct view *view)
{
	struct json_build object = json_build_object();
	json_object *said = make_report(view, "input"), *line;

	json_put_value(&object, "devices", make_devices(view));
	json_put_value(&object, "rings", stats_json_rings(view->snapshot));
	line = said && json_object_array_length(said) ? json_object_array_get_idx(said, 0) : NULL;
	json_put_text(&object, "hook", line ? json_object_get_string(line) : "");
	json_object_put(said);
	return json_finish(&object);
}

/* ---- events, options, status ---- */

static json_object *make_events(const struct view *view)
{
	struct json_build object = json_build_object(), list = json_build_array();
	struct event event = {};

	while (view->events && !events_next(view->events, event.seq, &event)) {
		struct json_build item = json_build_object();

		json_put_u64(&item, "seq", event.seq);
		json_put_u64(&item, "time_ms", event.time_ms);
		json_put_text(&item, "level", events_level_name(event.level));
		json_put_text(&item, "text", event.text);
		json_append_value(&list, json_finish(&item));
	}
	json_put_value(&object, "events", json_finish(&list));
	return json_finish(&object);
}

static json_object *make_options(const struct view *view)
{
	struct json_build object;

	if (view->describe_options)
		return view->describe_options(view->data);
	object = json_build_object();
	json_put_text(&object, "mode", view->snapshot->mode);
	json_put_value(&object, "modes", json_object_new_array());
	json_put_value(&object, "options", json_object_new_array());
	return json_finish(&object);
}

static json_object *make_game(const struct view *view)
{
	struct json_build object = json_build_object();

	json_put_u64(&object, "pid", view->snapshot->player.game_pid);
	json_put_text(&object, "name", view->snapshot->game_name);
	json_put_u64(&object, "in_front", view->snapshot->player.game_in_front);
	json_put_i64(&object, "override", view->player ? games_overridden(player_games(view->player)) : GAMES_OVERRIDE_AUTO);
	return json_finish(&object);
}

static json_object *make_status(const struct view *view)
{
	struct json_build object = json_build_object();

	json_put_text(&object, "version", view->snapshot->version);
	json_put_text(&object, "kernel", view->snapshot->kernel_release);
	json_put_text(&object, "state", view->snapshot->state);
	json_put_text(&object, "mode", view->snapshot->mode);
	json_put_value(&object, "game", make_game(view));
	json_put_value(&object, "report", make_report(view, NULL));
	return json_finish(&object);
}

/* ---- the table ---- */

static const struct target {
	const char *name;
	json_object *(*make)(const struct view *view);
} targets[] = {
	{ "top", make_top },
	{ "chains", make_chains },
	{ "threads", make_threads },
	{ "input", make_input },
	{ "events", make_events },
	{ "options", make_options },
	{ "status", make_status },
};

size_t targets_nr(void)
{
	return ARRAY_SIZE(targets);
}

const char *target_name(size_t i)
{
	return targets[i].name;
}

size_t target_index(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(targets) && !streq(targets[i].name, name); i++)
		;
	return i;
}

json_object *target_make(const char *name, const struct view *view, bool *found)
{
	size_t i = target_index(name);

	*found = i < ARRAY_SIZE(targets);
	return *found ? targets[i].make(view) : NULL;
}
