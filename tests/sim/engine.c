// SPDX-License-Identifier: GPL-2.0-only
/*
 * engine - events, CPUs and time
 *
 * Events of the same time come in the order in which they were made, so a run
 * depends on nothing but its seed.
 */
#include "sim.h"

#include <stdlib.h>

enum event_type { EVENT_WAKE, EVENT_CALL, EVENT_DONE, EVENT_RESCHED, EVENT_TICK, EVENT_SLICE };

struct sim_event {
	u64 ns, serial, generation;
	enum event_type type;
	s32 index;		/* CPU or task */
	void (*fn)(struct sim *sim);
};

/* splitmix64 */
u64 sim_random_next(struct sim_random *random)
{
	u64 z = random->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

u64 sim_random_range(struct sim_random *random, u64 from, u64 to)
{
	return from + sim_random_next(random) % (to - from + 1);
}

/* --- the heap of events --- */

static bool event_before(const struct sim_event *a, const struct sim_event *b)
{
	return a->ns != b->ns ? a->ns < b->ns : a->serial < b->serial;
}

static void event_add(struct sim *sim, struct sim_event event)
{
	u32 i;

	if (sim->nr_events == sim->max_events) {
		sim->max_events = sim->max_events ? 2 * sim->max_events : 1024;
		sim->events = realloc(sim->events, sim->max_events * sizeof(event));
		if (!sim->events)
			abort();
	}
	event.serial = ++sim->event_serial;
	for (i = sim->nr_events++; i && event_before(&event, &sim->events[(i - 1) / 2]); i = (i - 1) / 2)
		sim->events[i] = sim->events[(i - 1) / 2];
	sim->events[i] = event;
}

static struct sim_event event_take(struct sim *sim)
{
	struct sim_event first = sim->events[0], last = sim->events[--sim->nr_events];
	u32 i = 0, child;

	while ((child = 2 * i + 1) < sim->nr_events) {
		if (child + 1 < sim->nr_events && event_before(&sim->events[child + 1], &sim->events[child]))
			child++;
		if (!event_before(&sim->events[child], &last))
			break;
		sim->events[i] = sim->events[child];
		i = child;
	}
	sim->events[i] = last;
	return first;
}

/* --- CPUs --- */

s32 sim_sibling(const struct sim *sim, s32 cpu)
{
	return sim->topology_cpus[cpu].sibling;
}

u32 sim_llc_of(const struct sim *sim, s32 cpu)
{
	return sim->topology_cpus[cpu].llc;
}

static u64 rate_of(const struct sim *sim, s32 cpu)
{
	s32 sibling = sim_sibling(sim, cpu);
	u64 rate = sim->topology_cpus[cpu].capacity == TOPOLOGY_CAPACITY_MAX ? 1000 : SIM_E_SPEED;

	rate *= sibling >= 0 && sim->cpus[sibling].curr ? SIM_SMT_SPEED : 1000;
	if (sim->has_vcache && sim_llc_of(sim, cpu) == 0 && sim->cpus[cpu].curr->is_game)
		rate = rate * SIM_VCACHE_SPEED / 1000;
	return rate;
}

/* Brings what the CPU's task has computed up to now. */
void sim_account(struct sim *sim, s32 cpu)
{
	struct sim_cpu *c = &sim->cpus[cpu];
	struct sim_task *task = c->curr;
	u64 ns = sim->now_ns - c->accounted_ns, work_ns, over_ns;

	c->accounted_ns = sim->now_ns;
	if (!task || !ns)
		return;
	task->sum_exec_ns += ns;
	work_ns = ns * c->rate_ppm / 1000000;
	over_ns = work_ns < task->overhead_ns ? work_ns : task->overhead_ns;
	task->overhead_ns -= over_ns;
	work_ns -= over_ns;
	if (work_ns > task->left_ns)
		work_ns = task->left_ns;
	task->left_ns -= work_ns;
	if (!sim_measures(sim))
		return;
	task->work_ns += work_ns;
	if (task->is_game) {
		sim->stats.game_ns += ns;
		if (sim->place_of[cpu] < sim->nr_home)
			sim->stats.game_home_ns += ns;
	}
}

/* When will the task have computed what it has to? */
static void plan_end(struct sim *sim, s32 cpu)
{
	struct sim_cpu *c = &sim->cpus[cpu];
	u64 left_ns;

	c->generation++;
	if (!c->curr)
		return;
	c->rate_ppm = rate_of(sim, cpu);
	left_ns = c->curr->left_ns + c->curr->overhead_ns;
	event_add(sim, (struct sim_event){
		.ns = sim->now_ns + (left_ns * 1000000 + c->rate_ppm - 1) / c->rate_ppm,
		.type = EVENT_DONE, .index = cpu, .generation = c->generation });
}

static void replan_sibling(struct sim *sim, s32 cpu)
{
	s32 sibling = sim_sibling(sim, cpu);

	if (sibling < 0 || !sim->cpus[sibling].curr)
		return;
	sim_account(sim, sibling);
	plan_end(sim, sibling);
}

void sim_resched(struct sim *sim, s32 cpu, s32 from_cpu)
{
	struct sim_cpu *c = &sim->cpus[cpu];
	u64 at_ns = sim->now_ns;

	if (!c->curr)
		at_ns += sim->now_ns - c->idle_since_ns > SIM_DEEP_AFTER_NS ? SIM_WAKE_DEEP_NS : SIM_WAKE_SHALLOW_NS;
	else if (from_cpu != cpu)
		at_ns += SIM_IPI_NS;
	if (c->resched_at_ns && c->resched_at_ns <= at_ns)
		return;
	c->resched_at_ns = at_ns;
	event_add(sim, (struct sim_event){ .ns = at_ns, .type = EVENT_RESCHED, .index = cpu });
}

void sim_slice_end_in(struct sim *sim, s32 cpu, u64 ns)
{
	event_add(sim, (struct sim_event){ .ns = sim->now_ns + ns, .type = EVENT_SLICE, .index = cpu,
					   .generation = ++sim->cpus[cpu].slice_generation });
}

static void note_queued(struct sim *sim, struct sim_task *task)
{
	task->state = SIM_QUEUED;
	task->queued_since_ns = sim->now_ns;
	if (task->pinned_cpu < 0)
		sim->nr_queued++;
}

static void note_wait(struct sim *sim, struct sim_task *task, u64 waited_ns)
{
	if (!sim_measures(sim) || waited_ns <= sim->stats.wait_max_ns)
		return;
	sim->stats.wait_max_ns = waited_ns;
	sim->stats.wait_max_name = task->name;
}

static void switch_to(struct sim *sim, s32 cpu, struct sim_task *next)
{
	struct sim_cpu *c = &sim->cpus[cpu];
	bool was_idle = !c->curr;
	u64 cold_ns = 0;

	c->curr = next;
	c->slice_generation++;
	if (!next) {
		c->idle = true;
		if (!was_idle) {
			c->idle_since_ns = sim->now_ns;
			replan_sibling(sim, cpu);
		}
		c->generation++;
		return;
	}
	c->idle = false;
	if (next->cpu != cpu) {
		if (sim_llc_of(sim, next->cpu) != sim_llc_of(sim, cpu))
			cold_ns = SIM_COLD_LLC_NS;
		else if (sim_sibling(sim, next->cpu) != cpu)
			cold_ns = SIM_COLD_CORE_NS;
		if (next->sum_exec_ns) {
			next->overhead_ns += cold_ns * next->footprint / 1000;
			sim->stats.nr_migrations += sim_measures(sim);
		}
		next->cpu = cpu;
	}
	next->overhead_ns += SIM_SWITCH_NS;
	next->state = SIM_RUNNING;
	if (next->pinned_cpu < 0)
		sim->nr_queued--;
	note_wait(sim, next, sim->now_ns - next->queued_since_ns);
	if (!c->tick_pending) {
		c->tick_pending = true;
		event_add(sim, (struct sim_event){ .ns = (sim->now_ns / SIM_TICK_NS + 1) * SIM_TICK_NS,
						   .type = EVENT_TICK, .index = cpu });
	}
	sim->sched->start(sim, cpu, next);
	if (was_idle)
		replan_sibling(sim, cpu);
	plan_end(sim, cpu);
}

/* @prev: who runs and wants to go on, NULL if it has gone to sleep. */
static void schedule(struct sim *sim, s32 cpu, struct sim_task *prev)
{
	struct sim_task *next;

	sim->cpus[cpu].resched_at_ns = 0;
	if (prev)
		note_queued(sim, prev);
	next = sim->sched->pick(sim, cpu, prev);
	if (prev && next == prev) {
		prev->state = SIM_RUNNING;
		if (prev->pinned_cpu < 0)
			sim->nr_queued--;
		plan_end(sim, cpu);
		return;
	}
	switch_to(sim, cpu, next);
}

/* --- tasks --- */

struct sim_task *sim_task_new(struct sim *sim, const char *name, sim_program program)
{
	struct sim_task *task = NULL;
	s32 id = 0;

	while (id < sim->nr_tasks && sim->tasks[id]->state != SIM_DEAD)
		id++;
	if (id == SIM_MAX_TASKS)
		abort();
	if (id == sim->nr_tasks) {
		sim->tasks[id] = malloc(sizeof(*task));
		if (!sim->tasks[id])
			abort();
		sim->tasks[id]->wake_serial = 0;
		sim->nr_tasks++;
	}
	task = sim->tasks[id];
	*task = (struct sim_task){
		.id = id, .name = name, .program = program, .state = SIM_SLEEPING, .pinned_cpu = -1, .footprint = 1000,
		.random.state = sim->opt->seed * 1000003 + (u64)id, .wake_serial = task->wake_serial + 1,
	};
	return task;
}

void sim_wake(struct sim *sim, struct sim_task *task, const struct sim_waker *waker, bool is_fork)
{
	if (task->state != SIM_SLEEPING)
		return;
	task->wake_serial++;
	note_queued(sim, task);
	sim->sched->wake(sim, task, waker, is_fork);
}

void sim_sleep_until(struct sim *sim, struct sim_task *task, u64 ns)
{
	event_add(sim, (struct sim_event){ .ns = ns > sim->now_ns ? ns : sim->now_ns + 1, .type = EVENT_WAKE,
					   .index = task->id, .generation = task->wake_serial });
}

void sim_call_at(struct sim *sim, u64 ns, void (*fn)(struct sim *sim))
{
	event_add(sim, (struct sim_event){ .ns = ns, .type = EVENT_CALL, .fn = fn });
}

static void handle_done(struct sim *sim, s32 cpu)
{
	struct sim_task *task = sim->cpus[cpu].curr;
	enum sim_action action;

	sim_account(sim, cpu);
	/* Rounding may leave a nanosecond. */
	task->left_ns = task->overhead_ns = 0;
	action = task->program(sim, task);
	if (action == SIM_COMPUTE) {
		plan_end(sim, cpu);
		return;
	}
	task->state = action == SIM_EXIT ? SIM_DEAD : SIM_SLEEPING;
	sim->sched->sleep(sim, task);
	/* As the kernel: counted after the scheduler has heard of it. */
	task->nvcsw++;
	schedule(sim, cpu, NULL);
}

/* A CPU must not be idle while somebody waits whom it could run. Looked at after each event. */
static void check_idle(struct sim *sim)
{
	for (u32 cpu = 0; cpu < sim->nr_cpus; cpu++) {
		struct sim_cpu *c = &sim->cpus[cpu];

		if (c->curr || !sim->nr_queued || !sim_measures(sim)) {
			c->starved_since_ns = 0;
			continue;
		}
		if (!c->starved_since_ns)
			c->starved_since_ns = sim->now_ns;
		else if (sim->now_ns - c->starved_since_ns > sim->stats.idle_starved_max_ns)
			sim->stats.idle_starved_max_ns = sim->now_ns - c->starved_since_ns;
	}
}

static void handle(struct sim *sim, const struct sim_event *event)
{
	struct sim_cpu *c = &sim->cpus[event->type == EVENT_WAKE ? 0 : event->index];
	struct sim_task *task;

	switch (event->type) {
	case EVENT_WAKE:
		task = sim->tasks[event->index];
		/* Timers fire on the CPU on which they were set. */
		if (task->wake_serial == event->generation)
			sim_wake(sim, task, &(struct sim_waker){ .cpu = task->cpu }, false);
		return;
	case EVENT_CALL:
		event->fn(sim);
		return;
	case EVENT_DONE:
		if (event->generation == c->generation)
			handle_done(sim, event->index);
		return;
	case EVENT_RESCHED:
		if (c->resched_at_ns != event->ns)
			return;
		sim_account(sim, event->index);
		schedule(sim, event->index, c->curr);
		return;
	case EVENT_TICK:
		c->tick_pending = false;
		if (!c->curr)
			return;
		c->tick_pending = true;
		event_add(sim, (struct sim_event){ .ns = sim->now_ns + SIM_TICK_NS, .type = EVENT_TICK,
						   .index = event->index });
		sim_account(sim, event->index);
		sim->sched->tick(sim, event->index);
		return;
	case EVENT_SLICE:
		if (event->generation != c->slice_generation || !c->curr)
			return;
		sim_account(sim, event->index);
		sim->sched->slice_end(sim, event->index);
		return;
	}
}

void sim_run(struct sim *sim)
{
	while (sim->nr_events && sim->events[0].ns <= sim->end_ns) {
		struct sim_event event = event_take(sim);

		sim->now_ns = event.ns;
		handle(sim, &event);
		check_idle(sim);
	}
	sim->now_ns = sim->end_ns;
	for (u32 cpu = 0; cpu < sim->nr_cpus; cpu++)
		sim_account(sim, (s32)cpu);
	for (s32 i = 0; i < sim->nr_tasks; i++)
		if (sim->tasks[i]->state == SIM_QUEUED)
			note_wait(sim, sim->tasks[i], sim->now_ns - sim->tasks[i]->queued_since_ns);
}
