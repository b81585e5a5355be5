// SPDX-License-Identifier: GPL-2.0-only
/*
 * churn: the threads that want to run: some always, some after timers, pipes and terminals; kernel threads, too
 */
#include "churn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <pty.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

/* A step of the clock below this is no wait worth a look at the thread's own time. */
#define STEP_NS	    (1 * NSEC_PER_MSEC)
#define BASELINE_NS (20 * NSEC_PER_MSEC)

#define NR_FREE	   4
#define NR_CHANGED 8
#define NR_TIMERS  6
#define NR_PIPES   3

static uint64_t thread_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
	return time.tv_sec * NSEC_PER_SEC + time.tv_nsec;
}

static void set_cpus(int first, int nr)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	for (int i = 0; i < nr; i++)
		CPU_SET((first + i) % churn->nr_cpus, &cpus);
	/* Fails while they are all offline: asked again. */
	(void)sched_setaffinity(0, sizeof(cpus), &cpus);
}

/* Where a thread that computes stood when it last looked. */
struct stand {
	uint64_t last_ns;	/* CLOCK_MONOTONIC */
	uint64_t last_rt_ns;
	uint64_t base_ns, base_run_ns, base_nr_runs;
	int schedstat_fd;
};

static void stand_anew(struct stand *stand)
{
	uint64_t delay_ns;

	stand->base_nr_runs = 0;
	churn_read_schedstat(stand->schedstat_fd, &delay_ns, &stand->base_nr_runs);
	stand->base_run_ns = thread_ns();
	stand->base_ns = stand->last_ns = now_ns();
}

/* The clock has jumped to @now: what of that was a wait? */
static void note_jump(struct stand *stand, enum churn_kind kind, uint64_t now, uint64_t rt_ns)
{
	uint64_t run_ns = thread_ns() - stand->base_run_ns, all_ns = now - stand->base_ns, delay_ns, nr_runs = 0;
	struct churn_gap gap = { stand->last_ns, now, now - stand->last_ns, rt_ns - stand->last_rt_ns, 1 };

	if (all_ns <= run_ns)
		return;
	if (gap.waited_ns > all_ns - run_ns)
		gap.waited_ns = all_ns - run_ns;
	if (churn_read_schedstat(stand->schedstat_fd, &delay_ns, &nr_runs))
		gap.nr_runs = nr_runs - stand->base_nr_runs;
	churn_note_gap(kind, &gap);
}

/* Runs without a pause. @first < 0: on any CPU. */
static void spin(enum churn_kind kind, int first, int nr, int nice)
{
	struct churn_random random = churn_random_new();
	struct churn_task *task = churn_enter(kind);
	struct stand stand = { .schedstat_fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC) };
	uint64_t change_ns = 0, rest_ns = 0;

	if (stand.schedstat_fd < 0)
		churn_fail("/proc/thread-self/schedstat");
	if (nice)
		setpriority(PRIO_PROCESS, gettid(), nice);
	task->takes_affinity = task->takes_policy = kind == CHURN_CHANGED;
	stand_anew(&stand);
	while (!churn_stopped()) {
		uint64_t now = now_ns(), rt_ns = kind == CHURN_PINNED ? churn->rt_ns[first] : 0;
		bool anew = now - stand.base_ns > BASELINE_NS;

		if (now - stand.last_ns > STEP_NS) {
			note_jump(&stand, kind, now, rt_ns);
			anew = true;
		}
		stand.last_ns = now;
		stand.last_rt_ns = rt_ns;
		if (now > rest_ns) {
			rest_ns = now + STEP_NS;
			anew = churn_breathe() || anew;
		}
		if (now > change_ns) {
			change_ns = now + (50 + churn_random_below(&random, 400)) * NSEC_PER_MSEC;
			/* A mask is widened by the kernel when its CPUs go offline. */
			if (first >= 0)
				set_cpus(first, nr);
			else if (kind == CHURN_CHANGED && churn_has(CHURN_AFFINITY))
				set_cpus(churn_random_below(&random, churn->nr_cpus), 1 + churn_random_below(&random, churn->nr_cpus));
			/* It may have slept for a lock. */
			anew = true;
		}
		if (anew) {
			stand_anew(&stand);
			churn_done(CHURN_SPIN);
		}
	}
	close(stand.schedstat_fd);
	churn_leave(task);
}

static void *spin_free(void *arg)
{
	spin(CHURN_FREE, -1, 0, (intptr_t)arg);
	return NULL;
}

static void *spin_partial(void *arg)
{
	spin(CHURN_PARTIAL, (intptr_t)arg, 2, 19);
	return NULL;
}

static void *spin_pinned(void *arg)
{
	spin(CHURN_PINNED, (intptr_t)arg, 1, (intptr_t)arg % 2 ? 19 : 0);
	return NULL;
}

static void *spin_changed(void *arg)
{
	spin(CHURN_CHANGED, -1, 0, 0);
	return NULL;
}

static struct churn_task *enter_sleeper(void)
{
	struct churn_task *task = churn_enter(CHURN_SLEEPER);

	task->takes_affinity = task->takes_policy = true;
	return task;
}

static void *wake_by_timer(void *arg)
{
	struct churn_random random = churn_random_new();
	struct churn_task *task = enter_sleeper();

	while (!churn_stopped()) {
		churn_sleep_us(500 + churn_random_below(&random, 10000));
		churn_burn_us(churn_random_below(&random, 1500));
		churn_breathe();
		churn_done(CHURN_TIMER);
	}
	churn_leave(task);
	return NULL;
}

/* One end of a pair: reads a byte, works a little, writes one. */
struct end {
	int in, out;
	bool first;
	enum churn_ingredient what;
};

static void *pass_on(void *arg)
{
	_cleanup_free_ struct end *end = arg;
	struct churn_random random = churn_random_new();
	struct churn_task *task = enter_sleeper();
	char byte = 'a';

	if (end->first)
		(void)!write(end->out, &byte, 1);
	while (!churn_stopped() && read(end->in, &byte, 1) == 1) {
		churn_burn_us(churn_random_below(&random, 300));
		churn_breathe();
		if (!churn_random_below(&random, 8))
			churn_sleep_us(1000);
		if (write(end->out, &byte, 1) != 1)
			break;
		churn_done(end->what);
	}
	/* The other end may sleep in read(). */
	(void)!write(end->out, &byte, 1);
	churn_leave(task);
	return NULL;
}

static void start_pair(int a_in, int a_out, int b_in, int b_out, enum churn_ingredient what)
{
	struct end *a = malloc(sizeof(*a)), *b = malloc(sizeof(*b));

	if (!a || !b) {
		churn_fail("malloc");
		return;
	}
	*a = (struct end){ a_in, a_out, true, what };
	*b = (struct end){ b_in, b_out, false, what };
	churn_thread(pass_on, a);
	churn_thread(pass_on, b);
}

/* What is written to a terminal is carried by a worker of the kernel that may run on every CPU. */
static void start_terminal(void)
{
	struct termios termios;
	int master, slave;

	if (openpty(&master, &slave, NULL, NULL, NULL)) {
		churn_fail("pty");
		return;
	}
	tcgetattr(slave, &termios);
	cfmakeraw(&termios);
	tcsetattr(slave, TCSANOW, &termios);
	start_pair(master, master, slave, slave, CHURN_KTHREAD);
}

/* Work on every CPU's own kernel threads. */
static void *call_kernel_workers(void *arg)
{
	struct churn_random random = churn_random_new();
	int fd = open("/proc/sys/vm/stat_refresh", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		churn_fail("/proc/sys/vm/stat_refresh");
	while (!churn_stopped() && fd >= 0) {
		(void)!write(fd, "1", 1);
		if (!churn_random_below(&random, 16))
			syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
		churn_done(CHURN_KTHREAD);
		churn_sleep_us(20000 + churn_random_below(&random, 20000));
	}
	if (fd >= 0)
		close(fd);
	return NULL;
}

void churn_start_workers(void)
{
	int there[2], back[2];

	for (intptr_t i = 0; i < NR_FREE && churn_has(CHURN_SPIN); i++)
		churn_thread(spin_free, (void *)(i == NR_FREE - 1 ? (intptr_t)19 : 0));
	for (intptr_t i = 0; i < churn->nr_cpus && churn_has(CHURN_SPIN); i++)
		churn_thread(spin_pinned, (void *)i);
	for (intptr_t i = 0; i < churn->nr_cpus && churn_has(CHURN_SPIN); i += 2)
		churn_thread(spin_partial, (void *)i);
	for (int i = 0; i < NR_CHANGED && churn_has(CHURN_SPIN); i++)
		churn_thread(spin_changed, NULL);
	for (int i = 0; i < NR_TIMERS && churn_has(CHURN_TIMER); i++)
		churn_thread(wake_by_timer, NULL);
	for (int i = 0; i < NR_PIPES && churn_has(CHURN_PIPE); i++) {
		if (pipe(there) || pipe(back)) {
			churn_fail("pipe");
			break;
		}
		start_pair(back[0], there[1], there[0], back[1], CHURN_PIPE);
	}
	if (churn_has(CHURN_KTHREAD)) {
		start_terminal();
		churn_thread(call_kernel_workers, NULL);
	}
}
