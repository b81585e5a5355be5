// SPDX-License-Identifier: GPL-2.0-only
#include "games.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "background.h"
#include "game.h"
#include "log.h"
#include "prober.h"

/* When a candidate is scored, after its exec. Launchers, runtimes and shaders take their time. */
static const uint64_t stages_ns[] = {
	500 * NSEC_PER_MSEC,
	2 * NSEC_PER_SEC,
	5 * NSEC_PER_SEC,
	15 * NSEC_PER_SEC,
};

#define NR_STAGES ARRAY_SIZE(stages_ns)

/* Who is a game, or shows at least some sign of it that others told us, is looked at now and then. */
#define HELD_NS (30 * NSEC_PER_SEC)

/* Wine's loader takes the name of what it loads when it gets there: on a cold disk that is later than any stage. */
#define LOADING_NS (5 * NSEC_PER_SEC)

/* Wakeups for several candidates are put together. */
#define GRID_NS (50 * NSEC_PER_MSEC)

/* A full queue is tried again. */
#define RETRY_NS (100 * NSEC_PER_MSEC)

/* The prober is looked after while it works. */
#define CHECK_NS NSEC_PER_SEC

/* Looks through /proc come no more often than this. Hints are frequent and mean little. */
#define RESCAN_LOST_NS (2 * NSEC_PER_SEC)
#define RESCAN_HINT_NS (10 * NSEC_PER_SEC)

/* Another game must be that much better to take the place of one that is in front. */
#define MARGIN 20

#define NR_BUCKETS 256
#define NO_INDEX   UINT16_MAX
#define NEVER_NS   UINT64_MAX

struct candidate {
	struct proc_id id;	/* pid 0: this place is free; start time 0: not known yet */
	uint16_t next;		/* in its bucket, or of the free places */
	uint8_t stage;		/* NR_STAGES: all are over */
	bool asked;		/* the prober has it */
	bool changed;		/* … but it has got a new program since */
	bool gpu;
	bool gamemode;
	bool focused;
	bool fullscreen;
	bool in_background;	/* the kernel half knows */
	bool is_game;
	bool loading;		/* Wine's loader, without a name so far */
	uint64_t base_ns;	/* of the stages */
	uint64_t due_ns;
	uint64_t focus_order;	/* the larger, the later it had the focus; 0: never */
	int points;
	uint32_t signals;	/* that were told */
	int pidfd;		/* of a game, else -1 */
	char name[48];
	struct games_identity *identity;	/* of a game, else NULL */
};

struct explain {
	games_explain_fn fn;	/* NULL: this place is free */
	void *data;
	uint64_t ticket;
	pid_t pid;
};

struct games {
	struct loop *loop;
	struct games_config config;
	struct games_ops ops;
	void *data;
	struct prober *prober;
	struct programs *programs;
	struct timer timer;
	struct game current;
	struct proc_id current_id;
	struct games_identity identity;	/* of current */
	bool fixed;		/* current is --game PID, or by override */
	pid_t override;
	struct explain explains[GAMES_EXPLAIN_MAX];
	bool idle;		/* nothing is to be found */
	uint64_t nr_focused;
	uint64_t rescan_due_ns;	/* NEVER_NS: none */
	uint64_t rescanned_ns;
	bool listing;
	bool loading;
	bool load_again;
	struct proc_id *backlog;	/* of a look through /proc: still to be taken in */
	size_t nr_backlog;
	size_t backlog_at;
	struct background background;
	struct games_facts facts;
	uint16_t free;
	uint16_t buckets[NR_BUCKETS];
	struct candidate candidates[GAMES_CANDIDATES_MAX];
};

_Static_assert(GAMES_CANDIDATES_MAX < NO_INDEX, "index");

/* ---- the table ---- */

static uint16_t *bucket_of(struct games *games, pid_t pid)
{
	return &games->buckets[(uint32_t)pid % NR_BUCKETS];
}

static struct candidate *find(struct games *games, pid_t pid)
{
	for (uint16_t i = *bucket_of(games, pid); i != NO_INDEX; i = games->candidates[i].next)
		if (games->candidates[i].id.pid == pid)
			return &games->candidates[i];
	return NULL;
}

static void drop(struct games *games, struct candidate *candidate)
{
	uint16_t index = (uint16_t)(candidate - games->candidates), *link = bucket_of(games, candidate->id.pid);

	while (*link != index)
		link = &games->candidates[*link].next;
	*link = candidate->next;
	close_fd(candidate->pidfd);
	free(candidate->identity);
	memset(candidate, 0, sizeof(*candidate));
	candidate->pidfd = -1;
	candidate->next = games->free;
	games->free = index;
	games->facts.nr_candidates--;
}

static void wake_at(struct games *games, uint64_t time_ns)
{
	uint64_t grid_ns = (time_ns / GRID_NS + 1) * GRID_NS;

	if (!timer_is_armed(&games->timer) || games->timer.deadline_ns > grid_ns)
		timer_arm(&games->timer, games->loop, grid_ns, 0);
}

static void set_due(struct games *games, struct candidate *candidate, uint64_t due_ns)
{
	candidate->due_ns = due_ns;
	if (due_ns != NEVER_NS)
		wake_at(games, due_ns);
}

/* A new one, without a time to be looked at. Return: NULL if there is no place. */
static struct candidate *add(struct games *games, const struct proc_id *id)
{
	struct candidate *candidate;
	uint16_t *bucket = bucket_of(games, id->pid);

	if (games->free == NO_INDEX) {
		games->facts.nr_dropped++;
		return NULL;
	}
	candidate = &games->candidates[games->free];
	games->free = candidate->next;
	*candidate = (struct candidate){ .id = *id, .pidfd = -1, .next = *bucket, .due_ns = NEVER_NS };
	*bucket = (uint16_t)(candidate - games->candidates);
	games->facts.nr_candidates++;
	return candidate;
}

/* The one with this identity; an older owner of its number makes way. */
static struct candidate *find_or_add(struct games *games, const struct proc_id *id)
{
	struct candidate *candidate = find(games, id->pid);

	if (candidate && candidate->id.start_ticks && id->start_ticks &&
	    candidate->id.start_ticks != id->start_ticks) {
		/* The end of a game that is in front is told by its pidfd. */
		drop(games, candidate);
		candidate = NULL;
	}
	if (!candidate)
		candidate = add(games, id);
	else if (id->start_ticks)
		candidate->id.start_ticks = id->start_ticks;
	if (!candidate)
		games_rescan(games);
	return candidate;
}

/* ---- the game ---- */

static void handle_game_end(void *data);

static struct games_identity identity_of(const struct proc_info *proc, uint64_t app_id)
{
	struct games_identity identity = { .app_id = app_id };

	score_program_name(proc, identity.name);
	memcpy(identity.comm, proc->comm, sizeof(identity.comm));
	snprintf(identity.executable, sizeof(identity.executable), "%s", proc_base_name(proc->exe));
	return identity;
}

static void set_identity(struct games *games, const struct games_identity *identity)
{
	games->identity = identity ? *identity : (struct games_identity){};
	if (games->ops.identify)
		games->ops.identify(games->data);
}

static void leave_current(struct games *games)
{
	game_deinit(&games->current);
	games->current_id = (struct proc_id){};
}

/* Return: 0, or -errno with none in front. */
static int enter(struct games *games, struct candidate *candidate)
{
	int fd = fcntl(candidate->pidfd, F_DUPFD_CLOEXEC, 0), err;

	leave_current(games);
	err = fd < 0 ? -errno :
		       game_watch_fd(&games->current, games->loop, candidate->id.pid, fd, handle_game_end, games);
	if (err) {
		close_fd(fd);
		return log_warning_errno(err, "game: cannot watch process %d", (int)candidate->id.pid);
	}
	games->current_id = candidate->id;
	set_identity(games, candidate->identity);
	return 0;
}

static bool is_current(const struct games *games, const struct candidate *candidate)
{
	return game_is_known(&games->current) && proc_id_equal(&games->current_id, &candidate->id);
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

static void choose(struct games *games)
{
	struct candidate *best = NULL, *current = NULL;
	pid_t before = games_current(games);

	if (games->fixed)
		return;
	for (size_t i = 0; i < GAMES_CANDIDATES_MAX; i++) {
		struct candidate *candidate = &games->candidates[i];

		if (!candidate->id.pid || !candidate->is_game)
			continue;
		if (is_current(games, candidate))
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
	if (!best || enter(games, best)) {
		leave_current(games);
		if (!before)
			return;
	}
	games->facts.nr_decisions++;
	if (before && best && games_current(games))
		log_notice("game: process %d (%s) comes to the front", (int)best->id.pid, best->name);
	else if (before && !best)
		log_notice("game: process %d is none any more", (int)before);
	games->ops.set_game(games_current(games), games->data);
}

static void handle_game_end(void *data)
{
	struct games *games = data;
	struct candidate *candidate = find(games, games->current_id.pid);
	pid_t pid = games->current.pid;

	log_notice("game: process %d has ended", (int)pid);
	if (candidate && proc_id_equal(&candidate->id, &games->current_id))
		drop(games, candidate);
	games->current_id = (struct proc_id){};
	games->facts.nr_decisions++;
	games->ops.set_game(0, games->data);
	choose(games);
	/* A program that forks and goes has a successor that no exec has told of. */
	games_rescan(games);
}

/* ---- scoring ---- */

static void tell_game(struct games *games, struct candidate *candidate, const struct score *score)
{
	char text[SCORE_TEXT_MAX];
	bool told = candidate->is_game && candidate->signals == score->signals;

	if (told)
		return;
	score_describe(score, text, sizeof(text));
	if (candidate->is_game)
		log_debug("game: process %d (%s): score %d: %s", (int)candidate->id.pid, candidate->name, score->points,
			  text);
	else
		log_notice("game: process %d (%s) is a game: score %d: %s", (int)candidate->id.pid, candidate->name,
			   score->points, text);
	candidate->signals = score->signals;
}

static void mark_background(struct games *games, const struct candidate *candidate)
{
	if (!candidate->in_background)
		background_find(&games->background, &candidate->id, candidate->name, games->programs);
}

/* The kernel half knows of no mark any more. */
static void forget_marks(struct games *games)
{
	background_forget(&games->background);
	for (size_t i = 0; i < GAMES_CANDIDATES_MAX; i++)
		games->candidates[i].in_background = false;
}

static uint64_t next_stage_ns(struct candidate *candidate, uint64_t now)
{
	while (candidate->stage < NR_STAGES && candidate->base_ns + stages_ns[candidate->stage] <= now)
		candidate->stage++;
	return candidate->stage < NR_STAGES ? candidate->base_ns + stages_ns[candidate->stage] : NEVER_NS;
}

/* Later again, as long as it is worth it. */
static void postpone(struct games *games, struct candidate *candidate, uint64_t now)
{
	uint64_t due_ns = next_stage_ns(candidate, now);

	if (due_ns == NEVER_NS) {
		if (!candidate->is_game && !candidate->gpu && !candidate->gamemode && !candidate->focused &&
		    !candidate->loading) {
			drop(games, candidate);
			return;
		}
		due_ns = now + (candidate->loading ? LOADING_NS : HELD_NS);
	}
	set_due(games, candidate, due_ns);
}

/* @candidate: NULL if nothing was told of it. */
static struct score_facts facts_of(const struct games *games, const struct candidate *candidate,
				   const struct prober_probe *probe)
{
	return (struct score_facts){
		.proc = &probe->info,
		.ancestry = probe->ancestry,
		.named = games->config.name && score_is_named(&probe->info, games->config.name),
		.gpu_submit = candidate && candidate->gpu,
		.gamemode = candidate && candidate->gamemode,
		.focused = candidate && candidate->focused,
		.fullscreen = candidate && candidate->fullscreen,
	};
}

static void judge(struct games *games, struct candidate *candidate, struct prober_probe *probe, uint64_t now)
{
	struct score_facts facts = facts_of(games, candidate, probe);
	struct score score = score_process(&facts, games->programs);
	bool by_user_only = games->config.name || games->config.no_detect;

	snprintf(candidate->name, sizeof(candidate->name), "%.*s", (int)sizeof(candidate->name) - 1, score.name);
	if (score.verdict == SCORE_BACKGROUND && !games->config.no_detect)
		mark_background(games, candidate);
	if (score.verdict == SCORE_GAME && by_user_only && !facts.named)
		score.verdict = SCORE_NOT;
	candidate->points = score.points;
	candidate->loading = score.reason == SCORE_REASON_UNNAMED_WINE;
	/* Who has been a game before has one; without descriptors it goes on being one. */
	if (candidate->pidfd < 0)
		candidate->pidfd = score.verdict == SCORE_GAME ? steal_fd(&probe->pidfd) : -1;
	if (score.verdict == SCORE_GAME && candidate->pidfd >= 0) {
		if (!candidate->identity)
			candidate->identity = calloc(1, sizeof(*candidate->identity));
		if (candidate->identity)
			*candidate->identity = identity_of(&probe->info, score.steam_app_id);
		if (is_current(games, candidate))
			set_identity(games, candidate->identity);
		tell_game(games, candidate, &score);
		candidate->is_game = true;
	} else {
		candidate->is_game = false;
		/* What is on a list stays there, whatever it does. */
		if (score.reason == SCORE_REASON_LISTED || score.reason == SCORE_REASON_KERNEL ||
		    score.reason == SCORE_REASON_ENDED || score.reason == SCORE_REASON_WEB_HELPER) {
			drop(games, candidate);
			return;
		}
	}
	postpone(games, candidate, now);
}

/* Whoever asked for this process gets the answer, also if it was asked for a candidate's sake. */
static void answer_explains(struct games *games, const struct candidate *candidate, const struct prober_answer *answer)
{
	struct games_explanation explanation = { .err = answer->err, .pid = answer->id.pid };
	struct score_facts facts;

	for (size_t i = 0; i < GAMES_EXPLAIN_MAX; i++) {
		struct explain explain = games->explains[i];

		if (!explain.fn || explain.pid != answer->id.pid)
			continue;
		if (!answer->err) {
			if (candidate && candidate->id.start_ticks && candidate->id.start_ticks != answer->probe.info.id.start_ticks)
				candidate = NULL;
			facts = facts_of(games, candidate, &answer->probe);
			explanation.proc = &answer->probe.info;
			explanation.score = score_process(&facts, games->programs);
			explanation.is_current = game_is_known(&games->current) && games->current.pid == answer->id.pid;
		}
		games->explains[i] = (struct explain){};
		explain.fn(&explanation, explain.ticket, explain.data);
	}
}

static void cancel_explains(struct games *games)
{
	for (size_t i = 0; i < GAMES_EXPLAIN_MAX; i++) {
		const struct games_explanation explanation = { .err = -ECANCELED, .pid = games->explains[i].pid };

		if (games->explains[i].fn)
			games->explains[i].fn(&explanation, games->explains[i].ticket, games->explains[i].data);
	}
}

static void take_probe(struct games *games, struct prober_answer *answer)
{
	struct candidate *candidate = find(games, answer->id.pid);

	games->facts.nr_probes++;
	answer_explains(games, candidate, answer);
	/* Of the game that the user has named, only this is asked, unless it was a candidate before. */
	if (games->fixed && !answer->err && answer->id.pid == games_current(games)) {
		struct games_identity identity = identity_of(&answer->probe.info, answer->probe.info.steam_app_id);

		set_identity(games, &identity);
	}
	if (!candidate || !candidate->asked)
		return;
	/* The candidate that was asked for has gone, and this is another with the same number. */
	if (answer->id.start_ticks && candidate->id.start_ticks != answer->id.start_ticks)
		return;
	candidate->asked = false;
	if (candidate->changed) {
		candidate->changed = false;
		return;
	}
	if (answer->err == -ETIMEDOUT || answer->err == -ENOMEM || answer->err == -EMFILE || answer->err == -ENFILE) {
		postpone(games, candidate, now_ns());
		return;
	}
	if (answer->err) {
		/* Of what is in front the pidfd tells the end. */
		if (!is_current(games, candidate))
			drop(games, candidate);
		return;
	}
	candidate->id = answer->probe.info.id;
	judge(games, candidate, &answer->probe, now_ns());
	choose(games);
}

/* ---- looks through /proc ---- */

static uint64_t boottime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

/* Who is there already: its next stage is now, and those for its age are over. */
static void take_in(struct games *games, const struct proc_id *id, uint64_t now)
{
	uint64_t start_ns = proc_ns_from_ticks(id->start_ticks), boot_ns = boottime_ns(), age_ns;
	struct candidate *candidate = find(games, id->pid);

	/* A list waits to be taken in: who has this number since is a later process, told by its exec. */
	if (candidate && candidate->id.start_ticks >= id->start_ticks)
		return;
	candidate = find_or_add(games, id);
	if (!candidate)
		return;
	age_ns = boot_ns > start_ns ? boot_ns - start_ns : 0;
	candidate->base_ns = age_ns < now ? now - age_ns : 0;
	candidate->due_ns = now;
	for (candidate->stage = 0; candidate->stage < NR_STAGES && stages_ns[candidate->stage] <= age_ns;)
		candidate->stage++;
}

static void feed_backlog(struct games *games, uint64_t now)
{
	/* The last quarter is for who comes new. */
	while (games->backlog_at < games->nr_backlog &&
	       games->facts.nr_candidates < GAMES_CANDIDATES_MAX - GAMES_CANDIDATES_MAX / 4)
		take_in(games, &games->backlog[games->backlog_at++], now);
	if (games->backlog_at < games->nr_backlog)
		return;
	free(games->backlog);
	games->backlog = NULL;
	games->nr_backlog = games->backlog_at = 0;
}

static void ask_rescan(struct games *games, uint64_t interval_ns)
{
	uint64_t due_ns = games->rescanned_ns ? games->rescanned_ns + interval_ns : 0, now = now_ns();

	if (games->idle)
		return;
	if (due_ns < now)
		due_ns = now;
	if (due_ns < games->rescan_due_ns)
		games->rescan_due_ns = due_ns;
	wake_at(games, games->rescan_due_ns);
}

static void take_list(struct games *games, struct prober_answer *answer)
{
	games->listing = false;
	if (answer->err) {
		log_warning_errno(answer->err, "games: cannot look through /proc");
		ask_rescan(games, RESCAN_HINT_NS);
		return;
	}
	free(games->backlog);
	games->backlog = steal_ptr(&answer->ids);
	games->nr_backlog = answer->nr_ids;
	games->backlog_at = 0;
	wake_at(games, now_ns());
}

void games_rescan(struct games *games)
{
	ask_rescan(games, RESCAN_LOST_NS);
}

static void start_rescan(struct games *games, uint64_t now)
{
	/* One at a time, its answer taken in whole. */
	if (games->listing || games->backlog || prober_ask_list(games->prober)) {
		games->rescan_due_ns = now + RETRY_NS;
		return;
	}
	games->listing = true;
	games->rescan_due_ns = NEVER_NS;
	games->rescanned_ns = now;
	games->facts.nr_rescans++;
}

/* ---- the lists ---- */

void games_reload(struct games *games)
{
	/* What was written while the files are read may have been missed; and a full queue is tried again. */
	games->load_again = games->loading || prober_ask_load(games->prober);
	if (games->load_again) {
		wake_at(games, now_ns() + RETRY_NS);
		return;
	}
	games->loading = true;
	wake_at(games, now_ns() + CHECK_NS);
}

static void take_lists(struct games *games, struct prober_answer *answer)
{
	games->loading = false;
	if (answer->err) {
		log_error("%s; the lists of programs stay as they were", answer->message);
	} else {
		programs_unref(games->programs);
		games->programs = steal_ptr(&answer->programs);
		log_notice("games: %zu programs are listed", programs_nr(games->programs));
		games->ops.clear_background(games->data);
		forget_marks(games);
		/* Who is judged already may be judged otherwise now. */
		for (size_t i = 0; i < GAMES_CANDIDATES_MAX; i++)
			if (games->candidates[i].id.pid && games->candidates[i].is_game)
				set_due(games, &games->candidates[i], now_ns());
		ask_rescan(games, 0);
	}
	if (games->load_again)
		games_reload(games);
}

static void handle_answer(struct prober_answer *answer, void *data)
{
	struct games *games = data;

	switch (answer->kind) {
	case PROBER_PROBE:
		take_probe(games, answer);
		break;
	case PROBER_LIST:
		take_list(games, answer);
		break;
	case PROBER_LOAD:
		take_lists(games, answer);
		break;
	case PROBER_GROUP:
		background_take(&games->background, answer);
		break;
	}
}

/* ---- time ---- */

/* @candidate is due. May drop it. */
static void look_at(struct games *games, struct candidate *candidate, uint64_t now)
{
	int err = prober_ask_process(games->prober, &candidate->id, games->programs);

	if (!err) {
		candidate->asked = true;
		candidate->due_ns = NEVER_NS;
	} else if (err == -EBUSY) {
		postpone(games, candidate, now);
	} else {
		games->facts.nr_queue_full++;
		candidate->due_ns = now + RETRY_NS;
	}
}

static int handle_timer(struct timer *timer, uint64_t now)
{
	struct games *games = container_of(timer, struct games, timer);
	uint64_t next_ns = NEVER_NS;

	prober_check(games->prober, now);
	/* First of all, or processes would fill the queue again. */
	if (games->load_again && !games->loading)
		games_reload(games);
	if (games->rescan_due_ns <= now)
		start_rescan(games, now);
	feed_backlog(games, now);
	for (size_t i = 0; i < GAMES_CANDIDATES_MAX; i++) {
		struct candidate *candidate = &games->candidates[i];

		if (!candidate->id.pid || candidate->asked)
			continue;
		if (candidate->due_ns <= now)
			look_at(games, candidate, now);
		if (candidate->id.pid && candidate->due_ns < next_ns)
			next_ns = candidate->due_ns;
	}
	if (games->rescan_due_ns < next_ns)
		next_ns = games->rescan_due_ns;
	if ((games->backlog || (games->load_again && !games->loading)) && now + RETRY_NS < next_ns)
		next_ns = now + RETRY_NS;
	if (prober_nr_pending(games->prober) && now + CHECK_NS < next_ns)
		next_ns = now + CHECK_NS;
	if (next_ns != NEVER_NS)
		wake_at(games, next_ns);
	return 0;
}

/* ---- what is told from outside ---- */

static void take_exec(struct games *games, const struct proc_id *id, uint32_t tree)
{
	struct candidate *candidate = find_or_add(games, id);
	uint64_t now = now_ns();

	games->facts.nr_execs++;
	if (!candidate)
		return;
	/* A new program: what the old one did counts no more. What is in front stays there until it is scored anew. */
	candidate->gpu = false;
	candidate->gamemode = false;
	candidate->changed = candidate->asked;
	candidate->in_background = tree & ARCADE_TREE_BACKGROUND;
	candidate->base_ns = now;
	candidate->stage = 0;
	set_due(games, candidate, now + stages_ns[0]);
}

static void take_exit(struct games *games, const struct proc_id *id)
{
	struct candidate *candidate = find(games, id->pid);

	if (!candidate || (candidate->id.start_ticks && candidate->id.start_ticks != id->start_ticks))
		return;
	if (!is_current(games, candidate))
		drop(games, candidate);
}

/* Something was told of a process: look at it soon, and then in its stages. */
static void look_soon(struct games *games, struct candidate *candidate)
{
	uint64_t now = now_ns();

	if (!candidate->base_ns) {
		candidate->base_ns = now;
		candidate->stage = 0;
	}
	if (candidate->due_ns > now + RETRY_NS)
		set_due(games, candidate, now + RETRY_NS);
}

static void take_gpu(struct games *games, const struct proc_id *id)
{
	struct candidate *candidate = find_or_add(games, id);

	if (!candidate)
		return;
	candidate->gpu = true;
	look_soon(games, candidate);
}

void games_control(struct games *games, const struct arcade_control_record *record)
{
	struct proc_id id = { .pid = (pid_t)record->pid, .start_ticks = proc_ticks_from_ns(record->start_ns) };

	if (games->idle || id.pid <= 1 || !id.start_ticks)
		return;
	switch (record->type) {
	case ARCADE_CONTROL_TASK_EXEC:
		take_exec(games, &id, record->tree);
		break;
	case ARCADE_CONTROL_TASK_EXIT:
		take_exit(games, &id);
		break;
	case ARCADE_CONTROL_GPU_SUBMIT:
		take_gpu(games, &id);
		break;
	}
}

void games_hint(struct games *games, enum games_hint kind, const char *path)
{
	log_debug("games: hint %d: %s", (int)kind, path ? path : "");
	if (kind == GAMES_HINT_PROGRAMS)
		games_reload(games);
	else
		ask_rescan(games, RESCAN_HINT_NS);
}

void games_focus(struct games *games, pid_t pid, bool fullscreen)
{
	struct candidate *candidate;

	if (games->idle)
		return;
	for (size_t i = 0; i < GAMES_CANDIDATES_MAX; i++) {
		games->candidates[i].focused = false;
		games->candidates[i].fullscreen &= games->candidates[i].id.pid != pid;
	}
	if (pid > 1) {
		candidate = find_or_add(games, &(struct proc_id){ .pid = pid });
		if (candidate) {
			candidate->focused = true;
			candidate->fullscreen = fullscreen;
			candidate->focus_order = ++games->nr_focused;
			look_soon(games, candidate);
		}
	}
	choose(games);
}

void games_gamemode(struct games *games, pid_t pid, bool registered)
{
	struct candidate *candidate;

	if (games->idle || pid <= 1)
		return;
	candidate = registered ? find_or_add(games, &(struct proc_id){ .pid = pid }) : find(games, pid);
	if (!candidate)
		return;
	candidate->gamemode = registered;
	look_soon(games, candidate);
}

void games_announce(struct games *games)
{
	if (games_current(games))
		games->ops.set_game(games_current(games), games->data);
	forget_marks(games);
	ask_rescan(games, 0);
}

int games_explain(struct games *games, pid_t pid, uint64_t ticket, games_explain_fn fn, void *data)
{
	for (size_t i = 0; i < GAMES_EXPLAIN_MAX; i++) {
		int err;

		if (games->explains[i].fn)
			continue;
		err = prober_ask_process(games->prober, &(struct proc_id){ .pid = pid }, games->programs);
		if (err)
			return err == -EAGAIN ? -EBUSY : err;
		games->explains[i] = (struct explain){ .fn = fn, .data = data, .ticket = ticket, .pid = pid };
		/* A read that is stuck is given up in time. */
		wake_at(games, now_ns() + CHECK_NS);
		return 0;
	}
	return -EBUSY;
}

pid_t games_overridden(const struct games *games)
{
	return games->override;
}

/* The rules decide again. */
static void end_override(struct games *games)
{
	pid_t before = games_current(games);

	games->override = GAMES_OVERRIDE_AUTO;
	games->fixed = false;
	leave_current(games);
	choose(games);
	if (before && !games_current(games)) {
		games->facts.nr_decisions++;
		games->ops.set_game(0, games->data);
	}
	games_rescan(games);
}

static void handle_override_end(void *data)
{
	struct games *games = data;

	log_notice("game: process %d has ended; games are looked for again", (int)games->current.pid);
	games->facts.nr_decisions++;
	games->ops.set_game(0, games->data);
	end_override(games);
}

int games_override(struct games *games, pid_t pid)
{
	struct game tried;
	pid_t before = games_current(games);
	int err;

	if (pid < GAMES_OVERRIDE_AUTO || pid == 1)
		return -EINVAL;
	if (pid == GAMES_OVERRIDE_AUTO) {
		if (games->fixed)
			log_notice("game: games are looked for again");
		end_override(games);
		return 0;
	}
	if (pid > 0) {
		/* Nothing changes for one that cannot be watched. */
		game_init(&tried);
		err = game_watch(&tried, games->loop, pid, handle_override_end, games);
		game_deinit(&tried);
		if (err)
			return err;
	}
	leave_current(games);
	games->fixed = true;
	games->override = pid;
	err = pid > 0 ? game_watch(&games->current, games->loop, pid, handle_override_end, games) : 0;
	if (err) {
		end_override(games);
		return err;
	}
	if (pid > 0)
		log_notice("game: process %d is the game, by word of the user", (int)pid);
	else
		log_notice("game: there is none, by word of the user");
	set_identity(games, NULL);
	if (pid > 0 && prober_ask_process(games->prober, &(struct proc_id){ .pid = pid }, games->programs))
		log_debug("game: process %d is not looked at", (int)pid);
	if (pid != before) {
		games->facts.nr_decisions++;
		games->ops.set_game(pid, games->data);
	}
	return 0;
}

const struct games_identity *games_identity(const struct games *games)
{
	return games_current(games) ? &games->identity : NULL;
}

pid_t games_current(const struct games *games)
{
	return game_is_known(&games->current) ? games->current.pid : 0;
}

struct games_facts games_facts(const struct games *games)
{
	struct games_facts facts = games->facts;

	facts.nr_background = games->background.nr_trees;
	facts.nr_background_groups = games->background.nr_groups;
	return facts;
}

/* ---- life ---- */

static void handle_fixed_end(void *data)
{
	struct games *games = data;

	log_notice("game: process %d has ended", (int)games->current.pid);
	games->facts.nr_decisions++;
	games->ops.set_game(0, games->data);
}

static int watch_fixed(struct games *games, pid_t pid)
{
	int err;

	/* It is the only one, also after its end. */
	games->fixed = true;
	err = game_watch(&games->current, games->loop, pid, handle_fixed_end, games);
	if (err)
		log_error("--game %d: %s", (int)pid,
			  err == -ESRCH	  ? "there is no such process" :
			  err == -ENOTSUP ? "this is a thread, not a process" :
					    strerror(-err));
	return err;
}

int games_new(struct loop *loop, const struct games_config *config, const struct games_ops *ops, void *data,
	      struct games **ret)
{
	_cleanup_(games_freep) struct games *games = calloc(1, sizeof(*games));
	char message[PROGRAMS_MESSAGE_MAX];
	int err;

	if (!games)
		return log_error_errno(ENOMEM, "games");
	games->loop = loop;
	games->config = *config;
	games->ops = *ops;
	games->data = data;
	background_init(&games->background,
			&(struct background_ops){ .mark_tree = ops->mark_background, .mark_group = ops->mark_background_group },
			data);
	games->idle = config->no_detect && !config->name;
	games->override = GAMES_OVERRIDE_AUTO;
	games->rescan_due_ns = NEVER_NS;
	timer_init(&games->timer, "games", handle_timer);
	game_init(&games->current);
	for (size_t i = 0; i < NR_BUCKETS; i++)
		games->buckets[i] = NO_INDEX;
	for (size_t i = 0; i < GAMES_CANDIDATES_MAX; i++) {
		games->candidates[i].pidfd = -1;
		games->candidates[i].next = i + 1 < GAMES_CANDIDATES_MAX ? (uint16_t)(i + 1) : NO_INDEX;
	}
	if (config->pid) {
		err = watch_fixed(games, config->pid);
		if (err)
			return err;
	}
	err = programs_new(config->programs_file, config->programs_dir, message, &games->programs);
	if (err) {
		log_error("%s", message);
		return err;
	}
	err = prober_new(loop, config->proc_path ? config->proc_path : "/proc", config->programs_file,
			 config->programs_dir, handle_answer, games, &games->prober);
	if (err)
		return log_error_errno(err, "games: cannot start the thread that reads /proc");
	background_set_prober(&games->background, games->prober);
	if (config->pid && prober_ask_process(games->prober, &(struct proc_id){ .pid = config->pid }, games->programs))
		log_debug("game: process %d is not looked at", (int)config->pid);
	if (config->name)
		log_notice("game: whatever is named '%s' is the game", config->name);
	ask_rescan(games, 0);
	*ret = steal_ptr(&games);
	return 0;
}

void games_free(struct games *games)
{
	if (!games)
		return;
	timer_disarm(&games->timer);
	prober_free(games->prober);
	cancel_explains(games);
	game_deinit(&games->current);
	for (size_t i = 0; i < GAMES_CANDIDATES_MAX; i++) {
		close_fd(games->candidates[i].pidfd);
		free(games->candidates[i].identity);
	}
	free(games->backlog);
	programs_unref(games->programs);
	free(games);
}
