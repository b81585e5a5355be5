/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames on stdout: whole or not at all, and never a wait. */
#include "unit.h"

#include <signal.h>

#include "out.h"
#include "util.h"

static char *frame_of(size_t len, char fill)
{
	char *frame = malloc(len);

	assert_non_null(frame);
	memset(frame, fill, len);
	frame[len - 1] = '\n';
	return frame;
}

static void test_frames_arrive(void **state)
{
	char text[16] = "";
	struct out out;
	int fds[2];

	assert_int_equal(pipe(fds), 0);
	out_init(&out, fds[1]);
	assert_int_equal(out_write(&out, strdup("one\n"), 4), 0);
	assert_int_equal(out_write(&out, strdup("two\n"), 4), 0);
	assert_int_equal(read(fds[0], text, sizeof(text) - 1), 8);
	assert_string_equal(text, "one\ntwo\n");
	assert_int_equal(out.nr_dropped, 0);
	out_deinit(&out);
	out_deinit(&out);
	close(fds[0]);
	close(fds[1]);
}

/* A reader that stops: what it has begun is finished later, what comes between is dropped and counted. */
static void test_slow_reader(void **state)
{
	const size_t len = 50000;
	char *text = calloc(1, 300000);
	size_t got = 0, lines = 0;
	struct out out;
	ssize_t n;
	int fds[2];

	assert_non_null(text);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	out_init(&out, fds[1]);
	for (int i = 0; i < 6; i++)
		assert_int_equal(out_write(&out, frame_of(len, 'a' + i), len), 0);
	assert_true(out.nr_dropped > 0);
	for (int i = 0; i < 10; i++) {
		while ((n = read(fds[0], text + got, 300000 - got)) > 0)
			got += n;
		assert_int_equal(out_write(&out, NULL, 0), 0);
	}
	for (size_t i = 0; i < got; i++)
		lines += text[i] == '\n';
	/* Whole frames only, each of one letter. */
	assert_int_equal(got, lines * len);
	for (size_t i = 0; i < got; i++)
		assert_true(text[i] == text[i / len * len] || text[i] == '\n');
	out_deinit(&out);
	free(text);
	close(fds[0]);
	close(fds[1]);
}

/* A terminal that nobody reads: writing to it as it is would sleep for ever. */
static void test_stopped_terminal(void **state)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), fd;
	struct out out;

	assert_true(master >= 0 && !grantpt(master) && !unlockpt(master));
	fd = open(ptsname(master), O_WRONLY | O_NOCTTY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(unblock_terminal(fd), 0);
	alarm(20);
	out_init(&out, fd);
	for (int i = 0; i < 100; i++)
		assert_int_equal(out_write(&out, frame_of(3000, 'a'), 3000), 0);
	alarm(0);
	assert_true(out.nr_dropped > 0);
	out_deinit(&out);
	close(fd);
	close(master);
}

static void test_no_reader(void **state)
{
	struct out out;
	int fds[2];

	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	out_init(&out, fds[1]);
	assert_int_equal(out_write(&out, strdup("one\n"), 4), -EPIPE);
	out_deinit(&out);
	close(fds[1]);
	out_init(&out, fds[1]);
	assert_int_equal(out_write(&out, strdup("one\n"), 4), -EBADF);
	out_deinit(&out);
}

static void test_full_disk(void **state)
{
	struct out out;
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	out_init(&out, fd);
	for (int i = 0; i < 3; i++)
		assert_int_equal(out_write(&out, strdup("one\n"), 4), 0);
	assert_int_equal(out.nr_dropped, 3);
	out_deinit(&out);
	close(fd);
}

static void test_frame_that_could_not_be_made(void **state)
{
	struct out out;
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC);

	out_init(&out, fd);
	assert_int_equal(out_write(&out, NULL, 0), 0);
	assert_int_equal(out.nr_dropped, 1);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_arrive),
		cmocka_unit_test(test_slow_reader),
		cmocka_unit_test(test_stopped_terminal),
		cmocka_unit_test(test_no_reader),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_frame_that_could_not_be_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
