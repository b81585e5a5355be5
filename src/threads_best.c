// SPDX-License-Identifier: GPL-2.0-only
#include "threads_best.h"

/* 2: in a chain a moment ago, 1: of the game, 0: anybody. */
static int tier(const struct arcade_thread *thread, uint64_t now)
{
	if (thread->chain_ns && thread->chain_ns + THREADS_CHAIN_RECENT_NS > now)
		return 2;
	return thread->is_game;
}

/* Return: < 0 if @a matters less than @b, > 0 if more; 0 only for the same thread. */
static int compare(const struct arcade_thread *a, const struct arcade_thread *b, uint64_t now)
{
	int tier_a = tier(a, now), tier_b = tier(b, now);

	if (tier_a != tier_b)
		return tier_a < tier_b ? -1 : 1;
	if (tier_a && a->chain_share != b->chain_share)
		return a->chain_share < b->chain_share ? -1 : 1;
	if (a->run_ns != b->run_ns)
		return a->run_ns < b->run_ns ? -1 : 1;
	return a->pid == b->pid ? 0 : a->pid > b->pid ? -1 : 1;
}

/* Puts @thread where it belongs in a heap of @nr whose first place is free. */
static void sift_down(struct arcade_thread *heap, size_t nr, const struct arcade_thread *thread, uint64_t now)
{
	size_t at = 0, child;

	while ((child = 2 * at + 1) < nr) {
		if (child + 1 < nr && compare(&heap[child + 1], &heap[child], now) < 0)
			child++;
		if (compare(thread, &heap[child], now) <= 0)
			break;
		heap[at] = heap[child];
		at = child;
	}
	heap[at] = *thread;
}

static void sift_up(struct arcade_thread *heap, size_t at, const struct arcade_thread *thread, uint64_t now)
{
	while (at && compare(thread, &heap[(at - 1) / 2], now) < 0) {
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = *thread;
}

void threads_best_add(struct threads_best *best, const struct arcade_thread *thread)
{
	if (best->nr < THREADS_MAX)
		sift_up(best->heap, best->nr++, thread, best->now_ns);
	else if (compare(thread, &best->heap[0], best->now_ns) > 0)
		sift_down(best->heap, THREADS_MAX, thread, best->now_ns);
}

void threads_best_take_least(struct threads_best *best, struct arcade_thread *ret)
{
	struct arcade_thread last;

	*ret = best->heap[0];
	last = best->heap[--best->nr];
	if (best->nr)
		sift_down(best->heap, best->nr, &last, best->now_ns);
}

uint64_t threads_wait_us(const uint16_t waits[ARCADE_HIST_BUCKETS], uint64_t nr, uint32_t permille)
{
	uint64_t rank = (nr * permille + 999) / 1000, seen = 0;
	uint32_t bucket = 0;

	if (!nr)
		return 0;
	while (bucket < ARCADE_HIST_BUCKETS - 1 && (seen += waits[bucket]) < rank)
		bucket++;
	return (1024ULL << bucket) / 1000;
}
