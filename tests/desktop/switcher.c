// SPDX-License-Identifier: GPL-2.0-only
/*
 * switcher - gives windows the focus in turn and measures how long the driver takes to know
 *
 * Usage: switcher LOG NR PID PID...
 *
 * Asks KWin, as its window switcher does (WindowsRunner), or where KWin was
 * built without that, by a script of one line, to activate the windows of the clients with these process ids NR times in turn, and waits
 * each time until LOG, the driver's output, has the line that names the right
 * one, at most a second. The time counts from before the request, so it holds
 * that message too. Runs as the user. Prints "right= wrong= median_us= p95_us=
 * max_us=". Status 0 if all were right.
 */
#include <dbus/dbus.h>
#include <fcntl.h>
#include <inttypes.h>
#include <time.h>
#include <unistd.h>

#include "util.h"

#define WAIT_NS	    NSEC_PER_SEC
#define WINDOWS_MAX 16
#define ID_MAX	    128

struct window {
	int pid;
	char id[ID_MAX];	/* as the runner names it */
};

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void die(const char *what)
{
	fprintf(stderr, "switcher: %s\n", what);
	exit(2);
}

static DBusMessage *new_call(const char *member)
{
	return dbus_message_new_method_call("org.kde.KWin", "/WindowsRunner", "org.kde.krunner1", member);
}

/* For a KWin without WindowsRunner: a script each, in the home directory; their paths take the place of the ids. */
static bool by_script;

static void write_scripts(struct window *windows, int nr)
{
	for (int i = 0; i < nr; i++) {
		FILE *file;

		snprintf(windows[i].id, sizeof(windows[i].id), "%s/activate-%d.js", getenv("HOME"), windows[i].pid);
		file = fopen(windows[i].id, "we");
		if (!file)
			die("cannot write a script");
		fprintf(file, "workspace.windowList().forEach(function (w) { if (w.pid === %d) workspace.activeWindow = w; });\n",
			windows[i].pid);
		fclose(file);
	}
	by_script = true;
}

static void call_scripting(DBusConnection *conn, const char *member, const char *first, const char *second)
{
	DBusMessage *call = dbus_message_new_method_call("org.kde.KWin", "/Scripting", "org.kde.kwin.Scripting", member);

	if (first)
		dbus_message_append_args(call, DBUS_TYPE_STRING, &first, second ? DBUS_TYPE_STRING : DBUS_TYPE_INVALID,
					 &second, DBUS_TYPE_INVALID);
	dbus_message_set_no_reply(call, TRUE);
	dbus_connection_send(conn, call, NULL);
	dbus_message_unref(call);
}

/* Under another name each time: unloading takes effect later, and so does running. The one before has run by now. */
static void activate_by_script(DBusConnection *conn, const char *path)
{
	static unsigned int nr;
	char name[32];

	snprintf(name, sizeof(name), "activate-%d-%u", (int)getpid(), nr);
	call_scripting(conn, "unloadScript", name, NULL);
	snprintf(name, sizeof(name), "activate-%d-%u", (int)getpid(), ++nr);
	call_scripting(conn, "loadScript", path, name);
	call_scripting(conn, "start", NULL, NULL);
	dbus_connection_flush(conn);
}

/* a(sssida{sv}): id, text, icon, type, relevance, properties. The text is the title. */
static void find_windows(DBusConnection *conn, struct window *windows, int nr)
{
	const char *query = "arcade-client", *id, *text;
	DBusMessageIter top, array, match;
	DBusMessage *call = new_call("Match"), *reply;

	dbus_message_append_args(call, DBUS_TYPE_STRING, &query, DBUS_TYPE_INVALID);
	reply = dbus_connection_send_with_reply_and_block(conn, call, 5000, NULL);
	dbus_message_unref(call);
	if (!reply || !dbus_message_iter_init(reply, &top)) {
		write_scripts(windows, nr);
		return;
	}
	for (dbus_message_iter_recurse(&top, &array); dbus_message_iter_get_arg_type(&array) == DBUS_TYPE_STRUCT;
	     dbus_message_iter_next(&array)) {
		dbus_message_iter_recurse(&array, &match);
		dbus_message_iter_get_basic(&match, &id);
		dbus_message_iter_next(&match);
		dbus_message_iter_get_basic(&match, &text);
		for (int i = 0; i < nr; i++) {
			char title[64];

			snprintf(title, sizeof(title), "arcade-client %d", windows[i].pid);
			if (streq(text, title))
				snprintf(windows[i].id, sizeof(windows[i].id), "%s", id);
		}
	}
	dbus_message_unref(reply);
	for (int i = 0; i < nr; i++)
		if (!windows[i].id[0])
			die("a client's window is not among KWin's");
}

/* The next line of the log that is complete; the file grows. */
static bool next_line(FILE *log, char *line, size_t size)
{
	long at = ftell(log);

	if (fgets(line, (int)size, log) && strchr(line, '\n'))
		return true;
	clearerr(log);
	fseek(log, at, SEEK_SET);
	return false;
}

/* Return: when the driver said that @pid has the focus, 0 if it did not. *@wrong counts other windows that it named. */
static uint64_t wait_for(FILE *log, int pid, uint64_t deadline_ns, int *wrong)
{
	const struct timespec pause = { .tv_nsec = 100 * NSEC_PER_USEC };
	char line[512];

	for (;;) {
		uint64_t said_ns;
		int said, mapped;

		if (!next_line(log, line, sizeof(line))) {
			if (now_ns() > deadline_ns)
				return 0;
			nanosleep(&pause, NULL);
			continue;
		}
		if (sscanf(line, "%" SCNu64 " window %d %d", &said_ns, &said, &mapped) != 3)
			continue;
		if (said == pid)
			return said_ns;
		(*wrong)++;
	}
}

static void activate(DBusConnection *conn, const char *id)
{
	DBusMessage *call;
	const char *none = "";

	if (by_script) {
		activate_by_script(conn, id);
		return;
	}
	call = new_call("Run");
	dbus_message_append_args(call, DBUS_TYPE_STRING, &id, DBUS_TYPE_STRING, &none, DBUS_TYPE_INVALID);
	dbus_message_set_no_reply(call, TRUE);
	dbus_connection_send(conn, call, NULL);
	dbus_connection_flush(conn);
	dbus_message_unref(call);
}

int main(int argc, char **argv)
{
	int nr_windows = argc - 3, nr = argc > 2 ? atoi(argv[2]) : 0, right = 0, wrong = 0;
	struct window windows[WINDOWS_MAX] = {};
	DBusConnection *conn;
	uint64_t *times;
	FILE *log;

	if (nr_windows < 2 || nr_windows > WINDOWS_MAX || nr < 1)
		die("usage: switcher LOG NR PID PID...");
	for (int i = 0; i < nr_windows; i++)
		windows[i].pid = atoi(argv[3 + i]);
	conn = dbus_bus_get(DBUS_BUS_SESSION, NULL);
	log = fopen(argv[1], "re");
	times = calloc((size_t)nr, sizeof(*times));
	if (!conn || !log || !times)
		die("no bus, or no log");
	find_windows(conn, windows, nr_windows);

	/* A start that is known. */
	activate(conn, windows[nr_windows - 1].id);
	usleep(300000);
	fseek(log, 0, SEEK_END);
	for (int i = 0; i < nr; i++) {
		const struct window *window = &windows[i % nr_windows];
		uint64_t start_ns = now_ns(), said_ns;

		activate(conn, window->id);
		said_ns = wait_for(log, window->pid, start_ns + WAIT_NS, &wrong);
		if (!said_ns)
			continue;
		times[right++] = (said_ns - start_ns) / NSEC_PER_USEC;
		/* Nobody reads the answers of the bus: there are none, but signals would pile up. */
		dbus_connection_read_write(conn, 0);
	}
	qsort(times, (size_t)right, sizeof(*times), compare);
	printf("right=%d wrong=%d median_us=%" PRIu64 " p95_us=%" PRIu64 " max_us=%" PRIu64 "\n", right, wrong,
	       right ? times[right / 2] : 0, right ? times[right * 95 / 100] : 0, right ? times[right - 1] : 0);
	free(times);
	fclose(log);
	dbus_connection_unref(conn);
	return right == nr && !wrong ? 0 : 1;
}
