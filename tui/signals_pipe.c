// SPDX-License-Identifier: GPL-2.0-only
#include "signals_pipe.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "util.h"

#define PATIENCE_S 2

static int fds[2] = { -1, -1 };
static void (*rescue_fn)(void);
static volatile sig_atomic_t ending_signo;

static const int caught[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGWINCH, SIGTSTP, SIGCONT };
static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL };

static bool ends(int signo)
{
	return signo == SIGINT || signo == SIGQUIT || signo == SIGTERM || signo == SIGHUP;
}

/* A full pipe loses what is in it a thousand times already. */
static void handle(int signo)
{
	unsigned char byte = (unsigned char)signo;
	int saved = errno;
	ssize_t n = write(fds[1], &byte, 1);

	(void)n;
	if (ends(signo)) {
		ending_signo = signo;
		alarm(PATIENCE_S);
	}
	errno = saved;
}

static void handle_fatal(int signo)
{
	if (rescue_fn)
		rescue_fn();
	if (signo == SIGALRM && ending_signo)
		signo = ending_signo;
	signal(signo, SIG_DFL);
	raise(signo);
}

static void catch(int signo, void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
	struct sigaction old;

	/* nohup and its like. */
	if (ends(signo) && !sigaction(signo, NULL, &old) && old.sa_handler == SIG_IGN)
		return;
	sigemptyset(&action.sa_mask);
	/* Dying happens in the handler itself. */
	if (handler == handle_fatal)
		action.sa_flags = SA_NODEFER;
	sigaction(signo, &action, NULL);
}

int signals_pipe_open(void (*rescue)(void))
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	rescue_fn = rescue;
	for (size_t i = 0; i < ARRAY_SIZE(caught); i++)
		catch(caught[i], handle);
	catch(SIGALRM, handle_fatal);
#ifndef __SANITIZE_ADDRESS__	/* which has its own, and more to say */
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++)
		catch(fatal[i], handle_fatal);
#else
	(void)fatal;
#endif
	sigaction(SIGPIPE, &ignore, NULL);
	return fds[0];
}

int signals_pipe_next(void)
{
	unsigned char byte;

	return read(fds[0], &byte, 1) == 1 ? byte : 0;
}

void signals_pipe_stop_self(void)
{
	signal(SIGTSTP, SIG_DFL);
	raise(SIGTSTP);
	catch(SIGTSTP, handle);
}

void signals_pipe_die_of(int signo)
{
	signal(signo, SIG_DFL);
	raise(signo);
}

void signals_pipe_close(void)
{
	alarm(0);
	fds[0] = close_fd(fds[0]);
	fds[1] = close_fd(fds[1]);
}
