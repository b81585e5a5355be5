// SPDX-License-Identifier: GPL-2.0-only
/*
 * The parts are a process group of their own, so one kill() reaches all of
 * them, children of the forkers included, and a terminal's Ctrl-C reaches the
 * director alone. If the director is killed, the kernel kills the parts.
 */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"
#include "director.h"
#include "futex.h"
#include "options.h"

#define START_DEADLINE_NS	(20 * NSEC_PER_SEC)
#define GO_DEADLINE_NS		(300 * NSEC_PER_SEC)	/* who would have said so is gone */
#define START_LEAD_NS		(20 * NSEC_PER_MSEC)	/* from go to the first period: all threads are up */
#define DRAIN_DEADLINE_NS	(10 * NSEC_PER_SEC)
#define DRAIN_QUIET_NS		(500 * NSEC_PER_MSEC)	/* no packet for so long: none will come */
#define END_DEADLINE_NS		(20 * NSEC_PER_SEC)
#define LOOK_NS			(2 * NSEC_PER_MSEC)	/* between looks at a condition, never while measuring */
#define PACKETS_LOOK_NS		(20 * NSEC_PER_MSEC)	/* ... except for the end of --packets */

struct process {
	pid_t pid;		/* 0: ended */
	enum scene_part part;
};

struct director {
	struct scene *scene;
	struct scene_result *result;
	struct process *processes;
	unsigned int nr_processes;
	unsigned int nr_running;
	pid_t game;		/* 0: none, or not yet */
	bool has_pid_file;
	pid_t group;		/* 0 before the first part */
	sigset_t signals;
	sigset_t old_signals;
	int status;		/* exit status once something is wrong */
};

static const struct {
	const char *name;
	int (*run)(struct scene *scene, unsigned int index);
} parts[NR_SCENE_PARTS] = {
	[SCENE_PART_DEVICE] = { "device", device_run },
	[SCENE_PART_COMPOSITOR] = { "compositor", compositor_run },
	[SCENE_PART_GAME] = { "game", game_run },
	[SCENE_PART_APP] = { "app", game_run },
	[SCENE_PART_AUDIO] = { "audio", audio_run },
	[SCENE_PART_VIDEO] = { "video", video_run },
	[SCENE_PART_TIMER] = { "timer", timer_run },
	[SCENE_PART_HOG] = { "hog", hog_run },
	[SCENE_PART_FORKER] = { "forker", forker_run },
	[SCENE_PART_MAKE] = { "make", compile_run },
};

const char *scene_part_name(enum scene_part part)
{
	return parts[part].name;
}

static int director_fail(struct director *dir, const char *part, const char *why)
{
	if (!dir->status) {
		fprintf(stderr, "scene: %s%s%s\n", part ? part : "", part ? ": " : "", why);
		dir->status = EXIT_FAILURE;
	}
	return -1;
}

static void __attribute__((noreturn)) run_part(struct director *dir, enum scene_part part, unsigned int index,
					       pid_t parent)
{
	struct scene *scene = dir->scene;

	setpgid(0, dir->group);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	prctl(PR_SET_NAME, parts[part].name);
	sigprocmask(SIG_SETMASK, &dir->old_signals, NULL);

	/* The other's end must not stay open in here: its closing is the signal to end. */
	if (part != SCENE_PART_COMPOSITOR && scene->socket_compositor >= 0)
		close(scene->socket_compositor);
	if (part != SCENE_PART_GAME && part != SCENE_PART_APP && scene->socket_game >= 0)
		close(scene->socket_game);
	_exit(parts[part].run(scene, index) ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int director_start(struct director *dir, enum scene_part part, unsigned int index)
{
	pid_t parent = getpid(), pid;

	pid = fork();
	if (pid < 0)
		return director_fail(dir, parts[part].name, strerror(errno));
	if (!pid)
		run_part(dir, part, index, parent);

	/* here as well: whoever comes first, the group exists when the next part joins it */
	setpgid(pid, dir->group);
	if (!dir->group)
		dir->group = pid;
	dir->processes[dir->nr_processes++] = (struct process) { .pid = pid, .part = part };
	dir->nr_running++;
	if (part == SCENE_PART_GAME)
		dir->game = pid;
	return 0;
}

static int director_start_many(struct director *dir, enum scene_part part, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (director_start(dir, part, i))
			return -1;
	}
	return 0;
}

static void director_note_end(struct director *dir, struct process *process, int status, const struct rusage *usage)
{
	struct scene_shared *shared = dir->scene->shared;
	char why[64];

	process->pid = 0;
	dir->nr_running--;
	dir->result->cpu_s[process->part] +=
		(double)(usage->ru_utime.tv_sec + usage->ru_stime.tv_sec) +
		(double)(usage->ru_utime.tv_usec + usage->ru_stime.tv_usec) / 1e6;
	if (!status)
		return;

	if (WIFSIGNALED(status)) {
		snprintf(why, sizeof(why), "killed by signal %d", WTERMSIG(status));
		director_fail(dir, parts[process->part].name, why);
	} else {
		director_fail(dir, parts[process->part].name,
			      atomic_load(&shared->has_failed) ? shared->error : "failed");
	}
}

static void director_reap(struct director *dir, int flags)
{
	struct rusage usage;
	unsigned int i;
	int status;
	pid_t pid;

	while (dir->nr_running) {
		pid = wait4(-1, &status, flags, &usage);
		if (pid < 0 && errno == EINTR)
			continue;
		if (pid <= 0)
			return;
		for (i = 0; i < dir->nr_processes; i++) {
			if (dir->processes[i].pid == pid)
				director_note_end(dir, &dir->processes[i], status, &usage);
		}
	}
}

/* Sleep until @when_ns, or until a part ended. Return: 0 to go on, -1 when the scene is spoilt. */
static int director_sleep_until(struct director *dir, uint64_t when_ns)
{
	uint64_t now_ns = clock_now_ns();
	uint64_t left_ns = when_ns > now_ns ? when_ns - now_ns : 0;
	struct timespec timeout = {
		.tv_sec = (time_t)(left_ns / NSEC_PER_SEC),
		.tv_nsec = (long)(left_ns % NSEC_PER_SEC),
	};
	int sig = sigtimedwait(&dir->signals, NULL, &timeout);

	if (sig == SIGCHLD) {
		director_reap(dir, WNOHANG);
	} else if (sig > 0 && !dir->status) {
		fputs("scene: interrupted\n", stderr);
		dir->status = 128 + sig;
	}
	return dir->status ? -1 : 0;
}

static int director_wait_ready(struct director *dir)
{
	uint64_t deadline_ns = clock_now_ns() + START_DEADLINE_NS;

	while (atomic_load(&dir->scene->shared->nr_ready) < dir->nr_processes) {
		if (clock_now_ns() > deadline_ns)
			return director_fail(dir, NULL, "the parts did not get ready in time");
		if (director_sleep_until(dir, clock_now_ns() + LOOK_NS))
			return -1;
	}
	return 0;
}

static int director_start_parts(struct director *dir)
{
	const struct scene_options *opt = dir->scene->opt;
	bool has_input = dir->scene->socket_game >= 0;

	/* the compositor looks for the devices that the first part made */
	if (has_input && (director_start(dir, SCENE_PART_DEVICE, 0) || director_wait_ready(dir)))
		return -1;
	if (has_input && director_start(dir, SCENE_PART_COMPOSITOR, 0))
		return -1;
	if ((has_input || opt->fps) && director_start(dir, opt->has_game ? SCENE_PART_GAME : SCENE_PART_APP, 0))
		return -1;
	if (director_start_many(dir, SCENE_PART_AUDIO, opt->audio && !opt->has_game) ||
	    director_start_many(dir, SCENE_PART_VIDEO, opt->video) ||
	    director_start_many(dir, SCENE_PART_TIMER, opt->timer) ||
	    director_start_many(dir, SCENE_PART_HOG, opt->nr_hogs) ||
	    director_start_many(dir, SCENE_PART_FORKER, opt->nr_forkers) ||
	    director_start_many(dir, SCENE_PART_MAKE, opt->nr_jobs))
		return -1;

	/* else the compositor's end would never seem closed to the game */
	if (has_input) {
		close(dir->scene->socket_compositor);
		close(dir->scene->socket_game);
		dir->scene->socket_compositor = -1;
		dir->scene->socket_game = -1;
	}
	return director_wait_ready(dir);
}

/* Complete or not there: who waits for the file reads it at once. */
static int director_write_pid(struct director *dir)
{
	const char *path = dir->scene->opt->pid_path;
	char temporary[PATH_MAX];
	bool is_written;
	FILE *out;

	if (!path)
		return 0;
	if (snprintf(temporary, sizeof(temporary), "%s.tmp", path) >= (int)sizeof(temporary))
		return director_fail(dir, "--pid-file", strerror(ENAMETOOLONG));
	out = fopen(temporary, "we");
	if (!out)
		return director_fail(dir, temporary, strerror(errno));
	is_written = fprintf(out, "%d\n", (int)dir->game) > 0;
	if (fclose(out) || !is_written || rename(temporary, path)) {
		director_fail(dir, path, strerror(errno));
		unlink(temporary);
		return -1;
	}
	dir->has_pid_file = true;
	return 0;
}

/* All parts stand and do nothing yet. */
static int director_wait_go(struct director *dir)
{
	const char *path = dir->scene->opt->go_path;
	uint64_t deadline_ns = clock_now_ns() + GO_DEADLINE_NS;

	while (path && access(path, F_OK)) {
		if (errno != ENOENT || clock_now_ns() > deadline_ns)
			return director_fail(dir, path, strerror(errno));
		if (director_sleep_until(dir, clock_now_ns() + LOOK_NS))
			return -1;
	}
	return 0;
}

static void director_go(struct director *dir)
{
	struct scene_shared *shared = dir->scene->shared;
	const struct scene_options *opt = dir->scene->opt;

	shared->begin_ns = clock_now_ns() + START_LEAD_NS;
	shared->measure_ns = shared->begin_ns + (uint64_t)(opt->warmup_s * (double)NSEC_PER_SEC);
	atomic_store(&shared->end_ns, shared->measure_ns + (uint64_t)(opt->duration_s * (double)NSEC_PER_SEC));
	atomic_store(&shared->go, 1);
	futex_wake(&shared->go, INT_MAX);
}

static int director_wait_end(struct director *dir)
{
	struct scene_shared *shared = dir->scene->shared;
	bool has_limit = dir->scene->opt->nr_packets;
	uint64_t now_ns;

	while ((now_ns = clock_now_ns()) < shared_end_ns(shared)) {
		if (has_limit && atomic_load(&shared->device_is_done)) {
			atomic_store(&shared->end_ns, now_ns);
			return 0;
		}
		if (director_sleep_until(dir, has_limit ? now_ns + PACKETS_LOOK_NS : shared_end_ns(shared)))
			return -1;
	}
	return 0;
}

/* Every packet that is still under way arrives, or is known to be lost. */
static int director_drain(struct director *dir)
{
	struct scene_shared *shared = dir->scene->shared;
	uint64_t start_ns = clock_now_ns(), changed_ns = start_ns, now_ns = start_ns, seen = 0, rendered;

	for (;;) {
		bool is_done = atomic_load(&shared->device_is_done);
		uint64_t nr_sent = shared->lanes[SCENE_LANE_MOUSE].nr_sent_all +
				   shared->lanes[SCENE_LANE_KEYBOARD].nr_sent_all;

		rendered = atomic_load(&shared->nr_rendered_all);
		if (is_done && (rendered >= nr_sent || now_ns > changed_ns + DRAIN_QUIET_NS))
			return 0;
		if (now_ns > start_ns + DRAIN_DEADLINE_NS)
			return director_fail(dir, NULL, "the last packets did not arrive in time");
		if (director_sleep_until(dir, now_ns + LOOK_NS))
			return -1;
		now_ns = clock_now_ns();
		if (rendered != seen || !is_done)
			changed_ns = now_ns;
		seen = rendered;
	}
}

static int director_finish(struct director *dir)
{
	struct scene_shared *shared = dir->scene->shared;
	uint64_t deadline_ns = clock_now_ns() + END_DEADLINE_NS;

	atomic_store(&shared->close_devices, 1);
	futex_wake(&shared->close_devices, INT_MAX);
	while (dir->nr_running) {
		if (clock_now_ns() > deadline_ns)
			return director_fail(dir, NULL, "the parts did not end in time");
		if (director_sleep_until(dir, deadline_ns + 1))
			return -1;
	}
	return 0;
}

static int director_open_socket(struct director *dir)
{
	struct scene *scene = dir->scene;
	int pair[2];

	scene->socket_compositor = -1;
	scene->socket_game = -1;
	if (!scene->opt->mouse_hz && !scene->opt->key_hz)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return director_fail(dir, "socket", strerror(errno));
	scene->socket_compositor = pair[0];
	scene->socket_game = pair[1];
	return 0;
}

static void director_block_signals(struct director *dir)
{
	sigemptyset(&dir->signals);
	sigaddset(&dir->signals, SIGCHLD);
	sigaddset(&dir->signals, SIGINT);
	sigaddset(&dir->signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &dir->signals, &dir->old_signals);
	/* a parent that ignored it would have left the children to init's care */
	signal(SIGCHLD, SIG_DFL);
}

int director_play(struct scene *scene, struct scene_result *result)
{
	const struct scene_options *opt = scene->opt;
	struct scene_shared *shared = scene->shared;
	struct director dir = { .scene = scene, .result = result };
	bool has_input = opt->mouse_hz || opt->key_hz;

	*result = (struct scene_result) { };
	dir.processes = calloc(NR_SCENE_PARTS + opt->nr_hogs + opt->nr_forkers + opt->nr_jobs, sizeof(*dir.processes));
	if (!dir.processes)
		return director_fail(&dir, NULL, "out of memory") ? dir.status : 0;
	director_block_signals(&dir);

	if (!director_open_socket(&dir) && !director_start_parts(&dir) && !director_write_pid(&dir) &&
	    !director_wait_go(&dir)) {
		director_go(&dir);
		if (!director_wait_end(&dir) && (!has_input || !director_drain(&dir)))
			director_finish(&dir);
		result->wall_s = (double)(shared_end_ns(shared) - shared->measure_ns) / (double)NSEC_PER_SEC;
	}

	if (dir.nr_running && dir.group)
		kill(-dir.group, SIGKILL);
	director_reap(&dir, 0);
	result->cpu_s[SCENE_PART_AUDIO] += shared->audio_cpu_s;
	result->cpu_s[SCENE_PART_GAME] -= shared->audio_cpu_s + (double)shared->burst_cpu_ns / (double)NSEC_PER_SEC;
	if (dir.has_pid_file)
		unlink(opt->pid_path);
	if (scene->socket_compositor >= 0)
		close(scene->socket_compositor);
	if (scene->socket_game >= 0)
		close(scene->socket_game);
	free(dir.processes);
	sigprocmask(SIG_SETMASK, &dir.old_signals, NULL);
	if (!dir.status && has_input && !shared->device_is_fifo)
		fputs("scene: note: the devices' threads may not run real-time, so their packets come late as well\n",
		      stderr);
	return dir.status;
}
