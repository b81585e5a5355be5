/* SPDX-License-Identifier: GPL-2.0-only */
#include "unit.h"

#include "score.h"
#include "util.h"

struct world {
	struct programs *programs;
	struct proc_info proc;
	struct score_facts facts;
};

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	char message[PROGRAMS_MESSAGE_MAX];

	assert_non_null(world);
	assert_int_equal(programs_new(NULL, NULL, message, &world->programs), 0);
	world->facts.proc = &world->proc;
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	programs_unref(world->programs);
	free(world);
	return 0;
}

/* A process of this executable, with arguments that are separated by '|'. */
static void become(struct world *world, const char *comm, const char *exe, const char *args)
{
	world->proc = (struct proc_info){ .id = { 100, 1 }, .state = 'S', .nr_threads = 1 };
	world->facts = (struct score_facts){ .proc = &world->proc };
	snprintf(world->proc.comm, sizeof(world->proc.comm), "%s", comm);
	snprintf(world->proc.exe, sizeof(world->proc.exe), "%s", exe);
	snprintf(world->proc.args, sizeof(world->proc.args), "%s", args);
	world->proc.args_len = strlen(args) + 1;
	for (char *p = world->proc.args; *p || p < world->proc.args + strlen(args); p++)
		if (*p == '|')
			*p = '\0';
}

static struct score score_of(struct world *world)
{
	return score_process(&world->facts, world->programs);
}

static void check_verdict(struct world *world, enum score_verdict verdict, enum score_reason reason)
{
	struct score score = score_of(world);
	char text[SCORE_TEXT_MAX];

	if (score.verdict != verdict || score.reason != reason)
		fail_msg("%s: %s (%s), %d points: %s", score.name, score_verdict_text(score.verdict),
			 score_reason_text(score.reason), score.points, score_describe(&score, text, sizeof(text)));
}

static void check_game(struct world *world)
{
	check_verdict(world, SCORE_GAME, SCORE_REASON_NONE);
}

static void check_name(struct world *world, const char *name)
{
	char buf[SCORE_NAME_MAX];

	assert_string_equal(score_program_name(&world->proc, buf), name);
}

#define STEAM "/home/p/.local/share/Steam"

static void test_names(void **state)
{
	struct world *world = *state;

	become(world, "hl2_linux", STEAM "/steamapps/common/Half-Life 2/hl2_linux", "./hl2_linux|-game|hl2");
	check_name(world, "hl2_linux");
	assert_false(score_is_wine(&world->proc));
	become(world, "Game.exe", "/usr/lib/wine/wine64-preloader", "Z:\\games\\My Game.exe|-windowed");
	check_name(world, "My Game.exe");
	assert_true(score_is_wine(&world->proc));
	become(world, "Cyberpunk2077.e", "/opt/wine/bin/wine64-preloader", "C:\\Cyberpunk2077.EXE");
	check_name(world, "Cyberpunk2077.EXE");
	become(world, "Short.exe", "/usr/bin/wine64", "");
	check_name(world, "Short.exe");
	become(world, "python3", "/usr/bin/python3.11", "python3|-u|" STEAM "/x/proton|waitforexitandrun|Game.exe");
	check_name(world, "proton");
	become(world, "java", "/usr/lib/jvm/bin/java", "java|-Xmx4G|-cp|a.jar:b.jar|net.minecraft.client.main.Main");
	check_name(world, "net.minecraft.client.main.Main");
	become(world, "python3", "/usr/bin/python3.11", "python3|-c|import os");
	check_name(world, "python3.11");
	become(world, "firefox", "/nix/store/x/bin/.firefox-wrapped", "firefox");
	check_name(world, "firefox");
	become(world, ".-wrapped", "/x/.-wrapped", "x");
	check_name(world, "");
	become(world, "doom", "", "");
	check_name(world, "doom");
	become(world, "cut to fifteen ", "", "/usr/games/cut to fifteen letters");
	check_name(world, "cut to fifteen letters");
}

static void test_steam_native(void **state)
{
	struct world *world = *state;

	become(world, "hl2_linux", STEAM "/steamapps/common/Half-Life 2/hl2_linux", "./hl2_linux");
	world->proc.env = PROC_ENV_STEAM;
	world->proc.steam_app_id = 220;
	check_game(world);
	assert_int_equal(score_of(world).steam_app_id, 220);
	/* Started from a terminal within its folder: nobody but the folder says so. */
	world->proc.env = 0;
	check_verdict(world, SCORE_NOT, SCORE_REASON_POINTS);
	world->facts.ancestry.reaper_app_id = 220;
	check_game(world);
}

/* Everything between the reaper and the game. */
static void test_wrappers_of_steam(void **state)
{
	static const struct {
		const char *comm, *exe, *args;
	} wrappers[] = {
		{ "reaper", STEAM "/ubuntu12_32/reaper", "reaper|SteamLaunch|AppId=730|--|x" },
		{ "steam-launch-wr", STEAM "/ubuntu12_32/steam-launch-wrapper", "steam-launch-wrapper|--|x" },
		{ "pv-bwrap", STEAM "/steamapps/common/SteamLinuxRuntime_sniper/pressure-vessel/libexec/pv-bwrap", "pv-bwrap" },
		{ "pv-adverb", STEAM "/steamapps/common/SteamLinuxRuntime_sniper/pressure-vessel/bin/pv-adverb", "pv-adverb" },
		{ "python3", "/usr/bin/python3.11", "python3|" STEAM "/steamapps/common/Proton 9.0/proton|waitforexitandrun" },
		{ "wineserver", STEAM "/steamapps/common/Proton 9.0/files/bin/wineserver", "wineserver" },
		{ "steam.exe", STEAM "/steamapps/common/Proton 9.0/files/bin/wine64-preloader", "c:\\windows\\system32\\steam.exe|Z:\\Game.exe" },
		{ "services.exe", STEAM "/steamapps/common/Proton 9.0/files/bin/wine64-preloader", "C:\\windows\\system32\\services.exe" },
		{ "explorer.exe", STEAM "/steamapps/common/Proton 9.0/files/bin/wine64-preloader", "C:\\windows\\system32\\explorer.exe|/desktop" },
		{ "sh", "/usr/bin/dash", "/bin/sh|" STEAM "/steamapps/common/Game/start.sh" },
		{ "bash", "/usr/bin/bash", "bash|" STEAM "/steamapps/common/SteamLinuxRuntime_sniper/_v2-entry-point" },
		{ "UnityCrashHandl", STEAM "/steamapps/common/Proton 9.0/files/bin/wine64-preloader", "Z:\\x\\UnityCrashHandler64.exe" },
		{ "gameoverlayui", STEAM "/ubuntu12_32/gameoverlayui", "gameoverlayui|-pid|7" },
	};
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_SIZE(wrappers); i++) {
		become(world, wrappers[i].comm, wrappers[i].exe, wrappers[i].args);
		world->proc.env = PROC_ENV_STEAM | PROC_ENV_PROTON;
		world->facts.ancestry.reaper_app_id = 730;
		world->facts.gpu_submit = world->facts.focused = world->facts.fullscreen = true;
		world->proc.nr_threads = 60;
		check_verdict(world, SCORE_NOT, SCORE_REASON_LISTED);
	}
	/* Its name is listed, but is not its last: the reason must not be one that is final. */
	become(world, "wine64", "/usr/lib/wine/wine64", "wine64");
	world->proc.env = PROC_ENV_STEAM;
	check_verdict(world, SCORE_NOT, SCORE_REASON_UNNAMED_WINE);
	/* A helper of the runtime whose name nobody knows: its place is no library. */
	become(world, "new-helper", STEAM "/steamapps/common/SteamLinuxRuntime_sniper/new-helper", "new-helper");
	world->proc.env = PROC_ENV_STEAM;
	world->facts.ancestry.reaper_app_id = 730;
	check_verdict(world, SCORE_NOT, SCORE_REASON_FAMILIES);
}

static void test_windows_programs(void **state)
{
	struct world *world = *state;

	become(world, "Game.exe", "/usr/lib/wine/wine64-preloader", "Z:\\home\\p\\Game.exe");
	check_verdict(world, SCORE_NOT, SCORE_REASON_POINTS);
	world->proc.env = PROC_ENV_STEAM;
	check_game(world);
	world->proc.env = PROC_ENV_LUTRIS;
	check_game(world);
	world->proc.env = PROC_ENV_BOTTLES;
	check_game(world);
	world->proc.env = 0;
	world->facts.gpu_submit = true;
	check_game(world);
	world->facts.gpu_submit = false;
	world->facts.gamemode = true;
	check_game(world);
	/* A service of Wine that is on no list: the folder of Windows is a sign against it. */
	become(world, "newsvc.exe", "/usr/lib/wine/wine64-preloader", "C:\\windows\\system32\\newsvc.exe");
	world->proc.env = PROC_ENV_PROTON;
	check_verdict(world, SCORE_NOT, SCORE_REASON_POINTS);
}

static void test_flatpak_and_scopes(void **state)
{
	struct world *world = *state;

	become(world, "Game.x86_64", "/home/p/.var/app/com.valvesoftware.Steam/.local/share/Steam/steamapps/common/G/Game.x86_64", "");
	snprintf(world->proc.cgroup, sizeof(world->proc.cgroup),
		 "/user.slice/user-1000.slice/user@1000.service/app.slice/app-flatpak-com.valvesoftware.Steam-4711.scope");
	assert_int_equal(score_of(world).signals, 1u << SCORE_FLATPAK_SCOPE | 1u << SCORE_LIBRARY);
	check_verdict(world, SCORE_NOT, SCORE_REASON_POINTS);
	world->proc.env = PROC_ENV_STEAM;
	check_game(world);
	become(world, "Game", "/opt/steam/steamapps/common/G/Game", "");
	snprintf(world->proc.cgroup, sizeof(world->proc.cgroup), "/user.slice/app.slice/app-steam-app1091500-4711.scope");
	check_game(world);
	assert_int_equal(score_of(world).steam_app_id, 1091500);
	snprintf(world->proc.cgroup, sizeof(world->proc.cgroup), "/app-steam-app99999999999999999999999-1.scope");
	assert_false(score_of(world).signals & 1u << SCORE_STEAM_SCOPE);
	snprintf(world->proc.cgroup, sizeof(world->proc.cgroup), "/app-steam-application.scope");
	assert_false(score_of(world).signals & 1u << SCORE_STEAM_SCOPE);
}

/* Of one kind there is never enough: a second opinion is needed. */
static void test_families(void **state)
{
	struct world *world = *state;

	become(world, "tool", "/opt/tool", "tool");
	world->proc.env = PROC_ENV_STEAM | PROC_ENV_PROTON | PROC_ENV_LUTRIS | PROC_ENV_HEROIC;
	world->facts.ancestry = (struct score_ancestry){ .reaper_app_id = 1, .launcher = true };
	check_verdict(world, SCORE_NOT, SCORE_REASON_FAMILIES);
	assert_int_equal(score_of(world).nr_families, 1);
	/* Whatever a program does: it is a desktop program until somebody says more. */
	become(world, "tool", "/opt/tool", "tool");
	world->facts.gpu_submit = true;
	world->facts.focused = true;
	world->proc.maps = PROC_MAP_GPU | PROC_MAP_GRAPHICS | PROC_MAP_ENGINE;
	world->proc.nr_threads = 100;
	world->proc.rss_bytes = 8ULL << 30;
	check_verdict(world, SCORE_NOT, SCORE_REASON_POINTS);
	world->facts.fullscreen = true;
	check_game(world);
	/* With widgets, or a web engine, it is a viewer or a browser. */
	world->proc.maps |= PROC_MAP_TOOLKIT;
	check_verdict(world, SCORE_NOT, SCORE_REASON_POINTS);
	world->proc.maps = PROC_MAP_WEB;
	check_verdict(world, SCORE_NOT, SCORE_REASON_POINTS);
}

/* Each input on its own makes its signal, and no other. */
static void test_each_signal(void **state)
{
	struct world *world = *state;
	const struct {
		bool *fact;
		enum score_signal signal;
	} facts[] = {
		{ &world->facts.gpu_submit, SCORE_GPU },    { &world->facts.gamemode, SCORE_GAMEMODE },
		{ &world->facts.focused, SCORE_FOCUS },	    { &world->facts.fullscreen, SCORE_FULLSCREEN },
		{ &world->facts.ancestry.launcher, SCORE_LAUNCHER },
	};
	const struct {
		uint32_t env, maps, signals;
	} bits[] = {
		{ PROC_ENV_STEAM, 0, 1u << SCORE_STEAM_ENV },
		{ PROC_ENV_PROTON, 0, 1u << SCORE_PROTON_ENV },
		{ PROC_ENV_LUTRIS, 0, 1u << SCORE_LAUNCHER_ENV },
		{ PROC_ENV_HEROIC, 0, 1u << SCORE_LAUNCHER_ENV },
		{ PROC_ENV_BOTTLES, 0, 1u << SCORE_LAUNCHER_ENV },
		{ PROC_ENV_ITCH, 0, 1u << SCORE_LAUNCHER_ENV },
		{ PROC_ENV_PRISM, 0, 1u << SCORE_LAUNCHER_ENV },
		{ PROC_ENV_MANGOHUD, 0, 0 },
		{ PROC_ENV_GAMEMODE, 0, 1u << SCORE_GAMEMODE_LIBRARY },
		{ 0, PROC_MAP_MANGOHUD, 1u << SCORE_MANGOHUD },
		{ 0, PROC_MAP_GAMEMODE, 1u << SCORE_GAMEMODE_LIBRARY },
		{ 0, PROC_MAP_STEAM_API, 1u << SCORE_STEAM_API },
		{ 0, PROC_MAP_GRAPHICS, 1u << SCORE_GRAPHICS },
		{ 0, PROC_MAP_GPU, 1u << SCORE_GPU_MAPPED },
		{ 0, PROC_MAP_ENGINE, 1u << SCORE_ENGINE },
		{ 0, PROC_MAP_WEB, 1u << SCORE_WEB },
		{ 0, PROC_MAP_TOOLKIT, 1u << SCORE_TOOLKIT },
	};
	char text[SCORE_TEXT_MAX];
	struct score score;

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++) {
		become(world, "tool", "/opt/tool", "tool");
		assert_int_equal(score_of(world).signals, 0);
		*facts[i].fact = true;
		score = score_of(world);
		assert_int_equal(score.signals, 1u << facts[i].signal);
		assert_int_equal(score.points, score_weight(facts[i].signal));
		score_describe(&score, text, sizeof(text));
		assert_non_null(strstr(text, score_signal_text(facts[i].signal)));
	}
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		become(world, "tool", "/opt/tool", "tool");
		world->proc.env = bits[i].env;
		world->proc.maps = bits[i].maps;
		assert_int_equal(score_of(world).signals, bits[i].signals);
	}
	become(world, "tool", "/opt/tool", "tool");
	world->proc.nr_threads = 15;
	world->proc.rss_bytes = (200ULL << 20) - 1;
	assert_int_equal(score_of(world).signals, 0);
	world->proc.nr_threads = 48;
	world->proc.rss_bytes = 1ULL << 30;
	assert_int_equal(score_of(world).signals, 1u << SCORE_THREADS | 1u << SCORE_MANY_THREADS | 1u << SCORE_MEMORY |
							  1u << SCORE_MUCH_MEMORY);
}

static void test_libraries(void **state)
{
	static const char *const inside[] = {
		"/mnt/steamapps/common/G/g", "/home/p/GOG Games/G/game/g", "/home/p/Games/Heroic/G/g", "/usr/games/g",
		"/home/p/.config/itch/apps/g/g",
	};
	static const char *const outside[] = {
		"/usr/bin/g", "/home/p/games", "/mnt/steamapps/common/Proton 9.0/files/g", "/mnt/steamapps/workshop/g",
		"/mnt/steamapps/common/SteamLinuxRuntime_soldier/g", "",
	};
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_SIZE(inside); i++) {
		become(world, "g", inside[i], "g");
		if (!(score_of(world).signals & 1u << SCORE_LIBRARY))
			fail_msg("%s is no library", inside[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(outside); i++) {
		become(world, "g", outside[i], "g");
		if (score_of(world).signals & 1u << SCORE_LIBRARY)
			fail_msg("%s is a library", outside[i]);
	}
	become(world, "g.exe", "/usr/bin/wine64", "S:\\SteamApps\\common\\G\\g.exe");
	assert_true(score_of(world).signals & 1u << SCORE_LIBRARY);
}

static void test_lists_are_final(void **state)
{
	static const struct {
		const char *exe, *args;
		enum score_verdict verdict;
	} listed[] = {
		{ "/usr/lib/firefox/firefox", "firefox", SCORE_NOT },
		{ "/opt/google/chrome/chrome", "chrome|--type=gpu-process", SCORE_NOT },
		{ STEAM "/ubuntu12_64/steamwebhelper", "steamwebhelper|--type=renderer", SCORE_NOT },
		{ STEAM "/ubuntu12_32/steam", "steam", SCORE_NOT },
		{ STEAM "/ubuntu12_64/fossilize_replay", "fossilize_replay", SCORE_BACKGROUND },
		{ "/usr/lib/gcc/x86_64-linux-gnu/12/cc1plus", "cc1plus", SCORE_BACKGROUND },
		{ "/usr/bin/python3.11", "/usr/bin/python3|/usr/bin/lutris", SCORE_NOT },
	};
	struct world *world = *state;

	for (size_t i = 0; i < ARRAY_SIZE(listed); i++) {
		become(world, "x", listed[i].exe, listed[i].args);
		world->facts.gpu_submit = world->facts.gamemode = world->facts.focused = world->facts.fullscreen = true;
		world->facts.ancestry = (struct score_ancestry){ .reaper_app_id = 7, .launcher = true };
		world->proc.env = ~0u;
		check_verdict(world, listed[i].verdict, SCORE_REASON_LISTED);
		/* But the user is above the lists. */
		world->facts.named = true;
		check_game(world);
	}
	become(world, "retroarch", "/usr/bin/retroarch", "retroarch");
	check_game(world);
	/* Of a browser that nobody knows the helpers still show. */
	become(world, "newbrowser", "/opt/nb/newbrowser", "newbrowser|--foo|--type=renderer");
	world->facts.gamemode = world->facts.gpu_submit = true;
	check_verdict(world, SCORE_NOT, SCORE_REASON_WEB_HELPER);
	become(world, "newbrowser", "/opt/nb/newbrowser", "newbrowser|-contentproc|7");
	world->facts.gamemode = world->facts.gpu_submit = true;
	check_verdict(world, SCORE_NOT, SCORE_REASON_WEB_HELPER);
}

static void test_no_candidates(void **state)
{
	struct world *world = *state;

	become(world, "kworker/0:0", "", "");
	world->proc.kernel_thread = true;
	world->facts.named = true;
	check_verdict(world, SCORE_NOT, SCORE_REASON_KERNEL);
	become(world, "Game.exe", "/usr/bin/wine64", "Game.exe");
	world->proc.state = 'Z';
	world->facts.named = true;
	check_verdict(world, SCORE_NOT, SCORE_REASON_ENDED);
}

/* Of two that are games the game itself has more points than what it brought along. */
static void test_game_beats_its_helpers(void **state)
{
	struct world *world = *state;
	int helper, game;

	become(world, "prelaunch.exe", "/usr/bin/wine64", "Z:\\steamapps\\common\\G\\prelaunch.exe");
	world->proc.env = PROC_ENV_STEAM;
	check_game(world);
	helper = score_of(world).points;
	become(world, "G.exe", "/usr/bin/wine64", "Z:\\steamapps\\common\\G\\G.exe");
	world->proc.env = PROC_ENV_STEAM;
	world->proc.maps = PROC_MAP_GRAPHICS | PROC_MAP_ENGINE;
	world->proc.nr_threads = 40;
	game = score_of(world).points;
	assert_true(game >= helper + 20);
}

static void test_reaper(void **state)
{
	struct world *world = *state;

	become(world, "reaper", "/x/reaper", "/x/reaper|SteamLaunch|AppId=1091500|--|/x/game|AppId=1");
	assert_int_equal(score_reaper_app_id(&world->proc), 1091500);
	become(world, "reaper", "/x/reaper", "/x/reaper|SteamLaunch|--|/x/game|AppId=1");
	assert_int_equal(score_reaper_app_id(&world->proc), 0);
	become(world, "reaper", "/x/reaper", "/x/reaper|AppId=0|AppId=x|AppId=|AppId=99999999999999999999999");
	assert_int_equal(score_reaper_app_id(&world->proc), 0);
	become(world, "steam", "/x/steam", "steam|SteamLaunch|AppId=1|--");
	assert_int_equal(score_reaper_app_id(&world->proc), 0);
}

static void test_named(void **state)
{
	struct world *world = *state;

	become(world, "Game.exe", "/usr/bin/wine64", "Z:\\G\\Game.exe");
	assert_true(score_is_named(&world->proc, "game.exe"));
	assert_true(score_is_named(&world->proc, "Game.exe"));
	assert_false(score_is_named(&world->proc, "wine64"));
	become(world, "GameThread", "/opt/g/real-name", "x");
	assert_true(score_is_named(&world->proc, "real-name"));
	assert_true(score_is_named(&world->proc, "GameThread"));
	assert_false(score_is_named(&world->proc, "x"));
	become(world, "python3", "/usr/bin/python3.11", "python3|/x/proton|run|Z:\\Game.exe");
	assert_false(score_is_named(&world->proc, "Game.exe"));
}

/* Any bytes in any field: an answer, no crash, and nothing beyond the limits. */
static void test_any_bytes(void **state)
{
	struct world *world = *state;
	struct unit_random random = { .state = 815 };
	const char alphabet[] = "/\\.-exe wine64 --type= steamapps/common AppId=1python java Games";

	for (int i = 0; i < FUZZ_ROUNDS; i++) {
		struct score score;
		char text[SCORE_TEXT_MAX];

		world->proc = (struct proc_info){ .state = 'S' };
		unit_random_string(&random, alphabet, world->proc.comm, sizeof(world->proc.comm) - 1);
		unit_random_string(&random, alphabet, world->proc.exe, sizeof(world->proc.exe) - 1);
		unit_random_string(&random, alphabet, world->proc.args, sizeof(world->proc.args) - 1);
		unit_random_string(&random, alphabet, world->proc.cgroup, sizeof(world->proc.cgroup) - 1);
		world->proc.args_len = strlen(world->proc.args) + 1;
		for (size_t k = 0; k + 1 < world->proc.args_len; k += 1 + unit_random_below(&random, 100))
			world->proc.args[k] = '\0';
		world->proc.env = (uint32_t)unit_random_next(&random);
		world->proc.maps = (uint32_t)unit_random_next(&random);
		world->facts.gpu_submit = i & 1;
		score = score_of(world);
		assert_true(memchr(score.name, '\0', sizeof(score.name)) != NULL);
		assert_true(score.verdict != SCORE_GAME || score.section == PROGRAMS_GAME ||
			    (score.points >= SCORE_THRESHOLD && score.nr_families >= SCORE_FAMILIES_MIN));
		score_describe(&score, text, sizeof(text));
		score_describe(&score, text, 1 + unit_random_below(&random, 40));
		score_reaper_app_id(&world->proc);
		score_is_named(&world->proc, "game");
	}
}

#define SCORE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCORE_TEST(test_names),		      SCORE_TEST(test_steam_native),
		SCORE_TEST(test_wrappers_of_steam),   SCORE_TEST(test_windows_programs),
		SCORE_TEST(test_flatpak_and_scopes),  SCORE_TEST(test_families),
		SCORE_TEST(test_each_signal),	      SCORE_TEST(test_libraries),
		SCORE_TEST(test_lists_are_final),     SCORE_TEST(test_no_candidates),
		SCORE_TEST(test_game_beats_its_helpers), SCORE_TEST(test_reaper),
		SCORE_TEST(test_named),		      SCORE_TEST(test_any_bytes),
	};

	return cmocka_run_group_tests_name("score", tests, NULL, NULL);
}
