// SPDX-License-Identifier: GPL-2.0-only
/*
 * fuzz_protocol - any bytes, in any pieces, from a client on the sockets of the daemon
 *
 * The real rooms: servers, requests, and all that is dispatched from there, on
 * socketpairs. The first byte says which socket (statistics or control), and how
 * long the pieces are. What must hold: answers are whole lines of the protocol,
 * an error has words, and when the client goes nothing of it is left.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "log.h"
#include "serve.h"
#include "settings.h"
#include "options_json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct world {
	struct loop *loop;
	struct timer timer;
	struct settings *settings;
	struct player *player;
	struct serve *serve;
};

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void take(void *data, struct stats_snapshot *snapshot)
{
	memset(snapshot, 0, sizeof(*snapshot));
	snapshot->time_ns = now_ns();
}

static struct scheduling *no_scheduling(void *data)
{
	return NULL;
}

static void no_stop(void *data)
{
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

static int end_round(struct timer *timer, uint64_t now)
{
	struct world *world = container_of(timer, struct world, timer);

	loop_stop(world->loop, 1);
	return 0;
}

/* Two rounds, so that what the first has queued is done. */
static void turn(struct world *world)
{
	for (int i = 0; i < 2; i++) {
		timer_arm(&world->timer, world->loop, 0, 0);
		must(loop_run(world->loop) == 1);
	}
}

static struct world *make_world(void)
{
	static const struct serve_ops ops = {
		.take_snapshot = take,
		.scheduling = no_scheduling,
		.stop = no_stop,
		.describe_options = describe_options,
		.set_mode = set_mode,
		.set = set,
	};
	static struct world world;
	/* No files, no desktop: what it reads is this machine's /proc alone, and only if it is asked to explain. */
	char *argv[] = { (char *)"fuzz", (char *)"--no-detect", (char *)"--no-focus", NULL };
	static char stats[64], control[64];
	struct serve_config config = { .ops = &ops, .data = &world, .group_file = "/nonexistent" };

	snprintf(stats, sizeof(stats), "/tmp/arcade-fuzz-%d-stats", (int)getpid());
	snprintf(control, sizeof(control), "/tmp/arcade-fuzz-%d-control", (int)getpid());
	config.stats_path = stats;
	config.control_path = control;
	log_set_level(LOG_LEVEL_ERROR);
	timer_init(&world.timer, "fuzz", end_round);
	must(!loop_new(&world.loop));
	must(!settings_new(3, argv, stderr, &world.settings));
	must(!player_new(world.loop, settings_options(world.settings), NULL, &world.player));
	config.loop = world.loop;
	config.player = world.player;
	must(!serve_new(&config, &world.serve));
	/* Connections come as pairs here: nobody needs the places in the file system. */
	unlink(stats);
	unlink(control);
	return &world;
}

static void check_answers(const char *text, size_t len)
{
	while (len > 0) {
		const char *newline = memchr(text, '\n', len);
		json_object *line, *number = NULL, *args = NULL, *resp = NULL;

		must(newline);
		line = json_tokener_parse(strndupa(text, (size_t)(newline - text)));
		must(json_object_is_type(line, json_type_object));
		must(json_object_object_get_ex(line, "errno", &number) && json_object_object_get_ex(line, "args", &args));
		must(json_object_object_get_ex(args, "resp", &resp) && json_object_get_int(number) >= 0);
		must(!json_object_get_int(number) || *json_object_get_string(resp));
		json_object_put(line);
		len -= (size_t)(newline + 1 - text);
		text = newline + 1;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct world *world;
	static char answers[2 * 1024 * 1024];
	size_t piece, len = 0;
	int fds[2], rounds = 0;
	ssize_t n;

	if (!world)
		world = make_world();
	if (!size)
		return 0;
	must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds));
	must(!server_adopt(data[0] & 1 ? serve_control_server(world->serve) : serve_stats_server(world->serve), fds[0]));
	piece = data[0] >> 1 ? (size_t)(data[0] >> 1) * 7 : size;
	data++;
	size--;
	while (size > 0) {
		n = send(fds[1], data, piece < size ? piece : size, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN)
			break;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
		}
		turn(world);
		n = recv(fds[1], answers + len, sizeof(answers) - len, 0);
		if (n > 0)
			len += (size_t)n;
	}
	/* An explanation comes from another thread; who does not wait for it goes while it is owed, which must do no harm. */
	do {
		turn(world);
		n = recv(fds[1], answers + len, sizeof(answers) - len, 0);
		if (n > 0)
			len += (size_t)n;
	} while (n > 0 && ++rounds < 1000);
	/* What is not whole yet is not judged. */
	while (len > 0 && answers[len - 1] != '\n')
		len--;
	check_answers(answers, len);
	close(fds[1]);
	/* What it has sent is still read, a piece per turn. */
	for (int i = 0; i < 200 && (server_facts(serve_stats_server(world->serve))->nr_clients ||
				    server_facts(serve_control_server(world->serve))->nr_clients); i++)
		turn(world);
	must(server_facts(serve_stats_server(world->serve))->nr_clients == 0);
	must(server_facts(serve_control_server(world->serve))->nr_clients == 0);
	return 0;
}
