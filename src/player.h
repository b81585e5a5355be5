/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * player - what the player has in front
 *
 * Brings together who knows something of it: the processes (games), the folders
 * that change (watch), the window that has the focus and GameMode (focus). What
 * comes out goes to the kernel half: which tree is the game, whether it is in
 * front, who does background work. Lives as long as the daemon; the kernel half
 * comes and goes, and is told everything again when it comes.
 */
#ifndef ARCADE_SRC_PLAYER_H
#define ARCADE_SRC_PLAYER_H

#include <stdint.h>

#include "bpf.h"
#include "devices.h"
#include "games.h"
#include "loop.h"
#include "options.h"
#include "settings.h"
#include "util.h"
#include "watch.h"

struct player;

struct player_facts {
	struct games_facts games;
	uint64_t game_pid;		/* 0: none */
	uint64_t game_in_front;		/* bool; true as long as nothing is known of windows */
	uint64_t watch_events_lost;
};

/*
 * Starts the thread that reads /proc, and the session helper. @watch: is told which folders matter, NULL: they are not
 * watched. @opts is copied, but the strings in it are borrowed. Return: 0, -errno; logs. Without what is missing on this
 * machine everything else works.
 */
int player_new(struct loop *loop, const struct options *opts, struct watch *watch, struct player **ret);

/* Accepts NULL. */
void player_free(struct player *player);
DEFINE_CLEANUP(struct player *, player_free)

/* From now on this kernel half is told, and @devices (may be NULL) of its folder; borrowed until player_detach(). */
void player_attach(struct player *player, struct bpf *bpf, struct devices *devices);
void player_detach(struct player *player);

/* From the control ring: a record, or that some of programs were lost. */
void player_control(struct player *player, const struct arcade_control_record *record);
void player_records_lost(struct player *player);

/* Something has changed in a folder: of other kinds than WATCH_SETTINGS. */
void player_handle_watch(struct player *player, const struct watch_event *event);

/* Other options: looks for games, asks for the focus, or no longer. Not from one of the player's own callbacks. */
void player_apply(struct player *player, const struct options *opts);

/* @fn: what player_front() says may be different now. Called from within, so only note it there. */
void player_set_front_fn(struct player *player, void (*fn)(void *data), void *data);

/* Return: is a game in front? Then what is known of it is in @ret, borrowed until the loop goes on. */
bool player_front(const struct player *player, struct settings_game *ret);

/* The same of a game wherever it is. */
bool player_game(const struct player *player, struct settings_game *ret);

struct player_facts player_facts(const struct player *player);

/* Borrowed, for who asks why a process is the game, or says which one is. */
struct games *player_games(struct player *player);

#endif
