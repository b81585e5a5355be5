/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel half's arithmetic on the host, as it is: order, bounds and budgets for any input, also around the wrap of
 * the clocks.
 */
#include "unit.h"

#include "policy.h"
#include "util.h"

#define MS POLICY_NS_PER_MS

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

static void test_lag_is_bounded(void **state)
{
	struct unit_random random = { .state = 1 };

	for (int i = 0; i < FUZZ_ROUNDS; i++) {
		u64 clock = clocks[i % ARRAY_SIZE(clocks)];
		u64 vtime = clock + (s64)(unit_random_next(&random) >> 20) - (1LL << 43);
		u32 weight = 1 + unit_random_below(&random, 10000);
		u64 clamped = policy_clamp_vtime(vtime, clock, 3 * MS, weight);

		assert_false(policy_before(clamped, clock - POLICY_CREDIT_NS));
		assert_false(policy_before(clock + POLICY_DEBT_MAX_NS, clamped));
		assert_false(policy_before(clock + POLICY_DEBT_SLICES * policy_virtual(3 * MS, weight), clamped));
		/* Clamping twice changes nothing, and the order of two tasks never turns round. */
		assert_int_equal(policy_clamp_vtime(clamped, clock, 3 * MS, weight), clamped);
		assert_false(policy_before(policy_clamp_vtime(vtime + MS, clock, 3 * MS, weight), clamped));
	}
}

static void test_class_order(void **state)
{
	struct unit_random random = { .state = 2 };

	for (int i = 0; i < FUZZ_ROUNDS; i++) {
		u64 clock = clocks[i % ARRAY_SIZE(clocks)];
		u64 slice = 250000 + unit_random_below(&random, 20000000);
		u64 debt = policy_virtual(unit_random_below(&random, 6000000), 100);
		u64 member = policy_deadline(clock + debt, clock, slice, 100, ARCADE_CLASS_CHAIN);
		u64 sleeper = policy_deadline(clock - POLICY_CREDIT_NS, clock, slice, 100, ARCADE_CLASS_NORMAL);

		/* A member comes before a sleeper with all its credit, whatever it owes … */
		assert_true(policy_before(member, sleeper));
		/* … but not before one that has waited: members are not above the law. */
		assert_true(policy_before(policy_deadline(clock - 2 * POLICY_CHAIN_OFFSET_NS, clock, slice, 100,
							  ARCADE_CLASS_NORMAL), member));
	}
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

static void test_busy_reader_lives_on(void **state)
{
	struct policy_chain chain, other;

	policy_chain_start(&chain, 9, ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE, 100 * MS, 33 * MS);
	chain.ran_ns = 4 * MS;
	chain.nr_handed_on = 8;
	/* An event from before says nothing new. */
	policy_chain_renew(&chain, 100 * MS, 33 * MS);
	policy_chain_renew(&chain, 99 * MS, 33 * MS);
	assert_false(policy_chain_live(&chain, 9, 101 * MS, 4 * MS));
	policy_chain_renew(&chain, 102 * MS, 33 * MS);
	assert_true(policy_chain_live(&chain, 9, 102 * MS, 4 * MS));
	assert_int_equal(chain.root_ns, 102 * MS);
	assert_int_equal(chain.ran_ns, 3 * MS);
	assert_int_equal(chain.nr_handed_on, 0);
	/* Not beyond its activation, and not for those who do not read the device. */
	assert_false(policy_chain_live(&chain, 10, 102 * MS, 4 * MS));
	policy_chain_hand_on(&chain, &other, 5);
	policy_chain_renew(&other, 110 * MS, 33 * MS);
	assert_int_equal(other.root_ns, 102 * MS);

	/* A reader that never sleeps under a steady stream gets half a CPU as member, not more. */
	u64 as_member = 0, now = 200 * MS;
	policy_chain_start(&chain, 9, ARCADE_ROOT_INPUT, ARCADE_LANE_MOUSE, now, 33 * MS);
	for (int i = 0; i < 10000; i++, now += MS) {
		policy_chain_renew(&chain, now, 33 * MS);
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

static void test_victims_rank(void **state)
{
	const u64 root = 100 * MS;
	u64 normal = policy_victim_rank(ARCADE_CLASS_NORMAL, 0, 1 * MS, root, false);

	/* Nothing of ours runs there: real-time, or nobody. */
	assert_int_equal(policy_victim_rank(ARCADE_CLASS_NONE, 0, 0, root, false), POLICY_RANK_NEVER);
	/* A chain yields to an earlier cause only. */
	assert_int_equal(policy_victim_rank(ARCADE_CLASS_CHAIN, root, 0, root, false), POLICY_RANK_NEVER);
	assert_int_equal(policy_victim_rank(ARCADE_CLASS_CHAIN, root - 1, 0, root, false), POLICY_RANK_NEVER);
	assert_true(policy_victim_rank(ARCADE_CLASS_CHAIN, root + 1, 0, root, false) != POLICY_RANK_NEVER);
	/* First the class, then the LLC, then what is left of the slice. */
	assert_true(normal < policy_victim_rank(ARCADE_CLASS_CHAIN, root + 1, 0, root, false));
	assert_true(policy_victim_rank(ARCADE_CLASS_NORMAL, 0, ~0ULL, root, true) <
		    policy_victim_rank(ARCADE_CLASS_CHAIN, root + 1, 0, root, false));
	assert_true(policy_victim_rank(ARCADE_CLASS_NORMAL, 0, ~0ULL, root, false) <
		    policy_victim_rank(ARCADE_CLASS_NORMAL, 0, 0, root, true));
	assert_true(policy_victim_rank(ARCADE_CLASS_NORMAL, 0, 0, root, false) < normal);
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

/*
 * Four tasks on one CPU, run by nothing but the policy: what each gets follows its weight.
 */
static void test_shares_follow_weights(void **state)
{
	const u32 weights[] = { 100, 100, 300, 50 };
	u64 vtime[4], ran[4] = { 0 }, clock = 5000 * MS, total = 0;
	u32 sum = 0;

	for (int i = 0; i < 4; i++) {
		vtime[i] = clock;
		sum += weights[i];
	}
	while (total < 60000 * MS) {
		int next = 0;

		for (int i = 1; i < 4; i++)
			if (policy_before(policy_deadline(vtime[i], clock, 3 * MS, weights[i], ARCADE_CLASS_NORMAL),
					  policy_deadline(vtime[next], clock, 3 * MS, weights[next], ARCADE_CLASS_NORMAL)))
				next = i;
		vtime[next] = policy_clamp_vtime(vtime[next], clock, 3 * MS, weights[next]);
		clock = policy_max_time(clock, vtime[next]);
		vtime[next] += policy_virtual(3 * MS, weights[next]);
		ran[next] += 3 * MS;
		total += 3 * MS;
	}
	for (int i = 0; i < 4; i++) {
		u64 due = total / sum * weights[i];

		assert_true(ran[i] > due * 95 / 100 && ran[i] < due * 105 / 100);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_survives_the_wrap), cmocka_unit_test(test_vtime_follows_weight),
		cmocka_unit_test(test_lag_is_bounded),		 cmocka_unit_test(test_class_order),
		cmocka_unit_test(test_chain_ends),		 cmocka_unit_test(test_chain_hands_on_the_root),
		cmocka_unit_test(test_busy_reader_lives_on),
		cmocka_unit_test(test_bucket_keeps_its_rate),	 cmocka_unit_test(test_victims_rank),
		cmocka_unit_test(test_histogram_buckets),	 cmocka_unit_test(test_shares_follow_weights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
