/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Real folders and real events. A test waits for a condition with a deadline, and the loop runs meanwhile.
 */
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/inotify.h>
#include <sys/wait.h>

#include "loop.h"
#include "notify.h"
#include "watch.h"

#define PATIENCE_NS (20 * NSEC_PER_SEC)

struct world {
	struct loop *loop;
	struct watch *watch;
	char *dir;
	struct timer timer;
	uint64_t deadline_ns;

	uint64_t nr[NR_WATCH_KINDS][NR_WATCH_WHATS];
	char last[NR_WATCH_WHATS][512];
	enum watch_kind awaited_kind;
	enum watch_what awaited_what;
	uint64_t awaited_nr;
};

static void check_done(struct world *world)
{
	if (world->nr[world->awaited_kind][world->awaited_what] >= world->awaited_nr)
		loop_stop(world->loop, 1);
}

static void take(void *data, const struct watch_event *event)
{
	struct world *world = data;

	assert_true(event->kind < NR_WATCH_KINDS && event->what < NR_WATCH_WHATS);
	world->nr[event->kind][event->what]++;
	snprintf(world->last[event->what], sizeof(world->last[0]), "%s", event->path);
	check_done(world);
}

static int give_up(struct timer *timer, uint64_t now)
{
	struct world *world = container_of(timer, struct world, timer);

	loop_stop(world->loop, 2);
	return 0;
}

/* Until the world has seen @nr events of that sort in all. */
static void await(struct world *world, enum watch_kind kind, enum watch_what what, uint64_t nr)
{
	int r;

	world->awaited_kind = kind;
	world->awaited_what = what;
	world->awaited_nr = nr;
	if (world->nr[kind][what] >= nr)
		return;
	timer_arm(&world->timer, world->loop, now_ns() + PATIENCE_NS, 0);
	r = loop_run(world->loop);
	timer_disarm(&world->timer);
	if (r != 1)
		print_message("kind %d, what %d: %lu of %lu\n", kind, what, (unsigned long)world->nr[kind][what],
			      (unsigned long)nr);
	assert_int_equal(r, 1);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->dir = unit_tempdir_new();
	assert_int_equal(loop_new(&world->loop), 0);
	timer_init(&world->timer, "patience", give_up);
	assert_int_equal(watch_new(world->loop, take, world, &world->watch), 0);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	watch_free(world->watch);
	timer_disarm(&world->timer);
	loop_free(world->loop);
	unit_tempdir_free(world->dir);
	free(world);
	return 0;
}

static char *path_of(struct world *world, const char *name)
{
	static char path[8][600];
	static int next;
	char *buf = path[next++ % 8];

	snprintf(buf, sizeof(path[0]), "%s/%s", world->dir, name);
	return buf;
}

static void add(struct world *world, const char *name, enum watch_kind kind)
{
	assert_int_equal(watch_add(world->watch, path_of(world, name), kind), 0);
}

static void make_dir(struct world *world, const char *name)
{
	assert_int_equal(mkdir(path_of(world, name), 0755), 0);
}

static void test_files_come_and_go(void **state)
{
	struct world *world = *state;

	make_dir(world, "conf");
	add(world, "conf", WATCH_CONFIG);
	await(world, WATCH_CONFIG, WATCH_RESCAN, 1);
	unit_write_text(world->dir, "conf/a", "x");
	await(world, WATCH_CONFIG, WATCH_ADDED, 1);
	assert_string_equal(world->last[WATCH_ADDED], path_of(world, "conf/a"));
	await(world, WATCH_CONFIG, WATCH_CHANGED, 1);
	assert_int_equal(chmod(path_of(world, "conf/a"), 0600), 0);
	await(world, WATCH_CONFIG, WATCH_CHANGED, 2);
	assert_int_equal(rename(path_of(world, "conf/a"), path_of(world, "conf/b")), 0);
	await(world, WATCH_CONFIG, WATCH_REMOVED, 1);
	await(world, WATCH_CONFIG, WATCH_ADDED, 2);
	assert_string_equal(world->last[WATCH_ADDED], path_of(world, "conf/b"));
	assert_int_equal(unlink(path_of(world, "conf/b")), 0);
	await(world, WATCH_CONFIG, WATCH_REMOVED, 2);
	assert_int_equal(watch_nr_lost(world->watch), 0);
}

static void test_kinds_are_told_apart(void **state)
{
	struct world *world = *state;

	make_dir(world, "x");
	for (int kind = 0; kind < NR_WATCH_KINDS; kind++) {
		add(world, "x", kind);
		await(world, kind, WATCH_RESCAN, 1);
	}
	/* Each kind wants something else of the same folder. */
	unit_write_text(world->dir, "x/event7", "");
	unit_write_text(world->dir, "x/MangoHud.1", "");
	unit_write_text(world->dir, "x/mouse0", "");
	make_dir(world, "x/app.scope");
	await(world, WATCH_STEAM, WATCH_ADDED, 4);
	await(world, WATCH_CONFIG, WATCH_ADDED, 4);
	await(world, WATCH_APP_SLICE, WATCH_ADDED, 1);
	await(world, WATCH_SHM, WATCH_ADDED, 1);
	await(world, WATCH_DEV_INPUT, WATCH_ADDED, 1);
	assert_int_equal(world->nr[WATCH_DEV_INPUT][WATCH_ADDED], 1);
	assert_int_equal(world->nr[WATCH_SHM][WATCH_ADDED], 1);
	assert_int_equal(world->nr[WATCH_APP_SLICE][WATCH_ADDED], 1);
}

static void test_folders_appear_later(void **state)
{
	struct world *world = *state;
	char deep[] = "a/b/c/d";

	add(world, deep, WATCH_STEAM);
	/* One level at a time, and then all at once: what is between may come before we look. */
	make_dir(world, "a");
	make_dir(world, "a/b");
	make_dir(world, "a/b/c");
	assert_int_equal(world->nr[WATCH_STEAM][WATCH_RESCAN], 0);
	make_dir(world, "a/b/c/d");
	await(world, WATCH_STEAM, WATCH_RESCAN, 1);
	unit_write_text(world->dir, "a/b/c/d/file", "");
	await(world, WATCH_STEAM, WATCH_ADDED, 1);
	for (uint64_t i = 2; i < 12; i++) {
		/* Moved away with all that is in it, and another in its place. */
		assert_int_equal(rename(path_of(world, "a/b/c/d"), path_of(world, "old")), 0);
		await(world, WATCH_STEAM, WATCH_REMOVED, i - 1);
		make_dir(world, "a/b/c/d");
		await(world, WATCH_STEAM, WATCH_RESCAN, i);
		unit_write_text(world->dir, "a/b/c/d/file", "");
		await(world, WATCH_STEAM, WATCH_ADDED, i);
		assert_int_equal(unlink(path_of(world, "old/file")), 0);
		assert_int_equal(rmdir(path_of(world, "old")), 0);
	}
}

static void test_a_folder_that_comes_again_often(void **state)
{
	struct world *world = *state;

	/* More often than the library is let forget nothing. */
	add(world, "shm", WATCH_SHM);
	for (uint64_t i = 1; i <= 200; i++) {
		uint64_t added = world->nr[WATCH_SHM][WATCH_ADDED];

		make_dir(world, "shm");
		await(world, WATCH_SHM, WATCH_RESCAN, world->nr[WATCH_SHM][WATCH_RESCAN] + 1);
		unit_write_text(world->dir, "shm/mangohud", "");
		await(world, WATCH_SHM, WATCH_ADDED, added + 1);
		assert_int_equal(unlink(path_of(world, "shm/mangohud")), 0);
		assert_int_equal(rmdir(path_of(world, "shm")), 0);
		await(world, WATCH_SHM, WATCH_REMOVED, world->nr[WATCH_SHM][WATCH_REMOVED] + 1);
	}
}

static void test_replaced_while_somebody_holds_it(void **state)
{
	struct world *world = *state;
	int fd;

	make_dir(world, "held");
	add(world, "held", WATCH_CONFIG);
	await(world, WATCH_CONFIG, WATCH_RESCAN, 1);
	/* An open folder lives on after it was removed, and says nothing. */
	fd = open(path_of(world, "held"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(rmdir(path_of(world, "held")), 0);
	make_dir(world, "held");
	await(world, WATCH_CONFIG, WATCH_RESCAN, 2);
	unit_write_text(world->dir, "held/new", "");
	await(world, WATCH_CONFIG, WATCH_ADDED, 1);
	close(fd);
}

static void test_traps_hold_up_nothing(void **state)
{
	struct world *world = *state;

	make_dir(world, "conf");
	assert_int_equal(mkfifo(path_of(world, "conf/fifo"), 0666), 0);
	assert_int_equal(mkfifo(path_of(world, "pipe"), 0666), 0);
	assert_int_equal(symlink("nowhere", path_of(world, "dangling")), 0);
	assert_int_equal(symlink("loop", path_of(world, "loop")), 0);
	unit_write_text(world->dir, "file", "x");
	add(world, "pipe", WATCH_STEAM);
	add(world, "dangling", WATCH_STEAM);
	add(world, "loop", WATCH_STEAM);
	add(world, "file", WATCH_STEAM);
	add(world, "file/below", WATCH_STEAM);
	add(world, "conf", WATCH_CONFIG);
	await(world, WATCH_CONFIG, WATCH_RESCAN, 1);
	assert_int_equal(mkfifo(path_of(world, "conf/event\033[31m\n"), 0666), 0);
	await(world, WATCH_CONFIG, WATCH_ADDED, 1);
	assert_string_equal(world->last[WATCH_ADDED], path_of(world, "conf/event\033[31m\n"));
	assert_int_equal(world->nr[WATCH_STEAM][WATCH_RESCAN], 0);
	/* A folder in a file's place. */
	assert_int_equal(unlink(path_of(world, "pipe")), 0);
	make_dir(world, "pipe");
	await(world, WATCH_STEAM, WATCH_RESCAN, 1);
	/* A link that points somewhere at last. */
	make_dir(world, "target");
	assert_int_equal(unlink(path_of(world, "dangling")), 0);
	assert_int_equal(symlink("target", path_of(world, "dangling")), 0);
	await(world, WATCH_STEAM, WATCH_RESCAN, 2);
}

static void test_bad_paths_are_refused(void **state)
{
	struct world *world = *state;
	char path[2 * PATH_MAX];

	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	path[0] = '/';
	assert_int_equal(watch_add(world->watch, path, WATCH_CONFIG), -ENAMETOOLONG);
	assert_int_equal(watch_add(world->watch, "relative", WATCH_CONFIG), -EINVAL);
	assert_int_equal(watch_add(world->watch, "", WATCH_CONFIG), -EINVAL);
	assert_int_equal(watch_add(world->watch, "/", NR_WATCH_KINDS), -EINVAL);
}

static void test_full_queue_is_counted(void **state)
{
	struct world *world = *state;
	uint64_t told;

	make_dir(world, "x");
	add(world, "x", WATCH_CONFIG);
	await(world, WATCH_CONFIG, WATCH_RESCAN, 1);
	/* The loop does not run while these are made; each is three events. */
	for (int i = 0; i < 2000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "x/%d", i);
		unit_write_text(world->dir, name, "");
	}
	for (int i = 0; i < 1000 && watch_nr_lost(world->watch) < 3000; i++)
		usleep(10000);
	assert_true(watch_nr_lost(world->watch) >= 3000);
	await(world, WATCH_CONFIG, WATCH_RESCAN, 2);
	told = world->nr[WATCH_CONFIG][WATCH_ADDED] + world->nr[WATCH_CONFIG][WATCH_CHANGED];
	assert_true(told > 0 && told <= 4000);
	/* And it goes on. */
	unit_write_text(world->dir, "x/last", "");
	while (!strstr(world->last[WATCH_ADDED], "/last"))
		await(world, WATCH_CONFIG, WATCH_ADDED, world->nr[WATCH_CONFIG][WATCH_ADDED] + 1);
}

struct storm {
	struct world *world;
	atomic_bool stop;
};

static void *make_storm(void *arg)
{
	struct storm *storm = arg;
	char path[600];

	snprintf(path, sizeof(path), "%s/x/storm", storm->world->dir);
	while (!atomic_load(&storm->stop)) {
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

		if (fd >= 0)
			close(fd);
		unlink(path);
	}
	return NULL;
}

/* The slowest of several stops, each with a full kernel queue behind it. */
static void test_stops_in_a_storm(void **state)
{
	struct world *world = *state;
	struct storm storm = { .world = world };
	uint64_t slowest_ns = 0;
	pthread_t thread;

	make_dir(world, "x");
	assert_int_equal(pthread_create(&thread, NULL, make_storm, &storm), 0);
	for (int i = 0; i < 8; i++) {
		uint64_t start_ns, took_ns;

		add(world, "x", WATCH_CONFIG);
		await(world, WATCH_CONFIG, WATCH_ADDED, world->nr[WATCH_CONFIG][WATCH_ADDED] + 500);
		start_ns = now_ns();
		watch_free(world->watch);
		world->watch = NULL;
		took_ns = now_ns() - start_ns;
		if (took_ns > slowest_ns)
			slowest_ns = took_ns;
		assert_int_equal(watch_new(world->loop, take, world, &world->watch), 0);
	}
	atomic_store(&storm.stop, true);
	pthread_join(thread, NULL);
	print_message("# figure: slowest of 8 stops in a storm of events: %.1f ms\n", slowest_ns / 1e6);
	assert_true(slowest_ns < 500 * NSEC_PER_MSEC);
}

static void test_events_of_a_former_life_are_gone(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 20; i++) {
		char name[16];

		snprintf(name, sizeof(name), "x%d", i);
		make_dir(world, name);
		add(world, name, WATCH_CONFIG);
		await(world, WATCH_CONFIG, WATCH_RESCAN, world->nr[WATCH_CONFIG][WATCH_RESCAN] + 1);
		/* Read by the library in one go, and not all of them handed out. */
		for (int k = 0; k < 50; k++) {
			char file[32];

			snprintf(file, sizeof(file), "x%d/%d", i, k);
			unit_write_text(world->dir, file, "");
		}
		watch_free(world->watch);
		world->watch = NULL;
		memset(world->nr, 0, sizeof(world->nr));
		assert_int_equal(watch_new(world->loop, take, world, &world->watch), 0);
		make_dir(world, "y");
		add(world, "y", WATCH_STEAM);
		await(world, WATCH_STEAM, WATCH_RESCAN, 1);
		unit_write_text(world->dir, "y/own", "");
		await(world, WATCH_STEAM, WATCH_ADDED, 1);
		assert_string_equal(world->last[WATCH_ADDED], path_of(world, "y/own"));
		assert_int_equal(world->nr[WATCH_STEAM][WATCH_ADDED], 1);
		assert_int_equal(unlink(path_of(world, "y/own")), 0);
		assert_int_equal(rmdir(path_of(world, "y")), 0);
	}
}

static void test_hundred_lives(void **state)
{
	struct world *world = *state;
	uint64_t slowest_ns = 0, start_ns, took_ns;
	int nr_fds;

	make_dir(world, "x");
	watch_free(world->watch);
	world->watch = NULL;
	nr_fds = unit_count_fds();
	for (int i = 0; i < 100; i++) {
		assert_int_equal(watch_new(world->loop, take, world, &world->watch), 0);
		add(world, "x", WATCH_CONFIG);
		add(world, "not/there", WATCH_STEAM);
		/* Some before the thread has begun, some while it waits. */
		if (i % 2)
			await(world, WATCH_CONFIG, WATCH_RESCAN, world->nr[WATCH_CONFIG][WATCH_RESCAN] + 1);
		start_ns = now_ns();
		watch_free(world->watch);
		took_ns = now_ns() - start_ns;
		world->watch = NULL;
		if (took_ns > slowest_ns)
			slowest_ns = took_ns;
		assert_int_equal(unit_count_fds(), nr_fds);
	}
	print_message("# figure: slowest of 100 stops: %.1f ms\n", slowest_ns / 1e6);
	assert_true(slowest_ns < 500 * NSEC_PER_MSEC);
}

static void test_one_at_a_time(void **state)
{
	struct world *world = *state;
	struct watch *other = NULL;
	struct notify *notify = NULL;
	int nr_fds = unit_count_fds();

	assert_int_equal(watch_new(world->loop, take, world, &other), -EBUSY);
	assert_int_equal(notify_new(&notify), -EBUSY);
	assert_null(other);
	assert_int_equal(unit_count_fds(), nr_fds);
}

static void test_no_descriptors(void **state)
{
	struct world *world = *state;
	struct watch *watch = NULL;
	struct rlimit old;
	int r;

	watch_free(world->watch);
	world->watch = NULL;
	old = unit_forbid_fds();
	r = watch_new(world->loop, take, world, &watch);
	unit_allow_fds(old);
	assert_int_equal(r, -EMFILE);
	/* It left nothing behind that keeps the next from coming. */
	assert_int_equal(watch_new(world->loop, take, world, &world->watch), 0);
}

static void test_children_inherit_nothing(void **state)
{
	DIR *dir = opendir("/proc/self/fd");
	struct dirent *entry;
	int nr_inotify = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char target[64] = "";

		if (readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1) <= 0)
			continue;
		if (strcmp(target, "anon_inode:inotify"))
			continue;
		nr_inotify++;
		assert_int_not_equal(fcntl(atoi(entry->d_name), F_GETFD) & FD_CLOEXEC, 0);
	}
	closedir(dir);
	assert_int_equal(nr_inotify, 1);
}

static atomic_int signals_seen;

static void count_signal(int signo)
{
	signals_seen++;
}

static void test_signals_stay_with_the_program(void **state)
{
	struct world *world = *state;
	struct sigaction action = { .sa_handler = count_signal }, old;
	sigset_t mask, old_mask;

	/* Blocked here: if the thread took it, the handler would run. */
	assert_int_equal(sigaction(SIGUSR1, &action, &old), 0);
	sigemptyset(&mask);
	sigaddset(&mask, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &mask, &old_mask);
	kill(getpid(), SIGUSR1);
	make_dir(world, "x");
	add(world, "x", WATCH_CONFIG);
	await(world, WATCH_CONFIG, WATCH_RESCAN, 1);
	assert_int_equal(signals_seen, 0);
	pthread_sigmask(SIG_SETMASK, &old_mask, NULL);
	assert_int_equal(signals_seen, 1);
	sigaction(SIGUSR1, &old, NULL);
}

static void test_free_accepts_null(void **state)
{
	watch_free(NULL);
	notify_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_files_come_and_go, setup, teardown),
		cmocka_unit_test_setup_teardown(test_kinds_are_told_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_folders_appear_later, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_folder_that_comes_again_often, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replaced_while_somebody_holds_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_traps_hold_up_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_paths_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full_queue_is_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stops_in_a_storm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_events_of_a_former_life_are_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hundred_lives, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_descriptors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_children_inherit_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_signals_stay_with_the_program, setup, teardown),
		cmocka_unit_test(test_free_accepts_null),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
