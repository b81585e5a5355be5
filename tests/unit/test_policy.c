/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel half's arithmetic on the host, as it is: order, bounds and budgets for any input, also around the wrap of
 * the clocks. The inputs are generated; seeds are in the tests, so a failure comes again. Whole queues of generated
 * tasks are run by nothing but the policy (struct queue), to see who gets what and who waits how long.
 */
#include "unit.h"

#include "policy.h"
#include "util.h"

#define MS POLICY_NS_PER_MS
#define US POLICY_NS_PER_US

/* Clocks to test around: ordinary, and just before the wrap. */
static const u64 clocks[] = { 1000 * MS, 1ULL << 40, ~0ULL - 10 * MS, ~0ULL };

static void test_before_survives_the_wrap(void **state)
{
	assert_true(policy_before(1, 2));
	assert_false(policy_before(2, 1));
	assert_false(policy_before(2, 2));
	assert_true(policy_before(~0ULL, 5));
	assert_false(policy_before(5, ~0ULL));
}

static void test_vtime_follows_weight(void **state)
{
	assert_int_equal(policy_virtual(1000, 100), 1000);
	assert_int_equal(policy_virtual(1000, 200), 500);
	assert_int_equal(policy_virtual(1000, 1), 100000);
	/* A weight that cannot be must not divide by zero. */
	assert_int_equal(policy_virtual(1000, 0), 100000);
	for (u32 weight = 1; weight < 10000; weight++)
		assert_true(policy_virtual(1000000, weight) >= policy_virtual(1000000, weight + 1));
}

static u32 random_weight(struct unit_random *random)
{
	/* From nice 19 to nice -20, all magnitudes alike, and now and then any at all. */
	static const u32 weights[] = { 1, 2, 11, 33, 100, 100, 100, 300, 932, 2966, 8667, 10000 };

	if (unit_random_below(random, 8) == 0)
		return 1 + unit_random_below(random, 10000);
	return weights[unit_random_below(random, ARRAY_SIZE(weights))];
}

static enum arcade_class random_class(struct unit_random *random)
{
	return ARCADE_CLASS_BACKGROUND + unit_random_below(random, NR_ARCADE_CLASSES - ARCADE_CLASS_BACKGROUND);
}

static s64 abs_time(s64 diff)
{
	return diff < 0 ? -diff : diff;
}

static void test_weight_is_bounded(void **state)
{
	assert_int_equal(policy_weight(0, 0, false), 1);
	assert_int_equal(policy_weight(0, 0, true), 1);
	assert_int_equal(policy_weight(100, 0, false), 100);
	assert_int_equal(policy_weight(100, 0, true), 100 * POLICY_GAME_WEIGHT_FACTOR);
	/* The heaviest task of the heaviest cgroup. */
	assert_true(policy_weight(1000000, 0, true) <= POLICY_WEIGHT_MAX);
	/* A control group's weight multiplies, up to the same bound. */
	assert_int_equal(policy_weight(100, 100, false), 100);
	assert_int_equal(policy_weight(100, 25, false), 25);
	assert_int_equal(policy_weight(1, 1, false), 1);
	assert_int_equal(policy_weight(10000, 10000, true), 1000000 * POLICY_GAME_WEIGHT_FACTOR);
	assert_true(policy_weight(POLICY_WEIGHT_MAX, 10000, false) <= POLICY_WEIGHT_MAX);
	for (u32 weight = 1; weight < 2 * POLICY_WEIGHT_MAX; weight += weight / 5 + 1) {
		assert_true(policy_weight(weight, 0, true) >= policy_weight(weight, 0, false));
		assert_true(policy_weight(weight + 1, 0, true) >= policy_weight(weight, 0, true));
		assert_in_range(policy_weight(weight, 0, true), 1, POLICY_WEIGHT_MAX);
	}
}

static void test_group_weights_multiply(void **state)
{
	struct unit_random random = { .state = 12 };

	assert_int_equal(policy_group_weight(100, 0, false), 100);
	assert_int_equal(policy_group_weight(100, 100, false), 100);
	assert_int_equal(policy_group_weight(100, 50, false), 50);
	assert_int_equal(policy_group_weight(50, 50, false), 25);
	assert_int_equal(policy_group_weight(100, 10000, true), 1);
	for (int round = 0; round < FUZZ_ROUNDS; round++) {
		u32 product = 100;

		for (int level = 0; level < 10; level++) {
			u32 weight = unit_random_below(&random, 10001), heavier;

			heavier = policy_group_weight(product, weight + 1, false);
			if (weight)
				assert_true(heavier >= policy_group_weight(product, weight, false));
			product = policy_group_weight(product, weight, unit_random_below(&random, 10) == 0);
			assert_in_range(product, 1, 10000);
			assert_in_range(policy_weight(random_weight(&random), product, level & 1), 1, POLICY_WEIGHT_MAX);
		}
	}
}

/* @vtime is within credit and debt of @clock. */
static void check_lag(u64 vtime, u64 clock, u64 slice_ns, u32 weight, bool is_loader)
{
	u64 debt_ns = POLICY_DEBT_SLICES * policy_virtual(slice_ns, weight);
	u64 credit_ns = policy_virtual(slice_ns, weight);

	if (debt_ns > POLICY_DEBT_MAX_NS)
		debt_ns = POLICY_DEBT_MAX_NS;
	if (credit_ns < POLICY_CREDIT_NS)
		credit_ns = POLICY_CREDIT_NS;
	if (is_loader) {
		credit_ns /= POLICY_GAME_WEIGHT_FACTOR;
		if (credit_ns < policy_virtual(slice_ns, weight / POLICY_GAME_WEIGHT_FACTOR))
			credit_ns = policy_virtual(slice_ns, weight / POLICY_GAME_WEIGHT_FACTOR);
	}
	if (credit_ns > POLICY_DEBT_MAX_NS)
		credit_ns = POLICY_DEBT_MAX_NS;
	assert_false(policy_before(vtime, clock - credit_ns));
	assert_false(policy_before(clock + debt_ns, vtime));
}

static void test_background_groups(void **state)
{
	/* Of nice 10: 110 of 1024, of nice 9: 137. */
	assert_int_equal(POLICY_GROUP_BACKGROUND_WEIGHT, (110 * 100 + 512) / 1024);
	assert_true(POLICY_GROUP_BACKGROUND_WEIGHT < 137 * 100 / 1024);
	assert_true(policy_group_is_background(POLICY_GROUP_BACKGROUND_WEIGHT, false));
	assert_true(policy_group_is_background(1, false));
	assert_false(policy_group_is_background(POLICY_GROUP_BACKGROUND_WEIGHT + 1, false));
	assert_false(policy_group_is_background(100, false));
	/* Not looked up yet. */
	assert_false(policy_group_is_background(0, false));
	assert_true(policy_group_is_background(0, true));
	assert_true(policy_group_is_background(10000, true));
}

static void test_lag_is_bounded(void **state)
{
	struct unit_random random = { .state = 1 };

	for (int i = 0; i < FUZZ_ROUNDS; i++) {
		u64 clock = clocks[i % ARRAY_SIZE(clocks)];
		u64 vtime = clock + (s64)(unit_random_next(&random) >> 20) - (1LL << 43);
		u64 slice_ns = 250000 + unit_random_below(&random, 20000000);
		bool is_game = unit_random_below(&random, 2);
		u32 weight = policy_weight(random_weight(&random), 0, is_game);
		u64 clamped = policy_clamp_vtime(vtime, clock, slice_ns, weight, is_game);

		check_lag(clamped, clock, slice_ns, weight, is_game);
		/* Clamping twice changes nothing, and the order of two tasks never turns round. */
		assert_int_equal(policy_clamp_vtime(clamped, clock, slice_ns, weight, is_game), clamped);
		assert_false(policy_before(policy_clamp_vtime(vtime + MS, clock, slice_ns, weight, is_game), clamped));
		/* Whoever is within bounds stays where he is. */
		assert_int_equal(policy_clamp_vtime(clock, clock, slice_ns, weight, is_game), clock);
	}
}

/* Whatever a task does, and whatever the clocks of two LLCs do meanwhile. */
static void test_lag_stays_bounded(void **state)
{
	struct unit_random random = { .state = 11 };

	for (int round = 0; round < 200; round++) {
		u64 clock[2] = { clocks[round % ARRAY_SIZE(clocks)], unit_random_next(&random) };
		u32 base_weight = random_weight(&random), llc = 0;
		u64 vtime = clock[0], burst_ns = 0, ran_ns;
		bool is_game = false;

		for (int step = 0; step < 100; step++) {
			u32 weight = policy_weight(base_weight, 0, is_game), to = unit_random_below(&random, 2);

			switch (unit_random_below(&random, 6)) {
			case 0: /* runs, however long without a tick */
				ran_ns = unit_random_below(&random, 2000000000);
				vtime += policy_virtual(policy_charge(ran_ns, &burst_ns), weight);
				clock[llc] = policy_clock_alone(clock[llc], vtime, ran_ns, random_class(&random));
				break;
			case 1: /* sleeps for up to minutes, while others run */
				clock[llc] += unit_random_next(&random) >> 28;
				burst_ns = policy_burst(unit_random_next(&random) >> 28);
				break;
			case 2: /* the other LLC's clock runs faster */
				clock[1 - llc] += unit_random_next(&random) >> 26;
				break;
			case 3:
				vtime += clock[to] - clock[llc];
				llc = to;
				break;
			case 4: /* a game is found, or ends */
				is_game = !is_game;
				weight = policy_weight(base_weight, 0, is_game);
				break;
			default:
				clock[llc] = policy_clock(clock[llc], vtime, random_class(&random));
			}
			vtime = policy_clamp_vtime(vtime, clock[llc], 3 * MS, weight, is_game);
			check_lag(vtime, clock[llc], 3 * MS, weight, is_game);
			assert_true(burst_ns <= POLICY_BURST_MAX_NS);
		}
	}
}

static void test_class_order(void **state)
{
	struct unit_random random = { .state = 2 };

	for (int i = 0; i < FUZZ_ROUNDS; i++) {
		u64 clock = clocks[i % ARRAY_SIZE(clocks)];
		u64 slice = 250000 + unit_random_below(&random, 20000000);
		u64 debt = unit_random_below(&random, 6000000);
		u64 member = policy_deadline(clock + debt, clock, slice, 100, ARCADE_CLASS_CHAIN);
		u64 sleeper = policy_deadline(clock - POLICY_CREDIT_NS, clock, slice, 100, ARCADE_CLASS_NORMAL);
		u64 vtime = clock + (s64)unit_random_below(&random, 40000000) - (s64)POLICY_CREDIT_NS;
		u32 weight = random_weight(&random);

		/* With equal lag and weight, the class decides, and BACKGROUND is last. */
		for (int class = ARCADE_CLASS_BACKGROUND; class < ARCADE_CLASS_CHAIN; class++)
			assert_true(policy_before(policy_deadline(vtime, clock, slice, weight, class + 1),
						  policy_deadline(vtime, clock, slice, weight, class)));
		/* Nothing about a member but its lag counts, and of that only what it is owed. */
		assert_int_equal(policy_deadline(vtime, clock, slice, weight, ARCADE_CLASS_CHAIN),
				 policy_deadline(vtime, clock, 3 * MS, 100, ARCADE_CLASS_CHAIN));
		assert_int_equal(policy_deadline(vtime, clock, slice, weight, ARCADE_CLASS_CHAIN),
				 (policy_before(vtime, clock) ? vtime : clock) - POLICY_CHAIN_LEAD_NS);
		/* In one class, lag decides; with equal lag, who asks for less. */
		assert_false(policy_before(policy_deadline(vtime + 1, clock, slice, weight, ARCADE_CLASS_NORMAL),
					   policy_deadline(vtime, clock, slice, weight, ARCADE_CLASS_NORMAL)));
		assert_false(policy_before(policy_deadline(vtime, clock, slice, weight, ARCADE_CLASS_NORMAL),
					   policy_deadline(vtime, clock, slice, weight + 1, ARCADE_CLASS_NORMAL)));

		/* A member comes before a sleeper with all its credit, whatever it owes, … */
		assert_true(policy_before(member, sleeper));
		/* … of nice 19 or not, … */
		assert_int_equal(policy_deadline(clock + debt, clock, slice, weight, ARCADE_CLASS_CHAIN), member);
		/* … and before the game's, whatever is owed to it; … */
		for (int class = ARCADE_CLASS_GAME; class <= ARCADE_CLASS_FRAME; class++)
			assert_true(policy_before(member, policy_deadline(clock - POLICY_CREDIT_NS, clock, slice,
									  policy_weight(100, 0, true), class)));
		/* … but not before one that has waited: members are not above the law. */
		assert_true(policy_before(policy_deadline(clock - 2 * POLICY_CHAIN_LEAD_NS, clock, slice, 100,
							  ARCADE_CLASS_NORMAL), member));
	}
}

static void test_charge_is_bounded(void **state)
{
	struct unit_random random = { .state = 4 };

	for (int round = 0; round < FUZZ_ROUNDS; round++) {
		u64 burst_ns = 0, ran_ns = 0, slept_ns = 0, charged_ns = 0, nr_charges = 0;

		for (int step = 0; step < 50; step++) {
			if (unit_random_below(&random, 3) == 0) {
				u64 sleep_ns = unit_random_below(&random, 30000000);

				slept_ns += sleep_ns;
				burst_ns = policy_burst(sleep_ns);
				assert_true(burst_ns <= sleep_ns && burst_ns <= POLICY_BURST_MAX_NS);
				continue;
			}
			u64 run_ns = unit_random_below(&random, unit_random_below(&random, 2) ? 15000000 : 1000);
			u64 before_ns = burst_ns, charge_ns = policy_charge(run_ns, &burst_ns);

			assert_true(charge_ns >= run_ns / POLICY_BURST_DIVISOR && charge_ns <= run_ns);
			assert_true(burst_ns <= before_ns && before_ns - burst_ns <= run_ns);
			/* Without a burst it pays in full. */
			if (!before_ns)
				assert_int_equal(charge_ns, run_ns);
			ran_ns += run_ns;
			charged_ns += charge_ns;
			nr_charges++;
			/* Nobody gets more than three quarters of the time he slept for nothing, but for what is rounded off. */
			assert_true(charged_ns + slept_ns * 3 / 4 + nr_charges >= ran_ns);
		}
	}
}

static void test_clock_never_goes_back(void **state)
{
	struct unit_random random = { .state = 5 };

	for (int i = 0; i < FUZZ_ROUNDS; i++) {
		u64 clock = clocks[i % ARRAY_SIZE(clocks)];

		for (int step = 0; step < 20; step++) {
			u64 vtime = clock + (s64)unit_random_below(&random, 1000000000) - 500 * (s64)MS;
			enum arcade_class class = random_class(&random);
			u64 next = policy_clock(clock, vtime, class);

			assert_false(policy_before(next, clock));
			/* Never beyond the task that it follows, and not at all for a member. */
			if (next != clock)
				assert_false(policy_before(vtime, next));
			if (class == ARCADE_CLASS_CHAIN)
				assert_int_equal(next, clock);
			else
				assert_int_equal(next, policy_max_time(clock, vtime));
			clock = next;
		}
	}
}

/* Where nobody waits the clock follows whoever runs, never beyond him, and no faster than time. */
static void test_clock_alone_is_no_faster_than_time(void **state)
{
	struct unit_random random = { .state = 13 };

	for (int i = 0; i < FUZZ_ROUNDS; i++) {
		u64 clock = clocks[i % ARRAY_SIZE(clocks)];

		for (int step = 0; step < 20; step++) {
			u64 run_ns = unit_random_below(&random, 10000000);
			u64 vtime = clock + (s64)unit_random_below(&random, 1000000000) - 500 * (s64)MS;
			enum arcade_class class = random_class(&random);
			u64 next = policy_clock_alone(clock, vtime, run_ns, class);

			assert_false(policy_before(next, clock));
			assert_true(next - clock <= run_ns);
			if (next != clock)
				assert_false(policy_before(vtime, next));
			if (class == ARCADE_CLASS_CHAIN)
				assert_int_equal(next, clock);
			if (class == ARCADE_CLASS_NORMAL && !policy_before(vtime, clock + run_ns))
				assert_int_equal(next, clock + run_ns);
			clock = next;
		}
	}
	/* One of nice 19 that has a CPU for itself is a hundred times as fast as time: the clock goes with time. */
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		u64 clock = clocks[i], vtime = clock;

		for (int ms = 0; ms < 1000; ms++) {
			vtime = policy_clamp_vtime(vtime + policy_virtual(MS, 1), clock, 3 * MS, 1, false);
			clock = policy_clock_alone(clock, vtime, MS, ARCADE_CLASS_NORMAL);
		}
		assert_int_equal(clock - clocks[i], 1000 * MS);
	}
}

static void test_learning_converges(void **state)
{
	/* From everywhere, and both ways. */
	for (int start = 0; start <= 1024; start++) {
		u16 up = start, down = start;

		for (int i = 0; i < 200; i++) {
			u16 next_up = policy_learn(up, true), next_down = policy_learn(down, false);

			assert_true(next_up <= 1024 && next_down <= 1024);
			assert_true(up == 1024 ? next_up == 1024 : next_up > up);
			assert_true(down == 0 ? next_down == 0 : next_down < down);
			up = next_up;
			down = next_down;
		}
		assert_int_equal(up, 1024);
		assert_int_equal(down, 0);
	}
	/* A thread that every second activation of which belongs to a chain is a frame thread, one of twenty is not. */
	struct unit_random random = { .state = 6 };
	u16 often = 0, seldom = 0;
	u64 nr_often = 0, nr_seldom = 0;

	for (int i = 0; i < FUZZ_ROUNDS; i++) {
		often = policy_learn(often, unit_random_below(&random, 2) == 0);
		seldom = policy_learn(seldom, unit_random_below(&random, 20) == 0);
		nr_often += policy_is_frame_thread(often);
		nr_seldom += policy_is_frame_thread(seldom);
	}
	assert_true(nr_often > FUZZ_ROUNDS * 97 / 100);
	assert_true(nr_seldom < FUZZ_ROUNDS * 3 / 100);
}

static void test_chain_ends(void **state)
{
	struct policy_chain chain = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		u64 root = clocks[i];

		assert_false(policy_chain_live(&(struct policy_chain){ 0 }, 0, root, 4 * MS));
		policy_chain_start(&chain, 17, ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE, root, 33 * MS);
		assert_int_equal(chain.hop, 1);
		assert_true(policy_chain_live(&chain, 17, root, 4 * MS));
		assert_true(policy_chain_live(&chain, 17, root + 33 * MS - 1, 4 * MS));
		/* With its time, … */
		assert_false(policy_chain_live(&chain, 17, root + 33 * MS, 4 * MS));
		/* … with the next sleep, … */
		assert_false(policy_chain_live(&chain, 18, root, 4 * MS));
		/* … with its budget. */
		chain.ran_ns = 4 * MS;
		assert_false(policy_chain_live(&chain, 17, root, 4 * MS));
	}
}

static void test_chain_hands_on_the_root(void **state)
{
	struct policy_chain waker, wakee;

	policy_chain_start(&waker, 3, ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE, 500 * MS, 33 * MS);
	waker.ran_ns = 1 * MS;
	for (int hop = 2; hop <= ARCADE_MAX_HOPS; hop++) {
		policy_chain_hand_on(&waker, &wakee, 100 + hop);
		assert_int_equal(waker.nr_handed_on, 1);
		assert_int_equal(wakee.hop, hop);
		assert_int_equal(wakee.root_ns, 500 * MS);
		assert_int_equal(wakee.expires_ns, 533 * MS);
		/* A budget of its own, and a count of its own. */
		assert_int_equal(wakee.ran_ns, 0);
		assert_int_equal(wakee.nr_handed_on, 0);
		waker = wakee;
	}
}

static void test_chain_hands_the_cpu_on(void **state)
{
	const u64 short_ns = POLICY_HAND_OVER_NS;
	struct policy_chain waker, wakee, second;
	u32 longest_ns;

	policy_chain_start(&waker, 3, ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE, 500 * MS, 33 * MS);
	policy_chain_hand_on(&waker, &wakee, 7);
	/* Who is not known to be short, is known not to be, or is not short this time, keeps nobody waiting. */
	assert_false(policy_hands_over(&waker, &wakee, 0, 0));
	assert_false(policy_hands_over(&waker, &wakee, short_ns + 1, 0));
	assert_false(policy_hands_over(&waker, &wakee, short_ns, short_ns + 1));
	assert_true(policy_hands_over(&waker, &wakee, short_ns, short_ns));
	/* The second would wait for the first, also if another event has come meanwhile. */
	waker.gave_cpu = true;
	policy_chain_hand_on(&waker, &second, 7);
	assert_false(policy_hands_over(&waker, &second, 1, 1));
	policy_chain_renew(&waker, 0, 501 * MS, 33 * MS);
	policy_chain_hand_on(&waker, &second, 7);
	assert_false(policy_hands_over(&waker, &second, 1, 1));
	/* One that is a member by somebody else. */
	policy_chain_start(&waker, 4, ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE, 600 * MS, 33 * MS);
	assert_false(policy_hands_over(&waker, &wakee, 1, 1));
	assert_false(policy_hands_over(&wakee, &waker, 1, 1));
	policy_chain_hand_on(&waker, &second, 8);
	assert_true(policy_hands_over(&waker, &second, 1, 1));
	second.gave_cpu = true;
	policy_chain_hand_on(&waker, &second, 9);
	assert_false(second.gave_cpu);

	/* A long activation counts at once, and is forgotten after some 250 short ones, not within a frame of an 8 kHz mouse. */
	longest_ns = policy_learn_run(0, 40 * US);
	assert_int_equal(longest_ns, 40 * US);
	longest_ns = policy_learn_run(longest_ns, 3 * MS);
	assert_int_equal(longest_ns, 3 * MS);
	for (int i = 0; i < 134; i++)
		longest_ns = policy_learn_run(longest_ns, 40 * US);
	assert_true(longest_ns > short_ns);
	for (int i = 0; i < 134; i++)
		longest_ns = policy_learn_run(longest_ns, 40 * US);
	assert_true(longest_ns <= short_ns && longest_ns >= 40 * US);
	assert_int_equal(policy_learn_run(longest_ns, UINT64_MAX), POLICY_RUN_MAX_NS);
}

static void test_busy_reader_lives_on(void **state)
{
	struct policy_chain chain, other;

	policy_chain_start(&chain, 9, ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE, 100 * MS, 33 * MS);
	chain.ran_ns = 4 * MS;
	chain.nr_handed_on = 8;
	/* An event from before says nothing new. */
	policy_chain_renew(&chain, 0, 100 * MS, 33 * MS);
	policy_chain_renew(&chain, 0, 99 * MS, 33 * MS);
	assert_false(policy_chain_live(&chain, 9, 101 * MS, 4 * MS));
	policy_chain_renew(&chain, 0, 102 * MS, 33 * MS);
	assert_true(policy_chain_live(&chain, 9, 102 * MS, 4 * MS));
	assert_int_equal(chain.root_ns, 102 * MS);
	assert_int_equal(chain.ran_ns, 3 * MS);
	assert_int_equal(chain.nr_handed_on, 0);
	/* Not beyond its activation, and further down only for those whom chains wake as a rule. */
	assert_false(policy_chain_live(&chain, 10, 102 * MS, 4 * MS));
	policy_chain_hand_on(&chain, &other, 5);
	policy_chain_renew(&other, POLICY_RENEW_SHARE - 1, 110 * MS, 33 * MS);
	assert_int_equal(other.root_ns, 102 * MS);
	policy_chain_renew(&other, POLICY_RENEW_SHARE, 110 * MS, 33 * MS);
	assert_int_equal(other.root_ns, 110 * MS);
	assert_true(policy_chain_live(&other, 5, 142 * MS, 4 * MS));
	assert_false(policy_chain_live(&other, 6, 142 * MS, 4 * MS));

	/* A reader that never sleeps under a steady stream gets half a CPU as member, not more. */
	u64 as_member = 0, now = 200 * MS;
	policy_chain_start(&chain, 9, ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE, now, 33 * MS);
	for (int i = 0; i < 10000; i++, now += MS) {
		policy_chain_renew(&chain, 0, now, 33 * MS);
		if (policy_chain_live(&chain, 9, now, 4 * MS)) {
			as_member += MS;
			chain.ran_ns += MS;
		}
	}
	assert_true(as_member <= 10000 * MS / POLICY_RENEW_DIVISOR + 5 * MS);
	assert_true(as_member >= 10000 * MS / POLICY_RENEW_DIVISOR - 5 * MS);
}

static void test_bucket_keeps_its_rate(void **state)
{
	struct unit_random random = { .state = 3 };

	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		const u64 interval = 125000, burst = 16, start = clocks[i];
		u64 full_at = start, now = start, taken = 0;

		for (int round = 0; round < FUZZ_ROUNDS; round++) {
			now += unit_random_below(&random, 100000);
			taken += policy_bucket_take(&full_at, now, interval, burst);
			assert_true(taken <= burst + (now - start) / interval + 1);
		}
		/* Somebody always asks, so it gives all it has. */
		assert_true(taken >= (now - start) / interval);
	}
	/* A burst of nothing gives nothing, and a long rest no more than a burst. */
	u64 full_at = 0, taken = 0;
	assert_false(policy_bucket_take(&full_at, 1000 * MS, 1000, 0));
	for (int i = 0; i < 100; i++)
		taken += policy_bucket_take(&full_at, 1000 * MS, 1000, 16);
	assert_int_equal(taken, 16);
}

static void test_preemption_gains(void **state)
{
	struct unit_random random = { .state = 7 };

	for (int i = 0; i < 20 * FUZZ_ROUNDS; i++) {
		u64 now_ns = clocks[i % ARRAY_SIZE(clocks)], order_ns = now_ns - unit_random_below(&random, 40000000);
		s64 ran_ns = (s64)unit_random_below(&random, 400000) - 100000;	/* clocks of two CPUs may differ */
		s64 diff = (s64)unit_random_below(&random, 200000000) - 100000000;
		enum arcade_class class = random_class(&random);
		struct policy_victim victim = {
			.class = unit_random_below(&random, NR_ARCADE_CLASSES),
			.order_ns = order_ns + (s64)unit_random_below(&random, 2001) - 1000,
			.started_ns = now_ns - ran_ns,
		};
		s64 gain = policy_preempt_gain(&victim, diff, now_ns, class, order_ns, false);
		s64 far = policy_preempt_gain(&victim, diff, now_ns, class, order_ns, true);

		/* Nothing of ours runs there: real-time, or nobody. */
		if (victim.class == ARCADE_CLASS_NONE || class == ARCADE_CLASS_BACKGROUND)
			assert_true(gain <= 0 && far <= 0);
		/* A member yields only to one who comes before him by his cause, and to no one who has none. */
		if (victim.class == ARCADE_CLASS_CHAIN &&
		    (class != ARCADE_CLASS_CHAIN || !policy_before(order_ns, victim.order_ns)))
			assert_true(gain <= 0 && far <= 0);
		/*
		 * Who has just got his CPU keeps it from his equals, but not from one who comes far before him or is of a
		 * higher class. To all others he yields by as much as he comes after them.
		 */
		if (victim.class != ARCADE_CLASS_CHAIN && victim.class != ARCADE_CLASS_NONE && class != ARCADE_CLASS_BACKGROUND) {
			if (ran_ns < (s64)POLICY_PROTECT_NS && class <= victim.class && diff < (s64)POLICY_PROTECT_GAIN_NS) {
				assert_true(gain <= 0 && far <= 0);
			} else {
				assert_true(gain == diff);
				assert_true(far == diff - (s64)POLICY_OTHER_LLC_NS);
			}
		}
		/* Nobody is taken by one who comes after him. */
		if (victim.class != ARCADE_CLASS_CHAIN && diff <= 0)
			assert_true(gain <= 0 && far <= 0);
		if (victim.class != ARCADE_CLASS_CHAIN && diff <= (s64)POLICY_OTHER_LLC_NS)
			assert_true(far <= 0);
		/* The other LLC is never better, and a later deadline never worse. */
		assert_true(far <= gain);
		assert_true(policy_preempt_gain(&victim, diff + 1, now_ns, class, order_ns, false) >= gain);
	}

	/* And it does happen. */
	struct policy_victim normal = { .class = ARCADE_CLASS_NORMAL, .started_ns = 10 * MS };
	struct policy_victim member = { .class = ARCADE_CLASS_CHAIN, .order_ns = 9 * MS, .started_ns = 10 * MS };

	assert_true(policy_preempt_gain(&normal, MS, 11 * MS, ARCADE_CLASS_NORMAL, 0, false) > 0);
	assert_true(policy_preempt_gain(&normal, 3 * MS, 11 * MS, ARCADE_CLASS_NORMAL, 0, true) > 0);
	assert_true(policy_preempt_gain(&normal, MS, 10 * MS, ARCADE_CLASS_CHAIN, 10 * MS, false) > 0);
	assert_true(policy_preempt_gain(&member, 0, 11 * MS, ARCADE_CLASS_CHAIN, 8 * MS, true) > 0);

	/* By cause, whatever its life; but a period of sound before all but those that were before it. */
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		const u64 first_ns = clocks[i];
		struct policy_chain chains[5] = {};

		policy_chain_start(&chains[0], 1, ARCADE_ROOT_AUDIO, ARCADE_LANE_OTHER, first_ns + 99 * MS, 20 * MS);
		policy_chain_start(&chains[1], 1, ARCADE_ROOT_AUDIO, ARCADE_LANE_OTHER, first_ns + 100 * MS, 5 * MS);
		policy_chain_start(&chains[2], 1, ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE, first_ns + MS, 100 * MS);
		policy_chain_start(&chains[3], 1, ARCADE_ROOT_VBLANK, ARCADE_LANE_OTHER, first_ns + 2 * MS, 16 * MS);
		policy_chain_start(&chains[4], 1, ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE, first_ns + 3 * MS, 5 * MS);
		for (size_t runs = 0; runs < ARRAY_SIZE(chains); runs++)
			for (size_t comes = 0; comes < ARRAY_SIZE(chains); comes++) {
				member.order_ns = policy_chain_order(&chains[runs]);
				assert_int_equal(policy_preempt_gain(&member, 0, first_ns + 100 * MS, ARCADE_CLASS_CHAIN,
								     policy_chain_order(&chains[comes]), false),
						 comes < runs);
			}
	}
}

/* The game searches from the best CPUs on every machine; who may disturb it never does. */
static void test_search_ends(void **state)
{
	for (int class = ARCADE_CLASS_BACKGROUND; class <= ARCADE_CLASS_CHAIN; class++)
		for (u32 nr_llcs = 1; nr_llcs <= 3; nr_llcs++)
			for (int has_speeds = 0; has_speeds <= 1; has_speeds++) {
				assert_int_equal(policy_search(class, true, true, nr_llcs, has_speeds),
						 POLICY_SEARCH_FAST_FIRST);
				if (class == ARCADE_CLASS_NORMAL && nr_llcs > 1)
					assert_int_equal(policy_search(class, false, true, nr_llcs, has_speeds),
							 POLICY_SEARCH_SLOW_FIRST);
				if (nr_llcs == 1 && !has_speeds && class != ARCADE_CLASS_BACKGROUND)
					assert_int_equal(policy_search(class, false, true, nr_llcs, has_speeds),
							 POLICY_SEARCH_KERNEL);
				/* Chains of others may go where the game is, but are not sent away from their cache. */
				if (class == ARCADE_CLASS_CHAIN)
					assert_int_not_equal(policy_search(class, false, true, nr_llcs, has_speeds),
							     POLICY_SEARCH_SLOW_FIRST);
			}
	assert_int_equal(policy_search(ARCADE_CLASS_BACKGROUND, false, true, 1, true), POLICY_SEARCH_SLOW_FIRST);
	/* The last CPU is kept if it is of the end that the search starts from. */
	assert_true(policy_is_kept(POLICY_SEARCH_FAST_FIRST, true));
	assert_false(policy_is_kept(POLICY_SEARCH_FAST_FIRST, false));
	assert_true(policy_is_kept(POLICY_SEARCH_SLOW_FIRST, false));
	assert_false(policy_is_kept(POLICY_SEARCH_SLOW_FIRST, true));
	assert_true(policy_is_kept(POLICY_SEARCH_KERNEL, true) && policy_is_kept(POLICY_SEARCH_KERNEL, false));
}

static void test_speed_follows_use(void **state)
{
	assert_int_equal(policy_perf(0, 16 * MS), 0);
	assert_int_equal(policy_perf(8 * MS, 16 * MS), POLICY_PERF_MAX * 5 / 8);
	assert_int_equal(policy_perf(16 * MS, 16 * MS), POLICY_PERF_MAX);
	assert_int_equal(policy_perf(MS, 0), POLICY_PERF_MAX);
	for (u64 busy_ns = 0; busy_ns < 20 * MS; busy_ns += 100000)
		assert_true(policy_perf(busy_ns, 16 * MS) <= policy_perf(busy_ns + 1000, 16 * MS) &&
			    policy_perf(busy_ns, 16 * MS) <= POLICY_PERF_MAX);
}

static void test_histogram_buckets(void **state)
{
	assert_int_equal(policy_hist_bucket(0), 0);
	assert_int_equal(policy_hist_bucket(999), 0);
	assert_int_equal(policy_hist_bucket(1000), 1);
	assert_int_equal(policy_hist_bucket(1999), 1);
	assert_int_equal(policy_hist_bucket(2000), 2);
	assert_int_equal(policy_hist_bucket(~0ULL), ARCADE_HIST_BUCKETS - 1);
	for (u64 ns = 1; ns < 1ULL << 62; ns += ns / 3 + 1)
		assert_true(policy_hist_bucket(ns) <= policy_hist_bucket(ns + ns / 3 + 1));
}

/* Bucket i holds what needs i bits, in units of 1024 ns. */
static void test_log2_buckets(void **state)
{
	struct unit_random random = { .state = 11 };

	for (int round = 0; round < FUZZ_ROUNDS; round++) {
		u64 ns = unit_random_next(&random) >> unit_random_below(&random, 64), units = ns >> 10;
		u32 bits = 0;

		while (units >> bits && bits < 64)
			bits++;
		if (bits > ARCADE_HIST_BUCKETS - 1)
			bits = ARCADE_HIST_BUCKETS - 1;
		assert_int_equal(policy_log2_bucket(ns), bits);
	}
	assert_int_equal(policy_log2_bucket(0), 0);
	assert_int_equal(policy_log2_bucket(1023), 0);
	assert_int_equal(policy_log2_bucket(1024), 1);
	assert_int_equal(policy_log2_bucket(~0ULL), ARCADE_HIST_BUCKETS - 1);
}

/* ---- whole queues ---- */

#define QUEUE_MAX_TASKS 64
#define QUEUE_SLICE_NS	(3 * MS)
/* The kernel half's rule: FAIR_WAIT_LONG_NS and its company in fair.bpf.h. */
#define QUEUE_WAIT_LONG_NS (200 * MS)
#define QUEUE_WAIT_MAX_NS (500 * MS)
#define QUEUE_AGE_CHECK_NS (20 * MS)
#define QUEUE_PUT_OFF_NS (60 * MS)
/* It looks at more tasks than there are here. */
#define QUEUE_AGE_CHECK_NR 256
_Static_assert(QUEUE_AGE_CHECK_NR >= QUEUE_MAX_TASKS, "all are looked at");

/* Computes run_ns (more or less), sleeps sleep_ns, and again; never sleeps if that is 0. */
struct queue_task {
	u32 base_weight;
	enum arcade_class class;
	u64 run_ns, sleep_ns;
	bool is_reader;		/* wakes as member of a chain */

	bool is_queued, is_running, has_slept;
	u64 vtime, deadline, burst_ns;
	u64 ahead_ns;
	u64 left_ns;		/* of this activation */
	u64 wakes_at_ns;	/* while asleep */
	u64 slept_at_ns, queued_at_ns;
	struct policy_chain chain;
	u64 nvcsw;

	u64 ran_ns, wait_max_ns, first_ran_ns;
};

/* One CPU and its queue: what fair.bpf.h does, without wakeup preemption, slices of 3 to 4 ms. */
struct queue {
	struct unit_random random;
	u64 now_ns, clock, looked_ns, start_ns;
	bool ages;
	int nr;
	struct queue_task tasks[QUEUE_MAX_TASKS];
};

static enum arcade_class queue_class(const struct queue *queue, const struct queue_task *task)
{
	return policy_chain_live(&task->chain, task->nvcsw, queue->now_ns, 4 * MS) ? ARCADE_CLASS_CHAIN : task->class;
}

static u32 queue_weight(const struct queue_task *task)
{
	return policy_weight(task->base_weight, 0, policy_is_game(task->class));
}

static u64 queue_vary(struct queue *queue, u64 ns)
{
	return ns ? ns / 2 + unit_random_next(&queue->random) % ns : 0;
}

/* What it has a lead for, with what the sleep that has ended has earned. */
static u64 queue_ahead(const struct queue_task *task)
{
	return task->has_slept ? policy_get_ahead(task->ahead_ns, policy_slept(task->slept_at_ns, task->wakes_at_ns))
			       : task->ahead_ns;
}

static void queue_settle(struct queue *queue, struct queue_task *task)
{
	task->vtime = policy_clamp_vtime(task->vtime, queue->clock, QUEUE_SLICE_NS, queue_weight(task),
					 policy_is_game(task->class) && !policy_is_ahead(queue_ahead(task)));
}

static void queue_insert(struct queue *queue, struct queue_task *task)
{
	enum arcade_class turn = policy_turn(queue_class(queue, task), queue_ahead(task));

	queue_settle(queue, task);
	task->deadline = policy_deadline(task->vtime, queue->clock, QUEUE_SLICE_NS,
					 policy_weight(task->base_weight, 0, policy_is_game(turn)), turn);
	task->queued_at_ns = queue->now_ns;
	task->is_queued = true;
}

static void queue_wake_sleepers(struct queue *queue)
{
	for (int i = 0; i < queue->nr; i++) {
		struct queue_task *task = &queue->tasks[i];

		if (task->is_queued || task->is_running || policy_before(queue->now_ns, task->wakes_at_ns))
			continue;
		task->burst_ns = policy_burst(queue->now_ns - task->slept_at_ns);
		task->left_ns = queue_vary(queue, task->run_ns);
		if (task->is_reader)
			policy_chain_start(&task->chain, task->nvcsw, ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE,
					   queue->now_ns, 33 * MS);
		queue_insert(queue, task);
	}
}

static struct queue_task *queue_earliest(struct queue *queue)
{
	struct queue_task *best = NULL;

	for (int i = 0; i < queue->nr; i++)
		if (queue->tasks[i].is_queued &&
		    (!best || policy_before(queue->tasks[i].deadline, best->deadline)))
			best = &queue->tasks[i];
	return best;
}

/* Does the player wait for the one who would be next? */
static bool queue_is_urgent(struct queue *queue)
{
	struct queue_task *next = queue_earliest(queue);

	return next && policy_turn(queue_class(queue, next), queue_ahead(next)) > ARCADE_CLASS_NORMAL;
}

/* The one that has waited longest, if that is long. Again at once as long as one has waited far too long. */
static struct queue_task *queue_aged(struct queue *queue)
{
	u64 longest_ns = QUEUE_WAIT_LONG_NS;
	struct queue_task *longest = NULL;

	if (!queue->ages ||
	    policy_before(queue->now_ns, queue->looked_ns + (queue_is_urgent(queue) ? QUEUE_PUT_OFF_NS : QUEUE_AGE_CHECK_NS)))
		return NULL;
	for (int i = 0; i < queue->nr; i++) {
		struct queue_task *task = &queue->tasks[i];

		if (!task->is_queued || queue->now_ns - task->queued_at_ns <= longest_ns)
			continue;
		longest_ns = queue->now_ns - task->queued_at_ns;
		longest = task;
	}
	if (!longest || longest_ns < QUEUE_WAIT_MAX_NS)
		queue->looked_ns = queue->now_ns;
	return longest;
}

static bool queue_has_waiting(const struct queue *queue)
{
	for (int i = 0; i < queue->nr; i++)
		if (queue->tasks[i].is_queued)
			return true;
	return false;
}

static void queue_run(struct queue *queue, struct queue_task *task, bool is_out_of_turn)
{
	u64 slice_ns = QUEUE_SLICE_NS + unit_random_below(&queue->random, 1000000);
	u64 ran_ns = task->sleep_ns && task->left_ns < slice_ns ? task->left_ns : slice_ns;
	u64 waited_ns = queue->now_ns - task->queued_at_ns;
	bool runs_on = false;

	if (waited_ns > task->wait_max_ns)
		task->wait_max_ns = waited_ns;
	if (!task->ran_ns)
		task->first_ran_ns = queue->now_ns;
	task->is_queued = false;
	task->is_running = true;
	task->ahead_ns = queue_ahead(task);
	task->has_slept = false;
	queue_settle(queue, task);
	if (!is_out_of_turn && queue_has_waiting(queue))
		queue->clock = policy_clock(queue->clock, task->vtime, queue_class(queue, task));
	queue->now_ns += ran_ns;
	task->ran_ns += ran_ns;
	task->chain.ran_ns += ran_ns;
	task->ahead_ns = policy_use_ahead(task->ahead_ns, ran_ns);
	task->vtime += policy_virtual(policy_charge(ran_ns, &task->burst_ns), queue_weight(task));
	if (!queue_has_waiting(queue))
		queue->clock = policy_clock_alone(queue->clock, task->vtime, ran_ns, queue_class(queue, task));
	if (task->sleep_ns && ran_ns == task->left_ns) {
		task->nvcsw++;
		task->slept_at_ns = queue->now_ns;
		task->has_slept = true;
		task->wakes_at_ns = queue->now_ns + queue_vary(queue, task->sleep_ns);
	} else {
		task->left_ns -= ran_ns;
		runs_on = true;
	}
	/* Who woke up meanwhile is in the queue before it. */
	queue_wake_sleepers(queue);
	task->is_running = false;
	if (runs_on)
		queue_insert(queue, task);
}

static void queue_play(struct queue *queue, u64 ns)
{
	queue->start_ns = queue->now_ns;
	while (policy_before(queue->now_ns, queue->start_ns + ns)) {
		struct queue_task *aged, *next;

		queue_wake_sleepers(queue);
		aged = queue_aged(queue);
		next = aged ? aged : queue_earliest(queue);
		if (next)
			queue_run(queue, next, aged != NULL);
		else
			queue->now_ns += 50000;
	}
	for (int i = 0; i < queue->nr; i++) {
		struct queue_task *task = &queue->tasks[i];

		if (task->is_queued && queue->now_ns - task->queued_at_ns > task->wait_max_ns)
			task->wait_max_ns = queue->now_ns - task->queued_at_ns;
	}
}

static struct queue_task *queue_add(struct queue *queue, u32 weight, enum arcade_class class, u64 run_ns, u64 sleep_ns)
{
	struct queue_task *task = &queue->tasks[queue->nr++];

	*task = (struct queue_task){
		.base_weight = weight, .class = class, .run_ns = run_ns, .sleep_ns = sleep_ns,
		.vtime = queue->clock, .wakes_at_ns = queue->now_ns, .slept_at_ns = queue->now_ns,
	};
	return task;
}

static void queue_init(struct queue *queue, u64 seed)
{
	*queue = (struct queue){ .random = { .state = seed }, .now_ns = clocks[seed % ARRAY_SIZE(clocks)] };
	queue->clock = unit_random_next(&queue->random);
}

static void queue_print(const struct queue *queue, int culprit)
{
	for (int i = 0; i < queue->nr; i++) {
		const struct queue_task *task = &queue->tasks[i];

		print_message("#   %c task %d: weight %u class %d runs %.2f sleeps %.2f ms%s: got %.1f ms, waited %.1f ms\n",
			      i == culprit ? '>' : ' ', i, task->base_weight, task->class, task->run_ns / 1e6,
			      task->sleep_ns / 1e6, task->is_reader ? " reader" : "", task->ran_ns / 1e6,
			      task->wait_max_ns / 1e6);
	}
}

/* No task of any weight, class and habit waits for more than a second, however many there are. */
static void test_nobody_starves(void **state)
{
	static struct queue queue;
	u64 longest_ns = 0;

	for (u64 seed = 1; seed <= 60; seed++) {
		int nr;

		queue_init(&queue, seed);
		queue.ages = true;
		nr = 2 + (int)unit_random_below(&queue.random, QUEUE_MAX_TASKS - 1);
		for (int i = 0; i < nr; i++) {
			bool sleeps = unit_random_below(&queue.random, 3) != 0;
			enum arcade_class class = ARCADE_CLASS_BACKGROUND + unit_random_below(&queue.random, 4);
			struct queue_task *task = queue_add(&queue, random_weight(&queue.random), class,
				1 + unit_random_below(&queue.random, unit_random_below(&queue.random, 2) ? 300000 : 8000000),
				sleeps ? 1 + unit_random_below(&queue.random, 30000000) : 0);

			task->is_reader = sleeps && unit_random_below(&queue.random, 8) == 0;
		}
		queue_play(&queue, 6000 * MS);
		for (int i = 0; i < nr; i++) {
			if (queue.tasks[i].wait_max_ns > longest_ns)
				longest_ns = queue.tasks[i].wait_max_ns;
			if (queue.tasks[i].wait_max_ns <= 1000 * MS)
				continue;
			print_message("# seed %d:\n", (int)seed);
			queue_print(&queue, i);
			fail();
		}
	}
	print_message("# figure: longest wait in a generated queue %.0f ms\n", longest_ns / 1e6);
}

/* Who has waited for long comes before hogs, but not before one whom the player waits for. */
static void test_the_old_wait_for_members(void **state)
{
	static struct queue queue;

	for (u64 seed = 1; seed <= 20; seed++) {
		struct queue_task *reader;

		queue_init(&queue, seed);
		queue.ages = true;
		reader = queue_add(&queue, 100, ARCADE_CLASS_NORMAL, MS / 5, 4 * MS);
		reader->is_reader = true;
		for (int i = 0; i < 3; i++)
			queue_add(&queue, 100, ARCADE_CLASS_NORMAL, 0, 0);
		for (int i = 0; i < 12; i++)
			queue_add(&queue, 1, ARCADE_CLASS_NORMAL, 0, 0);
		queue_play(&queue, 1000 * MS);
		reader->wait_max_ns = 0;
		queue_play(&queue, 5000 * MS);
		/* A turn of another would be a slice. */
		assert_true(reader->wait_max_ns < MS);
		for (int i = 4; i < queue.nr; i++)
			assert_true(queue.tasks[i].wait_max_ns > QUEUE_WAIT_LONG_NS && queue.tasks[i].wait_max_ns < 1000 * MS);
	}
}

/*
 * Among equals no ageing is needed. Whoever comes before a task has at most all the credit and its own slice to use up,
 * against the debt of the other, and pays no less than a quarter.
 */
static void test_equals_wait_for_a_round(void **state)
{
	static struct queue queue;

	for (u64 seed = 1; seed <= 60; seed++) {
		u64 bound_ns;
		int nr;

		queue_init(&queue, seed);
		nr = 2 + (int)unit_random_below(&queue.random, 23);
		for (int i = 0; i < nr; i++)
			queue_add(&queue, 100, ARCADE_CLASS_NORMAL, 1 + unit_random_below(&queue.random, 6000000),
				  unit_random_below(&queue.random, 3) ? 1 + unit_random_below(&queue.random, 20000000) : 0);
		queue_play(&queue, 4000 * MS);
		bound_ns = (u64)nr * (POLICY_BURST_DIVISOR * (POLICY_CREDIT_NS + 2 * QUEUE_SLICE_NS) + 4 * MS);
		for (int i = 0; i < nr; i++) {
			if (queue.tasks[i].wait_max_ns <= bound_ns)
				continue;
			print_message("# seed %d, bound %.1f ms:\n", (int)seed, bound_ns / 1e6);
			queue_print(&queue, i);
			fail();
		}
	}
}

/* Tasks of @range weights from @from on that only compute. Within a decade: what is further apart meets the bound of debt. */
static void check_shares(u64 seed, u32 from, u32 range)
{
	static struct queue queue;
	u64 sum = 0, total_ns = 0;
	int nr;

	queue_init(&queue, seed);
	nr = 2 + (int)unit_random_below(&queue.random, 7);
	for (int i = 0; i < nr; i++) {
		queue_add(&queue, from + unit_random_below(&queue.random, range), ARCADE_CLASS_NORMAL, 0, 0);
		sum += queue.tasks[i].base_weight;
	}
	queue_play(&queue, 60000 * MS);
	for (int i = 0; i < nr; i++)
		total_ns += queue.tasks[i].ran_ns;
	for (int i = 0; i < nr; i++) {
		u64 due_ns = total_ns / sum * queue.tasks[i].base_weight;

		if (queue.tasks[i].ran_ns > due_ns * 95 / 100 && queue.tasks[i].ran_ns < due_ns * 105 / 100)
			continue;
		print_message("# seed %d, due %.1f ms:\n", (int)seed, due_ns / 1e6);
		queue_print(&queue, i);
		fail();
	}
}

/* Tasks that only compute get shares as their weights are. */
static void test_shares_follow_weights(void **state)
{
	for (u64 seed = 1; seed <= 40; seed++)
		check_shares(seed, 33, 300);
}

/* Also where nobody is of nice 0. */
static void test_low_shares_follow_weights(void **state)
{
	for (u64 seed = 1; seed <= 40; seed++) {
		check_shares(seed, 9, 82);
		check_shares(seed, 20, 80);
	}
}

/* A thread of the game of @weight, with all the lead that there is, computes without sleeping beside @nr_hogs. */
static void check_lead(enum arcade_class class, u32 weight, int nr_hogs, u32 hog_weight)
{
	static struct queue queue;
	u64 total_ns = 0, due_ns, round_ns = (u64)nr_hogs * (4 + 4 * POLICY_GAME_WEIGHT_FACTOR) * MS;

	queue_init(&queue, (u64)nr_hogs);
	queue_add(&queue, weight, class, 0, 0)->ahead_ns = POLICY_AHEAD_MAX_NS;
	for (int i = 0; i < nr_hogs; i++)
		queue_add(&queue, hog_weight, ARCADE_CLASS_NORMAL, 0, 0);
	queue_play(&queue, 60000 * MS);
	for (int i = 1; i <= nr_hogs; i++) {
		assert_true(queue.tasks[i].ran_ns > 0);
		assert_true(queue.tasks[i].first_ran_ns - queue.start_ns <= POLICY_AHEAD_MAX_NS + 4 * MS + round_ns);
	}
	for (int i = 0; i <= nr_hogs; i++)
		total_ns += queue.tasks[i].ran_ns;
	due_ns = total_ns * weight * POLICY_GAME_WEIGHT_FACTOR /
		 (weight * POLICY_GAME_WEIGHT_FACTOR + (u64)nr_hogs * hog_weight);
	if (queue.tasks[0].ran_ns > due_ns * 95 / 100 && queue.tasks[0].ran_ns < due_ns * 105 / 100)
		return;
	print_message("# class %d of weight %u against %d hogs of %u, due %.1f ms:\n", class, weight, nr_hogs, hog_weight,
		      due_ns / 1e6);
	queue_print(&queue, 0);
	fail();
}

/* A game's thread that computes without sleeping uses its lead up, and then shares by weight. */
static void test_a_lead_is_no_priority(void **state)
{
	for (int class = ARCADE_CLASS_GAME; class <= ARCADE_CLASS_FRAME; class++) {
		for (int nr_hogs = 1; nr_hogs <= 12; nr_hogs++) {
			check_lead(class, 100, nr_hogs, 100);
			/* Nice 5 and 10. */
			check_lead(class, 33, nr_hogs, 100);
			check_lead(class, 11, nr_hogs, 100);
		}
		/* Nice -10. */
		check_lead(class, 100, 1, 932);
	}
}

/*
 * A game that starts to compile, with many threads: those that make its frames and its sound wait for a slice that has
 * begun and for each other, not for the newcomers to catch up with them; others wait for rounds of these.
 */
static void test_loaders_keep_nobody_waiting(void **state)
{
	static struct queue queue;

	for (u64 seed = 1; seed <= 40; seed++) {
		int nr_loaders, nr;

		queue_init(&queue, seed);
		nr_loaders = 1 + (int)unit_random_below(&queue.random, 16);
		queue_add(&queue, 100, ARCADE_CLASS_GAME, 3 * MS, 13 * MS);
		queue_add(&queue, 100, ARCADE_CLASS_FRAME, 2 * MS, 14 * MS);
		queue_add(&queue, 100, ARCADE_CLASS_GAME, MS / 2, 5 * MS);
		queue_add(&queue, 100, ARCADE_CLASS_NORMAL, MS / 2, 5 * MS);
		nr = queue.nr;
		/* Alone for a while, so that clock and threads are where they are in a game that runs. */
		queue_play(&queue, (1 + seed % 4) * 500 * MS);
		for (int i = 0; i < nr_loaders; i++)
			queue_add(&queue, 100, ARCADE_CLASS_GAME, 0, 0);
		for (int i = 0; i < nr; i++)
			queue.tasks[i].wait_max_ns = 0;
		queue_play(&queue, 2000 * MS);
		for (int i = 0; i < nr; i++) {
			bool is_game = policy_is_game(queue.tasks[i].class);
			u64 bound_ns = (is_game ? 12 : 24 + 8 * (u64)nr_loaders) * MS;

			if (queue.tasks[i].wait_max_ns <= bound_ns)
				continue;
			print_message("# seed %d, bound %.0f ms:\n", (int)seed, bound_ns / 1e6);
			queue_print(&queue, i);
			fail();
		}
	}
}

/* One that computes for most of a frame has used its lead up when it goes to sleep; the sleep gives it another, in time. */
static void test_a_sleep_earns_a_lead(void **state)
{
	static struct queue queue;

	for (u64 seed = 1; seed <= 40; seed++) {
		int nr_hogs;

		queue_init(&queue, seed);
		nr_hogs = 1 + (int)unit_random_below(&queue.random, 12);
		queue_add(&queue, 100, ARCADE_CLASS_GAME, 25 * MS, 6 * MS);
		for (int i = 0; i < nr_hogs; i++)
			queue_add(&queue, 100, ARCADE_CLASS_GAME, 0, 0);
		queue_play(&queue, 100 * MS);
		/* What it waits for when it wakes is the slice that runs; what it waits for when its lead is gone is another matter. */
		for (int i = 0; i < 400; i++) {
			struct queue_task *task = &queue.tasks[0];

			queue_play(&queue, MS);
			if (task->is_queued && task->has_slept)
				assert_true(queue.now_ns - task->queued_at_ns <= 8 * MS);
		}
	}
}

/* Who computes for two thirds of the time, as a game does that the CPU limits, is not held up by what it loads. */
static void test_a_busy_frame_thread_keeps_its_lead(void **state)
{
	static struct queue queue;

	for (u64 seed = 1; seed <= 40; seed++) {
		queue_init(&queue, seed);
		queue_add(&queue, 100, ARCADE_CLASS_GAME, 5500 * US, 2500 * US);
		for (int i = 0; i < 6; i++)
			queue_add(&queue, 100, ARCADE_CLASS_GAME, 0, 0);
		/* It begins without a lead. */
		queue_play(&queue, 500 * MS);
		queue.tasks[0].wait_max_ns = 0;
		queue_play(&queue, 5000 * MS);
		if (queue.tasks[0].wait_max_ns > 8 * MS) {
			queue_print(&queue, 0);
			fail();
		}
	}
}

/* Who sleeps for moments only, between pieces of work, has a lead for as little, not for a slice each time. */
static void test_moments_of_sleep_earn_little(void **state)
{
	static struct queue queue;

	for (u64 seed = 1; seed <= 40; seed++) {
		queue_init(&queue, seed);
		queue_add(&queue, 100, ARCADE_CLASS_NORMAL, MS / 2, 5 * MS);
		for (int i = 0; i < 4; i++)
			queue_add(&queue, 100, ARCADE_CLASS_GAME, 2 * MS, 10 * US);
		queue_play(&queue, 500 * MS);
		queue.tasks[0].wait_max_ns = 0;
		queue_play(&queue, 2000 * MS);
		if (queue.tasks[0].wait_max_ns > 24 * MS) {
			queue_print(&queue, 0);
			fail();
		}
	}
}

/* A task that sleeps as long as it computes pays a quarter: it counts like one of four times the weight, not more. */
static void test_sleepers_pay_less_within_bounds(void **state)
{
	static struct queue queue;

	for (u64 seed = 1; seed <= 20; seed++) {
		u64 hog_ns = 0;

		queue_init(&queue, seed);
		/* Wants half of the CPU, against two that want all of it. */
		queue_add(&queue, 100, ARCADE_CLASS_NORMAL, 4 * MS, 4 * MS);
		queue_add(&queue, 100, ARCADE_CLASS_NORMAL, 0, 0);
		queue_add(&queue, 100, ARCADE_CLASS_NORMAL, 0, 0);
		queue_play(&queue, 10000 * MS);
		hog_ns = queue.tasks[1].ran_ns + queue.tasks[2].ran_ns;
		/* More than a third, as it would be without its burst; never more than it asks for. */
		assert_true(queue.tasks[0].ran_ns > 10000 * MS / 3);
		assert_true(queue.tasks[0].ran_ns < 10000 * MS * 52 / 100);
		/* The two are equals. */
		assert_true(abs_time((s64)(queue.tasks[1].ran_ns - queue.tasks[2].ran_ns)) < (s64)(hog_ns / 50));
	}
}

/* What a reader computes as member in one activation stays in its budget, and half of the time between events. */
static void test_chain_budget_holds(void **state)
{
	struct unit_random random = { .state = 8 };
	const u64 budget_ns = 4 * MS, ttl_ns = 33 * MS;

	for (int round = 0; round < FUZZ_ROUNDS; round++) {
		u64 start_ns = clocks[round % ARRAY_SIZE(clocks)], now_ns = start_ns, member_ns = 0, before_ns;
		u32 interval_ns = 125000 + unit_random_below(&random, 16000000);
		struct policy_chain chain;

		policy_chain_start(&chain, 1, ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE, now_ns, ttl_ns);
		for (int event = 0; event < 200; event++) {
			u64 run_ns = unit_random_below(&random, interval_ns), left_ns;

			if (policy_chain_live(&chain, 1, now_ns, budget_ns)) {
				/* Its slice is cut to what is left of the budget. */
				left_ns = budget_ns - chain.ran_ns;
				run_ns = run_ns < left_ns ? run_ns : left_ns;
				member_ns += run_ns;
			}
			chain.ran_ns += run_ns;
			now_ns += run_ns + unit_random_below(&random, interval_ns);
			before_ns = chain.ran_ns;
			policy_chain_renew(&chain, 0, now_ns, ttl_ns);
			assert_true(chain.ran_ns <= before_ns);
			assert_true(member_ns <= budget_ns + (now_ns - start_ns) / POLICY_RENEW_DIVISOR);
		}
	}
}

/* A thread that chains lead to as a rule is theirs again when it is behind; nobody else is, and not before. */
static void test_who_is_behind_joins_again(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(clocks); i++) {
		const u64 root_ns = clocks[i], event_ns = root_ns + 5 * MS;
		const struct policy_chain none = {};
		struct policy_chain chain = {}, before;

		policy_chain_start(&chain, 7, ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE, root_ns, 33 * MS);
		chain.hop = 3;
		chain.ran_ns = 4 * MS;
		before = chain;
		assert_true(policy_chain_was_woken(&chain, 7));
		/* Not by little habit, not with a burst left, not without an event since, not who never was a member. */
		assert_false(policy_chain_rejoin(&chain, POLICY_RENEW_SHARE - 1, 0, 8, event_ns));
		assert_false(policy_chain_rejoin(&chain, 1024, 1, 8, event_ns));
		assert_false(policy_chain_rejoin(&chain, 1024, 0, 8, root_ns));
		assert_false(policy_chain_rejoin(&chain, 1024, 0, 8, root_ns - MS));
		assert_memory_equal(&chain, &before, sizeof(chain));
		chain = none;
		assert_false(policy_chain_rejoin(&chain, 1024, 0, 8, event_ns));
		assert_memory_equal(&chain, &none, sizeof(chain));

		chain = before;
		assert_true(policy_chain_rejoin(&chain, POLICY_RENEW_SHARE, 0, 8, event_ns));
		/* Half of the time between the two events comes back, no more. */
		policy_chain_renew(&chain, POLICY_RENEW_SHARE, event_ns, 33 * MS);
		assert_int_equal(chain.ran_ns, 4 * MS - 5 * MS / POLICY_RENEW_DIVISOR);
		assert_true(policy_chain_live(&chain, 8, event_ns, 4 * MS));
		assert_false(policy_chain_live(&chain, 9, event_ns, 4 * MS));
		/* A habit does not feed itself; what wakes it again does. */
		assert_false(policy_chain_was_woken(&chain, 8));
		policy_chain_start(&chain, 9, ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE, event_ns, 33 * MS);
		assert_true(policy_chain_was_woken(&chain, 9));
	}
}

/* In any window, not only from the start: tokens are never saved beyond one burst. */
static void test_bucket_in_any_window(void **state)
{
	struct unit_random random = { .state = 9 };
	u64 taken_ns[FUZZ_ROUNDS], full_at = 0;

	for (int round = 0; round < 20; round++) {
		const u64 interval_ns = 1 + unit_random_below(&random, 250000), burst = 1 + unit_random_below(&random, 32);
		u64 now_ns = clocks[round % ARRAY_SIZE(clocks)];
		int nr = 0;

		full_at = now_ns - unit_random_below(&random, 1000000);
		for (int i = 0; i < FUZZ_ROUNDS; i++) {
			/* Quiet times and storms. */
			now_ns += unit_random_below(&random, i / 100 % 2 ? 4 * interval_ns : interval_ns / 3 + 1);
			if (policy_bucket_take(&full_at, now_ns, interval_ns, burst))
				taken_ns[nr++] = now_ns;
		}
		assert_true(nr > 0);
		for (int first = 0; first < nr; first++)
			for (int last = first; last < nr && last < first + 200; last++)
				assert_true((u64)(last - first + 1) <=
					    burst + (taken_ns[last] - taken_ns[first]) / interval_ns + 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_survives_the_wrap),
		cmocka_unit_test(test_vtime_follows_weight),
		cmocka_unit_test(test_weight_is_bounded),
		cmocka_unit_test(test_group_weights_multiply),
		cmocka_unit_test(test_background_groups),
		cmocka_unit_test(test_lag_is_bounded),
		cmocka_unit_test(test_lag_stays_bounded),
		cmocka_unit_test(test_class_order),
		cmocka_unit_test(test_charge_is_bounded),
		cmocka_unit_test(test_clock_never_goes_back),
		cmocka_unit_test(test_clock_alone_is_no_faster_than_time),
		cmocka_unit_test(test_learning_converges),
		cmocka_unit_test(test_chain_ends),
		cmocka_unit_test(test_chain_hands_on_the_root),
		cmocka_unit_test(test_chain_hands_the_cpu_on),
		cmocka_unit_test(test_busy_reader_lives_on),
		cmocka_unit_test(test_bucket_keeps_its_rate),
		cmocka_unit_test(test_preemption_gains),
		cmocka_unit_test(test_search_ends),
		cmocka_unit_test(test_speed_follows_use),
		cmocka_unit_test(test_histogram_buckets),
		cmocka_unit_test(test_log2_buckets),
		cmocka_unit_test(test_nobody_starves),
		cmocka_unit_test(test_the_old_wait_for_members),
		cmocka_unit_test(test_equals_wait_for_a_round),
		cmocka_unit_test(test_shares_follow_weights),
		cmocka_unit_test(test_low_shares_follow_weights),
		cmocka_unit_test(test_a_lead_is_no_priority),
		cmocka_unit_test(test_loaders_keep_nobody_waiting),
		cmocka_unit_test(test_a_sleep_earns_a_lead),
		cmocka_unit_test(test_a_busy_frame_thread_keeps_its_lead),
		cmocka_unit_test(test_moments_of_sleep_earn_little),
		cmocka_unit_test(test_sleepers_pay_less_within_bounds),
		cmocka_unit_test(test_chain_budget_holds),
		cmocka_unit_test(test_who_is_behind_joins_again),
		cmocka_unit_test(test_bucket_in_any_window),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
