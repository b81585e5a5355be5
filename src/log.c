/* SPDX-License-Identifier: GPL-2.0-only */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "log.h"
#include "util.h"

static const struct {
	char priority[4];	/* as in syslog(3): what the journal expects */
	const char *word;
	const char *colour;
} levels[NR_LOG_LEVELS] = {
	[LOG_LEVEL_ERROR] = { "<3>", "error: ", "\033[1;31m" },
	[LOG_LEVEL_WARNING] = { "<4>", "warning: ", "\033[1;33m" },
	[LOG_LEVEL_NOTICE] = { "<5>", "", "\033[1m" },
	[LOG_LEVEL_INFO] = { "<6>", "", "" },
	[LOG_LEVEL_DEBUG] = { "<7>", "debug: ", "\033[2m" },
};

/* ": " and the text of an errno. */
#define SUFFIX_MAX 128

#define COLOUR_OFF "\033[0m"

/* Every thread reads the level; only the main thread writes it. */
static atomic_int log_level = LOG_LEVEL_INFO;

/*
 * Accounts of stderr, which is as global as the descriptor itself: lines lost since the start, those of them not yet
 * told, and whether the last line written is without its end.
 */
static atomic_uint_fast64_t nr_lost;
static atomic_uint_fast64_t nr_untold;
static atomic_bool torn;

/* As global as the log itself. */
static pthread_mutex_t sink_mutex = PTHREAD_MUTEX_INITIALIZER;
static log_sink_fn sink_fn;
static void *sink_data;

void log_set_sink(log_sink_fn fn, void *data)
{
	pthread_mutex_lock(&sink_mutex);
	sink_fn = fn;
	sink_data = data;
	pthread_mutex_unlock(&sink_mutex);
}

static void tell_sink(enum log_level level, const char *msg, const char *suffix)
{
	char text[LOG_LINE_MAX + SUFFIX_MAX];

	pthread_mutex_lock(&sink_mutex);
	if (sink_fn) {
		snprintf(text, sizeof(text), "%s%s", msg, suffix);
		sink_fn(level, text, sink_data);
	}
	pthread_mutex_unlock(&sink_mutex);
}

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load_explicit(&log_level, memory_order_relaxed);
}

bool log_enabled(enum log_level level)
{
	return level <= log_get_level();
}

uint64_t log_nr_lost(void)
{
	return atomic_load_explicit(&nr_lost, memory_order_relaxed);
}

/* systemd.exec(5): JOURNAL_STREAM is "device:inode" of the socket, and stale if stderr was redirected since. */
static bool is_journal(const struct stat *st)
{
	const char *text = getenv("JOURNAL_STREAM");
	uint64_t dev, ino;
	const char *colon;
	char number[32];
	size_t len;

	if (!text)
		return false;
	colon = strchr(text, ':');
	if (!colon)
		return false;
	len = (size_t)(colon - text);
	if (len >= sizeof(number))
		return false;
	memcpy(number, text, len);
	number[len] = '\0';

	return parse_u64_range(number, 0, UINT64_MAX, &dev) == 0 &&
	       parse_u64_range(colon + 1, 0, UINT64_MAX, &ino) == 0 && dev == st->st_dev && ino == st->st_ino;
}

static bool wants_colour(const struct stat *st)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	return S_ISCHR(st->st_mode) && !(no_color && *no_color) && term && !streq(term, "dumb") &&
	       isatty(STDERR_FILENO);
}

/*
 * One write that does not wait. O_NONBLOCK would be seen by everyone who shares the open file, the user's shell first:
 * ask per call where the kernel has a flag for it, and poll before anyway for terminals.
 */
static ssize_t write_once(const struct stat *st, const char *buf, size_t len)
{
	struct pollfd pfd = { .fd = STDERR_FILENO, .events = POLLOUT };
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = len };
	ssize_t n;

	if (S_ISSOCK(st->st_mode))
		return send(STDERR_FILENO, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (poll(&pfd, 1, 0) < 0)
		return -1;
	if (pfd.revents & (POLLERR | POLLNVAL)) {
		errno = EPIPE;
		return -1;
	}
	if (!(pfd.revents & POLLOUT)) {
		errno = EAGAIN;
		return -1;
	}

	if (S_ISFIFO(st->st_mode)) {
		/* Another writer may have filled the pipe since the poll. */
		n = pwritev2(STDERR_FILENO, &iov, 1, -1, RWF_NOWAIT);
		if (n >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL))
			return n;
	}
	return write(STDERR_FILENO, buf, len);
}

static bool write_line(const struct stat *st, const char *line, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write_once(st, line + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			if (done > 0)
				atomic_store(&torn, true);
			return false;
		}
		/* Short only on a disk that fills up just now or a terminal: the rest is tried, not waited for. */
		done += (size_t)n;
	}
	return true;
}

static void count_lost(uint64_t untold)
{
	atomic_fetch_add(&nr_lost, 1);
	atomic_fetch_add(&nr_untold, untold + 1);
}

/* @line has room for LOG_LINE_MAX bytes. @suffix is not escaped. Return: length with newline. */
static size_t build_line(char *line, const struct stat *st, enum log_level level, const char *msg, const char *suffix)
{
	const char *before = levels[level].word, *colour = "", *after = "\n";
	size_t len, suffix_len = strlen(suffix);

	if (is_journal(st)) {
		before = levels[level].priority;
	} else if (*levels[level].colour && wants_colour(st)) {
		colour = levels[level].colour;
		after = COLOUR_OFF "\n";
	}

	len = (size_t)sprintf(line, "%s%s", colour, before);
	len += escape_text(line + len, LOG_LINE_MAX - len - suffix_len - strlen(after), msg);
	len += (size_t)sprintf(line + len, "%s%s", suffix, after);
	return len;
}

/* Return: whether nothing is left untold. */
static bool tell_lost(const struct stat *st)
{
	char line[LOG_LINE_MAX + 1], msg[64];
	uint64_t untold;
	size_t len = 0;

	if (atomic_load(&nr_untold) == 0)
		return true;

	/* Taken before it is told: of two threads only one tells. */
	untold = atomic_exchange(&nr_untold, 0);
	if (untold == 0)
		return true;

	if (atomic_exchange(&torn, false))
		line[len++] = '\n';
	snprintf(msg, sizeof(msg), "%llu log line%s lost", (unsigned long long)untold, untold == 1 ? "" : "s");
	len += build_line(line + len, st, LOG_LEVEL_WARNING, msg, "");

	if (write_line(st, line, len))
		return true;
	if (line[0] == '\n')
		atomic_store(&torn, true);
	count_lost(untold);
	return false;
}

int log_vline(enum log_level level, int err, const char *fmt, va_list ap)
{
	char msg[LOG_LINE_MAX], line[LOG_LINE_MAX], suffix[SUFFIX_MAX] = "", text[96];
	int saved = errno, n;
	struct stat st;
	size_t len;

	if (err < 0)
		err = -err;
	if (!log_enabled(level))
		return -err;

	/* A message too long for @msg is too long for @line as well, so the mark of the cut is never missing. */
	n = vsnprintf(msg, sizeof(msg), fmt, ap);
	if (n < 0)
		snprintf(msg, sizeof(msg), "%s", fmt);
	len = strlen(msg);
	if (len > 0 && msg[len - 1] == '\n')
		msg[len - 1] = '\0';
	if (err)
		snprintf(suffix, sizeof(suffix), ": %s", strerror_r(err, text, sizeof(text)));

	tell_sink(level, msg, suffix);
	if (fstat(STDERR_FILENO, &st) < 0) {
		count_lost(0);
	} else if (tell_lost(&st)) {
		len = build_line(line, &st, level, msg, suffix);
		if (!write_line(&st, line, len))
			count_lost(0);
	}

	errno = saved;
	return -err;
}

int log_line(enum log_level level, int err, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = log_vline(level, err, fmt, ap);
	va_end(ap);
	return r;
}
