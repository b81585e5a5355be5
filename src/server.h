/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * server - clients of one socket, from accept to close
 *
 * Line JSON: a request is a line, its answer is a line, in order. One request of
 * a client is worked on at a time; what it sent beyond waits in its socket. A
 * client that is ready to be served joins a queue, and each round of the loop
 * serves that queue for SERVER_ROUND_NS at most, one request per turn, so that
 * neither many clients nor a fast one hold up anything else. Nothing waits.
 *
 * Limits: see below. A client costs no memory of its own but what it has sent
 * of a request that is not whole yet; answers are shared. Who breaks a limit is
 * told why, if it can be told, and dropped, and that is counted.
 */
#ifndef ARCADE_SRC_SERVER_H
#define ARCADE_SRC_SERVER_H

#include <stdint.h>

#include "access.h"
#include "answer.h"
#include "loop.h"
#include "request.h"
#include "util.h"

#define SERVER_CLIENTS_MAX   64
/* Of these, for users other than root: they cannot keep it out. */
#define SERVER_OTHERS_MAX    48
/* Half requests, and answers that are not read, of all clients together. */
#define SERVER_REQUEST_BYTES (512 * 1024)
#define SERVER_ANSWER_BYTES  (ANSWER_MAX + 256 * 1024)
/* For the rest of a request to come, and for an answer to be read. */
#define SERVER_PATIENCE_NS   (10 * NSEC_PER_SEC)
#define SERVER_ROUND_NS	     (500 * NSEC_PER_USEC)

struct server;

/* Names a request, also after its client has gone. */
struct server_ticket {
	uint32_t slot;
	uint64_t serial;
};

struct server_facts {
	uint64_t nr_clients;	/* now */
	uint64_t nr_accepted;
	uint64_t nr_requests;
	uint64_t nr_errors;	/* requests that were answered with an error */
	uint64_t nr_denied;	/* who may not ask */
	uint64_t nr_full;	/* who found no place */
	uint64_t nr_dropped;	/* who was too slow, or wanted too much */
};

/*
 * Answer with server_answer(), now or later, once. Nothing more is read of that client until then. @request is valid during
 * the call.
 */
typedef void (*server_request_fn)(struct server_ticket ticket, const struct access_peer *peer, const struct request *request,
				  void *data);

struct server_config {
	const char *name;	/* static string: log prefix */
	const char *path;
	struct loop *loop;
	const struct access_rules *rules;
	server_request_fn request_fn;
	void *data;
};

/* Rules and loop outlive it. Return: 0, -EADDRINUSE if another program serves at that path, -errno. */
int server_new(const struct server_config *config, struct server **ret);

/* Drops all clients. Accepts NULL. Not from within request_fn. */
void server_free(struct server *server);
DEFINE_CLEANUP(struct server *, server_free)

/* Takes @answer; NULL drops the client, as there is no memory. If the client has gone, nothing happens. */
void server_answer(struct server *server, struct server_ticket ticket, struct answer *answer);

/* The same, and the client is dropped once it has got it. */
void server_answer_and_drop(struct server *server, struct server_ticket ticket, struct answer *answer);

/* The rules are others: who may not ask any more is dropped, and counted as denied. Not from within request_fn. */
void server_judge_again(struct server *server);

/* Serve a connected socket as if it had been accepted here; takes @fd. For tests. Return: 0, -errno. */
int server_adopt(struct server *server, int fd);

const struct server_facts *server_facts(const struct server *server);

#endif
