// SPDX-License-Identifier: GPL-2.0-only
/*
 * churn: how long everybody waited
 *
 * Twice, independently. A thread that never sleeps sees a jump of the clock in
 * which it got no CPU time. And the kernel counts for every thread the time it
 * was runnable and did not run; of that a sample gives the sum, so what is
 * noted is what the longest single wait must have had at least. What falls into
 * the time that the scheduler is off, because a CPU comes or goes, does not
 * count; what is before and behind it does.
 */
#include "churn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SAMPLE_US 100000
/* Who waits when all others stop comes to run then; beyond this it is stuck, and so are we. */
#define LAST_NS	  (10 * NSEC_PER_SEC)
#define FLOOR_NS  (5 * NSEC_PER_MSEC)

void churn_window_open(void)
{
	uint32_t nr = churn->nr_windows;

	/* None is ever merged: what is beyond the table must not pass as off time. */
	if (nr == CHURN_MAX_WINDOWS) {
		errno = ENOSPC;
		churn_fail("table of restarts");
		return;
	}
	churn->windows[nr].end_ns = 0;
	churn->windows[nr].start_ns = now_ns();
	churn->nr_windows = nr + 1;
}

void churn_window_close(void)
{
	churn->windows[churn->nr_windows - 1].end_ns = now_ns();
}

bool churn_window_is_open(void)
{
	uint32_t nr = churn->nr_windows;

	return nr && !churn->windows[nr - 1].end_ns;
}

/* The longest part of the time that no window covers. */
static uint64_t longest_outside(uint64_t from_ns, uint64_t to_ns)
{
	uint64_t longest_ns = 0;

	for (uint32_t i = churn->nr_windows; i > 0 && from_ns < to_ns; i--) {
		uint64_t start_ns = churn->windows[i - 1].start_ns, end_ns = churn->windows[i - 1].end_ns;

		if (!end_ns)
			end_ns = UINT64_MAX;
		if (start_ns >= to_ns)
			continue;
		if (end_ns <= from_ns)
			break;
		if (end_ns < to_ns && to_ns - end_ns > longest_ns)
			longest_ns = to_ns - end_ns;
		to_ns = start_ns;
	}
	return from_ns < to_ns && to_ns - from_ns > longest_ns ? to_ns - from_ns : longest_ns;
}

static void note(struct churn_wait *wait, uint64_t waited_ns, uint64_t at_ns)
{
	uint64_t longest_ns = wait->longest_ns;

	if (waited_ns > 100 * NSEC_PER_MSEC)
		wait->nr_over_100ms++;
	while (waited_ns > longest_ns)
		if (atomic_compare_exchange_weak(&wait->longest_ns, &longest_ns, waited_ns)) {
			wait->at_ns = at_ns - churn->start_ns;
			break;
		}
}

/* Who waits for a second is told at once, so that the line can be found beside the kernel's. */
static void tell_long_wait(const char *how, enum churn_kind kind, pid_t tid, uint64_t waited_ns, uint64_t at_ns)
{
	if (waited_ns >= NSEC_PER_SEC)
		fprintf(stderr, "churn: %7.3f s: thread %d (%s) waited %.0f ms (%s); the last window opened at %.3f s\n",
			(at_ns - churn->start_ns) / 1e9, tid, churn_kind_names[kind], waited_ns / 1e6, how,
			churn->nr_windows ? (double)(int64_t)(churn->windows[churn->nr_windows - 1].start_ns - churn->start_ns) / 1e9 : 0.0);
}

void churn_note_gap(enum churn_kind kind, const struct churn_gap *gap)
{
	uint64_t outside_ns = longest_outside(gap->from_ns, gap->to_ns), waited_ns = gap->waited_ns, single_ns;

	if (waited_ns > outside_ns)
		waited_ns = outside_ns;
	single_ns = gap->nr_runs > 1 ? waited_ns / gap->nr_runs : waited_ns;
	note(&churn->stretches[kind], waited_ns, gap->to_ns);
	note(&churn->gaps[kind], single_ns, gap->to_ns);
	tell_long_wait("its own clock", kind, gettid(), single_ns, gap->to_ns);
	if (kind == CHURN_PINNED)
		note(&churn->gaps_without_rt, single_ns > gap->rt_ns ? single_ns - gap->rt_ns : 0, gap->to_ns);
}

struct sample {
	pid_t tid;
	int fd;
	uint64_t time_ns, delay_ns, nr_runs;
};

bool churn_read_schedstat(int fd, uint64_t *delay_ns, uint64_t *nr_runs)
{
	char text[96];
	ssize_t len = pread(fd, text, sizeof(text) - 1, 0);

	if (len <= 0)
		return false;
	text[len] = '\0';
	return sscanf(text, "%*u %" SCNu64 " %" SCNu64, delay_ns, nr_runs) == 2;
}

/*
 * Between two samples a thread came to run @nr_runs times, after waits of @delay_ns together. All but the first of these
 * waits lie between the samples, so the first one had at least what does not fit in there.
 */
static uint64_t longest_at_least(uint64_t delay_ns, uint64_t nr_runs, uint64_t between_ns)
{
	uint64_t first_ns = delay_ns > between_ns ? delay_ns - between_ns : 0;

	if (nr_runs <= 1)
		return delay_ns;
	return first_ns > delay_ns / nr_runs ? first_ns : delay_ns / nr_runs;
}

static void take_sample(struct sample *sample, const struct churn_task *task)
{
	uint64_t now, delay_ns, nr_runs, waited_ns, outside_ns;
	pid_t tid = task->tid;
	char path[64];

	if (sample->tid != tid) {
		if (sample->fd >= 0)
			close(sample->fd);
		sample->fd = -1;
		sample->tid = tid;
		if (!tid)
			return;
		snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", tid, tid);
		sample->fd = open(path, O_RDONLY | O_CLOEXEC);
		if (sample->fd < 0) {
			snprintf(path, sizeof(path), "/proc/%d/schedstat", tid);
			sample->fd = open(path, O_RDONLY | O_CLOEXEC);
		}
		sample->time_ns = 0;
	}
	if (sample->fd < 0 || !churn_read_schedstat(sample->fd, &delay_ns, &nr_runs))
		return;
	now = now_ns();
	if (sample->time_ns && delay_ns > sample->delay_ns) {
		waited_ns = longest_at_least(delay_ns - sample->delay_ns, nr_runs - sample->nr_runs, now - sample->time_ns);
		outside_ns = longest_outside(sample->time_ns > waited_ns ? sample->time_ns - waited_ns : 0, now);
		if (waited_ns > outside_ns)
			waited_ns = outside_ns;
		note(&churn->queued[task->kind], waited_ns, now);
		tell_long_wait("schedstat", task->kind, tid, waited_ns, now);
	}
	sample->time_ns = now;
	sample->delay_ns = delay_ns;
	sample->nr_runs = nr_runs;
}

static void *sample_all(void *arg)
{
	static struct sample samples[CHURN_MAX_TASKS];
	uint64_t last_ns = 0;
	bool anybody = true;

	churn_set_fifo(40);
	for (int i = 0; i < CHURN_MAX_TASKS; i++)
		samples[i].fd = -1;
	while (anybody && (!last_ns || now_ns() < last_ns)) {
		anybody = !churn_stopped();
		if (!anybody && !last_ns)
			last_ns = now_ns() + LAST_NS;
		for (int i = 0; i < CHURN_MAX_TASKS; i++) {
			take_sample(&samples[i], &churn->tasks[i]);
			anybody = anybody || churn->tasks[i].tid;
		}
		churn_sleep_us(SAMPLE_US);
	}
	return NULL;
}

void churn_note_child(void)
{
	int fd = open("/proc/self/schedstat", O_RDONLY | O_CLOEXEC);
	uint64_t delay_ns, nr_runs, now, outside_ns;

	if (fd < 0)
		return;
	if (churn_read_schedstat(fd, &delay_ns, &nr_runs) && nr_runs) {
		/* Not before: a window that opens now, and what is waited in it, would pass as time before it. */
		now = now_ns();
		delay_ns /= nr_runs;
		outside_ns = longest_outside(now - delay_ns, now);
		if (delay_ns > outside_ns)
			delay_ns = outside_ns;
		note(&churn->queued[CHURN_CHILD], delay_ns, now);
		tell_long_wait("schedstat", CHURN_CHILD, getpid(), delay_ns, now);
	}
	close(fd);
}

/* What even the first of all real-time threads waits is the emulator's. */
static void *measure_floor(void *arg)
{
	uint64_t next_ns = now_ns(), now;

	churn_set_fifo(99);
	while (!churn_stopped()) {
		struct timespec next;

		next_ns += FLOOR_NS;
		next = (struct timespec){ next_ns / NSEC_PER_SEC, next_ns % NSEC_PER_SEC };
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
		now = now_ns();
		note(&churn->floor, longest_outside(next_ns, now), now);
		next_ns = now;
	}
	return NULL;
}

void churn_start_sampler(void)
{
	churn_thread(sample_all, NULL);
	churn_thread(measure_floor, NULL);
}
