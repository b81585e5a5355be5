/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * score - is this process a game?
 *
 * No single sign is proof: SteamAppId is inherited by everything that Steam
 * starts, Wine runs office programs, every desktop program draws with the GPU.
 * So signs have weights, and belong to families of what they are a sign of: who
 * started the process, where the program lies, what it does, who registered it,
 * what it shows. A game has SCORE_THRESHOLD points from at least two families.
 * Of a game's tree the wrappers are listed out by name, and the rest is told
 * apart by what it does: the game has more threads and memory than its helpers.
 *
 * Arithmetic only: no descriptor, no clock, no allocation. Any thread.
 */
#ifndef ARCADE_SRC_SCORE_H
#define ARCADE_SRC_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proc.h"
#include "programs.h"

#define SCORE_THRESHOLD	   80
#define SCORE_FAMILIES_MIN 2
#define SCORE_NAME_MAX	   128
#define SCORE_TEXT_MAX	   1024

enum score_signal {
	SCORE_NAMED,		/* by the user: --game NAME */
	SCORE_LISTED,
	SCORE_STEAM_ENV,
	SCORE_REAPER,
	SCORE_STEAM_SCOPE,
	SCORE_FLATPAK_SCOPE,	/* of a launcher */
	SCORE_PROTON_ENV,
	SCORE_LAUNCHER_ENV,
	SCORE_LAUNCHER,		/* an ancestor */
	SCORE_WINE,
	SCORE_LIBRARY,
	SCORE_STEAM_API,
	SCORE_GPU,		/* submits work */
	SCORE_GPU_MAPPED,
	SCORE_GRAPHICS,
	SCORE_ENGINE,
	SCORE_THREADS,
	SCORE_MANY_THREADS,
	SCORE_MEMORY,
	SCORE_MUCH_MEMORY,
	SCORE_GAMEMODE,		/* registered */
	SCORE_GAMEMODE_LIBRARY,
	SCORE_MANGOHUD,
	SCORE_FULLSCREEN,
	SCORE_FOCUS,
	SCORE_WINDOWS_FOLDER,
	SCORE_WEB,
	SCORE_TOOLKIT,
	NR_SCORE_SIGNALS,
};

enum score_verdict {
	SCORE_NOT,
	SCORE_GAME,
	SCORE_BACKGROUND,
};

/* Why not. */
enum score_reason {
	SCORE_REASON_NONE,
	SCORE_REASON_LISTED,		/* never a game, a launcher, background work */
	SCORE_REASON_KERNEL,
	SCORE_REASON_ENDED,
	SCORE_REASON_WEB_HELPER,
	SCORE_REASON_UNNAMED_WINE,	/* a loader that does not say which program it runs */
	SCORE_REASON_POINTS,
	SCORE_REASON_FAMILIES,
};

/* What the processes above it say. */
struct score_ancestry {
	uint64_t reaper_app_id;		/* Steam's reaper waits for this one; 0: none */
	bool launcher;			/* there is a listed launcher */
};

struct score_facts {
	const struct proc_info *proc;
	struct score_ancestry ancestry;
	bool named;
	bool gpu_submit;
	bool gamemode;
	bool focused;
	bool fullscreen;
};

struct score {
	int points;
	uint32_t signals;		/* bits of enum score_signal */
	uint32_t nr_families;
	enum score_verdict verdict;
	enum score_reason reason;
	enum programs_section section;
	uint64_t steam_app_id;		/* 0: unknown */
	char name[SCORE_NAME_MAX];	/* of the program */
};

struct score score_process(const struct score_facts *facts, const struct programs *programs);

/* The program that a process runs: for Wine the .exe, for interpreters the script. Return: @buf. */
char *score_program_name(const struct proc_info *proc, char buf[SCORE_NAME_MAX]);

/* The list on which its names stand. */
enum programs_section score_section(const struct proc_info *proc, const struct programs *programs);

/* Does Wine run it? */
bool score_is_wine(const struct proc_info *proc);

/* The AppId of a process that is Steam's reaper, 0 if it is not. */
uint64_t score_reaper_app_id(const struct proc_info *proc);

/* Is it what the user means by @name: comm, executable, or .exe of Wine? */
bool score_is_named(const struct proc_info *proc, const char *name);

int score_weight(enum score_signal signal);
const char *score_signal_text(enum score_signal signal);
const char *score_reason_text(enum score_reason reason);
const char *score_verdict_text(enum score_verdict verdict);

/* "SteamAppId +50, Wine +40": one line, safe for a log. Return: @buf. */
char *score_describe(const struct score *score, char *buf, size_t size);

#endif
