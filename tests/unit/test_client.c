/* SPDX-License-Identifier: GPL-2.0-only */
/* The client against a peer that answers well, late, in pieces, wrongly, or not at all. */
#include "unit.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "client.h"
#include "util.h"

#define TIMEOUT_MS 2000

struct peer {
	char *dir;
	char path[256];
	int listener;
	pthread_t thread;
	const char *answer;
	size_t piece;		/* bytes at a time, 0: all */
	bool close_first;	/* before anything is read */
	bool silent;
	size_t big;		/* an answer of that many bytes instead */
	char seen[256];
};

static void *serve(void *data)
{
	struct peer *peer = data;
	int fd = accept(peer->listener, NULL, NULL);
	char *big = NULL;
	const char *text = peer->answer;
	size_t len = 0;

	if (fd < 0)
		return NULL;
	if (!peer->close_first)
		while (len + 1 < sizeof(peer->seen) && recv(fd, peer->seen + len, 1, 0) == 1 && peer->seen[len++] != '\n')
			;
	peer->seen[len] = '\0';
	if (peer->big) {
		big = malloc(peer->big + 1);
		memset(big, ' ', peer->big);
		memcpy(big, peer->answer, strlen(peer->answer));
		big[peer->big - 1] = '\n';
		big[peer->big] = '\0';
		text = big;
	}
	for (size_t left = strlen(text); left && !peer->silent;) {
		size_t n = peer->piece && peer->piece < left ? peer->piece : left;
		ssize_t sent = send(fd, text + strlen(text) - left, n, MSG_NOSIGNAL);

		if (sent < 0)
			break;
		left -= (size_t)sent;
		if (peer->piece)
			usleep(2000);
	}
	if (peer->silent)
		usleep(400000);
	close(fd);
	free(big);
	return NULL;
}

static void start(struct peer *peer, const char *answer)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	peer->dir = unit_tempdir_new();
	peer->answer = answer;
	snprintf(peer->path, sizeof(peer->path), "%s/socket", peer->dir);
	assert_true(strlen(peer->path) < sizeof(addr.sun_path));
	strcpy(addr.sun_path, peer->path);
	peer->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(peer->listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(peer->listener, 1), 0);
	assert_int_equal(pthread_create(&peer->thread, NULL, serve, peer), 0);
}

static void stop(struct peer *peer)
{
	pthread_join(peer->thread, NULL);
	close(peer->listener);
	unit_tempdir_free(peer->dir);
}

/* Return: of client_request(); @text: what it left, @resp: as text, freed by the caller. */
static int ask(struct peer *peer, unsigned int timeout_ms, char text[CLIENT_MESSAGE_MAX], char **resp)
{
	json_object *req = client_make_request("stats", "target", "top"), *answer = NULL;
	struct client *client = NULL;
	int err;

	assert_non_null(req);
	assert_int_equal(client_connect(peer->path, timeout_ms, &client), 0);
	assert_true(client_fd(client) >= 0);
	err = client_request(client, req, &answer, timeout_ms);
	snprintf(text, CLIENT_MESSAGE_MAX, "%s", client_message(client));
	if (resp)
		*resp = !err ? strdup(json_object_to_json_string_ext(answer, JSON_C_TO_STRING_PLAIN)) : NULL;
	if (err == -EPROTO || err == -EPIPE || err == -ETIMEDOUT || err == -EMSGSIZE) {
		assert_int_equal(client_fd(client), -1);
		assert_int_equal(client_request(client, req, &answer, timeout_ms), -ENOTCONN);
	}
	json_object_put(answer);
	json_object_put(req);
	client_free(client);
	return err;
}

static void test_an_answer(void **state)
{
	static const size_t pieces[] = { 0, 1, 7 };
	char text[CLIENT_MESSAGE_MAX], *resp;

	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		struct peer peer = { .piece = pieces[i] };

		start(&peer, "{\"errno\":0,\"args\":{\"resp\":{\"a\":[1,2]}}}\n");
		assert_int_equal(ask(&peer, TIMEOUT_MS, text, &resp), 0);
		assert_string_equal(text, "");
		assert_string_equal(resp, "{\"a\":[1,2]}");
		free(resp);
		stop(&peer);
		assert_string_equal(peer.seen, "{\"req\":\"stats\",\"args\":{\"target\":\"top\"}}\n");
	}
}

static void test_errors_of_the_daemon(void **state)
{
	char text[CLIENT_MESSAGE_MAX];
	struct peer peer = {};

	start(&peer, "{\"errno\":22,\"args\":{\"resp\":\"no \\u001b[31mtarget\\n\"}}\n");
	assert_int_equal(ask(&peer, TIMEOUT_MS, text, NULL), -EINVAL);
	assert_string_equal(text, "no  [31mtarget ");
	stop(&peer);

	/* "Not yet" is the client's own word. */
	peer = (struct peer){};
	start(&peer, "{\"errno\":11,\"args\":{\"resp\":\"x\"}}\n");
	assert_int_equal(ask(&peer, TIMEOUT_MS, text, NULL), -EBUSY);
	stop(&peer);

	/* Who is turned away may have been so before it asked. */
	peer = (struct peer){ .close_first = true };
	start(&peer, "{\"errno\":13,\"args\":{\"resp\":\"not permitted\"}}\n");
	usleep(50000);
	assert_int_equal(ask(&peer, TIMEOUT_MS, text, NULL), -EACCES);
	assert_string_equal(text, "not permitted");
	stop(&peer);
}

static void test_what_is_no_answer(void **state)
{
	static const char *const bad[] = { "\n", "{}\n", "null\n", "{\"errno\":0}\n", "{\"errno\":0,\"args\":{}}\n", "{\"errno\":\"0\",\"args\":{\"resp\":1}}\n",
					   "{\"errno\":-1,\"args\":{\"resp\":1}}\n", "{\"errno\":99999999999,\"args\":{\"resp\":1}}\n", "[[[[\n",
					   "{\"errno\":0,\"args\":[]}\n", "{\"errno\":0,\"args\":{\"resp\":\n" };
	char text[CLIENT_MESSAGE_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct peer peer = {};

		start(&peer, bad[i]);
		assert_int_equal(ask(&peer, TIMEOUT_MS, text, NULL), -EPROTO);
		assert_true(*text);
		stop(&peer);
	}
}

static void test_no_answer(void **state)
{
	char text[CLIENT_MESSAGE_MAX];
	struct peer peer = {};
	uint64_t start_ns;

	start(&peer, "{\"errno\":0,\"ar");
	assert_int_equal(ask(&peer, TIMEOUT_MS, text, NULL), -EPIPE);
	stop(&peer);

	peer = (struct peer){ .silent = true };
	start(&peer, "");
	start_ns = now_ns();
	assert_int_equal(ask(&peer, 100, text, NULL), -ETIMEDOUT);
	assert_true(now_ns() - start_ns >= 100 * NSEC_PER_MSEC);
	assert_true(now_ns() - start_ns < 10 * NSEC_PER_SEC);
	stop(&peer);
}

static void test_big_answers(void **state)
{
	char text[CLIENT_MESSAGE_MAX], *resp;
	struct peer peer = { .big = CLIENT_ANSWER_MAX };

	start(&peer, "{\"errno\":0,\"args\":{\"resp\":[]}}");
	assert_int_equal(ask(&peer, TIMEOUT_MS * 5, text, &resp), 0);
	free(resp);
	stop(&peer);
	peer = (struct peer){ .big = CLIENT_ANSWER_MAX + 100 };
	start(&peer, "{\"errno\":0,\"args\":{\"resp\":[]}}");
	assert_int_equal(ask(&peer, TIMEOUT_MS * 5, text, NULL), -EMSGSIZE);
	stop(&peer);
}

static void test_nobody_there(void **state)
{
	struct client *client = NULL;
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char *dir = unit_tempdir_new(), path[200], longer[200];
	int fds = unit_count_fds(), fd, full[8];

	snprintf(path, sizeof(path), "%s/socket", dir);
	assert_int_equal(client_connect(path, 100, &client), -ENOENT);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(client_connect(longer, 100, &client), -ENAMETOOLONG);
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(client_connect(path, 100, &client), -ECONNREFUSED);

	/* A queue that nobody empties: not for ever. */
	assert_int_equal(listen(fd, 0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(full); i++) {
		full[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)!connect(full[i], (struct sockaddr *)&addr, sizeof(addr));
	}
	assert_int_equal(client_connect(path, 100, &client), -ETIMEDOUT);
	for (size_t i = 0; i < ARRAY_SIZE(full); i++)
		close(full[i]);
	close(fd);
	assert_null(client);
	client_free(NULL);
	assert_int_equal(unit_count_fds(), fds);
	unit_tempdir_free(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_answer),	 cmocka_unit_test(test_errors_of_the_daemon),
		cmocka_unit_test(test_what_is_no_answer), cmocka_unit_test(test_no_answer),
		cmocka_unit_test(test_big_answers),	 cmocka_unit_test(test_nobody_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
