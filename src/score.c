// SPDX-License-Identifier: GPL-2.0-only
#include "score.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util.h"

#define MIB (1024ULL * 1024)

enum family {
	FAMILY_NONE,	/* points, but no second opinion */
	FAMILY_USER,
	FAMILY_START,	/* who started it */
	FAMILY_PLACE,	/* what and where the program is */
	FAMILY_WORK,	/* what it does */
	FAMILY_HELPER,	/* who else takes it for a game */
	FAMILY_SCREEN,
	NR_FAMILIES,
};

/*
 * A family is one witness, however often it speaks. What a process does counts least: any program that draws has a GPU,
 * threads and memory. The sum of two families that are no more than typical of desktop programs must stay below the
 * threshold.
 */
static const int family_max[NR_FAMILIES] = {
	[FAMILY_NONE] = 1000,  [FAMILY_USER] = 1000, [FAMILY_START] = 80, [FAMILY_PLACE] = 80,
	[FAMILY_WORK] = 50, [FAMILY_HELPER] = 70, [FAMILY_SCREEN] = 35,
};

static const struct {
	enum family family;
	int weight;
	const char *text;
} signals[NR_SCORE_SIGNALS] = {
	[SCORE_NAMED] = { FAMILY_USER, 200, "named by --game" },
	[SCORE_LISTED] = { FAMILY_USER, 100, "listed as a game" },
	[SCORE_STEAM_ENV] = { FAMILY_START, 50, "SteamAppId" },
	[SCORE_REAPER] = { FAMILY_START, 50, "below Steam's reaper" },
	[SCORE_STEAM_SCOPE] = { FAMILY_START, 50, "scope of a Steam game" },
	[SCORE_FLATPAK_SCOPE] = { FAMILY_START, 20, "scope of a launcher" },
	[SCORE_PROTON_ENV] = { FAMILY_START, 30, "environment of Proton" },
	[SCORE_LAUNCHER_ENV] = { FAMILY_START, 50, "environment of a launcher" },
	[SCORE_LAUNCHER] = { FAMILY_START, 30, "below a launcher" },
	[SCORE_WINE] = { FAMILY_PLACE, 40, "Windows program" },
	[SCORE_LIBRARY] = { FAMILY_PLACE, 40, "in a library of games" },
	[SCORE_STEAM_API] = { FAMILY_PLACE, 30, "Steam's API" },
	[SCORE_GPU] = { FAMILY_WORK, 40, "submits to a GPU" },
	[SCORE_GPU_MAPPED] = { FAMILY_WORK, 15, "maps a GPU" },
	[SCORE_GRAPHICS] = { FAMILY_WORK, 20, "graphics libraries" },
	[SCORE_ENGINE] = { FAMILY_WORK, 20, "libraries of games" },
	[SCORE_THREADS] = { FAMILY_WORK, 10, "threads" },
	[SCORE_MANY_THREADS] = { FAMILY_WORK, 10, "many threads" },
	[SCORE_MEMORY] = { FAMILY_WORK, 5, "memory" },
	[SCORE_MUCH_MEMORY] = { FAMILY_WORK, 10, "much memory" },
	[SCORE_GAMEMODE] = { FAMILY_HELPER, 60, "registered with GameMode" },
	[SCORE_GAMEMODE_LIBRARY] = { FAMILY_HELPER, 40, "GameMode's library" },
	[SCORE_MANGOHUD] = { FAMILY_HELPER, 30, "MangoHud" },
	[SCORE_FULLSCREEN] = { FAMILY_SCREEN, 35, "fullscreen" },
	[SCORE_FOCUS] = { FAMILY_NONE, 10, "focused" },
	[SCORE_WINDOWS_FOLDER] = { FAMILY_NONE, -10, "a program of Windows" },
	[SCORE_WEB] = { FAMILY_NONE, -40, "web engine" },
	[SCORE_TOOLKIT] = { FAMILY_NONE, -40, "widgets of a desktop program" },
};

int score_weight(enum score_signal signal)
{
	return signals[signal].weight;
}

const char *score_signal_text(enum score_signal signal)
{
	return signals[signal].text;
}

const char *score_verdict_text(enum score_verdict verdict)
{
	static const char *const texts[] = {
		[SCORE_NOT] = "not a game",
		[SCORE_GAME] = "game",
		[SCORE_BACKGROUND] = "background",
	};

	return texts[verdict];
}

const char *score_reason_text(enum score_reason reason)
{
	static const char *const texts[] = {
		[SCORE_REASON_NONE] = "",
		[SCORE_REASON_LISTED] = "its name is on a list",
		[SCORE_REASON_KERNEL] = "it is a thread of the kernel",
		[SCORE_REASON_ENDED] = "it has ended",
		[SCORE_REASON_WEB_HELPER] = "it is a helper of a web engine",
		[SCORE_REASON_UNNAMED_WINE] = "it is Wine itself",
		[SCORE_REASON_POINTS] = "too few points",
		[SCORE_REASON_FAMILIES] = "all signs are of one kind, a second opinion is missing",
	};

	return texts[reason];
}

/* ---- names ---- */

static void copy_name(char buf[SCORE_NAME_MAX], const char *name)
{
	snprintf(buf, SCORE_NAME_MAX, "%s", name);
}

static bool is_wine_loader(const char *base)
{
	static const char *const loaders[] = { "wine", "wine64", "wine-preloader", "wine64-preloader" };

	for (size_t i = 0; i < ARRAY_SIZE(loaders); i++)
		if (streq(base, loaders[i]))
			return true;
	return false;
}

/* The .exe that Wine runs, as it shows itself; NULL if it does not. */
static const char *wine_program(const struct proc_info *proc)
{
	const char *first = proc_arg(proc, 0);

	/* Longer than comm, which is cut. */
	if (first && proc_ends_in(first, ".exe"))
		return proc_base_name(first);
	if (proc_ends_in(proc->comm, ".exe"))
		return proc->comm;
	return NULL;
}

bool score_is_wine(const struct proc_info *proc)
{
	return is_wine_loader(proc_base_name(proc->exe)) || wine_program(proc);
}

static bool is_interpreter(const char *base)
{
	return !strncmp(base, "python", 6) || !strncmp(base, "perl", 4) || streq(base, "ruby") || streq(base, "java") ||
	       streq(base, "mono") || streq(base, "mono-sgen") || !strncmp(base, "lua", 3) || streq(base, "dotnet");
}

/* What an interpreter runs: the first argument that is no option, or the class or archive behind it. */
static const char *script_name(const struct proc_info *proc)
{
	const char *arg;

	for (size_t i = 1; (arg = proc_arg(proc, i)); i++) {
		/* The class path of java has a value of its own. */
		if (streq(arg, "-cp") || streq(arg, "-classpath") || streq(arg, "--class-path") || streq(arg, "-p")) {
			i++;
			continue;
		}
		if (streq(arg, "-c"))
			return NULL;
		if (*arg && *arg != '-')
			return proc_base_name(arg);
	}
	return NULL;
}

/* Some distributions put a wrapper before a program, and rename that: .firefox-wrapped. */
static void strip_wrapping(char *name)
{
	static const char end[] = "-wrapped";
	size_t len = strlen(name);

	if (name[0] != '.' || !proc_ends_in(name, end))
		return;
	name[len - strlen(end)] = '\0';
	memmove(name, name + 1, strlen(name));
}

char *score_program_name(const struct proc_info *proc, char buf[SCORE_NAME_MAX])
{
	const char *base = proc_base_name(proc->exe), *name = NULL, *first = proc_arg(proc, 0);

	if (score_is_wine(proc)) {
		name = wine_program(proc);
	} else if (is_interpreter(base)) {
		name = script_name(proc);
	}
	if (!name && *base)
		name = base;
	if (!name && first)
		name = proc_base_name(first);
	if (!name || !*name)
		name = proc->comm;
	copy_name(buf, name);
	strip_wrapping(buf);
	return buf;
}

enum programs_section score_section(const struct proc_info *proc, const struct programs *programs)
{
	char name[SCORE_NAME_MAX];
	enum programs_section section;

	section = programs_find(programs, score_program_name(proc, name));
	if (section || (*proc->exe && !is_interpreter(proc_base_name(proc->exe))))
		return section;
	/* The executable is unknown, or says nothing: the name that the process gave itself is second best. */
	return programs_find(programs, proc->comm);
}

bool score_is_named(const struct proc_info *proc, const char *name)
{
	char program[SCORE_NAME_MAX];

	/* Wine's loader and an interpreter are not what anybody means. */
	if (!strcasecmp(score_program_name(proc, program), name))
		return true;
	if (streq(proc->comm, name))
		return true;
	/* comm is cut. */
	return strlen(proc->comm) == 15 && strlen(name) > 15 && !strncasecmp(proc->comm, name, 15) && !*proc->exe;
}

/* ---- who started it ---- */

uint64_t score_reaper_app_id(const struct proc_info *proc)
{
	static const char key[] = "AppId=";
	const char *arg;
	uint64_t number;

	if (!streq(proc->comm, "reaper"))
		return 0;
	for (size_t i = 1; (arg = proc_arg(proc, i)) && !streq(arg, "--"); i++)
		if (!strncmp(arg, key, strlen(key)) && !parse_u64_range(arg + strlen(key), 1, UINT64_MAX, &number))
			return number;
	return 0;
}

/* ".../app-steam-app730-1234.scope" */
static uint64_t scope_app_id(const char *cgroup)
{
	static const char key[] = "app-steam-app";
	const char *at = strstr(cgroup, key);
	uint64_t number = 0;

	if (!at)
		return 0;
	for (at += strlen(key); *at >= '0' && *at <= '9' && number < UINT64_MAX / 10 - 10; at++)
		number = 10 * number + (uint64_t)(*at - '0');
	return *at == '-' || *at == '.' ? number : 0;
}

/* Flatpak puts each application into "app-flatpak-ID-NUMBER.scope". */
static bool is_launcher_scope(const char *cgroup)
{
	static const char *const ids[] = {
		"com.valvesoftware.Steam", "net.lutris.Lutris", "com.heroicgameslauncher.hgl", "com.usebottles.bottles",
		"io.itch.itch", "org.prismlauncher.PrismLauncher",
	};
	const char *at = strstr(cgroup, "app-flatpak-");

	if (!at)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		if (!strncmp(at + strlen("app-flatpak-"), ids[i], strlen(ids[i])))
			return true;
	return false;
}

/* ---- where it lies ---- */

/* Find @part, written with slashes, in a path of Unix or Windows; case does not count. Return: what follows it. */
static const char *find_part(const char *path, const char *part)
{
	size_t len = strlen(part);

	for (; *path; path++) {
		size_t i;

		for (i = 0; i < len; i++) {
			char c = path[i] == '\\' ? '/' : path[i];

			if (!c || strncasecmp(&c, &part[i], 1))
				break;
		}
		if (i == len)
			return path + len;
	}
	return NULL;
}

/* Steam keeps its runtimes and Proton beside the games. */
static bool is_steam_tool(const char *folder)
{
	return !strncasecmp(folder, "SteamLinuxRuntime", 17) || !strncasecmp(folder, "Proton", 6) ||
	       !strncasecmp(folder, "Steamworks Shared", 17) || !strncasecmp(folder, "SteamVR", 7);
}

static bool is_in_library(const char *path)
{
	static const char *const parts[] = {
		"/GOG Games/", "/Games/", "/itch/apps/", "/Epic Games/", "/EA Games/", "/Riot Games/", "/GOG Galaxy/Games/",
		"/PrismLauncher/", "/.minecraft/",
	};
	const char *folder = find_part(path, "/steamapps/common/");

	if (folder)
		return !is_steam_tool(folder);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (find_part(path, parts[i]))
			return true;
	return false;
}

/* The path of the program itself: for Wine, whose loader lies elsewhere, what it calls itself. */
static const char *program_path(const struct proc_info *proc, bool wine)
{
	const char *base = proc_base_name(proc->exe), *arg;

	if (wine) {
		arg = proc_arg(proc, 0);
		return arg ? arg : "";
	}
	if (is_interpreter(base)) {
		for (size_t i = 1; (arg = proc_arg(proc, i)); i++)
			if (*arg == '/')
				return arg;
		return "";
	}
	return proc->exe;
}

/* Chromium's and Firefox's processes say what they are for. */
static bool is_web_helper(const struct proc_info *proc)
{
	const char *arg;

	for (size_t i = 1; i < 16 && (arg = proc_arg(proc, i)); i++)
		if (!strncmp(arg, "--type=", 7) || streq(arg, "-contentproc"))
			return true;
	return false;
}

/* ---- all together ---- */

static void note(struct score *score, enum score_signal signal, bool present)
{
	if (present)
		score->signals |= 1u << signal;
}

static void collect(struct score *score, const struct score_facts *facts)
{
	const struct proc_info *proc = facts->proc;
	const bool wine = score_is_wine(proc);
	const char *path = program_path(proc, wine);
	const uint64_t scope_id = scope_app_id(proc->cgroup);

	note(score, SCORE_STEAM_ENV, proc->env & PROC_ENV_STEAM);
	note(score, SCORE_REAPER, facts->ancestry.reaper_app_id);
	note(score, SCORE_STEAM_SCOPE, scope_id);
	note(score, SCORE_FLATPAK_SCOPE, is_launcher_scope(proc->cgroup));
	note(score, SCORE_PROTON_ENV, proc->env & PROC_ENV_PROTON);
	note(score, SCORE_LAUNCHER_ENV,
	     proc->env & (PROC_ENV_LUTRIS | PROC_ENV_HEROIC | PROC_ENV_BOTTLES | PROC_ENV_ITCH | PROC_ENV_PRISM));
	note(score, SCORE_LAUNCHER, facts->ancestry.launcher);
	note(score, SCORE_WINE, wine);
	note(score, SCORE_WINDOWS_FOLDER, wine && find_part(path, ":/windows/"));
	note(score, SCORE_LIBRARY, is_in_library(path));
	note(score, SCORE_STEAM_API, proc->maps & PROC_MAP_STEAM_API);
	note(score, SCORE_GPU, facts->gpu_submit);
	note(score, SCORE_GPU_MAPPED, proc->maps & PROC_MAP_GPU);
	note(score, SCORE_GRAPHICS, proc->maps & PROC_MAP_GRAPHICS);
	note(score, SCORE_ENGINE, proc->maps & PROC_MAP_ENGINE);
	note(score, SCORE_THREADS, proc->nr_threads >= 16);
	note(score, SCORE_MANY_THREADS, proc->nr_threads >= 48);
	note(score, SCORE_MEMORY, proc->rss_bytes >= 200 * MIB);
	note(score, SCORE_MUCH_MEMORY, proc->rss_bytes >= 1024 * MIB);
	note(score, SCORE_GAMEMODE, facts->gamemode);
	note(score, SCORE_GAMEMODE_LIBRARY, (proc->maps & PROC_MAP_GAMEMODE) || (proc->env & PROC_ENV_GAMEMODE));
	/* MANGOHUD=1 is often set for the whole session: only who has loaded it draws with it. */
	note(score, SCORE_MANGOHUD, proc->maps & PROC_MAP_MANGOHUD);
	note(score, SCORE_FULLSCREEN, facts->fullscreen);
	note(score, SCORE_FOCUS, facts->focused);
	note(score, SCORE_WEB, proc->maps & PROC_MAP_WEB);
	note(score, SCORE_TOOLKIT, proc->maps & PROC_MAP_TOOLKIT);

	score->steam_app_id = proc->steam_app_id;
	if (!score->steam_app_id)
		score->steam_app_id = facts->ancestry.reaper_app_id ? facts->ancestry.reaper_app_id : scope_id;
}

static void add_up(struct score *score)
{
	int sums[NR_FAMILIES] = {};

	for (int i = 0; i < NR_SCORE_SIGNALS; i++)
		if (score->signals & 1u << i)
			sums[signals[i].family] += signals[i].weight;
	score->points = 0;
	score->nr_families = 0;
	for (int i = 0; i < NR_FAMILIES; i++) {
		score->points += sums[i] < family_max[i] ? sums[i] : family_max[i];
		score->nr_families += i != FAMILY_NONE && sums[i] > 0;
	}
}

static enum score_reason reason_against(const struct score *score, const struct proc_info *proc)
{
	if (proc->kernel_thread)
		return SCORE_REASON_KERNEL;
	if (proc->state == 'Z' || proc->state == 'X')
		return SCORE_REASON_ENDED;
	/* The user's word is above every list. */
	if (score->signals & 1u << SCORE_NAMED)
		return SCORE_REASON_NONE;
	if (score->section == PROGRAMS_GAME)
		return SCORE_REASON_NONE;
	/* Before the lists, which have the loaders too: it takes its program's name later, and no exec tells of that. */
	if (score->section != PROGRAMS_BACKGROUND && is_wine_loader(proc_base_name(proc->exe)) && !wine_program(proc))
		return SCORE_REASON_UNNAMED_WINE;
	if (score->section != PROGRAMS_NONE)
		return SCORE_REASON_LISTED;
	if (is_web_helper(proc))
		return SCORE_REASON_WEB_HELPER;
	if (score->points < SCORE_THRESHOLD)
		return SCORE_REASON_POINTS;
	if (score->nr_families < SCORE_FAMILIES_MIN)
		return SCORE_REASON_FAMILIES;
	return SCORE_REASON_NONE;
}

struct score score_process(const struct score_facts *facts, const struct programs *programs)
{
	struct score score = { .section = score_section(facts->proc, programs) };

	score_program_name(facts->proc, score.name);
	note(&score, SCORE_NAMED, facts->named);
	note(&score, SCORE_LISTED, score.section == PROGRAMS_GAME);
	collect(&score, facts);
	add_up(&score);
	score.reason = reason_against(&score, facts->proc);
	if (!score.reason)
		score.verdict = SCORE_GAME;
	else if (score.reason == SCORE_REASON_LISTED && score.section == PROGRAMS_BACKGROUND)
		score.verdict = SCORE_BACKGROUND;
	return score;
}

char *score_describe(const struct score *score, char *buf, size_t size)
{
	size_t len = 0;

	buf[0] = '\0';
	for (int i = 0; i < NR_SCORE_SIGNALS; i++) {
		int n;

		if (!(score->signals & 1u << i))
			continue;
		if (i == SCORE_STEAM_ENV && score->steam_app_id)
			n = snprintf(buf + len, size - len, "%s%s %" PRIu64 " %+d", len ? ", " : "", signals[i].text,
				     score->steam_app_id, signals[i].weight);
		else
			n = snprintf(buf + len, size - len, "%s%s %+d", len ? ", " : "", signals[i].text,
				     signals[i].weight);
		if (n < 0 || (size_t)n >= size - len)
			break;
		len += (size_t)n;
	}
	return buf;
}
