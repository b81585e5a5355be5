/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The daemon's two sockets with everything behind them but the kernel half: each answer is what its description says, errors
 * are errors, games are overridden and explained, and the program's own clients get along with them.
 */
#include "unit.h"

#include <signal.h>
#include <sys/wait.h>

#include "client.h"
#include "ctl.h"
#include "log.h"
#include "openmetrics.h"
#include "options_json.h"
#include "serve.h"
#include "stats_fields.h"
#include "with_loop.h"

struct world {
	char *dir;
	char stats_path[256];
	char control_path[256];
	char games_dir[256];
	struct loop *loop;
	struct settings *settings;
	struct events *events;
	struct player *player;
	struct serve *serve;
	int nr_snapshots;
	bool stopped;
	pid_t child;
};

static void take(void *data, struct stats_snapshot *snapshot)
{
	struct world *world = data;
	uint64_t *words = (uint64_t *)&snapshot->kernel;

	world->nr_snapshots++;
	memset(snapshot, 0, sizeof(*snapshot));
	for (size_t i = 0; i < sizeof(snapshot->kernel) / sizeof(*words); i++)
		words[i] = i;
	snapshot->time_ns = now_ns();
	snapshot->player = player_facts(world->player);
	snapshot->loop = *loop_facts(world->loop);
	serve_read(world->serve, snapshot->servers);
	strcpy(snapshot->version, ARCADE_VERSION);
	strcpy(snapshot->state, "scheduling");
	strcpy(snapshot->mode, settings_mode(world->settings));
}

static struct scheduling *no_scheduling(void *data)
{
	return NULL;
}

static void stop(void *data)
{
	((struct world *)data)->stopped = true;
}

static json_object *describe_options(void *data)
{
	return options_json(((struct world *)data)->settings);
}

static int set_mode(void *data, const char *name, char *msg, size_t size)
{
	return settings_set_mode(((struct world *)data)->settings, name, msg, size);
}

static int set(void *data, const char *key, const char *value, char *msg, size_t size)
{
	return settings_set(((struct world *)data)->settings, key, value, msg, size);
}

static const struct serve_ops ops = {
	.take_snapshot = take,
	.scheduling = no_scheduling,
	.stop = stop,
	.describe_options = describe_options,
	.set_mode = set_mode,
	.set = set,
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct serve_config config = { .ops = &ops };
	char *argv[] = { (char *)"scx_arcade", (char *)"--no-detect", (char *)"--no-focus", NULL };
	struct options opts;

	assert_non_null(world);
	world->dir = unit_tempdir_new();
	snprintf(world->stats_path, sizeof(world->stats_path), "%s/stats", world->dir);
	snprintf(world->control_path, sizeof(world->control_path), "%s/control", world->dir);
	unit_write_text(world->dir, "group", "");
	snprintf(world->games_dir, sizeof(world->games_dir), "%s/group", world->dir);
	log_set_level(LOG_LEVEL_ERROR);
	assert_int_equal(loop_new(&world->loop), 0);
	assert_int_equal(settings_new(3, argv, stderr, &world->settings), 0);
	opts = *settings_options(world->settings);
	assert_int_equal(events_new(&world->events), 0);
	assert_int_equal(player_new(world->loop, &opts, NULL, &world->player), 0);
	config.loop = world->loop;
	config.player = world->player;
	config.events = world->events;
	config.stats_path = world->stats_path;
	config.control_path = world->control_path;
	config.group_file = world->games_dir;
	config.data = world;
	assert_int_equal(serve_new(&config, &world->serve), 0);
	world->child = fork();
	if (!world->child) {
		pause();
		_exit(0);
	}
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	player_free(world->player);
	serve_free(world->serve);
	events_free(world->events);
	settings_free(world->settings);
	loop_free(world->loop);
	log_set_level(LOG_LEVEL_INFO);
	if (world->child > 0) {
		kill(world->child, SIGKILL);
		waitpid(world->child, NULL, 0);
	}
	unit_tempdir_free(world->dir);
	free(world);
	return 0;
}

/* Only root may ask here, unless the session's user runs the test. */
static bool may_ask(void)
{
	return !getuid();
}

static json_object *get(const char *path, const char *text, int *err)
{
	json_object *req = json_tokener_parse(text), *resp = NULL;
	struct client *client = NULL;

	*err = client_connect(path, 5000, &client);
	if (!*err)
		*err = client_request(client, req, &resp, 5000);
	client_free(client);
	json_object_put(req);
	return resp;
}

/* ---- descriptions ---- */

static const char *check_struct(json_object *meta, const char *name, json_object *value);

static const char *check_kind(json_object *meta, json_object *kind, json_object *value)
{
	json_object *of;

	if (json_object_is_type(kind, json_type_object)) {
		hold(json_object_object_get_ex(kind, "struct", &of));
		return check_struct(meta, json_object_get_string(of), value);
	}
	if (streq(json_object_get_string(kind), "string")) {
		hold(json_object_is_type(value, json_type_string));
	} else {
		hold(json_object_is_type(value, json_type_int));
		if (streq(json_object_get_string(kind), "u64"))
			hold(json_object_get_int64(value) >= 0);
		else
			hold(streq(json_object_get_string(kind), "i64"));
	}
	return NULL;
}

/* What is there is described, what is described is there. */
static const char *check_struct(json_object *meta, const char *name, json_object *value)
{
	json_object *structure, *fields, *field, *kind, *desc;
	const char *problem;

	hold(json_object_object_get_ex(meta, name, &structure));
	hold(json_object_object_get_ex(structure, "fields", &fields));
	hold(json_object_is_type(value, json_type_object));
	hold(json_object_object_length(value) == json_object_object_length(fields));
	json_object_object_foreach(value, key, member) {
		hold(json_object_object_get_ex(fields, key, &field));
		hold(json_object_object_get_ex(field, "desc", &desc) && *json_object_get_string(desc));
		if (json_object_object_get_ex(field, "array", &kind)) {
			hold(json_object_is_type(member, json_type_array));
			for (size_t i = 0; i < json_object_array_length(member); i++) {
				problem = check_kind(meta, kind, json_object_array_get_idx(member, i));
				if (problem)
					return problem;
			}
			continue;
		}
		hold(json_object_object_get_ex(field, "datum", &kind));
		problem = check_kind(meta, kind, member);
		if (problem)
			return problem;
	}
	return NULL;
}

static const char *ask_every_target(void *data)
{
	struct world *world = data;
	int err, nr_top = 0, nr_targets = 0;
	json_object *meta = get(world->stats_path, "{\"req\":\"stats_meta\"}", &err), *top, *user, *target, *answer;
	const char *problem;
	char req[128];

	hold(!err && json_object_is_type(meta, json_type_object));
	json_object_object_foreach(meta, name, structure) {
		if (json_object_object_get_ex(structure, "top", &top)) {
			hold(streq(json_object_get_string(top), "true"));
			nr_top++;
			answer = get(world->stats_path, "{\"req\":\"stats\"}", &err);
		} else if (json_object_object_get_ex(structure, "user", &user) &&
			   json_object_object_get_ex(user, "_target", &target)) {
			nr_targets++;
			snprintf(req, sizeof(req), "{\"req\":\"stats\",\"args\":{\"target\":\"%s\"}}", json_object_get_string(target));
			answer = get(world->stats_path, req, &err);
		} else {
			continue;
		}
		hold(!err);
		problem = check_struct(meta, name, answer);
		if (problem)
			return problem;
		json_object_put(answer);
	}
	hold(nr_top == 1 && nr_targets == (int)targets_nr() - 1);
	json_object_put(meta);
	return NULL;
}

static void test_answers_are_what_is_described(void **state)
{
	struct world *world = *state;

	events_log(LOG_LEVEL_NOTICE, "something\nhappened", world->events);
	assert_true(may_ask());
	assert_holds(with_loop(world->loop, ask_every_target, world));
}

static const char *ask_often(void *data)
{
	struct world *world = data;
	json_object *resp;
	int err;

	for (int i = 0; i < 50; i++) {
		resp = get(world->stats_path, "{\"req\":\"stats\",\"args\":{\"target\":\"top\"}}", &err);
		hold(!err);
		json_object_put(resp);
	}
	return NULL;
}

static void test_a_snapshot_is_shared(void **state)
{
	struct world *world = *state;
	uint64_t start = now_ns();

	assert_holds(with_loop(world->loop, ask_often, world));
	assert_true(world->nr_snapshots >= 1);
	assert_true((uint64_t)world->nr_snapshots <= 1 + (now_ns() - start) / SERVE_SHARED_NS);
}

/* ---- errors ---- */

static const char *ask_wrongly(void *data)
{
	static const struct {
		bool control;
		const char *req;
		int err;
	} asks[] = {
		{ false, "{\"req\":\"nothing\"}", -EINVAL },
		{ false, "{\"req\":\"stats\",\"args\":{\"target\":\"nothing\"}}", -EINVAL },
		{ false, "{\"req\":\"stats\",\"args\":{\"target\":7}}", -EINVAL },
		{ false, "{\"req\":\"stop\"}", -EINVAL },
		{ true, "{\"req\":\"stats\"}", -EINVAL },
		{ true, "{\"req\":\"mode\"}", -EINVAL },
		{ true, "{\"req\":\"mode\",\"args\":{\"name\":\"fast\"}}", -EINVAL },
		{ true, "{\"req\":\"set\",\"args\":{\"key\":\"slice-us\"}}", -EINVAL },
		{ true, "{\"req\":\"set\",\"args\":{\"key\":\"nothing\",\"value\":\"1\"}}", -ENOENT },
		{ true, "{\"req\":\"set\",\"args\":{\"key\":\"slice-us\",\"value\":\"1\"}}", -ERANGE },
		{ true, "{\"req\":\"game\"}", -EINVAL },
		{ true, "{\"req\":\"game\",\"args\":{\"pid\":-2}}", -EINVAL },
		{ true, "{\"req\":\"game\",\"args\":{\"pid\":99999999999}}", -EINVAL },
		{ true, "{\"req\":\"game\",\"args\":{\"pid\":1}}", -EINVAL },
		{ true, "{\"req\":\"game\",\"args\":{\"pid\":4194304}}", -ESRCH },
		{ true, "{\"req\":\"explain\",\"args\":{\"pid\":0}}", -EINVAL },
		{ true, "{\"req\":\"explain\",\"args\":{\"pid\":\"x\"}}", -EINVAL },
		{ true, "{\"req\":\"explain\",\"args\":{\"pid\":4194304}}", -ESRCH },
	};
	struct world *world = data;
	int err;

	for (size_t i = 0; i < ARRAY_SIZE(asks); i++) {
		json_object *resp = get(asks[i].control ? world->control_path : world->stats_path, asks[i].req, &err);

		if (err != asks[i].err)
			return asks[i].req;
		hold(!resp);
	}
	return NULL;
}

static void test_errors(void **state)
{
	struct world *world = *state;

	assert_holds(with_loop(world->loop, ask_wrongly, world));
	assert_false(world->stopped);
}

/* ---- control ---- */

static int64_t number_of(json_object *object, const char *outer, const char *name)
{
	json_object *value = object;

	if ((outer && !json_object_object_get_ex(object, outer, &value)) || !json_object_object_get_ex(value, name, &value))
		return -999;
	return json_object_get_int64(value);
}

static const char *say_which_game(void *data)
{
	struct world *world = data;
	json_object *resp;
	char req[128];
	int err;

	snprintf(req, sizeof(req), "{\"req\":\"game\",\"args\":{\"pid\":%d}}", (int)world->child);
	resp = get(world->control_path, req, &err);
	hold(!err);
	json_object_put(resp);
	usleep(150000);
	resp = get(world->control_path, "{\"req\":\"status\"}", &err);
	hold(!err && number_of(resp, "game", "pid") == world->child && number_of(resp, "game", "override") == world->child);
	json_object_put(resp);
	snprintf(req, sizeof(req), "{\"req\":\"explain\",\"args\":{\"pid\":\"%d\"}}", (int)world->child);
	resp = get(world->control_path, req, &err);
	hold(!err && number_of(resp, NULL, "pid") == world->child && number_of(resp, NULL, "is_the_game") == 1);
	json_object_put(resp);
	/* It is the game until it ends. */
	kill(world->child, SIGKILL);
	for (int i = 0; i < 100; i++) {
		usleep(50000);
		resp = get(world->control_path, "{\"req\":\"status\"}", &err);
		hold(!err);
		err = number_of(resp, "game", "pid") == 0 && number_of(resp, "game", "override") == -1;
		json_object_put(resp);
		if (err)
			break;
	}
	hold(err);
	resp = get(world->control_path, "{\"req\":\"game\",\"args\":{\"pid\":0}}", &err);
	hold(!err);
	json_object_put(resp);
	usleep(150000);
	resp = get(world->control_path, "{\"req\":\"status\"}", &err);
	hold(!err && number_of(resp, "game", "override") == 0);
	json_object_put(resp);
	resp = get(world->control_path, "{\"req\":\"game\",\"args\":{\"pid\":\"-1\"}}", &err);
	hold(!err);
	json_object_put(resp);
	usleep(150000);
	resp = get(world->control_path, "{\"req\":\"status\"}", &err);
	hold(!err && number_of(resp, "game", "override") == -1);
	json_object_put(resp);
	return NULL;
}

static void test_games_by_word_of_the_user(void **state)
{
	struct world *world = *state;

	assert_holds(with_loop(world->loop, say_which_game, world));
}

static const char *change_things(void *data)
{
	struct world *world = data;
	json_object *resp;
	int err;

	resp = get(world->control_path, "{\"req\":\"mode\",\"args\":{\"name\":\"gaming\"}}", &err);
	hold(!err);
	json_object_put(resp);
	resp = get(world->control_path, "{\"req\":\"set\",\"args\":{\"key\":\"slice-us\",\"value\":\"1234\"}}", &err);
	hold(!err);
	json_object_put(resp);
	resp = get(world->control_path, "{\"req\":\"dump\"}", &err);
	hold(!err);
	for (size_t i = 0; i < targets_nr(); i++)
		hold(json_object_object_get_ex(resp, target_name(i), NULL));
	hold(json_object_object_get_ex(resp, "sched_ext", NULL));
	json_object_put(resp);
	resp = get(world->control_path, "{\"req\":\"stop\"}", &err);
	hold(!err);
	json_object_put(resp);
	return NULL;
}

static void test_changes(void **state)
{
	struct world *world = *state;

	assert_holds(with_loop(world->loop, change_things, world));
	assert_string_equal(settings_mode(world->settings), "gaming");
	assert_int_equal(settings_options(world->settings)->slice_us, 1234);
	assert_true(world->stopped);
}

/* A reader that asks for a change is told that it may not. Here as another user, let in by the group. */
static const char *ask_as_reader(void *data)
{
	struct world *world = data;
	pid_t pid = fork();
	int status;

	if (!pid) {
		json_object *resp;
		int err;

		if (setgid(4321) || setuid(4321))
			_exit(99);
		resp = get(world->control_path, "{\"req\":\"status\"}", &err);
		if (err || !resp)
			_exit(1);
		get(world->control_path, "{\"req\":\"stop\"}", &err);
		if (err != -EACCES)
			_exit(2);
		get(world->control_path, "{\"req\":\"game\",\"args\":{\"pid\":0}}", &err);
		_exit(err == -EACCES ? 0 : 3);
	}
	waitpid(pid, &status, 0);
	hold(WIFEXITED(status));
	hold(WEXITSTATUS(status) == 0);
	return NULL;
}

static void test_readers_change_nothing(void **state)
{
	struct world *world = *state;
	struct serve_config config = *serve_config(world->serve);

	serve_free(steal_ptr(&world->serve));
	unit_write_text(world->dir, "group", "scx_arcade:x:4321:\n");
	assert_int_equal(chmod(world->dir, 0755), 0);
	assert_int_equal(serve_new(&config, &world->serve), 0);
	assert_holds(with_loop(world->loop, ask_as_reader, world));
	assert_false(world->stopped);
	assert_int_equal(games_overridden(player_games(world->player)), GAMES_OVERRIDE_AUTO);
}

/* ---- our own clients ---- */

static enum status ctl(struct world *world, const char *words)
{
	char *argv[8], *rest, *copy = strdup(words);
	enum status status;
	int argc = 0;

	for (rest = copy; argc < 8 && rest;) {
		argv[argc] = strsep(&rest, " ");
		argc += *argv[argc] != '\0';
	}
	status = ctl_run(argc, argv, world->control_path);
	free(copy);
	return status;
}

static const char *use_ctl(void *data)
{
	struct world *world = data;
	char words[64];

	hold(ctl(world, "status") == STATUS_OK);
	hold(ctl(world, "status --json") == STATUS_OK);
	hold(ctl(world, "--help") == STATUS_OK);
	snprintf(words, sizeof(words), "explain %d", (int)world->child);
	hold(ctl(world, words) == STATUS_OK);
	hold(ctl(world, "game none") == STATUS_OK);
	hold(ctl(world, "game auto") == STATUS_OK);
	hold(ctl(world, "mode lowlatency") == STATUS_OK);
	hold(ctl(world, "set slice-us 2000") == STATUS_OK);
	hold(ctl(world, "set slice-us -1") == STATUS_FAILED);
	hold(ctl(world, "mode fast") == STATUS_FAILED);
	hold(ctl(world, "explain 4194304") == STATUS_FAILED);
	hold(ctl(world, "dump") == STATUS_OK);
	hold(ctl(world, "") == STATUS_USAGE);
	hold(ctl(world, "fast") == STATUS_USAGE);
	hold(ctl(world, "status now") == STATUS_USAGE);
	hold(ctl(world, "mode") == STATUS_USAGE);
	hold(ctl(world, "mode a b") == STATUS_USAGE);
	hold(ctl(world, "set a b c d e f") == STATUS_USAGE);
	hold(ctl(world, "game some") == STATUS_USAGE);
	hold(ctl(world, "explain 0") == STATUS_USAGE);
	hold(ctl(world, "explain none") == STATUS_USAGE);
	hold(ctl(world, "--fast") == STATUS_USAGE);
	hold(openmetrics_run(world->stats_path) == STATUS_OK);
	hold(openmetrics_run("/nonexistent/stats") == STATUS_NO_DAEMON);
	hold(ctl(world, "stop") == STATUS_OK);
	return NULL;
}

static void test_our_own_clients(void **state)
{
	struct world *world = *state;
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	const char *problem;

	fflush(stdout);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	problem = with_loop(world->loop, use_ctl, world);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(out);
	close(err);
	close(null);
	assert_holds(problem);
	assert_true(world->stopped);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_answers_are_what_is_described, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_snapshot_is_shared, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_games_by_word_of_the_user, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_readers_change_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_our_own_clients, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
