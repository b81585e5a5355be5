/* SPDX-License-Identifier: GPL-2.0-only */
/* The line server with real sockets: requests in every cut, limits, who is let in, and what is left behind. */
#include "unit.h"

#include <grp.h>
#include <poll.h>
#include <sys/wait.h>

#include "access.h"
#include "client.h"
#include "listener.h"
#include "server.h"
#include "with_loop.h"

#define LINE_MAX_ 4096

struct world {
	char *dir;
	char path[256];
	struct loop *loop;
	struct access_rules rules;
	struct server *server;
	struct server_ticket late;	/* of a request "later" that waits */
	int nr_asked;
};

/* "echo" answers its text, "big" that many bytes, "later" when "now" comes, "bye" and closes. */
static void on_request(struct server_ticket ticket, const struct access_peer *peer, const struct request *request, void *data)
{
	struct world *world = data;
	const char *text = request_string(request, "text");
	struct answer *answer;
	int64_t size;
	char *bytes;

	world->nr_asked++;
	if (streq(request->name, "later")) {
		world->late = ticket;
		return;
	}
	if (streq(request->name, "now"))
		server_answer(world->server, world->late, answer_error(ENOENT, "that was later"));
	if (streq(request->name, "big") && !request_integer(request, "size", &size)) {
		bytes = malloc((size_t)size + 1);
		assert_non_null(bytes);
		memset(bytes, 'x', (size_t)size);
		bytes[size] = '\0';
		answer = answer_new(0, json_object_new_string(bytes));
		free(bytes);
	} else {
		answer = answer_new(0, json_object_new_string(text ? text : request->name));
	}
	if (streq(request->name, "bye"))
		server_answer_and_drop(world->server, ticket, answer);
	else
		server_answer(world->server, ticket, answer);
}

static void start(struct world *world)
{
	const struct server_config config = {
		.name = "test",
		.path = world->path,
		.loop = world->loop,
		.rules = &world->rules,
		.request_fn = on_request,
		.data = world,
	};

	assert_int_equal(server_new(&config, &world->server), 0);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->dir = unit_tempdir_new();
	snprintf(world->path, sizeof(world->path), "%s/run/deep/socket", world->dir);
	assert_int_equal(loop_new(&world->loop), 0);
	/* Whoever runs the test may ask. */
	access_set_session(&world->rules, getuid());
	start(world);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	server_free(world->server);
	loop_free(world->loop);
	unit_tempdir_free(world->dir);
	free(world);
	return 0;
}

static bool send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);

		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

static bool send_text(int fd, const char *text)
{
	return send_all(fd, text, strlen(text));
}

#define ECHO(text)	 "{\"req\":\"echo\",\"args\":{\"text\":\"" text "\"}}"
#define ECHOED(text)	 "{\"errno\":0,\"args\":{\"resp\":\"" text "\"}}"

static bool is_answer(int fd, const char *wanted)
{
	char line[LINE_MAX_];

	return read_line(fd, line, sizeof(line)) > 0 && streq(line, wanted);
}

static bool is_error(int fd, int number)
{
	char line[LINE_MAX_], start[64];

	snprintf(start, sizeof(start), "{\"errno\":%d,\"args\":{\"resp\":\"", number);
	return read_line(fd, line, sizeof(line)) > 0 && !strncmp(line, start, strlen(start));
}

static bool is_closed(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, 0);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

/* ---- requests ---- */

static const char *ask_in_every_cut(void *data)
{
	struct world *world = data;
	const char *text = ECHO("one") "\n" ECHO("two") "\r\n";
	size_t len = strlen(text);

	for (size_t cut = 1; cut < len; cut++) {
		int fd = connect_to(world->path);

		hold(fd >= 0);
		hold(send_all(fd, text, cut));
		usleep(500);
		hold(send_all(fd, text + cut, len - cut));
		hold(is_answer(fd, ECHOED("one")));
		hold(is_answer(fd, ECHOED("two")));
		close(fd);
	}
	return NULL;
}

static void test_cuts(void **state)
{
	struct world *world = *state;

	assert_holds(with_loop(world->loop, ask_in_every_cut, world));
	assert_int_equal(server_facts(world->server)->nr_errors, 0);
}

static const char *ask_many_at_once(void *data)
{
	struct world *world = data;
	int fd = connect_to(world->path);
	char all[100 * 64], one[64], wanted[64];

	hold(fd >= 0);
	all[0] = '\0';
	for (int i = 0; i < 100; i++) {
		snprintf(one, sizeof(one), "{\"req\":\"echo\",\"args\":{\"text\":\"%d\"}}\n", i);
		strcat(all, one);
	}
	hold(send_text(fd, all));
	for (int i = 0; i < 100; i++) {
		snprintf(wanted, sizeof(wanted), "{\"errno\":0,\"args\":{\"resp\":\"%d\"}}", i);
		hold(is_answer(fd, wanted));
	}
	close(fd);
	return NULL;
}

static void test_pipelined_requests_are_answered_in_order(void **state)
{
	struct world *world = *state;

	assert_holds(with_loop(world->loop, ask_many_at_once, world));
	assert_int_equal(world->nr_asked, 100);
}

static const char *ask_badly(void *data)
{
	static const char *const bad[] = { "x\n", "\n", "[]\n", "{}\n", "{\"req\":1}\n", "{\"req\":\"echo\",\"args\":[]}\n",
					   "{\"req\":\"echo\"} {}\n", "{\"req\":\"echo\"\n", "{'req':'echo'}\n", "{\"req\":\"\xff\"}\n" };
	struct world *world = data;
	int fd = connect_to(world->path);

	hold(fd >= 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		hold(send_text(fd, bad[i]));
		hold(is_error(fd, EINVAL));
	}
	/* And goes on. */
	hold(send_text(fd, ECHO("still") "\n"));
	hold(is_answer(fd, ECHOED("still")));
	hold(send_all(fd, "{\"req\":\"a\0b\"}\n", 14));
	hold(is_error(fd, EINVAL));
	hold(send_text(fd, "{\"req\":\"echo\",\"unknown\":[1,{\"a\":null}],\"args\":{\"text\":\"x\",\"more\":true}}\n"));
	hold(is_answer(fd, ECHOED("x")));
	close(fd);
	return NULL;
}

static void test_bad_requests(void **state)
{
	struct world *world = *state;

	assert_holds(with_loop(world->loop, ask_badly, world));
	assert_int_equal(server_facts(world->server)->nr_errors, 11);
}

/* More members or brackets than any request has: refused before they cost anything, and so are long lines. */
static const char *ask_too_much(void *data)
{
	struct world *world = data;
	char *line = malloc(REQUEST_MAX * 16 + 2);
	int fd;

	memset(line, '[', REQUEST_MAX - 1);
	strcpy(line + REQUEST_MAX - 1, "\n");
	fd = connect_to(world->path);
	hold(fd >= 0 && send_text(fd, line) && is_error(fd, E2BIG) && is_closed(fd));
	close(fd);

	/* One byte more than a request may have, with its end and without. */
	memset(line, ' ', REQUEST_MAX + 1);
	strcpy(line + REQUEST_MAX + 1, "\n");
	fd = connect_to(world->path);
	hold(fd >= 0 && send_text(fd, line) && is_error(fd, E2BIG) && is_closed(fd));
	close(fd);
	memset(line, 'x', REQUEST_MAX * 16);
	fd = connect_to(world->path);
	hold(fd >= 0);
	send_all(fd, line, REQUEST_MAX * 16);
	hold(is_error(fd, EMSGSIZE) && is_closed(fd));
	close(fd);

	/* As many as it may have. */
	memset(line, ' ', REQUEST_MAX);
	memcpy(line, ECHO("padded"), strlen(ECHO("padded")));
	strcpy(line + REQUEST_MAX, "\n");
	fd = connect_to(world->path);
	hold(fd >= 0 && send_text(fd, line) && is_answer(fd, ECHOED("padded")));
	close(fd);
	free(line);
	return NULL;
}

static void test_requests_that_are_too_long(void **state)
{
	struct world *world = *state;

	assert_holds(with_loop(world->loop, ask_too_much, world));
}

static const char *ask_big(void *data)
{
	struct world *world = data;
	int fd = connect_to(world->path);
	char *buf = malloc(1100 * 1024);
	ssize_t len;

	hold(fd >= 0);
	/* Much more than a socket holds: sent in many turns, while others are served. */
	hold(send_text(fd, "{\"req\":\"big\",\"args\":{\"size\":1000000}}\n" ECHO("after") "\n"));
	for (int i = 0; i < 20; i++) {
		int other = connect_to(world->path);

		hold(other >= 0 && send_text(other, ECHO("other") "\n") && is_answer(other, ECHOED("other")));
		close(other);
	}
	len = read_line(fd, buf, 1100 * 1024);
	hold(len == 1000000 + (ssize_t)strlen(ECHOED("")));
	hold(is_answer(fd, ECHOED("after")));
	/* Longer than an answer may be. */
	hold(send_text(fd, "{\"req\":\"big\",\"args\":{\"size\":\"2000000\"}}\n"));
	hold(is_error(fd, EMSGSIZE));
	close(fd);
	free(buf);
	return NULL;
}

static void test_big_answers(void **state)
{
	struct world *world = *state;

	assert_holds(with_loop(world->loop, ask_big, world));
	assert_int_equal(server_facts(world->server)->nr_dropped, 0);
}

static const char *ask_later(void *data)
{
	struct world *world = data;
	int waiting = connect_to(world->path), other = connect_to(world->path), gone = connect_to(world->path);

	hold(waiting >= 0 && other >= 0 && gone >= 0);
	hold(send_text(waiting, "{\"req\":\"later\"}\n" ECHO("next") "\n"));
	usleep(20000);
	hold(send_text(other, "{\"req\":\"now\"}\n") && is_answer(other, ECHOED("now")));
	hold(is_error(waiting, ENOENT));
	hold(is_answer(waiting, ECHOED("next")));
	/* Who has gone in the meantime is answered by nobody. */
	hold(send_text(gone, "{\"req\":\"later\"}\n"));
	usleep(20000);
	close(gone);
	usleep(20000);
	hold(send_text(other, "{\"req\":\"now\"}\n") && is_answer(other, ECHOED("now")));
	hold(send_text(other, "{\"req\":\"bye\"}\n") && is_answer(other, ECHOED("bye")) && is_closed(other));
	close(waiting);
	close(other);
	return NULL;
}

static void test_answers_that_come_later(void **state)
{
	struct world *world = *state;

	assert_holds(with_loop(world->loop, ask_later, world));
}

/* ---- limits ---- */

static const char *fill_up(void *data)
{
	struct world *world = data;
	bool root = !getuid();
	int limit = root ? SERVER_CLIENTS_MAX : SERVER_OTHERS_MAX, fds[200];

	for (int i = 0; i < 200; i++) {
		fds[i] = connect_to(world->path);
		hold(fds[i] >= 0);
		if (i >= limit)
			hold(is_error(fds[i], EBUSY) && is_closed(fds[i]));
		else
			hold(send_text(fds[i], ECHO("in") "\n") && is_answer(fds[i], ECHOED("in")));
	}
	/* A place that is free again is taken. */
	close(fds[0]);
	usleep(20000);
	fds[0] = connect_to(world->path);
	hold(fds[0] >= 0 && send_text(fds[0], ECHO("again") "\n") && is_answer(fds[0], ECHOED("again")));
	for (int i = 0; i < 200; i++)
		close(fds[i]);
	usleep(20000);
	return NULL;
}

static void test_more_clients_than_places(void **state)
{
	struct world *world = *state;

	assert_holds(with_loop(world->loop, fill_up, world));
	assert_int_equal(server_facts(world->server)->nr_full, 200 - (getuid() ? SERVER_OTHERS_MAX : SERVER_CLIENTS_MAX));
	assert_int_equal(server_facts(world->server)->nr_clients, 0);
}

/* Half requests of all clients together are limited, and so are answers that nobody reads; others are served. */
static const char *hoard(void *data)
{
	struct world *world = data;
	char *half = malloc(60 * 1024);
	int fds[40], good = connect_to(world->path), nr_told = 0, nr_cut = 0;
	struct pollfd pollfd;

	hold(good >= 0);
	memset(half, ' ', 60 * 1024);
	for (int i = 0; i < 40; i++) {
		fds[i] = connect_to(world->path);
		hold(fds[i] >= 0);
		send_all(fds[i], half, 60 * 1024);
	}
	hold(send_text(good, ECHO("good") "\n") && is_answer(good, ECHOED("good")));
	for (int i = 0; i < 40; i++) {
		pollfd = (struct pollfd){ .fd = fds[i], .events = POLLIN };
		/* The first of them are still being read. */
		if (poll(&pollfd, 1, 300) > 0)
			nr_told += is_error(fds[i], EBUSY);
		close(fds[i]);
	}
	/* 64 KiB each, 512 KiB in all. */
	hold(nr_told >= 40 - 8 && nr_told < 40);
	usleep(20000);
	for (int i = 0; i < 8; i++) {
		fds[i] = connect_to(world->path);
		hold(fds[i] >= 0 && send_text(fds[i], "{\"req\":\"big\",\"args\":{\"size\":1000000}}\n"));
	}
	usleep(50000);
	hold(send_text(good, ECHO("better") "\n") && is_answer(good, ECHOED("better")));
	for (int i = 0; i < 8; i++) {
		char *buf = malloc(1100 * 1024);

		nr_cut += read_line(fds[i], buf, 1100 * 1024) <= 0;
		free(buf);
		close(fds[i]);
	}
	hold(nr_cut >= 5 && nr_cut < 8);
	close(good);
	free(half);
	return NULL;
}

static void test_memory_is_limited(void **state)
{
	struct world *world = *state;

	assert_holds(with_loop(world->loop, hoard, world));
	assert_true(server_facts(world->server)->nr_dropped >= 5);
}

/* Ten seconds of patience, for half a request and for an answer that is not read; who is idle stays. */
static const char *be_slow(void *data)
{
	struct world *world = data;
	int half = connect_to(world->path), deaf = connect_to(world->path), idle = connect_to(world->path);
	uint64_t start = now_ns();
	char *buf = malloc(1100 * 1024);

	hold(half >= 0 && deaf >= 0 && idle >= 0);
	hold(send_text(deaf, "{\"req\":\"big\",\"args\":{\"size\":1000000}}\n"));
	/* A byte now and then does not help. */
	for (int i = 0; i < 14 && send_text(half, " "); i++)
		usleep(1000000);
	hold(is_closed(half));
	hold(now_ns() - start >= SERVER_PATIENCE_NS);
	/* Deadlines are looked at once a second. */
	usleep(1500000);
	hold(read_line(deaf, buf, 1100 * 1024) == 0);
	hold(send_text(idle, ECHO("idle") "\n") && is_answer(idle, ECHOED("idle")));
	close(half);
	close(deaf);
	close(idle);
	free(buf);
	return NULL;
}

static void test_slow_clients_are_dropped(void **state)
{
	struct world *world = *state;

	assert_holds(with_loop(world->loop, be_slow, world));
	assert_int_equal(server_facts(world->server)->nr_dropped, 2);
}

/* ---- who is let in ---- */

static const char *knock(void *data)
{
	struct world *world = data;
	int fd = connect_to(world->path);

	hold(fd >= 0 && is_error(fd, EACCES) && is_closed(fd));
	close(fd);
	return NULL;
}

/* As root: another user, with and without the group, primary and supplementary. */
static int knock_as(const char *path, uid_t uid, gid_t gid, gid_t other)
{
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		char line[LINE_MAX_];
		int fd;

		if (setgroups(1, &other) || setgid(gid) || setuid(uid))
			_exit(99);
		fd = connect_to(path);
		if (fd < 0)
			_exit(98);
		if (!send_text(fd, ECHO("me") "\n") && errno != EPIPE)
			_exit(97);
		if (read_line(fd, line, sizeof(line)) <= 0)
			_exit(96);
		_exit(streq(line, ECHOED("me")) ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *knock_as_others(void *data)
{
	struct world *world = data;

	hold(knock_as(world->path, 4321, 4321, 4321) == 1);
	hold(knock_as(world->path, 4321, 7777, 4321) == 0);
	hold(knock_as(world->path, 4321, 4321, 7777) == 0);
	hold(knock_as(world->path, 4322, 4321, 4321) == 0);
	return NULL;
}

static void test_who_is_let_in(void **state)
{
	struct world *world = *state;
	char path[300];

	/* Only root can be somebody else; anybody else can be a stranger. */
	if (getuid()) {
		access_clear_session(&world->rules);
		assert_holds(with_loop(world->loop, knock, world));
		assert_int_equal(server_facts(world->server)->nr_denied, 1);
		return;
	}
	unit_write_text(world->dir, "group", "root:x:0:\nother:x:1:\nscx_arcade:x:7777:a,b\n");
	snprintf(path, sizeof(path), "%s/group", world->dir);
	access_init(&world->rules, path);
	access_set_session(&world->rules, 4322);
	/* The folder of the test is its owner's alone. */
	assert_int_equal(chmod(world->dir, 0755), 0);
	assert_holds(with_loop(world->loop, knock_as_others, world));
	assert_int_equal(server_facts(world->server)->nr_denied, 1);
}

static void test_groups_from_odd_files(void **state)
{
	struct world *world = *state;
	struct access_rules rules;
	char path[300];

	access_init(&rules, "/nonexistent");
	assert_false(rules.has_group);
	snprintf(path, sizeof(path), "%s/fifo", world->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	access_init(&rules, path);
	assert_false(rules.has_group);
	access_init(&rules, world->dir);
	assert_false(rules.has_group);
	unit_write_text(world->dir, "odd", "\n:::\nscx_arcade\nscx_arcade:x:no:\nscx_arcadex:x:5:\n");
	snprintf(path, sizeof(path), "%s/odd", world->dir);
	access_init(&rules, path);
	assert_false(rules.has_group);
}

/* ---- the place in the file system ---- */

static void test_life_of_the_socket(void **state)
{
	struct world *world = *state;
	struct server_config config = {
		.name = "second", .path = world->path, .loop = world->loop, .rules = &world->rules, .request_fn = on_request,
	};
	struct server *second = NULL;
	char path[300];
	struct stat st;

	assert_int_equal(stat(world->path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0666);
	snprintf(path, sizeof(path), "%s/run/deep", world->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);

	/* One that is served is left alone. */
	assert_int_equal(server_new(&config, &second), -EADDRINUSE);
	assert_null(second);
	assert_int_equal(stat(world->path, &st), 0);

	/* One that took its place is not removed at the end. */
	assert_int_equal(unlink(world->path), 0);
	unit_write_text(world->dir, "run/deep/socket", "mine");
	server_free(steal_ptr(&world->server));
	assert_int_equal(stat(world->path, &st), 0);
	assert_int_equal(server_new(&config, &second), -EEXIST);
	assert_int_equal(unlink(world->path), 0);

	/* What is left of one that was killed is replaced; then everything that was made goes. */
	start(world);
	assert_int_equal(lstat(world->path, &st), 0);
	server_free(steal_ptr(&world->server));
	assert_int_equal(lstat(world->path, &st), -1);
}

static void test_stale_socket(void **state)
{
	struct world *world = *state;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char path[300];
	struct stat st;
	int fd;

	server_free(steal_ptr(&world->server));
	snprintf(path, sizeof(path), "%s/run", world->dir);
	assert_int_equal(lstat(path, &st), -1);
	unit_write_text(world->dir, "run/deep/other", "");
	assert_true(strlen(world->path) < sizeof(addr.sun_path));
	strcpy(addr.sun_path, world->path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	close(fd);
	assert_int_equal(connect_to(world->path), -ECONNREFUSED);
	start(world);
	assert_holds(with_loop(world->loop, ask_many_at_once, world));
	server_free(steal_ptr(&world->server));
	/* Folders that were there stay. */
	assert_int_equal(lstat(world->path, &st), -1);
	assert_int_equal(lstat(path, &st), 0);
}

static void test_places_that_cannot_be(void **state)
{
	struct world *world = *state;
	struct server_config config = { .name = "second", .loop = world->loop, .rules = &world->rules };
	struct server *second = NULL;
	char path[400];
	int fds = unit_count_fds();

	memset(path, 'x', 200);
	path[0] = '/';
	path[200] = '\0';
	config.path = path;
	assert_int_equal(server_new(&config, &second), -ENAMETOOLONG);
	unit_write_text(world->dir, "file", "");
	snprintf(path, sizeof(path), "%s/file/socket", world->dir);
	assert_int_equal(server_new(&config, &second), -ENOTDIR);
	assert_null(second);
	assert_int_equal(unit_count_fds(), fds);
}

static void test_nothing_is_left(void **state)
{
	struct world *world = *state;
	int fds, clients[10];

	server_free(steal_ptr(&world->server));
	fds = unit_count_fds();
	for (int round = 0; round < 5; round++) {
		start(world);
		for (int i = 0; i < 10; i++) {
			clients[i] = connect_to(world->path);
			assert_true(clients[i] >= 0);
			send_text(clients[i], i % 2 ? "{\"req\":\"later\"}\n" : "{\"req");
		}
		assert_holds(with_loop(world->loop, ask_later, world));
		server_free(steal_ptr(&world->server));
		for (int i = 0; i < 10; i++) {
			assert_true(is_closed(clients[i]));
			close(clients[i]);
		}
		assert_int_equal(unit_count_fds(), fds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_cuts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pipelined_requests_are_answered_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_requests, setup, teardown),
		cmocka_unit_test_setup_teardown(test_requests_that_are_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_big_answers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_answers_that_come_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_more_clients_than_places, setup, teardown),
		cmocka_unit_test_setup_teardown(test_memory_is_limited, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_clients_are_dropped, setup, teardown),
		cmocka_unit_test_setup_teardown(test_who_is_let_in, setup, teardown),
		cmocka_unit_test_setup_teardown(test_groups_from_odd_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_life_of_the_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_socket, setup, teardown),
		cmocka_unit_test_setup_teardown(test_places_that_cannot_be, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_is_left, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
