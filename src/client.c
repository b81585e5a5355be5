// SPDX-License-Identifier: GPL-2.0-only
#include "client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* What is read at once, and what a buffer begins with. */
#define READ_SIZE 16384

/* Answers nest a few levels. */
#define DEPTH_MAX 32

/* A listener without room in its queue makes connect(2) fail at once, and nothing tells when there is room. */
#define CONNECT_PAUSE_NS (10 * 1000 * 1000)

struct client {
	int fd;
	char *buf;		/* answers, as far as they have come */
	size_t len;
	size_t size;
	size_t searched;	/* no newline before this */
	char message[CLIENT_MESSAGE_MAX];
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int left_ms(int64_t deadline_ms)
{
	int64_t left = deadline_ms - now_ms();

	return left < 0 ? 0 : left > INT_MAX ? INT_MAX : (int)left;
}

/* Control characters of an answer would act on the terminal that it ends on. */
static void set_message(struct client *client, const char *text)
{
	size_t len = 0;

	for (; text[len] && len + 1 < sizeof(client->message); len++)
		client->message[len] = (unsigned char)text[len] < ' ' || text[len] == 0x7f ? ' ' : text[len];
	/* Not through the middle of a character. */
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	client->message[len] = '\0';
}

/* The connection is of no more use. */
static int fail(struct client *client, int err, const char *text)
{
	char buf[96];

	set_message(client, text ? text : strerror_r(-err, buf, sizeof(buf)));
	if (client->fd >= 0)
		close(client->fd);
	client->fd = -1;
	client->len = client->searched = 0;
	return err;
}

/* Return: a connected descriptor, -errno. */
static int connect_by(const char *path, int64_t deadline_ms)
{
	const struct timespec pause = { .tv_nsec = CONNECT_PAUSE_NS };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd, err;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	while (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		err = errno;
		if (err == EINTR)
			continue;
		if (err == EAGAIN && left_ms(deadline_ms) > 0) {
			nanosleep(&pause, NULL);
			continue;
		}
		close(fd);
		return err == EAGAIN ? -ETIMEDOUT : -err;
	}
	return fd;
}

int client_connect(const char *path, unsigned int timeout_ms, struct client **ret)
{
	struct client *client = calloc(1, sizeof(*client));
	int fd;

	if (!client)
		return -ENOMEM;
	fd = connect_by(path, now_ms() + timeout_ms);
	if (fd < 0) {
		free(client);
		return fd;
	}
	client->fd = fd;
	*ret = client;
	return 0;
}

void client_free(struct client *client)
{
	if (!client)
		return;
	if (client->fd >= 0)
		close(client->fd);
	free(client->buf);
	free(client);
}

int client_fd(const struct client *client)
{
	return client->fd;
}

const char *client_message(const struct client *client)
{
	return client->message;
}

json_object *client_make_request(const char *req, const char *key, const char *value)
{
	json_object *object = json_object_new_object(), *args = NULL;

	if (!object)
		return NULL;
	if (json_object_object_add(object, "req", json_object_new_string(req)))
		goto failed;
	if (!key)
		return object;
	args = json_object_new_object();
	if (!args || json_object_object_add(args, key, json_object_new_string(value)) ||
	    json_object_object_add(object, "args", args))
		goto failed;
	return object;
failed:
	json_object_put(args);
	json_object_put(object);
	return NULL;
}

/* Return: whether it can be written, or read; an end of the connection counts as either. */
static bool wait_for(const struct client *client, short events, int64_t deadline_ms)
{
	struct pollfd pollfd = { .fd = client->fd, .events = events };
	int n;

	do {
		n = poll(&pollfd, 1, left_ms(deadline_ms));
	} while (n < 0 && errno == EINTR && left_ms(deadline_ms) > 0);
	return n > 0;
}

static int send_bytes(struct client *client, const char *bytes, size_t len, int64_t deadline_ms)
{
	while (len > 0) {
		ssize_t n = send(client->fd, bytes, len, MSG_NOSIGNAL);

		if (n >= 0) {
			bytes += n;
			len -= (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		/* Who is not welcome is told why, and then nobody listens: the answer is there to be read. */
		if (errno == EPIPE || errno == ECONNRESET)
			return 0;
		if (errno != EAGAIN)
			return fail(client, -errno, NULL);
		if (!wait_for(client, POLLOUT, deadline_ms))
			return fail(client, -ETIMEDOUT, "the daemon does not take the request");
	}
	return 0;
}

int client_send(struct client *client, json_object *req, unsigned int timeout_ms)
{
	int64_t deadline_ms = now_ms() + timeout_ms;
	const char *text;
	size_t len;
	int err;

	client->message[0] = '\0';
	if (client->fd < 0)
		return fail(client, -ENOTCONN, NULL);
	text = json_object_to_json_string_length(req, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &len);
	if (!text)
		return fail(client, -ENOMEM, NULL);
	if (len > CLIENT_REQUEST_MAX - 1) {
		set_message(client, "the request is too long");
		return -EMSGSIZE;
	}
	err = send_bytes(client, text, len, deadline_ms);
	return err ? err : send_bytes(client, "\n", 1, deadline_ms);
}

static int parse_answer(struct client *client, const char *line, size_t len, json_object **resp)
{
	json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
	json_object *answer, *number = NULL, *args = NULL, *value = NULL;
	int64_t errnum = -1;

	if (!tokener)
		return fail(client, -ENOMEM, NULL);
	answer = json_tokener_parse_ex(tokener, line, (int)len);
	json_tokener_free(tokener);
	if (json_object_is_type(answer, json_type_object) && json_object_object_get_ex(answer, "errno", &number) &&
	    json_object_is_type(number, json_type_int))
		errnum = json_object_get_int64(number);
	if (errnum < 0 || errnum > 4095 || !json_object_object_get_ex(answer, "args", &args) ||
	    !json_object_object_get_ex(args, "resp", &value)) {
		json_object_put(answer);
		return fail(client, -EPROTO, "what came is no answer of a scheduler");
	}
	if (errnum) {
		set_message(client, value ? json_object_get_string(value) : "");
	} else {
		*resp = json_object_get(value);
	}
	json_object_put(answer);
	/* That one is ours: "not yet". */
	return errnum == EAGAIN ? -EBUSY : -(int)errnum;
}

/* Return: 0 when a line is at the head of the buffer, its length without newline in @len; -EAGAIN. */
static int find_line(struct client *client, size_t *len)
{
	char *newline = NULL;

	if (client->len > client->searched)
		newline = memchr(client->buf + client->searched, '\n', client->len - client->searched);
	client->searched = client->len;
	if (!newline)
		return -EAGAIN;
	*len = (size_t)(newline - client->buf);
	return 0;
}

static int make_room(struct client *client)
{
	size_t size = client->size ? client->size * 2 : READ_SIZE;
	char *buf;

	if (client->len < client->size)
		return 0;
	if (client->len >= CLIENT_ANSWER_MAX + 1)
		return fail(client, -EMSGSIZE, "the answer is too long");
	if (size > CLIENT_ANSWER_MAX + 1)
		size = CLIENT_ANSWER_MAX + 1;
	buf = realloc(client->buf, size);
	if (!buf)
		return fail(client, -ENOMEM, NULL);
	client->buf = buf;
	client->size = size;
	return 0;
}

int client_receive(struct client *client, json_object **resp)
{
	size_t len;
	ssize_t n;
	int err;

	client->message[0] = '\0';
	if (client->fd < 0)
		return fail(client, -ENOTCONN, NULL);
	while ((err = find_line(client, &len)) == -EAGAIN) {
		err = make_room(client);
		if (err)
			return err;
		n = recv(client->fd, client->buf + client->len, client->size - client->len, 0);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return -EAGAIN;
		if (n < 0 && errno != ECONNRESET)
			return fail(client, -errno, NULL);
		/* A reset: it has gone with our request unread. */
		if (n <= 0)
			return fail(client, -EPIPE, "the daemon has closed the connection");
		client->len += (size_t)n;
	}
	err = parse_answer(client, client->buf, len, resp);
	/* Unless that has closed it. */
	if (client->fd >= 0) {
		client->len -= len + 1;
		memmove(client->buf, client->buf + len + 1, client->len);
		client->searched = 0;
	}
	return err;
}

int client_request(struct client *client, json_object *req, json_object **resp, unsigned int timeout_ms)
{
	int64_t deadline_ms = now_ms() + timeout_ms;
	int err;

	err = client_send(client, req, timeout_ms);
	if (err)
		return err;
	while ((err = client_receive(client, resp)) == -EAGAIN)
		if (!wait_for(client, POLLIN, deadline_ms))
			return fail(client, -ETIMEDOUT, "the daemon does not answer");
	return err;
}
