// SPDX-License-Identifier: GPL-2.0-only
/*
 * eevdf - something like the kernel's default scheduler, to compare with
 *
 * One queue per CPU. Of those who have not had more than their share (eligible:
 * vruntime at or before the weighted average), the one with the earliest
 * virtual deadline runs, until its slice is used up (RUN_TO_PARITY, HRTICK). A
 * wakeup goes to an idle CPU that shares the cache with the last, and otherwise
 * waits there. Load is balanced by a CPU that goes idle and at ticks. Groups,
 * wakeups by load (wake_affine's finer points) and capacities are left out.
 */
#include "sim.h"

#include <stdlib.h>

#define BASE_SLICE_NS (700 * SIM_US)
#define FAR_BALANCE_TICKS 8

struct runqueue {
	struct sim_task *tasks[SIM_MAX_TASKS];	/* without the one that runs */
	s32 nr;
	u64 exec_seen_ns;	/* of the one that runs */
	u32 nr_ticks;
};

struct eevdf {
	u64 slice_ns;
	struct runqueue cpus[SIM_MAX_CPUS];
};

static struct eevdf *eevdf_of(struct sim *sim)
{
	return sim->sched_data;
}

static struct runqueue *runqueue_of(struct sim *sim, s32 cpu)
{
	return &eevdf_of(sim)->cpus[cpu];
}

static void eevdf_init(struct sim *sim)
{
	u64 factor = 1;

	sim->sched_data = calloc(1, sizeof(struct eevdf));
	if (!sim->sched_data)
		abort();
	/* The kernel's scaling: one more for each doubling up to 8 CPUs. */
	for (u32 nr = sim->nr_cpus < 8 ? sim->nr_cpus : 8; nr > 1; nr /= 2)
		factor++;
	eevdf_of(sim)->slice_ns = BASE_SLICE_NS * factor;
}

static s64 weight_of(const struct sim_task *task)
{
	double weight = 1024;

	for (s32 i = 0; i < task->nice; i++)
		weight /= 1.25;
	for (s32 i = 0; i > task->nice; i--)
		weight *= 1.25;
	return (s64)(weight + 0.5);
}

static s64 virtual_of(const struct sim_task *task, u64 ns)
{
	return (s64)ns * 1024 / weight_of(task);
}

static void update_curr(struct sim *sim, s32 cpu)
{
	struct sim_task *curr = sim->cpus[cpu].curr;
	struct runqueue *rq = runqueue_of(sim, cpu);

	if (!curr || !curr->entity.on_queue)
		return;
	sim_account(sim, cpu);
	curr->entity.vruntime += virtual_of(curr, curr->sum_exec_ns - rq->exec_seen_ns);
	rq->exec_seen_ns = curr->sum_exec_ns;
	if (curr->entity.vruntime >= curr->entity.deadline)
		curr->entity.deadline = curr->entity.vruntime + virtual_of(curr, eevdf_of(sim)->slice_ns);
}

/* Of all on the queue and @curr. */
static s64 average(struct runqueue *rq, struct sim_task *curr, s64 *total)
{
	__int128 sum = 0;
	s64 weights = 0, base = curr ? curr->entity.vruntime : rq->nr ? rq->tasks[0]->entity.vruntime : 0;

	if (curr)
		weights += weight_of(curr);
	for (s32 i = 0; i < rq->nr; i++) {
		sum += (__int128)(rq->tasks[i]->entity.vruntime - base) * weight_of(rq->tasks[i]);
		weights += weight_of(rq->tasks[i]);
	}
	if (total)
		*total = weights;
	/* Towards minus infinity, or nobody might be eligible. */
	return base + (weights ? (s64)((sum - (sum < 0 ? weights - 1 : 0)) / weights) : 0) + 1;
}

static struct sim_task *running_on(struct sim *sim, s32 cpu)
{
	struct sim_task *curr = sim->cpus[cpu].curr;

	return curr && curr->entity.on_queue ? curr : NULL;
}

static struct sim_task *pick_eevdf(struct runqueue *rq, struct sim_task *curr)
{
	s64 mean = average(rq, curr, NULL);
	struct sim_task *best = NULL;

	/* RUN_TO_PARITY: to the end of the slice with which it was picked. */
	if (curr && curr->entity.vruntime < curr->entity.protected_until)
		return curr;
	if (curr && curr->entity.vruntime <= mean)
		best = curr;
	for (s32 i = 0; i < rq->nr; i++)
		if (rq->tasks[i]->entity.vruntime <= mean &&
		    (!best || rq->tasks[i]->entity.deadline < best->entity.deadline))
			best = rq->tasks[i];
	return best ? best : curr ? curr : rq->nr ? rq->tasks[0] : NULL;
}

static void remove_from(struct runqueue *rq, struct sim_task *task)
{
	s32 i = 0;

	while (rq->tasks[i] != task)
		i++;
	rq->tasks[i] = rq->tasks[--rq->nr];
}

/* Note how much @task is owed when it leaves @cpu's queue. */
static void leave(struct sim *sim, s32 cpu, struct sim_task *task)
{
	s64 limit = virtual_of(task, 2 * eevdf_of(sim)->slice_ns);
	s64 lag = average(runqueue_of(sim, cpu), running_on(sim, cpu), NULL) - task->entity.vruntime;

	task->entity.lag = lag > limit ? limit : lag < -limit ? -limit : lag;
}

static void place(struct sim *sim, s32 cpu, struct sim_task *task, bool is_new)
{
	struct runqueue *rq = runqueue_of(sim, cpu);
	s64 weights, mean, lag = task->entity.lag, weight = weight_of(task);

	update_curr(sim, cpu);
	mean = average(rq, running_on(sim, cpu), &weights);
	if (weights)
		lag = lag * (weights + weight) / weights;
	task->entity.vruntime = mean - lag;
	task->entity.deadline = task->entity.vruntime +
				virtual_of(task, is_new ? eevdf_of(sim)->slice_ns / 2 : eevdf_of(sim)->slice_ns);
	task->entity.on_queue = true;
	task->entity.protected_until = task->entity.vruntime;
	rq->tasks[rq->nr++] = task;
}

static s64 load_of(struct sim *sim, s32 cpu)
{
	struct runqueue *rq = runqueue_of(sim, cpu);
	s64 load = running_on(sim, cpu) ? weight_of(sim->cpus[cpu].curr) : 0;

	for (s32 i = 0; i < rq->nr; i++)
		load += weight_of(rq->tasks[i]);
	return load;
}

static bool is_idle(struct sim *sim, s32 cpu)
{
	return !sim->cpus[cpu].curr && !runqueue_of(sim, cpu)->nr;
}

static bool core_is_idle(struct sim *sim, s32 cpu)
{
	return is_idle(sim, cpu) && (sim_sibling(sim, cpu) < 0 || is_idle(sim, sim_sibling(sim, cpu)));
}

static s32 select_idle_sibling(struct sim *sim, s32 target, s32 prev)
{
	u32 llc = sim_llc_of(sim, target);
	s32 idle = -1;

	if (is_idle(sim, target))
		return target;
	if (prev != target && sim_llc_of(sim, prev) == llc && is_idle(sim, prev))
		return prev;
	for (u32 i = 0; i < sim->nr_cpus; i++) {
		s32 cpu = (s32)(((u32)target + i) % sim->nr_cpus);

		if (sim_llc_of(sim, cpu) != llc)
			continue;
		if (core_is_idle(sim, cpu))
			return cpu;
		if (idle < 0 && is_idle(sim, cpu))
			idle = cpu;
	}
	return idle >= 0 ? idle : target;
}

/* For a new task: where there is least to do, on the parent's LLC among equals. */
static s32 select_idlest(struct sim *sim, s32 from)
{
	s64 best_load = 0;
	s32 best = -1;

	for (u32 i = 0; i < sim->nr_cpus; i++) {
		s32 cpu = (s32)(((u32)from + i) % sim->nr_cpus);
		s64 load = 2 * load_of(sim, cpu);

		if (!load && !core_is_idle(sim, cpu))
			load = 1;
		if (best < 0 || load < best_load ||
		    (load == best_load && sim_llc_of(sim, cpu) == sim_llc_of(sim, from) &&
		     sim_llc_of(sim, best) != sim_llc_of(sim, from))) {
			best_load = load;
			best = cpu;
		}
	}
	return best;
}

static s32 select_cpu(struct sim *sim, struct sim_task *task, const struct sim_waker *waker, bool is_fork)
{
	s32 target = task->cpu;

	if (task->pinned_cpu >= 0)
		return task->pinned_cpu;
	if (is_fork)
		return select_idlest(sim, task->cpu);
	/* wake_affine(): near the waker if there is less to do. */
	if (waker->task && load_of(sim, waker->cpu) + weight_of(task) < load_of(sim, task->cpu))
		target = waker->cpu;
	return select_idle_sibling(sim, target, task->cpu);
}

static void wakeup_preempt(struct sim *sim, s32 cpu, struct sim_task *task, s32 from_cpu)
{
	struct sim_task *curr = running_on(sim, cpu);

	if (!curr || pick_eevdf(runqueue_of(sim, cpu), curr) == task)
		sim_resched(sim, cpu, from_cpu);
}

static void eevdf_wake(struct sim *sim, struct sim_task *task, const struct sim_waker *waker, bool is_fork)
{
	s32 cpu = select_cpu(sim, task, waker, is_fork);
	s64 weights;

	/* Delayed dequeue: who had more than his share pays it off while he sleeps. */
	average(runqueue_of(sim, task->cpu), running_on(sim, task->cpu), &weights);
	if (task->entity.lag < 0) {
		task->entity.lag += (s64)(sim->now_ns - task->entity.slept_at_ns) * 1024 / (weights ? weights : 1024);
		if (task->entity.lag > 0)
			task->entity.lag = 0;
	}
	place(sim, cpu, task, is_fork);
	wakeup_preempt(sim, cpu, task, waker->cpu);
}

static void eevdf_sleep(struct sim *sim, struct sim_task *task)
{
	update_curr(sim, task->cpu);
	leave(sim, task->cpu, task);
	task->entity.on_queue = false;
	task->entity.slept_at_ns = sim->now_ns;
}

/* --- balancing --- */

static void move(struct sim *sim, struct sim_task *task, s32 from, s32 to)
{
	update_curr(sim, from);
	leave(sim, from, task);
	remove_from(runqueue_of(sim, from), task);
	place(sim, to, task, false);
	sim->stats.nr_steals += sim_measures(sim);
}

/* Pulls one task to @cpu from the CPU of @llc (-1: any) with the most load, if that makes the two more alike. */
static bool pull(struct sim *sim, s32 cpu, s32 llc)
{
	s64 mine = load_of(sim, cpu), most = 0;
	struct runqueue *rq;
	s32 busiest = -1;

	for (s32 other = 0; other < (s32)sim->nr_cpus; other++) {
		bool has_movable = false;

		if (other == cpu || (llc >= 0 && sim_llc_of(sim, other) != (u32)llc))
			continue;
		rq = runqueue_of(sim, other);
		for (s32 i = 0; i < rq->nr; i++)
			has_movable |= rq->tasks[i]->pinned_cpu < 0;
		if (has_movable && load_of(sim, other) > most) {
			most = load_of(sim, other);
			busiest = other;
		}
	}
	if (busiest < 0)
		return false;
	rq = runqueue_of(sim, busiest);
	for (s32 i = 0; i < rq->nr; i++) {
		struct sim_task *task = rq->tasks[i];

		if (task->pinned_cpu >= 0 || (mine && most - weight_of(task) < mine + weight_of(task)))
			continue;
		move(sim, task, busiest, cpu);
		return true;
	}
	return false;
}

/* Asymmetric packing: a fast core that is idle takes what runs on a slow one. */
static bool wants_to_be_packed(struct sim *sim, s32 cpu)
{
	if (!sim->has_speeds || sim->topology_cpus[cpu].capacity == TOPOLOGY_CAPACITY_MAX ||
	    sim->cpus[cpu].curr->pinned_cpu >= 0)
		return false;
	for (s32 other = 0; other < (s32)sim->nr_cpus; other++)
		if (sim->topology_cpus[other].capacity == TOPOLOGY_CAPACITY_MAX && core_is_idle(sim, other))
			return true;
	return false;
}

static struct sim_task *eevdf_pick(struct sim *sim, s32 cpu, struct sim_task *prev)
{
	struct runqueue *rq = runqueue_of(sim, cpu);
	struct sim_task *next;

	update_curr(sim, cpu);
	if (prev && wants_to_be_packed(sim, cpu)) {
		for (s32 other = 0; other < (s32)sim->nr_cpus; other++) {
			if (sim->topology_cpus[other].capacity != TOPOLOGY_CAPACITY_MAX || !core_is_idle(sim, other))
				continue;
			leave(sim, cpu, prev);
			prev->entity.on_queue = false;
			place(sim, other, prev, false);
			sim_resched(sim, other, cpu);
			prev = NULL;
			break;
		}
	}
	if (!prev && !rq->nr && !pull(sim, cpu, (s32)sim_llc_of(sim, cpu)))
		pull(sim, cpu, -1);
	next = pick_eevdf(rq, prev);
	if (next == prev)
		return prev;
	if (prev) {
		prev->entity.protected_until = prev->entity.vruntime;
		rq->tasks[rq->nr++] = prev;
	}
	remove_from(rq, next);
	return next;
}

static void eevdf_start(struct sim *sim, s32 cpu, struct sim_task *task)
{
	runqueue_of(sim, cpu)->exec_seen_ns = task->sum_exec_ns;
	task->entity.protected_until = task->entity.deadline;
	sim_slice_end_in(sim, cpu, (u64)(task->entity.deadline - task->entity.vruntime) * (u64)weight_of(task) / 1024);
}

/* HRTICK */
static void eevdf_slice_end(struct sim *sim, s32 cpu)
{
	struct sim_task *curr = sim->cpus[cpu].curr;

	update_curr(sim, cpu);
	if (runqueue_of(sim, cpu)->nr)
		sim_resched(sim, cpu, cpu);
	curr->entity.protected_until = curr->entity.vruntime;
	sim_slice_end_in(sim, cpu, eevdf_of(sim)->slice_ns);
}

static void eevdf_tick(struct sim *sim, s32 cpu)
{
	struct runqueue *rq = runqueue_of(sim, cpu);

	update_curr(sim, cpu);
	rq->nr_ticks++;
	pull(sim, cpu, (s32)sim_llc_of(sim, cpu));
	if (sim->topology.nr_llcs > 1 && (rq->nr_ticks + (u32)cpu) % FAR_BALANCE_TICKS == 0)
		pull(sim, cpu, -1);
	/* The idle are woken to balance when somebody waits. */
	for (s32 other = 0; rq->nr && other < (s32)sim->nr_cpus; other++) {
		if (is_idle(sim, other)) {
			sim_resched(sim, other, cpu);
			break;
		}
	}
	if (wants_to_be_packed(sim, cpu))
		sim_resched(sim, cpu, cpu);
}

const struct sim_sched sched_eevdf = {
	.name = "eevdf", .init = eevdf_init, .wake = eevdf_wake, .sleep = eevdf_sleep, .pick = eevdf_pick,
	.start = eevdf_start, .tick = eevdf_tick, .slice_end = eevdf_slice_end,
};
