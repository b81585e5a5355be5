/* SPDX-License-Identifier: GPL-2.0-only */
/* Files read beside the loop: on demand, when they change, again and again, and on a disk that does not answer. */
#include "unit.h"

#include "log.h"
#include "reload.h"
#include "stall.h"

#define GUARD_NS (30 * NSEC_PER_SEC)

struct world {
	struct loop *loop;
	struct timer guard, tick;
	struct settings *settings;
	struct reload *reload;
	char *dir;
	char file[600];
	char *argv[4];
	int fds, nr_done, nr_changes, stop_after_done, stop_after_changes;
	uint64_t nr_ticks;
};

static struct stall stall;

static int on_guard(struct timer *timer, uint64_t now)
{
	return -ETIMEDOUT;
}

static int on_tick(struct timer *timer, uint64_t now)
{
	container_of(timer, struct world, tick)->nr_ticks++;
	return 0;
}

static void note_done(void *data)
{
	struct world *world = data;

	if (++world->nr_done == world->stop_after_done)
		loop_stop(world->loop, 7);
}

static void note_change(const struct options *before, const struct options *after, void *data)
{
	struct world *world = data;

	if (++world->nr_changes == world->stop_after_changes)
		loop_stop(world->loop, 7);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	unsetenv("SCX_TIMEOUT_MS");
	log_set_level(LOG_LEVEL_ERROR);
	world->fds = unit_count_fds();
	world->dir = unit_tempdir_new();
	assert_int_equal(loop_new(&world->loop), 0);
	timer_init(&world->guard, "guard", on_guard);
	timer_init(&world->tick, "tick", on_tick);
	timer_arm(&world->guard, world->loop, now_ns() + GUARD_NS, 0);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	reload_free(world->reload);
	reload_free(NULL);
	settings_free(world->settings);
	timer_disarm(&world->guard);
	timer_disarm(&world->tick);
	loop_free(world->loop);
	unit_tempdir_free(world->dir);
	assert_int_equal(unit_count_fds(), world->fds);
	free(world);
	return 0;
}

static void start(struct world *world, const char *dir)
{
	snprintf(world->file, sizeof(world->file), "%s/a.conf", dir);
	world->argv[0] = (char *)"scx_arcade";
	world->argv[1] = (char *)"--config";
	world->argv[2] = world->file;
	assert_int_equal(settings_new(3, world->argv, stderr, &world->settings), 0);
	settings_set_changed(world->settings, note_change, world);
	assert_int_equal(reload_new(world->loop, world->settings, note_done, world, &world->reload), 0);
}

static void write_slice(struct world *world, unsigned int slice_us)
{
	char text[64];

	snprintf(text, sizeof(text), "[daemon]\nslice-us = %u\n", slice_us);
	unit_write_text(world->dir, "a.conf", text);
}

static uint64_t slice_us(const struct world *world)
{
	return settings_options(world->settings)->slice_us;
}

static void wait_done(struct world *world, int nr)
{
	world->stop_after_done = world->nr_done + nr;
	assert_int_equal(loop_run(world->loop), 7);
}

static void turn_for(struct world *world, uint64_t ns)
{
	timer_arm(&world->guard, world->loop, now_ns() + ns, 0);
	assert_int_equal(loop_run(world->loop), -ETIMEDOUT);
	timer_arm(&world->guard, world->loop, now_ns() + GUARD_NS, 0);
}

static void test_on_demand(void **state)
{
	struct world *world = *state;

	start(world, world->dir);
	write_slice(world, 2000);
	reload_demand(world->reload, "test");
	/* Not here and now. */
	assert_int_equal(slice_us(world), 3000);
	wait_done(world, 1);
	assert_int_equal(slice_us(world), 2000);
	/* Some while one is under way: told once, when the last one is done, and what was written last is what counts. */
	for (unsigned int i = 0; i < 200; i++) {
		write_slice(world, 2100 + i);
		reload_demand(world->reload, "test");
		write_slice(world, 2500 + i);
		reload_demand(world->reload, "test");
		wait_done(world, 1);
		assert_int_equal(slice_us(world), 2500 + i);
	}
	turn_for(world, 50 * NSEC_PER_MSEC);
	assert_int_equal(world->nr_done, 201);
	/* Bad ones change nothing, and it is done. */
	log_set_level(LOG_LEVEL_ERROR);
	unit_write_text(world->dir, "a.conf", "[daemon]\nslice = 3\n");
	reload_demand(world->reload, "test");
	wait_done(world, 1);
	assert_int_equal(slice_us(world), 2699);
}

static void test_when_settled(void **state)
{
	struct world *world = *state;

	start(world, world->dir);
	for (unsigned int i = 0; i < 5; i++) {
		write_slice(world, 2000 + i);
		reload_note_change(world->reload);
		turn_for(world, 20 * NSEC_PER_MSEC);
	}
	assert_int_equal(world->nr_changes, 0);
	world->stop_after_changes = 1;
	assert_int_equal(loop_run(world->loop), 7);
	assert_int_equal(slice_us(world), 2004);
	/* They are as they were: nothing comes of it. Nobody has demanded anything. */
	reload_note_change(world->reload);
	turn_for(world, 500 * NSEC_PER_MSEC);
	assert_int_equal(world->nr_changes, 1);
	assert_int_equal(world->nr_done, 0);
}

static void test_freed_at_any_time(void **state)
{
	struct world *world = *state;

	start(world, world->dir);
	for (int i = 0; i < 60; i++) {
		write_slice(world, 2000 + (unsigned int)i);
		reload_demand(world->reload, "test");
		if (i % 3 == 1)
			reload_note_change(world->reload);
		if (i % 4 == 1)
			wait_done(world, 1);
		if (i % 4 == 2)
			usleep((useconds_t)i * 10);
		reload_free(steal_ptr(&world->reload));
		assert_int_equal(reload_new(world->loop, world->settings, note_done, world, &world->reload), 0);
	}
}

/* Valgrind runs one thread at a time, and none while one is in a stat(). */
static bool is_under_valgrind(void)
{
	const char *preload = getenv("LD_PRELOAD");

	return preload && strstr(preload, "vgpreload");
}

static void start_stall(void)
{
	if (!is_under_valgrind() && !stall_start(&stall))
		return;
	print_message("skipped: FUSE cannot be mounted here, or a read there holds up all\n");
	skip();
}

/* Of a disk that does not answer nothing is held up, and nothing is taken when it does at last. */
static void test_disk_that_does_not_answer(void **state)
{
	struct world *world = *state;
	uint64_t before;

	start_stall();
	start(world, stall.dir);
	before = now_ns();
	reload_demand(world->reload, "test");
	reload_demand(world->reload, "test");
	timer_arm(&world->tick, world->loop, now_ns() + 10 * NSEC_PER_MSEC, 10 * NSEC_PER_MSEC);
	wait_done(world, 1);
	print_message("# figure: %llu ticks of 10 ms in %llu ms beside a read that waits\n", (unsigned long long)world->nr_ticks,
		      (unsigned long long)((now_ns() - before) / NSEC_PER_MSEC));
	assert_true(now_ns() - before >= RELOAD_LIMIT_NS);
	assert_true(world->nr_ticks > 500);
	/* The same disk: refused at once. */
	before = now_ns();
	world->nr_done = world->stop_after_done = 0;
	reload_demand(world->reload, "test");
	assert_int_equal(world->nr_done, 1);
	assert_true(now_ns() - before < NSEC_PER_SEC);
	stall_release(&stall);
	turn_for(world, 200 * NSEC_PER_MSEC);
	assert_int_equal(world->nr_done, 1);
	assert_int_equal(world->nr_changes, 0);
	/* It answers, with an error: that is one. */
	reload_demand(world->reload, "test");
	wait_done(world, 1);
	stall_end(&stall);
}

/* Nothing that was written while the disk did not answer is lost, and nobody has to ask for it again. */
static void test_change_beside_a_dead_disk(void **state)
{
	struct world *world = *state;

	start_stall();
	start(world, stall.dir);
	reload_note_change(world->reload);
	turn_for(world, RELOAD_LIMIT_NS + NSEC_PER_SEC);
	reload_note_change(world->reload);
	turn_for(world, 500 * NSEC_PER_MSEC);
	assert_int_equal(world->nr_changes, 0);
	/* Below it is the folder that it was mounted on. */
	stall_release(&stall);
	assert_int_equal(umount2(stall.dir, MNT_DETACH), 0);
	unit_write_text(stall.dir, "a.conf", "[daemon]\nslice-us = 2345\n");
	world->stop_after_changes = 1;
	assert_int_equal(loop_run(world->loop), 7);
	assert_int_equal(slice_us(world), 2345);
	assert_int_equal(world->nr_done, 0);
	/* Once only. */
	turn_for(world, 3 * NSEC_PER_SEC);
	assert_int_equal(world->nr_changes, 1);
	unit_tempdir_free(steal_ptr(&stall.dir));
}

static void test_freed_beside_a_dead_disk(void **state)
{
	struct world *world = *state;
	uint64_t before;

	start_stall();
	start(world, stall.dir);
	reload_demand(world->reload, "test");
	turn_for(world, 100 * NSEC_PER_MSEC);
	before = now_ns();
	reload_free(steal_ptr(&world->reload));
	settings_free(steal_ptr(&world->settings));
	assert_true(now_ns() - before < RELOAD_STOP_NS + 200 * NSEC_PER_MSEC);
	stall_end(&stall);
	/* Its thread is about to end. */
	usleep(100000);
}

#define RELOAD_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		RELOAD_TEST(test_on_demand),
		RELOAD_TEST(test_when_settled),
		RELOAD_TEST(test_freed_at_any_time),
		RELOAD_TEST(test_disk_that_does_not_answer),
		RELOAD_TEST(test_change_beside_a_dead_disk),
		RELOAD_TEST(test_freed_beside_a_dead_disk),
	};

	return cmocka_run_group_tests_name("reload", tests, NULL, NULL);
}
