// SPDX-License-Identifier: GPL-2.0-only
#include "events.h"

#include <pthread.h>
#include <time.h>

struct events {
	pthread_mutex_t mutex;
	uint64_t last_seq;
	struct event ring[EVENTS_MAX];	/* seq % EVENTS_MAX */
};

/* What these rooms say at info is of interest to who plays. */
static const char *const heard[] = { "game:", "games:", "background:", "mode:", "settings:", "config:", "control:" };

int events_new(struct events **ret)
{
	struct events *events = calloc(1, sizeof(*events));

	if (!events)
		return -ENOMEM;
	if (pthread_mutex_init(&events->mutex, NULL)) {
		free(events);
		return -ENOMEM;
	}
	*ret = events;
	return 0;
}

void events_free(struct events *events)
{
	if (!events)
		return;
	pthread_mutex_destroy(&events->mutex);
	free(events);
}

static bool is_heard(enum log_level level, const char *text)
{
	if (level <= LOG_LEVEL_NOTICE)
		return true;
	for (size_t i = 0; level == LOG_LEVEL_INFO && i < ARRAY_SIZE(heard); i++)
		if (!strncmp(text, heard[i], strlen(heard[i])))
			return true;
	return false;
}

void events_log(enum log_level level, const char *text, void *data)
{
	struct events *events = data;
	struct timespec ts;
	struct event *event;

	if (!is_heard(level, text))
		return;
	clock_gettime(CLOCK_REALTIME, &ts);
	pthread_mutex_lock(&events->mutex);
	event = &events->ring[++events->last_seq % EVENTS_MAX];
	event->seq = events->last_seq;
	event->time_ms = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / NSEC_PER_MSEC;
	event->level = level;
	escape_text(event->text, sizeof(event->text), text);
	pthread_mutex_unlock(&events->mutex);
}

int events_next(struct events *events, uint64_t seq, struct event *ret)
{
	uint64_t first;
	int err = -ENOENT;

	pthread_mutex_lock(&events->mutex);
	first = events->last_seq > EVENTS_MAX ? events->last_seq - EVENTS_MAX + 1 : 1;
	if (++seq < first)
		seq = first;
	if (seq <= events->last_seq) {
		*ret = events->ring[seq % EVENTS_MAX];
		err = 0;
	}
	pthread_mutex_unlock(&events->mutex);
	return err;
}

const char *events_level_name(enum log_level level)
{
	static const char *const names[NR_LOG_LEVELS] = {
		[LOG_LEVEL_ERROR] = "error",   [LOG_LEVEL_WARNING] = "warning", [LOG_LEVEL_NOTICE] = "notice",
		[LOG_LEVEL_INFO] = "info",     [LOG_LEVEL_DEBUG] = "debug",
	};

	return (unsigned int)level < NR_LOG_LEVELS ? names[level] : "";
}
