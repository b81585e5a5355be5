/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * policy - the arithmetic of every decision, and nothing else
 *
 * No maps, no clocks, no kernel types: time and state come in, a verdict goes
 * out. The same text compiles into the BPF object and into the host tests, so
 * what is tested is what runs.
 *
 * Virtual time. A task's vtime advances by the CPU time it used, scaled by
 * 100 / weight. The clock of a queue is where the foremost of the tasks that it
 * has run started (start-time fair queueing). A task that slept may lag behind
 * that clock by at most one credit, a task that ran more than its share may be
 * ahead by at most one debt. The deadline is the vtime at which the next slice
 * will be used up (at the price for ordinary threads, of a game's that loads),
 * shifted by the offset of the class: who is owed most, or asks for least, runs
 * first. Whoever wakes up takes the CPU of whom he comes
 * before by most.
 *
 * Classes are offsets, not priorities: a game that computes all the time uses
 * its lead up, and shares by weight from then on.
 *
 * All comparisons survive the wrap of a u64.
 *
 * Chains. A membership belongs to one activation: the time between two
 * voluntary context switches of the task. The count of these switches is
 * stored with it, so it ends by itself when the task blocks, without a hook
 * and without anything to forget. It also ends with its time and its budget.
 * Only who is busy with the last of a stream of events, and so is not woken by
 * the next, lives on with each: the reader of the device, and threads that
 * chains lead to as a rule (policy_chain_renew).
 */
#ifndef ARCADE_POLICY_H
#define ARCADE_POLICY_H

#include "arcade/abi.h"

#define POLICY_NS_PER_US 1000ULL
#define POLICY_NS_PER_MS 1000000ULL

/* Weight of nice 0, as sched_ext scales it (kernel: SCX_TASK weight, 1..10000). */
#define POLICY_WEIGHT_DEFAULT 100u

/*
 * Who waits for the player sleeps, computes a little and sleeps again; who works for himself does not sleep. So a task that
 * wakes up computes at a quarter of the price for as long as it has slept, up to a long frame. Nothing is learnt and nothing
 * sticks: a task that never sleeps pays in full, one that computes half of the time counts like one of nice -6.
 */
#define POLICY_BURST_MAX_NS (10 * POLICY_NS_PER_MS)
#define POLICY_BURST_DIVISOR 4

/* A sleeper may be owed this much vtime: two frames at 60 Hz would let a burst run one through. */
#define POLICY_CREDIT_NS (20 * POLICY_NS_PER_MS)
/*
 * Debt is at most this many of the task's own virtual slices: enough to keep shares in proportion to weights, too little
 * to shut out for long who was allowed to run ahead as a member of chains.
 */
#define POLICY_DEBT_SLICES 2
/* And at most this: bounds the wait of a nice 19 task. */
#define POLICY_DEBT_MAX_NS (400 * POLICY_NS_PER_MS)
/* How much earlier than others' the deadline of a game's thread is: all of a sleeper's credit. */
#define POLICY_GAME_LEAD_NS (20 * POLICY_NS_PER_MS)
/* A frame-critical thread of the game comes before its others, which may work for later frames. */
#define POLICY_FRAME_LEAD_NS (30 * POLICY_NS_PER_MS)
/* Of a chain member: ahead of every credit and of the game. */
#define POLICY_CHAIN_LEAD_NS (60 * POLICY_NS_PER_MS)
/* How much later: builds and updates while a game is in front. */
#define POLICY_BACKGROUND_LAG_NS (20 * POLICY_NS_PER_MS)

/* A game computes as if it had nice -10 (weight 9548 / 1024 in the kernel's table). */
#define POLICY_GAME_WEIGHT_FACTOR 9

/*
 * Who has just got a CPU keeps it for a moment, or two that wake each other would do nothing but switch: long against a
 * switch (some 2 us), short against a frame. Only equals are kept off, and those who come before by less than a slice.
 */
#define POLICY_PROTECT_NS (100 * POLICY_NS_PER_US)
#define POLICY_PROTECT_GAIN_NS (3 * POLICY_NS_PER_MS)

/* To be taken, a task of another LLC must come after the wakee by this much: caches are cold there. */
#define POLICY_OTHER_LLC_NS (2 * POLICY_NS_PER_MS)

/* One task's membership in a chain. All zero but nvcsw: no membership. */
struct policy_chain {
	u64 root_ns;		/* CLOCK_MONOTONIC of the event that caused it */
	u64 expires_ns;		/* CLOCK_MONOTONIC */
	u64 nvcsw;		/* voluntary switches of the task when it joined */
	u64 ran_ns;		/* CPU time used as member */
	u8 root;		/* enum arcade_root */
	u8 hop;			/* 1: woken by the event itself */
	u16 nr_handed_on;
	u8 lane;		/* enum arcade_lane of the root */
	bool by_habit;		/* not woken by it: see policy_chain_rejoin() */
	bool gave_cpu;		/* in this activation, see policy_hands_over() */
	u8 pad[1];
};

static inline bool policy_before(u64 a, u64 b)
{
	return (s64)(a - b) < 0;
}

static inline u64 policy_max_time(u64 a, u64 b)
{
	return policy_before(a, b) ? b : a;
}

/* CPU time as virtual time of a task of @weight. */
static inline u64 policy_virtual(u64 ns, u32 weight)
{
	if (weight == POLICY_WEIGHT_DEFAULT)
		return ns;
	return ns * POLICY_WEIGHT_DEFAULT / (weight ? weight : 1);
}

/* What is charged for @ran_ns of a task that has @burst_ns of its burst left. */
static inline u64 policy_charge(u64 ran_ns, u64 *burst_ns)
{
	u64 cheap_ns = ran_ns < *burst_ns ? ran_ns : *burst_ns;

	*burst_ns -= cheap_ns;
	return ran_ns - cheap_ns + cheap_ns / POLICY_BURST_DIVISOR;
}

/* The burst of a task that wakes up after @slept_ns. */
static inline u64 policy_burst(u64 slept_ns)
{
	return slept_ns < POLICY_BURST_MAX_NS ? slept_ns : POLICY_BURST_MAX_NS;
}

static inline bool policy_is_game(enum arcade_class class)
{
	return class == ARCADE_CLASS_GAME || class == ARCADE_CLASS_FRAME;
}

/*
 * A thread of the game goes before others for as much CPU time as it has earned by sleep: so many times the sleep, so who
 * computes for four fifths of the time keeps it, and a long frame at most.
 */
#define POLICY_AHEAD_FACTOR 4
#define POLICY_AHEAD_MAX_NS (20 * POLICY_NS_PER_MS)
/* Less is none: it counts for a whole slice, so moments of sleep between pieces of work would be worth one each. */
#define POLICY_AHEAD_MIN_NS (500 * POLICY_NS_PER_US)

/* @ahead_ns after a sleep of @slept_ns. */
static inline u64 policy_get_ahead(u64 ahead_ns, u64 slept_ns)
{
	if (slept_ns >= POLICY_AHEAD_MAX_NS)
		return POLICY_AHEAD_MAX_NS;
	ahead_ns += POLICY_AHEAD_FACTOR * slept_ns;
	return ahead_ns < POLICY_AHEAD_MAX_NS ? ahead_ns : POLICY_AHEAD_MAX_NS;
}

static inline u64 policy_use_ahead(u64 ahead_ns, u64 ran_ns)
{
	return ahead_ns > ran_ns ? ahead_ns - ran_ns : 0;
}

static inline bool policy_is_ahead(u64 ahead_ns)
{
	return ahead_ns >= POLICY_AHEAD_MIN_NS;
}

/* How long has it slept that went to sleep at @slept_at_ns? The clocks of two CPUs may differ by a little. */
static inline u64 policy_slept(u64 slept_at_ns, u64 until_ns)
{
	return policy_before(slept_at_ns, until_ns) ? until_ns - slept_at_ns : 0;
}

/*
 * The class by which the turn of a task is reckoned. A thread of the game that is not ahead computes without sleep: it
 * loads or compiles, and there may be several for each CPU. It is charged by the game's weight, but its deadline is that
 * of anybody: no lead on those that make frames and sound. So a lead has an end, and nobody has to catch up with it.
 */
static inline enum arcade_class policy_turn(enum arcade_class class, u64 ahead_ns)
{
	return policy_is_game(class) && !policy_is_ahead(ahead_ns) ? ARCADE_CLASS_NORMAL : class;
}

/* How much earlier than a NORMAL one a deadline of @class is. */
static inline s64 policy_lead(enum arcade_class class)
{
	switch (class) {
	case ARCADE_CLASS_CHAIN:
		return POLICY_CHAIN_LEAD_NS;
	case ARCADE_CLASS_FRAME:
		return POLICY_FRAME_LEAD_NS;
	case ARCADE_CLASS_GAME:
		return POLICY_GAME_LEAD_NS;
	case ARCADE_CLASS_BACKGROUND:
		return -(s64)POLICY_BACKGROUND_LAG_NS;
	default:
		return 0;
	}
}

/* Upper bound of a task's own weight: nice -20, 100 times that of a cgroup, of the game. */
#define POLICY_WEIGHT_MAX 10000000u

/* What a further group of @weight (0: none given) makes of a product of weights. */
static inline u32 policy_group_weight(u32 product, u32 weight, bool is_idle)
{
	u64 result = (u64)product * (is_idle ? 1 : weight ? weight : POLICY_WEIGHT_DEFAULT) / POLICY_WEIGHT_DEFAULT;

	return result < 1 ? 1 : result > 10000 ? 10000 : result;
}

/*
 * A product of groups' weights up to this is to a group what nice 10 is to a thread: the kernel's table gives nice 10 the
 * weight 110 of 1024, which is 11 of 100.
 */
#define POLICY_GROUP_BACKGROUND_WEIGHT 11u

/* @weight: that product, 0: not looked up. */
static inline bool policy_group_is_background(u32 weight, bool is_idle)
{
	return is_idle || (weight && weight <= POLICY_GROUP_BACKGROUND_WEIGHT);
}

/* The weight by which a task is charged. @weight: its own; @group_weight: the product of its groups, 0: unknown. */
static inline u32 policy_weight(u32 weight, u32 group_weight, bool is_game)
{
	if (group_weight && group_weight != POLICY_WEIGHT_DEFAULT)
		weight = (u64)weight * group_weight / POLICY_WEIGHT_DEFAULT;
	if (is_game)
		weight *= POLICY_GAME_WEIGHT_FACTOR;
	if (weight > POLICY_WEIGHT_MAX)
		return POLICY_WEIGHT_MAX;
	return weight ? weight : 1;
}

/*
 * The vtime with which a task enters a queue whose clock shows @clock. One of low weight waits until the others have gone
 * ahead by its own virtual slice: so much credit it needs, or it would lose a part of each turn. (BACKGROUND has a lag on
 * top, and loses that.) @is_loader: a thread of the game without a lead, see policy_turn(). It is owed as much CPU time as
 * anybody; by the game's weight it would be nine times that, for each of them, before the one that makes frames has its
 * turn. But its deadline is an ordinary thread's, so it needs the credit for one slice of that.
 */
static inline u64 policy_clamp_vtime(u64 vtime, u64 clock, u64 slice_ns, u32 weight, bool is_loader)
{
	u64 virtual_slice_ns = policy_virtual(slice_ns, weight), debt_ns = POLICY_DEBT_SLICES * virtual_slice_ns;
	u64 credit_ns = virtual_slice_ns > POLICY_CREDIT_NS ? virtual_slice_ns : POLICY_CREDIT_NS;

	if (is_loader) {
		u64 turn_ns = policy_virtual(slice_ns, weight / POLICY_GAME_WEIGHT_FACTOR);

		credit_ns /= POLICY_GAME_WEIGHT_FACTOR;
		if (credit_ns < turn_ns)
			credit_ns = turn_ns;
	}
	if (debt_ns > POLICY_DEBT_MAX_NS)
		debt_ns = POLICY_DEBT_MAX_NS;
	if (credit_ns > POLICY_DEBT_MAX_NS)
		credit_ns = POLICY_DEBT_MAX_NS;
	if (policy_before(vtime, clock - credit_ns))
		return clock - credit_ns;
	if (policy_before(clock + debt_ns, vtime))
		return clock + debt_ns;
	return vtime;
}

/*
 * A chain member's debt does not count: it ran ahead because we let it, and its budget bounds how far. Otherwise the
 * reader of a fast mouse would come last as soon as it cannot preempt.
 */
static inline u64 policy_deadline(u64 vtime, u64 clock, u64 slice_ns, u32 weight, enum arcade_class class)
{
	/* Nor does its weight: the cause is the player's. */
	if (class == ARCADE_CLASS_CHAIN)
		return (policy_before(clock, vtime) ? clock : vtime) - policy_lead(class);
	return vtime + policy_virtual(slice_ns, weight) - policy_lead(class);
}

/*
 * The clock when a task starts to run in its turn, while others wait: where it starts. A member runs by its cause, not by
 * its vtime.
 */
static inline u64 policy_clock(u64 clock, u64 vtime, enum arcade_class class)
{
	if (class == ARCADE_CLASS_CHAIN)
		return clock;
	return policy_max_time(clock, vtime);
}

/*
 * The clock after a task has run for @ran_ns to @vtime while nobody waited: no faster than time. One of low weight that has
 * a CPU for itself goes ahead a hundred times as fast, and would leave everybody else at the end of his credit.
 */
static inline u64 policy_clock_alone(u64 clock, u64 vtime, u64 ran_ns, enum arcade_class class)
{
	u64 limit = clock + ran_ns;

	vtime = policy_clock(clock, vtime, class);
	return policy_before(limit, vtime) ? limit : vtime;
}

/* @nvcsw: the task's count now. Cheap part first: for most tasks it is also the last. */
static inline bool policy_chain_joined(const struct policy_chain *chain, u64 nvcsw)
{
	return chain->hop && chain->nvcsw == nvcsw;
}

static inline bool policy_chain_live(const struct policy_chain *chain, u64 nvcsw, u64 now_ns, u64 budget_ns)
{
	return policy_chain_joined(chain, nvcsw) && policy_before(now_ns, chain->expires_ns) &&
	       chain->ran_ns < budget_ns;
}

static inline void policy_chain_start(struct policy_chain *wakee, u64 wakee_nvcsw, enum arcade_root root, u32 lane,
				      u64 root_ns, u64 ttl_ns)
{
	wakee->root_ns = root_ns;
	wakee->expires_ns = root_ns + ttl_ns;
	wakee->nvcsw = wakee_nvcsw;
	wakee->ran_ns = 0;
	wakee->root = root;
	wakee->lane = lane;
	wakee->hop = 1;
	wakee->by_habit = false;
	wakee->gave_cpu = false;
	wakee->nr_handed_on = 0;
}

/* Share of a CPU, as divisor, that a stream of events gives back of its reader's budget. */
#define POLICY_RENEW_DIVISOR 2
/* Beyond the first hop: of 1024, how much of what wakes a thread must come down a chain. */
#define POLICY_RENEW_SHARE 512

/*
 * Another event came at @root_ns in the lane of a member. The reader is reading it now or soon, so his chain is that
 * event's from here on. So is that of a thread further down which is woken by little else (@share, see policy_learn()):
 * behind its work, it does not sleep, nobody wakes it, and it would lose its place just when it needs it. Of the budget
 * half of the time between the two events comes back: who never sleeps keeps half a CPU, not a whole one. Return: that
 * half. It is as good as sleep (policy_burst()): with nothing but a budget, he would wait for everybody's turn whenever
 * that is used up.
 */
static inline u64 policy_chain_renew(struct policy_chain *chain, u16 share, u64 root_ns, u64 ttl_ns)
{
	u64 back_ns;

	if ((chain->hop != 1 && share < POLICY_RENEW_SHARE) || !policy_before(chain->root_ns, root_ns))
		return 0;
	back_ns = (root_ns - chain->root_ns) / POLICY_RENEW_DIVISOR;
	chain->ran_ns = chain->ran_ns > back_ns ? chain->ran_ns - back_ns : 0;
	chain->root_ns = root_ns;
	chain->expires_ns = root_ns + ttl_ns;
	chain->nr_handed_on = 0;
	return back_ns;
}

/*
 * A thread that chains lead to as a rule was woken by something else this time, has used up its burst, and so is behind:
 * the events that came since then wait for it, but cannot wake it. It is theirs from here on, as if the first of them had
 * found it asleep. Otherwise it would stay behind for as long as there are hogs: it does not sleep, so nobody marks it.
 * Return: is it a member again?
 */
static inline bool policy_chain_rejoin(struct policy_chain *chain, u16 share, u64 burst_ns, u64 nvcsw, u64 root_ns)
{
	if (share < POLICY_RENEW_SHARE || burst_ns || !chain->hop || !policy_before(chain->root_ns, root_ns))
		return false;
	chain->nvcsw = nvcsw;
	chain->by_habit = true;
	chain->gave_cpu = false;
	return true;
}

/* Was the activation that ends a member's by its wakeup? What follows from the habit must not strengthen it. */
static inline bool policy_chain_was_woken(const struct policy_chain *chain, u64 nvcsw)
{
	return policy_chain_joined(chain, nvcsw) && !chain->by_habit;
}

/*
 * A member that goes to sleep within this time of being woken hands its CPU on with the chain: whom it wakes waits for it,
 * rather than that another CPU is interrupted, which takes longer than a short rest of the waker's work and displaces
 * somebody.
 */
#define POLICY_HAND_OVER_NS (100 * POLICY_NS_PER_US)
#define POLICY_RUN_SHIFT    6
#define POLICY_RUN_MAX_NS   (1000 * POLICY_NS_PER_MS)

/*
 * CPU time that a member uses until it sleeps, at most: a longer activation counts at once, and is forgotten by a 64th with
 * each that is shorter. A compositor that paints at 60 Hz, with every 133rd packet of an 8 kHz mouse, is not short.
 */
static inline u32 policy_learn_run(u32 longest_ns, u64 ran_ns)
{
	u32 ran = ran_ns < POLICY_RUN_MAX_NS ? ran_ns : POLICY_RUN_MAX_NS;

	return ran >= longest_ns ? ran : longest_ns - ((longest_ns - ran) >> POLICY_RUN_SHIFT);
}

/*
 * Does @wakee, a member that no idle CPU was found for, wait for the CPU of its waker? Once per activation: the next would
 * wait for that one, too. @longest_ns: of the waker, 0: not known; @ran_ns: in this activation.
 */
static inline bool policy_hands_over(const struct policy_chain *waker, const struct policy_chain *wakee, u32 longest_ns,
				     u64 ran_ns)
{
	return longest_ns && longest_ns <= POLICY_HAND_OVER_NS && ran_ns <= POLICY_HAND_OVER_NS && !waker->gave_cpu &&
	       wakee->hop == waker->hop + 1 && wakee->root_ns == waker->root_ns;
}

/* The caller has checked hop and fan-out of the live @waker. */
static inline void policy_chain_hand_on(struct policy_chain *waker, struct policy_chain *wakee, u64 wakee_nvcsw)
{
	wakee->root_ns = waker->root_ns;
	wakee->expires_ns = waker->expires_ns;
	wakee->nvcsw = wakee_nvcsw;
	wakee->ran_ns = 0;
	wakee->root = waker->root;
	wakee->lane = waker->lane;
	wakee->hop = waker->hop + 1;
	wakee->by_habit = false;
	wakee->gave_cpu = false;
	wakee->nr_handed_on = 0;
	waker->nr_handed_on++;
}

/*
 * Token bucket in one word: the time at which it would be full again. A take is allowed while that is less than
 * @burst intervals ahead.
 */
static inline bool policy_bucket_take(u64 *full_at_ns, u64 now_ns, u64 interval_ns, u64 burst)
{
	u64 full_at = policy_max_time(*full_at_ns, now_ns);

	if (full_at - now_ns + interval_ns > burst * interval_ns)
		return false;
	*full_at_ns = full_at + interval_ns;
	return true;
}

#define POLICY_CHAIN_MAX_NS (ARCADE_MAX_CHAIN_MS * POLICY_NS_PER_MS)

/*
 * A member yields only to the one of an earlier cause, and to one that a period of sound has caused: a buffer that runs dry is
 * heard, and to fill it takes a moment. Otherwise that would wait for members of older packets that compute for milliseconds.
 */
static inline u64 policy_chain_order(const struct policy_chain *chain)
{
	return chain->root_ns - (chain->root == ARCADE_ROOT_AUDIO ? POLICY_CHAIN_MAX_NS : 0);
}

/* What is known of the task that runs on a busy CPU. */
struct policy_victim {
	u64 deadline;		/* by the clock of its LLC */
	u64 order_ns;		/* of a chain member, see policy_chain_order() */
	u64 started_ns;
	u32 class;		/* enum arcade_class; NONE: nothing that could be taken */
};

/*
 * By how much comes the wakee before the victim? The CPU with the most yields. @deadline_diff: the victim's deadline less
 * the wakee's, both relative to the clocks of their LLCs. Return: <= 0 if the victim keeps its CPU.
 */
static inline s64 policy_preempt_gain(const struct policy_victim *victim, s64 deadline_diff, u64 now_ns,
				      enum arcade_class class, u64 order_ns, bool other_llc)
{
	u64 ran_ns = now_ns - victim->started_ns;

	if (victim->class == ARCADE_CLASS_NONE || class == ARCADE_CLASS_BACKGROUND)
		return 0;
	if (victim->class == ARCADE_CLASS_CHAIN)
		return class == ARCADE_CLASS_CHAIN && policy_before(order_ns, victim->order_ns) ? 1 : 0;
	if (class <= victim->class && (s64)ran_ns < (s64)POLICY_PROTECT_NS &&
	    deadline_diff < (s64)POLICY_PROTECT_GAIN_NS)
		return 0;
	return other_llc ? deadline_diff - (s64)POLICY_OTHER_LLC_NS : deadline_diff;
}

/*
 * Which threads make the frames? Those that chains lead to. @share: of 1024, over the last dozen activations of a thread,
 * those as member.
 */
#define POLICY_LEARN_SHIFT 4
#define POLICY_FRAME_SHARE 256

static inline u16 policy_learn(u16 share, bool was_member)
{
	if (was_member)
		return share + ((1024 - share) >> POLICY_LEARN_SHIFT) + 1 > 1024 ? 1024 : share + ((1024 - share) >> POLICY_LEARN_SHIFT) + 1;
	return share - ((share + (1 << POLICY_LEARN_SHIFT) - 1) >> POLICY_LEARN_SHIFT);
}

static inline bool policy_is_frame_thread(u16 share)
{
	return share >= POLICY_FRAME_SHARE;
}

/* Where a task looks for an idle CPU, of a machine whose CPUs are not alike. */
enum policy_search {
	POLICY_SEARCH_KERNEL,		/* near its last, as the kernel does */
	POLICY_SEARCH_FAST_FIRST,	/* from the largest cache and the fastest cores */
	POLICY_SEARCH_SLOW_FIRST,	/* from the other end */
};

/*
 * The game gets the best CPUs; while it is there, others stay out of its cache, and the background off its fast cores.
 * Without a game fast cores go first to everybody, and of several caches each task keeps its own.
 */
static inline enum policy_search policy_search(enum arcade_class class, bool is_game, bool game_is_known, u32 nr_llcs,
					       bool has_speeds)
{
	if (is_game)
		return POLICY_SEARCH_FAST_FIRST;
	if (class == ARCADE_CLASS_BACKGROUND)
		return POLICY_SEARCH_SLOW_FIRST;
	if (game_is_known && nr_llcs > 1 && class != ARCADE_CLASS_CHAIN)
		return POLICY_SEARCH_SLOW_FIRST;
	return has_speeds && nr_llcs == 1 ? POLICY_SEARCH_FAST_FIRST : POLICY_SEARCH_KERNEL;
}

/* Is the previous CPU as good as any? @is_home: it has the largest cache and full speed. */
static inline bool policy_is_kept(enum policy_search search, bool is_home)
{
	return search == POLICY_SEARCH_KERNEL || is_home == (search == POLICY_SEARCH_FAST_FIRST);
}

/*
 * A stick at rest is never still. It has moved when it is further than this from where it was when it last counted: a 32nd
 * of its way, more than sound sticks waver, or what the driver calls noise. Near the middle the driver's dead zone counts,
 * too. A driver may claim no more than a quarter of the way.
 */
#define POLICY_AXIS_SHIFT 5
#define POLICY_AXIS_MAX_SHIFT 2

static inline s64 policy_distance(s64 a, s64 b)
{
	return a < b ? b - a : a - b;
}

/* @acted: where the axis was when it last counted. The rest is the kernel's struct input_absinfo. */
static inline bool policy_axis_moved(s32 value, s32 acted, s32 minimum, s32 maximum, s32 fuzz, s32 flat)
{
	s64 way = (s64)maximum - minimum, middle, most, noise, dead;

	if (way <= 0)
		return value != acted;
	middle = minimum + (way >> 1);
	most = way >> POLICY_AXIS_MAX_SHIFT;
	noise = 2 * (s64)fuzz;
	if (noise < way >> POLICY_AXIS_SHIFT)
		noise = way >> POLICY_AXIS_SHIFT;
	if (noise > most)
		noise = most;
	dead = flat < most ? flat : most;
	if (policy_distance(value, acted) <= noise)
		return false;
	return policy_distance(value, middle) > dead || policy_distance(acted, middle) > dead;
}

#define POLICY_PERF_MAX 1024	/* the kernel's SCX_CPUPERF_ONE */

/* The speed that a CPU needs which was busy for @busy_ns of @window_ns: a quarter more. */
static inline u32 policy_perf(u64 busy_ns, u64 window_ns)
{
	u64 perf = busy_ns * (POLICY_PERF_MAX + POLICY_PERF_MAX / 4) / (window_ns ? window_ns : 1);

	return perf < POLICY_PERF_MAX ? perf : POLICY_PERF_MAX;
}

/* Bucket of a log2 histogram of microseconds. */
static inline u32 policy_hist_bucket(u64 ns)
{
	u64 us = ns / POLICY_NS_PER_US;
	u32 bucket = 0;

	for (int i = 0; i < ARCADE_HIST_BUCKETS - 1; i++) {
		if (!us)
			break;
		us >>= 1;
		bucket++;
	}
	return bucket;
}

/* The same with units of 1024 ns, and no division: for paths that every context switch takes. */
static inline u32 policy_log2_bucket(u64 ns)
{
	u32 units = ns >> 10, bucket = 1;

	if (ns >> (10 + ARCADE_HIST_BUCKETS - 2))
		return ARCADE_HIST_BUCKETS - 1;
	if (!units)
		return 0;
	if (units >= 1u << 16) {
		units >>= 16;
		bucket += 16;
	}
	if (units >= 1u << 8) {
		units >>= 8;
		bucket += 8;
	}
	if (units >= 1u << 4) {
		units >>= 4;
		bucket += 4;
	}
	if (units >= 1u << 2) {
		units >>= 2;
		bucket += 2;
	}
	return bucket + (units >> 1);
}

#endif
