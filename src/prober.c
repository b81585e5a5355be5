// SPDX-License-Identifier: GPL-2.0-only
#include "prober.h"

#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cgroup.h"
#include "log.h"

/* Deeper than any launcher piles up its wrappers. */
#define ANCESTORS_MAX 32

/* Where it reads. Of the prober and of every job. */
struct place {
	atomic_uint nr_users;
	atomic_bool reads_group;	/* one thread does, and the next two are its own */
	struct background_verdicts verdicts;
	struct programs *judged_by;	/* the lists that the verdicts are by; or NULL */
	int root;
	char *programs_file;	/* or NULL */
	char *programs_dir;	/* or NULL */
};

struct job {
	struct worker_job job;
	struct prober *prober;		/* for the loop */
	struct place *place;
	struct programs *lists;		/* what the request came with */
	enum prober_kind kind;
	struct proc_id id;
	struct prober_answer answer;	/* the thread's until it has run */
};

struct prober {
	struct worker *worker;
	struct place *place;
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

/* ---- the place ---- */

static void place_unref(struct place *place)
{
	if (!place || atomic_fetch_sub_explicit(&place->nr_users, 1, memory_order_acq_rel) != 1)
		return;
	close_fd(place->root);
	programs_unref(place->judged_by);
	free(place->programs_file);
	free(place->programs_dir);
	free(place);
}
DEFINE_CLEANUP(struct place *, place_unref)

static struct place *place_ref(struct place *place)
{
	atomic_fetch_add_explicit(&place->nr_users, 1, memory_order_relaxed);
	return place;
}

static char *copy_string(const char *text, bool *failed)
{
	char *copy = text ? strdup(text) : NULL;

	*failed |= text && !copy;
	return copy;
}

static int place_new(const char *proc_path, const char *programs_file, const char *programs_dir, struct place **ret)
{
	_cleanup_(place_unrefp) struct place *place = calloc(1, sizeof(*place));
	bool failed = false;

	if (!place)
		return -ENOMEM;
	atomic_init(&place->nr_users, 1);
	atomic_init(&place->reads_group, false);
	place->root = -1;
	place->programs_file = copy_string(programs_file, &failed);
	place->programs_dir = copy_string(programs_dir, &failed);
	if (failed)
		return -ENOMEM;
	place->root = proc_open_root(proc_path);
	if (place->root < 0)
		return place->root;
	*ret = steal_ptr(&place);
	return 0;
}

/* ---- jobs ---- */

/* Opened each time: the hierarchy may be mounted later than we start, and it is asked for rarely. */
static int read_group(struct place *place, const struct proc_id *id, struct programs *programs,
		      struct background_group *ret)
{
	_cleanup_close_ int cgroup_root = -1;
	int err;

	/* The other thread is stuck in a process that is a member, or above one, of who knows how many groups. */
	if (atomic_exchange_explicit(&place->reads_group, true, memory_order_acquire))
		return -EBUSY;
	if (place->judged_by != programs) {
		programs_unref(place->judged_by);
		place->judged_by = programs ? programs_ref(programs) : NULL;
		memset(&place->verdicts, 0, sizeof(place->verdicts));
	}
	cgroup_root = cgroup_open_root();
	err = cgroup_root < 0 ? cgroup_root :
				background_group_read(place->root, cgroup_root, id, programs, &place->verdicts, ret);
	atomic_store_explicit(&place->reads_group, false, memory_order_release);
	return err;
}

static void job_run(struct worker_job *worker_job)
{
	struct job *job = container_of(worker_job, struct job, job);
	struct prober_answer *answer = &job->answer;

	switch (job->kind) {
	case PROBER_PROBE:
		answer->err = prober_read(job->place->root, &job->id, job->lists, false, &answer->probe);
		break;
	case PROBER_LIST:
		answer->err = proc_list(job->place->root, PROBER_LIST_MAX, &answer->ids, &answer->nr_ids);
		break;
	case PROBER_LOAD:
		answer->err = programs_new(job->place->programs_file, job->place->programs_dir, answer->message,
					   &answer->programs);
		break;
	case PROBER_GROUP:
		answer->err = read_group(job->place, &job->id, job->lists, &answer->group);
		break;
	}
}

/* Its read goes on, so what it writes is not touched. */
static void answer_stuck(const struct job *job)
{
	struct prober_answer answer = { .kind = job->kind, .id = job->id, .err = -ETIMEDOUT, .probe.pidfd = -1 };

	snprintf(answer.message, sizeof(answer.message), "programs: no answer within %d s",
		 (int)(PROBER_STUCK_NS / NSEC_PER_SEC));
	if (job->kind == PROBER_GROUP)
		log_warning("games: the control group of process %d does not let itself be read: left out",
			    (int)job->id.pid);
	else if (job->kind == PROBER_PROBE)
		log_warning("games: process %d does not let itself be read: left out", (int)job->id.pid);
	else
		log_warning("games: %s does not let itself be read", job->kind == PROBER_LIST ? "/proc" : "the configuration");
	job->prober->answer_fn(&answer, job->prober->data);
}

static void job_done(struct worker_job *worker_job, int err)
{
	struct job *job = container_of(worker_job, struct job, job);

	if (err == -ETIMEDOUT)
		answer_stuck(job);
	else if (!err)
		job->prober->answer_fn(&job->answer, job->prober->data);
}

static void job_free(struct worker_job *worker_job)
{
	struct job *job = container_of(worker_job, struct job, job);

	close_fd(job->answer.probe.pidfd);
	free(job->answer.ids);
	programs_unref(job->answer.programs);
	programs_unref(job->lists);
	place_unref(job->place);
	free(job);
}

static const struct worker_ops job_ops = {
	.limit_ns = PROBER_STUCK_NS,
	.run = job_run,
	.done = job_done,
	.free = job_free,
};

static int ask(struct prober *prober, enum prober_kind kind, const struct proc_id *id, struct programs *programs)
{
	struct job *job = calloc(1, sizeof(*job));
	int err;

	if (!job)
		return -ENOMEM;
	worker_job_init(&job->job, &job_ops);
	job->prober = prober;
	job->place = place_ref(prober->place);
	job->kind = job->answer.kind = kind;
	job->answer.probe.pidfd = -1;
	if (id)
		job->id = job->answer.id = *id;
	if (programs)
		job->lists = programs_ref(programs);
	err = worker_submit(prober->worker, &job->job);
	if (err)
		worker_job_unref(NULL, &job->job);
	return err;
}

/* A group's read hangs in any of its members: that says nothing of the process it was asked for. */
static bool reads_process(const struct worker_job *worker_job, const void *data)
{
	const struct job *job = container_of((struct worker_job *)worker_job, struct job, job);
	const struct proc_id *id = data;

	return job->kind == PROBER_PROBE && job->id.pid == id->pid &&
	       (!job->id.start_ticks || !id->start_ticks || job->id.start_ticks == id->start_ticks);
}

static bool reads_group(const struct worker_job *worker_job, const void *data)
{
	return container_of((struct worker_job *)worker_job, struct job, job)->kind == PROBER_GROUP;
}

int prober_ask_process(struct prober *prober, const struct proc_id *id, struct programs *programs)
{
	/* Another thread would only join the one that waits for it. */
	if (worker_find_stuck(prober->worker, reads_process, id))
		return -EBUSY;
	return ask(prober, PROBER_PROBE, id, programs);
}

int prober_ask_group(struct prober *prober, const struct proc_id *id, struct programs *programs)
{
	if (worker_find_stuck(prober->worker, reads_group, NULL) || worker_find_stuck(prober->worker, reads_process, id))
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
	return worker_nr_pending(prober->worker);
}

void prober_check(struct prober *prober, uint64_t now)
{
	worker_check(prober->worker, now);
}

int prober_new(struct loop *loop, const char *proc_path, const char *programs_file, const char *programs_dir,
	       prober_answer_fn answer_fn, void *data, struct prober **ret)
{
	_cleanup_(prober_freep) struct prober *prober = calloc(1, sizeof(*prober));
	const struct worker_config config = {
		.loop = loop,
		.thread = "arcade-prober",
		.what = "games: a read in /proc",
		.stop_ns = PROBER_STOP_NS,
	};
	int err;

	if (!prober)
		return -ENOMEM;
	prober->answer_fn = answer_fn;
	prober->data = data;
	err = place_new(proc_path, programs_file, programs_dir, &prober->place);
	if (!err)
		err = worker_new(&config, &prober->worker);
	if (err)
		return err;
	*ret = steal_ptr(&prober);
	return 0;
}

void prober_free(struct prober *prober)
{
	if (!prober)
		return;
	worker_free(prober->worker);
	place_unref(prober->place);
	free(prober);
}
