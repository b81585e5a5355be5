// SPDX-License-Identifier: GPL-2.0-only
/*
 * helper_kwin - the focus as KWin's own script tells it
 *
 * KWin has no signal for the focus, but runs scripts that may call us. The
 * script's life is a walk through the states below; whatever fails starts it
 * again with growing pauses, and a change of KWin's owner starts it at once.
 *
 *	ABSENT -> UNLOAD -> POLL -> LOAD -> START -> HELLO -> READY <-> CHECK
 *
 * Facts of KWin 5.27 and 6.3 that shape it: unloading is deferred, so it is
 * polled for, else loading says -1 and the old script goes afterwards; a
 * script that an earlier helper left behind must go, for only a fresh one
 * tells how things are; the id that loading returns may be another script's,
 * so not that is run, but everything that is not running yet (start); a script
 * with a bad path or syntax loads well, so only its first message counts.
 *
 * Any process of the user may call us. Only KWin's calls are taken: those
 * whose sender is the owner of its name, which the bus vouches for.
 */
#include "helper_child.h"

#include "util.h"

#define KWIN_NAME      "org.kde.KWin"
#define SCRIPTING_PATH "/Scripting"
#define SCRIPTING      "org.kde.kwin.Scripting"
#define PLUGIN	       "scx_arcade_focus"

#define OUR_NAME      "org.scx_arcade.Focus"
#define OUR_PATH      "/org/scx_arcade/Focus"
#define OUR_INTERFACE "org.scx_arcade.Focus1"

/* An answer or the script's first message that takes longer will not come. */
#define ANSWER_NS (1500 * NSEC_PER_MSEC)
#define POLL_NS	  (30 * NSEC_PER_MSEC)
#define POLLS_MAX 20
/* How long a script that somebody else has unloaded may go unnoticed. */
#define CHECK_NS (10 * NSEC_PER_SEC)
/* 5.27 has its name before its objects: try again soon, but not for ever so. */
#define RETRY_MIN_NS (100 * NSEC_PER_MSEC)
#define RETRY_MAX_NS (30 * NSEC_PER_SEC)
/* A unique name has ":", two numbers and a dot. */
#define OWNER_MAX 64

enum kwin_state {
	KWIN_ABSENT,
	KWIN_UNLOAD,	/* asked to unload */
	KWIN_POLL,	/* waiting until it is gone; @call is 0 between two questions */
	KWIN_LOAD,
	KWIN_START,
	KWIN_HELLO,	/* waiting for the first message */
	KWIN_READY,
	KWIN_CHECK,	/* asked whether the script is still loaded; still reporting */
	KWIN_RETRY,	/* pausing */
};

struct kwin {
	struct child *child;
	struct timer timer;	/* deadline of the state */
	struct timer name_timer;
	enum kwin_state state;
	uint32_t call;		/* the answer that is waited for */
	uint32_t owner_call;	/* GetNameOwner at the start */
	uint32_t name_call;	/* RequestName */
	uint64_t retry_ns;
	int nr_polls;
	bool finished;		/* the script is out, or not to be helped */
	char owner[OWNER_MAX];	/* KWin's unique name, "" while it is absent */
};

static void ask(struct kwin *kwin, enum kwin_state state, const char *member, int first_arg_type, const char *first,
		const char *second)
{
	struct bus *bus = child_bus(kwin->child);

	kwin->state = state;
	/* To the owner, not to the name: an answer is this KWin's or none. */
	if (first_arg_type == DBUS_TYPE_INVALID)
		kwin->call = bus_call(bus, kwin->owner, SCRIPTING_PATH, SCRIPTING, member, DBUS_TYPE_INVALID);
	else
		kwin->call = bus_call(bus, kwin->owner, SCRIPTING_PATH, SCRIPTING, member, DBUS_TYPE_STRING, &first,
				      second ? DBUS_TYPE_STRING : DBUS_TYPE_INVALID, &second, DBUS_TYPE_INVALID);
	timer_arm(&kwin->timer, child_loop(kwin->child), now_ns() + ANSWER_NS, 0);
}

static void ask_unload(struct kwin *kwin)
{
	ask(kwin, KWIN_UNLOAD, "unloadScript", DBUS_TYPE_STRING, PLUGIN, NULL);
}

static void begin(struct kwin *kwin)
{
	/* What the script before said goes with it: nobody would take it back. */
	child_forget_window(kwin->child, ARCADE_FOCUS_KWIN);
	child_report_state(kwin->child, ARCADE_FOCUS_KWIN, ARCADE_FOCUS_STARTING, 0);
	kwin->nr_polls = 0;
	ask_unload(kwin);
}

static void become_ready(struct kwin *kwin)
{
	kwin->state = KWIN_READY;
	kwin->call = 0;
	kwin->retry_ns = RETRY_MIN_NS;
	child_report_state(kwin->child, ARCADE_FOCUS_KWIN, ARCADE_FOCUS_READY, 0);
	timer_arm(&kwin->timer, child_loop(kwin->child), now_ns() + CHECK_NS, 0);
}

static void retry(struct kwin *kwin, int err)
{
	kwin->call = 0;
	kwin->state = KWIN_RETRY;
	/* The first failures belong to every start. */
	if (kwin->retry_ns > 8 * RETRY_MIN_NS)
		child_report_state(kwin->child, ARCADE_FOCUS_KWIN, ARCADE_FOCUS_FAILED, err);
	timer_arm(&kwin->timer, child_loop(kwin->child), now_ns() + kwin->retry_ns, 0);
	kwin->retry_ns = kwin->retry_ns * 2 < RETRY_MAX_NS ? kwin->retry_ns * 2 : RETRY_MAX_NS;
}

static void set_owner(struct kwin *kwin, const char *owner)
{
	timer_disarm(&kwin->timer);
	kwin->call = 0;
	kwin->retry_ns = RETRY_MIN_NS;
	snprintf(kwin->owner, sizeof(kwin->owner), "%s", owner);
	if (!kwin->owner[0]) {
		kwin->state = KWIN_ABSENT;
		kwin->finished = true;
		child_forget_window(kwin->child, ARCADE_FOCUS_KWIN);
		child_report_state(kwin->child, ARCADE_FOCUS_KWIN, ARCADE_FOCUS_ABSENT, 0);
		return;
	}
	if (!child_is_finishing(kwin->child))
		begin(kwin);
}

static void advance(struct kwin *kwin, DBusMessage *reply)
{
	bool failed = dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_ERROR;
	dbus_bool_t loaded;
	dbus_int32_t id;

	kwin->call = 0;
	if (child_is_finishing(kwin->child)) {
		kwin->finished = true;
		return;
	}
	if (failed) {
		retry(kwin, ENOENT);
		return;
	}
	switch (kwin->state) {
	case KWIN_UNLOAD:
		ask(kwin, KWIN_POLL, "isScriptLoaded", DBUS_TYPE_STRING, PLUGIN, NULL);
		break;
	case KWIN_POLL:
		if (!dbus_message_get_args(reply, NULL, DBUS_TYPE_BOOLEAN, &loaded, DBUS_TYPE_INVALID) ||
		    (loaded && ++kwin->nr_polls > POLLS_MAX))
			retry(kwin, EPROTO);
		else if (loaded)
			timer_arm(&kwin->timer, child_loop(kwin->child), now_ns() + POLL_NS, 0);
		else
			ask(kwin, KWIN_LOAD, "loadScript", DBUS_TYPE_STRING, child_setup(kwin->child)->script, PLUGIN);
		break;
	case KWIN_LOAD:
		if (!dbus_message_get_args(reply, NULL, DBUS_TYPE_INT32, &id, DBUS_TYPE_INVALID))
			retry(kwin, EPROTO);
		else if (id < 0)
			retry(kwin, EEXIST);
		else
			ask(kwin, KWIN_START, "start", DBUS_TYPE_INVALID, NULL, NULL);
		break;
	case KWIN_START:
		kwin->state = KWIN_HELLO;
		timer_arm(&kwin->timer, child_loop(kwin->child), now_ns() + ANSWER_NS, 0);
		break;
	case KWIN_CHECK:
		if (dbus_message_get_args(reply, NULL, DBUS_TYPE_BOOLEAN, &loaded, DBUS_TYPE_INVALID) && loaded)
			become_ready(kwin);
		else
			begin(kwin);
		break;
	default:
		break;
	}
}

static int handle_timer(struct timer *timer, uint64_t now)
{
	struct kwin *kwin = container_of(timer, struct kwin, timer);

	if (child_is_finishing(kwin->child))
		return 0;
	if (kwin->state == KWIN_RETRY)
		begin(kwin);
	else if (kwin->state == KWIN_POLL && !kwin->call)
		ask(kwin, KWIN_POLL, "isScriptLoaded", DBUS_TYPE_STRING, PLUGIN, NULL);
	else if (kwin->state == KWIN_READY)
		ask(kwin, KWIN_CHECK, "isScriptLoaded", DBUS_TYPE_STRING, PLUGIN, NULL);
	else
		retry(kwin, ETIMEDOUT);
	return 0;
}

static void handle_window(struct kwin *kwin, DBusMessage *message)
{
	const char *why, *class, *desktop_file;
	dbus_bool_t mapped, fullscreen;
	dbus_int32_t pid;

	if (!dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &why, DBUS_TYPE_BOOLEAN, &mapped, DBUS_TYPE_INT32,
				   &pid, DBUS_TYPE_STRING, &class, DBUS_TYPE_STRING, &desktop_file, DBUS_TYPE_BOOLEAN,
				   &fullscreen, DBUS_TYPE_INVALID))
		return;
	if (mapped)
		child_report_window(kwin->child, ARCADE_FOCUS_KWIN, pid, class[0] ? class : desktop_file, fullscreen);
	else
		child_report_no_window(kwin->child, ARCADE_FOCUS_KWIN);
	/* It may come before the answer to start(). */
	if (kwin->state == KWIN_START || kwin->state == KWIN_HELLO)
		become_ready(kwin);
}

/* The name that the script calls. A helper before us may not have let go of it yet. */
static int request_name(struct timer *timer, uint64_t now)
{
	struct kwin *kwin = container_of(timer, struct kwin, name_timer);

	kwin->name_call = bus_request_name(child_bus(kwin->child), OUR_NAME);
	return 0;
}

static void handle_name_reply(struct kwin *kwin, DBusMessage *reply)
{
	dbus_uint32_t result;

	kwin->name_call = 0;
	if (dbus_message_get_type(reply) != DBUS_MESSAGE_TYPE_ERROR &&
	    dbus_message_get_args(reply, NULL, DBUS_TYPE_UINT32, &result, DBUS_TYPE_INVALID) &&
	    (result == DBUS_REQUEST_NAME_REPLY_PRIMARY_OWNER || result == DBUS_REQUEST_NAME_REPLY_ALREADY_OWNER)) {
		/* A script that started before had nobody to say hello to. */
		if (kwin->state == KWIN_HELLO || kwin->state == KWIN_RETRY) {
			kwin->retry_ns = RETRY_MIN_NS;
			begin(kwin);
		}
		return;
	}
	timer_arm(&kwin->name_timer, child_loop(kwin->child), now_ns() + 10 * RETRY_MIN_NS, 0);
}

static void handle_owner_reply(struct kwin *kwin, DBusMessage *reply)
{
	const char *owner;

	kwin->owner_call = 0;
	/* NameOwnerChanged may have told already. */
	if (kwin->owner[0])
		return;
	if (dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_ERROR ||
	    !dbus_message_get_args(reply, NULL, DBUS_TYPE_STRING, &owner, DBUS_TYPE_INVALID))
		owner = "";
	set_owner(kwin, owner);
}

static bool kwin_message(void *source, DBusMessage *message)
{
	struct kwin *kwin = source;
	const char *owner;

	if (bus_owner_changed(message, KWIN_NAME, &owner)) {
		set_owner(kwin, owner);
		return true;
	}
	if (bus_is_reply(message, kwin->owner_call)) {
		handle_owner_reply(kwin, message);
		return true;
	}
	if (bus_is_reply(message, kwin->name_call)) {
		handle_name_reply(kwin, message);
		return true;
	}
	if (bus_is_reply(message, kwin->call)) {
		advance(kwin, message);
		return true;
	}
	if (!dbus_message_is_method_call(message, OUR_INTERFACE, "Window") || !dbus_message_has_path(message, OUR_PATH))
		return false;
	if (!kwin->owner[0] || !dbus_message_has_sender(message, kwin->owner))
		return false;
	handle_window(kwin, message);
	bus_reply_empty(child_bus(kwin->child), message);
	return true;
}

static int kwin_start(struct child *child, void **ret)
{
	struct kwin *kwin;

	if (!child_setup(child)->script[0])
		return -ENOTSUP;
	kwin = calloc(1, sizeof(*kwin));
	if (!kwin)
		return -ENOMEM;
	kwin->child = child;
	kwin->retry_ns = RETRY_MIN_NS;
	timer_init(&kwin->timer, "kwin", handle_timer);
	timer_init(&kwin->name_timer, "bus name", request_name);
	/* In this order: whoever comes after the question about the owner is told by the signal. */
	bus_match(child_bus(child), "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
				    "member='NameOwnerChanged',arg0='" KWIN_NAME "'");
	request_name(&kwin->name_timer, 0);
	kwin->owner_call = bus_ask(child_bus(child), "GetNameOwner", KWIN_NAME);
	*ret = kwin;
	return 0;
}

static void kwin_finish(void *source)
{
	struct kwin *kwin = source;

	timer_disarm(&kwin->timer);
	timer_disarm(&kwin->name_timer);
	kwin->finished = !kwin->owner[0];
	if (!kwin->finished)
		ask_unload(kwin);
}

static bool kwin_is_finished(void *source)
{
	struct kwin *kwin = source;

	return kwin->finished;
}

static void kwin_stop(void *source)
{
	struct kwin *kwin = source;

	timer_disarm(&kwin->timer);
	timer_disarm(&kwin->name_timer);
	free(kwin);
}

const struct child_source helper_kwin = {
	.id = ARCADE_FOCUS_KWIN,
	.start = kwin_start,
	.message = kwin_message,
	.finish = kwin_finish,
	.is_finished = kwin_is_finished,
	.stop = kwin_stop,
};
