// SPDX-License-Identifier: GPL-2.0-only
/*
 * helper_gamemode - which processes are registered at GameMode
 *
 * Its service is started by the bus for whoever calls its name: we never do.
 * The list is asked of the owner of the name, when there is one; its signals
 * tell the rest. What this source has reported as registered it reports as
 * gone when the service ends.
 */
#include "helper_child.h"

#include "util.h"

#define FERAL_NAME	"com.feralinteractive.GameMode"
#define FERAL_PATH	"/com/feralinteractive/GameMode"
#define FERAL_INTERFACE "com.feralinteractive.GameMode"

/* More games at a time are not remembered. */
#define GAMES_MAX 32
#define OWNER_MAX 64

struct gamemode {
	struct child *child;
	uint32_t owner_call;	/* GetNameOwner */
	uint32_t list_call;	/* ListGames */
	char owner[OWNER_MAX];	/* "": no such service now */
	int32_t games[GAMES_MAX];
	int nr_games;
};

static int find_game(const struct gamemode *gamemode, int32_t pid)
{
	for (int i = 0; i < gamemode->nr_games; i++)
		if (gamemode->games[i] == pid)
			return i;
	return -1;
}

static void add_game(struct gamemode *gamemode, int32_t pid)
{
	if (pid <= 1 || gamemode->nr_games == GAMES_MAX || find_game(gamemode, pid) >= 0)
		return;
	gamemode->games[gamemode->nr_games++] = pid;
	child_report_gamemode(gamemode->child, pid, true);
}

static void remove_game(struct gamemode *gamemode, int32_t pid)
{
	int i = find_game(gamemode, pid);

	if (i < 0)
		return;
	gamemode->games[i] = gamemode->games[--gamemode->nr_games];
	child_report_gamemode(gamemode->child, pid, false);
}

static void set_owner(struct gamemode *gamemode, const char *owner)
{
	while (gamemode->nr_games)
		remove_game(gamemode, gamemode->games[0]);
	snprintf(gamemode->owner, sizeof(gamemode->owner), "%s", owner);
	gamemode->list_call = 0;
	if (gamemode->owner[0])
		gamemode->list_call = bus_call(child_bus(gamemode->child), gamemode->owner, FERAL_PATH, FERAL_INTERFACE,
					       "ListGames", DBUS_TYPE_INVALID);
	child_report_state(gamemode->child, ARCADE_FOCUS_FERAL,
			   gamemode->owner[0] ? ARCADE_FOCUS_READY : ARCADE_FOCUS_ABSENT, 0);
}

/* a(io): process id and object of each. */
static void read_list(struct gamemode *gamemode, DBusMessage *reply)
{
	DBusMessageIter top, array, game;
	dbus_int32_t pid;

	if (dbus_message_get_type(reply) == DBUS_MESSAGE_TYPE_ERROR || !dbus_message_has_signature(reply, "a(io)"))
		return;
	dbus_message_iter_init(reply, &top);
	for (dbus_message_iter_recurse(&top, &array); dbus_message_iter_get_arg_type(&array) == DBUS_TYPE_STRUCT;
	     dbus_message_iter_next(&array)) {
		dbus_message_iter_recurse(&array, &game);
		dbus_message_iter_get_basic(&game, &pid);
		add_game(gamemode, pid);
	}
}

static void handle_signal(struct gamemode *gamemode, DBusMessage *message)
{
	const char *member = dbus_message_get_member(message), *object;
	dbus_int32_t pid;

	if (!dbus_message_get_args(message, NULL, DBUS_TYPE_INT32, &pid, DBUS_TYPE_OBJECT_PATH, &object,
				   DBUS_TYPE_INVALID))
		return;
	if (streq(member, "GameRegistered"))
		add_game(gamemode, pid);
	else if (streq(member, "GameUnregistered"))
		remove_game(gamemode, pid);
}

static bool gamemode_message(void *source, DBusMessage *message)
{
	struct gamemode *gamemode = source;
	const char *owner;

	if (bus_owner_changed(message, FERAL_NAME, &owner)) {
		gamemode->owner_call = 0;
		set_owner(gamemode, owner);
		return true;
	}
	if (bus_is_reply(message, gamemode->owner_call)) {
		gamemode->owner_call = 0;
		if (dbus_message_get_type(message) == DBUS_MESSAGE_TYPE_ERROR ||
		    !dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &owner, DBUS_TYPE_INVALID))
			owner = "";
		set_owner(gamemode, owner);
		return true;
	}
	if (bus_is_reply(message, gamemode->list_call)) {
		gamemode->list_call = 0;
		read_list(gamemode, message);
		return true;
	}
	if (dbus_message_get_type(message) != DBUS_MESSAGE_TYPE_SIGNAL ||
	    !dbus_message_has_interface(message, FERAL_INTERFACE))
		return false;
	if (gamemode->owner[0] && dbus_message_has_sender(message, gamemode->owner) &&
	    dbus_message_has_path(message, FERAL_PATH))
		handle_signal(gamemode, message);
	return true;
}

static int gamemode_start(struct child *child, void **ret)
{
	struct gamemode *gamemode = calloc(1, sizeof(*gamemode));

	if (!gamemode)
		return -ENOMEM;
	gamemode->child = child;
	/* Signals before the owner, the owner before the question: nothing falls between. */
	bus_match(child_bus(child),
		  "type='signal',sender='" FERAL_NAME "',interface='" FERAL_INTERFACE "',path='" FERAL_PATH "'");
	bus_match(child_bus(child), "type='signal',sender='org.freedesktop.DBus',interface='org.freedesktop.DBus',"
				    "member='NameOwnerChanged',arg0='" FERAL_NAME "'");
	gamemode->owner_call = bus_ask(child_bus(child), "GetNameOwner", FERAL_NAME);
	*ret = gamemode;
	return 0;
}

static void gamemode_stop(void *source)
{
	free(source);
}

const struct child_source helper_gamemode = {
	.id = ARCADE_FOCUS_FERAL,
	.start = gamemode_start,
	.message = gamemode_message,
	.stop = gamemode_stop,
};
