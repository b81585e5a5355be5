// SPDX-License-Identifier: GPL-2.0-only
/* Asking a daemon over a real socket: rounds, refusals, silence, rubbish, and coming back. */
#include "unit.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "feed.h"

#define SEC 1000000000ULL

static char *dir;
static char path[108];
static int listener = -1, peer = -1;
static struct feed *feed;
static uint64_t now;

static void listen_here(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	memcpy(addr.sun_path, path, strlen(path) + 1);
	unlink(path);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(listener, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(listener, 4), 0);
}

static int begin(void **state)
{
	dir = unit_tempdir_new();
	snprintf(path, sizeof(path), "%s/stats", dir);
	now = 1000 * SEC;
	assert_int_equal(feed_new(path, SEC, &feed), 0);
	return 0;
}

static int end(void **state)
{
	feed_free(feed);
	feed_free(NULL);
	if (listener >= 0)
		close(listener);
	if (peer >= 0)
		close(peer);
	listener = peer = -1;
	unit_tempdir_free(dir);
	return 0;
}

static void accept_peer(void)
{
	if (peer >= 0)
		close(peer);
	peer = accept(listener, NULL, NULL);
	assert_true(peer >= 0);
}

/* The request that waits, one line. */
static const char *request(void)
{
	static char line[256];
	ssize_t n = recv(peer, line, sizeof(line) - 1, 0);

	assert_true(n > 0);
	line[n] = '\0';
	return line;
}

static void answer(const char *text)
{
	assert_int_equal(send(peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static const char top[] = "{\"errno\":0,\"args\":{\"resp\":{\"packets\":5,\"idle_direct\":1,\"time_ns\":9}}}\n";
static const char empty[] = "{\"errno\":0,\"args\":{\"resp\":{}}}\n";

/* Answer the round until its end. Return: requests answered. */
static int finish_round(void)
{
	enum feed_result result;
	int nr = 1;

	answer(top);
	while ((result = feed_step(feed, now)) == FEED_NOTHING) {
		request();
		answer(empty);
		nr++;
		assert_true(nr <= NR_TARGETS);
	}
	assert_int_equal(result, FEED_SNAPSHOT);
	return nr;
}

static void test_rounds(void **state)
{
	listen_here();
	assert_int_equal(feed_step(feed, now), FEED_NOTHING);
	accept_peer();
	assert_true(feed_fd(feed) >= 0);
	assert_non_null(strstr(request(), "\"target\":\"top\""));
	/* Nothing there yet: nothing happens, and nothing waits. */
	assert_int_equal(feed_step(feed, now), FEED_NOTHING);
	assert_int_equal(finish_round(), NR_TARGETS);
	assert_int_equal(feed_snapshot(feed)->top.counters[COUNTER_PACKETS], 5);
	assert_int_equal(feed_facts(feed)->state, FEED_LIVE);
	assert_non_null(feed_answer(feed, TARGET_TOP));
	/* Not before the interval is over; and then what changes seldom is left out. */
	assert_int_equal(feed_due_ns(feed), now + SEC);
	assert_int_equal(feed_step(feed, now + SEC / 2), FEED_NOTHING);
	now += SEC;
	assert_int_equal(feed_step(feed, now), FEED_NOTHING);
	request();
	assert_int_equal(finish_round(), NR_TARGETS - 2);
}

static void test_absent_then_there(void **state)
{
	assert_int_equal(feed_step(feed, now), FEED_CHANGED);
	assert_int_equal(feed_facts(feed)->state, FEED_ABSENT);
	assert_int_equal(feed_step(feed, now), FEED_NOTHING);
	/* A socket that nobody listens on any more. */
	listen_here();
	close(listener);
	listener = -1;
	now += FEED_RETRY_NS;
	assert_int_equal(feed_step(feed, now), FEED_CHANGED);
	assert_int_equal(feed_facts(feed)->state, FEED_ABSENT);
	assert_true(feed_facts(feed)->since_ns == now - FEED_RETRY_NS);
	listen_here();
	now += FEED_RETRY_NS;
	assert_int_equal(feed_step(feed, now), FEED_NOTHING);
	accept_peer();
	request();
	finish_round();
	assert_int_equal(feed_facts(feed)->state, FEED_LIVE);
	/* And away again. */
	close(peer);
	peer = -1;
	now += SEC;
	feed_step(feed, now);
	feed_step(feed, now);
	assert_int_equal(feed_facts(feed)->state, FEED_CLOSED);
}

/* Connect, get the first request, answer it with @text. */
static enum feed_state state_after(const char *text)
{
	listen_here();
	assert_int_equal(feed_step(feed, now), FEED_NOTHING);
	accept_peer();
	request();
	answer(text);
	assert_int_equal(feed_step(feed, now), FEED_CHANGED);
	assert_true(feed_fd(feed) == -1);
	return feed_facts(feed)->state;
}

static void test_forbidden(void **state)
{
	assert_int_equal(state_after("{\"errno\":13,\"args\":{\"resp\":\"group \\u001b[31m\"}}\n"), FEED_FORBIDDEN);
	assert_non_null(strstr(feed_facts(feed)->said, "group"));
}

static void test_refused(void **state)
{
	assert_int_equal(state_after("{\"errno\":11,\"args\":{\"resp\":\"64 clients are here\"}}\n"), FEED_REFUSED);
	assert_string_equal(feed_facts(feed)->said, "64 clients are here");
}

static void test_foreign(void **state)
{
	assert_int_equal(state_after("{\"errno\":0,\"args\":{\"resp\":{\"layers\":{}}}}\n"), FEED_FOREIGN);
}

static void test_rubbish(void **state)
{
	assert_int_equal(state_after("HTTP/1.1 400\n"), FEED_RUBBISH);
}

static void test_older_daemon(void **state)
{
	enum feed_result result;

	listen_here();
	feed_step(feed, now);
	accept_peer();
	request();
	answer(top);
	while ((result = feed_step(feed, now)) == FEED_NOTHING) {
		request();
		answer("{\"errno\":22,\"args\":{\"resp\":\"no such target\"}}\n");
	}
	assert_int_equal(result, FEED_SNAPSHOT);
	assert_null(feed_answer(feed, TARGET_THREADS));
}

static void test_silence(void **state)
{
	listen_here();
	assert_int_equal(feed_step(feed, now), FEED_NOTHING);
	accept_peer();
	answer("{\"errno\":0,");
	assert_int_equal(feed_step(feed, now), FEED_NOTHING);
	assert_true(feed_due_ns(feed) == now + FEED_TIMEOUT_NS);
	now += FEED_TIMEOUT_NS;
	assert_int_equal(feed_step(feed, now), FEED_CHANGED);
	assert_int_equal(feed_facts(feed)->state, FEED_SILENT);
	/* It takes the next connection, and keeps silent: the state stays what it is. */
	now += FEED_RETRY_NS;
	assert_int_equal(feed_step(feed, now), FEED_NOTHING);
	assert_int_equal(feed_facts(feed)->state, FEED_SILENT);
}

static void test_too_much(void **state)
{
	char *much = malloc(300000);
	enum feed_result result = FEED_NOTHING;
	int one = 1;

	assert_non_null(much);
	memset(much, 'x', 300000);
	listen_here();
	feed_step(feed, now);
	accept_peer();
	request();
	assert_int_equal(fcntl(peer, F_SETFL, O_NONBLOCK), 0);
	for (int i = 0; i < 10000 && result == FEED_NOTHING && one; i++) {
		ssize_t n = send(peer, much, 300000, MSG_NOSIGNAL);

		one = n > 0 || errno == EAGAIN;
		result = feed_step(feed, now);
	}
	assert_int_equal(result, FEED_CHANGED);
	assert_int_equal(feed_facts(feed)->state, FEED_RUBBISH);
	free(much);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rounds, begin, end),
		cmocka_unit_test_setup_teardown(test_absent_then_there, begin, end),
		cmocka_unit_test_setup_teardown(test_forbidden, begin, end),
		cmocka_unit_test_setup_teardown(test_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_foreign, begin, end),
		cmocka_unit_test_setup_teardown(test_rubbish, begin, end),
		cmocka_unit_test_setup_teardown(test_older_daemon, begin, end),
		cmocka_unit_test_setup_teardown(test_silence, begin, end),
		cmocka_unit_test_setup_teardown(test_too_much, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
