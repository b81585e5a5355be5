// SPDX-License-Identifier: GPL-2.0-only
#include "prober.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "cgroup.h"
#include "log.h"

/* Deeper than any launcher piles up its wrappers. */
#define ANCESTORS_MAX 32

struct job {
	struct job *next;
	struct programs *lists;		/* what the request came with */
	struct prober_answer answer;
};

struct jobs {
	struct job *first;
	struct job **last;
};

/*
 * What the thread works on. It belongs to the prober, or, once that has left it behind, to the thread. The mutex guards
 * all that changes.
 */
struct worker {
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t work;
	struct jobs todo;
	struct jobs done;
	int event_fd;
	int root;
	char *programs_file;
	char *programs_dir;
	bool stopping;
	bool finished;		/* the thread touches nothing any more */
	bool left_behind;	/* the thread frees this */
	uint64_t busy_since_ns;	/* 0: idle */
	enum prober_kind busy_kind;
	struct proc_id busy_id;
};

struct prober {
	struct loop *loop;
	struct source source;
	struct worker *worker;
	struct worker *stuck[PROBER_STUCK_MAX];
	struct proc_id stuck_ids[PROBER_STUCK_MAX];	/* what each reads; pid 0: no process */
	size_t nr_stuck;
	size_t nr_pending;
	prober_answer_fn answer_fn;
	void *data;
};

/* ---- the reading ---- */

static int pidfd_open(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -1 : fd;
}

/* What the processes above @info say. Who is younger than its child is not its parent but a later owner of the number. */
static void read_ancestry(int root, const struct proc_info *info, const struct programs *programs,
			  struct score_ancestry *ret)
{
	struct proc_info parent;
	uint64_t start_ticks = info->id.start_ticks;
	pid_t pid = info->ppid;

	for (int i = 0; i < ANCESTORS_MAX && pid > 1; i++) {
		_cleanup_close_ int dirfd = proc_open(root, pid);

		if (dirfd < 0 || proc_read_name(dirfd, &parent) || parent.id.start_ticks > start_ticks)
			return;
		if (!ret->reaper_app_id)
			ret->reaper_app_id = score_reaper_app_id(&parent);
		if (score_section(&parent, programs) == PROGRAMS_LAUNCHER)
			ret->launcher = true;
		start_ticks = parent.id.start_ticks;
		pid = parent.ppid;
	}
}

int prober_read(int root, const struct proc_id *id, const struct programs *programs, bool full, struct prober_probe *ret)
{
	_cleanup_close_ int dirfd = -1;
	_cleanup_close_ int pidfd = -1;
	enum programs_section section;
	struct proc_id after;
	int err;

	dirfd = proc_open(root, id->pid);
	if (dirfd < 0)
		return dirfd;
	memset(ret, 0, sizeof(*ret));
	ret->pidfd = -1;
	err = proc_read_name(dirfd, &ret->info);
	if (err)
		return err;
	if (id->start_ticks && !proc_id_equal(id, &ret->info.id))
		return -ESRCH;
	pidfd = pidfd_open(id->pid);
	err = proc_read_owner(dirfd, &ret->info);
	if (err)
		return err;
	section = score_section(&ret->info, programs);
	if (full || section == PROGRAMS_NONE || section == PROGRAMS_GAME) {
		read_ancestry(root, &ret->info, programs, &ret->ancestry);
		err = proc_read_env(dirfd, &ret->info);
		if (!err)
			err = proc_read_maps(dirfd, &ret->info);
		if (err)
			return err;
	}
	/* It still has its number, so it is its pidfd. */
	err = proc_read_id(dirfd, &after);
	if (err)
		return err;
	ret->pidfd = steal_fd(&pidfd);
	return 0;
}

/* ---- jobs ---- */

static void jobs_init(struct jobs *jobs)
{
	jobs->first = NULL;
	jobs->last = &jobs->first;
}

static void jobs_add(struct jobs *jobs, struct job *job)
{
	job->next = NULL;
	*jobs->last = job;
	jobs->last = &job->next;
}

static struct job *jobs_take(struct jobs *jobs)
{
	struct job *job = jobs->first;

	if (!job)
		return NULL;
	jobs->first = job->next;
	if (!jobs->first)
		jobs->last = &jobs->first;
	return job;
}

static void jobs_move(struct jobs *to, struct jobs *from)
{
	struct job *job;

	while ((job = jobs_take(from)))
		jobs_add(to, job);
}

static void job_free(struct job *job)
{
	if (!job)
		return;
	close_fd(job->answer.probe.pidfd);
	free(job->answer.ids);
	programs_unref(job->answer.programs);
	programs_unref(job->lists);
	free(job);
}
DEFINE_CLEANUP(struct job *, job_free)

static void jobs_clear(struct jobs *jobs)
{
	struct job *job;

	while ((job = jobs_take(jobs)))
		job_free(job);
}

/* Opened each time: the hierarchy may be mounted later than we start, and it is asked for rarely. */
static int read_group(int root, const struct proc_id *id, const struct programs *programs, struct background_group *ret)
{
	_cleanup_close_ int cgroup_root = cgroup_open_root();

	return cgroup_root < 0 ? cgroup_root : background_group_read(root, cgroup_root, id, programs, ret);
}

static void job_run(struct job *job, struct worker *worker)
{
	struct prober_answer *answer = &job->answer;

	switch (answer->kind) {
	case PROBER_PROBE:
		answer->err = prober_read(worker->root, &answer->id, job->lists, false, &answer->probe);
		break;
	case PROBER_LIST:
		answer->err = proc_list(worker->root, PROBER_LIST_MAX, &answer->ids, &answer->nr_ids);
		break;
	case PROBER_LOAD:
		answer->err = programs_new(worker->programs_file, worker->programs_dir, answer->message,
					   &answer->programs);
		break;
	case PROBER_GROUP:
		answer->err = read_group(worker->root, &answer->id, job->lists, &answer->group);
		break;
	}
}

/* ---- the thread ---- */

static void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	jobs_clear(&worker->todo);
	jobs_clear(&worker->done);
	close_fd(worker->event_fd);
	close_fd(worker->root);
	free(worker->programs_file);
	free(worker->programs_dir);
	pthread_cond_destroy(&worker->work);
	pthread_mutex_destroy(&worker->mutex);
	free(worker);
}
DEFINE_CLEANUP(struct worker *, worker_free)

static void *worker_main(void *arg)
{
	struct worker *worker = arg;
	bool left_behind;
	struct job *job;

	prctl(PR_SET_NAME, "arcade-prober", 0, 0, 0);
	/* The daemon's own priority is for who decides, not for who reads. Of this thread only. */
	setpriority(PRIO_PROCESS, 0, 0);
	pthread_mutex_lock(&worker->mutex);
	while (!worker->stopping) {
		job = jobs_take(&worker->todo);
		if (!job) {
			pthread_cond_wait(&worker->work, &worker->mutex);
			continue;
		}
		worker->busy_since_ns = now_ns();
		worker->busy_kind = job->answer.kind;
		worker->busy_id = job->answer.id;
		pthread_mutex_unlock(&worker->mutex);

		job_run(job, worker);

		pthread_mutex_lock(&worker->mutex);
		worker->busy_since_ns = 0;
		/* Whoever has given this one up has answered it as well. */
		if (worker->stopping) {
			job_free(job);
			break;
		}
		jobs_add(&worker->done, job);
		eventfd_write(worker->event_fd, 1);
	}
	worker->finished = true;
	left_behind = worker->left_behind;
	pthread_mutex_unlock(&worker->mutex);
	if (left_behind)
		worker_free(worker);
	return NULL;
}

static char *copy_string(const char *text, bool *failed)
{
	char *copy = text ? strdup(text) : NULL;

	*failed |= text && !copy;
	return copy;
}

/* Takes @root over, if it succeeds. */
static int worker_new(int root, const char *programs_file, const char *programs_dir, struct worker **ret)
{
	_cleanup_(worker_freep) struct worker *worker = calloc(1, sizeof(*worker));
	sigset_t all, old;
	bool failed = false;
	int err;

	if (!worker)
		return -ENOMEM;
	worker->root = worker->event_fd = -1;
	jobs_init(&worker->todo);
	jobs_init(&worker->done);
	pthread_mutex_init(&worker->mutex, NULL);
	pthread_cond_init(&worker->work, NULL);
	worker->programs_file = copy_string(programs_file, &failed);
	worker->programs_dir = copy_string(programs_dir, &failed);
	if (failed)
		return -ENOMEM;
	worker->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->event_fd < 0)
		return -errno;
	worker->root = root;
	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = pthread_create(&worker->thread, NULL, worker_main, worker);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (err) {
		worker->root = -1;
		return -err;
	}
	*ret = steal_ptr(&worker);
	return 0;
}

static void worker_tell_to_stop(struct worker *worker)
{
	pthread_mutex_lock(&worker->mutex);
	worker->stopping = true;
	pthread_cond_signal(&worker->work);
	pthread_mutex_unlock(&worker->mutex);
}

/* Free it when its thread has ended. Return: false if that is still busy. */
static bool worker_join(struct worker *worker, uint64_t wait_ns)
{
	uint64_t deadline_ns = now_ns() + wait_ns;
	struct timespec deadline = {
		.tv_sec = (time_t)(deadline_ns / NSEC_PER_SEC),
		.tv_nsec = (long)(deadline_ns % NSEC_PER_SEC),
	};

	if (pthread_clockjoin_np(worker->thread, NULL, CLOCK_MONOTONIC, &deadline))
		return false;
	worker_free(worker);
	return true;
}

/* From here on it is the thread's own. */
static void worker_leave_behind(struct worker *worker)
{
	bool finished;

	pthread_mutex_lock(&worker->mutex);
	finished = worker->finished;
	if (!finished) {
		worker->left_behind = true;
		pthread_detach(worker->thread);
	}
	pthread_mutex_unlock(&worker->mutex);
	if (!finished)
		return;
	pthread_join(worker->thread, NULL);
	worker_free(worker);
}

/* ---- the loop's side ---- */

static void deliver(struct prober *prober, struct job *job)
{
	prober->nr_pending--;
	prober->answer_fn(&job->answer, prober->data);
	job_free(job);
}

static int handle_answers(struct source *source, uint32_t events)
{
	struct prober *prober = container_of(source, struct prober, source);
	struct jobs done;
	eventfd_t count;
	struct job *job;

	eventfd_read(prober->worker->event_fd, &count);
	jobs_init(&done);
	pthread_mutex_lock(&prober->worker->mutex);
	jobs_move(&done, &prober->worker->done);
	pthread_mutex_unlock(&prober->worker->mutex);
	while ((job = jobs_take(&done)))
		deliver(prober, job);
	return 0;
}

static int ask(struct prober *prober, enum prober_kind kind, const struct proc_id *id, struct programs *programs)
{
	struct worker *worker = prober->worker;
	struct job *job;

	if (prober->nr_pending >= PROBER_QUEUE_MAX)
		return -EAGAIN;
	job = calloc(1, sizeof(*job));
	if (!job)
		return -ENOMEM;
	job->answer.kind = kind;
	job->answer.probe.pidfd = -1;
	if (id)
		job->answer.id = *id;
	if (programs)
		job->lists = programs_ref(programs);
	prober->nr_pending++;
	pthread_mutex_lock(&worker->mutex);
	jobs_add(&worker->todo, job);
	pthread_cond_signal(&worker->work);
	pthread_mutex_unlock(&worker->mutex);
	return 0;
}

/* Another thread would only join the one that waits for it. */
static bool is_stuck(const struct prober *prober, const struct proc_id *id)
{
	for (size_t i = 0; i < prober->nr_stuck; i++) {
		const struct proc_id *stuck = &prober->stuck_ids[i];

		if (stuck->pid == id->pid &&
		    (!stuck->start_ticks || !id->start_ticks || stuck->start_ticks == id->start_ticks))
			return true;
	}
	return false;
}

int prober_ask_process(struct prober *prober, const struct proc_id *id, struct programs *programs)
{
	if (is_stuck(prober, id))
		return -EBUSY;
	return ask(prober, PROBER_PROBE, id, programs);
}

int prober_ask_group(struct prober *prober, const struct proc_id *id, struct programs *programs)
{
	if (is_stuck(prober, id))
		return -EBUSY;
	return ask(prober, PROBER_GROUP, id, programs);
}

int prober_ask_list(struct prober *prober)
{
	return ask(prober, PROBER_LIST, NULL, NULL);
}

int prober_ask_load(struct prober *prober)
{
	return ask(prober, PROBER_LOAD, NULL, NULL);
}

size_t prober_nr_pending(const struct prober *prober)
{
	return prober->nr_pending;
}

/* What the thread works on. Return: since when, 0 if it is idle. */
static uint64_t busy_since(struct worker *worker, struct prober_answer *answer)
{
	uint64_t since_ns;

	pthread_mutex_lock(&worker->mutex);
	since_ns = worker->busy_since_ns;
	answer->kind = worker->busy_kind;
	answer->id = worker->busy_id;
	pthread_mutex_unlock(&worker->mutex);
	return since_ns;
}

/* Those that have come free are given back. */
static void reap_stuck(struct prober *prober)
{
	for (size_t i = 0; i < prober->nr_stuck;) {
		if (!worker_join(prober->stuck[i], 0)) {
			i++;
			continue;
		}
		prober->nr_stuck--;
		prober->stuck[i] = prober->stuck[prober->nr_stuck];
		prober->stuck_ids[i] = prober->stuck_ids[prober->nr_stuck];
	}
}

/*
 * A new thread takes over all but what the old one has been stuck in since @since_ns, which is to read @id.
 * Return: 0, -EALREADY if it has just come free, -errno.
 */
static int replace_worker(struct prober *prober, uint64_t since_ns, const struct proc_id *id)
{
	struct worker *old = prober->worker, *worker;
	int root, err;

	root = fcntl(old->root, F_DUPFD_CLOEXEC, 0);
	if (root < 0)
		return -errno;
	err = worker_new(root, old->programs_file, old->programs_dir, &worker);
	if (err) {
		close_fd(root);
		return err;
	}
	source_detach(&prober->source);
	err = source_attach(&prober->source, prober->loop, worker->event_fd, EPOLLIN);
	pthread_mutex_lock(&old->mutex);
	if (!err && old->busy_since_ns != since_ns)
		err = -EALREADY;
	if (!err) {
		old->stopping = true;
		pthread_mutex_lock(&worker->mutex);
		jobs_move(&worker->todo, &old->todo);
		jobs_move(&worker->done, &old->done);
		if (worker->done.first)
			eventfd_write(worker->event_fd, 1);
		pthread_cond_signal(&worker->work);
		pthread_mutex_unlock(&worker->mutex);
	}
	pthread_mutex_unlock(&old->mutex);
	if (err) {
		source_detach(&prober->source);
		/* It was attached a moment ago: there is room for it. */
		source_attach(&prober->source, prober->loop, old->event_fd, EPOLLIN);
		worker_tell_to_stop(worker);
		worker_join(worker, PROBER_STOP_NS);
		return err;
	}
	prober->stuck[prober->nr_stuck] = old;
	prober->stuck_ids[prober->nr_stuck++] = *id;
	prober->worker = worker;
	return 0;
}

void prober_check(struct prober *prober, uint64_t now)
{
	struct prober_answer answer = { .probe.pidfd = -1 };
	uint64_t since_ns = busy_since(prober->worker, &answer);

	reap_stuck(prober);
	/* If too many are stuck already, this one has to be waited for. */
	if (!since_ns || now < since_ns + PROBER_STUCK_NS || prober->nr_stuck == PROBER_STUCK_MAX)
		return;
	if (replace_worker(prober, since_ns, &answer.id))
		return;
	answer.err = -ETIMEDOUT;
	snprintf(answer.message, sizeof(answer.message), "programs: no answer within %d s",
		 (int)(PROBER_STUCK_NS / NSEC_PER_SEC));
	if (answer.kind == PROBER_GROUP)
		log_warning("games: the control group of process %d does not let itself be read: left out", (int)answer.id.pid);
	else if (answer.kind == PROBER_PROBE)
		log_warning("games: process %d does not let itself be read: left out", (int)answer.id.pid);
	else
		log_warning("games: %s does not let itself be read",
			    answer.kind == PROBER_LIST ? "/proc" : "the configuration");
	prober->nr_pending--;
	prober->answer_fn(&answer, prober->data);
}

int prober_new(struct loop *loop, const char *proc_path, const char *programs_file, const char *programs_dir,
	       prober_answer_fn answer_fn, void *data, struct prober **ret)
{
	_cleanup_(prober_freep) struct prober *prober = calloc(1, sizeof(*prober));
	int root, err;

	if (!prober)
		return -ENOMEM;
	prober->loop = loop;
	prober->answer_fn = answer_fn;
	prober->data = data;
	source_init(&prober->source, "prober", handle_answers);
	root = proc_open_root(proc_path);
	if (root < 0)
		return root;
	err = worker_new(root, programs_file, programs_dir, &prober->worker);
	if (err) {
		close_fd(root);
		return err;
	}
	err = source_attach(&prober->source, loop, prober->worker->event_fd, EPOLLIN);
	if (err)
		return err;
	*ret = steal_ptr(&prober);
	return 0;
}

void prober_free(struct prober *prober)
{
	if (!prober)
		return;
	source_detach(&prober->source);
	if (prober->worker) {
		worker_tell_to_stop(prober->worker);
		if (!worker_join(prober->worker, PROBER_STOP_NS)) {
			log_warning("games: a read in /proc does not come back: left behind");
			worker_leave_behind(prober->worker);
		}
	}
	for (size_t i = 0; i < prober->nr_stuck; i++)
		worker_leave_behind(prober->stuck[i]);
	free(prober);
}
