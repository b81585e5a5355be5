// SPDX-License-Identifier: GPL-2.0-only
/*
 * churn: who changes the others: CPUs, nice values and policies, from inside and from another process; real-time hogs
 */
#include "churn.h"

#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>

/* Together 40 % of each CPU. Every hog moves on after a while, all at the same time, so that no CPU has two for long. */
#define RT_BURST_US  20000
#define RT_PERIOD_US 50000
#define RT_STAY_NS   (500 * NSEC_PER_MSEC)

static struct churn_task *pick_task(struct churn_random *random)
{
	for (int try = 0; try < CHURN_MAX_TASKS; try++) {
		struct churn_task *task = &churn->tasks[churn_random_below(random, CHURN_MAX_TASKS)];

		if (task->tid)
			return task;
	}
	return NULL;
}

/*
 * One CPU, some, or all. Who may be in a section that must not migrate keeps CPU 0, which stays online: 6.18 hangs when such
 * a section ends and no CPU of the mask is online (seen with 6.18.15: the thread keeps its narrow mask, and the end of the next
 * BPF program that runs for it under its runqueue's lock waits for that lock in ___migrate_enable()).
 */
static void change_cpus(struct churn_random *random, pid_t tid, bool keeps_cpu0)
{
	uint32_t how = churn_random_below(random, 3);
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	for (int cpu = 0; cpu < churn->nr_cpus; cpu++)
		if (how == 2 || (how == 1 && churn_random_below(random, 2)))
			CPU_SET(cpu, &cpus);
	if (keeps_cpu0)
		CPU_SET(0, &cpus);
	if (!CPU_COUNT(&cpus))
		CPU_SET(churn_random_below(random, churn->nr_cpus), &cpus);
	if (!sched_setaffinity(tid, sizeof(cpus), &cpus))
		churn_done(CHURN_AFFINITY);
}

static void change_policy(struct churn_random *random, pid_t tid, bool may_fifo)
{
	static const int policies[] = { SCHED_OTHER, SCHED_BATCH, SCHED_IDLE };
	struct sched_param none = { 0 }, fifo = { .sched_priority = 1 };
	int policy = policies[churn_random_below(random, ARRAY_SIZE(policies))];

	/* Whom we make a real-time thread may compute without end: we stand above it and take it back. */
	if (may_fifo && !churn_random_below(random, 2) && !sched_setscheduler(tid, SCHED_FIFO, &fifo))
		churn_sleep_us(1000 + churn_random_below(random, 3000));
	if (!sched_setscheduler(tid, policy, &none))
		churn_done(CHURN_POLICY);
}

/*
 * While a sched_ext scheduler goes, whoever is given a policy comes under the kernel's own scheduler at once, and all others only
 * after a grace period. Before 7.0 these have no share beside the former, nor has rcu_preempt, which the grace period needs:
 * hogs whose policy changes put it off for 46 s (seen with 6.18.15). The scheduler that goes can do nothing about it. So no
 * policy is changed from when a CPU is told to come or go until the load is light, but for the one that is taken back just then.
 */
static bool may_change_policy(void)
{
	return churn->has_ext_server || churn->light || !churn_window_is_open();
}

static void change_one(struct churn_random *random, bool may_fifo)
{
	struct churn_task *task = pick_task(random);
	pid_t tid = task ? task->tid : 0;

	if (!tid)
		return;
	if (task->takes_affinity && churn_has(CHURN_AFFINITY))
		change_cpus(random, tid, task->kind == CHURN_HELD);
	if (task->takes_policy && churn_has(CHURN_POLICY) && !churn_random_below(random, 3) && may_change_policy())
		change_policy(random, tid, may_fifo);
	if (task->kind != CHURN_PINNED && task->kind != CHURN_PARTIAL && churn_has(CHURN_NICE) &&
	    !churn_random_below(random, 3) && !setpriority(PRIO_PROCESS, tid, (int)churn_random_below(random, 40) - 20))
		churn_done(CHURN_NICE);
}

static void *change_from_inside(void *arg)
{
	struct churn_random random = churn_random_new();

	churn_set_fifo(50);
	while (!churn_stopped()) {
		change_one(&random, true);
		churn_sleep_us(4000 + churn_random_below(&random, 12000));
	}
	return NULL;
}

static void change_from_outside(void)
{
	struct churn_random random = churn_random_new();

	while (!churn_stopped()) {
		change_one(&random, false);
		churn_sleep_us(2000 + churn_random_below(&random, 10000));
	}
}

void churn_start_changers(void)
{
	if (!churn_has(CHURN_AFFINITY) && !churn_has(CHURN_POLICY) && !churn_has(CHURN_NICE))
		return;
	churn_child(change_from_outside);
	churn_thread(change_from_inside, NULL);
}

static void *hog_in_bursts(void *arg)
{
	uint64_t index = (uintptr_t)arg, stay = 0;
	cpu_set_t cpus;
	int cpu = -1;

	churn_set_fifo(10);
	while (!churn_stopped()) {
		uint64_t end_ns, now = now_ns();

		if (cpu < 0 || now / RT_STAY_NS != stay) {
			stay = now / RT_STAY_NS;
			cpu = (index + stay) % churn->nr_cpus;
			CPU_ZERO(&cpus);
			CPU_SET(cpu, &cpus);
			if (sched_setaffinity(0, sizeof(cpus), &cpus))
				cpu = -1;	/* offline */
		}
		/* A CPU that went offline has left us to the others, who have hogs of their own. */
		if (cpu >= 0 && sched_getcpu() == cpu && !churn->light) {
			for (end_ns = now + RT_BURST_US * NSEC_PER_USEC; now < end_ns;) {
				uint64_t before_ns = now;

				churn_burn_us(500);
				now = now_ns();
				churn->rt_ns[cpu] += now - before_ns;
			}
			churn_done(CHURN_RT);
		}
		churn_sleep_us(RT_PERIOD_US - RT_BURST_US);
	}
	return NULL;
}

void churn_start_rt(void)
{
	for (intptr_t i = 0; i < churn->nr_cpus && churn_has(CHURN_RT); i++)
		churn_thread(hog_in_bursts, (void *)i);
}
