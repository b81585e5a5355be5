// SPDX-License-Identifier: GPL-2.0-only
#include "server.h"

#include <sys/socket.h>
#include <unistd.h>

#include "listener.h"
#include "log.h"

/* Read at once: most requests are shorter, and a long one takes several turns. */
#define READ_SIZE 4096

/* Connections taken in one wakeup. */
#define ACCEPT_MAX 8

/* Deadlines are looked at so often. */
#define TICK_NS NSEC_PER_SEC

/* Without descriptors the listener would wake us for ever. */
#define ACCEPT_PAUSE_NS NSEC_PER_SEC

struct slot {
	struct server *server;
	struct source source;
	int fd;			/* -1: free */
	uint64_t serial;
	struct access_peer peer;
	uint32_t events;	/* as attached */
	char *in;		/* of a request, or more than one, as far as it has come; NULL: nothing */
	size_t in_len;
	size_t in_size;
	struct answer *out;	/* NULL: nothing to be sent */
	size_t nr_sent;
	bool asked;		/* an answer is awaited */
	bool closing;		/* … or the last one is being sent */
	bool queued;
	uint64_t deadline_ns;	/* of a half request or an answer that is not read, 0: none */
};

struct server {
	const char *name;
	struct loop *loop;
	const struct access_rules *rules;
	server_request_fn request_fn;
	void *data;
	struct listener listener;
	struct source source;
	struct timer accept_timer;	/* armed while the listener pauses */
	struct timer work_timer;	/* armed while the queue is not empty */
	struct timer tick_timer;	/* armed while there is a deadline */
	uint64_t last_serial;
	size_t in_bytes;
	size_t out_bytes;
	uint32_t nr_others;
	struct server_facts facts;
	uint32_t queue_first;
	uint32_t queue_len;
	uint8_t queue[SERVER_CLIENTS_MAX];
	struct slot slots[SERVER_CLIENTS_MAX];
	char scratch[READ_SIZE];
};

_Static_assert(SERVER_CLIENTS_MAX <= UINT8_MAX + 1, "queue");

/* ---- the queue ---- */

static void enqueue(struct slot *slot)
{
	struct server *server = slot->server;

	if (slot->queued)
		return;
	slot->queued = true;
	server->queue[(server->queue_first + server->queue_len++) % SERVER_CLIENTS_MAX] = (uint8_t)(slot - server->slots);
	if (!timer_is_armed(&server->work_timer))
		timer_arm(&server->work_timer, server->loop, 0, 0);
}

/* A client that is dropped stays in its place there until its turn: the slot may be another's by then, which does no harm. */
static struct slot *dequeue(struct server *server)
{
	struct slot *slot = &server->slots[server->queue[server->queue_first]];

	server->queue_first = (server->queue_first + 1) % SERVER_CLIENTS_MAX;
	server->queue_len--;
	slot->queued = false;
	return slot;
}

/* ---- a client ---- */

static void free_input(struct slot *slot)
{
	slot->server->in_bytes -= slot->in_size;
	free(slot->in);
	slot->in = NULL;
	slot->in_len = slot->in_size = 0;
}

static void free_output(struct slot *slot)
{
	if (slot->out)
		slot->server->out_bytes -= slot->out->len;
	answer_unref(steal_ptr(&slot->out));
	slot->nr_sent = 0;
}

static void drop(struct slot *slot)
{
	struct server *server = slot->server;

	source_detach(&slot->source);
	slot->fd = close_fd(slot->fd);
	free_input(slot);
	free_output(slot);
	slot->asked = slot->closing = false;
	slot->deadline_ns = 0;
	server->facts.nr_clients--;
	if (slot->peer.uid)
		server->nr_others--;
}

static void set_deadline(struct slot *slot)
{
	struct server *server = slot->server;

	slot->deadline_ns = now_ns() + SERVER_PATIENCE_NS;
	if (!timer_is_armed(&server->tick_timer))
		timer_arm(&server->tick_timer, server->loop, now_ns() + TICK_NS, TICK_NS);
}

static void want(struct slot *slot, uint32_t events)
{
	if (events != slot->events && !source_modify(&slot->source, events))
		slot->events = events;
}

/* What to wait for, after a turn. */
static void update_events(struct slot *slot)
{
	if (slot->out)
		want(slot, EPOLLOUT);
	else
		want(slot, slot->asked ? 0 : EPOLLIN);
}

/* Send what can be sent. May drop the client. Return: whether it is still there. */
static bool flush(struct slot *slot)
{
	while (slot->out && slot->nr_sent < slot->out->len) {
		ssize_t n = send(slot->fd, slot->out->text + slot->nr_sent, slot->out->len - slot->nr_sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return true;
		if (n < 0) {
			drop(slot);
			return false;
		}
		slot->nr_sent += (size_t)n;
	}
	if (!slot->out)
		return true;
	free_output(slot);
	slot->deadline_ns = 0;
	if (!slot->closing)
		return true;
	drop(slot);
	return false;
}

/* Takes @answer. May drop the client. */
static void begin_answer(struct slot *slot, struct answer *answer, bool closing)
{
	struct server *server = slot->server;

	slot->asked = false;
	slot->closing = closing;
	if (!answer) {
		server->facts.nr_dropped++;
		drop(slot);
		return;
	}
	server->facts.nr_errors += answer->is_error;
	slot->out = answer;
	server->out_bytes += answer->len;
	if (!flush(slot) || !slot->out)
		return;
	if (server->out_bytes > SERVER_ANSWER_BYTES) {
		log_debug("%s: process %d does not read its answers while others do not either", server->name,
			  (int)slot->peer.pid);
		server->facts.nr_dropped++;
		drop(slot);
		return;
	}
	set_deadline(slot);
}

static void refuse(struct slot *slot, int err, const char *message)
{
	begin_answer(slot, answer_error(err, "%s", message), err == -E2BIG || err == -EMSGSIZE || err == -EBUSY);
}

static void handle_line(struct slot *slot, const char *line, size_t len)
{
	struct server *server = slot->server;
	struct request request;
	const char *message;
	int err;

	if (len && line[len - 1] == '\r')
		len--;
	server->facts.nr_requests++;
	err = request_parse(line, len, &request, &message);
	if (err) {
		refuse(slot, err, message);
		return;
	}
	slot->asked = true;
	server->request_fn((struct server_ticket){ .slot = (uint32_t)(slot - server->slots), .serial = slot->serial },
			   &slot->peer, &request, server->data);
	request_deinit(&request);
}

/* ---- reading ---- */

/* Keep @len bytes that are no whole request yet. May drop the client. */
static void keep_input(struct slot *slot, const char *bytes, size_t len)
{
	struct server *server = slot->server;
	size_t size = slot->in_size;
	char *in;

	if (slot->in_len + len > size) {
		while (slot->in_len + len > size)
			size = size ? size * 2 : 256;
		if (server->in_bytes - slot->in_size + size > SERVER_REQUEST_BYTES) {
			refuse(slot, -EBUSY, "too many unfinished requests at a time: try again later");
			return;
		}
		in = realloc(slot->in, size);
		if (!in) {
			refuse(slot, -EBUSY, "out of memory");
			return;
		}
		server->in_bytes += size - slot->in_size;
		slot->in = in;
		slot->in_size = size;
	}
	memcpy(slot->in + slot->in_len, bytes, len);
	slot->in_len += len;
}

/* Work on the first whole line of what is kept. May drop the client. Return: whether there was one. */
static bool take_kept_line(struct slot *slot, size_t from)
{
	char *newline = slot->in_len > from ? memchr(slot->in + from, '\n', slot->in_len - from) : NULL, *in = slot->in;
	struct server *server = slot->server;
	size_t len, size = slot->in_size, rest;

	if (!newline)
		return false;
	/* It is the slot's no more: who answers at once may drop the client. */
	slot->in = NULL;
	rest = slot->in_len - (size_t)(newline + 1 - in);
	len = (size_t)(newline - in);
	slot->in_len = slot->in_size = 0;
	server->in_bytes -= size;
	slot->deadline_ns = 0;
	if (rest) {
		const uint64_t serial = slot->serial;

		keep_input(slot, newline + 1, rest);
		if (slot->fd < 0 || slot->serial != serial || slot->out) {
			free(in);
			return true;
		}
	}
	handle_line(slot, in, len);
	free(in);
	return true;
}

/* Of @len bytes in the scratch buffer: work on the first line, keep the rest. May drop the client. */
static void take_read(struct slot *slot, size_t len)
{
	struct server *server = slot->server;
	char *newline;
	size_t first;

	if (slot->in) {
		size_t from = slot->in_len;

		keep_input(slot, server->scratch, len);
		if (slot->fd < 0 || slot->out || take_kept_line(slot, from))
			return;
	} else {
		newline = memchr(server->scratch, '\n', len);
		first = newline ? (size_t)(newline - server->scratch) + 1 : 0;
		if (first < len)
			keep_input(slot, server->scratch + first, len - first);
		if (slot->fd < 0 || slot->out)
			return;
		if (newline) {
			handle_line(slot, server->scratch, first - 1);
			return;
		}
	}
	if (slot->in_len > REQUEST_MAX)
		refuse(slot, -EMSGSIZE, "the request is too long");
	else if (!slot->deadline_ns)
		set_deadline(slot);
}

/* One turn: send, or work on one request, or read. May drop the client. */
static void serve(struct slot *slot)
{
	const uint64_t serial = slot->serial;
	ssize_t n;

	if (!flush(slot))
		return;
	if (slot->out || slot->asked) {
		update_events(slot);
		return;
	}
	if (!slot->in || !take_kept_line(slot, 0)) {
		n = recv(slot->fd, slot->server->scratch, sizeof(slot->server->scratch), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
			drop(slot);
			return;
		}
		if (n > 0)
			take_read(slot, (size_t)n);
	}
	if (slot->fd < 0 || slot->serial != serial)
		return;
	update_events(slot);
	/* More may be there already, which no event tells of: it is the next in the queue's turn. */
	if (slot->in && !slot->out && !slot->asked && memchr(slot->in, '\n', slot->in_len))
		enqueue(slot);
	else if (slot->in && !slot->out && !slot->asked && !slot->deadline_ns)
		set_deadline(slot);
}

static int work(struct timer *timer, uint64_t now)
{
	struct server *server = container_of(timer, struct server, work_timer);
	uint64_t end_ns = now_ns() + SERVER_ROUND_NS;

	while (server->queue_len > 0) {
		struct slot *slot = dequeue(server);

		if (slot->fd >= 0)
			serve(slot);
		if (now_ns() >= end_ns)
			break;
	}
	if (server->queue_len > 0)
		timer_arm(&server->work_timer, server->loop, 0, 0);
	return 0;
}

static int handle_events(struct source *source, uint32_t events)
{
	struct slot *slot = container_of(source, struct slot, source);

	/* Both ways are closed: it can be told nothing any more. */
	if (events & (EPOLLERR | EPOLLHUP) && !(events & EPOLLIN))
		drop(slot);
	else if (events & (EPOLLERR | EPOLLHUP) && (slot->asked || slot->out))
		drop(slot);
	else
		enqueue(slot);
	return 0;
}

static int tick(struct timer *timer, uint64_t now)
{
	struct server *server = container_of(timer, struct server, tick_timer);
	bool any = false;

	for (size_t i = 0; i < SERVER_CLIENTS_MAX; i++) {
		struct slot *slot = &server->slots[i];

		if (slot->fd < 0 || !slot->deadline_ns)
			continue;
		if (slot->deadline_ns > now) {
			any = true;
			continue;
		}
		log_debug("%s: process %d %s", server->name, (int)slot->peer.pid,
			  slot->out ? "does not read its answer" : "does not finish its request");
		server->facts.nr_dropped++;
		drop(slot);
	}
	if (!any)
		timer_disarm(timer);
	return 0;
}

/* ---- who comes ---- */

/* Who is not let in is told why; if it cannot be told at once, it is not. */
static void turn_away(int fd, int err, const char *message)
{
	_cleanup_(answer_unrefp) struct answer *answer = answer_error(err, "%s", message);

	if (answer && send(fd, answer->text, answer->len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return;
}

static struct slot *find_free(struct server *server)
{
	for (size_t i = 0; i < SERVER_CLIENTS_MAX; i++)
		if (server->slots[i].fd < 0)
			return &server->slots[i];
	return NULL;
}

/* Return: whom to serve, or NULL with the reason told. */
static struct slot *let_in(struct server *server, int fd, struct access_peer *peer)
{
	struct slot *slot;

	if (access_judge(server->rules, fd, peer))
		return NULL;
	if (!peer->may_read) {
		server->facts.nr_denied++;
		turn_away(fd, EACCES,
			  "not permitted: root, members of the group " ACCESS_GROUP
			  " and the user of the active graphical session may ask");
		return NULL;
	}
	slot = peer->uid && server->nr_others >= SERVER_OTHERS_MAX ? NULL : find_free(server);
	if (!slot) {
		server->facts.nr_full++;
		turn_away(fd, EBUSY, "too many clients at a time: try again later");
	}
	return slot;
}

int server_adopt(struct server *server, int fd)
{
	struct access_peer peer = {};
	struct slot *slot = let_in(server, fd, &peer);
	int err = slot ? source_attach(&slot->source, server->loop, fd, EPOLLIN) : -EACCES;

	if (err) {
		close_fd(fd);
		return err;
	}
	slot->fd = fd;
	slot->events = EPOLLIN;
	slot->serial = ++server->last_serial;
	slot->peer = peer;
	server->facts.nr_accepted++;
	server->facts.nr_clients++;
	if (peer.uid)
		server->nr_others++;
	return 0;
}

static int resume(struct timer *timer, uint64_t now)
{
	struct server *server = container_of(timer, struct server, accept_timer);

	if (source_attach(&server->source, server->loop, server->listener.fd, EPOLLIN))
		timer_arm(timer, server->loop, now + ACCEPT_PAUSE_NS, 0);
	return 0;
}

static int handle_connect(struct source *source, uint32_t events)
{
	struct server *server = container_of(source, struct server, source);

	for (int i = 0; i < ACCEPT_MAX; i++) {
		int fd = accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			server_adopt(server, fd);
			continue;
		}
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) {
			log_debug("%s: cannot accept: %s", server->name, strerror(errno));
			source_detach(source);
			timer_arm(&server->accept_timer, server->loop, now_ns() + ACCEPT_PAUSE_NS, 0);
		}
		break;
	}
	return 0;
}

/* ---- answers ---- */

static void answer_ticket(struct server *server, struct server_ticket ticket, struct answer *answer, bool closing)
{
	struct slot *slot = ticket.slot < SERVER_CLIENTS_MAX ? &server->slots[ticket.slot] : NULL;

	if (!slot || slot->fd < 0 || slot->serial != ticket.serial || !slot->asked) {
		answer_unref(answer);
		return;
	}
	begin_answer(slot, answer, closing);
	/* For its next request, if it has come already, and for what to wait for. */
	if (slot->fd >= 0 && slot->serial == ticket.serial)
		enqueue(slot);
}

void server_answer(struct server *server, struct server_ticket ticket, struct answer *answer)
{
	answer_ticket(server, ticket, answer, false);
}

void server_answer_and_drop(struct server *server, struct server_ticket ticket, struct answer *answer)
{
	answer_ticket(server, ticket, answer, true);
}

void server_judge_again(struct server *server)
{
	for (size_t i = 0; i < SERVER_CLIENTS_MAX; i++) {
		struct slot *slot = &server->slots[i];
		struct access_peer peer;

		if (slot->fd < 0 || (!access_judge(server->rules, slot->fd, &peer) && peer.may_read))
			continue;
		server->facts.nr_denied++;
		drop(slot);
	}
}

const struct server_facts *server_facts(const struct server *server)
{
	return &server->facts;
}

/* ---- life ---- */

int server_new(const struct server_config *config, struct server **ret)
{
	_cleanup_(server_freep) struct server *server = calloc(1, sizeof(*server));
	int err;

	if (!server)
		return -ENOMEM;
	server->name = config->name;
	server->loop = config->loop;
	server->rules = config->rules;
	server->request_fn = config->request_fn;
	server->data = config->data;
	server->listener = (struct listener)LISTENER_INIT;
	source_init(&server->source, config->name, handle_connect);
	timer_init(&server->accept_timer, config->name, resume);
	timer_init(&server->work_timer, config->name, work);
	timer_init(&server->tick_timer, config->name, tick);
	for (size_t i = 0; i < SERVER_CLIENTS_MAX; i++) {
		server->slots[i].server = server;
		server->slots[i].fd = -1;
		source_init(&server->slots[i].source, config->name, handle_events);
	}
	if (config->path) {
		err = listener_init(&server->listener, config->path);
		if (!err)
			err = source_attach(&server->source, server->loop, server->listener.fd, EPOLLIN);
		if (err)
			return err;
	}
	*ret = steal_ptr(&server);
	return 0;
}

void server_free(struct server *server)
{
	if (!server)
		return;
	for (size_t i = 0; i < SERVER_CLIENTS_MAX; i++)
		if (server->slots[i].fd >= 0)
			drop(&server->slots[i]);
	timer_disarm(&server->accept_timer);
	timer_disarm(&server->work_timer);
	timer_disarm(&server->tick_timer);
	source_detach(&server->source);
	listener_deinit(&server->listener);
	free(server);
}
