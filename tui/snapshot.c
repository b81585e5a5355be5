// SPDX-License-Identifier: GPL-2.0-only
#include "snapshot.h"

#include "text.h"
#include "util.h"

static const char *const counter_names[NR_COUNTERS] = {
	[COUNTER_PACKETS] = "packets",
	[COUNTER_PACKETS_MISSED] = "packets_missed",
	[COUNTER_DEVICES_UNTRACKED] = "devices_untracked",
	[COUNTER_REST_PACKETS] = "rest_packets",
	[COUNTER_WINDOW_MARKS] = "window_marks",
	[COUNTER_RECORDS_READ] = "records_read",
	[COUNTER_RECORDS_BAD] = "records_bad",
	[COUNTER_CHAIN_BUDGET_OVER] = "chain_budget_over",
	[COUNTER_CHAIN_EXPIRED] = "chain_expired",
	[COUNTER_VBLANKS] = "vblanks",
	[COUNTER_AUDIO_PERIODS] = "audio_periods",
	[COUNTER_GPU_SUBMITS] = "gpu_submits",
	[COUNTER_FLIPS] = "flips",
	[COUNTER_LOCK_HANDOVERS] = "lock_handovers",
	[COUNTER_IDLE_DIRECT] = "idle_direct",
	[COUNTER_QUEUED_LLC] = "queued_llc",
	[COUNTER_QUEUED_CPU] = "queued_cpu",
	[COUNTER_PREEMPTS_CHAIN] = "preempts_chain",
	[COUNTER_PREEMPTS_FRAME] = "preempts_frame",
	[COUNTER_PREEMPTS_GAME] = "preempts_game",
	[COUNTER_PREEMPTS_NORMAL] = "preempts_normal",
	[COUNTER_KTHREAD_PREEMPTS] = "kthread_preempts",
	[COUNTER_PREEMPT_NO_VICTIM] = "preempt_no_victim",
	[COUNTER_PREEMPT_NO_TOKEN] = "preempt_no_token",
	[COUNTER_SLICES_RENEWED] = "slices_renewed",
	[COUNTER_AGED] = "aged",
	[COUNTER_STEALS] = "steals",
	[COUNTER_KICKS] = "kicks",
	[COUNTER_CONTROL_LOST] = "control_lost",
	[COUNTER_TASKS_UNKNOWN] = "tasks_unknown",
	[COUNTER_LOG_LINES_LOST] = "log_lines_lost",
	[COUNTER_RESTARTS] = "restarts",
};

static const char *const root_names[NR_ROOTS] = {
	[ROOT_INPUT] = "input",
	[ROOT_VBLANK] = "vblank",
	[ROOT_AUDIO] = "audio",
};

static const char *const end_names[NR_ENDS] = {
	[END_SUBMIT] = "submit",
	[END_FLIP] = "flip",
};

static const char *const target_names[NR_TARGETS] = {
	[TARGET_TOP] = "top",	    [TARGET_CHAINS] = "chains", [TARGET_THREADS] = "threads",
	[TARGET_INPUT] = "input",   [TARGET_EVENTS] = "events", [TARGET_OPTIONS] = "options",
	[TARGET_STATUS] = "status",
};

const char *snapshot_target_name(enum target target)
{
	return target_names[target];
}

static json_object *get(json_object *object, const char *name)
{
	json_object *member;

	if (!json_object_is_type(object, json_type_object) || !json_object_object_get_ex(object, name, &member))
		return NULL;
	return member;
}

/* A number that is not one counts as 0: a viewer shows what it can. */
static uint64_t number(json_object *value)
{
	double real;

	if (json_object_is_type(value, json_type_int))
		return json_object_get_uint64(value);
	if (!json_object_is_type(value, json_type_double))
		return 0;
	real = json_object_get_double(value);
	return real > 0 && real < 1.8e19 ? (uint64_t)real : 0;
}

static uint64_t get_number(json_object *object, const char *name)
{
	return number(get(object, name));
}

static bool get_bool(json_object *object, const char *name)
{
	json_object *member = get(object, name);

	return json_object_is_type(member, json_type_boolean) ? json_object_get_boolean(member) : number(member) != 0;
}

/* Values of options may come as numbers or truth values. */
static void copy_string(json_object *value, char *buf, size_t size)
{
	switch (json_object_get_type(value)) {
	case json_type_string:
	case json_type_int:
	case json_type_double:
	case json_type_boolean:
		text_copy(buf, size, json_object_get_string(value));
		break;
	default:
		buf[0] = '\0';
	}
}

#define GET_STRING(object, name, buf) copy_string(get(object, name), buf, sizeof(buf))

static json_object *get_array(json_object *object, const char *name, size_t max, size_t *nr)
{
	json_object *member = get(object, name);

	*nr = 0;
	if (!json_object_is_type(member, json_type_array))
		return NULL;
	*nr = json_object_array_length(member);
	if (*nr > max)
		*nr = max;
	return member;
}

static int index_of(json_object *value, const char *const *names, int nr)
{
	if (json_object_is_type(value, json_type_string))
		for (int i = 0; i < nr; i++)
			if (streq(json_object_get_string(value), names[i]))
				return i;
	return -1;
}

static int decode_top(struct top_facts *top, json_object *answer)
{
	json_object *lanes;
	size_t nr;

	/* Any sched_ext scheduler may serve this socket. */
	if (!get(answer, "packets") || !get(answer, "idle_direct"))
		return -EPROTO;
	memset(top, 0, sizeof(*top));
	GET_STRING(answer, "version", top->version);
	GET_STRING(answer, "kernel", top->kernel);
	GET_STRING(answer, "mode", top->mode);
	GET_STRING(answer, "state", top->state);
	GET_STRING(answer, "game_name", top->game_name);
	top->game_pid = get_number(answer, "game_pid");
	top->game_in_front = get_bool(answer, "game_in_front");
	top->nr_cpus = get_number(answer, "nr_cpus");
	top->uptime_ns = get_number(answer, "uptime_ns");
	top->time_ns = get_number(answer, "time_ns");
	top->wait_max_ns = get_number(answer, "wait_max_ns");
	top->record_delay_max_ns = get_number(answer, "record_delay_max_ns");
	for (int i = 0; i < NR_COUNTERS; i++)
		top->counters[i] = get_number(answer, counter_names[i]);
	lanes = get_array(answer, "lane_packets", NR_ARCADE_LANES, &nr);
	for (size_t i = 0; i < nr; i++)
		top->lane_packets[i] = number(json_object_array_get_idx(lanes, i));
	return 0;
}

static void decode_hist(json_object *object, struct hist *hist, uint64_t *count)
{
	json_object *buckets;
	size_t nr;

	buckets = get_array(object, "hist", ARCADE_HIST_BUCKETS, &nr);
	for (size_t i = 0; i < nr; i++)
		hist->buckets[i] = number(json_object_array_get_idx(buckets, i));
	*count = get_number(object, "count");
}

static void decode_chains(struct snapshot *snapshot, json_object *answer)
{
	json_object *roots, *list;
	size_t nr_roots, nr;

	memset(snapshot->chains, 0, sizeof(snapshot->chains));
	roots = get_array(answer, "roots", 16, &nr_roots);
	for (size_t i = 0; i < nr_roots; i++) {
		json_object *object = json_object_array_get_idx(roots, i);
		int root = index_of(get(object, "root"), root_names, NR_ROOTS);
		struct chain_facts *chain;

		if (root < 0)
			continue;
		chain = &snapshot->chains[root];
		list = get_array(object, "hops", 64, &nr);
		for (size_t k = 0; k < nr; k++) {
			json_object *hop = json_object_array_get_idx(list, k);
			uint64_t number_of_hop = get_number(hop, "hop");

			if (number_of_hop < 1 || number_of_hop > SNAPSHOT_MAX_HOPS)
				continue;
			decode_hist(hop, &chain->hops[number_of_hop - 1], &chain->hop_counts[number_of_hop - 1]);
		}
		list = get_array(object, "ends", 16, &nr);
		for (size_t k = 0; k < nr; k++) {
			json_object *member = json_object_array_get_idx(list, k);
			int end = index_of(get(member, "end"), end_names, NR_ENDS);

			if (end >= 0)
				decode_hist(member, &chain->ends[end], &chain->end_counts[end]);
		}
	}
}

static void decode_thread(struct thread_facts *thread, json_object *object)
{
	json_object *roles;
	size_t nr;

	memset(thread, 0, sizeof(*thread));
	thread->pid = get_number(object, "pid");
	thread->tgid = get_number(object, "tgid");
	GET_STRING(object, "comm", thread->comm);
	GET_STRING(object, "process", thread->process);
	GET_STRING(object, "class", thread->class);
	GET_STRING(object, "root", thread->root);
	thread->share_permille = get_number(object, "share_permille");
	thread->runs = get_number(object, "runs");
	thread->run_ns = get_number(object, "run_ns");
	thread->wait_p50_us = get_number(object, "wait_p50_us");
	thread->wait_p99_us = get_number(object, "wait_p99_us");
	thread->hop = get_number(object, "hop");
	roles = get_array(object, "roles", SNAPSHOT_MAX_ROLES, &nr);
	for (size_t i = 0; i < nr; i++)
		copy_string(json_object_array_get_idx(roles, i), thread->roles[i], sizeof(thread->roles[i]));
}

static void decode_threads(struct snapshot *snapshot, json_object *answer)
{
	json_object *list;
	size_t nr;

	list = get_array(answer, "threads", SNAPSHOT_MAX_THREADS, &nr);
	snapshot->nr_threads = (uint32_t)nr;
	for (size_t i = 0; i < nr; i++)
		decode_thread(&snapshot->threads[i], json_object_array_get_idx(list, i));
}

static void decode_input(struct snapshot *snapshot, json_object *answer)
{
	json_object *list;
	size_t nr;

	GET_STRING(answer, "hook", snapshot->hook);
	list = get_array(answer, "devices", SNAPSHOT_MAX_DEVICES, &nr);
	snapshot->nr_devices = (uint32_t)nr;
	for (size_t i = 0; i < nr; i++) {
		json_object *object = json_object_array_get_idx(list, i);
		struct device_facts *device = &snapshot->devices[i];

		GET_STRING(object, "node", device->node);
		GET_STRING(object, "name", device->name);
		GET_STRING(object, "kind", device->kind);
		device->packets = get_number(object, "packets");
		device->open = get_bool(object, "open");
	}
	list = get_array(answer, "rings", SNAPSHOT_MAX_RINGS, &nr);
	snapshot->nr_rings = (uint32_t)nr;
	for (size_t i = 0; i < nr; i++) {
		json_object *object = json_object_array_get_idx(list, i);

		snapshot->rings[i] = (struct ring_facts){
			.ring = get_number(object, "ring"),
			.records = get_number(object, "records"),
			.drops = get_number(object, "drops"),
		};
	}
}

static void decode_events(struct snapshot *snapshot, json_object *answer)
{
	json_object *list = get(answer, "events");
	size_t nr, first;

	nr = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	/* The newest are at the end. */
	first = nr > SNAPSHOT_MAX_EVENTS ? nr - SNAPSHOT_MAX_EVENTS : 0;
	snapshot->nr_events = (uint32_t)(nr - first);
	for (size_t i = first; i < nr; i++) {
		json_object *object = json_object_array_get_idx(list, i);
		struct event_facts *event = &snapshot->events[i - first];

		event->seq = get_number(object, "seq");
		event->time_ms = get_number(object, "time_ms");
		GET_STRING(object, "level", event->level);
		GET_STRING(object, "text", event->text);
	}
}

static void decode_options(struct snapshot *snapshot, json_object *answer)
{
	size_t nr, used = 0;
	json_object *list;

	list = get_array(answer, "modes", 16, &nr);
	snapshot->modes[0] = '\0';
	for (size_t i = 0; i < nr; i++) {
		char mode[24];

		copy_string(json_object_array_get_idx(list, i), mode, sizeof(mode));
		if (used + strlen(mode) + 2 > sizeof(snapshot->modes))
			break;
		used += (size_t)snprintf(snapshot->modes + used, sizeof(snapshot->modes) - used, "%s%s",
					 used ? " " : "", mode);
	}
	list = get_array(answer, "options", SNAPSHOT_MAX_OPTIONS, &nr);
	snapshot->nr_options = (uint32_t)nr;
	for (size_t i = 0; i < nr; i++) {
		json_object *object = json_object_array_get_idx(list, i);
		struct option_facts *option = &snapshot->options[i];

		GET_STRING(object, "name", option->name);
		GET_STRING(object, "section", option->section);
		GET_STRING(object, "unit", option->unit);
		GET_STRING(object, "value", option->value);
		GET_STRING(object, "default", option->default_value);
		GET_STRING(object, "source", option->source);
		GET_STRING(object, "help", option->help);
		option->live = get_bool(object, "live");
		option->restarts = get_bool(object, "restarts");
	}
}

static void decode_status(struct snapshot *snapshot, json_object *answer)
{
	json_object *list;
	size_t nr;

	list = get_array(answer, "report", SNAPSHOT_MAX_REPORT, &nr);
	snapshot->nr_report = (uint32_t)nr;
	for (size_t i = 0; i < nr; i++)
		copy_string(json_object_array_get_idx(list, i), snapshot->report[i], sizeof(snapshot->report[i]));
}

int snapshot_decode(struct snapshot *snapshot, enum target target, json_object *answer)
{
	if (!json_object_is_type(answer, json_type_object))
		return -EPROTO;
	switch (target) {
	case TARGET_TOP:
		return decode_top(&snapshot->top, answer);
	case TARGET_CHAINS:
		decode_chains(snapshot, answer);
		break;
	case TARGET_THREADS:
		decode_threads(snapshot, answer);
		break;
	case TARGET_INPUT:
		decode_input(snapshot, answer);
		break;
	case TARGET_EVENTS:
		decode_events(snapshot, answer);
		break;
	case TARGET_OPTIONS:
		decode_options(snapshot, answer);
		break;
	default:
		decode_status(snapshot, answer);
	}
	return 0;
}
