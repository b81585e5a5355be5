// SPDX-License-Identifier: GPL-2.0-only
#include "games.h"

#include <time.h>

#include "background.h"
#include "candidates.h"
#include "front.h"
#include "log.h"
#include "prober.h"
#include "scan.h"

/* Wakeups for several candidates are put together. */
#define GRID_NS (50 * NSEC_PER_MSEC)

/* A full queue is tried again. */
#define RETRY_NS (100 * NSEC_PER_MSEC)

/* The prober is looked after while it works. */
#define CHECK_NS NSEC_PER_SEC

/*
 * Looks through /proc come no more often than this. Records may be lost for as long as programs are started, and hints are
 * frequent and mean little.
 */
#define RESCAN_SOON_NS (2 * NSEC_PER_SEC)
#define RESCAN_LOST_NS (4 * NSEC_PER_SEC)
#define RESCAN_HINT_NS (10 * NSEC_PER_SEC)

/* A program whose record was lost may show what it is only later. */
#define LOST_LOOKS 2

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
	struct candidates candidates;
	struct front front;
	struct background background;
	struct scan scan;
	struct explain explains[GAMES_EXPLAIN_MAX];
	bool idle;		/* nothing is to be found */
	uint64_t nr_focused;
	bool loading;
	bool load_again;
	int nr_lost_looks;	/* for lost records, that are to come */
	struct games_facts facts;	/* but for those that the rooms above count */
};

/* ---- when ---- */

static void wake_at(struct games *games, uint64_t time_ns)
{
	uint64_t grid_ns = (time_ns / GRID_NS + 1) * GRID_NS;

	if (!timer_is_armed(&games->timer) || games->timer.deadline_ns > grid_ns)
		timer_arm(&games->timer, games->loop, grid_ns, 0);
}

static void set_due(struct games *games, struct candidate *candidate, uint64_t due_ns)
{
	candidate->due_ns = due_ns;
	if (due_ns != CANDIDATES_NEVER)
		wake_at(games, due_ns);
}

static void ask_scan(struct games *games, uint64_t interval_ns)
{
	if (games->idle)
		return;
	scan_ask(&games->scan, interval_ns, now_ns());
	wake_at(games, games->scan.due_ns);
}

void games_rescan(struct games *games)
{
	ask_scan(games, RESCAN_SOON_NS);
}

void games_records_lost(struct games *games)
{
	games->nr_lost_looks = LOST_LOOKS;
	ask_scan(games, RESCAN_LOST_NS);
}

/* Return: NULL if there is no place; then it is found later. */
static struct candidate *find_or_add(struct games *games, const struct proc_id *id)
{
	struct candidate *candidate = candidates_find_or_add(&games->candidates, id);

	if (!candidate)
		games_rescan(games);
	return candidate;
}

/* Later again, as long as it is worth it. */
static void postpone(struct games *games, struct candidate *candidate, uint64_t now)
{
	uint64_t due_ns = candidate_next_look(candidate, now);

	if (due_ns == CANDIDATES_NEVER)
		candidates_drop(&games->candidates, candidate);
	else
		set_due(games, candidate, due_ns);
}

static struct games_identity identity_of(const struct proc_info *proc, uint64_t app_id)
{
	struct games_identity identity = { .app_id = app_id };

	score_program_name(proc, identity.name);
	memcpy(identity.comm, proc->comm, sizeof(identity.comm));
	snprintf(identity.executable, sizeof(identity.executable), "%s", proc_base_name(proc->exe));
	return identity;
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
		games->candidates.all[i].in_background = false;
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
		if (front_is(&games->front, candidate))
			front_set_identity(&games->front, candidate->identity);
		tell_game(games, candidate, &score);
		candidate->is_game = true;
	} else {
		candidate->is_game = false;
		/* What is on a list stays there, whatever it does. */
		if (score.reason == SCORE_REASON_LISTED || score.reason == SCORE_REASON_KERNEL ||
		    score.reason == SCORE_REASON_ENDED || score.reason == SCORE_REASON_WEB_HELPER) {
			candidates_drop(&games->candidates, candidate);
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
			explanation.is_current = games_current(games) == answer->id.pid;
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
	struct candidate *candidate = candidates_find(&games->candidates, answer->id.pid);

	games->facts.nr_probes++;
	answer_explains(games, candidate, answer);
	/* Of the game that the user has named, only this is asked, unless it was a candidate before. */
	if (games->front.fixed && !answer->err && answer->id.pid == games_current(games)) {
		struct games_identity identity = identity_of(&answer->probe.info, answer->probe.info.steam_app_id);

		front_set_identity(&games->front, &identity);
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
		if (!front_is(&games->front, candidate))
			candidates_drop(&games->candidates, candidate);
		return;
	}
	candidate->id = answer->probe.info.id;
	judge(games, candidate, &answer->probe, now_ns());
	front_choose(&games->front);
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
	uint64_t start_ns = proc_ns_from_ticks(id->start_ticks), boot_ns = boottime_ns();
	struct candidate *candidate = candidates_find(&games->candidates, id->pid);

	/* A list waits to be taken in: who has this number since is a later process, told by its exec. */
	if (candidate && candidate->id.start_ticks > id->start_ticks)
		return;
	/* It may have got another program since its last look, and the record of that may have been lost. */
	if (candidate && candidate->id.start_ticks == id->start_ticks) {
		if (!candidate->asked && candidate->stage)
			candidate->due_ns = now;
		return;
	}
	candidate = find_or_add(games, id);
	if (!candidate)
		return;
	candidate_begin_at_age(candidate, boot_ns > start_ns ? boot_ns - start_ns : 0, now);
	candidate->due_ns = now;
}

static void feed_from_scan(struct games *games, uint64_t now)
{
	struct proc_id id;

	/* The last quarter is for who comes new. */
	while (games->candidates.nr < GAMES_CANDIDATES_MAX - GAMES_CANDIDATES_MAX / 4 && scan_next(&games->scan, &id))
		take_in(games, &id, now);
}

static void take_list(struct games *games, struct prober_answer *answer)
{
	if (scan_take_list(&games->scan, answer)) {
		ask_scan(games, RESCAN_HINT_NS);
		return;
	}
	wake_at(games, now_ns());
	if (games->nr_lost_looks && --games->nr_lost_looks)
		ask_scan(games, RESCAN_LOST_NS);
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
			if (games->candidates.all[i].id.pid && games->candidates.all[i].is_game)
				set_due(games, &games->candidates.all[i], now_ns());
		ask_scan(games, 0);
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
		candidate->due_ns = CANDIDATES_NEVER;
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
	uint64_t next_ns = CANDIDATES_NEVER;

	prober_check(games->prober, now);
	/* First of all, or processes would fill the queue again. */
	if (games->load_again && !games->loading)
		games_reload(games);
	scan_begin(&games->scan, now);
	feed_from_scan(games, now);
	for (size_t i = 0; i < GAMES_CANDIDATES_MAX; i++) {
		struct candidate *candidate = &games->candidates.all[i];

		if (!candidate->id.pid || candidate->asked)
			continue;
		if (candidate->due_ns <= now)
			look_at(games, candidate, now);
		if (candidate->id.pid && candidate->due_ns < next_ns)
			next_ns = candidate->due_ns;
	}
	if (games->scan.due_ns < next_ns)
		next_ns = games->scan.due_ns;
	if ((scan_has_more(&games->scan) || (games->load_again && !games->loading)) && now + RETRY_NS < next_ns)
		next_ns = now + RETRY_NS;
	if (prober_nr_pending(games->prober) && now + CHECK_NS < next_ns)
		next_ns = now + CHECK_NS;
	if (next_ns != CANDIDATES_NEVER)
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
	set_due(games, candidate, candidate_begin(candidate, now));
}

static void take_exit(struct games *games, const struct proc_id *id)
{
	struct candidate *candidate = candidates_find(&games->candidates, id->pid);

	if (!candidate || (candidate->id.start_ticks && candidate->id.start_ticks != id->start_ticks))
		return;
	if (!front_is(&games->front, candidate))
		candidates_drop(&games->candidates, candidate);
}

/* Something was told of a process: look at it soon, and then in its stages. */
static void look_soon(struct games *games, struct candidate *candidate)
{
	uint64_t now = now_ns();

	if (!candidate->base_ns)
		candidate_begin(candidate, now);
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
		ask_scan(games, RESCAN_HINT_NS);
}

void games_focus(struct games *games, pid_t pid, bool fullscreen)
{
	struct candidate *candidate;

	if (games->idle)
		return;
	for (size_t i = 0; i < GAMES_CANDIDATES_MAX; i++) {
		games->candidates.all[i].focused = false;
		games->candidates.all[i].fullscreen &= games->candidates.all[i].id.pid != pid;
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
	front_choose(&games->front);
}

void games_gamemode(struct games *games, pid_t pid, bool registered)
{
	struct candidate *candidate;

	if (games->idle || pid <= 1)
		return;
	candidate = registered ? find_or_add(games, &(struct proc_id){ .pid = pid }) : candidates_find(&games->candidates, pid);
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
	ask_scan(games, 0);
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
	return games->front.override;
}

int games_override(struct games *games, pid_t pid)
{
	int err = front_override(&games->front, pid);

	if (!err && pid > 0 && prober_ask_process(games->prober, &(struct proc_id){ .pid = pid }, games->programs))
		log_debug("game: process %d is not looked at", (int)pid);
	return err;
}

const struct games_identity *games_identity(const struct games *games)
{
	return front_identity(&games->front);
}

pid_t games_current(const struct games *games)
{
	return front_pid(&games->front);
}

struct games_facts games_facts(const struct games *games)
{
	struct games_facts facts = games->facts;

	facts.nr_background = games->background.nr_trees;
	facts.nr_background_groups = games->background.nr_groups;
	facts.nr_rescans = games->scan.nr;
	facts.nr_dropped = games->candidates.nr_dropped;
	facts.nr_candidates = games->candidates.nr;
	facts.nr_decisions = games->front.nr_decisions;
	return facts;
}

/* ---- life ---- */

static void set_game(pid_t pid, void *data)
{
	struct games *games = data;

	games->ops.set_game(pid, games->data);
}

static void identify(void *data)
{
	struct games *games = data;

	if (games->ops.identify)
		games->ops.identify(games->data);
}

static void look_again(void *data)
{
	games_rescan(data);
}

int games_new(struct loop *loop, const struct games_config *config, const struct games_ops *ops, void *data,
	      struct games **ret)
{
	static const struct front_ops front_ops = { .set_game = set_game, .identify = identify, .look_again = look_again };
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
	timer_init(&games->timer, "games", handle_timer);
	candidates_init(&games->candidates);
	scan_init(&games->scan);
	front_init(&games->front, loop, &games->candidates, &front_ops, games);
	if (config->pid) {
		err = front_fix(&games->front, config->pid);
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
		return log_error_errno(err, "games: cannot make what reads /proc");
	background_set_prober(&games->background, games->prober);
	scan_set_prober(&games->scan, games->prober);
	if (config->pid && prober_ask_process(games->prober, &(struct proc_id){ .pid = config->pid }, games->programs))
		log_debug("game: process %d is not looked at", (int)config->pid);
	if (config->name)
		log_notice("game: whatever is named '%s' is the game", config->name);
	ask_scan(games, 0);
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
	front_deinit(&games->front);
	candidates_deinit(&games->candidates);
	scan_deinit(&games->scan);
	programs_unref(games->programs);
	free(games);
}
