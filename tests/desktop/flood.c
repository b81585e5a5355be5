// SPDX-License-Identifier: GPL-2.0-only
/*
 * flood - calls the session helper as KWin's script does, as fast as the bus takes it
 *
 * Usage: flood NR PID
 *
 * NR calls that claim that process PID has the focus, from a process that is
 * not KWin. Prints how many the bus took.
 */
#include <dbus/dbus.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	const char *why = "activated", *class = "forged", *file = "";
	dbus_bool_t mapped = TRUE, fullscreen = TRUE;
	dbus_int32_t pid;
	DBusConnection *conn;
	int nr, sent;

	if (argc != 3)
		return 2;
	nr = atoi(argv[1]);
	pid = atoi(argv[2]);
	conn = dbus_bus_get(DBUS_BUS_SESSION, NULL);
	if (!conn)
		return 1;
	dbus_connection_set_exit_on_disconnect(conn, FALSE);
	for (sent = 0; sent < nr && dbus_connection_get_is_connected(conn); sent++) {
		DBusMessage *call = dbus_message_new_method_call("org.scx_arcade.Focus", "/org/scx_arcade/Focus",
								 "org.scx_arcade.Focus1", "Window");

		dbus_message_append_args(call, DBUS_TYPE_STRING, &why, DBUS_TYPE_BOOLEAN, &mapped, DBUS_TYPE_INT32, &pid,
					 DBUS_TYPE_STRING, &class, DBUS_TYPE_STRING, &file, DBUS_TYPE_BOOLEAN,
					 &fullscreen, DBUS_TYPE_INVALID);
		dbus_message_set_no_reply(call, TRUE);
		dbus_connection_send(conn, call, NULL);
		dbus_message_unref(call);
		/* Keeps our own queue short; waits while the bus does not take more. */
		if (sent % 64 == 0)
			dbus_connection_flush(conn);
		dbus_connection_read_write(conn, 0);
	}
	dbus_connection_flush(conn);
	printf("sent=%d\n", sent);
	dbus_connection_unref(conn);
	return 0;
}
