// SPDX-License-Identifier: GPL-2.0-only
#include "front.h"

#include <fcntl.h>

#include "log.h"

/* Another game must be that much better to take the place of one that is in front. */
#define MARGIN 20

void front_init(struct front *front, struct loop *loop, struct candidates *candidates, const struct front_ops *ops, void *data)
{
	*front = (struct front){
		.loop = loop, .candidates = candidates, .ops = *ops, .data = data, .override = GAMES_OVERRIDE_AUTO,
	};
	game_init(&front->current);
}

void front_deinit(struct front *front)
{
	game_deinit(&front->current);
}

pid_t front_pid(const struct front *front)
{
	return game_is_known(&front->current) ? front->current.pid : 0;
}

const struct games_identity *front_identity(const struct front *front)
{
	return front_pid(front) ? &front->identity : NULL;
}

void front_set_identity(struct front *front, const struct games_identity *identity)
{
	front->identity = identity ? *identity : (struct games_identity){};
	front->ops.identify(front->data);
}

bool front_is(const struct front *front, const struct candidate *candidate)
{
	return game_is_known(&front->current) && proc_id_equal(&front->current_id, &candidate->id);
}

/* ---- the rules ---- */

static void handle_game_end(void *data);

static void leave(struct front *front)
{
	game_deinit(&front->current);
	front->current_id = (struct proc_id){};
}

/* Return: 0, or -errno with none in front. */
static int enter(struct front *front, struct candidate *candidate)
{
	int fd = fcntl(candidate->pidfd, F_DUPFD_CLOEXEC, 0), err;

	leave(front);
	err = fd < 0 ? -errno :
		       game_watch_fd(&front->current, front->loop, candidate->id.pid, fd, handle_game_end, front);
	if (err) {
		close_fd(fd);
		return log_warning_errno(err, "game: cannot watch process %d", (int)candidate->id.pid);
	}
	front->current_id = candidate->id;
	front_set_identity(front, candidate->identity);
	return 0;
}

static bool is_better(const struct candidate *a, const struct candidate *b)
{
	if (a->focus_order != b->focus_order)
		return a->focus_order > b->focus_order;
	if (a->points != b->points)
		return a->points > b->points;
	/* Neither says more: the older one, whatever the order of the table. */
	return a->id.start_ticks < b->id.start_ticks;
}

void front_choose(struct front *front)
{
	struct candidate *best = NULL, *current = NULL;
	pid_t before = front_pid(front);

	if (front->fixed)
		return;
	for (size_t i = 0; i < GAMES_CANDIDATES_MAX; i++) {
		struct candidate *candidate = &front->candidates->all[i];

		if (!candidate->id.pid || !candidate->is_game)
			continue;
		if (front_is(front, candidate))
			current = candidate;
		if (!best || is_better(candidate, best))
			best = candidate;
	}
	if (current && best != current && best->focus_order == current->focus_order &&
	    best->points < current->points + MARGIN)
		best = current;
	if (best && best == current)
		return;
	if (!best && !before)
		return;
	if (!best || enter(front, best)) {
		leave(front);
		if (!before)
			return;
	}
	front->nr_decisions++;
	if (before && best && front_pid(front))
		log_notice("game: process %d (%s) comes to the front", (int)best->id.pid, best->name);
	else if (before && !best)
		log_notice("game: process %d is none any more", (int)before);
	front->ops.set_game(front_pid(front), front->data);
}

static void handle_game_end(void *data)
{
	struct front *front = data;
	struct candidate *candidate = candidates_find(front->candidates, front->current_id.pid);
	pid_t pid = front->current.pid;

	log_notice("game: process %d has ended", (int)pid);
	if (candidate && proc_id_equal(&candidate->id, &front->current_id))
		candidates_drop(front->candidates, candidate);
	front->current_id = (struct proc_id){};
	front->nr_decisions++;
	front->ops.set_game(0, front->data);
	front_choose(front);
	/* A program that forks and goes has a successor that no exec has told of. */
	front->ops.look_again(front->data);
}

/* ---- the user's word ---- */

static void handle_fixed_end(void *data)
{
	struct front *front = data;

	log_notice("game: process %d has ended", (int)front->current.pid);
	front->nr_decisions++;
	front->ops.set_game(0, front->data);
}

int front_fix(struct front *front, pid_t pid)
{
	int err;

	/* It is the only one, also after its end. */
	front->fixed = true;
	err = game_watch(&front->current, front->loop, pid, handle_fixed_end, front);
	if (err)
		log_error("--game %d: %s", (int)pid,
			  err == -ESRCH	  ? "there is no such process" :
			  err == -ENOTSUP ? "this is a thread, not a process" :
					    strerror(-err));
	return err;
}

/* The rules decide again. */
static void end_override(struct front *front)
{
	pid_t before = front_pid(front);

	front->override = GAMES_OVERRIDE_AUTO;
	front->fixed = false;
	leave(front);
	front_choose(front);
	if (before && !front_pid(front)) {
		front->nr_decisions++;
		front->ops.set_game(0, front->data);
	}
	front->ops.look_again(front->data);
}

static void handle_override_end(void *data)
{
	struct front *front = data;

	log_notice("game: process %d has ended; games are looked for again", (int)front->current.pid);
	front->nr_decisions++;
	front->ops.set_game(0, front->data);
	end_override(front);
}

int front_override(struct front *front, pid_t pid)
{
	struct game tried;
	pid_t before = front_pid(front);
	int err;

	if (pid < GAMES_OVERRIDE_AUTO || pid == 1)
		return -EINVAL;
	if (pid == GAMES_OVERRIDE_AUTO) {
		if (front->fixed)
			log_notice("game: games are looked for again");
		end_override(front);
		return 0;
	}
	if (pid > 0) {
		/* Nothing changes for one that cannot be watched. */
		game_init(&tried);
		err = game_watch(&tried, front->loop, pid, handle_override_end, front);
		game_deinit(&tried);
		if (err)
			return err;
	}
	leave(front);
	front->fixed = true;
	front->override = pid;
	err = pid > 0 ? game_watch(&front->current, front->loop, pid, handle_override_end, front) : 0;
	if (err) {
		end_override(front);
		return err;
	}
	if (pid > 0)
		log_notice("game: process %d is the game, by word of the user", (int)pid);
	else
		log_notice("game: there is none, by word of the user");
	front_set_identity(front, NULL);
	if (pid != before) {
		front->nr_decisions++;
		front->ops.set_game(pid, front->data);
	}
	return 0;
}
