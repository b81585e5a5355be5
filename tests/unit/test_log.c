/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>

#include "log.h"
#include "util.h"

#define HANG_S 20

/* stderr is taken away only while lines are written: cmocka needs it for its own. */
static int real_stderr = -1;

static void stderr_to(int fd)
{
	fflush(stderr);
	real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	assert_true(real_stderr >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
}

static void stderr_back(void)
{
	int fd = steal_fd(&real_stderr);

	dup2(fd, STDERR_FILENO);
	close(fd);
}

/* What is in the file, from the start. */
static const char *file_text(int fd)
{
	static char text[1 << 16];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	assert_true(n >= 0);
	text[n] = '\0';
	return text;
}

static int new_file(void)
{
	char path[] = "/tmp/arcade-log-XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC | O_APPEND);

	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

/* Tells what earlier tests have lost, so that each starts from nothing. */
static int setup(void **state)
{
	int fd = new_file();

	unsetenv("JOURNAL_STREAM");
	unsetenv("NO_COLOR");
	setenv("TERM", "xterm", 1);
	log_set_level(LOG_LEVEL_ERROR);
	stderr_to(fd);
	log_error("flush");
	stderr_back();
	close(fd);
	log_set_level(LOG_LEVEL_INFO);
	/* A write that waits is a failure, not a hang. */
	alarm(HANG_S);
	*state = (void *)(intptr_t)new_file();
	return 0;
}

static int teardown(void **state)
{
	alarm(0);
	close((int)(intptr_t)*state);
	return 0;
}

static void test_levels(void **state)
{
	int fd = (int)(intptr_t)*state;

	assert_int_equal(log_get_level(), LOG_LEVEL_INFO);
	assert_true(log_enabled(LOG_LEVEL_INFO));
	assert_false(log_enabled(LOG_LEVEL_DEBUG));

	stderr_to(fd);
	log_error("one %d", 1);
	log_warning("two %s", "2");
	log_notice("three");
	log_info("four");
	log_debug("five");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("six");
	log_set_level(LOG_LEVEL_ERROR);
	log_warning("seven");
	log_error("eight");
	stderr_back();
	assert_string_equal(file_text(fd), "error: one 1\nwarning: two 2\nthree\nfour\ndebug: six\nerror: eight\n");
}

static int return_error(void)
{
	return log_error_errno(-ENOENT, "open %s", "file");
}

static void test_errno(void **state)
{
	int fd = (int)(intptr_t)*state;

	stderr_to(fd);
	errno = EDOM;
	assert_int_equal(return_error(), -ENOENT);
	assert_int_equal(log_warning_errno(ENOSPC, "positive"), -ENOSPC);
	assert_int_equal(log_info_errno(0, "no error"), 0);
	assert_int_equal(log_notice_errno(-99999, "strange"), -99999);
	/* Also when the line itself is not wanted. */
	assert_int_equal(log_debug_errno(-EIO, "silent"), -EIO);
	assert_int_equal(errno, EDOM);
	stderr_back();
	assert_string_equal(file_text(fd), "error: open file: No such file or directory\n"
					   "warning: positive: No space left on device\n"
					   "no error\n"
					   "strange: Unknown error 99999\n");
}

static void test_hostile_text(void **state)
{
	int fd = (int)(intptr_t)*state;

	stderr_to(fd);
	log_info("comm '%s' has exited", "x\n<0>forged\033[2J\x9b");
	log_info("one newline at the end is the caller's habit\n");
	log_info("%s", "");
	log_info("%s", "%s%n");
	stderr_back();
	assert_string_equal(file_text(fd), "comm 'x\\n<0>forged\\x1b[2J\\x9b' has exited\n"
					   "one newline at the end is the caller's habit\n"
					   "\n"
					   "%s%n\n");
}

static void test_long_line(void **state)
{
	int fd = (int)(intptr_t)*state;
	static const char end[] = "...: No such file or directory\n";
	char text[3 * LOG_LINE_MAX];
	const char *line;
	size_t len;

	memset(text, 'a', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	stderr_to(fd);
	log_error_errno(ENOENT, "%s", text);
	stderr_back();
	line = file_text(fd);
	len = strlen(line);
	assert_true(len < LOG_LINE_MAX && len > LOG_LINE_MAX - 8);
	/* The cut is marked, and the reason is not what is cut. */
	assert_string_equal(line + len - strlen(end), end);

	/* Around the bound, and where everything is escaped to four times its length. */
	memset(text, '\001', sizeof(text));
	for (size_t n = LOG_LINE_MAX / 4 - 8; n < LOG_LINE_MAX / 4 + 8; n++) {
		assert_int_equal(ftruncate(fd, 0), 0);
		stderr_to(fd);
		log_error("%.*s", (int)n, text);
		stderr_back();
		line = file_text(fd);
		assert_true(strlen(line) < LOG_LINE_MAX);
		assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	}
}

static void journal_pair(int ends[2])
{
	char stream[64];
	struct stat st;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(fstat(ends[0], &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
}

static void check_received(int fd, const char *expected)
{
	char text[4096];
	ssize_t n = recv(fd, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	assert_string_equal(text, expected);
}

static void test_journal(void **state)
{
	int ends[2];

	(void)state;
	journal_pair(ends);
	log_set_level(LOG_LEVEL_DEBUG);
	stderr_to(ends[0]);
	log_error("a");
	log_warning("b");
	log_notice("c");
	log_info("d");
	log_debug("e");
	stderr_back();
	check_received(ends[1], "<3>a\n<4>b\n<5>c\n<6>d\n<7>e\n");
	close(ends[0]);
	close(ends[1]);
}

static void test_not_the_journal(void **state)
{
	static const char *const streams[] = {
		"", ":", "1:", ":1", "1", "8:1 ", "-1:-1", "1:2:3", "99999999999999999999999999999999999999:1",
		"111111111111111111111111111111111111111111111111111111111111111111111111111111111",
	};
	int fd = (int)(intptr_t)*state, ends[2];
	char stream[200], right[100];

	/* Set for the socket that the service was started with, while stderr is a file now. */
	journal_pair(ends);
	snprintf(right, sizeof(right), "%s", getenv("JOURNAL_STREAM"));
	stderr_to(fd);
	log_error("a");
	stderr_back();
	assert_string_equal(file_text(fd), "error: a\n");

	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		setenv("JOURNAL_STREAM", streams[i], 1);
		stderr_to(ends[0]);
		log_error("a");
		stderr_back();
		check_received(ends[1], "error: a\n");
	}
	/* The right numbers with something behind them. */
	snprintf(stream, sizeof(stream), "%s0", right);
	setenv("JOURNAL_STREAM", stream, 1);
	stderr_to(ends[0]);
	log_error("a");
	stderr_back();
	check_received(ends[1], "error: a\n");
	close(ends[0]);
	close(ends[1]);
}

static void test_one_write_per_line(void **state)
{
	int ends[2];

	(void)state;
	/* Every message received is one that was sent. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	stderr_to(ends[0]);
	for (int i = 0; i < 5; i++)
		log_error_errno(EIO, "line %d", i);
	stderr_back();
	for (int i = 0; i < 5; i++) {
		char expected[64];

		snprintf(expected, sizeof(expected), "error: line %d: Input/output error\n", i);
		check_received(ends[1], expected);
	}
	close(ends[0]);
	close(ends[1]);
}

/* Writes three lines to @fd, which does not take them, then one to the file. */
static void check_lost(int bad_fd, int fd)
{
	uint64_t before = log_nr_lost();

	stderr_to(bad_fd >= 0 ? bad_fd : fd);
	if (bad_fd < 0)
		close(STDERR_FILENO);
	errno = EDOM;
	for (int i = 0; i < 3; i++)
		log_error("lost %d", i);
	assert_int_equal(errno, EDOM);
	assert_int_equal(log_nr_lost(), before + 3);
	dup2(fd, STDERR_FILENO);
	log_error("back");
	log_error("again");
	stderr_back();
	assert_int_equal(log_nr_lost(), before + 3);
	assert_string_equal(file_text(fd), "warning: 3 log lines lost\nerror: back\nerror: again\n");
}

static void test_full_disk(void **state)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	assert_true(full >= 0);
	check_lost(full, (int)(intptr_t)*state);
	close(full);
}

static void test_closed_stderr(void **state)
{
	check_lost(-1, (int)(intptr_t)*state);
}

static void test_read_only_stderr(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	check_lost(fd, (int)(intptr_t)*state);
	close(fd);
}

static void test_reader_gone(void **state)
{
	int ends[2];

	/* SIGPIPE has its default action here: not even then does a line kill. */
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	close(ends[0]);
	check_lost(ends[1], (int)(intptr_t)*state);
	close(ends[1]);
}

static void test_socket_reader_gone(void **state)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	close(ends[1]);
	check_lost(ends[0], (int)(intptr_t)*state);
	close(ends[0]);
}

static void fill(int fd)
{
	char page[4096] = {};
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while (write(fd, page, sizeof(page)) > 0)
		;
	while (write(fd, page, 1) > 0)
		;
	/* Blocking again: what a shell hands over. */
	fcntl(fd, F_SETFL, flags);
}

static void test_full_pipe(void **state)
{
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fill(ends[1]);
	check_lost(ends[1], (int)(intptr_t)*state);
	assert_false(fcntl(ends[1], F_GETFL) & O_NONBLOCK);
	close(ends[0]);
	close(ends[1]);
}

static void test_full_socket(void **state)
{
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	fill(ends[0]);
	check_lost(ends[0], (int)(intptr_t)*state);
	close(ends[0]);
	close(ends[1]);
}

static void test_lost_one(void **state)
{
	int fd = (int)(intptr_t)*state, full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	stderr_to(full);
	log_error("lost");
	/* Telling fails too: nothing is told twice or forgotten. */
	log_error("lost");
	stderr_back();
	stderr_to(fd);
	log_info("back");
	stderr_back();
	assert_string_equal(file_text(fd), "warning: 2 log lines lost\nback\n");

	stderr_to(full);
	log_debug("not wanted, not lost");
	log_error("lost");
	stderr_back();
	assert_int_equal(ftruncate(fd, 0), 0);
	stderr_to(fd);
	log_info("back");
	stderr_back();
	assert_string_equal(file_text(fd), "warning: 1 log line lost\nback\n");
	close(full);
}

static void test_disk_full_within_a_line(void **state)
{
	int fd = (int)(intptr_t)*state;
	struct rlimit old, small;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 12;
	stderr_to(fd);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	log_info("this is cut");	/* 12 bytes: just fits */
	log_info("lost");
	assert_int_equal(ftruncate(fd, 4), 0);
	log_info("torn in the middle");
	assert_int_equal(ftruncate(fd, 10), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	log_info("back");
	stderr_back();
	signal(SIGXFSZ, SIG_DFL);
	/* The rest of a line does not become the start of another. */
	assert_string_equal(file_text(fd), "thiswarnin\nwarning: 2 log lines lost\nback\n");
}

#define NR_THREADS 4
#define NR_LINES   200

static void *write_lines(void *data)
{
	char letter = *(char *)data, text[101];

	memset(text, letter, 100);
	text[100] = '\0';
	for (int i = 0; i < NR_LINES; i++)
		log_info("%.*s", 20 + i % 80, text);
	return NULL;
}

static void test_threads(void **state)
{
	static char letters[NR_THREADS] = { 'a', 'b', 'c', 'd' };
	int fd = (int)(intptr_t)*state, nr_lines = 0;
	pthread_t threads[NR_THREADS];
	const char *p;

	stderr_to(fd);
	for (int i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &letters[i]), 0);
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(threads[i], NULL);
	stderr_back();

	for (p = file_text(fd); *p; nr_lines++) {
		const char letters_seen[2] = { *p, '\0' };
		size_t len = strspn(p, letters_seen);

		/* A line is of one letter: nothing is mixed. */
		assert_true(len >= 20 && p[len] == '\n');
		p += len + 1;
	}
	assert_int_equal(nr_lines, NR_THREADS * NR_LINES);
}

static int open_terminal(int *terminal)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios raw;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0)
		skip();
	*terminal = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(*terminal >= 0);
	assert_int_equal(tcgetattr(*terminal, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(*terminal, TCSANOW, &raw), 0);
	return master;
}

static void check_terminal(int master, int terminal, const char *expected)
{
	size_t len = 0;
	char text[256];

	stderr_to(terminal);
	log_error("red");
	log_info("plain");
	stderr_back();
	/* A terminal hands on what it has so far. */
	while (len < strlen(expected)) {
		ssize_t n = read(master, text + len, strlen(expected) - len);

		assert_true(n > 0);
		len += (size_t)n;
	}
	assert_memory_equal(text, expected, strlen(expected));
}

static void test_colour(void **state)
{
	int terminal, master = open_terminal(&terminal);

	(void)state;
	check_terminal(master, terminal, "\033[1;31merror: red\033[0m\nplain\n");
	setenv("NO_COLOR", "1", 1);
	check_terminal(master, terminal, "error: red\nplain\n");
	unsetenv("NO_COLOR");
	setenv("TERM", "dumb", 1);
	check_terminal(master, terminal, "error: red\nplain\n");
	unsetenv("TERM");
	check_terminal(master, terminal, "error: red\nplain\n");
	close(terminal);
	close(master);
}

static void test_stopped_terminal(void **state)
{
	int terminal, master = open_terminal(&terminal);

	/* Ctrl-S in the window where the daemon runs must not stop the scheduler. */
	assert_int_equal(tcflow(terminal, TCOOFF), 0);
	check_lost(terminal, (int)(intptr_t)*state);
	assert_int_equal(tcflow(terminal, TCOON), 0);
	close(terminal);
	close(master);
}

static void test_fuzz(void **state)
{
	struct unit_random random = { 0x106 };
	int fd = (int)(intptr_t)*state, ends[2];
	char text[1001], line[2 * LOG_LINE_MAX];

	(void)fd;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
	for (int round = 0; round < FUZZ_ROUNDS; round++) {
		ssize_t n;

		unit_random_string(&random, "%sdn\033[\n\xc3\xa9", text, 1000);
		stderr_to(ends[0]);
		log_line((enum log_level)unit_random_below(&random, 4), (int)unit_random_below(&random, 200), "%s", text);
		stderr_back();
		n = recv(ends[1], line, sizeof(line), MSG_DONTWAIT);
		assert_true(n > 0 && n < LOG_LINE_MAX);
		assert_int_equal(line[n - 1], '\n');
		for (ssize_t i = 0; i < n - 1; i++)
			assert_true((unsigned char)line[i] >= 0x20 && line[i] != 0x7f);
	}
	close(ends[0]);
	close(ends[1]);
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LOG_TEST(test_levels),
		LOG_TEST(test_errno),
		LOG_TEST(test_hostile_text),
		LOG_TEST(test_long_line),
		LOG_TEST(test_journal),
		LOG_TEST(test_not_the_journal),
		LOG_TEST(test_one_write_per_line),
		LOG_TEST(test_full_disk),
		LOG_TEST(test_closed_stderr),
		LOG_TEST(test_read_only_stderr),
		LOG_TEST(test_reader_gone),
		LOG_TEST(test_socket_reader_gone),
		LOG_TEST(test_full_pipe),
		LOG_TEST(test_full_socket),
		LOG_TEST(test_lost_one),
		LOG_TEST(test_disk_full_within_a_line),
		LOG_TEST(test_threads),
		LOG_TEST(test_colour),
		LOG_TEST(test_stopped_terminal),
		LOG_TEST(test_fuzz),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
