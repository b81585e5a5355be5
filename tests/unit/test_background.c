/* SPDX-License-Identifier: GPL-2.0-only */
/* What is marked, once each; answers on groups, also late ones. */
#include "unit.h"

#include "background.h"
#include "log.h"
#include "util.h"

struct seen {
	pid_t trees[2 * BACKGROUND_MARKED_MAX + 8];
	uint64_t groups[2 * BACKGROUND_GROUPS_MAX + 8];
	size_t nr_trees, nr_groups;
	int group_err;
};

struct world {
	struct loop *loop;
	struct prober *prober;
	struct programs *programs;
	struct background background;
	struct seen seen;
};

static void on_tree(pid_t pid, void *data)
{
	struct seen *seen = data;

	assert_true(seen->nr_trees < ARRAY_SIZE(seen->trees));
	seen->trees[seen->nr_trees++] = pid;
}

static int on_group(uint64_t id, void *data)
{
	struct seen *seen = data;

	if (seen->group_err)
		return seen->group_err;
	assert_true(seen->nr_groups < ARRAY_SIZE(seen->groups));
	seen->groups[seen->nr_groups++] = id;
	return 0;
}

/* The tests answer for it. */
static void on_answer(struct prober_answer *answer, void *data)
{
}

static int setup(void **state)
{
	const struct background_ops ops = { .mark_tree = on_tree, .mark_group = on_group };
	struct world *world = calloc(1, sizeof(*world));
	char message[PROGRAMS_MESSAGE_MAX];

	assert_non_null(world);
	log_set_level(LOG_LEVEL_WARNING);
	assert_int_equal(loop_new(&world->loop), 0);
	assert_int_equal(programs_new(NULL, NULL, message, &world->programs), 0);
	assert_int_equal(prober_new(world->loop, "/proc", NULL, NULL, on_answer, NULL, &world->prober), 0);
	background_init(&world->background, &ops, &world->seen);
	background_set_prober(&world->background, world->prober);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	prober_free(world->prober);
	programs_unref(world->programs);
	loop_free(world->loop);
	free(world);
	return 0;
}

static struct proc_id find(struct world *world, pid_t pid)
{
	const struct proc_id id = { .pid = pid, .start_ticks = 5 };

	background_find(&world->background, &id, "make", world->programs);
	return id;
}

static void answer(struct world *world, struct proc_id id, int err, enum background_group_kind kind, uint64_t group)
{
	const struct prober_answer answer = {
		.kind = PROBER_GROUP, .id = id, .err = err, .group = { .kind = kind, .id = group, .path = "/x" },
	};

	background_take(&world->background, &answer);
}

static void test_once_each(void **state)
{
	struct world *world = *state;
	struct proc_id one = find(world, 100), two = find(world, 101);

	find(world, 100);
	assert_int_equal(world->seen.nr_trees, 2);
	assert_int_equal(world->seen.trees[0], 100);
	answer(world, one, 0, BACKGROUND_GROUP_ALONE, 77);
	answer(world, one, 0, BACKGROUND_GROUP_ALONE, 78);
	/* Another program of the same group. */
	answer(world, two, 0, BACKGROUND_GROUP_ALONE, 77);
	assert_int_equal(world->seen.nr_groups, 1);
	assert_int_equal(world->seen.groups[0], 77);
	assert_int_equal(world->background.nr_trees, 2);
	assert_int_equal(world->background.nr_groups, 1);
}

static void test_only_alone(void **state)
{
	struct world *world = *state;

	for (int kind = 0; kind < BACKGROUND_GROUP_ALONE; kind++)
		answer(world, find(world, 200 + kind), 0, (enum background_group_kind)kind, 0);
	answer(world, find(world, 300), -ETIMEDOUT, BACKGROUND_GROUP_ALONE, 5);
	answer(world, (struct proc_id){ .pid = 301, .start_ticks = 5 }, 0, BACKGROUND_GROUP_ALONE, 5);
	assert_int_equal(world->seen.nr_groups, 0);
}

static void test_forgotten(void **state)
{
	struct world *world = *state;
	struct proc_id id = find(world, 100);

	/* The lists are new: what was seen by the old ones does not count. */
	background_forget(&world->background);
	answer(world, id, 0, BACKGROUND_GROUP_ALONE, 77);
	assert_int_equal(world->seen.nr_groups, 0);
	find(world, 100);
	answer(world, id, 0, BACKGROUND_GROUP_ALONE, 77);
	background_forget(&world->background);
	find(world, 100);
	answer(world, id, 0, BACKGROUND_GROUP_ALONE, 77);
	assert_int_equal(world->seen.nr_trees, 3);
	assert_int_equal(world->seen.nr_groups, 2);
}

static void test_refused(void **state)
{
	struct world *world = *state;

	world->seen.group_err = -EOPNOTSUPP;
	answer(world, find(world, 100), 0, BACKGROUND_GROUP_ALONE, 77);
	assert_int_equal(world->background.nr_groups, 0);
	/* It was not remembered as if it were. */
	world->seen.group_err = 0;
	answer(world, find(world, 101), 0, BACKGROUND_GROUP_ALONE, 77);
	assert_int_equal(world->background.nr_groups, 1);
}

static void test_many(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < BACKGROUND_MARKED_MAX + 4; i++)
		answer(world, find(world, 1000 + i), 0, BACKGROUND_GROUP_ALONE, 50);
	assert_int_equal(world->seen.nr_trees, BACKGROUND_MARKED_MAX + 4);
	assert_int_equal(world->seen.nr_groups, 1);
	/* The oldest was forgotten, the newest not. */
	find(world, 1000);
	find(world, 1000 + BACKGROUND_MARKED_MAX + 3);
	assert_int_equal(world->seen.nr_trees, BACKGROUND_MARKED_MAX + 5);
}

#define BACKGROUND_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		BACKGROUND_TEST(test_once_each), BACKGROUND_TEST(test_only_alone), BACKGROUND_TEST(test_forgotten),
		BACKGROUND_TEST(test_refused),	 BACKGROUND_TEST(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
