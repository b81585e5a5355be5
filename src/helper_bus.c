// SPDX-License-Identifier: GPL-2.0-only
#include "helper_bus.h"

#include <sys/epoll.h>

#include "util.h"

/* Messages handed out in one round of the loop. */
#define ROUND_MAX 64
/* What libdbus reads ahead; then the sender's queue at the bus fills, which has its own limit. */
#define RECEIVED_MAX (1024 * 1024)

struct bus {
	DBusConnection *conn;
	struct source source;
	struct timer again;	/* armed while messages are left over */
	struct loop *loop;
	bus_message_fn fn;
	void *data;
	bool writing;		/* the source watches for EPOLLOUT */
	bool filtering;		/* handle_message is installed */
};

static DBusHandlerResult handle_message(DBusConnection *conn, DBusMessage *message, void *data)
{
	struct bus *bus = data;

	/* Not ours: libdbus answers an unknown method, and ignores the rest. */
	return bus->fn(bus->data, message) ? DBUS_HANDLER_RESULT_HANDLED : DBUS_HANDLER_RESULT_NOT_YET_HANDLED;
}

/* Both have no work but to wake the loop: bus_run() follows. */
static int handle_ready(struct source *source, uint32_t events)
{
	struct bus *bus = container_of(source, struct bus, source);

	dbus_connection_read_write(bus->conn, 0);
	return 0;
}

static int handle_again(struct timer *timer, uint64_t now)
{
	return 0;
}

static int error_of(const DBusError *error)
{
	if (dbus_error_has_name(error, DBUS_ERROR_NO_MEMORY))
		return -ENOMEM;
	/* A bus of another user closes the connection when it has seen who we are: that comes out as NoReply. */
	if (dbus_error_has_name(error, DBUS_ERROR_NO_REPLY) || dbus_error_has_name(error, DBUS_ERROR_ACCESS_DENIED) ||
	    dbus_error_has_name(error, DBUS_ERROR_AUTH_FAILED) || dbus_error_has_name(error, DBUS_ERROR_DISCONNECTED))
		return -EACCES;
	return -ECONNREFUSED;
}

DEFINE_CLEANUP(struct bus *, bus_free)

int bus_new(struct loop *loop, const char *address, bus_message_fn fn, void *data, struct bus **ret)
{
	_cleanup_(bus_freep) struct bus *bus = calloc(1, sizeof(*bus));
	DBusError error = DBUS_ERROR_INIT;
	int fd, err;

	if (!bus)
		return -ENOMEM;
	source_init(&bus->source, "bus", handle_ready);
	timer_init(&bus->again, "bus", handle_again);
	bus->loop = loop;
	bus->fn = fn;
	bus->data = data;

	bus->conn = dbus_connection_open_private(address, &error);
	if (!bus->conn) {
		err = error_of(&error);
		dbus_error_free(&error);
		return err;
	}
	dbus_connection_set_exit_on_disconnect(bus->conn, FALSE);
	if (!dbus_bus_register(bus->conn, &error)) {
		err = error_of(&error);
		dbus_error_free(&error);
		return err;
	}
	dbus_connection_set_max_received_size(bus->conn, RECEIVED_MAX);
	if (!dbus_connection_add_filter(bus->conn, handle_message, bus, NULL))
		return -ENOMEM;
	bus->filtering = true;
	if (!dbus_connection_get_unix_fd(bus->conn, &fd))
		return -ECONNREFUSED;
	err = source_attach(&bus->source, loop, fd, EPOLLIN);
	if (err)
		return err;
	/* Something may have come behind the answer to Hello. */
	timer_arm(&bus->again, loop, now_ns(), 0);
	*ret = steal_ptr(&bus);
	return 0;
}

void bus_free(struct bus *bus)
{
	if (!bus)
		return;
	timer_disarm(&bus->again);
	source_detach(&bus->source);
	if (bus->conn) {
		/* libdbus aborts the process for one that it does not know. */
		if (bus->filtering)
			dbus_connection_remove_filter(bus->conn, handle_message, bus);
		dbus_connection_close(bus->conn);
		dbus_connection_unref(bus->conn);
	}
	free(bus);
}

int bus_run(struct bus *bus)
{
	DBusDispatchStatus status = dbus_connection_get_dispatch_status(bus->conn);
	bool waiting;
	int err;

	for (int i = 0; i < ROUND_MAX && status == DBUS_DISPATCH_DATA_REMAINS; i++)
		status = dbus_connection_dispatch(bus->conn);
	if (!dbus_connection_get_is_connected(bus->conn))
		return -ECONNRESET;
	if (dbus_connection_has_messages_to_send(bus->conn))
		dbus_connection_read_write(bus->conn, 0);
	/* Reading may have found more. No memory (NEED_MEMORY) is tried again, but not at once. */
	status = dbus_connection_get_dispatch_status(bus->conn);
	if (status != DBUS_DISPATCH_COMPLETE)
		timer_arm(&bus->again, bus->loop,
			  now_ns() + (status == DBUS_DISPATCH_NEED_MEMORY ? 100 * NSEC_PER_MSEC : 0), 0);
	waiting = dbus_connection_has_messages_to_send(bus->conn);
	if (waiting == bus->writing)
		return 0;
	err = source_modify(&bus->source, EPOLLIN | (waiting ? EPOLLOUT : 0));
	if (err)
		return err;
	bus->writing = waiting;
	return 0;
}

static uint32_t send_call(struct bus *bus, DBusMessage *message)
{
	dbus_uint32_t serial = 0;

	dbus_message_set_auto_start(message, FALSE);
	if (!dbus_connection_send(bus->conn, message, &serial))
		return 0;
	return serial;
}

uint32_t bus_call(struct bus *bus, const char *destination, const char *path, const char *interface, const char *member,
		  int first_arg_type, ...)
{
	DBusMessage *message = dbus_message_new_method_call(destination, path, interface, member);
	uint32_t serial = 0;
	dbus_bool_t ok;
	va_list ap;

	if (!message)
		return 0;
	va_start(ap, first_arg_type);
	ok = dbus_message_append_args_valist(message, first_arg_type, ap);
	va_end(ap);
	if (ok)
		serial = send_call(bus, message);
	dbus_message_unref(message);
	return serial;
}

uint32_t bus_ask(struct bus *bus, const char *member, const char *text)
{
	return bus_call(bus, DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, member, DBUS_TYPE_STRING, &text,
			DBUS_TYPE_INVALID);
}

void bus_match(struct bus *bus, const char *rule)
{
	bus_ask(bus, "AddMatch", rule);
}

uint32_t bus_request_name(struct bus *bus, const char *name)
{
	dbus_uint32_t flags = DBUS_NAME_FLAG_DO_NOT_QUEUE;

	return bus_call(bus, DBUS_SERVICE_DBUS, DBUS_PATH_DBUS, DBUS_INTERFACE_DBUS, "RequestName", DBUS_TYPE_STRING,
			&name, DBUS_TYPE_UINT32, &flags, DBUS_TYPE_INVALID);
}

void bus_reply_empty(struct bus *bus, DBusMessage *call)
{
	DBusMessage *reply;

	if (dbus_message_get_no_reply(call))
		return;
	reply = dbus_message_new_method_return(call);
	if (!reply)
		return;
	dbus_connection_send(bus->conn, reply, NULL);
	dbus_message_unref(reply);
}

bool bus_owner_changed(DBusMessage *message, const char *name, const char **owner)
{
	const char *changed, *from, *to;

	/* The bus lets nobody else send under its name. */
	if (!dbus_message_is_signal(message, DBUS_INTERFACE_DBUS, "NameOwnerChanged") ||
	    !dbus_message_has_sender(message, DBUS_SERVICE_DBUS))
		return false;
	if (!dbus_message_get_args(message, NULL, DBUS_TYPE_STRING, &changed, DBUS_TYPE_STRING, &from, DBUS_TYPE_STRING,
				   &to, DBUS_TYPE_INVALID))
		return false;
	if (!streq(changed, name))
		return false;
	*owner = to;
	return true;
}

bool bus_is_reply(DBusMessage *message, uint32_t serial)
{
	int type = dbus_message_get_type(message);

	/* The bus hands on only answers that it knows we wait for, and only from whom we asked. */
	return serial && (type == DBUS_MESSAGE_TYPE_METHOD_RETURN || type == DBUS_MESSAGE_TYPE_ERROR) &&
	       dbus_message_get_reply_serial(message) == serial;
}
