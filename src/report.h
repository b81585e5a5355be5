/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * report - what this machine's kernel can do for us, in words
 */
#ifndef ARCADE_SRC_REPORT_H
#define ARCADE_SRC_REPORT_H

#include <stdio.h>

#include "bpf.h"
#include "roles.h"
#include "topology.h"

#define REPORT_LINE_MAX 256

/* Calls @emit for each line of the report, without newline. */
typedef void (*report_emit_fn)(void *data, const char *line);

/* One line, in the columns of the rest. */
void report_line(report_emit_fn emit, void *data, const char *what, const char *text);

/* All that is known of kernel and machine. @bpf may be NULL: then it was not loaded, nor were @roles. */
void report_print(const struct topology *topology, const struct bpf *bpf, const struct roles *roles, report_emit_fn emit,
		  void *data);

#endif
