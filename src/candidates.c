// SPDX-License-Identifier: GPL-2.0-only
#include "candidates.h"

/* When a candidate is scored, after its exec. Launchers, runtimes and shaders take their time. */
static const uint64_t stages_ns[] = {
	500 * NSEC_PER_MSEC,
	2 * NSEC_PER_SEC,
	5 * NSEC_PER_SEC,
	15 * NSEC_PER_SEC,
};

#define NR_STAGES ARRAY_SIZE(stages_ns)

/* Who is a game, or shows at least some sign of it that others told us, is looked at now and then. */
#define HELD_NS (30 * NSEC_PER_SEC)

/* Wine's loader takes the name of what it loads when it gets there: on a cold disk that is later than any stage. */
#define LOADING_NS (5 * NSEC_PER_SEC)

void candidates_init(struct candidates *candidates)
{
	memset(candidates, 0, sizeof(*candidates));
	for (size_t i = 0; i < CANDIDATES_BUCKETS; i++)
		candidates->buckets[i] = CANDIDATES_NONE;
	for (size_t i = 0; i < GAMES_CANDIDATES_MAX; i++) {
		candidates->all[i].pidfd = -1;
		candidates->all[i].next = i + 1 < GAMES_CANDIDATES_MAX ? (uint16_t)(i + 1) : CANDIDATES_NONE;
	}
}

void candidates_deinit(struct candidates *candidates)
{
	for (size_t i = 0; i < GAMES_CANDIDATES_MAX; i++) {
		candidates->all[i].pidfd = close_fd(candidates->all[i].pidfd);
		free(candidates->all[i].identity);
		candidates->all[i].identity = NULL;
	}
}

static uint16_t *bucket_of(struct candidates *candidates, pid_t pid)
{
	return &candidates->buckets[(uint32_t)pid % CANDIDATES_BUCKETS];
}

struct candidate *candidates_find(struct candidates *candidates, pid_t pid)
{
	for (uint16_t i = *bucket_of(candidates, pid); i != CANDIDATES_NONE; i = candidates->all[i].next)
		if (candidates->all[i].id.pid == pid)
			return &candidates->all[i];
	return NULL;
}

void candidates_drop(struct candidates *candidates, struct candidate *candidate)
{
	uint16_t index = (uint16_t)(candidate - candidates->all), *link = bucket_of(candidates, candidate->id.pid);

	while (*link != index)
		link = &candidates->all[*link].next;
	*link = candidate->next;
	close_fd(candidate->pidfd);
	free(candidate->identity);
	memset(candidate, 0, sizeof(*candidate));
	candidate->pidfd = -1;
	candidate->next = candidates->free;
	candidates->free = index;
	candidates->nr--;
}

static struct candidate *add(struct candidates *candidates, const struct proc_id *id)
{
	uint16_t *bucket = bucket_of(candidates, id->pid);
	struct candidate *candidate;

	if (candidates->free == CANDIDATES_NONE) {
		candidates->nr_dropped++;
		return NULL;
	}
	candidate = &candidates->all[candidates->free];
	candidates->free = candidate->next;
	*candidate = (struct candidate){ .id = *id, .pidfd = -1, .next = *bucket, .due_ns = CANDIDATES_NEVER };
	*bucket = (uint16_t)(candidate - candidates->all);
	candidates->nr++;
	return candidate;
}

struct candidate *candidates_find_or_add(struct candidates *candidates, const struct proc_id *id)
{
	struct candidate *candidate = candidates_find(candidates, id->pid);

	if (candidate && candidate->id.start_ticks && id->start_ticks &&
	    candidate->id.start_ticks != id->start_ticks) {
		/* The end of a game that is in front is told by its pidfd. */
		candidates_drop(candidates, candidate);
		candidate = NULL;
	}
	if (!candidate)
		return add(candidates, id);
	if (id->start_ticks)
		candidate->id.start_ticks = id->start_ticks;
	return candidate;
}

uint64_t candidate_begin(struct candidate *candidate, uint64_t now)
{
	candidate->base_ns = now;
	candidate->stage = 0;
	return now + stages_ns[0];
}

void candidate_begin_at_age(struct candidate *candidate, uint64_t age_ns, uint64_t now)
{
	candidate->base_ns = age_ns < now ? now - age_ns : 0;
	for (candidate->stage = 0; candidate->stage < NR_STAGES && stages_ns[candidate->stage] <= age_ns;)
		candidate->stage++;
}

uint64_t candidate_next_look(struct candidate *candidate, uint64_t now)
{
	while (candidate->stage < NR_STAGES && candidate->base_ns + stages_ns[candidate->stage] <= now)
		candidate->stage++;
	if (candidate->stage < NR_STAGES)
		return candidate->base_ns + stages_ns[candidate->stage];
	if (candidate->loading)
		return now + LOADING_NS;
	if (candidate->is_game || candidate->gpu || candidate->gamemode || candidate->focused)
		return now + HELD_NS;
	return CANDIDATES_NEVER;
}
