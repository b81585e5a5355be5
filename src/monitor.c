// SPDX-License-Identifier: GPL-2.0-only
#include "monitor.h"

#include <inttypes.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "ask.h"
#include "log.h"
#include "stats_fields.h"
#include "util.h"

/* While there is none, a daemon is looked for so often. */
#define LOOK_NS NSEC_PER_SEC

/* ---- the table ---- */

/* Of an array the sum. What is not there is 0: a daemon of another version may lack it. */
static uint64_t number(json_object *top, const char *name)
{
	json_object *value = NULL;
	uint64_t sum = 0;

	if (!json_object_object_get_ex(top, name, &value))
		return 0;
	if (!json_object_is_type(value, json_type_array))
		return json_object_get_uint64(value);
	for (size_t i = 0; i < json_object_array_length(value); i++)
		sum += json_object_get_uint64(json_object_array_get_idx(value, i));
	return sum;
}

/* It comes from a socket: safe for a terminal whatever it is. */
static const char *text(json_object *top, const char *name, char *buf, size_t size)
{
	json_object *value = NULL;

	json_object_object_get_ex(top, name, &value);
	escape_text(buf, size, json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "?");
	return buf;
}

static double seconds_between(json_object *now, json_object *before)
{
	uint64_t ns = before ? number(now, "time_ns") - number(before, "time_ns") : 0;

	return ns && ns < 3600 * NSEC_PER_SEC * 2 ? (double)ns / NSEC_PER_SEC : 0;
}

static void print_field(FILE *out, const struct stats_field *field, json_object *now, json_object *before, double seconds)
{
	uint64_t total = number(now, field->name), was = before ? number(before, field->name) : 0;

	switch (field->type) {
	case STATS_MAXIMUM:
		fprintf(out, "%-24s %11.3f ms\n", field->name, (double)total / 1e6);
		break;
	case STATS_COUNTER:
		if (!total)
			break;
		if (*field->unit)
			fprintf(out, "%-24s %11.3f ms", field->name, (double)total / 1e6);
		else
			fprintf(out, "%-24s %14" PRIu64, field->name, total);
		if (seconds > 0 && total >= was && !*field->unit)
			fprintf(out, " %12.1f", (double)(total - was) / seconds);
		fputc('\n', out);
		break;
	case STATS_GAUGE:
		if (!*field->unit && total)
			fprintf(out, "%-24s %14" PRIu64 "\n", field->name, total);
		break;
	default:
		break;
	}
}

static void print_chains(FILE *out, json_object *now)
{
	bool any = false;

	for (size_t i = 0; i < stats_fields_nr(); i++) {
		const struct stats_field *field = stats_field(i);
		const char *end = strstr(field->name, "_p50_us");
		char name[64];

		/* The median and what follows it in the table. */
		if (field->type != STATS_QUANTILE || !end || i + 1 == stats_fields_nr() || !number(now, field->name))
			continue;
		if (!any)
			fprintf(out, "\n%-24s %14s %14s   (from the event, at most)\n", "chain", "p50", "p99");
		any = true;
		snprintf(name, sizeof(name), "%.*s", (int)(end - field->name), field->name);
		fprintf(out, "%-24s %11" PRIu64 " us %11" PRIu64 " us\n", name, number(now, field->name),
			number(now, stats_field(i + 1)->name));
	}
	if (!any)
		fprintf(out, "\nno thread has been woken by input yet\n");
}

void monitor_print(FILE *out, json_object *now, json_object *before)
{
	double seconds = seconds_between(now, before);
	char version[STATS_TEXT_MAX], state[STATS_TEXT_MAX], mode[STATS_TEXT_MAX], acting[STATS_TEXT_MAX];

	fprintf(out, "scx_arcade %s   %s, mode %s   the player acts on: %s\n", text(now, "version", version, sizeof(version)),
		text(now, "state", state, sizeof(state)), text(now, "mode", mode, sizeof(mode)),
		text(now, "acting", acting, sizeof(acting)));
	fprintf(out, "\n%-24s %14s %12s\n", "", "total", "per second");
	for (size_t i = 0; i < stats_fields_nr(); i++)
		print_field(out, stats_field(i), now, before, seconds);
	print_chains(out, now);
	fputc('\n', out);
}

/* ---- the client ---- */

/* Return: whether a signal ended the wait. */
static bool wait_ns(const sigset_t *signals, uint64_t ns)
{
	uint64_t deadline_ns = now_ns() + ns, now;

	while ((now = now_ns()) < deadline_ns) {
		const struct timespec ts = { .tv_sec = (time_t)((deadline_ns - now) / NSEC_PER_SEC),
					     .tv_nsec = (long)((deadline_ns - now) % NSEC_PER_SEC) };

		if (sigtimedwait(signals, NULL, &ts) >= 0)
			return true;
		if (errno != EINTR)
			return false;
	}
	return false;
}

/* Connect, and wait until that can be done. Return: 0, 1 for a signal, -errno that no waiting helps against. */
static int find_daemon(const char *path, const sigset_t *signals, struct client **ret)
{
	bool told = false;
	int err;

	while ((err = client_connect(path, ASK_TIMEOUT_MS, ret))) {
		if (ask_status(err) != STATUS_NO_DAEMON && err != -ETIMEDOUT)
			return err;
		if (!told)
			log_notice("no scx_arcade runs: waiting for one at %s", path);
		told = true;
		if (wait_ns(signals, LOOK_NS))
			return 1;
	}
	return 0;
}

static void show(json_object *now, json_object *before, bool json)
{
	if (json) {
		printf("%s\n", json_object_to_json_string_ext(now, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
		return;
	}
	if (isatty(STDOUT_FILENO))
		fputs("\033[H\033[2J", stdout);
	monitor_print(stdout, now, before);
}

/* Until the daemon goes (-EPIPE), a signal comes (1), or it cannot go on (-errno; logged if -ECANCELED). */
static int follow(struct client *client, const sigset_t *signals, uint64_t period_ns, bool json)
{
	json_object *req = client_make_request("stats", "target", "top"), *before = NULL, *now = NULL;
	int r = req ? 0 : -ENOMEM;

	while (!r) {
		r = client_request(client, req, &now, ASK_TIMEOUT_MS);
		if (r)
			break;
		show(now, before, json);
		json_object_put(before);
		before = steal_ptr(&now);
		if (ask_flush() != STATUS_OK)
			r = -ECANCELED;
		else if (wait_ns(signals, period_ns))
			r = 1;
	}
	json_object_put(before);
	json_object_put(req);
	return r;
}

enum status monitor_run(const char *path, uint64_t period_ns, bool json)
{
	struct client *client;
	sigset_t signals;
	int r;

	path = path ? path : CLIENT_STATS_PATH;
	/* Taken where we wait: a table is never cut. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	for (;;) {
		client = NULL;
		r = find_daemon(path, &signals, &client);
		if (r < 0)
			log_error_errno(r, "%s", path);
		if (!r) {
			r = follow(client, &signals, period_ns, json);
			if (r < 0 && r != -ECANCELED)
				log_line(r == -EACCES ? LOG_LEVEL_ERROR : LOG_LEVEL_NOTICE, 0, "%s", client_message(client));
		} else if (r < 0) {
			return ask_status(r);
		}
		client_free(client);
		if (r == 1)
			return STATUS_OK;
		if (r == -EACCES || r == -ECANCELED || r == -ENOMEM)
			return r == -EACCES ? STATUS_NO_PRIVILEGE : STATUS_FAILED;
		if (wait_ns(&signals, LOOK_NS))
			return STATUS_OK;
	}
}
