// SPDX-License-Identifier: GPL-2.0-only
#include "worker.h"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "log.h"

/* So long until the next try to give up what could not be given up. */
#define AGAIN_NS NSEC_PER_SEC

struct jobs {
	struct worker_job *first;
	struct worker_job **last;
};

/* What loop and threads have in common; whoever lets go of it last frees it. The mutex guards all that changes. */
struct shared {
	atomic_uint nr_users;
	pthread_mutex_t mutex;
	pthread_cond_t work;
	struct jobs todo;
	struct jobs ran;	/* and not yet told */
	struct jobs unused;	/* to be freed by the thread */
	size_t nr_unused;
	int event_fd;		/* -1: nobody listens any more */
	bool stopping;
};

/* The worker's, or, once that has left it behind, its own. */
struct thread {
	struct shared *shared;
	const char *name;
	uint64_t linger_ns;	/* 0: for ever */
	pthread_t id;
	struct worker_job *job;	/* what it works on */
	bool is_freeing;	/* … which is to free it */
	uint64_t since_ns;	/* 0: idle */
	uint64_t limit_ns;
	bool given_up;		/* it takes no other job */
	bool finished;		/* it touches nothing of this any more */
	bool left_behind;	/* it frees this */
};

struct stuck {
	struct thread *thread;
	struct worker_job *job;	/* NULL if it is being freed */
};

struct worker {
	struct worker_config config;
	struct source source;
	struct timer timer;	/* armed while anything may get stuck */
	struct shared *shared;
	struct thread *thread;	/* NULL until there is something to do */
	struct stuck stuck[WORKER_STUCK_MAX];
	size_t nr_stuck;
	bool no_thread_is_told;
	bool stopping;
	struct worker_job *pending;
	size_t nr_pending;
};

/* ---- jobs ---- */

static void jobs_init(struct jobs *jobs)
{
	jobs->first = NULL;
	jobs->last = &jobs->first;
}

static void jobs_add(struct jobs *jobs, struct worker_job *job)
{
	job->next = NULL;
	*jobs->last = job;
	jobs->last = &job->next;
}

static struct worker_job *jobs_take(struct jobs *jobs)
{
	struct worker_job *job = jobs->first;

	if (!job)
		return NULL;
	jobs->first = job->next;
	if (!jobs->first)
		jobs->last = &jobs->first;
	return job;
}

/* Return: was it there? */
static bool jobs_remove(struct jobs *jobs, struct worker_job *job)
{
	struct worker_job **link = &jobs->first;

	while (*link && *link != job)
		link = &(*link)->next;
	if (!*link)
		return false;
	*link = job->next;
	if (!*link)
		jobs->last = link;
	return true;
}

void worker_job_init(struct worker_job *job, const struct worker_ops *ops)
{
	*job = (struct worker_job){ .ops = ops };
	atomic_init(&job->nr_users, 1);
	atomic_init(&job->is_cancelled, false);
}

struct worker_job *worker_job_ref(struct worker_job *job)
{
	atomic_fetch_add_explicit(&job->nr_users, 1, memory_order_relaxed);
	return job;
}

/* Return: is the caller to free it? */
static bool job_put(struct worker_job *job)
{
	return atomic_fetch_sub_explicit(&job->nr_users, 1, memory_order_acq_rel) == 1;
}

bool worker_job_is_cancelled(const struct worker_job *job)
{
	return atomic_load_explicit(&job->is_cancelled, memory_order_relaxed);
}

/* ---- what is shared ---- */

static struct shared *shared_new(void)
{
	struct shared *shared = calloc(1, sizeof(*shared));
	pthread_condattr_t attr;

	if (!shared)
		return NULL;
	atomic_init(&shared->nr_users, 1);
	pthread_mutex_init(&shared->mutex, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&shared->work, &attr);
	pthread_condattr_destroy(&attr);
	jobs_init(&shared->todo);
	jobs_init(&shared->ran);
	jobs_init(&shared->unused);
	shared->event_fd = -1;
	return shared;
}

/* With its last user gone the lists are empty: the worker has taken what ran, its last thread freed what was unused. */
static void shared_unref(struct shared *shared)
{
	if (atomic_fetch_sub_explicit(&shared->nr_users, 1, memory_order_acq_rel) != 1)
		return;
	pthread_cond_destroy(&shared->work);
	pthread_mutex_destroy(&shared->mutex);
	free(shared);
}

static void tell_loop(struct shared *shared)
{
	if (shared->event_fd >= 0)
		eventfd_write(shared->event_fd, 1);
}

/* ---- the thread ---- */

/* With the mutex held, as after it; not while it works. */
static void work_on(struct thread *thread, struct worker_job *job, bool is_freeing)
{
	thread->job = job;
	thread->is_freeing = is_freeing;
	thread->since_ns = now_ns();
	thread->limit_ns = job->ops->limit_ns;
	pthread_mutex_unlock(&thread->shared->mutex);
	if (is_freeing)
		job->ops->free(job);
	else
		job->ops->run(job);
	pthread_mutex_lock(&thread->shared->mutex);
	thread->job = NULL;
	thread->since_ns = 0;
}

static void run_job(struct thread *thread, struct worker_job *job)
{
	struct shared *shared = thread->shared;

	work_on(thread, job, false);
	if (!thread->given_up && shared->event_fd >= 0) {
		jobs_add(&shared->ran, job);
		tell_loop(shared);
		return;
	}
	/* It was answered when it was given up, or when the worker went. */
	pthread_mutex_unlock(&shared->mutex);
	if (job_put(job))
		job->ops->free(job);
	pthread_mutex_lock(&shared->mutex);
}

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){ .tv_sec = (time_t)(ns / NSEC_PER_SEC), .tv_nsec = (long)(ns % NSEC_PER_SEC) };
}

/* Return: false if nothing came for so long that the thread may end. */
static bool wait_for_work(struct thread *thread)
{
	struct shared *shared = thread->shared;
	struct timespec deadline = to_timespec(now_ns() + thread->linger_ns);
	int err = 0;

	while (!err && !shared->unused.first && !shared->todo.first && !shared->stopping) {
		if (thread->linger_ns)
			err = pthread_cond_timedwait(&shared->work, &shared->mutex, &deadline);
		else
			pthread_cond_wait(&shared->work, &shared->mutex);
	}
	return !err || shared->unused.first || shared->todo.first;
}

static void work(struct thread *thread)
{
	struct shared *shared = thread->shared;
	struct worker_job *job;

	while (!thread->given_up) {
		job = jobs_take(&shared->unused);
		if (job) {
			shared->nr_unused--;
			work_on(thread, job, true);
			continue;
		}
		if (shared->stopping)
			return;
		job = jobs_take(&shared->todo);
		if (job)
			run_job(thread, job);
		else if (!wait_for_work(thread))
			return;
	}
}

static void *thread_main(void *arg)
{
	struct thread *thread = arg;
	struct shared *shared = thread->shared;
	bool left_behind;

	prctl(PR_SET_NAME, thread->name, 0, 0, 0);
	/* The daemon's own priority is for who decides, not for who waits. Of this thread only. */
	setpriority(PRIO_PROCESS, 0, 0);
	pthread_mutex_lock(&shared->mutex);
	work(thread);
	thread->finished = true;
	left_behind = thread->left_behind;
	if (thread->given_up)
		tell_loop(shared);
	pthread_mutex_unlock(&shared->mutex);
	if (left_behind)
		free(thread);
	shared_unref(shared);
	return NULL;
}

/* Return: 0, -ENOMEM if there is no room for a thread, or one more is not allowed; -errno. */
static int thread_new(const struct worker_config *config, struct shared *shared, struct thread **ret)
{
	_cleanup_free_ struct thread *thread = calloc(1, sizeof(*thread));
	sigset_t all, old;
	int err;

	if (!thread)
		return -ENOMEM;
	thread->shared = shared;
	thread->name = config->thread;
	thread->linger_ns = config->linger_ns;
	atomic_fetch_add(&shared->nr_users, 1);
	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&thread->id, NULL, thread_main, thread);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		shared_unref(shared);
		/* It would look like a full queue, which is over soon. */
		return err == EAGAIN ? -ENOMEM : -err;
	}
	*ret = steal_ptr(&thread);
	return 0;
}

/* From here on it is its own, unless it has ended. */
static void thread_leave_behind(struct thread *thread)
{
	struct shared *shared = thread->shared;
	bool finished;

	pthread_mutex_lock(&shared->mutex);
	finished = thread->finished;
	thread->left_behind = !finished;
	pthread_detach(thread->id);
	pthread_mutex_unlock(&shared->mutex);
	if (finished)
		free(thread);
}

/* ---- the loop's side ---- */

static void watch_over(struct worker *worker, uint64_t deadline_ns)
{
	if (!timer_is_armed(&worker->timer) || worker->timer.deadline_ns > deadline_ns)
		timer_arm(&worker->timer, worker->config.loop, deadline_ns, 0);
}

/* Once, until there is one again. @err: of thread_new(). */
static void tell_no_thread(struct worker *worker, int err)
{
	if (err && !worker->no_thread_is_told)
		log_warning_errno(err, "%s: no thread to be had", worker->config.what);
	worker->no_thread_is_told = err;
}

/* With the mutex held: one that takes what comes now. */
static int ensure_thread(struct worker *worker)
{
	struct thread *old = worker->thread;

	if (old && !old->finished)
		return 0;
	if (old) {
		pthread_detach(old->id);
		free(steal_ptr(&worker->thread));
	}
	return thread_new(&worker->config, worker->shared, &worker->thread);
}

static int give_to_thread(struct worker *worker, struct jobs *jobs, struct worker_job *job)
{
	struct shared *shared = worker->shared;
	uint64_t limit_ns = job->ops->limit_ns;
	int err;

	pthread_mutex_lock(&shared->mutex);
	err = ensure_thread(worker);
	if (!err) {
		shared->nr_unused += jobs == &shared->unused;
		jobs_add(jobs, job);
		pthread_cond_signal(&shared->work);
	}
	pthread_mutex_unlock(&shared->mutex);
	tell_no_thread(worker, err);
	if (!err)
		watch_over(worker, now_ns() + limit_ns);
	return err;
}

void worker_job_unref(struct worker *worker, struct worker_job *job)
{
	if (!job || !job_put(job))
		return;
	if (!worker || !job->ops->free_waits || give_to_thread(worker, &worker->shared->unused, job))
		job->ops->free(job);
}

static void answer(struct worker *worker, struct worker_job *job, int err)
{
	if (job->before)
		job->before->after = job->after;
	else
		worker->pending = job->after;
	if (job->after)
		job->after->before = job->before;
	worker->nr_pending--;
	job->is_pending = false;
	job->ops->done(job, err);
	worker_job_unref(worker, job);
}

/* Those that have come free are given back. */
static void reap_stuck(struct worker *worker)
{
	for (size_t i = 0; i < worker->nr_stuck;) {
		struct stuck stuck = worker->stuck[i];
		bool finished;

		pthread_mutex_lock(&worker->shared->mutex);
		finished = stuck.thread->finished;
		pthread_mutex_unlock(&worker->shared->mutex);
		if (!finished) {
			i++;
			continue;
		}
		worker->stuck[i] = worker->stuck[--worker->nr_stuck];
		thread_leave_behind(stuck.thread);
		worker_job_unref(worker, stuck.job);
	}
}

static int handle_answers(struct source *source, uint32_t events)
{
	struct worker *worker = container_of(source, struct worker, source);
	struct worker_job *job;
	struct jobs ran;
	eventfd_t count;

	eventfd_read(worker->shared->event_fd, &count);
	jobs_init(&ran);
	pthread_mutex_lock(&worker->shared->mutex);
	while ((job = jobs_take(&worker->shared->ran)))
		jobs_add(&ran, job);
	pthread_mutex_unlock(&worker->shared->mutex);
	while ((job = jobs_take(&ran))) {
		if (job->is_pending)
			answer(worker, job, 0);
		worker_job_unref(worker, job);
	}
	reap_stuck(worker);
	pthread_mutex_lock(&worker->shared->mutex);
	if (!worker->nr_pending && !worker->shared->nr_unused && !(worker->thread && worker->thread->since_ns))
		timer_disarm(&worker->timer);
	pthread_mutex_unlock(&worker->shared->mutex);
	return 0;
}

int worker_submit(struct worker *worker, struct worker_job *job)
{
	size_t nr_unused;
	int err;

	/* A done() that hands in another would never let go of us. */
	if (worker->stopping)
		return -ECANCELED;
	pthread_mutex_lock(&worker->shared->mutex);
	nr_unused = worker->shared->nr_unused;
	pthread_mutex_unlock(&worker->shared->mutex);
	if (worker->nr_pending + nr_unused >= WORKER_QUEUE_MAX)
		return -EAGAIN;
	err = give_to_thread(worker, &worker->shared->todo, worker_job_ref(job));
	if (err) {
		job_put(job);
		return err;
	}
	job->is_pending = true;
	job->before = NULL;
	job->after = worker->pending;
	if (worker->pending)
		worker->pending->before = job;
	worker->pending = job;
	worker->nr_pending++;
	return 0;
}

void worker_cancel(struct worker *worker, struct worker_job *job)
{
	bool was_queued;

	if (!job->is_pending)
		return;
	atomic_store_explicit(&job->is_cancelled, true, memory_order_relaxed);
	pthread_mutex_lock(&worker->shared->mutex);
	was_queued = jobs_remove(&worker->shared->todo, job);
	pthread_mutex_unlock(&worker->shared->mutex);
	/* Else the thread has it, or what ran and was not told. */
	if (was_queued)
		worker_job_unref(worker, job);
	answer(worker, job, -ECANCELED);
}

size_t worker_nr_pending(const struct worker *worker)
{
	return worker->nr_pending;
}

const struct worker_job *worker_find_stuck(const struct worker *worker,
					   bool (*fn)(const struct worker_job *job, const void *data), const void *data)
{
	for (size_t i = 0; i < worker->nr_stuck; i++)
		if (worker->stuck[i].job && fn(worker->stuck[i].job, data))
			return worker->stuck[i].job;
	return NULL;
}

/* Another thread takes over all but what this one is stuck in. With the mutex held. Return: 0, -EBUSY, as thread_new(). */
static int replace_thread(struct worker *worker)
{
	struct thread *old = worker->thread, *thread = NULL;
	int err;

	if (worker->nr_stuck == WORKER_STUCK_MAX)
		return -EBUSY;
	err = thread_new(&worker->config, worker->shared, &thread);
	if (err)
		return err;
	old->given_up = true;
	if (!old->is_freeing)
		atomic_store_explicit(&old->job->is_cancelled, true, memory_order_relaxed);
	worker->stuck[worker->nr_stuck++] = (struct stuck){ old, old->is_freeing ? NULL : worker_job_ref(old->job) };
	worker->thread = thread;
	return 0;
}

void worker_check(struct worker *worker, uint64_t now)
{
	struct worker_job *given_up = NULL;
	uint64_t deadline_ns = 0;
	int err = -EBUSY;

	reap_stuck(worker);
	if (!worker->thread)
		return;
	pthread_mutex_lock(&worker->shared->mutex);
	if (worker->thread->since_ns)
		deadline_ns = worker->thread->since_ns + worker->thread->limit_ns;
	if (deadline_ns && now >= deadline_ns) {
		err = replace_thread(worker);
		if (!err)
			given_up = worker->stuck[worker->nr_stuck - 1].job;
		deadline_ns = now + AGAIN_NS;
	}
	if (!deadline_ns && (worker->nr_pending || worker->shared->nr_unused))
		deadline_ns = now + AGAIN_NS;
	pthread_mutex_unlock(&worker->shared->mutex);
	if (err != -EBUSY)
		tell_no_thread(worker, err);
	if (deadline_ns)
		timer_arm(&worker->timer, worker->config.loop, deadline_ns, 0);
	/* Its use by the stuck thread's place keeps it. */
	if (given_up && given_up->is_pending)
		answer(worker, given_up, -ETIMEDOUT);
}

static int handle_timer(struct timer *timer, uint64_t now)
{
	worker_check(container_of(timer, struct worker, timer), now);
	return 0;
}

int worker_new(const struct worker_config *config, struct worker **ret)
{
	_cleanup_(worker_freep) struct worker *worker = calloc(1, sizeof(*worker));
	int err;

	if (!worker)
		return -ENOMEM;
	worker->config = *config;
	source_init(&worker->source, config->thread, handle_answers);
	timer_init(&worker->timer, config->thread, handle_timer);
	worker->shared = shared_new();
	if (!worker->shared)
		return -ENOMEM;
	worker->shared->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->shared->event_fd < 0)
		return -errno;
	err = source_attach(&worker->source, config->loop, worker->shared->event_fd, EPOLLIN);
	if (err)
		return err;
	*ret = steal_ptr(&worker);
	return 0;
}

/* As long as it is done with one after the other it is waited for. Return: has it ended? */
static bool join_thread(struct thread *thread, uint64_t stop_ns)
{
	uint64_t now = now_ns(), deadline_ns = now + stop_ns;
	uint64_t end_ns = now + (stop_ns > WORKER_STOP_MAX_NS ? stop_ns : WORKER_STOP_MAX_NS);
	struct timespec deadline;

	do {
		deadline = to_timespec(deadline_ns);
		if (!pthread_clockjoin_np(thread->id, NULL, CLOCK_MONOTONIC, &deadline))
			return true;
		pthread_mutex_lock(&thread->shared->mutex);
		deadline_ns = (thread->since_ns ? thread->since_ns : now_ns()) + stop_ns;
		pthread_mutex_unlock(&thread->shared->mutex);
		if (deadline_ns > end_ns)
			deadline_ns = end_ns;
	} while (deadline_ns > now_ns());
	return false;
}

static void stop_thread(struct worker *worker)
{
	if (join_thread(worker->thread, worker->config.stop_ns)) {
		free(worker->thread);
		return;
	}
	log_warning("%s does not come back: left behind", worker->config.what);
	thread_leave_behind(worker->thread);
}

static void end_shared(struct worker *worker)
{
	struct shared *shared = worker->shared;
	struct worker_job *job;
	struct jobs ran;

	jobs_init(&ran);
	pthread_mutex_lock(&shared->mutex);
	shared->event_fd = close_fd(shared->event_fd);
	while ((job = jobs_take(&shared->ran)))
		jobs_add(&ran, job);
	pthread_mutex_unlock(&shared->mutex);
	while ((job = jobs_take(&ran)))
		worker_job_unref(worker, job);
	for (size_t i = 0; i < worker->nr_stuck; i++) {
		worker_job_unref(worker, worker->stuck[i].job);
		thread_leave_behind(worker->stuck[i].thread);
	}
	/* Not before: what nobody needs is freed by the thread. */
	pthread_mutex_lock(&shared->mutex);
	shared->stopping = true;
	pthread_cond_signal(&shared->work);
	pthread_mutex_unlock(&shared->mutex);
	if (worker->thread)
		stop_thread(worker);
	shared_unref(shared);
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	source_detach(&worker->source);
	worker->stopping = true;
	while (worker->pending)
		worker_cancel(worker, worker->pending);
	if (worker->shared)
		end_shared(worker);
	timer_disarm(&worker->timer);
	free(worker);
}
