/* SPDX-License-Identifier: GPL-2.0-only */
/* Real processes, the real /proc; the records that the kernel half would write are made here. */
#include "unit.h"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "games.h"
#include "prober.h"
#include "proc.h"
#include "programs.h"
#include "stall.h"

#define GUARD_NS (20 * NSEC_PER_SEC)
#define NR_SEEN	 16

struct world {
	struct loop *loop;
	struct timer guard;
	struct games *games;
	struct games_config config;
	char *dir;
	int fds;
	pid_t seen[NR_SEEN];	/* set_game(), in order */
	int nr_seen;
	pid_t background[NR_SEEN];
	int nr_background;
	int nr_cleared;
	struct timer reload;
	bool stop_at_decision;
	pid_t children[64];
	int nr_children;
};

static int on_guard(struct timer *timer, uint64_t now)
{
	return -ETIMEDOUT;
}

static void on_game(pid_t pid, void *data)
{
	struct world *world = data;

	assert_true(world->nr_seen < NR_SEEN);
	world->seen[world->nr_seen++] = pid;
	if (world->stop_at_decision)
		loop_stop(world->loop, 7);
}

static void on_background(pid_t pid, void *data)
{
	struct world *world = data;
	bool is_ours = false;

	/* The machine has its own background work: whoever runs these tests, for one, may be a 'make'. */
	for (int i = 0; i < world->nr_children; i++)
		is_ours |= world->children[i] == pid;
	if (!is_ours)
		return;
	if (world->nr_background < NR_SEEN)
		world->background[world->nr_background++] = pid;
	if (world->stop_at_decision)
		loop_stop(world->loop, 8);
}

static void on_clear(void *data)
{
	struct world *world = data;

	world->nr_cleared++;
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->fds = unit_count_fds();
	world->dir = unit_tempdir_new();
	world->stop_at_decision = true;
	assert_int_equal(loop_new(&world->loop), 0);
	timer_init(&world->guard, "guard", on_guard);
	*state = world;
	return 0;
}

static void end_process(struct world *world, pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	for (int i = 0; i < world->nr_children; i++)
		if (world->children[i] == pid)
			world->children[i] = 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	games_free(world->games);
	for (int i = 0; i < world->nr_children; i++)
		if (world->children[i])
			end_process(world, world->children[i]);
	timer_disarm(&world->guard);
	loop_free(world->loop);
	unit_tempdir_free(world->dir);
	assert_int_equal(unit_count_fds(), world->fds);
	free(world);
	return 0;
}

static int start_err(struct world *world)
{
	const struct games_ops ops = {
		.set_game = on_game, .mark_background = on_background, .clear_background = on_clear,
	};

	return games_new(world->loop, &world->config, &ops, world, &world->games);
}

static void run(struct world *world, uint64_t for_ns, int expected)
{
	int r;

	timer_arm(&world->guard, world->loop, now_ns() + for_ns, 0);
	r = loop_run(world->loop);
	timer_disarm(&world->guard);
	assert_int_equal(r, expected);
}

/* Nothing is decided in this time. */
static void run_quietly(struct world *world, uint64_t for_ns)
{
	run(world, for_ns, -ETIMEDOUT);
}

/* Until the next game, or end of one. */
static pid_t next_game(struct world *world)
{
	run(world, GUARD_NS, 7);
	return world->seen[world->nr_seen - 1];
}

static void start(struct world *world)
{
	assert_int_equal(start_err(world), 0);
}

/* With the look through /proc at the start behind it. */
static void start_and_settle(struct world *world)
{
	start(world);
	world->stop_at_decision = false;
	run_quietly(world, 600 * NSEC_PER_MSEC);
	world->stop_at_decision = true;
	world->nr_seen = world->nr_background = 0;
}

/* A program of this name in the library of Steam, or in @folder, which is a copy of @argv[0]. @input: -1, or its standard input. */
static pid_t start_copy(struct world *world, const char *folder, const char *name, char **argv, int input,
			const char *const *env)
{
	static const char *const no_env[] = { NULL };
	char path[512], copy[1024];
	int ends[2];
	char byte;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s/%s", world->dir, folder ? folder : "steamapps/common/G", name);
	unit_make_dirs(path);
	snprintf(copy, sizeof(copy), "cp '%s' '%s'", argv[0], path);
	assert_int_equal(system(copy), 0);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		argv[0] = path;
		if (input >= 0)
			dup2(input, STDIN_FILENO);
		execve(path, argv, (char *const *)(env ? env : no_env));
		_exit(127);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
	assert_true(world->nr_children < (int)ARRAY_SIZE(world->children));
	world->children[world->nr_children++] = pid;
	return pid;
}

static pid_t start_program(struct world *world, const char *folder, const char *name, const char *const *env)
{
	char *argv[] = { (char *)"/bin/sleep", (char *)"100", NULL };

	return start_copy(world, folder, name, argv, -1, env);
}

static const char *const steam_env[] = { "SteamAppId=730", NULL };

static pid_t start_game(struct world *world, const char *name)
{
	return start_program(world, NULL, name, steam_env);
}

static uint64_t start_ns_of(pid_t pid)
{
	_cleanup_close_ int root = proc_open_root("/proc");
	_cleanup_close_ int dirfd = proc_open(root, pid);
	struct proc_id id;

	assert_int_equal(proc_read_id(dirfd, &id), 0);
	return proc_ns_from_ticks(id.start_ticks) + 1234567;
}

static void tell(struct world *world, enum arcade_control type, pid_t pid, uint64_t start_ns)
{
	struct arcade_control_record record = { .type = type, .pid = (uint32_t)pid, .start_ns = start_ns };

	games_control(world->games, &record);
}

static void tell_exec(struct world *world, pid_t pid)
{
	tell(world, ARCADE_CONTROL_TASK_EXEC, pid, start_ns_of(pid));
}

static void test_found_after_exec(void **state)
{
	struct world *world = *state;
	uint64_t before;
	pid_t pid;

	start_and_settle(world);
	assert_int_equal(games_current(world->games), 0);
	before = now_ns();
	pid = start_game(world, "game");
	tell_exec(world, pid);
	assert_int_equal(next_game(world), pid);
	assert_true(now_ns() - before >= 450 * NSEC_PER_MSEC);
	assert_true(now_ns() - before < 2 * NSEC_PER_SEC);
	assert_int_equal(games_current(world->games), pid);
	/* Said once. */
	run_quietly(world, 2 * NSEC_PER_SEC);
	before = now_ns();
	end_process(world, pid);
	assert_int_equal(next_game(world), 0);
	assert_true(now_ns() - before < 100 * NSEC_PER_MSEC);
	assert_int_equal(games_current(world->games), 0);
	assert_int_equal(world->nr_seen, 2);
}

/* Wine's loader, which the lists name, becomes the game without another exec: soon, or after the last stage. */
static void found_when_named(struct world *world, uint64_t loads_ns)
{
	char *argv[] = { (char *)"/bin/bash", (char *)"-c",
			 (char *)"read -r line; printf RealGame.exe >/proc/self/comm; read -r line", NULL };
	int ends[2];
	pid_t pid;

	start_and_settle(world);
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = start_copy(world, "bin", "wine64", argv, ends[0], steam_env);
	close(ends[0]);
	tell_exec(world, pid);
	run_quietly(world, loads_ns);
	assert_int_equal(games_current(world->games), 0);
	assert_int_equal(write(ends[1], "\n", 1), 1);
	assert_int_equal(next_game(world), pid);
	close(ends[1]);
}

static void test_loader_is_named_later(void **state)
{
	found_when_named(*state, 1200 * NSEC_PER_MSEC);
}

static void test_loader_is_named_much_later(void **state)
{
	found_when_named(*state, 16 * NSEC_PER_SEC);
}

static void test_found_at_start(void **state)
{
	struct world *world = *state;
	pid_t pid = start_game(world, "game");
	uint64_t before = now_ns();

	start(world);
	assert_int_equal(next_game(world), pid);
	assert_true(now_ns() - before < 3 * NSEC_PER_SEC);
}

static void test_found_after_lost_records(void **state)
{
	struct world *world = *state;
	uint64_t rescans;
	pid_t pid;

	start_and_settle(world);
	rescans = games_facts(world->games).nr_rescans;
	pid = start_game(world, "game");
	for (int i = 0; i < 1000; i++)
		games_records_lost(world->games);
	assert_int_equal(next_game(world), pid);
	/* A thousand calls are one look. */
	assert_int_equal(games_facts(world->games).nr_rescans, rescans + 1);
}

/* A known process gets another program, and the record of that is lost. */
static void test_found_after_lost_exec(void **state)
{
	struct world *world = *state;
	char game[512], link[64], exe[512] = "";
	char *argv[] = { (char *)"/bin/bash", (char *)"-c", (char *)"read -r line; SteamAppId=730 exec \"$0\" 100", game, NULL };
	uint64_t before;
	ssize_t len;
	int ends[2];
	pid_t pid;

	snprintf(game, sizeof(game), "%s/steamapps/common/G/game", world->dir);
	start_and_settle(world);
	end_process(world, start_game(world, "game"));
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = start_copy(world, "bin", "tool", argv, ends[0], NULL);
	close(ends[0]);
	tell_exec(world, pid);
	run_quietly(world, 2300 * NSEC_PER_MSEC);
	assert_int_equal(write(ends[1], "\n", 1), 1);
	close(ends[1]);
	before = now_ns();
	snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
	while (!streq(exe, game) && now_ns() - before < 2 * NSEC_PER_SEC) {
		len = readlink(link, exe, sizeof(exe) - 1);
		exe[len > 0 ? len : 0] = '\0';
	}
	assert_string_equal(exe, game);
	before = now_ns();
	games_records_lost(world->games);
	assert_int_equal(next_game(world), pid);
	/* Before its time had come. */
	assert_true(now_ns() - before < 2 * NSEC_PER_SEC);
}

/* A look and another, however much was lost before. */
static void test_lost_is_looked_for_twice(void **state)
{
	struct world *world = *state;
	uint64_t rescans;

	start_and_settle(world);
	rescans = games_facts(world->games).nr_rescans;
	for (int i = 0; i < 20; i++) {
		games_records_lost(world->games);
		run_quietly(world, 50 * NSEC_PER_MSEC);
	}
	run_quietly(world, 14 * NSEC_PER_SEC);
	assert_int_equal(games_facts(world->games).nr_rescans, rescans + 2);
}

static void test_hints(void **state)
{
	struct world *world = *state;

	start_and_settle(world);
	for (int i = 0; i < 100; i++)
		games_hint(world->games, (enum games_hint)(i % NR_GAMES_HINTS), i & 1 ? NULL : "/x\n");
	run_quietly(world, NSEC_PER_SEC);
	assert_true(games_facts(world->games).nr_rescans <= 3);
}

static void test_others_are_left_alone(void **state)
{
	struct world *world = *state;

	start_and_settle(world);
	tell_exec(world, start_program(world, NULL, "firefox", steam_env));
	tell_exec(world, start_program(world, NULL, "steamwebhelper", steam_env));
	tell_exec(world, start_program(world, NULL, "bash", steam_env));
	tell_exec(world, start_program(world, "bin", "helper", steam_env));
	tell_exec(world, start_program(world, NULL, "no-signs", NULL));
	run_quietly(world, 3 * NSEC_PER_SEC);
	assert_int_equal(games_current(world->games), 0);
	assert_int_equal(world->nr_background, 0);
}

static void test_background(void **state)
{
	struct world *world = *state;
	struct arcade_control_record record = { .type = ARCADE_CONTROL_TASK_EXEC, .tree = 7 | ARCADE_TREE_BACKGROUND };
	pid_t pid;

	start_and_settle(world);
	pid = start_program(world, NULL, "fossilize_replay", steam_env);
	tell_exec(world, pid);
	run(world, GUARD_NS, 8);
	assert_int_equal(world->nr_background, 1);
	assert_int_equal(world->background[0], pid);
	assert_int_equal(games_current(world->games), 0);
	/* A look through /proc finds it again, and knows it. */
	games_rescan(world->games);
	run_quietly(world, 3 * NSEC_PER_SEC);
	assert_int_equal(world->nr_background, 1);
	/* Its child is in its tree: the kernel half knows. */
	pid = start_program(world, NULL, "cc1plus", NULL);
	record.pid = (uint32_t)pid;
	record.start_ns = start_ns_of(pid);
	games_control(world->games, &record);
	run_quietly(world, NSEC_PER_SEC);
	assert_int_equal(world->nr_background, 1);
	/* A game that is started there is a game all the same. */
	pid = start_game(world, "game");
	record.pid = (uint32_t)pid;
	record.start_ns = start_ns_of(pid);
	games_control(world->games, &record);
	assert_int_equal(next_game(world), pid);
}

/* Who ends before it is looked at costs nothing; no record of its end costs one look. */
static void test_short_processes(void **state)
{
	struct world *world = *state;
	struct games_facts facts;

	/* Nobody else is there. */
	world->config.proc_path = world->dir;
	start_and_settle(world);
	for (int i = 0; i < 5000; i++) {
		tell(world, ARCADE_CONTROL_TASK_EXEC, 100000 + i, 5 * NSEC_PER_SEC);
		tell(world, ARCADE_CONTROL_TASK_EXIT, 100000 + i, 5 * NSEC_PER_SEC);
	}
	facts = games_facts(world->games);
	assert_int_equal(facts.nr_candidates, 0);
	assert_int_equal(facts.nr_dropped, 0);
	tell(world, ARCADE_CONTROL_TASK_EXEC, 77, 5 * NSEC_PER_SEC);
	run_quietly(world, NSEC_PER_SEC);
	facts = games_facts(world->games);
	assert_int_equal(facts.nr_probes, 1);
	assert_int_equal(facts.nr_candidates, 0);
}

/* More than there is room for: bounded, and whoever found no place is found by a look through /proc. */
static void test_flood(void **state)
{
	struct world *world = *state;
	pid_t pid;

	start_and_settle(world);
	for (int i = 0; i < 10000; i++)
		tell(world, ARCADE_CONTROL_TASK_EXEC, 200000 + i, 5 * NSEC_PER_SEC);
	assert_int_equal(games_facts(world->games).nr_candidates, GAMES_CANDIDATES_MAX);
	assert_true(games_facts(world->games).nr_dropped > 8000);
	pid = start_game(world, "game");
	tell_exec(world, pid);
	assert_int_equal(next_game(world), pid);
	run_quietly(world, NSEC_PER_SEC);
	assert_true(games_facts(world->games).nr_candidates < GAMES_CANDIDATES_MAX / 2);
}

/* The number is a living game's, the record speaks of an earlier owner. */
static void test_other_start_time(void **state)
{
	struct world *world = *state;
	pid_t pid;

	start_and_settle(world);
	pid = start_game(world, "game");
	tell(world, ARCADE_CONTROL_TASK_EXEC, pid, start_ns_of(pid) - NSEC_PER_SEC);
	tell(world, ARCADE_CONTROL_GPU_SUBMIT, pid, start_ns_of(pid) - NSEC_PER_SEC);
	run_quietly(world, 1500 * NSEC_PER_MSEC);
	assert_int_equal(games_current(world->games), 0);
	tell_exec(world, pid);
	/* The end of that earlier owner is not the end of this one. */
	tell(world, ARCADE_CONTROL_TASK_EXIT, pid, start_ns_of(pid) - NSEC_PER_SEC);
	assert_int_equal(next_game(world), pid);
	tell(world, ARCADE_CONTROL_TASK_EXIT, pid, start_ns_of(pid) - NSEC_PER_SEC);
	run_quietly(world, 200 * NSEC_PER_MSEC);
	assert_int_equal(games_current(world->games), pid);
}

static void test_bad_records(void **state)
{
	struct world *world = *state;

	start_and_settle(world);
	for (uint32_t type = 0; type < 20; type++) {
		tell(world, (enum arcade_control)type, 0, 1);
		tell(world, (enum arcade_control)type, 1, NSEC_PER_SEC);
		tell(world, (enum arcade_control)type, -1, NSEC_PER_SEC);
		tell(world, (enum arcade_control)type, INT32_MAX, UINT64_MAX);
		tell(world, (enum arcade_control)type, getpid(), 0);
	}
	games_focus(world->games, -1, true);
	games_focus(world->games, 1, true);
	games_focus(world->games, INT32_MAX, true);
	games_gamemode(world->games, -5, true);
	games_gamemode(world->games, INT32_MAX, true);
	games_gamemode(world->games, INT32_MAX - 1, false);
	run_quietly(world, NSEC_PER_SEC);
}

/* The GPU makes a game of what has too few signs without. */
static void test_gpu(void **state)
{
	struct world *world = *state;
	pid_t pid;

	start_and_settle(world);
	pid = start_program(world, "GOG Games/G", "game", NULL);
	tell_exec(world, pid);
	run_quietly(world, NSEC_PER_SEC);
	tell(world, ARCADE_CONTROL_GPU_SUBMIT, pid, start_ns_of(pid));
	assert_int_equal(next_game(world), pid);
}

/* What came late is looked at late, and the answer counts. */
static void test_gamemode(void **state)
{
	struct world *world = *state;
	pid_t pid;

	start_and_settle(world);
	pid = start_program(world, "GOG Games/G", "game", NULL);
	games_gamemode(world->games, pid, true);
	assert_int_equal(next_game(world), pid);
	/* Taken back: it is none any more. */
	games_gamemode(world->games, pid, false);
	assert_int_equal(next_game(world), 0);
}

static void test_fullscreen(void **state)
{
	struct world *world = *state;
	pid_t pid;

	start_and_settle(world);
	pid = start_program(world, "GOG Games/G", "game", NULL);
	games_focus(world->games, pid, false);
	run_quietly(world, NSEC_PER_SEC);
	/* 40 for the place, 35 for the screen, 10 for the focus. */
	games_focus(world->games, pid, true);
	assert_int_equal(next_game(world), pid);
}

static void test_focus_chooses(void **state)
{
	struct world *world = *state;
	pid_t first, second;

	start_and_settle(world);
	first = start_game(world, "first");
	tell_exec(world, first);
	assert_int_equal(next_game(world), first);
	/* As good as the first: no reason to change. */
	second = start_game(world, "second");
	tell_exec(world, second);
	run_quietly(world, 1500 * NSEC_PER_MSEC);
	assert_int_equal(games_current(world->games), first);
	world->stop_at_decision = false;
	games_focus(world->games, second, false);
	assert_int_equal(games_current(world->games), second);
	games_focus(world->games, first, true);
	assert_int_equal(games_current(world->games), first);
	/* Somewhere else: the game stays the game. */
	games_focus(world->games, getpid(), true);
	games_focus(world->games, 0, false);
	assert_int_equal(games_current(world->games), first);
	run_quietly(world, 500 * NSEC_PER_MSEC);
	/* The next best takes its place. */
	end_process(world, first);
	run_quietly(world, 300 * NSEC_PER_MSEC);
	assert_int_equal(games_current(world->games), second);
	assert_int_equal(world->seen[world->nr_seen - 2], 0);
	assert_int_equal(world->seen[world->nr_seen - 1], second);
}

/* A launcher that Steam has started, and then the game, which does more. */
static void test_better_one_takes_over(void **state)
{
	struct world *world = *state;
	pid_t first, second;

	start_and_settle(world);
	first = start_game(world, "prelaunch");
	tell_exec(world, first);
	assert_int_equal(next_game(world), first);
	second = start_game(world, "game");
	tell_exec(world, second);
	tell(world, ARCADE_CONTROL_GPU_SUBMIT, second, start_ns_of(second));
	assert_int_equal(next_game(world), second);
	run_quietly(world, NSEC_PER_SEC);
}

static void test_game_by_pid(void **state)
{
	struct world *world = *state;
	pid_t pid = start_program(world, "bin", "anything", NULL);

	start_game(world, "game");
	world->config.pid = pid;
	start(world);
	assert_int_equal(games_current(world->games), pid);
	games_announce(world->games);
	assert_int_equal(world->nr_seen, 1);
	assert_int_equal(world->seen[0], pid);
	loop_run(world->loop);
	run_quietly(world, NSEC_PER_SEC);
	end_process(world, pid);
	assert_int_equal(next_game(world), 0);
	/* The user's word still counts: nothing else is the game. */
	run_quietly(world, NSEC_PER_SEC);
	assert_int_equal(games_current(world->games), 0);
}

static void test_no_such_pid(void **state)
{
	struct world *world = *state;
	pid_t pid = start_program(world, "bin", "anything", NULL);

	end_process(world, pid);
	world->config.pid = pid;
	assert_int_equal(start_err(world), -ESRCH);
	assert_null(world->games);
}

static void test_game_by_name(void **state)
{
	struct world *world = *state;
	pid_t pid;

	start_game(world, "game");
	world->config.name = "firefox";
	world->config.no_detect = true;
	start(world);
	/* Not there yet; a game that is there is not meant. */
	run_quietly(world, NSEC_PER_SEC);
	pid = start_program(world, "bin", "firefox", NULL);
	tell_exec(world, pid);
	assert_int_equal(next_game(world), pid);
	end_process(world, pid);
	assert_int_equal(next_game(world), 0);
	/* And again. */
	pid = start_program(world, "bin", "firefox", NULL);
	tell_exec(world, pid);
	assert_int_equal(next_game(world), pid);
}

static void test_no_detection(void **state)
{
	struct world *world = *state;
	pid_t pid = start_game(world, "game");

	world->config.no_detect = true;
	start(world);
	tell_exec(world, pid);
	tell_exec(world, start_program(world, "bin", "cc1", NULL));
	tell(world, ARCADE_CONTROL_GPU_SUBMIT, pid, start_ns_of(pid));
	games_focus(world->games, pid, true);
	games_gamemode(world->games, pid, true);
	games_rescan(world->games);
	run_quietly(world, NSEC_PER_SEC);
	assert_int_equal(games_facts(world->games).nr_probes, 0);
	assert_int_equal(games_facts(world->games).nr_candidates, 0);
}

static void test_lists_of_programs(void **state)
{
	struct world *world = *state;
	char dir[512];
	pid_t pid;

	snprintf(dir, sizeof(dir), "%s/programs.d", world->dir);
	world->config.programs_dir = dir;
	unit_write_text(world->dir, "programs.d/a.conf", "[gmae]\n");
	assert_int_equal(start_err(world), -EINVAL);
	assert_null(world->games);
	unit_write_text(world->dir, "programs.d/a.conf", "[never]\nmygame\n");
	start_and_settle(world);
	pid = start_game(world, "mygame");
	tell_exec(world, pid);
	run_quietly(world, NSEC_PER_SEC);
	/* A mistake changes nothing. */
	unit_write_text(world->dir, "programs.d/a.conf", "mygame\n");
	games_hint(world->games, GAMES_HINT_PROGRAMS, NULL);
	run_quietly(world, NSEC_PER_SEC);
	assert_int_equal(world->nr_cleared, 0);
	/* Corrected, twice at once. */
	unit_write_text(world->dir, "programs.d/a.conf", "# nothing\n");
	games_hint(world->games, GAMES_HINT_PROGRAMS, NULL);
	games_hint(world->games, GAMES_HINT_PROGRAMS, NULL);
	assert_int_equal(next_game(world), pid);
	assert_true(world->nr_cleared >= 1);
	/* Listed out while it is in front. */
	unit_write_text(world->dir, "programs.d/a.conf", "[never]\nmygame\n");
	games_reload(world->games);
	assert_int_equal(next_game(world), 0);
}

/* Of a session of the kernel half that is new: all that is decided is said again. */
static void test_announce(void **state)
{
	struct world *world = *state;
	pid_t pid, compiler;

	start_and_settle(world);
	pid = start_game(world, "game");
	compiler = start_program(world, "bin", "cc1plus", NULL);
	tell_exec(world, pid);
	assert_int_equal(next_game(world), pid);
	world->stop_at_decision = false;
	world->nr_background = 0;
	games_announce(world->games);
	assert_int_equal(world->seen[world->nr_seen - 1], pid);
	assert_int_equal(world->nr_seen, 2);
	run_quietly(world, NSEC_PER_SEC);
	assert_int_equal(world->nr_seen, 2);
	for (int i = 0; i < world->nr_background; i++)
		if (world->background[i] == compiler)
			return;
	fail_msg("the compiler is not marked again");
}

static void test_free_at_any_time(void **state)
{
	struct world *world = *state;
	pid_t pid = start_game(world, "game");

	games_free(NULL);
	for (int i = 0; i < 20; i++) {
		start(world);
		tell_exec(world, pid);
		games_focus(world->games, pid, i & 1);
		games_reload(world->games);
		world->stop_at_decision = false;
		run_quietly(world, (uint64_t)i * 10 * NSEC_PER_MSEC + NSEC_PER_MSEC);
		world->nr_seen = world->nr_background = 0;
		games_free(world->games);
		world->games = NULL;
	}
}

static int reload_when_full(struct timer *timer, uint64_t now)
{
	struct world *world = container_of(timer, struct world, reload);

	if (!games_facts(world->games).nr_queue_full)
		return 0;
	timer_disarm(timer);
	games_reload(world->games);
	return 0;
}

/* What is asked for while the queue is full is done when it is not. */
static void test_reload_with_full_queue(void **state)
{
	const uint64_t grid_ns = 50 * NSEC_PER_MSEC;
	struct world *world = *state;

	start_and_settle(world);
	assert_int_equal(world->nr_cleared, 0);
	for (int i = 0; i < 2 * PROBER_QUEUE_MAX; i++)
		tell(world, ARCADE_CONTROL_TASK_EXEC, 4000000 + i, NSEC_PER_SEC);
	/* Right behind the timer that fills the queue, in the same round. */
	timer_init(&world->reload, "reload", reload_when_full);
	timer_arm(&world->reload, world->loop, (now_ns() / grid_ns + 1) * grid_ns + 1, grid_ns);
	run_quietly(world, 2 * NSEC_PER_SEC);
	assert_false(timer_is_armed(&world->reload));
	assert_int_equal(world->nr_cleared, 1);
}

/* A read that does not come back holds up neither the loop nor what else is to be found. */
static void test_stalled_read(void **state)
{
	struct world *world = *state;
	struct stall stall;
	uint64_t before;
	char dir[512];
	pid_t pid;

	if (stall_start(&stall)) {
		print_message("skipped: FUSE cannot be mounted here\n");
		skip();
	}
	start_and_settle(world);
	games_free(world->games);
	world->games = NULL;
	/* The folder of configuration goes away under the daemon, as a network's file system does. */
	snprintf(dir, sizeof(dir), "%s/programs.d", world->dir);
	unit_write_text(world->dir, "programs.d/a.conf", "");
	world->config.programs_dir = dir;
	start_and_settle(world);
	assert_int_equal(mount(stall.dir, dir, "", MS_BIND, NULL), 0);
	games_reload(world->games);
	pid = start_game(world, "game");
	tell_exec(world, pid);
	before = now_ns();
	run_quietly(world, 300 * NSEC_PER_MSEC);
	assert_true(now_ns() - before < 600 * NSEC_PER_MSEC);
	assert_int_equal(next_game(world), pid);
	assert_true(now_ns() - before < 8 * NSEC_PER_SEC);
	before = now_ns();
	end_process(world, pid);
	assert_int_equal(next_game(world), 0);
	assert_true(now_ns() - before < 100 * NSEC_PER_MSEC);
	stall_release(&stall);
	games_free(world->games);
	world->games = NULL;
	assert_int_equal(umount2(dir, MNT_DETACH), 0);
	stall_end(&stall);
}

static bool has_pidfds(void)
{
	int fd = (int)syscall(SYS_pidfd_open, getpid(), 0);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno != ENOSYS;
}

#define GAMES_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		GAMES_TEST(test_found_after_exec),	 GAMES_TEST(test_found_at_start),
		GAMES_TEST(test_loader_is_named_later),	 GAMES_TEST(test_loader_is_named_much_later),
		GAMES_TEST(test_found_after_lost_records), GAMES_TEST(test_found_after_lost_exec),
		GAMES_TEST(test_lost_is_looked_for_twice), GAMES_TEST(test_hints),
		GAMES_TEST(test_others_are_left_alone),	 GAMES_TEST(test_background),
		GAMES_TEST(test_short_processes),	 GAMES_TEST(test_flood),
		GAMES_TEST(test_other_start_time),	 GAMES_TEST(test_bad_records),
		GAMES_TEST(test_gpu),			 GAMES_TEST(test_gamemode),
		GAMES_TEST(test_fullscreen),		 GAMES_TEST(test_focus_chooses),
		GAMES_TEST(test_better_one_takes_over),	 GAMES_TEST(test_game_by_pid),
		GAMES_TEST(test_no_such_pid),		 GAMES_TEST(test_game_by_name),
		GAMES_TEST(test_no_detection),		 GAMES_TEST(test_lists_of_programs),
		GAMES_TEST(test_announce),		 GAMES_TEST(test_free_at_any_time),
		GAMES_TEST(test_reload_with_full_queue),
		GAMES_TEST(test_stalled_read),
	};

	/* What can be seen where nobody's end is told, and so nobody is the game. */
	const struct CMUnitTest tests_without_pidfds[] = {
		GAMES_TEST(test_hints),		 GAMES_TEST(test_others_are_left_alone),
		GAMES_TEST(test_short_processes), GAMES_TEST(test_bad_records),
		GAMES_TEST(test_no_detection),	 GAMES_TEST(test_free_at_any_time),
	};

	/* Every kernel with sched_ext has them; some versions of valgrind, which emulates system calls, do not. */
	if (!has_pidfds())
		return cmocka_run_group_tests_name("games without pidfds", tests_without_pidfds, NULL, NULL);
	return cmocka_run_group_tests_name("games", tests, NULL, NULL);
}
