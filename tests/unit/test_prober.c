/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include "cgroup.h"
#include "prober.h"
#include "stall.h"

#define GUARD_NS (30 * NSEC_PER_SEC)

struct world {
	struct loop *loop;
	struct timer guard;
	struct timer check;
	struct prober *prober;
	struct programs *programs;
	char *dir;
	int fds;
	int nr_answers;
	int stop_after;
	int nr_errors;
	struct prober_answer last;	/* without what it owns */
	int last_pidfd;
	size_t nr_programs;
};

static int on_guard(struct timer *timer, uint64_t now)
{
	return -ETIMEDOUT;
}

static int on_check(struct timer *timer, uint64_t now)
{
	struct world *world = container_of(timer, struct world, check);

	prober_check(world->prober, now);
	return 0;
}

static void on_answer(struct prober_answer *answer, void *data)
{
	struct world *world = data;

	world->nr_answers++;
	world->nr_errors += answer->err != 0;
	close_fd(world->last_pidfd);
	world->last = *answer;
	world->last_pidfd = steal_fd(&answer->probe.pidfd);
	if (answer->programs)
		world->nr_programs = programs_nr(answer->programs);
	if (world->nr_answers == world->stop_after)
		loop_stop(world->loop, 7);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	char message[PROGRAMS_MESSAGE_MAX];

	assert_non_null(world);
	world->fds = unit_count_fds();
	world->last_pidfd = -1;
	world->dir = unit_tempdir_new();
	assert_int_equal(loop_new(&world->loop), 0);
	timer_init(&world->guard, "guard", on_guard);
	timer_init(&world->check, "check", on_check);
	timer_arm(&world->guard, world->loop, now_ns() + GUARD_NS, 0);
	assert_int_equal(programs_new(NULL, NULL, message, &world->programs), 0);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	timer_disarm(&world->check);
	timer_disarm(&world->guard);
	prober_free(world->prober);
	loop_free(world->loop);
	programs_unref(world->programs);
	close_fd(world->last_pidfd);
	unit_tempdir_free(world->dir);
	assert_int_equal(unit_count_fds(), world->fds);
	free(world);
	return 0;
}

static void start(struct world *world, const char *proc_path, const char *file, const char *dir)
{
	assert_int_equal(prober_new(world->loop, proc_path, file, dir, on_answer, world, &world->prober), 0);
}

static void ask(struct world *world, pid_t pid, uint64_t start_ticks)
{
	struct proc_id id = { .pid = pid, .start_ticks = start_ticks };

	assert_int_equal(prober_ask_process(world->prober, &id, world->programs), 0);
}

static void wait_answers(struct world *world, int nr)
{
	world->stop_after = world->nr_answers + nr;
	assert_int_equal(loop_run(world->loop), 7);
}

static pid_t start_sleep(void)
{
	int ends[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		execl("/bin/sleep", "Game.exe", "100", NULL);
		_exit(127);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
	return pid;
}

static void end_process(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_process(void **state)
{
	struct world *world = *state;
	pid_t pid = start_sleep();
	uint64_t start_ticks;

	start(world, "/proc", NULL, NULL);
	ask(world, pid, 0);
	assert_int_equal(prober_nr_pending(world->prober), 1);
	wait_answers(world, 1);
	assert_int_equal(prober_nr_pending(world->prober), 0);
	assert_int_equal(world->last.err, 0);
	assert_int_equal(world->last.kind, PROBER_PROBE);
	assert_string_equal(proc_arg(&world->last.probe.info, 0), "Game.exe");
	assert_int_equal(world->last.probe.info.ppid, getpid());
	start_ticks = world->last.probe.info.id.start_ticks;
	/* Its pidfd is this process's, and does not leak into children. */
	if (world->last_pidfd >= 0) {
		struct pollfd poll_fd = { .fd = world->last_pidfd, .events = POLLIN };

		assert_int_equal(poll(&poll_fd, 1, 0), 0);
		assert_true(fcntl(world->last_pidfd, F_GETFD) & FD_CLOEXEC);
	}
	ask(world, pid, start_ticks);
	wait_answers(world, 1);
	assert_int_equal(world->last.err, 0);
	/* The same number, but another process. */
	ask(world, pid, start_ticks - 1);
	wait_answers(world, 1);
	assert_int_equal(world->last.err, -ESRCH);
	end_process(pid);
	ask(world, pid, start_ticks);
	wait_answers(world, 1);
	assert_int_equal(world->last.err, -ESRCH);
}

static void write_process(struct world *world, int pid, const char *comm, int ppid, int start, const char *args, size_t len)
{
	static const char *const others[] = { "status", "cgroup", "environ", "maps" };
	char name[64], text[256];

	snprintf(name, sizeof(name), "%d/stat", pid);
	snprintf(text, sizeof(text), "%d (%s) S %d 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 3 0 %d 1000000 256 1\n", pid, comm, ppid,
		 start);
	unit_write_text(world->dir, name, text);
	snprintf(name, sizeof(name), "%d/cmdline", pid);
	unit_write_bytes(world->dir, name, args, len);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		snprintf(name, sizeof(name), "%d/%s", pid, others[i]);
		unit_write_text(world->dir, name, "");
	}
}

#define WRITE_PROCESS(world, pid, comm, ppid, start, args) write_process(world, pid, comm, ppid, start, args, sizeof(args))

static void test_ancestry(void **state)
{
	struct world *world = *state;

	WRITE_PROCESS(world, 1000, "steam", 1, 10, "/home/p/steam");
	WRITE_PROCESS(world, 1001, "reaper", 1000, 20, "/x/reaper\0SteamLaunch\0AppId=730\0--\0/x/game");
	WRITE_PROCESS(world, 1002, "sh", 1001, 20, "/bin/sh\0/x/game.sh");
	WRITE_PROCESS(world, 1003, "game", 1002, 30, "/x/game");
	/* Its parent's number belongs to somebody younger. */
	WRITE_PROCESS(world, 1004, "game", 1001, 19, "/x/game");
	/* A circle, which a real kernel never has. */
	WRITE_PROCESS(world, 1005, "game", 1006, 40, "/x/game");
	WRITE_PROCESS(world, 1006, "game", 1005, 40, "/x/game");
	start(world, world->dir, NULL, NULL);
	ask(world, 1003, 30);
	wait_answers(world, 1);
	assert_int_equal(world->last.err, 0);
	assert_int_equal(world->last.probe.ancestry.reaper_app_id, 730);
	assert_true(world->last.probe.ancestry.launcher);
	ask(world, 1004, 19);
	wait_answers(world, 1);
	assert_int_equal(world->last.probe.ancestry.reaper_app_id, 0);
	assert_false(world->last.probe.ancestry.launcher);
	ask(world, 1005, 40);
	wait_answers(world, 1);
	assert_int_equal(world->last.err, 0);
}

static void test_list_and_load(void **state)
{
	struct world *world = *state;
	char file[512];

	unit_write_text(world->dir, "list", "[game]\ndoom\nquake\n");
	snprintf(file, sizeof(file), "%s/list", world->dir);
	start(world, "/proc", file, NULL);
	assert_int_equal(prober_ask_list(world->prober), 0);
	wait_answers(world, 1);
	assert_int_equal(world->last.kind, PROBER_LIST);
	assert_int_equal(world->last.err, 0);
	assert_true(world->last.nr_ids > 0);
	assert_int_equal(prober_ask_load(world->prober), 0);
	wait_answers(world, 1);
	assert_int_equal(world->last.kind, PROBER_LOAD);
	assert_int_equal(world->nr_programs, 2);
	unit_write_text(world->dir, "list", "[gmae]\n");
	assert_int_equal(prober_ask_load(world->prober), 0);
	wait_answers(world, 1);
	assert_int_equal(world->last.err, -EINVAL);
	assert_non_null(strstr(world->last.message, "list:1: "));
}

static void test_full_queue(void **state)
{
	struct world *world = *state;
	const struct proc_id self = { .pid = getpid() };

	start(world, "/proc", NULL, NULL);
	for (int i = 0; i < PROBER_QUEUE_MAX; i++)
		assert_int_equal(prober_ask_process(world->prober, &self, world->programs), 0);
	assert_int_equal(prober_ask_process(world->prober, &self, world->programs), -EAGAIN);
	assert_int_equal(prober_ask_list(world->prober), -EAGAIN);
	wait_answers(world, PROBER_QUEUE_MAX);
	assert_int_equal(world->nr_errors, 0);
	ask(world, getpid(), 0);
	wait_answers(world, 1);
}

/* At any moment, with anything in the queue. */
static void test_free_at_any_time(void **state)
{
	struct world *world = *state;

	prober_free(NULL);
	for (int i = 0; i < 50; i++) {
		uint64_t before;

		start(world, "/proc", NULL, NULL);
		for (int k = 0; k < i; k++)
			ask(world, getpid(), 0);
		if (i % 3 == 0)
			assert_int_equal(prober_ask_list(world->prober), 0);
		if (i % 5 == 1)
			wait_answers(world, 1);
		before = now_ns();
		prober_free(world->prober);
		world->prober = NULL;
		assert_true(now_ns() - before < PROBER_STOP_NS);
	}
}

static void test_no_descriptors(void **state)
{
	struct world *world = *state;
	struct rlimit old = unit_forbid_fds();
	int err = prober_new(world->loop, "/proc", NULL, NULL, on_answer, world, &world->prober);

	unit_allow_fds(old);
	assert_int_equal(err, -EMFILE);
	assert_int_equal(prober_new(world->loop, "/nowhere", NULL, NULL, on_answer, world, &world->prober), -ENOENT);
	start(world, "/proc", NULL, NULL);
	old = unit_forbid_fds();
	ask(world, getpid(), 0);
	world->stop_after = 1;
	err = loop_run(world->loop);
	unit_allow_fds(old);
	assert_int_equal(err, 7);
	assert_int_equal(world->last.err, -EMFILE);
}

static struct stall stall;

static void wait_until_stuck(struct world *world)
{
	/* Beyond the look-up there is no sign of it from here: it has all the time it needs. */
	timer_arm(&world->guard, world->loop, now_ns() + 300 * NSEC_PER_MSEC, 0);
	assert_int_equal(loop_run(world->loop), -ETIMEDOUT);
	assert_int_equal(world->nr_answers, 0);
	timer_arm(&world->guard, world->loop, now_ns() + GUARD_NS, 0);
}

static void test_stop_while_stuck(void **state)
{
	struct world *world = *state;
	uint64_t before;

	if (stall_start(&stall)) {
		print_message("skipped: FUSE cannot be mounted here\n");
		skip();
	}
	start(world, stall.dir, NULL, NULL);
	ask(world, 77, 0);
	ask(world, 78, 0);
	wait_until_stuck(world);
	before = now_ns();
	prober_free(world->prober);
	world->prober = NULL;
	assert_true(now_ns() - before < PROBER_STOP_NS + 200 * NSEC_PER_MSEC);
	/* Now the thread comes free, and gives its memory and its descriptors back. */
	stall_release(&stall);
	before = now_ns();
	while (unit_count_fds() > world->fds + 1 && now_ns() < before + 5 * NSEC_PER_SEC)
		usleep(10000);
	stall_end(&stall);
}

static void test_goes_on_when_stuck(void **state)
{
	struct world *world = *state;
	uint64_t before = now_ns();
	char file[512];

	if (stall_start(&stall)) {
		print_message("skipped: FUSE cannot be mounted here\n");
		skip();
	}
	/* The processes can be read, the configuration cannot. */
	snprintf(file, sizeof(file), "%s/list", stall.dir);
	start(world, "/proc", file, NULL);
	timer_arm(&world->check, world->loop, now_ns() + 100 * NSEC_PER_MSEC, 100 * NSEC_PER_MSEC);
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(prober_ask_load(world->prober), 0);
		ask(world, getpid(), 0);
		assert_int_equal(prober_ask_list(world->prober), 0);
		wait_answers(world, 3);
		assert_int_equal(world->nr_errors, i);
		assert_int_equal(world->last.err, 0);
		assert_int_equal(world->last.kind, PROBER_LIST);
		assert_int_equal(prober_nr_pending(world->prober), 0);
	}
	assert_true(now_ns() - before >= 2 * PROBER_STUCK_NS);
	assert_true(now_ns() - before < 2 * PROBER_STUCK_NS + 5 * NSEC_PER_SEC);
	/* They come free, and are given back while the rest goes on. */
	stall_release(&stall);
	before = now_ns();
	timer_arm(&world->guard, world->loop, now_ns() + NSEC_PER_SEC, 0);
	assert_int_equal(loop_run(world->loop), -ETIMEDOUT);
	assert_int_equal(world->nr_answers, 6);
	stall_end(&stall);
}

/* A process whose read is stuck takes one thread, however often it is asked for. */
static void test_asks_once_when_stuck(void **state)
{
	const struct proc_id first = { .pid = 77, .start_ticks = 5 }, later = { .pid = 77, .start_ticks = 6 };
	const struct proc_id unknown = { .pid = 77 };
	struct world *world = *state;
	uint64_t before;

	if (stall_start(&stall)) {
		print_message("skipped: FUSE cannot be mounted here\n");
		skip();
	}
	start(world, stall.dir, NULL, NULL);
	timer_arm(&world->check, world->loop, now_ns() + 100 * NSEC_PER_MSEC, 100 * NSEC_PER_MSEC);
	assert_int_equal(prober_ask_process(world->prober, &first, world->programs), 0);
	wait_answers(world, 1);
	assert_int_equal(world->last.err, -ETIMEDOUT);
	assert_int_equal(prober_ask_process(world->prober, &first, world->programs), -EBUSY);
	assert_int_equal(prober_ask_process(world->prober, &unknown, world->programs), -EBUSY);
	assert_int_equal(prober_nr_pending(world->prober), 0);
	/* The number's next owner is another process. */
	assert_int_equal(prober_ask_process(world->prober, &later, world->programs), 0);
	/* It comes free, and may be asked for again. */
	stall_release(&stall);
	before = now_ns();
	while (prober_ask_process(world->prober, &first, world->programs) == -EBUSY && now_ns() < before + GUARD_NS) {
		usleep(10000);
		prober_check(world->prober, now_ns());
	}
	wait_answers(world, 2);
	stall_end(&stall);
}

/* A group's read may hang in anybody: however many are asked for, by whomever, they take one thread. */
static void test_groups_take_one_thread(void **state)
{
	struct world *world = *state;
	struct proc_id id = { .pid = 70 };
	uint64_t before = now_ns();

	if (stall_start(&stall)) {
		print_message("skipped: FUSE cannot be mounted here\n");
		skip();
	}
	/* Where the unified hierarchy is elsewhere. */
	if (mount("group", "/sys/fs/cgroup", "cgroup2", 0, NULL) && errno != EBUSY) {
		stall_end(&stall);
		print_message("skipped: there is no unified hierarchy here\n");
		skip();
	}
	start(world, stall.dir, NULL, NULL);
	for (; id.pid < 80; id.pid++)
		assert_int_equal(prober_ask_group(world->prober, &id, world->programs), 0);
	wait_answers(world, 1);
	assert_int_equal(world->last.err, -ETIMEDOUT);
	wait_answers(world, 9);
	assert_int_equal(world->last.err, -EBUSY);
	assert_true(now_ns() - before < 2 * PROBER_STUCK_NS + 5 * NSEC_PER_SEC);
	assert_int_equal(prober_ask_group(world->prober, &id, world->programs), -EBUSY);
	/* It hangs in one, but the process it was asked for can be read for all we know. */
	ask(world, 70, 0);
	/* What comes free makes room. */
	stall_release(&stall);
	wait_answers(world, 1);
	before = now_ns();
	while (prober_ask_group(world->prober, &id, world->programs) == -EBUSY && now_ns() < before + GUARD_NS) {
		usleep(10000);
		prober_check(world->prober, now_ns());
	}
	wait_answers(world, 1);
	assert_int_not_equal(world->last.err, -EBUSY);
	stall_end(&stall);
}

static void ask_group(struct world *world, pid_t pid)
{
	assert_int_equal(prober_ask_group(world->prober, &(struct proc_id){ .pid = pid }, world->programs), 0);
	wait_answers(world, 1);
	assert_int_equal(world->last.kind, PROBER_GROUP);
	assert_int_equal(world->last.id.pid, pid);
}

/* What there is to see of our own group without a look at who is in it; ALONE: that decides. */
static enum background_group_kind kind_of_ours(char path[CGROUP_PATH_MAX])
{
	static pid_t pids[BACKGROUND_GROUP_MEMBERS_MAX];
	_cleanup_close_ int proc = proc_open_root("/proc"), root = cgroup_open_root();
	_cleanup_close_ int dirfd = proc_open(proc, getpid());
	_cleanup_close_ int group = -1;
	ssize_t nr;

	*path = '\0';
	if (cgroup_read_path(dirfd, path))
		return BACKGROUND_GROUP_UNKNOWN;
	if (!strcmp(path, "/"))
		return BACKGROUND_GROUP_ROOT;
	group = cgroup_open(root, path);
	if (group < 0 || cgroup_read_nr_below(group) < 0)
		return BACKGROUND_GROUP_UNKNOWN;
	if (cgroup_read_nr_below(group))
		return BACKGROUND_GROUP_DIVIDED;
	nr = cgroup_read_members(group, pids, ARRAY_SIZE(pids));
	if (nr < 0)
		return nr == -E2BIG ? BACKGROUND_GROUP_CROWDED : BACKGROUND_GROUP_UNKNOWN;
	return BACKGROUND_GROUP_ALONE;
}

/* Return: is it in a group of its own now, which is to be removed? */
static bool give_group(char *path, pid_t pid)
{
	char file[CGROUP_PATH_MAX + 64], text[16];
	bool is_in;
	int fd;

	if (mkdir(path, 0755))
		return false;
	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	snprintf(text, sizeof(text), "%d", (int)pid);
	fd = open(file, O_WRONLY | O_CLOEXEC);
	is_in = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close_fd(fd);
	if (!is_in)
		rmdir(path);
	return is_in;
}

static void test_group(void **state)
{
	char ours[CGROUP_PATH_MAX], path[CGROUP_PATH_MAX + 32], below[CGROUP_PATH_MAX + 48];
	struct world *world = *state;
	pid_t pid = start_sleep();
	bool has_hierarchy, is_made = false;
	struct stat st;

	start(world, "/proc", NULL, NULL);
	ask_group(world, pid);
	has_hierarchy = !world->last.err;
	if (has_hierarchy) {
		enum background_group_kind kind = kind_of_ours(ours);

		/* Whoever is in it besides may work for a program of the list, as make is one. */
		if (kind != BACKGROUND_GROUP_ALONE || world->last.group.kind != BACKGROUND_GROUP_SHARED)
			assert_int_equal(world->last.group.kind, kind);
		snprintf(path, sizeof(path), "/sys/fs/cgroup%s/arcade-unit-%d", strcmp(ours, "/") ? ours : "", (int)getpid());
		is_made = *ours && give_group(path, pid);
	} else {
		assert_int_equal(world->last.err, -EOPNOTSUPP);
	}
	if (is_made) {
		assert_int_equal(stat(path, &st), 0);
		ask_group(world, pid);
		assert_int_equal(world->last.err, 0);
		assert_int_equal(world->last.group.kind, BACKGROUND_GROUP_ALONE);
		assert_int_equal(world->last.group.id, st.st_ino);
		snprintf(below, sizeof(below), "%s/below", path);
		assert_int_equal(mkdir(below, 0755), 0);
		ask_group(world, pid);
		assert_int_equal(rmdir(below), 0);
		assert_int_equal(world->last.group.kind, BACKGROUND_GROUP_DIVIDED);
		assert_int_equal(world->last.group.id, 0);
	} else {
		print_message("without a group of its own: none can be made here\n");
	}
	end_process(pid);
	for (int i = 0; is_made && rmdir(path); i++) {
		assert_true(errno == EBUSY && i < 1000);
		usleep(10000);
	}
	ask_group(world, pid);
	assert_int_equal(world->last.err, has_hierarchy ? -ESRCH : -EOPNOTSUPP);
}

#define PROBER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROBER_TEST(test_process),	     PROBER_TEST(test_ancestry),
		PROBER_TEST(test_list_and_load),     PROBER_TEST(test_full_queue),
		PROBER_TEST(test_free_at_any_time),  PROBER_TEST(test_no_descriptors),
		PROBER_TEST(test_stop_while_stuck),  PROBER_TEST(test_goes_on_when_stuck),
		PROBER_TEST(test_asks_once_when_stuck), PROBER_TEST(test_groups_take_one_thread),
		PROBER_TEST(test_group),
	};

	return cmocka_run_group_tests_name("prober", tests, NULL, NULL);
}
