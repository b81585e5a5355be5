/* SPDX-License-Identifier: GPL-2.0-only */
/* Jobs that wait on pipes, as long as the test wants: each is told once and freed once, and the loop never waits. */
#include "unit.h"

#include <pthread.h>
#include <stdatomic.h>

#include "log.h"
#include "worker.h"

#define GUARD_NS (30 * NSEC_PER_SEC)
#define LIMIT_NS (100 * NSEC_PER_MSEC)
#define STOP_NS	 (200 * NSEC_PER_MSEC)
#define LINGER_NS (30 * NSEC_PER_MSEC)
#define JOBS_MAX 1024

/* What is seen of a job; it outlives that. */
struct seen {
	atomic_int nr_begun, nr_run, nr_freed, nr_freed_in_loop;
	int nr_done, err;	/* of the loop */
	uint64_t order;		/* in which it was told */
	bool saw_cancel;
};

struct world {
	struct loop *loop;
	struct timer guard, tick;
	struct worker *worker;
	pthread_t loop_thread;
	int fds;
	uint64_t nr_told, stop_after;
	uint64_t nr_ticks, last_tick_ns, longest_ns;
	struct seen seen[JOBS_MAX];
	struct worker_job *kept;
	bool keep;
	struct worker_job *cancel_in_done;
	struct job *submit_in_done;
	int submit_err;
};

struct job {
	struct worker_job job;
	struct world *world;
	struct seen *seen;
	int wait_fd;		/* -1, or owned: run() reads it to its end */
	int held_fd;		/* -1, or owned: given back by free() */
	uint64_t wait_ns;	/* of free() */
};

static void run(struct worker_job *worker_job)
{
	struct job *job = container_of(worker_job, struct job, job);
	char byte;

	atomic_fetch_add(&job->seen->nr_begun, 1);
	assert_false(pthread_equal(pthread_self(), job->world->loop_thread));
	if (job->wait_fd >= 0)
		while (read(job->wait_fd, &byte, 1) > 0)
			;
	job->seen->saw_cancel = worker_job_is_cancelled(worker_job);
	atomic_fetch_add(&job->seen->nr_run, 1);
}

static void done(struct worker_job *worker_job, int err)
{
	struct job *job = container_of(worker_job, struct job, job);
	struct world *world = job->world;
	struct worker_job *other = steal_ptr(&world->cancel_in_done);

	job->seen->nr_done++;
	job->seen->err = err;
	job->seen->order = world->nr_told++;
	if (world->keep)
		world->kept = worker_job_ref(worker_job);
	if (other)
		worker_cancel(world->worker, other);
	if (world->submit_in_done)
		world->submit_err = worker_submit(world->worker, &world->submit_in_done->job);
	if (world->nr_told == world->stop_after)
		loop_stop(world->loop, 7);
}

static void free_job(struct worker_job *worker_job)
{
	struct job *job = container_of(worker_job, struct job, job);
	struct seen *seen = job->seen;

	if (job->wait_ns)
		usleep((useconds_t)(job->wait_ns / NSEC_PER_USEC));
	atomic_fetch_add(&seen->nr_freed_in_loop, !!pthread_equal(pthread_self(), job->world->loop_thread));
	close_fd(job->wait_fd);
	close_fd(job->held_fd);
	free(job);
	atomic_fetch_add(&seen->nr_freed, 1);
}

static const struct worker_ops plain = { .limit_ns = LIMIT_NS, .run = run, .done = done, .free = free_job };
static const struct worker_ops patient = { .limit_ns = GUARD_NS, .run = run, .done = done, .free = free_job };
static const struct worker_ops freed_by_thread = {
	.limit_ns = LIMIT_NS, .run = run, .done = done, .free = free_job, .free_waits = true,
};

static int on_guard(struct timer *timer, uint64_t now)
{
	return -ETIMEDOUT;
}

static int on_tick(struct timer *timer, uint64_t now)
{
	struct world *world = container_of(timer, struct world, tick);

	if (world->nr_ticks++ && now - world->last_tick_ns > world->longest_ns)
		world->longest_ns = now - world->last_tick_ns;
	world->last_tick_ns = now;
	return 0;
}

static struct worker_config config_of(const struct world *world)
{
	return (struct worker_config){
		.loop = world->loop,
		.thread = "test-worker",
		.what = "test: a job",
		.linger_ns = LINGER_NS,
		.stop_ns = STOP_NS,
	};
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct worker_config config;

	assert_non_null(world);
	log_set_level(LOG_LEVEL_ERROR);
	world->fds = unit_count_fds();
	world->loop_thread = pthread_self();
	assert_int_equal(loop_new(&world->loop), 0);
	timer_init(&world->guard, "guard", on_guard);
	timer_init(&world->tick, "tick", on_tick);
	timer_arm(&world->guard, world->loop, now_ns() + GUARD_NS, 0);
	config = config_of(world);
	assert_int_equal(worker_new(&config, &world->worker), 0);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	worker_free(world->worker);
	worker_free(NULL);
	timer_disarm(&world->guard);
	timer_disarm(&world->tick);
	loop_free(world->loop);
	assert_int_equal(unit_count_fds(), world->fds);
	free(world);
	return 0;
}

static struct job *job_new(struct world *world, size_t i, const struct worker_ops *ops, int wait_fd)
{
	struct job *job = calloc(1, sizeof(*job));

	assert_non_null(job);
	worker_job_init(&job->job, ops);
	job->world = world;
	job->seen = &world->seen[i];
	job->wait_fd = wait_fd;
	job->held_fd = -1;
	return job;
}

static struct worker_job *submit(struct world *world, size_t i, const struct worker_ops *ops, int wait_fd)
{
	struct job *job = job_new(world, i, ops, wait_fd);

	assert_int_equal(worker_submit(world->worker, &job->job), 0);
	return &job->job;
}

/* A job that waits until the end that is returned is closed. */
static int submit_waiting(struct world *world, size_t i, const struct worker_ops *ops, struct worker_job **ret)
{
	struct worker_job *job;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	job = submit(world, i, ops, ends[0]);
	if (ret)
		*ret = job;
	return ends[1];
}

static void wait_told(struct world *world, uint64_t nr)
{
	world->stop_after = world->nr_told + nr;
	assert_int_equal(loop_run(world->loop), 7);
}

static void turn_for(struct world *world, uint64_t ns)
{
	timer_arm(&world->guard, world->loop, now_ns() + ns, 0);
	assert_int_equal(loop_run(world->loop), -ETIMEDOUT);
	timer_arm(&world->guard, world->loop, now_ns() + GUARD_NS, 0);
}

static void wait_for(atomic_int *value, int is)
{
	uint64_t before = now_ns();

	while (atomic_load(value) != is && now_ns() < before + GUARD_NS)
		usleep(1000);
	assert_int_equal(atomic_load(value), is);
}

static void check_job(struct world *world, size_t i, int err, int nr_run)
{
	struct seen *seen = &world->seen[i];

	assert_int_equal(seen->nr_done, 1);
	assert_int_equal(seen->err, err);
	assert_int_equal(atomic_load(&seen->nr_run), nr_run);
	wait_for(&seen->nr_freed, 1);
}

static void test_in_order(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 100; i++)
		submit(world, i, &plain, -1);
	assert_int_equal(worker_nr_pending(world->worker), 100);
	wait_told(world, 100);
	assert_int_equal(worker_nr_pending(world->worker), 0);
	for (int i = 0; i < 100; i++) {
		check_job(world, i, 0, 1);
		assert_int_equal(world->seen[i].order, i);
	}
}

static int count_threads(void)
{
	DIR *dir = opendir("/proc/self/task");
	int nr = 0;

	while (readdir(dir))
		nr++;
	closedir(dir);
	return nr - 2;
}

/* It comes with the work and goes without, also when the two meet. */
static void test_thread_comes_and_goes(void **state)
{
	struct world *world = *state;
	int nr = count_threads();

	submit(world, 0, &plain, -1);
	assert_int_equal(count_threads(), nr + 1);
	wait_told(world, 1);
	for (int i = 0; i < 500 && count_threads() > nr; i++)
		usleep(10000);
	assert_int_equal(count_threads(), nr);
	for (int i = 1; i < 40; i++) {
		submit(world, i, i % 2 ? &plain : &freed_by_thread, -1);
		wait_told(world, 1);
		usleep((useconds_t)(LINGER_NS / NSEC_PER_USEC + 100 * (i % 8) - 400));
		check_job(world, i, 0, 1);
	}
}

static void test_queue_full(void **state)
{
	struct world *world = *state;
	struct job *job = job_new(world, WORKER_QUEUE_MAX, &plain, -1);
	int end = submit_waiting(world, 0, &patient, NULL);

	for (int i = 1; i < WORKER_QUEUE_MAX; i++)
		submit(world, i, &plain, -1);
	assert_int_equal(worker_submit(world->worker, &job->job), -EAGAIN);
	close(end);
	wait_told(world, WORKER_QUEUE_MAX);
	/* It is still the caller's. */
	assert_int_equal(worker_submit(world->worker, &job->job), 0);
	wait_told(world, 1);
	for (int i = 0; i <= WORKER_QUEUE_MAX; i++)
		check_job(world, i, 0, 1);
}

static void test_loop_goes_on(void **state)
{
	struct world *world = *state;
	int end = submit_waiting(world, 0, &patient, NULL);

	submit(world, 1, &plain, -1);
	timer_arm(&world->tick, world->loop, now_ns() + NSEC_PER_MSEC, NSEC_PER_MSEC);
	turn_for(world, 500 * NSEC_PER_MSEC);
	timer_disarm(&world->tick);
	print_message("# figure: %llu ticks of 1 ms in 500 ms beside a job that waits, longest pause %llu us\n",
		      (unsigned long long)world->nr_ticks, (unsigned long long)(world->longest_ns / NSEC_PER_USEC));
	/* Of a machine that has other things to do; one wait for the job would be all of it. */
	assert_true(world->nr_ticks > 50);
	assert_int_equal(world->nr_told, 0);
	close(end);
	wait_told(world, 2);
	check_job(world, 0, 0, 1);
	check_job(world, 1, 0, 1);
}

static void test_cancel(void **state)
{
	struct world *world = *state;
	struct worker_job *jobs[3];
	int end = submit_waiting(world, 0, &patient, &jobs[0]);

	jobs[1] = submit(world, 1, &plain, -1);
	submit(world, 2, &plain, -1);
	wait_for(&world->seen[0].nr_begun, 1);
	/* What has not begun never does. */
	worker_cancel(world->worker, jobs[1]);
	check_job(world, 1, -ECANCELED, 0);
	/* What runs is nobody's. */
	worker_cancel(world->worker, jobs[0]);
	worker_cancel(world->worker, jobs[0]);
	assert_int_equal(world->seen[0].nr_done, 1);
	assert_int_equal(atomic_load(&world->seen[0].nr_freed), 0);
	assert_int_equal(worker_nr_pending(world->worker), 1);
	close(end);
	wait_told(world, 1);
	assert_true(world->seen[0].saw_cancel);
	check_job(world, 0, -ECANCELED, 1);
	check_job(world, 2, 0, 1);

	/* What has run and was not told yet; and from another's done(). */
	jobs[0] = submit(world, 3, &plain, -1);
	wait_for(&world->seen[3].nr_run, 1);
	usleep(10000);
	worker_cancel(world->worker, jobs[0]);
	submit(world, 4, &plain, -1);
	world->cancel_in_done = submit(world, 5, &plain, -1);
	wait_for(&world->seen[5].nr_run, 1);
	usleep(10000);
	wait_told(world, 2);
	turn_for(world, 20 * NSEC_PER_MSEC);
	check_job(world, 3, -ECANCELED, 1);
	check_job(world, 4, 0, 1);
	check_job(world, 5, -ECANCELED, 1);
}

static bool is_of(const struct worker_job *worker_job, const void *data)
{
	return container_of((struct worker_job *)worker_job, struct job, job)->seen == data;
}

static void test_stuck(void **state)
{
	struct world *world = *state;
	int end = submit_waiting(world, 0, &plain, NULL);
	uint64_t before = now_ns();

	submit(world, 1, &plain, -1);
	submit(world, 2, &plain, -1);
	wait_told(world, 3);
	assert_true(now_ns() - before >= LIMIT_NS);
	assert_int_equal(world->seen[0].order, 0);
	assert_int_equal(world->seen[0].err, -ETIMEDOUT);
	check_job(world, 1, 0, 1);
	check_job(world, 2, 0, 1);
	assert_non_null(worker_find_stuck(world->worker, is_of, &world->seen[0]));
	assert_null(worker_find_stuck(world->worker, is_of, &world->seen[1]));
	assert_int_equal(atomic_load(&world->seen[0].nr_freed), 0);
	/* It comes free: told once, freed once, and the place of its thread is another's again. */
	close(end);
	wait_for(&world->seen[0].nr_run, 1);
	turn_for(world, 50 * NSEC_PER_MSEC);
	assert_null(worker_find_stuck(world->worker, is_of, &world->seen[0]));
	check_job(world, 0, -ETIMEDOUT, 1);
	assert_true(world->seen[0].saw_cancel);
	assert_false(world->seen[1].saw_cancel);
}

static void test_too_many_stuck(void **state)
{
	struct world *world = *state;
	int ends[WORKER_STUCK_MAX + 1];

	for (int i = 0; i <= WORKER_STUCK_MAX; i++)
		ends[i] = submit_waiting(world, i, &plain, NULL);
	submit(world, 10, &plain, -1);
	wait_told(world, WORKER_STUCK_MAX);
	turn_for(world, 3 * LIMIT_NS);
	assert_int_equal(world->nr_told, WORKER_STUCK_MAX);
	assert_int_equal(worker_nr_pending(world->worker), 2);
	/* One place more, and the last one is given up, too. */
	close(ends[2]);
	wait_told(world, 2);
	assert_int_equal(world->seen[WORKER_STUCK_MAX].err, -ETIMEDOUT);
	check_job(world, 10, 0, 1);
	for (int i = 0; i <= WORKER_STUCK_MAX; i++)
		if (i != 2)
			close(ends[i]);
	for (int i = 0; i <= WORKER_STUCK_MAX; i++)
		wait_for(&world->seen[i].nr_run, 1);
	turn_for(world, 50 * NSEC_PER_MSEC);
	for (int i = 0; i <= WORKER_STUCK_MAX; i++)
		check_job(world, i, -ETIMEDOUT, 1);
}

static void test_cancelled_and_stuck(void **state)
{
	struct world *world = *state;
	struct worker_job *job;
	int end = submit_waiting(world, 0, &plain, &job);

	wait_for(&world->seen[0].nr_begun, 1);
	worker_cancel(world->worker, job);
	/* What comes after it is not held up for longer than by any other. */
	submit(world, 1, &plain, -1);
	wait_told(world, 1);
	check_job(world, 1, 0, 1);
	close(end);
	wait_for(&world->seen[0].nr_run, 1);
	turn_for(world, 50 * NSEC_PER_MSEC);
	check_job(world, 0, -ECANCELED, 1);
}

static void test_kept_and_freed_by_thread(void **state)
{
	struct world *world = *state;
	struct job *job = job_new(world, 0, &freed_by_thread, -1);
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	job->held_fd = ends[0];
	/* Longer than it may: another thread takes over meanwhile. */
	job->wait_ns = 3 * LIMIT_NS;
	assert_int_equal(worker_submit(world->worker, &job->job), 0);
	world->keep = true;
	wait_told(world, 1);
	world->keep = false;
	turn_for(world, 20 * NSEC_PER_MSEC);
	assert_int_equal(atomic_load(&world->seen[0].nr_freed), 0);
	worker_job_unref(world->worker, steal_ptr(&world->kept));
	submit(world, 1, &plain, -1);
	wait_told(world, 1);
	assert_int_equal(atomic_load(&world->seen[0].nr_freed), 0);
	check_job(world, 0, 0, 1);
	assert_int_equal(atomic_load(&world->seen[0].nr_freed_in_loop), 0);
	close(ends[1]);
	turn_for(world, 20 * NSEC_PER_MSEC);
	/* One that never ran. */
	job = job_new(world, 2, &freed_by_thread, -1);
	worker_job_unref(world->worker, &job->job);
	wait_for(&world->seen[2].nr_freed, 1);
	assert_int_equal(atomic_load(&world->seen[2].nr_freed_in_loop), 0);
	/* And without a worker. */
	worker_job_unref(NULL, &job_new(world, 3, &freed_by_thread, -1)->job);
	assert_int_equal(atomic_load(&world->seen[3].nr_freed_in_loop), 1);
}

static void stop(struct world *world)
{
	uint64_t before = now_ns();

	worker_free(world->worker);
	world->worker = NULL;
	assert_true(now_ns() - before < STOP_NS + 200 * NSEC_PER_MSEC);
}

static void test_stop_while_stuck(void **state)
{
	struct world *world = *state;
	int ends[2] = { submit_waiting(world, 0, &plain, NULL), -1 };

	/* One that was given up, one that runs, two that wait, one of which only the thread may free. */
	wait_told(world, 1);
	ends[1] = submit_waiting(world, 1, &patient, NULL);
	submit(world, 2, &plain, -1);
	submit(world, 3, &freed_by_thread, -1);
	wait_for(&world->seen[1].nr_begun, 1);
	stop(world);
	assert_int_equal(world->seen[1].err, -ECANCELED);
	check_job(world, 2, -ECANCELED, 0);
	assert_int_equal(world->seen[3].err, -ECANCELED);
	assert_int_equal(atomic_load(&world->seen[0].nr_freed), 0);
	assert_int_equal(atomic_load(&world->seen[1].nr_freed), 0);
	close(ends[0]);
	close(ends[1]);
	/* They come free when there is no worker any more, and nothing is told again. */
	check_job(world, 3, -ECANCELED, 0);
	wait_for(&world->seen[0].nr_freed, 1);
	wait_for(&world->seen[1].nr_freed, 1);
	assert_int_equal(atomic_load(&world->seen[3].nr_freed_in_loop), 0);
	assert_int_equal(world->seen[0].nr_done + world->seen[1].nr_done, 2);
	assert_true(world->seen[0].saw_cancel && world->seen[1].saw_cancel);
	/* Their threads are about to end. */
	usleep(50000);
}

/* Each is done with in time, all of them are not: that is waited for, but not without end. */
static void test_stop_while_much_is_freed(void **state)
{
	struct worker_config config = config_of(*state);
	struct world *world = *state;
	int nrs[] = { 10, 100 };

	for (size_t i = 0; i < ARRAY_SIZE(nrs); i++) {
		uint64_t before;
		int nr_freed = 0;

		for (int k = 0; k < nrs[i]; k++) {
			struct job *job = job_new(world, k, &freed_by_thread, -1);

			atomic_store(&world->seen[k].nr_freed, 0);
			job->wait_ns = STOP_NS / 5;
			worker_job_unref(world->worker, &job->job);
		}
		before = now_ns();
		worker_free(steal_ptr(&world->worker));
		assert_true(now_ns() - before < WORKER_STOP_MAX_NS + 500 * NSEC_PER_MSEC);
		for (int k = 0; k < nrs[i]; k++)
			nr_freed += atomic_load(&world->seen[k].nr_freed);
		if (nrs[i] == 10)
			assert_int_equal(nr_freed, 10);
		else
			assert_true(nr_freed < 100);
		for (int k = 0; k < nrs[i]; k++)
			wait_for(&world->seen[k].nr_freed, 1);
		assert_int_equal(worker_new(&config, &world->worker), 0);
	}
	usleep(50000);
}

/* Whoever hands in another when one is cancelled does not keep it from ending. */
static void test_stop_beside_one_that_submits(void **state)
{
	struct world *world = *state;
	struct job *next = job_new(world, 1, &plain, -1);
	int end = submit_waiting(world, 0, &patient, NULL);

	wait_for(&world->seen[0].nr_begun, 1);
	world->submit_in_done = next;
	stop(world);
	assert_int_equal(world->submit_err, -ECANCELED);
	assert_int_equal(world->seen[0].err, -ECANCELED);
	worker_job_unref(NULL, &next->job);
	assert_int_equal(world->seen[1].nr_done, 0);
	close(end);
	wait_for(&world->seen[0].nr_freed, 1);
	usleep(50000);
}

static void test_stop_at_any_time(void **state)
{
	struct world *world = *state;
	struct worker_config config = config_of(world);

	worker_free(steal_ptr(&world->worker));
	for (int i = 0; i < 60; i++) {
		assert_int_equal(worker_new(&config, &world->worker), 0);
		for (int k = 0; k < i; k++)
			submit(world, k, k % 3 ? &plain : &freed_by_thread, -1);
		if (i % 4 == 1)
			wait_told(world, 1);
		if (i % 4 == 2)
			usleep(i * 10);
		stop(world);
		for (int k = 0; k < i; k++) {
			assert_int_equal(world->seen[k].nr_done, 1);
			assert_int_equal(atomic_load(&world->seen[k].nr_freed), 1);
			world->seen[k].nr_done = 0;
			atomic_store(&world->seen[k].nr_freed, 0);
		}
	}
}

/* As it is when a limit is reached: that is no full queue, and over when there is room again. */
static void test_no_thread(void **state)
{
	struct world *world = *state;
	const char *preload = getenv("LD_PRELOAD");
	pthread_attr_t old, huge;
	struct job *job;

	/* Which says otherwise that there is no room. */
	if (preload && strstr(preload, "vgpreload"))
		skip();
	job = job_new(world, 0, &plain, -1);
	assert_int_equal(pthread_getattr_default_np(&old), 0);
	assert_int_equal(pthread_attr_init(&huge), 0);
	assert_int_equal(pthread_attr_setstacksize(&huge, (size_t)1 << 52), 0);
	assert_int_equal(pthread_setattr_default_np(&huge), 0);
	assert_int_equal(worker_submit(world->worker, &job->job), -ENOMEM);
	assert_int_equal(worker_submit(world->worker, &job->job), -ENOMEM);
	assert_int_equal(worker_nr_pending(world->worker), 0);
	assert_int_equal(pthread_setattr_default_np(&old), 0);
	pthread_attr_destroy(&huge);
	pthread_attr_destroy(&old);
	assert_int_equal(worker_submit(world->worker, &job->job), 0);
	wait_told(world, 1);
	check_job(world, 0, 0, 1);
}

static void test_no_descriptors(void **state)
{
	struct world *world = *state;
	struct worker_config config = config_of(world);
	struct rlimit old = unit_forbid_fds();
	struct worker *worker = NULL;
	int err = worker_new(&config, &worker);

	unit_allow_fds(old);
	assert_int_equal(err, -EMFILE);
	assert_null(worker);
}

#define WORKER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORKER_TEST(test_in_order),
		WORKER_TEST(test_thread_comes_and_goes),
		WORKER_TEST(test_queue_full),
		WORKER_TEST(test_loop_goes_on),
		WORKER_TEST(test_cancel),
		WORKER_TEST(test_stuck),
		WORKER_TEST(test_too_many_stuck),
		WORKER_TEST(test_cancelled_and_stuck),
		WORKER_TEST(test_kept_and_freed_by_thread),
		WORKER_TEST(test_stop_while_stuck),
		WORKER_TEST(test_stop_while_much_is_freed),
		WORKER_TEST(test_stop_beside_one_that_submits),
		WORKER_TEST(test_stop_at_any_time),
		WORKER_TEST(test_no_thread),
		WORKER_TEST(test_no_descriptors),
	};

	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
