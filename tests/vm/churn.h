/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * churn - everything that makes a scheduler's life hard, at once: what its rooms share
 *
 * One process and a few children work on one table in shared memory. A worker
 * enters itself there; changers pick from it whom to change; the sampler reads
 * how long everybody waited. Every source of random numbers is seeded from the
 * one seed, so that a run can be had again, as far as time allows.
 */
#ifndef CHURN_H
#define CHURN_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "util.h"

#define CHURN_MAX_CPUS	  64
#define CHURN_MAX_TASKS	  128
#define CHURN_MAX_WINDOWS 4096

/* What can be left out, to find the one that matters. The order is that of ingredient_names[]. */
enum churn_ingredient {
	CHURN_AFFINITY,
	CHURN_NICE,
	CHURN_POLICY,
	CHURN_RT,
	CHURN_BPF,
	CHURN_CGROUP,
	CHURN_FORK,
	CHURN_HOTPLUG,
	CHURN_TIMER,
	CHURN_PIPE,
	CHURN_KTHREAD,
	CHURN_SPIN,
	NR_CHURN_INGREDIENTS,
};

/* Whose waits are told apart. */
enum churn_kind {
	CHURN_FREE,	/* may use every CPU, always */
	CHURN_PARTIAL,	/* two CPUs, nice 19 */
	CHURN_PINNED,	/* one CPU: waits for its real-time hog, too */
	CHURN_CHANGED,	/* its CPUs change */
	CHURN_HELD,	/* migration disabled now and then */
	CHURN_SLEEPER,	/* timers, pipes, terminals */
	CHURN_CHILD,	/* short-lived */
	NR_CHURN_KINDS,
};

struct churn_task {
	_Atomic pid_t tid;		/* 0: free or gone */
	enum churn_kind kind;
	bool takes_affinity;
	bool takes_policy;
};

/* While a CPU goes or comes, until the daemon has started again. CLOCK_MONOTONIC; end 0: open. */
struct churn_window {
	_Atomic uint64_t start_ns;
	_Atomic uint64_t end_ns;
};

struct churn_wait {
	_Atomic uint64_t longest_ns;
	_Atomic uint64_t at_ns;		/* when the longest ended, from the start */
	_Atomic uint64_t nr_over_100ms;
};

struct churn {
	uint64_t seed;
	int nr_cpus;
	uint32_t with;			/* bits of enum churn_ingredient */
	uint32_t hotplug_every_ms;
	bool any_scheduler;		/* no sched_ext scheduler is expected */
	bool has_ext_server;		/* the kernel's deadline server for tasks of sched_ext schedulers: since 7.0 */
	uint64_t start_ns;
	_Atomic bool stop;
	_Atomic bool light;		/* between two sessions of the scheduler: little load, see churn_breathe() */
	_Atomic uint32_t nr_streams;	/* of random numbers handed out */

	struct churn_task tasks[CHURN_MAX_TASKS];
	struct churn_window windows[CHURN_MAX_WINDOWS];
	_Atomic uint32_t nr_windows;

	/* Of who computes without a pause, by its own clock: a single wait, and less the real-time hogs on a pinned one's CPU. */
	struct churn_wait gaps[NR_CHURN_KINDS];
	struct churn_wait gaps_without_rt;
	/* Several waits with next to nothing between them. An emulator that stands still can make one of two: not judged. */
	struct churn_wait stretches[NR_CHURN_KINDS];
	/* In a queue, as the kernel counts it (schedstat). A lower bound of the longest single wait. */
	struct churn_wait queued[NR_CHURN_KINDS];
	struct churn_wait floor;	/* lateness of a SCHED_FIFO 99 timer: the machine's own */

	_Atomic uint64_t rt_ns[CHURN_MAX_CPUS];
	_Atomic uint64_t nr_done[NR_CHURN_INGREDIENTS];
	_Atomic uint64_t nr_slept_held;	/* slept with migration disabled */
	_Atomic uint64_t nr_unexplained; /* the scheduler was off, or another one, with no CPU coming or going */
	_Atomic uint64_t nr_failed;	/* an ingredient could not work */
};

extern struct churn *churn;
extern const char *const churn_kind_names[NR_CHURN_KINDS];

static inline bool churn_has(enum churn_ingredient what)
{
	return churn->with & 1u << what;
}

static inline void churn_done(enum churn_ingredient what)
{
	atomic_fetch_add_explicit(&churn->nr_done[what], 1, memory_order_relaxed);
}

static inline bool churn_stopped(void)
{
	return atomic_load_explicit(&churn->stop, memory_order_relaxed);
}

/* xorshift64*; a stream of its own per thread. */
struct churn_random {
	uint64_t state;
};

struct churn_random churn_random_new(void);
uint32_t churn_random_below(struct churn_random *random, uint32_t limit);

void churn_sleep_us(uint32_t us);
void churn_burn_us(uint32_t us);	/* of CLOCK_MONOTONIC: bounded even if interrupted */
void churn_set_fifo(int priority);	/* of the calling thread; 0: back to SCHED_OTHER */

/*
 * The kernel's own scheduler bounds nobody's wait: under weights as far apart as ours an RCU reader would stall the kernel
 * and the restart. So while it runs, who computes takes a rest.
 */
static inline bool churn_breathe(void)
{
	if (!atomic_load_explicit(&churn->light, memory_order_relaxed))
		return false;
	churn_sleep_us(50000);
	return true;
}

/* Says what could not be done, with errno, and makes the run fail. */
void churn_fail(const char *what);

/* Threads end by themselves when churn->stop is set; children are killed. */
void churn_thread(void *(*fn)(void *), void *arg);
pid_t churn_child(void (*fn)(void));
void churn_join(void);

/* Enters the calling thread into the table. */
struct churn_task *churn_enter(enum churn_kind kind);
void churn_leave(struct churn_task *task);

/* waits */
struct churn_gap {
	uint64_t from_ns, to_ns;
	uint64_t waited_ns;	/* of that time */
	uint64_t rt_ns;		/* of real-time hogs meanwhile on the CPU of a pinned thread */
	uint64_t nr_runs;	/* how often it came to run: how many waits it may have been */
};

bool churn_read_schedstat(int fd, uint64_t *delay_ns, uint64_t *nr_runs);
void churn_note_gap(enum churn_kind kind, const struct churn_gap *gap);
void churn_note_child(void);	/* called at the end of a short-lived process */
void churn_window_open(void);
void churn_window_close(void);
bool churn_window_is_open(void);
void churn_start_sampler(void);

/* the ingredients */
void churn_start_workers(void);
void churn_start_changers(void);
void churn_start_rt(void);
void churn_start_held(void);
void churn_start_forks(void);
void churn_start_hotplug(void);
void churn_stop_hotplug(void);	/* all CPUs back */
bool churn_open_cgroups(void);
void churn_start_cgroups(void);
void churn_close_cgroups(void);

#endif
