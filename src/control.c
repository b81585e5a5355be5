// SPDX-License-Identifier: GPL-2.0-only
#include "control.h"

#include <fcntl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "kernel.h"
#include "log.h"
#include "serve.h"
#include "stats_json.h"
#include "targets.h"

#define MESSAGE_MAX 512

/* As /proc/sys/kernel/pid_max allows at most. */
#define PID_LAST 4194304

struct call {
	struct serve *serve;
	struct server *server;
	struct server_ticket ticket;
	const struct access_peer *peer;
	const struct request *request;
	bool later;	/* the answer comes by itself */
};

/* {"message":…} */
static struct answer *make_message(const char *text)
{
	struct json_build object = json_build_object();
	json_object *resp;

	json_put_text(&object, "message", text);
	resp = json_finish(&object);
	return resp ? answer_new(0, resp) : NULL;
}

static struct answer *make_result(int err, const char *msg)
{
	return err ? answer_error(err, "%s", msg) : make_message(msg);
}

/* ---- what readers may ask ---- */

static struct answer *handle_target(struct call *call)
{
	return serve_target(call->serve, call->request->name);
}

static json_object *make_signs(const struct score *score)
{
	struct json_build list = json_build_array();

	for (int i = 0; i < NR_SCORE_SIGNALS; i++) {
		struct json_build sign = json_build_object();

		if (!(score->signals & 1u << i)) {
			json_object_put(json_finish(&sign));
			continue;
		}
		json_put_text(&sign, "name", score_signal_text((enum score_signal)i));
		json_put_i64(&sign, "weight", score_weight((enum score_signal)i));
		json_append_value(&list, json_finish(&sign));
	}
	return json_finish(&list);
}

static json_object *make_explanation(const struct games_explanation *explanation)
{
	const struct score *score = &explanation->score;
	struct json_build object = json_build_object();

	json_put_u64(&object, "pid", (uint64_t)explanation->pid);
	json_put_text(&object, "comm", explanation->proc->comm);
	json_put_text(&object, "program", score->name);
	json_put_u64(&object, "threads", explanation->proc->nr_threads);
	json_put_u64(&object, "memory_bytes", explanation->proc->rss_bytes);
	json_put_text(&object, "verdict", score_verdict_text(score->verdict));
	json_put_text(&object, "reason", score->verdict == SCORE_GAME ? "" : score_reason_text(score->reason));
	json_put_text(&object, "list", score->reason == SCORE_REASON_LISTED ? programs_section_name(score->section) : "");
	json_put_i64(&object, "score", score->points);
	json_put_i64(&object, "threshold", SCORE_THRESHOLD);
	json_put_u64(&object, "families", score->nr_families);
	json_put_u64(&object, "families_min", SCORE_FAMILIES_MIN);
	json_put_u64(&object, "steam_app_id", score->steam_app_id);
	json_put_u64(&object, "is_the_game", explanation->is_current);
	json_put_value(&object, "signs", make_signs(score));
	return json_finish(&object);
}

/* A ticket as games keeps it: its serial numbers are far from 2^56. */
static uint64_t pack(struct server_ticket ticket)
{
	return ticket.serial << 8 | ticket.slot;
}

static void answer_explanation(const struct games_explanation *explanation, uint64_t packed, void *data)
{
	const struct server_ticket ticket = { .slot = packed & 0xff, .serial = packed >> 8 };
	struct answer *answer = NULL;
	json_object *resp;

	if (explanation->err == -ESRCH) {
		answer = answer_error(ESRCH, "there is no process %d", (int)explanation->pid);
	} else if (explanation->err) {
		answer = answer_error(explanation->err, "process %d cannot be read: %s", (int)explanation->pid,
				      strerror(-explanation->err));
	} else {
		resp = make_explanation(explanation);
		answer = resp ? answer_new(0, resp) : NULL;
	}
	server_answer(data, ticket, answer);
}

/* Return: the process, or -EINVAL with @answer set. */
static int64_t get_pid(const struct call *call, int64_t min, struct answer **answer)
{
	int64_t pid;

	if (!request_integer(call->request, "pid", &pid) && pid >= min && pid <= PID_LAST)
		return pid;
	*answer = answer_error(EINVAL, "\"pid\" is no process id, expected %lld to %d", (long long)min, PID_LAST);
	return -EINVAL;
}

static struct answer *handle_explain(struct call *call)
{
	struct player *player = serve_config(call->serve)->player;
	struct answer *answer = NULL;
	int64_t pid = get_pid(call, 1, &answer);
	int err;

	if (pid < 0)
		return answer;
	err = games_explain(player_games(player), (pid_t)pid, pack(call->ticket), answer_explanation, call->server);
	if (err)
		return answer_error(err, err == -EBUSY ? "too many processes are being read: try again" : "process %lld: %s",
				    (long long)pid, strerror(-err));
	call->later = true;
	return NULL;
}

/* ---- what is for root ---- */

static struct answer *handle_mode(struct call *call)
{
	const struct serve_config *config = serve_config(call->serve);
	const char *name = request_string(call->request, "name");
	char msg[MESSAGE_MAX] = "";

	if (!name)
		return answer_error(EINVAL, "\"name\" is missing");
	if (!config->ops->set_mode)
		return answer_error(EOPNOTSUPP, "the mode cannot be changed");
	return make_result(config->ops->set_mode(config->data, name, msg, sizeof(msg)), msg);
}

static struct answer *handle_set(struct call *call)
{
	const struct serve_config *config = serve_config(call->serve);
	const char *key = request_string(call->request, "key"), *value = request_string(call->request, "value");
	char msg[MESSAGE_MAX] = "";

	if (!key || !value)
		return answer_error(EINVAL, "\"key\" or \"value\" is missing");
	if (!config->ops->set)
		return answer_error(EOPNOTSUPP, "options cannot be changed");
	return make_result(config->ops->set(config->data, key, value, msg, sizeof(msg)), msg);
}

static struct answer *handle_game(struct call *call)
{
	struct games *games = player_games(serve_config(call->serve)->player);
	struct answer *answer = NULL;
	int64_t pid = get_pid(call, GAMES_OVERRIDE_AUTO, &answer);
	char msg[MESSAGE_MAX];
	int err;

	/* Also where there was no memory for the answer. */
	if (pid < GAMES_OVERRIDE_AUTO)
		return answer;
	err = games_override(games, (pid_t)pid);
	if (err == -ESRCH)
		return answer_error(ESRCH, "there is no process %lld", (long long)pid);
	if (err == -ENOTSUP)
		return answer_error(EINVAL, "%lld is a thread, not a process", (long long)pid);
	if (err)
		return answer_error(err, "process %lld cannot be the game: %s", (long long)pid, strerror(-err));
	if (pid > 0)
		snprintf(msg, sizeof(msg), "process %lld and its descendants are the game", (long long)pid);
	else
		snprintf(msg, sizeof(msg), pid ? "games are looked for" : "no process is the game");
	return make_message(msg);
}

static struct answer *handle_stop(struct call *call)
{
	const struct serve_config *config = serve_config(call->serve);

	config->ops->stop(config->data);
	return make_message("stopping");
}

/* ---- a bug report ---- */

static void put_knobs(struct json_build *build, const struct arcade_knobs *knobs)
{
	struct json_build object = json_build_object();

	json_put_u64(&object, "preempt", knobs->preempt);
	json_put_u64(&object, "slice_ns", knobs->slice_ns);
	json_put_u64(&object, "chain_ttl_ns", knobs->chain_ttl_ns);
	json_put_u64(&object, "chain_budget_ns", knobs->chain_budget_ns);
	json_put_u64(&object, "chain_fanout", knobs->chain_fanout);
	json_put_u64(&object, "input_wakeup_hz", knobs->input_wakeup_hz);
	json_put_u64(&object, "preempt_interval_ns", knobs->preempt_interval_ns);
	json_put_u64(&object, "preempt_burst", knobs->preempt_burst);
	json_put_u64(&object, "game_tree", knobs->game_tree);
	json_put_u64(&object, "known_tree", knobs->known_tree);
	json_put_u64(&object, "background_cleared", knobs->background_cleared);
	json_put_u64(&object, "compositor_tgid", knobs->compositor_tgid);
	json_put_u64(&object, "vblank_ttl_ns", knobs->vblank_ttl_ns);
	json_put_u64(&object, "audio_ttl_max_ns", knobs->audio_ttl_max_ns);
	json_put_u64(&object, "full_speed_class", knobs->full_speed_class);
	json_put_u64(&object, "input_window_until_ns", knobs->input_window_until_ns);
	json_put_value(build, "knobs", json_finish(&object));
}

/* What the kernel itself counts of its scheduler: fallbacks, stalls bypassed, and how often it was loaded. */
static void put_kernel_state(struct json_build *build)
{
	static const char *const files[] = { "state", "switch_all", "nr_rejected", "hotplug_seq", "enable_seq", "root/ops", "root/events" };
	struct json_build object = json_build_object();
	char path[64], text[READ_LINE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_close_ int fd = -1;
		ssize_t n;

		snprintf(path, sizeof(path), "/sys/kernel/sched_ext/%s", files[i]);
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
		if (n < 0)
			continue;
		while (n > 0 && text[n - 1] == '\n')
			n--;
		text[n] = '\0';
		json_put_text(&object, files[i], text);
	}
	json_put_value(build, "sched_ext", json_finish(&object));
}

static struct answer *handle_dump(struct call *call)
{
	const struct view *view = serve_view(call->serve);
	struct json_build object = json_build_object();
	struct utsname uts;
	json_object *resp;

	json_put_text(&object, "about", "scx_arcade: everything for a report of a fault. It names processes and input devices; "
		      "what the kernel half knows of each task is added to the kernel's log by sysrq-D");
	json_put_text(&object, "kernel_build", uname(&uts) ? "" : uts.version);
	for (size_t i = 0; i < targets_nr(); i++) {
		bool found;

		json_put_value(&object, target_name(i), target_make(target_name(i), view, &found));
	}
	if (view->scheduling)
		put_knobs(&object, bpf_knobs(scheduling_bpf(view->scheduling)));
	put_kernel_state(&object);
	resp = json_finish(&object);
	return resp ? answer_new(0, resp) : NULL;
}

/* ---- the table ---- */

static const struct command {
	const char *name;
	bool changes;
	struct answer *(*handle)(struct call *call);
} commands[] = {
	{ "status", false, handle_target },
	{ "options", false, handle_target },
	{ "explain", false, handle_explain },
	{ "mode", true, handle_mode },
	{ "set", true, handle_set },
	{ "game", true, handle_game },
	{ "dump", true, handle_dump },
	{ "stop", true, handle_stop },
};

void control_handle(struct serve *serve, struct server *server, struct server_ticket ticket, const struct access_peer *peer,
		    const struct request *request)
{
	struct call call = { .serve = serve, .server = server, .ticket = ticket, .peer = peer, .request = request };
	const struct command *command = NULL;
	struct answer *answer;

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (streq(commands[i].name, request->name))
			command = &commands[i];
	if (!command) {
		server_answer(server, ticket,
			      answer_error(EINVAL, "there is no request '%.64s': status, options, explain, mode, set, game, "
					   "dump, stop", request->name));
		return;
	}
	if (command->changes && !peer->may_change) {
		server_answer_and_drop(server, ticket,
				       answer_error(EACCES, "not permitted: only root may do this (sudo scx_arcade ctl %s …)",
						    command->name));
		return;
	}
	if (command->changes)
		log_info("control: process %d asks for %s", (int)peer->pid, command->name);
	answer = command->handle(&call);
	if (command->changes)
		serve_forget(serve);
	if (!call.later)
		server_answer(server, ticket, answer);
}
