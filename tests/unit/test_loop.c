/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit.h"

#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>

#include "loop.h"

/*
 * Takes the C library's place, to fail on demand as in a sandbox. Counts the failures: the loop must not try
 * again.
 */
static int pwait2_error;
static int nr_pwait2_failed;

int epoll_pwait2(int epfd, struct epoll_event *events, int max, const struct timespec *timeout, const sigset_t *mask)
{
	if (pwait2_error) {
		nr_pwait2_failed++;
		errno = pwait2_error;
		return -1;
	}
	return (int)syscall(SYS_epoll_pwait2, epfd, events, max, timeout, mask, (size_t)8);
}

#define NR_THINGS 100

/* A source on an eventfd and a timer, which write down when they run. */
struct thing {
	struct source source;
	struct timer timer;
	int fd;
	int id;
	int nr_ran;
	uint32_t events;
	uint64_t ran_ns;
	uint64_t round_ns;	/* what the timer was told */
	void (*action)(struct thing *thing);
	struct thing *other;
	int ret;
};

struct world {
	struct loop *loop;
	struct thing things[NR_THINGS];
	int order[1000];
	int nr_order;
	int nr_prepared;
	int prepare_ret;
	int stop_after;	/* hooks */
};

static struct world *world;

static int thing_ran(struct thing *thing)
{
	int ret = thing->ret;

	thing->nr_ran++;
	thing->ran_ns = now_ns();
	if (world->nr_order < (int)ARRAY_SIZE(world->order))
		world->order[world->nr_order++] = thing->id;
	if (thing->action)
		thing->action(thing);	/* may free it */
	return ret;
}

static int on_source(struct source *src, uint32_t events)
{
	struct thing *thing = container_of(src, struct thing, source);

	thing->events = events;
	return thing_ran(thing);
}

static int on_timer(struct timer *timer, uint64_t now)
{
	struct thing *thing = container_of(timer, struct thing, timer);

	assert_true(now <= now_ns());
	thing->round_ns = now;
	return thing_ran(thing);
}

static int on_prepare(struct loop *loop, void *data)
{
	struct world *w = data;

	assert_ptr_equal(loop, w->loop);
	if (++w->nr_prepared == w->stop_after)
		loop_stop(loop, 0);
	return w->prepare_ret;
}

static int setup(void **state)
{
	world = calloc(1, sizeof(*world));
	assert_non_null(world);
	assert_int_equal(loop_new(&world->loop), 0);
	loop_set_prepare(world->loop, on_prepare, world);
	world->stop_after = 1;
	for (int i = 0; i < NR_THINGS; i++) {
		struct thing *thing = &world->things[i];

		thing->id = i;
		thing->fd = -1;
		source_init(&thing->source, "thing", on_source);
		timer_init(&thing->timer, "thing", on_timer);
	}
	pwait2_error = nr_pwait2_failed = 0;
	*state = world;
	return 0;
}

static void thing_close(struct thing *thing)
{
	source_detach(&thing->source);
	timer_disarm(&thing->timer);
	thing->fd = close_fd(thing->fd);
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < NR_THINGS; i++)
		thing_close(&world->things[i]);
	loop_free(world->loop);
	free(world);
	return 0;
}

/* Attached and ready at once. */
static struct thing *ready_thing(int i)
{
	struct thing *thing = &world->things[i];

	thing->fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(thing->fd >= 0);
	assert_int_equal(source_attach(&thing->source, world->loop, thing->fd, EPOLLIN), 0);
	return thing;
}

static struct thing *timed_thing(int i, uint64_t deadline_ns, uint64_t period_ns)
{
	struct thing *thing = &world->things[i];

	timer_arm(&thing->timer, world->loop, deadline_ns, period_ns);
	return thing;
}

static int run_hooks(int n)
{
	world->nr_prepared = 0;
	world->stop_after = n;
	return loop_run(world->loop);
}

/* --- life --- */

static void test_new_free(void **state)
{
	int fds = unit_count_fds();
	struct loop *loop = NULL;

	(void)state;
	loop_free(NULL);
	for (int i = 0; i < 100; i++) {
		assert_int_equal(loop_new(&loop), 0);
		assert_int_equal(loop_wakeups(loop), 0);
		loop_free(loop);
	}
	assert_int_equal(unit_count_fds(), fds);
}

static void test_new_without_descriptors(void **state)
{
	struct loop *loop = (struct loop *)0x5a;
	struct rlimit old = unit_forbid_fds();
	int r = loop_new(&loop);

	(void)state;
	unit_allow_fds(old);
	assert_int_equal(r, -EMFILE);
	assert_ptr_equal(loop, (struct loop *)0x5a);
}

static void test_descriptor_is_cloexec(void **state)
{
	int lowest = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct loop *loop;

	(void)state;
	close(lowest);
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(fcntl(lowest, F_GETFD), FD_CLOEXEC);
	loop_free(loop);
}

/* --- sources --- */

static void test_attach_errors(void **state)
{
	_cleanup_close_ int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct source *src = &world->things[0].source;
	_cleanup_close_ int event = eventfd(0, EFD_CLOEXEC);

	(void)state;
	assert_int_equal(source_attach(src, world->loop, 987654, EPOLLIN), -EBADF);
	assert_int_equal(source_attach(src, world->loop, file, EPOLLIN), -EPERM);
	assert_int_equal(source_attach(src, world->loop, event, EPOLLIN | (uint32_t)EPOLLET), -EINVAL);
	assert_int_equal(source_attach(src, world->loop, event, EPOLLIN | EPOLLONESHOT), -EINVAL);
	assert_int_equal(source_attach(src, world->loop, event, EPOLLIN | EPOLLEXCLUSIVE), -EINVAL);
	assert_int_equal(source_modify(src, EPOLLIN), -ENOENT);
	assert_int_equal(src->fd, -1);
	assert_null(src->loop);

	assert_int_equal(source_attach(src, world->loop, event, EPOLLIN), 0);
	assert_int_equal(src->fd, event);
	assert_int_equal(source_attach(src, world->loop, event, EPOLLIN), -EBUSY);
	assert_int_equal(source_modify(src, EPOLLIN | (uint32_t)EPOLLET), -EINVAL);
	/* The same descriptor from a second source. */
	assert_int_equal(source_attach(&world->things[1].source, world->loop, event, EPOLLIN), -EEXIST);
	assert_int_equal(world->things[1].source.fd, -1);

	source_detach(src);
	assert_int_equal(src->fd, -1);
	source_detach(src);
	assert_int_equal(source_attach(src, world->loop, event, EPOLLIN), 0);
	source_detach(src);
}

static void test_level_triggered(void **state)
{
	struct thing *thing = ready_thing(0);

	(void)state;
	assert_int_equal(run_hooks(3), 0);
	assert_int_equal(thing->nr_ran, 3);
	assert_int_equal(thing->events, EPOLLIN);
	assert_int_equal(loop_wakeups(world->loop), 3);
}

static void test_modify(void **state)
{
	struct thing *thing = ready_thing(0);

	(void)state;
	assert_int_equal(source_modify(&thing->source, EPOLLOUT), 0);
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(thing->events, EPOLLOUT);
	assert_int_equal(source_modify(&thing->source, EPOLLIN | EPOLLOUT), 0);
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(thing->events, EPOLLIN | EPOLLOUT);
}

static void test_burst_is_one_decision(void **state)
{
	(void)state;
	for (int i = 0; i < 50; i++)
		ready_thing(i);
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(world->nr_order, 50);
	assert_int_equal(world->nr_prepared, 1);
	assert_int_equal(loop_wakeups(world->loop), 1);
}

static void test_more_than_a_batch(void **state)
{
	(void)state;
	for (int i = 0; i < NR_THINGS; i++)
		ready_thing(i);
	assert_int_equal(run_hooks(2), 0);
	/* Nobody starves behind those who are always ready. */
	for (int i = 0; i < NR_THINGS; i++)
		assert_true(world->things[i].nr_ran >= 1);
}

static void detach_self(struct thing *thing)
{
	source_detach(&thing->source);
}

static void test_detach_self(void **state)
{
	struct thing *thing = ready_thing(0), *ticker = ready_thing(1);

	(void)state;
	thing->action = detach_self;
	assert_int_equal(run_hooks(5), 0);
	assert_int_equal(thing->nr_ran, 1);
	assert_int_equal(ticker->nr_ran, 5);
}

static void detach_all_others(struct thing *thing)
{
	for (int i = 0; i < NR_THINGS; i++)
		if (i != thing->id)
			thing_close(&world->things[i]);
}

static void test_detach_others_in_batch(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++)
		ready_thing(i)->action = detach_all_others;
	assert_int_equal(run_hooks(1), 0);
	/* Whoever came first was alone from then on. */
	assert_int_equal(world->nr_order, 1);
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(world->nr_order, 2);
	assert_int_equal(world->order[0], world->order[1]);
}

static void free_other_and_self(struct thing *thing)
{
	if (thing->other) {
		thing->other->other = NULL;
		thing_close(thing->other);
		free(thing->other);
	}
	thing_close(thing);
	free(thing);
	loop_stop(world->loop, 0);
}

/* With the sanitizer: the loop does not look at an object that a callback has freed. */
static void test_free_in_callback(void **state)
{
	(void)state;
	for (int round = 0; round < 2; round++) {
		struct thing *pair[2];

		for (int i = 0; i < 2; i++) {
			pair[i] = calloc(1, sizeof(*pair[i]));
			assert_non_null(pair[i]);
			source_init(&pair[i]->source, "heap", on_source);
			timer_init(&pair[i]->timer, "heap", on_timer);
			pair[i]->fd = -1;
			pair[i]->action = free_other_and_self;
			if (round == 0) {
				pair[i]->fd = eventfd(1, EFD_CLOEXEC);
				assert_int_equal(source_attach(&pair[i]->source, world->loop, pair[i]->fd, EPOLLIN), 0);
			} else {
				timer_arm(&pair[i]->timer, world->loop, 1, 1000);
			}
		}
		pair[0]->other = pair[1];
		pair[1]->other = pair[0];
		assert_int_equal(loop_run(world->loop), 0);
		assert_int_equal(world->nr_order, round + 1);
	}
}

static void replace_other(struct thing *thing)
{
	/* Detach and attach again within the batch: the old event is gone, the new one comes next time. */
	source_detach(&thing->other->source);
	assert_int_equal(source_attach(&thing->other->source, world->loop, thing->other->fd, EPOLLIN), 0);
	thing->action = NULL;
	thing->other->action = NULL;
}

static void test_reattach_in_batch(void **state)
{
	struct thing *a = ready_thing(0), *b = ready_thing(1);

	(void)state;
	a->other = b;
	b->other = a;
	a->action = b->action = replace_other;
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(a->nr_ran + b->nr_ran, 1);
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(a->nr_ran + b->nr_ran, 3);
}

static void attach_next(struct thing *thing)
{
	if (thing->id < 9)
		ready_thing(thing->id + 1)->action = attach_next;
	thing->action = NULL;
}

static void test_attach_in_callback(void **state)
{
	(void)state;
	ready_thing(0)->action = attach_next;
	assert_int_equal(run_hooks(10), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(world->things[i].nr_ran, 10 - i);
}

static void test_hang_up(void **state)
{
	struct thing *thing = &world->things[0];
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	thing->fd = ends[0];
	thing->action = detach_self;
	/* Nothing asked for: a hang-up comes all the same, once, for it is detached. */
	assert_int_equal(source_attach(&thing->source, world->loop, ends[0], 0), 0);
	close(ends[1]);
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(thing->events, EPOLLHUP);
	ready_thing(1);
	assert_int_equal(run_hooks(2), 0);
	assert_int_equal(thing->nr_ran, 1);

	/* The other side: EPOLLERR for a writer without a reader. */
	assert_int_equal(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	thing = &world->things[2];
	thing->fd = ends[1];
	thing->action = detach_self;
	assert_int_equal(source_attach(&thing->source, world->loop, ends[1], 0), 0);
	close(ends[0]);
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(thing->events, EPOLLERR);
}

/* --- ends --- */

static void test_callback_error_ends(void **state)
{
	struct thing *a = ready_thing(0), *b = ready_thing(1);

	(void)state;
	a->ret = b->ret = -EIO;
	assert_int_equal(run_hooks(1), -EIO);
	assert_int_equal(world->nr_order, 1);
	assert_int_equal(world->nr_prepared, 0);

	a->ret = b->ret = 0;
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(world->nr_order, 3);

	/* Positive values are no errors. */
	a->ret = 17;
	assert_int_equal(run_hooks(2), 0);
}

static void test_prepare_error_ends(void **state)
{
	(void)state;
	ready_thing(0);
	world->prepare_ret = -ENOSPC;
	assert_int_equal(run_hooks(5), -ENOSPC);
	assert_int_equal(world->nr_prepared, 1);
}

static void test_timer_error_ends(void **state)
{
	struct thing *first = timed_thing(0, 1, 0), *second = timed_thing(1, 2, 0);

	(void)state;
	first->ret = -EDOM;
	assert_int_equal(run_hooks(1), -EDOM);
	assert_int_equal(second->nr_ran, 0);
	/* It had no turn: it keeps its place. */
	assert_true(timer_is_armed(&second->timer));
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(second->nr_ran, 1);
	assert_int_equal(first->nr_ran, 1);
}

static void stop_with_id(struct thing *thing)
{
	loop_stop(world->loop, 10 + thing->id);
	loop_stop(world->loop, 99);
}

static void test_stop(void **state)
{
	struct thing *a = ready_thing(0), *b = ready_thing(1), *timer = timed_thing(2, 1, 0);
	int r;

	(void)state;
	a->action = b->action = stop_with_id;
	r = run_hooks(1);
	assert_int_equal(r, 10 + world->order[0]);
	assert_int_equal(world->nr_order, 1);
	assert_int_equal(timer->nr_ran, 0);
	assert_int_equal(world->nr_prepared, 0);

	/* It can run again. */
	a->action = b->action = NULL;
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(timer->nr_ran, 1);
}

static void test_stop_before_run(void **state)
{
	(void)state;
	ready_thing(0);
	loop_stop(world->loop, -ECANCELED);
	assert_int_equal(loop_run(world->loop), -ECANCELED);
	assert_int_equal(world->nr_order, 0);
	assert_int_equal(loop_wakeups(world->loop), 0);
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(world->nr_order, 1);
}

static void test_without_hook(void **state)
{
	(void)state;
	loop_set_prepare(world->loop, NULL, NULL);
	ready_thing(0)->action = stop_with_id;
	assert_int_equal(loop_run(world->loop), 10);
}

/* --- timers --- */

static void test_timers_in_order(void **state)
{
	uint64_t now = now_ns();
	int expected[] = { 3, 1, 4, 2, 0 };

	(void)state;
	timed_thing(0, now + 3 * NSEC_PER_MSEC, 0);
	timed_thing(1, now - 20, 0);
	timed_thing(2, now, 0);
	timed_thing(3, 0, 0);
	timed_thing(4, now - 20, 0);	/* behind 1: armed later */
	timed_thing(5, UINT64_MAX, UINT64_MAX);
	while (world->things[0].nr_ran == 0)
		assert_int_equal(run_hooks(1), 0);
	assert_int_equal(world->nr_order, 5);
	assert_memory_equal(world->order, expected, sizeof(expected));
	assert_false(timer_is_armed(&world->things[0].timer));
	assert_true(timer_is_armed(&world->things[5].timer));
}

static void test_timer_is_never_early(void **state)
{
	(void)state;
	for (int i = 0; i < 20; i++) {
		uint64_t deadline = now_ns() + 1 + (uint64_t)i * 137 * NSEC_PER_USEC;
		struct thing *thing = timed_thing(0, deadline, 0);

		thing->nr_ran = 0;
		while (!thing->nr_ran)
			assert_int_equal(run_hooks(1), 0);
		assert_true(thing->ran_ns >= deadline);
	}
	/* One wakeup each: it does not spin towards the deadline. */
	assert_in_range(loop_wakeups(world->loop), 20, 24);
}

static void test_due_timers_do_not_starve_sources(void **state)
{
	struct thing *source = ready_thing(0), *timer = timed_thing(1, 1, 1);

	(void)state;
	assert_int_equal(run_hooks(10), 0);
	assert_int_equal(source->nr_ran, 10);
	assert_int_equal(timer->nr_ran, 10);
}

static void disarm_other(struct thing *thing)
{
	timer_disarm(&thing->other->timer);
}

static void test_disarm_in_round(void **state)
{
	struct thing *first = timed_thing(0, 1, 0), *second = timed_thing(1, 2, 5), *third = timed_thing(2, 3, 0);

	(void)state;
	first->action = disarm_other;
	first->other = second;
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(second->nr_ran, 0);
	assert_int_equal(third->nr_ran, 1);
	assert_false(timer_is_armed(&second->timer));
	timer_disarm(&second->timer);

	/* From a source as well. */
	ready_thing(3)->action = disarm_other;
	world->things[3].other = timed_thing(4, 1, 0);
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(world->things[4].nr_ran, 0);
}

static void disarm_self(struct thing *thing)
{
	if (thing->nr_ran == 3)
		timer_disarm(&thing->timer);
}

static void test_periodic_disarms_itself(void **state)
{
	struct thing *thing = timed_thing(0, 1, 1000);

	(void)state;
	thing->action = disarm_self;
	ready_thing(1);
	while (thing->nr_ran < 3)
		assert_int_equal(run_hooks(1), 0);
	assert_int_equal(run_hooks(50), 0);
	assert_int_equal(thing->nr_ran, 3);
}

static void rearm_in_past(struct thing *thing)
{
	timer_arm(&thing->timer, world->loop, 1, 0);
}

static void test_rearm_in_past_ends_the_round(void **state)
{
	struct thing *thing = timed_thing(0, 5, 0);

	(void)state;
	thing->action = rearm_in_past;
	assert_int_equal(run_hooks(4), 0);
	assert_int_equal(thing->nr_ran, 4);
	assert_int_equal(loop_wakeups(world->loop), 4);
}

static void test_rearm_moves(void **state)
{
	struct thing *thing = timed_thing(0, 1, 0);

	(void)state;
	timer_arm(&thing->timer, world->loop, UINT64_MAX, 0);
	ready_thing(1);
	assert_int_equal(run_hooks(3), 0);
	assert_int_equal(thing->nr_ran, 0);
	timer_arm(&thing->timer, world->loop, 1, 0);
	assert_int_equal(run_hooks(3), 0);
	assert_int_equal(thing->nr_ran, 1);
}

static void test_missed_periods_are_skipped(void **state)
{
	uint64_t start = now_ns(), period = 10 * NSEC_PER_MSEC;
	/* A thousand periods late, and a third of one. */
	struct thing *thing = timed_thing(0, start - 1000 * period - period / 3, period);
	uint64_t next;

	(void)state;
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(thing->nr_ran, 1);
	next = thing->timer.deadline_ns;
	assert_true(next > thing->round_ns && next <= thing->round_ns + period);
	/* Still on its grid. */
	assert_int_equal((next - (start - 1000 * period - period / 3)) % period, 0);
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(thing->nr_ran, 2);
	assert_true(thing->ran_ns >= next);
}

static void test_extreme_periods(void **state)
{
	struct thing *thing = timed_thing(0, 1, UINT64_MAX);

	(void)state;
	timed_thing(1, 0, UINT64_MAX - 1);
	timed_thing(2, 3, UINT64_MAX / 2);
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(world->nr_order, 3);
	assert_true(thing->timer.deadline_ns == UINT64_MAX);
	ready_thing(3);
	assert_int_equal(run_hooks(3), 0);
	assert_int_equal(thing->nr_ran, 1);
}

static void stop_now(struct thing *thing)
{
	(void)thing;
	loop_stop(world->loop, 5);
}

static void test_stop_in_round(void **state)
{
	struct thing *first = timed_thing(0, 1, 0), *second = timed_thing(1, 2, 0);
	struct thing *third = timed_thing(2, 3, 1000 * NSEC_PER_SEC);

	(void)state;
	first->action = stop_now;
	assert_int_equal(loop_run(world->loop), 5);
	assert_int_equal(second->nr_ran, 0);
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(second->nr_ran, 1);
	assert_int_equal(third->nr_ran, 1);
	assert_int_equal(world->order[1], 1);
}

static void test_timer_wakes_idle_loop(void **state)
{
	uint64_t start = now_ns();

	(void)state;
	timed_thing(0, start + 20 * NSEC_PER_MSEC, 0);
	assert_int_equal(run_hooks(1), 0);
	assert_int_equal(world->things[0].nr_ran, 1);
	assert_true(world->things[0].ran_ns >= start + 20 * NSEC_PER_MSEC);
}

/* --- the wait --- */

static void check_fallback(int error)
{
	uint64_t deadline = now_ns() + 1500 * NSEC_PER_USEC;
	struct thing *thing = timed_thing(0, deadline, 0);

	pwait2_error = error;
	while (!thing->nr_ran)
		assert_int_equal(run_hooks(1), 0);
	assert_true(thing->ran_ns >= deadline);
	/* Rounded up to 2 ms, so one wait is enough. */
	assert_in_range(loop_wakeups(world->loop), 1, 2);

	ready_thing(1);
	timed_thing(2, UINT64_MAX, 0);
	assert_int_equal(run_hooks(2), 0);
	assert_int_equal(world->things[1].nr_ran, 2);
	assert_int_equal(nr_pwait2_failed, 1);
}

static void test_fallback_enosys(void **state)
{
	(void)state;
	check_fallback(ENOSYS);
}

static void test_fallback_eperm(void **state)
{
	(void)state;
	check_fallback(EPERM);
}

static void test_wait_error_ends(void **state)
{
	(void)state;
	ready_thing(0);
	pwait2_error = EBADF;
	assert_int_equal(run_hooks(1), -EBADF);
	assert_int_equal(nr_pwait2_failed, 1);
	pwait2_error = 0;
	assert_int_equal(run_hooks(1), 0);
}

static void test_interrupted_wait(void **state)
{
	(void)state;
	timed_thing(0, 1, 0);
	pwait2_error = EINTR;
	/* Counts as a wakeup without sources. */
	assert_int_equal(run_hooks(3), 0);
	assert_int_equal(world->things[0].nr_ran, 1);
	assert_int_equal(loop_wakeups(world->loop), 3);
}

/* --- everything at once --- */

static struct unit_random chaos = { 0xc4a05 };
static struct thing *live[32];

static void chaos_action(struct thing *thing);

static struct thing *chaos_new(int id)
{
	struct thing *thing = calloc(1, sizeof(*thing));

	assert_non_null(thing);
	thing->id = id;
	source_init(&thing->source, "chaos", on_source);
	timer_init(&thing->timer, "chaos", on_timer);
	thing->fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(thing->fd >= 0);
	thing->action = chaos_action;
	return thing;
}

static void chaos_one(void)
{
	int i = (int)unit_random_below(&chaos, ARRAY_SIZE(live));
	struct thing *thing = live[i];

	if (!thing) {
		live[i] = chaos_new(i);
		return;
	}
	switch (unit_random_below(&chaos, 6)) {
	case 0:
		source_detach(&thing->source);
		break;
	case 1:
	case 2:
		if (!thing->source.loop)
			assert_int_equal(source_attach(&thing->source, world->loop, thing->fd, EPOLLIN), 0);
		break;
	case 3:
		timer_disarm(&thing->timer);
		break;
	case 4:
		timer_arm(&thing->timer, world->loop, now_ns() - 1000 + unit_random_below(&chaos, 2000),
			  unit_random_below(&chaos, 3) * 500);
		break;
	case 5:
		/* The running one too: then its callback goes on without it. */
		thing_close(thing);
		free(thing);
		live[i] = NULL;
		break;
	}
}

static void chaos_action(struct thing *thing)
{
	/* A callback for a thing that was freed or replaced is the error looked for. */
	assert_ptr_equal(live[thing->id], thing);
	for (int i = 0; i < 4; i++)
		chaos_one();
}

static void test_chaos(void **state)
{
	int total = 0;

	(void)state;
	timed_thing(0, 1, 1);	/* never without a wakeup */
	for (int round = 0; round < FUZZ_ROUNDS; round++) {
		chaos_one();
		assert_int_equal(run_hooks(1), 0);
		total += world->nr_order;
		world->nr_order = 0;
	}
	assert_true(total > FUZZ_ROUNDS);
	for (size_t i = 0; i < ARRAY_SIZE(live); i++) {
		if (!live[i])
			continue;
		thing_close(live[i]);
		free(live[i]);
		live[i] = NULL;
	}
}

#define LOOP_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static int be_busy(struct timer *timer, uint64_t now)
{
	uint64_t end = now_ns() + 3 * NSEC_PER_MSEC;

	while (now_ns() < end)
		;
	return 0;
}

static int stop_later(struct timer *timer, uint64_t now)
{
	loop_stop(timer->loop, 1);
	return 0;
}

static void test_rounds_are_measured(void **state)
{
	const struct loop_facts *facts;
	struct timer busy, stop;
	struct loop *loop;
	uint64_t nr = 0, now;

	assert_int_equal(loop_new(&loop), 0);
	facts = loop_facts(loop);
	assert_int_equal(facts->nr_wakeups, 0);
	timer_init(&busy, "busy", be_busy);
	timer_init(&stop, "stop", stop_later);
	now = now_ns();
	timer_arm(&busy, loop, now, 0);
	timer_arm(&stop, loop, now + 20 * NSEC_PER_MSEC, NSEC_PER_SEC);
	assert_int_equal(loop_run(loop), 1);
	timer_disarm(&stop);
	for (size_t i = 0; i < LOOP_HIST_BUCKETS; i++)
		nr += facts->round_hist[i];
	assert_int_equal(nr, facts->nr_wakeups);
	assert_int_equal(facts->nr_wakeups, loop_wakeups(loop));
	assert_true(facts->round_max_ns >= 3 * NSEC_PER_MSEC);
	assert_true(facts->busy_ns >= facts->round_max_ns);
	/* 2048 us and above. */
	assert_true(facts->round_hist[12] + facts->round_hist[13] + facts->round_hist[14] + facts->round_hist[15] >= 1);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_free),
		cmocka_unit_test(test_rounds_are_measured),
		cmocka_unit_test(test_new_without_descriptors),
		cmocka_unit_test(test_descriptor_is_cloexec),
		LOOP_TEST(test_attach_errors),
		LOOP_TEST(test_level_triggered),
		LOOP_TEST(test_modify),
		LOOP_TEST(test_burst_is_one_decision),
		LOOP_TEST(test_more_than_a_batch),
		LOOP_TEST(test_detach_self),
		LOOP_TEST(test_detach_others_in_batch),
		LOOP_TEST(test_free_in_callback),
		LOOP_TEST(test_reattach_in_batch),
		LOOP_TEST(test_attach_in_callback),
		LOOP_TEST(test_hang_up),
		LOOP_TEST(test_callback_error_ends),
		LOOP_TEST(test_prepare_error_ends),
		LOOP_TEST(test_timer_error_ends),
		LOOP_TEST(test_stop),
		LOOP_TEST(test_stop_before_run),
		LOOP_TEST(test_without_hook),
		LOOP_TEST(test_timers_in_order),
		LOOP_TEST(test_timer_is_never_early),
		LOOP_TEST(test_due_timers_do_not_starve_sources),
		LOOP_TEST(test_disarm_in_round),
		LOOP_TEST(test_periodic_disarms_itself),
		LOOP_TEST(test_rearm_in_past_ends_the_round),
		LOOP_TEST(test_rearm_moves),
		LOOP_TEST(test_missed_periods_are_skipped),
		LOOP_TEST(test_extreme_periods),
		LOOP_TEST(test_stop_in_round),
		LOOP_TEST(test_timer_wakes_idle_loop),
		LOOP_TEST(test_fallback_enosys),
		LOOP_TEST(test_fallback_eperm),
		LOOP_TEST(test_wait_error_ends),
		LOOP_TEST(test_interrupted_wait),
		LOOP_TEST(test_chaos),
	};

	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
