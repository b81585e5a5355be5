/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The game's process, with real processes: how its end is seen, and what is no process. A guard timer ends every test
 * that would wait for ever.
 */
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "game.h"

#define GUARD_NS (20 * NSEC_PER_SEC)

struct world {
	struct loop *loop;
	struct game game;
	struct timer guard;
	int nr_ended;
	pid_t next;
	int fds;
};

static int on_guard(struct timer *timer, uint64_t now_ns)
{
	return -ETIMEDOUT;
}

static void on_end(void *data)
{
	struct world *world = data;

	world->nr_ended++;
	/* The callback finds a game that is none. */
	assert_false(game_is_known(&world->game));
	if (world->next) {
		assert_int_equal(game_watch(&world->game, world->loop, world->next, on_end, world), 0);
		world->next = 0;
		return;
	}
	loop_stop(world->loop, 7);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->fds = unit_count_fds();
	assert_int_equal(loop_new(&world->loop), 0);
	timer_init(&world->guard, "guard", on_guard);
	timer_arm(&world->guard, world->loop, now_ns() + GUARD_NS, 0);
	game_init(&world->game);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	game_deinit(&world->game);
	timer_disarm(&world->guard);
	loop_free(world->loop);
	assert_int_equal(unit_count_fds(), world->fds);
	free(world);
	return 0;
}

/* A process that lives until it is killed, or until this one ends. */
static pid_t start_process(void)
{
	int ends[2];
	pid_t pid;
	char byte;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		close(ends[0]);
		if (write(ends[1], "", 1) != 1)
			_exit(1);
		alarm(60);
		for (;;)
			pause();
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	return pid;
}

static void end_process(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void test_end_is_seen_once(void **state)
{
	struct world *world = *state;
	pid_t pid = start_process();

	assert_int_equal(game_watch(&world->game, world->loop, pid, on_end, world), 0);
	assert_true(game_is_known(&world->game));
	assert_int_equal(world->game.pid, pid);
	end_process(pid);
	assert_int_equal(loop_run(world->loop), 7);
	assert_int_equal(world->nr_ended, 1);
	assert_false(game_is_known(&world->game));
	/* Its descriptor is gone from the loop: only the guard ends this run. */
	timer_arm(&world->guard, world->loop, now_ns() + 20 * NSEC_PER_MSEC, 0);
	assert_int_equal(loop_run(world->loop), -ETIMEDOUT);
	assert_int_equal(world->nr_ended, 1);
}

/* It has ended, but nobody has waited for it: a game whose launcher hangs is over all the same. */
static void test_zombie_has_ended(void **state)
{
	struct world *world = *state;
	pid_t pid = start_process();
	int status;

	assert_int_equal(game_watch(&world->game, world->loop, pid, on_end, world), 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(loop_run(world->loop), 7);
	assert_int_equal(world->nr_ended, 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void test_living_process_is_no_end(void **state)
{
	struct world *world = *state;
	pid_t pid = start_process();

	assert_int_equal(game_watch(&world->game, world->loop, pid, on_end, world), 0);
	/* Stopped and continued, as with a debugger: it lives. */
	assert_int_equal(kill(pid, SIGSTOP), 0);
	assert_int_equal(kill(pid, SIGCONT), 0);
	timer_arm(&world->guard, world->loop, now_ns() + 50 * NSEC_PER_MSEC, 0);
	assert_int_equal(loop_run(world->loop), -ETIMEDOUT);
	assert_int_equal(world->nr_ended, 0);
	assert_true(game_is_known(&world->game));
	end_process(pid);
}

static void test_next_game_from_the_callback(void **state)
{
	struct world *world = *state;
	pid_t first = start_process(), second = start_process();

	world->next = second;
	assert_int_equal(game_watch(&world->game, world->loop, first, on_end, world), 0);
	end_process(first);
	/* Not waited for: its number must still be there when it is asked for. */
	assert_int_equal(kill(second, SIGKILL), 0);
	assert_int_equal(loop_run(world->loop), 7);
	assert_int_equal(world->nr_ended, 2);
	end_process(second);
}

static void test_no_such_process(void **state)
{
	struct world *world = *state;
	pid_t pid = start_process();

	end_process(pid);
	assert_int_equal(game_watch(&world->game, world->loop, pid, on_end, world), -ESRCH);
	assert_false(game_is_known(&world->game));
	/* No number of a process at all. */
	assert_int_equal(game_watch(&world->game, world->loop, INT32_MAX, on_end, world), -ESRCH);
	assert_true(game_watch(&world->game, world->loop, 0, on_end, world) < 0);
	assert_true(game_watch(&world->game, world->loop, -1, on_end, world) < 0);
	assert_false(game_is_known(&world->game));
	/* Nothing of that is left: a real one goes. */
	pid = start_process();
	assert_int_equal(game_watch(&world->game, world->loop, pid, on_end, world), 0);
	end_process(pid);
	assert_int_equal(loop_run(world->loop), 7);
}

struct thread {
	pthread_barrier_t born, done;
	pid_t tid;
};

static void *thread_main(void *arg)
{
	struct thread *thread = arg;

	thread->tid = (pid_t)syscall(SYS_gettid);
	pthread_barrier_wait(&thread->born);
	pthread_barrier_wait(&thread->done);
	return NULL;
}

static void test_thread_is_no_process(void **state)
{
	struct world *world = *state;
	struct thread thread;
	pthread_t id;

	pthread_barrier_init(&thread.born, NULL, 2);
	pthread_barrier_init(&thread.done, NULL, 2);
	assert_int_equal(pthread_create(&id, NULL, thread_main, &thread), 0);
	pthread_barrier_wait(&thread.born);
	assert_int_not_equal(thread.tid, getpid());
	assert_int_equal(game_watch(&world->game, world->loop, thread.tid, on_end, world), -ENOTSUP);
	assert_false(game_is_known(&world->game));
	pthread_barrier_wait(&thread.done);
	pthread_join(id, NULL);
	pthread_barrier_destroy(&thread.born);
	pthread_barrier_destroy(&thread.done);
}

static void test_deinit_at_any_time(void **state)
{
	struct world *world = *state;
	pid_t pid;

	game_deinit(&world->game);
	game_deinit(&world->game);
	pid = start_process();
	assert_int_equal(game_watch(&world->game, world->loop, pid, on_end, world), 0);
	game_deinit(&world->game);
	game_deinit(&world->game);
	assert_false(game_is_known(&world->game));
	/* Its end is nobody's business any more. */
	end_process(pid);
	timer_arm(&world->guard, world->loop, now_ns() + 20 * NSEC_PER_MSEC, 0);
	assert_int_equal(loop_run(world->loop), -ETIMEDOUT);
	assert_int_equal(world->nr_ended, 0);
}

static void test_no_descriptor_left(void **state)
{
	struct world *world = *state;
	struct rlimit old = unit_forbid_fds();
	int err = game_watch(&world->game, world->loop, getpid(), on_end, world);

	unit_allow_fds(old);
	assert_int_equal(err, -EMFILE);
	assert_false(game_is_known(&world->game));
}

/* The descriptor does not leak into the children of the daemon. */
static void test_descriptor_is_cloexec(void **state)
{
	struct world *world = *state;

	assert_int_equal(game_watch(&world->game, world->loop, getpid(), on_end, world), 0);
	assert_true(fcntl(world->game.pidfd, F_GETFD) & FD_CLOEXEC);
}

/* Nobody's end can be seen: an error each time, and nothing is left of it. */
static void test_no_pidfds(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(game_watch(&world->game, world->loop, getpid(), on_end, world), -ENOSYS);
		assert_false(game_is_known(&world->game));
		game_deinit(&world->game);
	}
	timer_arm(&world->guard, world->loop, now_ns() + 20 * NSEC_PER_MSEC, 0);
	assert_int_equal(loop_run(world->loop), -ETIMEDOUT);
	assert_int_equal(world->nr_ended, 0);
}

static bool has_pidfds(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno != ENOSYS;
}

#define GAME_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GAME_TEST(test_end_is_seen_once),
		GAME_TEST(test_zombie_has_ended),
		GAME_TEST(test_living_process_is_no_end),
		GAME_TEST(test_next_game_from_the_callback),
		GAME_TEST(test_no_such_process),
		GAME_TEST(test_thread_is_no_process),
		GAME_TEST(test_deinit_at_any_time),
		GAME_TEST(test_no_descriptor_left),
		GAME_TEST(test_descriptor_is_cloexec),
	};

	const struct CMUnitTest tests_without_pidfds[] = { GAME_TEST(test_no_pidfds) };

	/* Every kernel with sched_ext has them; some versions of valgrind, which emulates system calls, do not. */
	if (!has_pidfds())
		return cmocka_run_group_tests_name("game without pidfds", tests_without_pidfds, NULL, NULL);
	return cmocka_run_group_tests_name("game", tests, NULL, NULL);
}
