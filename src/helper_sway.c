// SPDX-License-Identifier: GPL-2.0-only
/*
 * helper_sway - the focus as sway's IPC tells it
 *
 * sway's socket is looked for during a minute. After any event that may move
 * the focus the tree is asked for, one question at a time, and searched for the
 * focused view. No JSON parser is needed: in a string quotation marks are
 * escaped, so a title forges no key. Titles are freed with the tree.
 */
#include "helper_child.h"

#include <dirent.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "util.h"

#define MAGIC		"i3-ipc"
#define TYPE_SUBSCRIBE	2
#define TYPE_GET_TREE	4
#define REPLY_MAX	(1024 * 1024)	/* a tree has about 2 KB a window */
#define CONNECT_NS	(2 * NSEC_PER_SEC)
#define CONNECTS_MAX	30

struct header {
	char magic[6];
	uint32_t len, type;
} __attribute__((packed));

struct sway {
	struct child *child;
	struct source socket;
	struct timer timer;	/* connects */
	int nr_connects;
	char runtime[32];
	struct header header;
	char *payload;		/* header.len bytes and a terminator, NULL while the header comes in */
	size_t nr_read;		/* of whichever comes in */
	bool asked, ask_again;	/* the tree; something happened since */
};

static void disconnect(struct sway *sway)
{
	int fd = sway->socket.fd;

	if (fd < 0)
		return;
	source_detach(&sway->socket);
	close(fd);
	free(steal_ptr(&sway->payload));
	sway->nr_read = 0;
	sway->asked = sway->ask_again = false;
	child_forget_window(sway->child, ARCADE_FOCUS_SWAY);
	child_report_state(sway->child, ARCADE_FOCUS_SWAY, ARCADE_FOCUS_ABSENT, 0);
	timer_arm(&sway->timer, child_loop(sway->child), now_ns() + CONNECT_NS, 0);
}

static bool request(int fd, uint32_t type, const char *payload)
{
	struct header header = { .magic = MAGIC, .len = (uint32_t)strlen(payload), .type = type };
	struct iovec parts[] = { { &header, sizeof(header) }, { (char *)payload, header.len } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };

	return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)(sizeof(header) + header.len);
}

static void ask_tree(struct sway *sway)
{
	sway->ask_again = sway->asked;
	if (sway->asked)
		return;
	sway->asked = request(sway->socket.fd, TYPE_GET_TREE, "");
	if (!sway->asked)
		disconnect(sway);
}

/* What is behind @key, if that is before @end. */
static const char *find(const char *from, const char *end, const char *key)
{
	const char *at = strstr(from, key);

	return at && at < end ? at + strlen(key) : NULL;
}

/* In a node's text its type comes before "focused", the rest behind; the next node's "focused" is beyond it. */
static void report_focused(struct sway *sway, const char *tree)
{
	const char *at = strstr(tree, "\"focused\": true"), *type = NULL, *end, *pid, *full, *app;
	char name[ARCADE_FOCUS_APP_MAX] = "";

	for (const char *next = tree; at && (next = strstr(next, "\"type\": \"")) && next < at; next++)
		type = next;
	if (!at || !type || !strncmp(type, "\"type\": \"workspace\"", 19)) {
		child_report_no_window(sway->child, ARCADE_FOCUS_SWAY);
		return;
	}
	end = strstr(at + 1, "\"focused\": ");
	if (!end)
		end = at + strlen(at);
	pid = find(at, end, "\"pid\": ");
	full = find(at, end, "\"fullscreen_mode\": ");
	app = find(at, end, "\"app_id\": \"") ?: find(at, end, "\"class\": \"");
	if (app)
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(app, "\"\\"), app);
	child_report_window(sway->child, ARCADE_FOCUS_SWAY, pid ? atoi(pid) : 0, name, full && *full != '0');
}

static void handle_message(struct sway *sway)
{
	if (sway->header.type == TYPE_GET_TREE) {
		sway->asked = false;
		report_focused(sway, sway->payload);
	}
	/* The highest bit makes it an event. A new title is the most frequent, and does not matter. */
	if (sway->header.type >> 31 ? !strstr(sway->payload, "\"change\": \"title\"") : sway->ask_again)
		ask_tree(sway);
}

static int handle_socket(struct source *source, uint32_t events)
{
	struct sway *sway = container_of(source, struct sway, socket);
	size_t want = sway->payload ? sway->header.len : sizeof(sway->header);
	char *into = sway->payload ?: (char *)&sway->header;
	ssize_t n = recv(source->fd, into + sway->nr_read, want - sway->nr_read, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n > 0 && (sway->nr_read += (size_t)n) < want)
		return 0;
	sway->nr_read = 0;
	if (n > 0 && sway->payload) {
		handle_message(sway);
		free(steal_ptr(&sway->payload));
		return 0;
	}
	if (n > 0 && !memcmp(sway->header.magic, MAGIC, sizeof(sway->header.magic)) && sway->header.len &&
	    sway->header.len <= REPLY_MAX)
		sway->payload = calloc(1, sway->header.len + 1);
	/* The end, or nothing that sway would say, or no memory. */
	if (!sway->payload || n <= 0)
		disconnect(sway);
	return 0;
}

static bool connect_to(struct sway *sway, const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%.64s", sway->runtime, name);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) ||
	    !request(fd, TYPE_SUBSCRIBE, "[\"window\",\"workspace\"]") ||
	    source_attach(&sway->socket, child_loop(sway->child), fd, EPOLLIN))
		return false;
	steal_fd(&fd);
	child_report_state(sway->child, ARCADE_FOCUS_SWAY, ARCADE_FOCUS_READY, 0);
	ask_tree(sway);
	return true;
}

static int try_connect(struct timer *timer, uint64_t now)
{
	struct sway *sway = container_of(timer, struct sway, timer);
	_cleanup_closedir_ DIR *dir = opendir(sway->runtime);

	for (struct dirent *entry; dir && (entry = readdir(dir));)
		if (!strncmp(entry->d_name, "sway-ipc.", 9) && connect_to(sway, entry->d_name))
			return 0;
	if (++sway->nr_connects < CONNECTS_MAX)
		timer_arm(timer, child_loop(sway->child), now_ns() + CONNECT_NS, 0);
	return 0;
}

static void sway_stop(void *data)
{
	struct sway *sway = data;

	disconnect(sway);
	timer_disarm(&sway->timer);
	free(sway);
}

static int sway_start(struct child *child, void **ret)
{
	struct sway *sway = calloc(1, sizeof(*sway));

	if (!sway)
		return -ENOMEM;
	sway->child = child;
	source_init(&sway->socket, "sway", handle_socket);
	timer_init(&sway->timer, "sway", try_connect);
	snprintf(sway->runtime, sizeof(sway->runtime), "/run/user/%u", child_setup(child)->uid);
	timer_arm(&sway->timer, child_loop(child), now_ns(), 0);
	*ret = sway;
	return 0;
}

const struct child_source helper_sway = { .id = ARCADE_FOCUS_SWAY, .start = sway_start, .stop = sway_stop };
