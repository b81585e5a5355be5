/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * signals_pipe - signals as bytes of a pipe, and a terminal restored whatever happens
 *
 * Not a signalfd: a program that writes to a terminal nobody reads sleeps in
 * write(2), and must be woken to end. One that cannot end by itself within two
 * seconds of being told to restores the terminal and dies of the signal, as
 * does one that crashes. State is global, because signal handlers are.
 */
#ifndef ARCADE_TUI_SIGNALS_PIPE_H
#define ARCADE_TUI_SIGNALS_PIPE_H

/*
 * Catches INT, QUIT, TERM, HUP (unless they are ignored), WINCH, TSTP, CONT, and crashes. @rescue is called from a signal
 * handler before death: async-signal-safe functions only. Return: the descriptor to read signal numbers from, the room's
 * own; -errno.
 */
int signals_pipe_open(void (*rescue)(void));

/* The next signal, 0 if there is none. */
int signals_pipe_next(void);

/* Stop as the terminal wants it; comes back when continued. */
void signals_pipe_stop_self(void);

/* Die of it, so that whoever started us knows. Comes back only if the signal does not kill. */
void signals_pipe_die_of(int signo);

void signals_pipe_close(void);

#endif
