/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * helper_bus - libdbus on the session helper's loop
 *
 * One private connection to one address. Connecting waits, as libdbus knows no
 * other way; the helper may wait, it is not the daemon. Afterwards nothing
 * does: messages are read when the descriptor is ready and handed out a
 * bounded number at a time, in the loop's prepare hook (bus_run()), so that a
 * flood on the bus does not starve the other sources of the loop.
 */
#ifndef ARCADE_SRC_HELPER_BUS_H
#define ARCADE_SRC_HELPER_BUS_H

#include <dbus/dbus.h>
#include <stdbool.h>
#include <stdint.h>

#include "loop.h"

struct bus;

/* Return: the message was meant for us. Must not free the bus. */
typedef bool (*bus_message_fn)(void *data, DBusMessage *message);

/*
 * Return: 0, -EACCES if the bus accepts the connection and then refuses the user, as it does with root; -ENOMEM, or
 * -ECONNREFUSED for anything else.
 */
int bus_new(struct loop *loop, const char *address, bus_message_fn fn, void *data, struct bus **ret);

/* What is still to be sent is lost. Accepts NULL. */
void bus_free(struct bus *bus);

/* Hand out what has come, send what waits: for the prepare hook. Return: 0, -ECONNRESET if the bus has gone, -errno. */
int bus_run(struct bus *bus);

/* Ask the bus to hand on the messages that match @rule; the answer is not waited for. */
void bus_match(struct bus *bus, const char *rule);

/*
 * Call @member of @destination without waiting: the answer is a message whose reply serial is what is returned.
 * Arguments as of dbus_message_append_args(). Never starts a service. Return: the serial, 0 if there is no memory.
 */
uint32_t bus_call(struct bus *bus, const char *destination, const char *path, const char *interface, const char *member,
		  int first_arg_type, ...);

/* The same of the bus itself, with one string. */
uint32_t bus_ask(struct bus *bus, const char *member, const char *text);

/* Ask for @name, without a queue. The answer is DBUS_REQUEST_NAME_REPLY_*. Return: the serial, 0. */
uint32_t bus_request_name(struct bus *bus, const char *name);

/* Answer a call with nothing, unless its sender wants no answer. */
void bus_reply_empty(struct bus *bus, DBusMessage *call);

/* Is it NameOwnerChanged of @name, and by the bus itself? *@owner is the new one's unique name, or "". */
bool bus_owner_changed(DBusMessage *message, const char *name, const char **owner);

/* Is it the answer to our call @serial, good or bad? To 0 nothing is. */
bool bus_is_reply(DBusMessage *message, uint32_t serial);

#endif
