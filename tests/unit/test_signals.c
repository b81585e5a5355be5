/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit.h"

#include <pthread.h>

#include "signals.h"

#define NR_SEEN 16

struct world {
	struct loop *loop;
	struct signals signals;
	int seen[NR_SEEN];
	uint32_t pid;
	int nr_seen;
	int stop_after;
	int ret;
	bool deinit_at_once;
};

static int on_signal(struct signals *signals, const struct signalfd_siginfo *info)
{
	struct world *world = container_of(signals, struct world, signals);

	assert_true(world->nr_seen < NR_SEEN);
	world->pid = info->ssi_pid;
	world->seen[world->nr_seen++] = (int)info->ssi_signo;
	if (world->nr_seen == world->stop_after)
		loop_stop(world->loop, 0);
	if (world->deinit_at_once)
		signals_deinit(signals);
	return world->ret;
}

static sigset_t mask_of(int first, int second, int third)
{
	sigset_t mask;

	sigemptyset(&mask);
	sigaddset(&mask, first);
	if (second)
		sigaddset(&mask, second);
	if (third)
		sigaddset(&mask, third);
	return mask;
}

static sigset_t thread_mask(void)
{
	sigset_t mask;

	assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask), 0);
	return mask;
}

/* Not memcmp: the C library leaves the words that the kernel does not know as they were. */
static void assert_same_mask(sigset_t a, sigset_t b)
{
	for (int signo = 1; signo < NSIG; signo++)
		assert_int_equal(sigismember(&a, signo), sigismember(&b, signo));
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	assert_int_equal(loop_new(&world->loop), 0);
	world->signals = (struct signals)SIGNALS_INIT;
	world->stop_after = 1;
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	signals_deinit(&world->signals);
	loop_free(world->loop);
	free(world);
	return 0;
}

static void test_arrive_in_the_loop(void **state)
{
	struct world *world = *state;
	sigset_t mask = mask_of(SIGINT, SIGTERM, SIGHUP);

	assert_int_equal(signals_init(&world->signals, world->loop, &mask, on_signal), 0);
	kill(getpid(), SIGTERM);
	assert_int_equal(world->nr_seen, 0);
	assert_int_equal(loop_run(world->loop), 0);
	assert_int_equal(world->nr_seen, 1);
	assert_int_equal(world->seen[0], SIGTERM);
	assert_int_equal(world->pid, getpid());
}

static void test_all_of_several(void **state)
{
	struct world *world = *state;
	sigset_t mask = mask_of(SIGINT, SIGTERM, SIGHUP);
	unsigned int seen = 0;

	assert_int_equal(signals_init(&world->signals, world->loop, &mask, on_signal), 0);
	kill(getpid(), SIGTERM);
	kill(getpid(), SIGHUP);
	kill(getpid(), SIGINT);
	kill(getpid(), SIGHUP);	/* standard signals do not queue */
	world->stop_after = 3;
	assert_int_equal(loop_run(world->loop), 0);
	for (int i = 0; i < 3; i++)
		seen |= 1u << world->seen[i];
	assert_int_equal(seen, 1u << SIGTERM | 1u << SIGHUP | 1u << SIGINT);
}

static void test_callback_error(void **state)
{
	struct world *world = *state;
	sigset_t mask = mask_of(SIGHUP, 0, 0);

	assert_int_equal(signals_init(&world->signals, world->loop, &mask, on_signal), 0);
	world->ret = -EIO;
	world->stop_after = 0;
	kill(getpid(), SIGHUP);
	assert_int_equal(loop_run(world->loop), -EIO);
}

static volatile sig_atomic_t nr_usr1;

static void on_usr1(int signo)
{
	(void)signo;
	nr_usr1++;
}

static void test_others_are_left_alone(void **state)
{
	struct sigaction act = { .sa_handler = on_usr1 }, old;
	struct world *world = *state;
	sigset_t mask = mask_of(SIGTERM, 0, 0), inside;

	assert_int_equal(sigaction(SIGUSR1, &act, &old), 0);
	assert_int_equal(signals_init(&world->signals, world->loop, &mask, on_signal), 0);
	inside = thread_mask();
	assert_int_equal(sigismember(&inside, SIGTERM), 1);
	assert_int_equal(sigismember(&inside, SIGUSR1), 0);
	nr_usr1 = 0;
	kill(getpid(), SIGUSR1);
	assert_int_equal(nr_usr1, 1);
	sigaction(SIGUSR1, &old, NULL);
}

static void test_mask_is_restored(void **state)
{
	struct world *world = *state;
	sigset_t mask = mask_of(SIGTERM, SIGHUP, 0), blocked = mask_of(SIGHUP, SIGUSR2, 0), before, original;

	assert_int_equal(pthread_sigmask(SIG_BLOCK, &blocked, &original), 0);
	before = thread_mask();
	assert_int_equal(signals_init(&world->signals, world->loop, &mask, on_signal), 0);
	assert_same_mask(world->signals.old_mask, before);
	signals_deinit(&world->signals);
	/* SIGHUP was blocked before and still is. */
	assert_same_mask(thread_mask(), before);
	signals_deinit(&world->signals);
	assert_same_mask(thread_mask(), before);
	assert_int_equal(world->signals.fd, -1);
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &original, NULL), 0);
}

static void test_pending_are_discarded(void **state)
{
	struct world *world = *state;
	sigset_t mask = mask_of(SIGTERM, SIGINT, 0);

	assert_int_equal(signals_init(&world->signals, world->loop, &mask, on_signal), 0);
	kill(getpid(), SIGTERM);
	kill(getpid(), SIGINT);
	/* The default action would kill the test here. */
	signals_deinit(&world->signals);
	assert_int_equal(world->nr_seen, 0);
}

static void test_deinit_in_callback(void **state)
{
	struct world *world = *state;
	sigset_t mask = mask_of(SIGTERM, SIGINT, 0), before = thread_mask();

	assert_int_equal(signals_init(&world->signals, world->loop, &mask, on_signal), 0);
	world->deinit_at_once = true;
	kill(getpid(), SIGTERM);
	kill(getpid(), SIGINT);
	assert_int_equal(loop_run(world->loop), 0);
	assert_int_equal(world->nr_seen, 1);
	assert_same_mask(thread_mask(), before);
}

static void test_bad_masks(void **state)
{
	struct world *world = *state;
	sigset_t empty, with_kill = mask_of(SIGTERM, SIGKILL, 0), with_stop = mask_of(SIGTERM, SIGSTOP, 0);
	sigset_t before = thread_mask();

	sigemptyset(&empty);
	assert_int_equal(signals_init(&world->signals, world->loop, &empty, on_signal), -EINVAL);
	assert_int_equal(signals_init(&world->signals, world->loop, &with_kill, on_signal), -EINVAL);
	assert_int_equal(signals_init(&world->signals, world->loop, &with_stop, on_signal), -EINVAL);
	assert_int_equal(world->signals.fd, -1);
	assert_same_mask(thread_mask(), before);
}

static void test_without_descriptors(void **state)
{
	struct world *world = *state;
	sigset_t mask = mask_of(SIGTERM, 0, 0), before = thread_mask();
	struct rlimit old = unit_forbid_fds();
	int r = signals_init(&world->signals, world->loop, &mask, on_signal);

	unit_allow_fds(old);
	assert_int_equal(r, -EMFILE);
	assert_same_mask(thread_mask(), before);
	signals_deinit(&world->signals);
	assert_int_equal(signals_init(&world->signals, world->loop, &mask, on_signal), 0);
}

static void test_again_and_again(void **state)
{
	struct world *world = *state;
	sigset_t mask = mask_of(SIGTERM, SIGHUP, 0), before = thread_mask();
	int fds = unit_count_fds();

	for (int i = 0; i < 100; i++) {
		assert_int_equal(signals_init(&world->signals, world->loop, &mask, on_signal), 0);
		assert_int_equal(fcntl(world->signals.fd, F_GETFD), FD_CLOEXEC);
		assert_true(fcntl(world->signals.fd, F_GETFL) & O_NONBLOCK);
		world->nr_seen = 0;
		kill(getpid(), SIGHUP);
		assert_int_equal(loop_run(world->loop), 0);
		signals_deinit(&world->signals);
	}
	assert_int_equal(unit_count_fds(), fds);
	assert_same_mask(thread_mask(), before);
}

#define SIGNALS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SIGNALS_TEST(test_arrive_in_the_loop),
		SIGNALS_TEST(test_all_of_several),
		SIGNALS_TEST(test_callback_error),
		SIGNALS_TEST(test_others_are_left_alone),
		SIGNALS_TEST(test_mask_is_restored),
		SIGNALS_TEST(test_pending_are_discarded),
		SIGNALS_TEST(test_deinit_in_callback),
		SIGNALS_TEST(test_bad_masks),
		SIGNALS_TEST(test_without_descriptors),
		SIGNALS_TEST(test_again_and_again),
	};

	return cmocka_run_group_tests_name("signals", tests, NULL, NULL);
}
