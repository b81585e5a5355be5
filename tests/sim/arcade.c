// SPDX-License-Identifier: GPL-2.0-only
/*
 * arcade - the kernel half, mirrored around policy.h
 *
 * Each function stands for the one of the same name in bpf/ (arcade.bpf.c,
 * fair.bpf.h, preempt.bpf.h, idle.bpf.h, chain.bpf.h); what sched_ext itself
 * does around the callbacks is at the end. Left out: the lock handover of
 * futex.bpf.h, cgroup weights, frequencies, and real-time tasks. What is here
 * decides nothing by itself that policy.h could.
 */
#include "sim.h"

#include <stdlib.h>

#define SLICE_NS (3 * SIM_MS)
#define CHAIN_TTL_NS (33 * SIM_MS)
#define CHAIN_BUDGET_NS (4 * SIM_MS)
#define CHAIN_FANOUT 8
#define PREEMPT_INTERVAL_NS (125 * SIM_US)
#define PREEMPT_BURST 16
#define PREEMPT_SEARCH_MAX 64
#define PREEMPT_SEARCH_NORMAL 16
#define FAIR_WAIT_LONG_NS (200 * SIM_MS)
#define FAIR_WAIT_MAX_NS (500 * SIM_MS)
#define FAIR_AGE_CHECK_NS (20 * SIM_MS)
#define FAIR_AGE_CHECK_NR 256
#define FAIR_PUT_OFF_NS (60 * SIM_MS)

#define MAX_LOCAL 64

/* Tasks in the order of their deadlines; those of the same in the order in which they came. */
struct queue {
	struct sim_task *tasks[SIM_MAX_TASKS];
	s32 nr;
};

struct arcade_cpu {
	struct policy_victim running;
	u64 full_at_ns;
	u64 looked_own_ns, looked_llc_ns;
	u64 looked_other_ns;
	u32 other_llc;
	struct queue pinned;
	struct sim_task *local[MAX_LOCAL];	/* the CPU's own queue: first in, first out, but for preemptors */
	s32 nr_local;
};

struct arcade {
	u64 clocks[SIM_MAX_LLCS];
	struct queue llcs[SIM_MAX_LLCS];
	struct arcade_cpu cpus[SIM_MAX_CPUS];
	u64 lane_root_ns;
	u32 next_idle;		/* the kernel's search goes round */
};

static struct arcade *arcade_of(struct sim *sim)
{
	return sim->sched_data;
}

static void arcade_init(struct sim *sim)
{
	sim->sched_data = calloc(1, sizeof(struct arcade));
	if (!sim->sched_data)
		abort();
	/* Clocks that wrap during the run. */
	for (int llc = 0; llc < SIM_MAX_LLCS; llc++)
		arcade_of(sim)->clocks[llc] = -(u64)SIM_S * (u64)(llc + 1);
}

/* --- queues --- */

static void queue_insert(struct sim *sim, struct queue *queue, struct sim_task *task)
{
	s32 i = queue->nr++;

	for (; i && policy_before(task->ctx.deadline, queue->tasks[i - 1]->ctx.deadline); i--)
		queue->tasks[i] = queue->tasks[i - 1];
	queue->tasks[i] = task;
}

static struct sim_task *queue_take(struct queue *queue, s32 index)
{
	struct sim_task *task = queue->tasks[index];

	queue->nr--;
	for (s32 i = index; i < queue->nr; i++)
		queue->tasks[i] = queue->tasks[i + 1];
	return task;
}

/* --- chain.bpf.h --- */

static bool chain_is_live(struct sim *sim, struct sim_task *p)
{
	struct policy_chain *chain = &p->ctx.chain;
	u64 back_ns;

	if (!policy_chain_joined(chain, p->nvcsw) &&
	    !policy_chain_rejoin(chain, p->ctx.chain_share, p->ctx.burst_ns, p->nvcsw, arcade_of(sim)->lane_root_ns))
		return false;
	back_ns = policy_chain_renew(chain, p->ctx.chain_share, arcade_of(sim)->lane_root_ns, CHAIN_TTL_NS);
	if (back_ns)
		p->ctx.burst_ns = policy_burst(p->ctx.burst_ns + back_ns);
	return policy_chain_live(chain, p->nvcsw, sim->now_ns, CHAIN_BUDGET_NS);
}

static void chain_follow_wakeup(struct sim *sim, struct sim_task *wakee, const struct sim_waker *waker)
{
	struct policy_chain *chain;

	if (waker->root_ns) {
		arcade_of(sim)->lane_root_ns = waker->root_ns;
		policy_chain_start(&wakee->ctx.chain, wakee->nvcsw, ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE,
				   waker->root_ns, CHAIN_TTL_NS);
		return;
	}
	if (!waker->task || !chain_is_live(sim, waker->task))
		return;
	chain = &waker->task->ctx.chain;
	if (chain->hop >= ARCADE_MAX_HOPS || chain->nr_handed_on >= CHAIN_FANOUT ||
	    (policy_chain_joined(&wakee->ctx.chain, wakee->nvcsw) && chain_is_live(sim, wakee)))
		return;
	policy_chain_hand_on(chain, &wakee->ctx.chain, wakee->nvcsw);
}

static bool chain_gives_cpu(struct sim *sim, const struct sim_task *p, const struct sim_waker *waker)
{
	u64 started_ns = arcade_of(sim)->cpus[waker->cpu].running.started_ns;

	if (!waker->task || !policy_chain_joined(&p->ctx.chain, p->nvcsw) ||
	    !policy_chain_joined(&waker->task->ctx.chain, waker->task->nvcsw) ||
	    !policy_hands_over(&waker->task->ctx.chain, &p->ctx.chain, waker->task->ctx.member_run_ns,
			       waker->task->ctx.chain.ran_ns + sim->now_ns - started_ns))
		return false;
	waker->task->ctx.chain.gave_cpu = true;
	return true;
}

/* --- fair.bpf.h --- */

static bool fair_is_game(struct sim *sim, const struct sim_task *p)
{
	return sim->opt->arm == SIM_ARM_GAME && p->is_game;
}

/* The kernel's table, scaled as sched_ext does it. */
static u32 scx_weight(s32 nice)
{
	double weight = 1024;

	for (s32 i = 0; i < nice; i++)
		weight /= 1.25;
	for (s32 i = 0; i > nice; i--)
		weight *= 1.25;
	weight = weight * 100 / 1024 + 0.5;
	return weight < 1 ? 1 : (u32)weight;
}

static u32 fair_weight(struct sim *sim, const struct sim_task *p)
{
	return policy_weight(scx_weight(p->nice), 0, fair_is_game(sim, p));
}

static enum arcade_class fair_class(struct sim *sim, struct sim_task *p)
{
	if (!p->is_kthread && chain_is_live(sim, p))
		return ARCADE_CLASS_CHAIN;
	if (sim->opt->arm != SIM_ARM_GAME)
		return ARCADE_CLASS_NORMAL;
	if (fair_is_game(sim, p))
		return policy_is_frame_thread(p->ctx.chain_share) ? ARCADE_CLASS_FRAME : ARCADE_CLASS_GAME;
	return p->nice >= 10 ? ARCADE_CLASS_BACKGROUND : ARCADE_CLASS_NORMAL;
}

static void fair_charge(struct sim *sim, struct sim_task *p)
{
	u64 ran_ns = p->sum_exec_ns - p->ctx.exec_seen_ns;
	struct arcade *arcade = arcade_of(sim);
	u64 *clock = &arcade->clocks[p->ctx.llc];

	p->ctx.exec_seen_ns = p->sum_exec_ns;
	p->ctx.ahead_ns = policy_use_ahead(p->ctx.ahead_ns, ran_ns);
	p->ctx.vtime += policy_virtual(policy_charge(ran_ns, &p->ctx.burst_ns), fair_weight(sim, p));
	if (!arcade->llcs[p->ctx.llc].nr)
		*clock = policy_clock_alone(*clock, p->ctx.vtime, ran_ns, fair_class(sim, p));
	if (policy_chain_joined(&p->ctx.chain, p->nvcsw))
		p->ctx.chain.ran_ns += ran_ns;
}

static void fair_start_clock(struct sim *sim, const struct sim_task *p, enum arcade_class class)
{
	struct arcade *arcade = arcade_of(sim);
	u64 *clock = &arcade->clocks[p->ctx.llc];

	if (arcade->llcs[p->ctx.llc].nr)
		*clock = policy_clock(*clock, p->ctx.vtime, class);
}

static void fair_enter_llc(struct sim *sim, struct sim_task *p, u32 llc)
{
	if (p->ctx.llc == llc)
		return;
	p->ctx.vtime += arcade_of(sim)->clocks[llc] - arcade_of(sim)->clocks[p->ctx.llc];
	p->ctx.llc = llc;
}

static u64 fair_slept_ns(const struct sim *sim, const struct sim_task *p)
{
	return policy_slept(p->ctx.slept_at_ns, p->ctx.queued_at_ns ? p->ctx.queued_at_ns : sim->now_ns);
}

static u64 fair_ahead_ns(const struct sim *sim, const struct sim_task *p)
{
	return p->ctx.slept_at_ns ? policy_get_ahead(p->ctx.ahead_ns, fair_slept_ns(sim, p)) : p->ctx.ahead_ns;
}

static void fair_settle(struct sim *sim, struct sim_task *p, u32 llc)
{
	fair_enter_llc(sim, p, llc);
	p->ctx.vtime = policy_clamp_vtime(p->ctx.vtime, arcade_of(sim)->clocks[llc], SLICE_NS, fair_weight(sim, p),
					  fair_is_game(sim, p) && !policy_is_ahead(fair_ahead_ns(sim, p)));
}

static enum arcade_class fair_turn(const struct sim *sim, const struct sim_task *p, enum arcade_class class)
{
	return policy_turn(class, fair_ahead_ns(sim, p));
}

static u64 fair_deadline(struct sim *sim, struct sim_task *p, enum arcade_class class)
{
	enum arcade_class turn = fair_turn(sim, p, class);

	return policy_deadline(p->ctx.vtime, arcade_of(sim)->clocks[p->ctx.llc], SLICE_NS,
			       policy_weight(scx_weight(p->nice), 0, policy_is_game(turn)), turn);
}

static u64 fair_order(const struct sim_task *p, enum arcade_class class)
{
	return class == ARCADE_CLASS_CHAIN ? policy_chain_order(&p->ctx.chain) : 0;
}

static u64 fair_slice(const struct sim_task *p, enum arcade_class class)
{
	u64 ran_ns = p->ctx.chain.ran_ns;

	if (class == ARCADE_CLASS_CHAIN && ran_ns < CHAIN_BUDGET_NS && CHAIN_BUDGET_NS - ran_ns < SLICE_NS)
		return CHAIN_BUDGET_NS - ran_ns;
	return SLICE_NS;
}

static void fair_note_queued(struct sim *sim, struct sim_task *p)
{
	if (!p->ctx.queued_at_ns)
		p->ctx.queued_at_ns = sim->now_ns;
}

/* --- preempt.bpf.h --- */

struct preempt_wakee {
	u64 deadline, order_ns;
	u32 llc;
	enum arcade_class class;
};

static void preempt_note_running(struct sim *sim, s32 cpu, enum arcade_class class, u64 order_ns, u64 deadline)
{
	arcade_of(sim)->cpus[cpu].running = (struct policy_victim){
		.class = class, .order_ns = order_ns, .deadline = deadline, .started_ns = sim->now_ns };
}

static s64 preempt_gain(struct sim *sim, s32 cpu, const struct preempt_wakee *wakee)
{
	struct arcade *arcade = arcade_of(sim);
	u32 llc = sim_llc_of(sim, cpu);
	s64 diff = (s64)(arcade->cpus[cpu].running.deadline - wakee->deadline);

	if (llc != wakee->llc)
		diff -= (s64)(arcade->clocks[llc] - arcade->clocks[wakee->llc]);
	return policy_preempt_gain(&arcade->cpus[cpu].running, diff, sim->now_ns, wakee->class, wakee->order_ns,
				   llc != wakee->llc);
}

static bool preempt_is_ordinary(struct sim *sim, s32 cpu)
{
	enum arcade_class class = arcade_of(sim)->cpus[cpu].running.class;

	return class == ARCADE_CLASS_NORMAL || class == ARCADE_CLASS_BACKGROUND;
}

static bool preempt_take_tokens(struct sim *sim, struct sim_task *p, s32 cpu)
{
	u64 full_at_ns = p->ctx.preempt_full_at_ns;

	if (!policy_bucket_take(&full_at_ns, sim->now_ns, PREEMPT_INTERVAL_NS, PREEMPT_BURST) ||
	    !policy_bucket_take(&arcade_of(sim)->cpus[cpu].full_at_ns, sim->now_ns, PREEMPT_INTERVAL_NS, PREEMPT_BURST))
		return false;
	p->ctx.preempt_full_at_ns = full_at_ns;
	return true;
}

static bool preempt_claim(struct sim *sim, struct sim_task *p, s32 cpu, const struct preempt_wakee *wakee)
{
	const u64 *clocks = arcade_of(sim)->clocks;

	if (!preempt_take_tokens(sim, p, cpu))
		return false;
	/* By the clock of the CPU that is taken. */
	preempt_note_running(sim, cpu, wakee->class, wakee->order_ns,
			     wakee->deadline + clocks[sim_llc_of(sim, cpu)] - clocks[wakee->llc]);
	sim->stats.nr_preempts += sim_measures(sim);
	return true;
}

/* Places of an LLC, which are in a row. */
static u32 topo_llc_nr(struct sim *sim, u32 llc, u32 *first)
{
	u32 nr = 0;

	for (u32 i = sim->nr_places; i-- > 0;) {
		if (sim_llc_of(sim, sim->places[i]) != llc)
			continue;
		*first = i;
		nr++;
	}
	return nr;
}

static s32 topo_cpu_near(struct sim *sim, s32 cpu, u32 i)
{
	u32 first = 0, nr = topo_llc_nr(sim, sim_llc_of(sim, cpu), &first), place;

	if (i < nr) {
		place = sim->place_of[cpu] + i;
		return sim->places[place >= first + nr ? place - nr : place];
	}
	return sim->places[(first + i) % sim->nr_places];
}

static s32 preempt_pick_cpu(struct sim *sim, struct sim_task *p, s32 prev_cpu, const struct preempt_wakee *wakee,
			    bool home)
{
	bool is_urgent = wakee->class > ARCADE_CLASS_NORMAL;
	u32 first, nr = home ? sim->nr_home : is_urgent ? sim->nr_places : topo_llc_nr(sim, wakee->llc, &first);
	u32 max = is_urgent ? PREEMPT_SEARCH_MAX : PREEMPT_SEARCH_NORMAL;
	s64 best_gain = 0;
	s32 best = -1;

	for (u32 i = 0; i < nr && i < max; i++) {
		s32 cpu = home ? sim->places[i] : topo_cpu_near(sim, prev_cpu, i);
		s64 gain = preempt_gain(sim, cpu, wakee);

		if (gain > best_gain) {
			best_gain = gain;
			best = cpu;
		}
	}
	return best >= 0 && preempt_claim(sim, p, best, wakee) ? best : -1;
}

/* --- idle.bpf.h, and the search of the kernel's that it uses --- */

static bool take_idle(struct sim *sim, s32 cpu)
{
	if (!sim->cpus[cpu].idle)
		return false;
	sim->cpus[cpu].idle = false;
	return true;
}

static bool core_is_idle(struct sim *sim, s32 cpu)
{
	s32 sibling = sim_sibling(sim, cpu);

	return sim->cpus[cpu].idle && (sibling < 0 || sim->cpus[sibling].idle);
}

static bool take_of(struct sim *sim, s32 cpu, bool whole_core)
{
	return (!whole_core || core_is_idle(sim, cpu)) && take_idle(sim, cpu);
}

/* scx_bpf_pick_idle_cpu(): any, in the LLC or anywhere (@llc < 0). */
static s32 scx_pick_idle(struct sim *sim, bool whole_core, s32 llc)
{
	u32 *next = &arcade_of(sim)->next_idle;

	for (u32 i = 0; i < sim->nr_cpus; i++) {
		s32 cpu = (s32)((*next + i) % sim->nr_cpus);

		if ((llc < 0 || sim_llc_of(sim, cpu) == (u32)llc) && take_of(sim, cpu, whole_core)) {
			*next = (u32)cpu + 1;
			return cpu;
		}
	}
	return -1;
}

/* scx_bpf_select_cpu_dfl() */
static s32 scx_select_cpu_dfl(struct sim *sim, s32 prev_cpu, bool *is_idle)
{
	s32 llc = (s32)sim_llc_of(sim, prev_cpu), cpu;

	*is_idle = true;
	for (int whole_core = sim_sibling(sim, 0) >= 0; whole_core >= 0; whole_core--) {
		if (take_of(sim, prev_cpu, whole_core))
			return prev_cpu;
		cpu = sim->topology.nr_llcs > 1 ? scx_pick_idle(sim, whole_core, llc) : -1;
		if (cpu < 0)
			cpu = scx_pick_idle(sim, whole_core, -1);
		if (cpu >= 0)
			return cpu;
	}
	*is_idle = false;
	return prev_cpu;
}

static s32 idle_scan(struct sim *sim, bool whole_core, s32 prev_cpu, enum policy_search search, u32 nr)
{
	if (policy_is_kept(search, sim->place_of[prev_cpu] < sim->nr_home) && take_of(sim, prev_cpu, whole_core))
		return prev_cpu;
	for (u32 i = 0; i < nr; i++) {
		s32 cpu = sim->places[search == POLICY_SEARCH_FAST_FIRST ? i : sim->nr_places - 1 - i];

		if (take_of(sim, cpu, whole_core))
			return cpu;
	}
	return -1;
}

static s32 idle_search(struct sim *sim, s32 prev_cpu, enum policy_search search, bool home)
{
	u32 nr = home ? sim->nr_home : sim->nr_places;
	s32 cpu = idle_scan(sim, true, prev_cpu, search, nr);

	return cpu >= 0 ? cpu : idle_scan(sim, false, prev_cpu, search, nr);
}

static bool topo_is_uneven(const struct sim *sim)
{
	return sim->topology.nr_llcs > 1 || sim->has_speeds;
}

static enum policy_search idle_search_of(struct sim *sim, struct sim_task *p, enum arcade_class class)
{
	if (!topo_is_uneven(sim))
		return POLICY_SEARCH_KERNEL;
	return policy_search(class, fair_is_game(sim, p), sim->opt->arm == SIM_ARM_GAME, sim->topology.nr_llcs,
			     sim->has_speeds);
}

static s32 idle_select(struct sim *sim, struct sim_task *p, enum arcade_class class, s32 prev_cpu, bool *is_idle)
{
	enum policy_search search = idle_search_of(sim, p, class);

	if (search != POLICY_SEARCH_KERNEL) {
		s32 cpu = idle_search(sim, prev_cpu, search, false);

		if (cpu >= 0) {
			*is_idle = true;
			return cpu;
		}
	}
	return scx_select_cpu_dfl(sim, prev_cpu, is_idle);
}

static s32 idle_pick_cpu(struct sim *sim, struct sim_task *p, enum arcade_class class, s32 prev_cpu)
{
	enum policy_search search = idle_search_of(sim, p, class);
	s32 cpu;

	if (search != POLICY_SEARCH_KERNEL)
		return idle_search(sim, prev_cpu, search, false);
	cpu = scx_pick_idle(sim, true, -1);
	return cpu >= 0 ? cpu : scx_pick_idle(sim, false, -1);
}

/* --- arcade.bpf.c --- */

static void insert_local(struct sim *sim, struct sim_task *p, s32 cpu, u64 slice_ns, bool preempts, s32 from_cpu)
{
	struct arcade_cpu *c = &arcade_of(sim)->cpus[cpu];
	s32 i = c->nr_local++;

	if (c->nr_local > MAX_LOCAL)
		abort();
	for (; preempts && i; i--)
		c->local[i] = c->local[i - 1];
	c->local[i] = p;
	p->ctx.slice_ns = slice_ns;
	if (preempts && sim->cpus[cpu].curr)
		sim->cpus[cpu].curr->ctx.slice_ns = 0;
	sim_resched(sim, cpu, from_cpu);
}

static struct preempt_wakee wakee_of(struct sim *sim, struct sim_task *p, enum arcade_class class)
{
	return (struct preempt_wakee){
		.deadline = fair_deadline(sim, p, class), .order_ns = fair_order(p, class), .llc = p->ctx.llc,
		.class = fair_turn(sim, p, class) };
}

static void enqueue_pinned(struct sim *sim, struct sim_task *p, enum arcade_class class, bool is_wakeup, s32 from_cpu)
{
	struct arcade_cpu *c = &arcade_of(sim)->cpus[p->pinned_cpu];
	struct preempt_wakee wakee = wakee_of(sim, p, class);

	if (take_idle(sim, p->pinned_cpu)) {
		insert_local(sim, p, p->pinned_cpu, fair_slice(p, class), false, from_cpu);
		return;
	}
	if (is_wakeup && ((preempt_gain(sim, p->pinned_cpu, &wakee) > 0 && preempt_claim(sim, p, p->pinned_cpu, &wakee)) ||
			  (p->is_kthread && preempt_is_ordinary(sim, p->pinned_cpu) &&
			   preempt_take_tokens(sim, p, p->pinned_cpu)))) {
		insert_local(sim, p, p->pinned_cpu, fair_slice(p, class), true, from_cpu);
		return;
	}
	fair_note_queued(sim, p);
	p->ctx.deadline = wakee.deadline;
	p->ctx.slice_ns = fair_slice(p, class);
	queue_insert(sim, &c->pinned, p);
}

/* @cpu: the one that was selected, or the last. */
static void arcade_enqueue(struct sim *sim, struct sim_task *p, s32 cpu, bool is_wakeup, s32 from_cpu)
{
	u32 llc = sim_llc_of(sim, cpu);
	enum arcade_class class;
	s32 idle;

	fair_settle(sim, p, llc);
	class = fair_class(sim, p);
	if (p->pinned_cpu >= 0) {
		enqueue_pinned(sim, p, class, is_wakeup, from_cpu);
		return;
	}
	if (!is_wakeup) {
		idle = idle_pick_cpu(sim, p, class, cpu);
		if (idle >= 0) {
			insert_local(sim, p, idle, fair_slice(p, class), false, from_cpu);
			return;
		}
	}
	fair_note_queued(sim, p);
	p->ctx.deadline = fair_deadline(sim, p, class);
	p->ctx.slice_ns = fair_slice(p, class);
	queue_insert(sim, &arcade_of(sim)->llcs[llc], p);
	idle = scx_pick_idle(sim, false, -1);
	if (idle >= 0)
		sim_resched(sim, idle, from_cpu);
}

static void arcade_enable(struct sim *sim, struct sim_task *p, const struct sim_waker *waker)
{
	u32 llc = sim_llc_of(sim, p->cpu);

	p->ctx.llc = llc;
	p->ctx.vtime = arcade_of(sim)->clocks[llc];
	if (waker->task) {
		/* A child starts with its parent's debt. */
		p->ctx.vtime = waker->task->ctx.vtime;
		p->ctx.llc = waker->task->ctx.llc;
		fair_enter_llc(sim, p, llc);
		p->ctx.vtime = policy_max_time(p->ctx.vtime, arcade_of(sim)->clocks[llc]);
	}
}

static s32 preempt_for(struct sim *sim, struct sim_task *p, s32 prev_cpu, enum arcade_class class, bool home)
{
	struct preempt_wakee wakee;

	fair_settle(sim, p, sim_llc_of(sim, prev_cpu));
	wakee = wakee_of(sim, p, class);
	return preempt_pick_cpu(sim, p, prev_cpu, &wakee, home);
}

static bool topo_is_home(const struct sim *sim, s32 cpu)
{
	return sim->place_of[cpu] < sim->nr_home;
}

static bool topo_is_no_worse(struct sim *sim, s32 cpu, s32 other)
{
	return sim_llc_of(sim, cpu) == sim_llc_of(sim, other) && (topo_is_home(sim, cpu) || !topo_is_home(sim, other));
}

static void arcade_wake(struct sim *sim, struct sim_task *p, const struct sim_waker *waker, bool is_fork)
{
	enum arcade_class class;
	bool is_idle = false;
	s32 cpu = -1, victim;

	if (is_fork)
		arcade_enable(sim, p, waker);
	chain_follow_wakeup(sim, p, waker);
	if (p->pinned_cpu >= 0) {
		arcade_enqueue(sim, p, p->pinned_cpu, true, waker->cpu);
		return;
	}
	class = fair_class(sim, p);
	if (topo_is_uneven(sim) && fair_is_game(sim, p)) {
		cpu = idle_search(sim, p->cpu, POLICY_SEARCH_FAST_FIRST, true);
		is_idle = cpu >= 0;
		victim = is_idle ? -1 : preempt_for(sim, p, p->cpu, class, true);
		if (victim >= 0) {
			insert_local(sim, p, victim, fair_slice(p, class), true, waker->cpu);
			return;
		}
	}
	if (!is_idle)
		cpu = idle_select(sim, p, class, p->cpu, &is_idle);
	if (is_idle) {
		insert_local(sim, p, cpu, fair_slice(p, class), false, waker->cpu);
		return;
	}
	if (class == ARCADE_CLASS_CHAIN && topo_is_no_worse(sim, waker->cpu, cpu) && chain_gives_cpu(sim, p, waker)) {
		sim->stats.nr_cpus_given += sim_measures(sim);
		arcade_enqueue(sim, p, waker->cpu, true, waker->cpu);
		return;
	}
	victim = preempt_for(sim, p, cpu, class, false);
	if (victim >= 0)
		insert_local(sim, p, victim, fair_slice(p, class), true, waker->cpu);
	else
		arcade_enqueue(sim, p, cpu, true, waker->cpu);
}

static void arcade_start(struct sim *sim, s32 cpu, struct sim_task *p)
{
	u32 llc = sim_llc_of(sim, cpu);
	enum arcade_class class;

	fair_settle(sim, p, llc);
	p->ctx.exec_seen_ns = p->ctx.slice_exec_ns = p->sum_exec_ns;
	if (p->ctx.slept_at_ns) {
		u64 slept_ns = fair_slept_ns(sim, p);

		p->ctx.burst_ns = policy_burst(slept_ns);
		p->ctx.ahead_ns = policy_get_ahead(p->ctx.ahead_ns, slept_ns);
		p->ctx.slept_at_ns = 0;
	}
	p->ctx.queued_at_ns = 0;
	class = fair_class(sim, p);
	if (!p->ctx.is_out_of_turn)
		fair_start_clock(sim, p, class);
	p->ctx.is_out_of_turn = false;
	preempt_note_running(sim, cpu, fair_turn(sim, p, class), fair_order(p, class), fair_deadline(sim, p, class));
}

static void arcade_stopping(struct sim *sim, struct sim_task *p, bool runnable)
{
	bool was_member;

	arcade_of(sim)->cpus[p->cpu].running.class = ARCADE_CLASS_NONE;
	fair_charge(sim, p);
	if (runnable)
		return;
	p->ctx.slept_at_ns = sim->now_ns;
	was_member = policy_chain_was_woken(&p->ctx.chain, p->nvcsw);
	p->ctx.chain_share = policy_learn(p->ctx.chain_share, was_member);
	if (was_member)
		p->ctx.member_run_ns = policy_learn_run(p->ctx.member_run_ns, p->ctx.chain.ran_ns);
}

/* --- fair_dispatch() --- */

/* Return: how long the one that was taken has waited, 0 if there was none. */
static u64 fair_take_aged(struct sim *sim, struct queue *queue, struct sim_task **taken)
{
	u64 longest_ns = FAIR_WAIT_LONG_NS;
	s32 longest = -1;

	for (s32 i = queue->nr - 1; i >= 0 && i >= queue->nr - FAIR_AGE_CHECK_NR; i--) {
		u64 waited_ns = sim->now_ns - queue->tasks[i]->ctx.queued_at_ns;

		if (waited_ns <= longest_ns)
			continue;
		longest_ns = waited_ns;
		longest = i;
	}
	if (longest < 0)
		return 0;
	*taken = queue_take(queue, longest);
	(*taken)->ctx.is_out_of_turn = true;
	sim->stats.nr_aged += sim_measures(sim);
	return longest_ns;
}

static struct sim_task *fair_look_for_aged(struct sim *sim, u64 *looked_ns, struct queue *queue)
{
	struct sim_task *taken = NULL;

	if (fair_take_aged(sim, queue, &taken) < FAIR_WAIT_MAX_NS)
		*looked_ns = sim->now_ns;
	return taken;
}

static u32 topo_llc_after(const struct sim *sim, u32 llc)
{
	return llc + 1 < sim->topology.nr_llcs ? llc + 1 : 0;
}

static struct sim_task *fair_look_elsewhere(struct sim *sim, s32 cpu, u32 llc)
{
	struct arcade *arcade = arcade_of(sim);
	u64 *looked_ns = &arcade->cpus[cpu].looked_other_ns;
	u32 *other = &arcade->cpus[cpu].other_llc;
	struct sim_task *taken = NULL;

	*other = topo_llc_after(sim, *other);
	if (*other == llc)
		*other = topo_llc_after(sim, *other);
	*looked_ns = sim->now_ns;
	fair_take_aged(sim, &arcade->llcs[*other], &taken);
	return taken;
}

static void fair_renew(struct sim *sim, s32 cpu, struct sim_task *prev, enum arcade_class class)
{
	prev->ctx.slice_ns = fair_slice(prev, class);
	prev->ctx.slice_exec_ns = prev->sum_exec_ns;
	fair_start_clock(sim, prev, class);
	preempt_note_running(sim, cpu, fair_turn(sim, prev, class), fair_order(prev, class),
			     fair_deadline(sim, prev, class));
}

static struct sim_task *fair_steal(struct sim *sim, u32 llc)
{
	for (u32 i = 1; i < sim->topology.nr_llcs; i++) {
		struct queue *other = &arcade_of(sim)->llcs[(llc + i) % sim->topology.nr_llcs];

		if (other->nr) {
			sim->stats.nr_steals += sim_measures(sim);
			return queue_take(other, 0);
		}
	}
	return NULL;
}

static bool fair_is_due(const struct sim *sim, u64 looked_ns, u64 interval_ns)
{
	return !policy_before(sim->now_ns, looked_ns + interval_ns);
}

static bool fair_is_urgent(struct sim *sim, const struct sim_task *p)
{
	if (fair_is_game(sim, p) && policy_is_ahead(fair_ahead_ns(sim, p)))
		return true;
	return !p->is_kthread && policy_chain_live(&p->ctx.chain, p->nvcsw, sim->now_ns, CHAIN_BUDGET_NS);
}

static bool fair_first_is_urgent(struct sim *sim, const struct queue *queue)
{
	return queue->nr && fair_is_urgent(sim, queue->tasks[0]);
}

static struct sim_task *fair_dispatch_aged(struct sim *sim, s32 cpu, u32 llc, bool is_urgent)
{
	struct arcade_cpu *c = &arcade_of(sim)->cpus[cpu];
	struct queue *in_llc = &arcade_of(sim)->llcs[llc];
	u64 interval_ns = FAIR_AGE_CHECK_NS;
	struct sim_task *aged = NULL;

	if (is_urgent || fair_first_is_urgent(sim, &c->pinned) || fair_first_is_urgent(sim, in_llc))
		interval_ns = FAIR_PUT_OFF_NS;
	if (c->pinned.nr && fair_is_due(sim, c->looked_own_ns, interval_ns))
		aged = fair_look_for_aged(sim, &c->looked_own_ns, &c->pinned);
	if (!aged && in_llc->nr && fair_is_due(sim, c->looked_llc_ns, interval_ns))
		aged = fair_look_for_aged(sim, &c->looked_llc_ns, in_llc);
	if (!aged && sim->topology.nr_llcs > 1 && fair_is_due(sim, c->looked_other_ns, interval_ns))
		aged = fair_look_elsewhere(sim, cpu, llc);
	return aged;
}

/* Return: the next, which may be @prev. */
static struct sim_task *fair_dispatch(struct sim *sim, s32 cpu, struct sim_task *prev)
{
	u32 llc = sim_llc_of(sim, cpu);
	struct arcade *arcade = arcade_of(sim);
	struct queue *in_llc = &arcade->llcs[llc], *in_cpu = &arcade->cpus[cpu].pinned, *first = in_llc;
	enum arcade_class class = ARCADE_CLASS_NORMAL;
	struct sim_task *aged;

	if (prev) {
		class = fair_class(sim, prev);
		fair_charge(sim, prev);
		fair_settle(sim, prev, llc);
	}
	aged = fair_dispatch_aged(sim, cpu, llc, prev && fair_turn(sim, prev, class) > ARCADE_CLASS_NORMAL);
	if (aged)
		return aged;
	if (in_cpu->nr && (!in_llc->nr || policy_before(in_cpu->tasks[0]->ctx.deadline, in_llc->tasks[0]->ctx.deadline)))
		first = in_cpu;
	if (prev && (!first->nr || policy_before(fair_deadline(sim, prev, class), first->tasks[0]->ctx.deadline))) {
		fair_renew(sim, cpu, prev, class);
		return prev;
	}
	if (first->nr)
		return queue_take(first, 0);
	return fair_steal(sim, llc);
}

/* --- what sched_ext does around the callbacks --- */

static bool has_slice(const struct sim_task *p)
{
	return p->sum_exec_ns - p->ctx.slice_exec_ns < p->ctx.slice_ns;
}

static struct sim_task *arcade_pick(struct sim *sim, s32 cpu, struct sim_task *prev)
{
	struct arcade_cpu *c = &arcade_of(sim)->cpus[cpu];
	struct sim_task *next, *back[MAX_LOCAL];
	s32 nr_back;

	if (prev && has_slice(prev))
		return prev;
	if (c->nr_local) {
		next = c->local[0];
	} else {
		next = fair_dispatch(sim, cpu, prev);
		if (next == prev)
			return prev;
	}
	/* SCX_ENQ_IMMED: who cannot run at once comes back to us. */
	nr_back = c->nr_local ? c->nr_local - 1 : 0;
	for (s32 i = 0; i < nr_back; i++)
		back[i] = c->local[i + 1];
	c->nr_local = 0;
	if (prev) {
		arcade_stopping(sim, prev, true);
		arcade_enqueue(sim, prev, cpu, false, cpu);
	}
	for (s32 i = 0; i < nr_back; i++) {
		/* The claim was for nothing. */
		arcade_of(sim)->cpus[cpu].running.class = ARCADE_CLASS_NONE;
		arcade_enqueue(sim, back[i], cpu, false, cpu);
	}
	return next;
}

static void arcade_sleep(struct sim *sim, struct sim_task *p)
{
	arcade_stopping(sim, p, false);
}

static void arcade_tick(struct sim *sim, s32 cpu)
{
	if (!has_slice(sim->cpus[cpu].curr))
		sim_resched(sim, cpu, cpu);
}

static void arcade_slice_end(struct sim *sim, s32 cpu)
{
	(void)sim;
	(void)cpu;
}

const struct sim_sched sched_arcade = {
	.name = "scx_arcade", .init = arcade_init, .wake = arcade_wake, .sleep = arcade_sleep, .pick = arcade_pick,
	.start = arcade_start, .tick = arcade_tick, .slice_end = arcade_slice_end,
};
