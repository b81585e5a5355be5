// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a control group makes of its members: background work by a mark, by weight, by cpu.idle and by systemd's name for it,
 * with and without a cpu controller of its own, while a game is in front and not otherwise; and never the game.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <linux/magic.h>

#include "bpf.h"
#include "log.h"

#define ROOT	"/sys/fs/cgroup"
#define HOME	ROOT "/groups"
#define WAIT_NS (20 * NSEC_PER_SEC)
#define TOO_DEEP 17

struct fixture {
	struct topology *topology;
	struct bpf *bpf;
	pid_t game;
};

static void pause_ns(uint64_t ns)
{
	const struct timespec pause = { .tv_sec = ns / NSEC_PER_SEC, .tv_nsec = ns % NSEC_PER_SEC };

	nanosleep(&pause, NULL);
}

/* Busy, and asleep in between: who has a CPU for himself and never sleeps is not looked at anew. */
static pid_t start(void)
{
	pid_t pid = fork();
	uint64_t until_ns;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		for (until_ns = now_ns() + NSEC_PER_MSEC; now_ns() < until_ns;)
			;
		pause_ns(NSEC_PER_MSEC);
	}
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* ---- groups ---- */

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		fail_msg("%s: cannot write '%s'", path, text);
	close(fd);
}

static void set(const char *group, const char *file, const char *value)
{
	char path[1024];

	snprintf(path, sizeof(path), "%s/%s", group, file);
	write_file(path, value);
}

static uint64_t make(const char *group)
{
	struct stat st;

	if (mkdir(group, 0755) && errno != EEXIST)
		fail_msg("%s: cannot be made", group);
	assert_int_equal(stat(group, &st), 0);
	return st.st_ino;
}

static void put(pid_t pid, const char *group)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	set(group, "cgroup.procs", text);
}

/* The end of a process leaves its group a moment later. */
static void remove_group(const char *group)
{
	uint64_t deadline = now_ns() + WAIT_NS;

	while (rmdir(group)) {
		if (errno != EBUSY || now_ns() > deadline)
			fail_msg("%s: cannot be removed", group);
		pause_ns(10 * NSEC_PER_MSEC);
	}
}

/* ---- what is seen ---- */

/* Return: the class of process @pid's only thread as the kernel half tells it, -1 if it does not. */
static int told_class(struct fixture *fixture, pid_t pid)
{
	struct arcade_thread records[32];
	int fd = bpf_open_threads(fixture->bpf), class = -1;
	ssize_t len;

	assert_true(fd >= 0);
	while ((len = read(fd, records, sizeof(records))) > 0)
		for (size_t i = 0; i < (size_t)len / sizeof(records[0]); i++)
			if (records[i].pid == (uint32_t)pid)
				class = records[i].class;
	close(fd);
	return class;
}

/* Whatever it was, it becomes this and stays so. */
static void expect(struct fixture *fixture, pid_t pid, enum arcade_class class)
{
	uint64_t deadline = now_ns() + WAIT_NS;

	while (told_class(fixture, pid) != (int)class)
		if (now_ns() > deadline)
			fail_msg("class is %d, not %d", told_class(fixture, pid), (int)class);
		else
			pause_ns(10 * NSEC_PER_MSEC);
	pause_ns(50 * NSEC_PER_MSEC);
	assert_int_equal(told_class(fixture, pid), class);
}

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct options opts;
	struct statfs fs;

	options_set_defaults(&opts);
	log_set_level(LOG_LEVEL_WARNING);
	bpf_init_logging();
	if (!fixture || statfs(ROOT, &fs) || (fs.f_type != CGROUP2_SUPER_MAGIC && mount("none", ROOT, "cgroup2", 0, NULL)))
		return -1;
	write_file(ROOT "/cgroup.subtree_control", "+cpu");
	make(HOME);
	write_file(HOME "/cgroup.subtree_control", "+cpu");
	if (topology_new("/sys", &fixture->topology) || bpf_new(&opts, fixture->topology, 0, &fixture->bpf))
		return -1;
	bpf_attach_hooks(fixture->bpf);
	if (bpf_facts(fixture->bpf)->hooks[BPF_HOOK_THREADS] != BPF_HOOK_ATTACHED || bpf_attach_scheduler(fixture->bpf))
		return -1;
	fixture->game = start();
	if (bpf_set_game(fixture->bpf, fixture->game) != 1)
		return -1;
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *fixture = *state;

	end(fixture->game);
	bpf_free(fixture->bpf);
	topology_free(fixture->topology);
	free(fixture);
	return 0;
}

/* ---- the tests ---- */

/* @group has its own cpu controller or shares the one above. */
static void check_mark(struct fixture *fixture, const char *group)
{
	uint64_t id = make(group);
	pid_t member = start(), late = start(), other = start();
	char below[256];

	snprintf(below, sizeof(below), "%s/below", group);
	put(member, group);
	expect(fixture, member, ARCADE_CLASS_NORMAL);
	assert_int_equal(bpf_mark_background_group(fixture->bpf, id), 0);
	expect(fixture, member, ARCADE_CLASS_BACKGROUND);
	expect(fixture, late, ARCADE_CLASS_NORMAL);
	/* Who comes later is in it as well, whoever its parent is, and nobody once he has left. */
	put(late, group);
	expect(fixture, late, ARCADE_CLASS_BACKGROUND);
	make(below);
	put(member, below);
	expect(fixture, member, ARCADE_CLASS_BACKGROUND);
	put(late, HOME "/other");
	expect(fixture, late, ARCADE_CLASS_NORMAL);
	expect(fixture, other, ARCADE_CLASS_NORMAL);
	put(late, group);
	/* Only while a game is in front. */
	bpf_set_game_in_front(fixture->bpf, false);
	expect(fixture, late, ARCADE_CLASS_NORMAL);
	bpf_set_game_in_front(fixture->bpf, true);
	expect(fixture, late, ARCADE_CLASS_BACKGROUND);
	/* Taken back, and made again. */
	bpf_clear_background(fixture->bpf);
	expect(fixture, member, ARCADE_CLASS_NORMAL);
	expect(fixture, late, ARCADE_CLASS_NORMAL);
	assert_int_equal(bpf_mark_background_group(fixture->bpf, id), 0);
	expect(fixture, member, ARCADE_CLASS_BACKGROUND);
	/* The game is the game, wherever it is. */
	put(fixture->game, group);
	expect(fixture, fixture->game, ARCADE_CLASS_GAME);
	put(fixture->game, ROOT);
	bpf_clear_background(fixture->bpf);
	end(member);
	end(late);
	end(other);
	remove_group(below);
	remove_group(group);
}

static void test_a_marked_group(void **state)
{
	make(HOME "/other");
	check_mark(*state, HOME "/marked");
	remove_group(HOME "/other");
}

static void test_a_marked_group_without_cpu_controller(void **state)
{
	make(HOME "/plain");
	make(HOME "/other");
	check_mark(*state, HOME "/plain/marked");
	remove_group(HOME "/other");
	remove_group(HOME "/plain");
}

static void test_children_are_born_into_it(void **state)
{
	struct fixture *fixture = *state;
	uint64_t id = make(HOME "/born");
	int end_of_it[2];
	pid_t child, parent;
	int told[2];

	assert_int_equal(bpf_mark_background_group(fixture->bpf, id), 0);
	assert_true(!pipe(told) && !pipe(end_of_it));
	parent = fork();
	if (!parent) {
		char byte;

		put(getpid(), HOME "/born");
		child = start();
		if (write(told[1], &child, sizeof(child)) != sizeof(child) || read(end_of_it[0], &byte, 1) < 0)
			_exit(1);
		end(child);
		_exit(0);
	}
	assert_int_equal(read(told[0], &child, sizeof(child)), sizeof(child));
	expect(fixture, child, ARCADE_CLASS_BACKGROUND);
	assert_int_equal(write(end_of_it[1], "", 1), 1);
	waitpid(parent, NULL, 0);
	bpf_clear_background(fixture->bpf);
	remove_group(HOME "/born");
	for (int i = 0; i < 2; i++) {
		close(told[i]);
		close(end_of_it[i]);
	}
}

static void test_low_weight(void **state)
{
	struct fixture *fixture = *state;
	pid_t pid = start();

	make(HOME "/light");
	put(pid, HOME "/light");
	expect(fixture, pid, ARCADE_CLASS_NORMAL);
	set(HOME "/light", "cpu.weight", "5");
	expect(fixture, pid, ARCADE_CLASS_BACKGROUND);
	set(HOME "/light", "cpu.weight", "12");
	expect(fixture, pid, ARCADE_CLASS_NORMAL);
	set(HOME "/light", "cpu.weight", "11");
	expect(fixture, pid, ARCADE_CLASS_BACKGROUND);
	/* The product counts. */
	set(HOME "/light", "cpu.weight", "20");
	expect(fixture, pid, ARCADE_CLASS_NORMAL);
	set(HOME, "cpu.weight", "50");
	expect(fixture, pid, ARCADE_CLASS_BACKGROUND);
	set(HOME, "cpu.weight", "100");
	expect(fixture, pid, ARCADE_CLASS_NORMAL);
	end(pid);
	remove_group(HOME "/light");
}

static void test_idle_group(void **state)
{
	struct fixture *fixture = *state;
	pid_t pid = start();

	make(HOME "/idle");
	put(pid, HOME "/idle");
	expect(fixture, pid, ARCADE_CLASS_NORMAL);
	set(HOME "/idle", "cpu.idle", "1");
	/* Older kernels do not tell of it. */
	expect(fixture, pid, bpf_facts(fixture->bpf)->group_idle ? ARCADE_CLASS_BACKGROUND : ARCADE_CLASS_NORMAL);
	set(HOME "/idle", "cpu.idle", "0");
	expect(fixture, pid, ARCADE_CLASS_NORMAL);
	end(pid);
	remove_group(HOME "/idle");
}

static void test_the_slice_of_systemd(void **state)
{
	struct fixture *fixture = *state;
	static const char *const others[] = { HOME "/background.slic", HOME "/background.slices", HOME "/xbackground.slice",
					      HOME "/Background.slice" };
	uint64_t id = make(HOME "/background.slice");
	pid_t pid = start();

	put(pid, HOME "/background.slice");
	expect(fixture, pid, ARCADE_CLASS_BACKGROUND);
	/* It is nobody's mark, and goes with nobody's. */
	assert_int_equal(bpf_mark_background_group(fixture->bpf, id), 0);
	bpf_clear_background(fixture->bpf);
	expect(fixture, pid, ARCADE_CLASS_BACKGROUND);
	make(HOME "/background.slice/indexer.service");
	put(pid, HOME "/background.slice/indexer.service");
	expect(fixture, pid, ARCADE_CLASS_BACKGROUND);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		make(others[i]);
		put(pid, others[i]);
		expect(fixture, pid, ARCADE_CLASS_NORMAL);
	}
	end(pid);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		remove_group(others[i]);
	remove_group(HOME "/background.slice/indexer.service");
	remove_group(HOME "/background.slice");
}

static void test_what_cannot_be_marked(void **state)
{
	struct fixture *fixture = *state;
	uint64_t id = make(HOME "/gone"), root;
	char path[1024] = HOME;
	struct stat st;

	remove_group(HOME "/gone");
	assert_int_equal(bpf_mark_background_group(fixture->bpf, id), -ENOENT);
	assert_int_equal(bpf_mark_background_group(fixture->bpf, 0), -ENOENT);
	assert_int_equal(bpf_mark_background_group(fixture->bpf, UINT64_MAX), -ENOENT);
	assert_int_equal(stat(ROOT, &st), 0);
	root = st.st_ino;
	assert_int_equal(bpf_mark_background_group(fixture->bpf, root), -ENOENT);
	for (int level = 2; level <= TOO_DEEP; level++) {
		strcat(path, "/x");
		id = make(path);
		assert_int_equal(bpf_mark_background_group(fixture->bpf, id), level < TOO_DEEP ? 0 : -ENOENT);
	}
	bpf_clear_background(fixture->bpf);
	for (int level = TOO_DEEP; level >= 2; level--) {
		remove_group(path);
		path[strlen(path) - 2] = '\0';
	}
	expect(fixture, fixture->game, ARCADE_CLASS_GAME);
}

#define GROUPS_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GROUPS_TEST(test_a_marked_group), GROUPS_TEST(test_a_marked_group_without_cpu_controller),
		GROUPS_TEST(test_children_are_born_into_it), GROUPS_TEST(test_low_weight), GROUPS_TEST(test_idle_group),
		GROUPS_TEST(test_the_slice_of_systemd), GROUPS_TEST(test_what_cannot_be_marked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
