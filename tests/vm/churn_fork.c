// SPDX-License-Identifier: GPL-2.0-only
/*
 * churn: storms of short-lived processes and threads
 */
#include "churn.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_STORMS    2
#define MAX_CHILDREN 6

static void *work_a_little(void *arg)
{
	churn_burn_us((uintptr_t)arg);
	return NULL;
}

static void run_threads(struct churn_random *random)
{
	pthread_t threads[4];
	int nr = 0;

	for (; nr < 4; nr++)
		if (pthread_create(&threads[nr], NULL, work_a_little, (void *)(uintptr_t)churn_random_below(random, 1500)))
			break;
	while (nr)
		pthread_join(threads[--nr], NULL);
}

static void run_program(void)
{
	pid_t pid = vfork();

	if (!pid) {
		execl("/bin/true", "true", NULL);
		_exit(1);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void run_children(struct churn_random *random)
{
	uint32_t nr = 1 + churn_random_below(random, MAX_CHILDREN), us;
	pid_t pids[MAX_CHILDREN];

	for (uint32_t i = 0; i < nr; i++) {
		us = churn_random_below(random, 3000);
		pids[i] = fork();
		if (!pids[i]) {
			churn_burn_us(us);
			if (!(us % 4))
				churn_note_child();
			_exit(0);
		}
	}
	for (uint32_t i = 0; i < nr; i++) {
		if (pids[i] < 0)
			continue;
		waitpid(pids[i], NULL, 0);
		churn_done(CHURN_FORK);
	}
}

static void storm(void)
{
	struct churn_random random = churn_random_new();
	struct churn_task *task = churn_enter(CHURN_CHILD);

	while (!churn_stopped()) {
		churn_breathe();
		run_children(&random);
		if (!churn_random_below(&random, 4))
			run_threads(&random);
		if (!churn_random_below(&random, 8))
			run_program();
		/* Calm for a moment, so that the next one is a storm again. */
		if (!churn_random_below(&random, 16))
			churn_sleep_us(churn_random_below(&random, 100000));
	}
	churn_leave(task);
}

void churn_start_forks(void)
{
	for (int i = 0; i < NR_STORMS && churn_has(CHURN_FORK); i++)
		churn_child(storm);
}
