/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * with_loop - a client in a thread beside the loop that serves it
 *
 * The thread may not use cmocka's assertions: it returns what did not hold, and
 * the test's own thread asserts that there is nothing.
 */
#ifndef ARCADE_TESTS_WITH_LOOP_H
#define ARCADE_TESTS_WITH_LOOP_H

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "unit.h"

#include "loop.h"

#define WITH_LOOP_GUARD_NS (60 * NSEC_PER_SEC)

#define WITH_LOOP_STR(x)  #x
#define WITH_LOOP_LINE(x) WITH_LOOP_STR(x)
/* In the thread. */
#define hold(condition) \
	do { \
		if (!(condition)) \
			return __FILE__ ":" WITH_LOOP_LINE(__LINE__) ": " #condition; \
	} while (0)

typedef const char *(*with_loop_fn)(void *data);

struct with_loop {
	struct loop *loop;
	struct source source;
	struct timer guard;
	with_loop_fn fn;
	void *data;
	const char *problem;
};

UNIT void *with_loop_thread(void *data)
{
	struct with_loop *with = data;
	uint64_t one = 1;

	with->problem = with->fn(with->data);
	if (write(with->source.fd, &one, sizeof(one)) != sizeof(one))
		abort();
	return NULL;
}

UNIT int with_loop_done(struct source *source, uint32_t events)
{
	struct with_loop *with = container_of(source, struct with_loop, source);

	loop_stop(with->loop, 1);
	return 0;
}

UNIT int with_loop_late(struct timer *timer, uint64_t now)
{
	return -ETIMEDOUT;
}

/* Runs @loop until @fn has returned in its thread. Return: what did not hold, NULL if all did. */
UNIT const char *with_loop(struct loop *loop, with_loop_fn fn, void *data)
{
	struct with_loop with = { .loop = loop, .fn = fn, .data = data };
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), r;
	pthread_t thread;

	assert_true(fd >= 0);
	source_init(&with.source, "test", with_loop_done);
	timer_init(&with.guard, "test", with_loop_late);
	assert_int_equal(source_attach(&with.source, loop, fd, EPOLLIN), 0);
	timer_arm(&with.guard, loop, now_ns() + WITH_LOOP_GUARD_NS, 0);
	assert_int_equal(pthread_create(&thread, NULL, with_loop_thread, &with), 0);
	r = loop_run(loop);
	assert_int_equal(r, 1);
	pthread_join(thread, NULL);
	timer_disarm(&with.guard);
	source_detach(&with.source);
	close(fd);
	return with.problem;
}

#define assert_holds(problem_) \
	do { \
		const char *assert_problem_ = (problem_); \
		if (assert_problem_) \
			fail_msg("%s", assert_problem_); \
	} while (0)

/* A plain blocking connection. Return: the descriptor, -errno. */
UNIT int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		int err = errno;

		close_fd(fd);
		return -err;
	}
	return fd;
}

/* Return: length of the line without its newline, terminated; 0 at the end, -errno. */
UNIT ssize_t read_line(int fd, char *buf, size_t size)
{
	size_t len = 0;

	while (len + 1 < size) {
		ssize_t n = recv(fd, buf + len, 1, 0);

		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (buf[len] == '\n') {
			buf[len] = '\0';
			return (ssize_t)len;
		}
		len++;
	}
	buf[len] = '\0';
	return 0;
}

#endif
