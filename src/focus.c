// SPDX-License-Identifier: GPL-2.0-only
#include "focus.h"

#include "focus_rule.h"
#include "kernel.h"
#include "log.h"
#include "own_file.h"

struct focus {
	char script[ARCADE_FOCUS_PATH_MAX];	/* "": there is none */
	struct loop *loop;
	struct timer timer;		/* the rule's deadline */
	struct session_monitor *monitor;
	struct helper *helper;
	struct focus_rule rule;
	bool told_in_front;		/* what the callback knows */
	struct focus_window window;	/* as told to the callback */
	struct focus_callbacks callbacks;
	void *data;
};

static enum focus_where where_is(const struct focus *focus, const struct focus_window *window)
{
	if (!window->known)
		return FOCUS_UNKNOWN;
	if (!window->mapped)
		return FOCUS_NOWHERE;
	if (!window->process.pid)
		return FOCUS_UNKNOWN;
	return focus->callbacks.is_game && focus->callbacks.is_game(focus->data, window) ? FOCUS_GAME : FOCUS_ELSEWHERE;
}

static bool is_same(const struct focus_window *a, const struct focus_window *b)
{
	return a->known == b->known && a->mapped == b->mapped && a->fullscreen == b->fullscreen &&
	       a->source == b->source && a->process.pid == b->process.pid && a->process.start == b->process.start &&
	       a->process.uid == b->process.uid && streq(a->app, b->app);
}

static void show(struct focus *focus, const struct focus_window *window)
{
	if (is_same(window, &focus->window))
		return;
	focus->window = *window;
	if (focus->callbacks.window)
		focus->callbacks.window(focus->data, &focus->window);
}

/* After anything that may have moved the rule. The callbacks may come back here (focus_recheck). */
static void follow_rule(struct focus *focus)
{
	const struct focus_window none = { .known = true, .source = focus->window.source };
	uint64_t deadline;

	focus_rule_run(&focus->rule, now_ns());
	if (focus->rule.where == FOCUS_NOWHERE)
		show(focus, &none);
	deadline = focus_rule_deadline(&focus->rule);
	if (deadline)
		timer_arm(&focus->timer, focus->loop, deadline, 0);
	else
		timer_disarm(&focus->timer);
	if (focus->rule.in_front == focus->told_in_front)
		return;
	focus->told_in_front = focus->rule.in_front;
	if (focus->callbacks.front)
		focus->callbacks.front(focus->data, focus->told_in_front);
}

static int handle_timer(struct timer *timer, uint64_t now)
{
	struct focus *focus = container_of(timer, struct focus, timer);

	follow_rule(focus);
	return 0;
}

static void handle_window(void *data, const struct focus_window *window)
{
	struct focus *focus = data;
	enum focus_where where = where_is(focus, window);

	focus_rule_set(&focus->rule, where, now_ns());
	/* No window is shown when it has settled. */
	if (where != FOCUS_NOWHERE)
		show(focus, window);
	follow_rule(focus);
}

static void handle_gamemode(void *data, const struct focus_process *process, bool registered)
{
	struct focus *focus = data;

	if (focus->callbacks.gamemode)
		focus->callbacks.gamemode(focus->data, process, registered);
}

static void handle_session(void *data, const struct session *session)
{
	struct focus *focus = data;

	if (session->id[0])
		log_debug("focus: session %s on %s: user %u, %s", session->id, session->seat,
			  (unsigned int)session->uid, session->type);
	else
		log_debug("focus: no graphical session");
	helper_set_session(focus->helper, session);
	if (focus->callbacks.session)
		focus->callbacks.session(focus->data, session);
}

/* KWin reads it, so the path must be one that the user sees. */
static void find_script(struct focus *focus)
{
	if (own_file_find("scx_arcade_focus.js", "kwin/scx_arcade_focus.js", focus->script, sizeof(focus->script)))
		log_warning("focus: KWin's script is not installed beside the program: KWin is not asked");
}

int focus_new(struct loop *loop, const char *script, struct focus **ret)
{
	static const struct helper_callbacks callbacks = { .window = handle_window, .gamemode = handle_gamemode };
	_cleanup_(focus_freep) struct focus *focus = calloc(1, sizeof(*focus));
	int err;

	if (!focus)
		return -ENOMEM;
	focus->loop = loop;
	timer_init(&focus->timer, "focus", handle_timer);
	focus_rule_init(&focus->rule);
	focus->told_in_front = focus->rule.in_front;
	if (script && strlen(script) >= sizeof(focus->script))
		return -ENAMETOOLONG;
	if (script)
		strcpy(focus->script, script);
	else
		find_script(focus);
	err = helper_new(loop, focus->script, &callbacks, focus, &focus->helper);
	if (err)
		return err;
	*ret = steal_ptr(&focus);
	return 0;
}

void focus_free(struct focus *focus)
{
	if (!focus)
		return;
	session_monitor_free(focus->monitor);
	helper_free(focus->helper);
	timer_disarm(&focus->timer);
	free(focus);
}

void focus_set_callbacks(struct focus *focus, const struct focus_callbacks *callbacks, void *data)
{
	focus->callbacks = *callbacks;
	focus->data = data;
}

int focus_follow_logind(struct focus *focus)
{
	if (!kernel_may_become_user())
		return -EPERM;
	return session_monitor_new(focus->loop, handle_session, focus, &focus->monitor);
}

void focus_set_session(struct focus *focus, const struct session *session)
{
	helper_set_session(focus->helper, session);
}

void focus_recheck(struct focus *focus)
{
	enum focus_where where = where_is(focus, &focus->window);

	/* No window that is about to settle goes on settling. */
	if (where == FOCUS_NOWHERE || focus->rule.leaving)
		return;
	focus_rule_set(&focus->rule, where, now_ns());
	follow_rule(focus);
}

const struct focus_window *focus_window(const struct focus *focus)
{
	return &focus->window;
}

bool focus_in_front(const struct focus *focus)
{
	return focus->rule.in_front;
}

const struct helper *focus_helper(const struct focus *focus)
{
	return focus->helper;
}

void focus_describe(bool off, char *buf, size_t size)
{
	struct session session;
	int err;

	if (off) {
		snprintf(buf, size, "off, by option: the game is taken to be in front");
		return;
	}
	if (!kernel_may_become_user()) {
		snprintf(buf, size, "off, no program can be started as the user here: the game is taken to be in front");
		return;
	}
	err = session_find(&session);
	if (!err)
		snprintf(buf, size, "session %s, user %u, %s: KWin's script and GameMode, where they are", session.id,
			 (unsigned int)session.uid, session.type);
	else if (err == -ENXIO)
		snprintf(buf, size, "no graphical session yet: waited for");
	else if (err == -ENOSYS)
		snprintf(buf, size, "no logind yet to ask for the session: the game is taken to be in front");
	else
		snprintf(buf, size, "logind cannot be asked (%s)", strerror(-err));
}
