// SPDX-License-Identifier: GPL-2.0-only
#include "schema.h"

#include <stdbool.h>
#include <stdio.h>

#include "stats_fields.h"
#include "util.h"

#define TOP_NAME "Arcade"

struct member {
	const char *name;
	const char *kind;	/* or, of a struct, NULL */
	const char *of;		/* the name of that struct */
	bool is_array;
	const char *desc;
};

struct structure {
	const char *name;
	const char *target;	/* NULL: only within others */
	const char *desc;
	const struct member *members;
	size_t nr_members;
};

#define U64(name_, desc_)	    { .name = (name_), .kind = "u64", .desc = (desc_) }
#define I64(name_, desc_)	    { .name = (name_), .kind = "i64", .desc = (desc_) }
#define STRING(name_, desc_)	    { .name = (name_), .kind = "string", .desc = (desc_) }
#define U64S(name_, desc_)	    { .name = (name_), .kind = "u64", .is_array = true, .desc = (desc_) }
#define STRINGS(name_, desc_)	    { .name = (name_), .kind = "string", .is_array = true, .desc = (desc_) }
#define STRUCT(name_, of_, desc_)   { .name = (name_), .of = (of_), .desc = (desc_) }
#define STRUCTS(name_, of_, desc_)  { .name = (name_), .of = (of_), .is_array = true, .desc = (desc_) }

#define HIST_DESC "as a histogram: [0] counts all below 1 us, [i] those from 2^(i-1) us to below 2^i us, the last all above"

/* clang-format off */
static const struct member chains_members[] = {
	STRUCTS("roots", "ArcadeRoot", "one per kind of event that begins chains"),
};

static const struct member root_members[] = {
	STRING("root", "input, vblank (the display) or audio"),
	STRUCTS("hops", "ArcadeHop", "who was woken, by the number of wakeups since the event"),
	STRUCTS("ends", "ArcadeEnd", "what the chains led to"),
};

static const struct member hop_members[] = {
	U64("hop", "1: who waited for the event, 2: whom these woke, …"),
	U64("count", "times that such a thread ran"),
	U64("sum_ns", "time from the event until it ran, of all of them together (ns)"),
	U64("p50_us", "time from the event until it ran, median: upper end of its power of two (us)"),
	U64("p99_us", "the same, 99th percentile (us)"),
	U64S("hist", "time from the event until it ran (us), " HIST_DESC),
};

static const struct member end_members[] = {
	STRING("end", "submit: work was given to a GPU; flip: a picture was given to the display"),
	U64("count", "chains that led there"),
	U64("sum_ns", "time from the event to that, of all of them together (ns)"),
	U64("p50_us", "time from the event to that, median: upper end of its power of two (us)"),
	U64("p99_us", "the same, 99th percentile (us)"),
	U64S("hist", "time from the event to that (us), " HIST_DESC),
};

static const struct member threads_members[] = {
	STRUCTS("threads", "ArcadeThread", "those that matter, first who matters most: members of chains, the game's, then by CPU time"),
};

static const struct member thread_members[] = {
	U64("pid", "of the thread"),
	U64("tgid", "of its process"),
	STRING("comm", "name of the thread"),
	STRING("process", "name of its process"),
	STRING("class", "how it is scheduled: chain, frame, game, normal or background; empty if not known"),
	STRINGS("roles", "what it does: input, compositor, submit, audio …"),
	U64("share_permille", "of its last activations, those as a member of a chain (permille)"),
	U64("runs", "times that it has run"),
	U64("run_ns", "CPU time (ns)"),
	U64("wait_p50_us", "time from ready to running, median: upper end of its power of two (us); 0: not known"),
	U64("wait_p99_us", "the same, 99th percentile (us)"),
	U64("hop", "in its last chain; 0: it was in none"),
	STRING("root", "of its last chain: input, vblank, audio; empty: it was in none"),
};

static const struct member input_members[] = {
	STRUCTS("devices", "ArcadeDevice", "input devices there are now"),
	STRUCTS("rings", "ArcadeRing", "buffers from the kernel half to the daemon"),
	STRING("hook", "how input is seen"),
};

static const struct member device_members[] = {
	STRING("node", "name in /dev/input"),
	STRING("name", "as the device calls itself"),
	STRING("kind", "keyboard, mouse, gamepad, touch or other"),
	U64("packets", "input packets read since the scheduler started"),
	U64("open", "1: the daemon can look at the device, 0: it cannot"),
};

static const struct member ring_members[] = {
	U64("ring", "number"),
	U64("records", "input packets that were recorded"),
	U64("drops", "input packets that were not, because the ring was full"),
};

static const struct member events_members[] = {
	STRUCTS("events", "ArcadeEvent", "the last things that the daemon's log said, oldest first"),
};

static const struct member event_members[] = {
	U64("seq", "number since the daemon started; those in between are gone"),
	U64("time_ms", "when: milliseconds since 1970, UTC (ms)"),
	STRING("level", "error, warning, notice or info"),
	STRING("text", "one line"),
};

static const struct member options_members[] = {
	STRING("mode", "the preset that is in force"),
	STRINGS("modes", "those that there are"),
	STRUCTS("options", "ArcadeOption", "all of the configuration"),
};

static const struct member option_members[] = {
	STRING("name", "key in the configuration"),
	STRING("section", "of the configuration"),
	STRING("type", "number, bool or word"),
	STRING("unit", "of value, default, min and max; empty if there is none"),
	STRING("words", "of type word: those that there are, as \"one|other\"; else empty"),
	STRING("value", "now"),
	STRING("default", "if nothing is configured"),
	STRING("min", "lowest value; empty if there is none"),
	STRING("max", "highest value; empty if there is none"),
	U64("live", "1: it can be changed while the scheduler runs, 0: it cannot"),
	U64("restarts", "1: changing it starts the scheduler anew, which takes a second"),
	U64("per_game", "1: it may stand in a section of a game"),
	STRING("source", "where the value is from: default, a mode, a line of a file, the command line, a game's section, ctl"),
	STRING("help", "what it does"),
};

static const struct member status_members[] = {
	STRING("version", "version of scx_arcade"),
	STRING("kernel", "release of the kernel"),
	STRING("state", "scheduling, or restarting after CPUs came or went"),
	STRING("mode", "the preset that is in force"),
	STRUCT("game", "ArcadeGame", "the game that is known"),
	STRINGS("report", "what this machine's kernel can do, in lines"),
};

static const struct member game_members[] = {
	U64("pid", "its process; 0: there is none"),
	STRING("name", "of its program; empty if there is none"),
	U64("in_front", "1: it has the focus, as far as that is known; 0: it has not"),
	I64("override", "-1: games are looked for; 0: there is none, by ctl; else the process that is the game by ctl"),
};
/* clang-format on */

#define STRUCTURE(name_, target_, members_, desc_) \
	{ .name = (name_), .target = (target_), .desc = (desc_), .members = (members_), .nr_members = ARRAY_SIZE(members_) }

static const struct structure structures[] = {
	STRUCTURE("ArcadeChains", "chains", chains_members, "what events of input, display and audio led to, and how fast"),
	STRUCTURE("ArcadeRoot", NULL, root_members, "chains that one kind of event began"),
	STRUCTURE("ArcadeHop", NULL, hop_members, "a link of these chains"),
	STRUCTURE("ArcadeEnd", NULL, end_members, "an end of these chains"),
	STRUCTURE("ArcadeThreads", "threads", threads_members, "threads that are favoured, and how they fare"),
	STRUCTURE("ArcadeThread", NULL, thread_members, "a thread; its figures are since it began"),
	STRUCTURE("ArcadeInput", "input", input_members, "input devices and the way of their packets"),
	STRUCTURE("ArcadeDevice", NULL, device_members, "an input device"),
	STRUCTURE("ArcadeRing", NULL, ring_members, "a ring buffer"),
	STRUCTURE("ArcadeEvents", "events", events_members, "what happened"),
	STRUCTURE("ArcadeEvent", NULL, event_members, "a line of the log"),
	STRUCTURE("ArcadeOptions", "options", options_members, "the configuration that is in force"),
	STRUCTURE("ArcadeOption", NULL, option_members, "an option"),
	STRUCTURE("ArcadeStatus", "status", status_members, "how things are"),
	STRUCTURE("ArcadeGame", NULL, game_members, "a game"),
};

/* Takes @value. Return: whether it is in. */
static bool put(json_object *object, const char *key, json_object *value)
{
	if (value && !json_object_object_add(object, key, value))
		return true;
	json_object_put(value);
	return false;
}

static json_object *make_user(const char *key, const char *value)
{
	json_object *user = json_object_new_object();

	if (user && put(user, key, json_object_new_string(value)))
		return user;
	json_object_put(user);
	return NULL;
}

static json_object *make_kind(const struct member *member)
{
	return member->kind ? json_object_new_string(member->kind) : make_user("struct", member->of);
}

static json_object *make_field(const struct member *member, const char *unit, bool skip)
{
	json_object *field = json_object_new_object();
	char desc[512];

	snprintf(desc, sizeof(desc), "%s%s%s%s", member->desc, *unit ? " (" : "", unit, *unit ? ")" : "");
	if (field && put(field, member->is_array ? "array" : "datum", make_kind(member)) &&
	    put(field, "desc", json_object_new_string(desc)) &&
	    (!skip || put(field, "user", make_user("_om_skip", "true"))))
		return field;
	json_object_put(field);
	return NULL;
}

static json_object *make_top_fields(void)
{
	json_object *fields = json_object_new_object();

	for (size_t i = 0; fields && i < stats_fields_nr(); i++) {
		const struct stats_field *field = stats_field(i);
		const struct member member = {
			.name = field->name,
			.kind = field->type == STATS_TEXT ? "string" : "u64",
			.is_array = field->length > 1,
			.desc = field->desc,
		};

		if (!put(fields, field->name, make_field(&member, field->unit, member.is_array || field->type == STATS_TEXT))) {
			json_object_put(fields);
			return NULL;
		}
	}
	return fields;
}

static json_object *make_fields(const struct structure *structure)
{
	json_object *fields = json_object_new_object();

	for (size_t i = 0; fields && i < structure->nr_members; i++) {
		if (!put(fields, structure->members[i].name, make_field(&structure->members[i], "", false))) {
			json_object_put(fields);
			return NULL;
		}
	}
	return fields;
}

static json_object *make_structure(const char *name, const char *desc, json_object *fields, json_object *user, bool is_top)
{
	json_object *object = json_object_new_object();

	/* In this order, so that what is not put in is given back. */
	if (object && put(object, "fields", fields)) {
		if ((!user || put(object, "user", user)) && put(object, "name", json_object_new_string(name)) &&
		    put(object, "desc", json_object_new_string(desc)) &&
		    (!is_top || put(object, "top", json_object_new_string("true"))))
			return object;
	} else {
		if (!object)
			json_object_put(fields);
		json_object_put(user);
	}
	json_object_put(object);
	return NULL;
}

json_object *schema_meta(void)
{
	json_object *meta = json_object_new_object();

	if (!meta || !put(meta, TOP_NAME,
			  make_structure(TOP_NAME, "everything that is counted, in sum since the scheduler started",
					 make_top_fields(), make_user("_om_prefix", "scx_arcade_"), true)))
		goto failed;
	for (size_t i = 0; i < ARRAY_SIZE(structures); i++) {
		const struct structure *structure = &structures[i];

		if (!put(meta, structure->name,
			 make_structure(structure->name, structure->desc, make_fields(structure),
					structure->target ? make_user("_target", structure->target) : NULL, false)))
			goto failed;
	}
	return meta;
failed:
	json_object_put(meta);
	return NULL;
}
