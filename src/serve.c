// SPDX-License-Identifier: GPL-2.0-only
#include "serve.h"

#include <inttypes.h>

#include "access.h"
#include "control.h"
#include "log.h"
#include "schema.h"
#include "session.h"

/* logind is looked for so often, as long as there is none. */
#define LOGIND_NS (10 * NSEC_PER_SEC)

struct kept {
	struct answer *answer;
	uint64_t made_ns;
};

struct serve {
	struct serve_config config;
	struct access_rules rules;
	struct session_monitor *monitor;	/* NULL: there is no logind */
	struct timer logind_timer;	/* armed as long as there is none */
	struct server *stats;
	struct server *control;
	struct answer *meta;
	struct kept *kept;			/* by target */
	struct stats_snapshot snapshot;
	uint64_t snapshot_ns;			/* 0: none yet */
	struct view view;
};

/* ---- answers ---- */

const struct view *serve_view(struct serve *serve)
{
	uint64_t now = now_ns();

	if (!serve->snapshot_ns || now - serve->snapshot_ns >= SERVE_SHARED_NS) {
		serve->config.ops->take_snapshot(serve->config.data, &serve->snapshot);
		serve->snapshot_ns = now;
	}
	serve->view = (struct view){
		.snapshot = &serve->snapshot,
		.scheduling = serve->config.ops->scheduling(serve->config.data),
		.player = serve->config.player,
		.events = serve->config.events,
		.opts = serve->config.ops->options ? serve->config.ops->options(serve->config.data) : NULL,
		.describe_options = serve->config.ops->describe_options,
		.data = serve->config.data,
	};
	return &serve->view;
}

void serve_forget(struct serve *serve)
{
	serve->snapshot_ns = 0;
	for (size_t i = 0; i < targets_nr(); i++)
		answer_unref(steal_ptr(&serve->kept[i].answer));
}

const struct serve_config *serve_config(const struct serve *serve)
{
	return &serve->config;
}

struct answer *serve_target(struct serve *serve, const char *name)
{
	size_t i = target_index(name);
	struct kept *kept;
	json_object *resp;
	uint64_t now = now_ns();
	bool found;

	if (i == targets_nr())
		return answer_error(EINVAL, "there is no target '%.64s': top, chains, threads, input, events, options, status",
				    name);
	kept = &serve->kept[i];
	if (kept->answer && now - kept->made_ns < SERVE_SHARED_NS)
		return answer_ref(kept->answer);
	resp = target_make(name, serve_view(serve), &found);
	if (!resp)
		return NULL;
	answer_unref(kept->answer);
	kept->answer = answer_new(0, resp);
	kept->made_ns = now;
	return kept->answer ? answer_ref(kept->answer) : NULL;
}

static struct answer *describe(struct serve *serve)
{
	json_object *meta;

	if (!serve->meta) {
		meta = schema_meta();
		serve->meta = meta ? answer_new(0, meta) : NULL;
	}
	return serve->meta ? answer_ref(serve->meta) : NULL;
}

static void handle_stats(struct server_ticket ticket, const struct access_peer *peer, const struct request *request,
			 void *data)
{
	struct serve *serve = data;
	const char *target;
	json_object *value = NULL;
	struct answer *answer;

	if (streq(request->name, "stats_meta")) {
		answer = describe(serve);
	} else if (streq(request->name, "stats")) {
		target = request_string(request, "target");
		if (!target && request->args && json_object_object_get_ex(request->args, "target", &value))
			answer = answer_error(EINVAL, "\"target\" is no string");
		else
			answer = serve_target(serve, target ? target : "top");
	} else {
		answer = answer_error(EINVAL, "there is no request '%.64s' here: stats, stats_meta", request->name);
	}
	server_answer(serve->stats, ticket, answer);
}

static void handle_control(struct server_ticket ticket, const struct access_peer *peer, const struct request *request,
			   void *data)
{
	struct serve *serve = data;

	control_handle(serve, serve->control, ticket, peer, request);
}

/* ---- who may ask ---- */

static void handle_session(void *data, const struct session *session)
{
	struct serve *serve = data;

	if (session->id[0])
		access_set_session(&serve->rules, session->uid);
	else
		access_clear_session(&serve->rules);
	/* When the next one types is nothing for who sat there before and is still connected. */
	if (serve->stats)
		server_judge_again(serve->stats);
	if (serve->control)
		server_judge_again(serve->control);
}

/* logind may start later than we do. */
static void follow_sessions(struct serve *serve, uint64_t now)
{
	int err = session_monitor_new(serve->config.loop, handle_session, serve, &serve->monitor);

	if (err == -ENOSYS)
		timer_arm(&serve->logind_timer, serve->config.loop, now + LOGIND_NS, 0);
	else if (err)
		log_warning_errno(err, "control: whose session is active is not known, and may not ask");
}

static int look_for_logind(struct timer *timer, uint64_t now)
{
	follow_sessions(container_of(timer, struct serve, logind_timer), now);
	return 0;
}

/* ---- life ---- */

static struct server *open_server(struct serve *serve, const char *name, const char *path, server_request_fn fn)
{
	const struct server_config config = {
		.name = name,
		.path = path,
		.loop = serve->config.loop,
		.rules = &serve->rules,
		.request_fn = fn,
		.data = serve,
	};
	struct server *server = NULL;
	int err;

	if (!*path)
		return NULL;
	err = server_new(&config, &server);
	if (err == -EADDRINUSE)
		log_warning("%s: another program serves at %s: it is left alone, and ours are not to be had", name, path);
	else if (err == -EEXIST)
		log_warning("%s: %s is there and is no socket: it is left alone", name, path);
	else if (err)
		log_warning_errno(err, "%s: cannot listen at %s", name, path);
	return server;
}

int serve_new(const struct serve_config *config, struct serve **ret)
{
	_cleanup_(serve_freep) struct serve *serve = calloc(1, sizeof(*serve));

	if (!serve)
		return -ENOMEM;
	serve->config = *config;
	serve->kept = calloc(targets_nr(), sizeof(*serve->kept));
	if (!serve->kept)
		return -ENOMEM;
	access_init(&serve->rules, config->group_file ? config->group_file : ACCESS_GROUP_FILE);
	timer_init(&serve->logind_timer, "look for logind", look_for_logind);
	follow_sessions(serve, now_ns());
	serve->stats = open_server(serve, "statistics", config->stats_path ? config->stats_path : SERVE_STATS_PATH,
				   handle_stats);
	serve->control = open_server(serve, "control", config->control_path ? config->control_path : SERVE_CONTROL_PATH,
				     handle_control);
	*ret = steal_ptr(&serve);
	return 0;
}

void serve_free(struct serve *serve)
{
	if (!serve)
		return;
	server_free(serve->control);
	server_free(serve->stats);
	timer_disarm(&serve->logind_timer);
	session_monitor_free(serve->monitor);
	answer_unref(serve->meta);
	for (size_t i = 0; serve->kept && i < targets_nr(); i++)
		answer_unref(serve->kept[i].answer);
	free(serve->kept);
	free(serve);
}

void serve_read(const struct serve *serve, struct server_facts facts[2])
{
	if (serve->stats)
		facts[0] = *server_facts(serve->stats);
	if (serve->control)
		facts[1] = *server_facts(serve->control);
}

struct server *serve_stats_server(struct serve *serve)
{
	return serve->stats;
}

struct server *serve_control_server(struct serve *serve)
{
	return serve->control;
}
