/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * out - frames of text on stdout, without ever waiting for its reader
 *
 * A frame is written whole or not at all: what the reader does not take at once
 * is kept and finished later, and frames that come meanwhile are dropped and
 * counted. So a stopped terminal or a full pipe never holds up the daemon and
 * never sees half a JSON line followed by another.
 */
#ifndef ARCADE_SRC_OUT_H
#define ARCADE_SRC_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct out {
	int fd;			/* borrowed */
	char *pending;		/* rest of a frame, NULL if none */
	size_t pending_len;
	size_t pending_done;
	uint64_t nr_dropped;	/* frames */
};

void out_init(struct out *out, int fd);

/* What is pending is lost. Harmless when called twice. */
void out_deinit(struct out *out);

/*
 * Write a frame. @frame is malloc'ed and becomes out's, NULL is a frame that could not be made and is dropped.
 * Return: 0, also when it was dropped or the disk is full; -EPIPE or -EBADF if nobody will ever read.
 */
int out_write(struct out *out, char *frame, size_t len);

#endif
