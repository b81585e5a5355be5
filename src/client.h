/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * client - asks a running daemon over one of its sockets
 *
 * Line JSON: a request and its answer are one line each, answers come in the
 * order of the requests. Needs nothing but json-c and a libc, so that programs
 * without privileges link this one room.
 *
 * Two ways: client_request() waits for the answer, but never longer than it is
 * told; or client_send(), poll(2) on client_fd(), client_receive().
 *
 * After an error of the connection it is closed, client_fd() is -1, and every
 * call is -ENOTCONN: connect anew. An error that the daemon answers leaves the
 * connection as it is.
 *
 * Truth values are told as 0 and 1, as the protocol of the field knows no others:
 * json_object_get_boolean() reads them.
 */
#ifndef ARCADE_SRC_CLIENT_H
#define ARCADE_SRC_CLIENT_H

#include <json-c/json.h>

#define CLIENT_STATS_PATH   "/run/scx/root/stats"
#define CLIENT_CONTROL_PATH "/run/scx_arcade/control"

#define CLIENT_REQUEST_MAX (64 * 1024)	 /* bytes of a line; the daemon takes no more */
#define CLIENT_ANSWER_MAX  (1024 * 1024) /* likewise */
#define CLIENT_MESSAGE_MAX 512

struct client;

/*
 * Return: 0; -ENOENT or -ECONNREFUSED if no daemon is there, -EACCES, -ETIMEDOUT after @timeout_ms if it takes no more
 * clients, -ENOMEM, -errno. Whether this user may ask is told by the first answer.
 */
int client_connect(const char *path, unsigned int timeout_ms, struct client **ret);

/* Accepts NULL. */
void client_free(struct client *client);
static inline __attribute__((unused)) void client_freep(struct client **client)
{
	client_free(*client);
}

/* For poll(2), POLLIN; -1 once the connection is closed. The descriptor stays the client's. */
int client_fd(const struct client *client);

/*
 * Send @req, stays the caller's, and wait for its answer. Return: 0 with a reference to "resp" of the answer in @resp, the
 * caller's, NULL for JSON's null; what the daemon answered, as -errno; or of the connection: -ENOTCONN, -ETIMEDOUT,
 * -EPIPE if it was closed, -EMSGSIZE, -EPROTO if the answer is no answer, -ENOMEM, -errno. client_message() has words.
 */
int client_request(struct client *client, json_object *req, json_object **resp, unsigned int timeout_ms);

/* The halves of it. client_receive() does not wait. Return: as above, -EAGAIN if the answer is not there yet. */
int client_send(struct client *client, json_object *req, unsigned int timeout_ms);
int client_receive(struct client *client, json_object **resp);

/* Why the last call failed, in one line without control characters: the daemon's own words if it answered; "" if it did not. */
const char *client_message(const struct client *client);

/* {"req":@req} and, unless @key is NULL, "args":{@key:@value}. Return: NULL without memory. */
json_object *client_make_request(const char *req, const char *key, const char *value);

#endif
